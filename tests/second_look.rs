//! A read that takes over what the server's own record shows to be untouched comes to the same
//! as one that reads everything, whatever was done in between; and it spares the reading where
//! nothing was.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;
#[path = "second_look/mongodb.rs"]
mod mongodb;
#[path = "second_look/postgresql.rs"]
mod postgresql;

use std::sync::Arc;

use bookend::connection::{Environment, Target};
use bookend::operation::{Workspace, read};
use bookend::snapshot::{Object, Snapshot};
use common::workspace;

fn target(url: &str) -> Target {
    Target::parse(url, &Environment::empty()).unwrap()
}

async fn first(ws: &Workspace, on: &Target) -> Arc<Snapshot> {
    let snapshot = read(ws, on, false, None).await.unwrap();
    assert_eq!(snapshot.record.untouched, None);
    Arc::new(snapshot)
}

/// How many objects a second read takes over; it must come to the same as a whole one.
async fn spared(ws: &Workspace, on: &Target, before: &Arc<Snapshot>, what: &str) -> u64 {
    let second = read(ws, on, false, Some(before)).await.unwrap();
    let whole = read(ws, on, false, None).await.unwrap();
    for (second, whole) in second.objects.iter().zip(&whole.objects) {
        assert_eq!(comparable(second), comparable(whole), "{what}");
    }
    assert_eq!(second.objects.len(), whole.objects.len(), "{what}");
    assert_eq!(second.consistent, Some(true), "{what}");
    second
        .record
        .untouched
        .map_or(0, |untouched| untouched.objects)
}

/// All but the size on the disk, which the server may change by itself.
fn comparable(object: &Object) -> Object {
    Object {
        bytes: 0,
        ..object.clone()
    }
}
