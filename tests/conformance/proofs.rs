//! The proof says identical of what is, and different of what is not.

use std::sync::Arc;
use std::time::Duration;

use bookend::archive::Archive;
use bookend::connection::{Environment, Target};
use bookend::engine::{Context, Discrepancy, Ledger, MadeDatabase, RestoreRequest, for_kind};
use bookend::process::ToolBox;
use bookend::progress::Silent;
use bookend::snapshot::Source;
use tokio_util::sync::CancellationToken;

use crate::harness::{Change, Harness, Shop};

pub fn a_proof_is_kept_and_leaves_no_copy(harness: &dyn Harness) {
    let shop = Shop::of(harness);
    let taken = shop.backed_up(&["--prove"]);
    assert_eq!(taken["proof"], "identical", "{taken}");
    let listed = || shop.bookend.succeed(&["--json", "list"]).json();
    assert_eq!(listed()["archives"][0]["proof"], "identical");
    let on = shop.url();
    let arguments = ["--json", "verify", "latest", "--prove", "--prove-on", &on];
    let proven = shop.bookend.succeed(&arguments).json();
    assert_eq!(proven["verdict"], "identical", "{proven}");
    assert_eq!(proven["differences"], serde_json::json!([]));
    shop.is_tidy();
}

/// Copies are dropped by the test.
struct NoLedger;

impl Ledger for NoLedger {
    fn announce(&self, _database: &MadeDatabase) -> std::io::Result<()> {
        Ok(())
    }

    fn settle(&self, _name: &str, _outcome: &str) -> std::io::Result<()> {
        Ok(())
    }
}

pub fn every_change_of_a_copy_is_found(harness: &dyn Harness) {
    let shop = Shop::of(harness);
    let path = shop.path(&shop.backed_up(&[]));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for change in [None].into_iter().chain(Change::ALL.map(Some)) {
        let found = found_after(harness, &shop, &path, &runtime, change);
        let objects: Vec<&str> = found.iter().map(|one| one.object.as_str()).collect();
        let wanted = match change {
            None => {
                assert_eq!(objects, Vec::<&str>::new(), "{found:?}");
                continue;
            }
            Some(Change::Index) => "orders",
            Some(Change::Object) => "extra",
            Some(_) => "customers",
        };
        let named = |object: &&str| object.contains(wanted) || *object == "extra";
        assert!(objects.iter().any(named), "{change:?}: {found:#?}");
    }
}

/// What the proof finds in a copy to which something was done.
fn found_after(
    harness: &dyn Harness,
    shop: &Shop<'_>,
    path: &std::path::Path,
    runtime: &tokio::runtime::Runtime,
    change: Option<Change>,
) -> Vec<Discrepancy> {
    let context = Context {
        tools: ToolBox::new(harness.tools()),
        jobs: 2,
        lock_timeout: Duration::from_secs(20),
        run: "test".to_owned(),
        progress: Arc::new(Silent),
        cancel: CancellationToken::new(),
        ledger: Arc::new(NoLedger),
    };
    let engine = for_kind(harness.kind()).unwrap();
    let on = Target::parse(&shop.url(), &Environment::default()).unwrap();
    let archive: Arc<dyn Source> = Arc::new(Archive::open(path).unwrap());
    let request = RestoreRequest::default();
    let restored = engine.restore(&context, Arc::clone(&archive), &on, &request);
    let copy = runtime.block_on(restored).unwrap();
    if let Some(change) = change {
        harness.change(&copy.name, change);
    }
    let compared = runtime.block_on(engine.compare(&context, archive, &copy));
    runtime.block_on(engine.discard(&context, copy)).unwrap();
    compared.unwrap().differences
}
