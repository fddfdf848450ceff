//! Tools of MongoDB that hang: ended by a deadline on progress.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bookend::archive::Archive;
use bookend::connection::{Environment, Target};
use bookend::engine::mongodb::Mongodb;
use bookend::engine::{Context, DumpRequest, Engine, Ledger, MadeDatabase, RestoreRequest};
use bookend::process::ToolBox;
use bookend::progress::Silent;
use bookend::snapshot::{SeamError, Sink, StreamId, StreamWriter};
use bson::doc;
use common::mongo::{commands, mongo_tools};
use common::{Bookend, Deployment, Mongo};
use tokio_util::sync::CancellationToken;

struct Nowhere;

#[async_trait]
impl Sink for Nowhere {
    async fn member(&self, _: &str, _: Vec<u8>) -> Result<(), SeamError> {
        Ok(())
    }
    fn stream(&self, _: StreamId) -> Box<dyn StreamWriter> {
        Box::new(Self)
    }
}

#[async_trait]
impl StreamWriter for Nowhere {
    fn push(&mut self, _: &[u8]) -> Result<bool, SeamError> {
        Ok(false)
    }
    async fn drain(&mut self) -> Result<(), SeamError> {
        Ok(())
    }
    async fn finish(self: Box<Self>) -> Result<(), SeamError> {
        Ok(())
    }
}

impl Ledger for Nowhere {
    fn announce(&self, _: &MadeDatabase) -> std::io::Result<()> {
        Ok(())
    }
    fn settle(&self, _: &str, _: &str) -> std::io::Result<()> {
        Ok(())
    }
}

fn context(tools: std::path::PathBuf, cancel: &CancellationToken) -> Context {
    Context {
        tools: ToolBox::new(vec![tools]),
        jobs: 2,
        lock_timeout: Duration::from_secs(1),
        run: "test".to_owned(),
        progress: Arc::new(Silent),
        cancel: cancel.clone(),
        ledger: Arc::new(Nowhere),
    }
}

/// A tool that tells its process id and then does this, in a folder of its own.
fn tool(name: &str, does: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo {name} version: 100.7.0; exit; fi\n\
         echo $$ >'{}'; trap '' TERM; {does}\n",
        folder.path().join("pid").display()
    );
    std::fs::write(&path, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&path, mode).unwrap();
    folder
}

/// Whether the tool of this folder still runs.
fn runs(folder: &std::path::Path) -> bool {
    let pid = std::fs::read_to_string(folder.join("pid")).unwrap();
    std::path::Path::new("/proc").join(pid.trim()).exists()
}

/// With more patience than this the dump is cancelled as soon as the tool runs.
const LONG: Duration = Duration::from_secs(600);

/// What a dump with a tool that hangs ends with.
fn hanging(does: &str, patience: Duration, cancel: &CancellationToken) -> (String, bool) {
    let server = Mongo::shared(Deployment::Standalone);
    server.with(|client| async move {
        commands(
            &client,
            "hanging",
            vec![doc! { "insert": "c", "documents": [{}] }],
        )
        .await;
    });
    let folder = tool("mongodump", does);
    let (pid, later) = (folder.path().join("pid"), cancel.clone());
    if patience > LONG {
        std::thread::spawn(move || {
            while !pid.exists() {
                std::thread::sleep(Duration::from_millis(20));
            }
            later.cancel();
        });
    }
    let target = Target::parse(&server.url("hanging"), &Environment::empty()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let context = context(folder.path().to_owned(), cancel);
    let request = DumpRequest::default();
    let engine = Mongodb { patience };
    let dump = engine.dump(&context, &target, &request, Arc::new(Nowhere));
    let error = runtime.block_on(dump).unwrap_err().to_string();
    (error, runs(folder.path()))
}

/// What restoring so many documents with a tool that hangs ends with.
fn hanging_restore(documents: i32, does: &str) -> (String, bool) {
    let server = Mongo::shared(Deployment::Standalone);
    let name = format!("restoring{documents}");
    server.with(|client| async move {
        let all = (0..documents).map(|n| doc! { "_id": n, "pad": "x".repeat(1000) });
        let filled = client.database(&name).collection::<bson::Document>("c");
        filled.insert_many(all).await.unwrap();
    });
    let url = server.url(&format!("restoring{documents}"));
    let program = Bookend::new().path(&[mongo_tools(), "/usr/bin".into(), "/bin".into()]);
    program.succeed(&["backup", &url]);
    let archive = Archive::open(&program.archives()[0]).unwrap();
    let folder = tool("mongorestore", does);
    let on = Target::parse(&url, &Environment::empty()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let context = context(folder.path().to_owned(), &CancellationToken::new());
    let request = RestoreRequest::default();
    let engine = Mongodb {
        patience: Duration::from_millis(200),
    };
    let restore = engine.restore(&context, Arc::new(archive), &on, &request);
    let error = runtime.block_on(restore).unwrap_err().to_string();
    let copies = format!("restoring{documents}_bookend_");
    let copy = |name: &String| name.starts_with(&copies);
    assert!(!server.databases().iter().any(copy), "a copy is left");
    (error, runs(folder.path()))
}

const FOR_EVER: &str = "while :; do sleep 1; done";

#[test]
fn a_tool_that_moves_no_byte_is_ended() {
    let begun = Instant::now();
    let nothing = CancellationToken::new();
    let (error, runs) = hanging(FOR_EVER, Duration::from_secs(1), &nothing);
    assert_eq!(error, "mongodump did nothing for 1 s and was ended");
    assert!(!runs, "the tool still runs");
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_tool_that_closes_its_pipe_and_stays_is_ended() {
    let does = format!("exec >&-; {FOR_EVER}");
    let (error, runs) = hanging(&does, Duration::from_secs(1), &CancellationToken::new());
    assert!(error.starts_with("mongodump"), "{error}");
    assert!(!runs, "the tool still runs");
}

#[test]
fn a_tool_that_takes_no_byte_is_ended() {
    // More than fits into the pipe.
    let (error, runs) = hanging_restore(2000, FOR_EVER);
    assert_eq!(error, "mongorestore did nothing for 0 s and was ended");
    assert!(!runs, "the tool still runs");
}

#[test]
fn a_tool_that_takes_everything_and_never_ends_is_ended() {
    let (error, runs) = hanging_restore(10, &format!("cat >/dev/null; {FOR_EVER}"));
    assert_eq!(error, "mongorestore did nothing for 2 s and was ended");
    assert!(!runs, "the tool still runs");
}

#[test]
fn a_cancelled_dump_leaves_nothing_running() {
    let cancel = CancellationToken::new();
    let (error, runs) = hanging(FOR_EVER, LONG * 2, &cancel);
    assert_eq!(error, "interrupted");
    assert!(!runs, "the tool still runs");
}
