//! The operations on an engine in memory: what is left behind when something goes wrong.

use std::path::PathBuf;

use super::fake::{Bench, Fake, Fault, shop};
use super::{
    BackupRequest, Depth, OperationError, Place, RestoreOptions, UNKNOWN_SPACE_LIMIT, Verdict,
    backup, copies, discard, drop_copy, prove, restore, verify,
};
use crate::engine::{Discrepancy, EngineError};

async fn archive(bench: &Bench) -> PathBuf {
    let taken = backup(&bench.ws, &shop(), &BackupRequest::default()).await;
    taken.unwrap().path
}

fn one_difference() -> Vec<Discrepancy> {
    vec![Discrepancy {
        object: "public.orders".to_owned(),
        kind: "rows".to_owned(),
        expected: "12".to_owned(),
        found: "11".to_owned(),
    }]
}

fn same_server() -> Place {
    Place::SameServer(shop())
}

#[tokio::test]
async fn a_backup_is_published_with_its_kit_and_says_its_notes() {
    let bench = Bench::new(Fake::default());
    let taken = backup(&bench.ws, &shop(), &BackupRequest::default())
        .await
        .unwrap();
    assert!(taken.path.ends_with(format!("{}.tar", taken.id)));
    assert!(taken.id.starts_with("shop-"));
    assert_eq!(taken.consistent, Some(true));
    assert_eq!(
        taken.notes,
        [
            "statistics are gathered anew",
            "the archive holds a secret of the schema's own: subscription s"
        ]
    );
    let opened = super::open(&taken.path).await.unwrap();
    let names: Vec<&str> = opened
        .manifest()
        .members
        .iter()
        .map(|member| member.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["bookend.json", "toc.dump", "RESTORE.md", "restore.sh"]
    );
    let verified = verify(&bench.ws, &taken.path, Depth::Rows).await.unwrap();
    assert_eq!(verified.verdict, Verdict::Intact);
}

#[tokio::test]
async fn a_failed_backup_leaves_nothing_that_looks_like_one() {
    let bench = Bench::new(Fake::failing(&[Fault::Dump]));
    let failed = backup(&bench.ws, &shop(), &BackupRequest::default()).await;
    assert!(matches!(
        failed,
        Err(OperationError::Engine(EngineError::Restore { .. }))
    ));
    let listing = bench.ws.store.list().unwrap();
    assert!(listing.archives.is_empty() && listing.broken.is_empty());
}

#[tokio::test]
async fn a_cancelled_backup_is_not_published() {
    let bench = Bench::new(Fake::default());
    bench.fake.signal.cancel();
    let failed = backup(&bench.ws, &shop(), &BackupRequest::default()).await;
    assert!(matches!(failed, Err(OperationError::Cancelled)));
    assert!(bench.ws.store.list().unwrap().archives.is_empty());
}

#[tokio::test]
async fn what_an_engine_cannot_do_is_refused_before_it_is_asked() {
    let bench = Bench::new(Fake::default());
    let request = BackupRequest {
        schema_only: true,
        ..BackupRequest::default()
    };
    let failed = backup(&bench.ws, &shop(), &request).await;
    assert!(matches!(failed, Err(OperationError::NotCapable { .. })));
    assert!(bench.fake.called().is_empty());
}

#[tokio::test]
async fn a_proof_hands_its_copy_back_and_keeps_a_receipt() {
    let bench = Bench::new(Fake::default());
    let archive = archive(&bench).await;
    let proof = prove(&bench.ws, &archive, &same_server()).await.unwrap();
    assert_eq!(proof.verdict, Verdict::Identical);
    assert!(bench.fake.names().contains(&proof.copy.name));
    assert_eq!(bench.unsettled(), std::slice::from_ref(&proof.copy.name));
    let kept = bench.ws.store.receipt(&archive).unwrap().unwrap();
    assert!(kept.differences.is_empty());
    discard(&bench.ws, bench.fake.as_ref(), proof.copy)
        .await
        .unwrap();
    assert_eq!(bench.fake.names(), ["shop"]);
    assert!(bench.unsettled().is_empty());
}

#[tokio::test]
async fn a_proof_that_differs_is_a_verdict_and_its_receipt_says_so() {
    let bench = Bench::new(Fake::default());
    let archive = archive(&bench).await;
    *bench.fake.differences.lock().unwrap() = one_difference();
    let proof = prove(&bench.ws, &archive, &same_server()).await.unwrap();
    assert_eq!(proof.verdict, Verdict::Different);
    let kept = bench.ws.store.receipt(&archive).unwrap().unwrap();
    assert_eq!(kept.differences, one_difference());
}

#[tokio::test]
async fn a_proof_that_cannot_be_finished_drops_its_copy() {
    let bench = Bench::new(Fake::failing(&[Fault::Compare]));
    let archive = archive(&bench).await;
    let failed = prove(&bench.ws, &archive, &same_server()).await;
    assert!(matches!(
        failed,
        Err(OperationError::Engine(EngineError::Restore { .. }))
    ));
    assert_eq!(bench.fake.names(), ["shop"]);
    assert!(bench.ws.store.receipt(&archive).unwrap().is_none());
}

#[tokio::test]
async fn after_a_signal_the_copy_is_dropped_all_the_same() {
    let bench = Bench::new(Fake::failing(&[Fault::SignalInCompare]));
    let archive = archive(&bench).await;
    let failed = prove(&bench.ws, &archive, &same_server()).await;
    assert!(matches!(
        failed,
        Err(OperationError::Engine(EngineError::Cancelled))
    ));
    assert_eq!(bench.fake.names(), ["shop"]);
    assert!(bench.unsettled().is_empty());
}

#[tokio::test]
async fn a_copy_that_cannot_be_dropped_is_named() {
    let bench = Bench::new(Fake::failing(&[Fault::Compare, Fault::Discard]));
    let archive = archive(&bench).await;
    let failed = prove(&bench.ws, &archive, &same_server()).await;
    let Err(OperationError::CopyLeft { name, after, .. }) = failed else {
        panic!("{failed:?}");
    };
    assert_eq!(after.as_deref(), Some("the copy could not be read"));
    assert_eq!(bench.unsettled(), [name]);
}

#[tokio::test]
async fn a_large_copy_goes_to_the_same_server_only_if_it_fits_or_was_asked_for() {
    let bench = Bench::new(Fake {
        bytes: UNKNOWN_SPACE_LIMIT + 1,
        ..Fake::default()
    });
    let archive = archive(&bench).await;
    let refused = prove(&bench.ws, &archive, &same_server()).await;
    assert!(matches!(refused, Err(OperationError::SpaceUnknown { .. })));
    assert!(!bench.fake.called().contains(&"restore".to_owned()));
    let asked = prove(&bench.ws, &archive, &Place::Other(shop())).await;
    assert!(asked.is_ok());
}

#[test]
fn room_is_judged_by_what_is_known() {
    let other = Place::Other(shop());
    assert!(same_server().room_for(UNKNOWN_SPACE_LIMIT, None).is_ok());
    assert!(
        same_server()
            .room_for(UNKNOWN_SPACE_LIMIT + 1, None)
            .is_err()
    );
    assert!(
        same_server()
            .room_for(UNKNOWN_SPACE_LIMIT + 1, Some(u64::MAX))
            .is_ok()
    );
    assert!(other.room_for(UNKNOWN_SPACE_LIMIT + 1, None).is_ok());
    assert!(matches!(
        other.room_for(10, Some(9)),
        Err(OperationError::SpaceShort {
            bytes: 10,
            free: 9,
            ..
        })
    ));
}

#[tokio::test]
async fn a_restore_is_compared_and_then_published() {
    let bench = Bench::new(Fake::default());
    let archive = archive(&bench).await;
    let options = RestoreOptions::default();
    let restored = restore(&bench.ws, &archive, &shop(), "shop_2", &options)
        .await
        .unwrap();
    assert_eq!(restored.verdict, Some(Verdict::Identical));
    assert_eq!(restored.database.as_deref(), Some("shop_2"));
    assert_eq!(bench.fake.names(), ["shop", "shop_2"]);
    assert_eq!(
        bench.fake.called(),
        ["dump", "restore", "compare", "publish"]
    );
    assert!(bench.unsettled().is_empty());
}

#[tokio::test]
async fn a_copy_that_differs_is_dropped_and_never_published() {
    let bench = Bench::new(Fake::default());
    let archive = archive(&bench).await;
    *bench.fake.differences.lock().unwrap() = one_difference();
    let options = RestoreOptions::default();
    let restored = restore(&bench.ws, &archive, &shop(), "shop_2", &options)
        .await
        .unwrap();
    assert_eq!(restored.verdict, Some(Verdict::Different));
    assert_eq!(restored.differences, one_difference());
    assert_eq!((restored.database, restored.url), (None, None));
    assert_eq!(bench.fake.names(), ["shop"]);
    assert_eq!(
        bench.fake.called(),
        ["dump", "restore", "compare", "discard"]
    );
}

#[tokio::test]
async fn without_a_proof_there_is_no_verdict() {
    let bench = Bench::new(Fake::default());
    let archive = archive(&bench).await;
    let options = RestoreOptions {
        no_proof: Some("drill".to_owned()),
        ..RestoreOptions::default()
    };
    let restored = restore(&bench.ws, &archive, &shop(), "shop_2", &options)
        .await
        .unwrap();
    assert_eq!(restored.verdict, None);
    assert_eq!(bench.fake.called(), ["dump", "restore", "publish"]);
}

#[tokio::test]
async fn a_taken_name_is_refused_and_nothing_is_touched() {
    let bench = Bench::new(Fake::default());
    let archive = archive(&bench).await;
    let options = RestoreOptions::default();
    let refused = restore(&bench.ws, &archive, &shop(), "shop", &options).await;
    assert!(matches!(
        refused,
        Err(OperationError::Engine(EngineError::NameTaken { .. }))
    ));
    assert_eq!(bench.fake.names(), ["shop"]);
}

#[tokio::test]
async fn a_name_that_is_taken_meanwhile_costs_the_copy_only() {
    let bench = Bench::new(Fake::failing(&[Fault::Publish]));
    let archive = archive(&bench).await;
    let options = RestoreOptions::default();
    let refused = restore(&bench.ws, &archive, &shop(), "shop_2", &options).await;
    assert!(matches!(
        refused,
        Err(OperationError::Engine(EngineError::NameTaken { .. }))
    ));
    assert_eq!(bench.fake.names(), ["shop"]);
    assert!(bench.unsettled().is_empty());
}

#[tokio::test]
async fn a_database_that_a_crash_left_announced_is_listed_and_can_be_dropped() {
    let mut bench = Bench::new(Fake::failing(&[Fault::DieAnnounced]));
    let archive = archive(&bench).await;
    assert!(prove(&bench.ws, &archive, &same_server()).await.is_err());
    let known = copies(&bench.ws, &shop()).await.unwrap();
    assert!(known.marked.is_empty());
    bench.after_a_crash();
    let [announced] = known.announced.as_slice() else {
        panic!("{known:?}");
    };
    drop_copy(&bench.ws, &shop(), &announced.name)
        .await
        .unwrap();
    assert!(bench.fake.called().contains(&"drop_announced".to_owned()));
    assert!(bench.unsettled().is_empty());
}

#[tokio::test]
async fn only_what_bookend_made_is_dropped() {
    let bench = Bench::new(Fake::default());
    let refused = drop_copy(&bench.ws, &shop(), "shop").await;
    assert!(matches!(
        refused,
        Err(OperationError::Engine(EngineError::NotOurs { .. }))
    ));
    assert_eq!(bench.fake.names(), ["shop"]);
}
