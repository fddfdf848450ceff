//! The proof can fail: one difference at a time is made in a restored copy, and each is found
//! and named. And it raises no false alarm: untouched copies are identical.

#[path = "proof/alarms.rs"]
mod alarms;
#[path = "proof/cases.rs"]
mod cases;
mod common;
#[path = "proof/restored.rs"]
mod restored;

use bookend::engine::{Discrepancy, RestoreRequest};
use cases::{CASES, Case};
use common::{Server, Version};
use restored::{Restored, loaded, shown};

/// What is wrong with what was found for a case, if anything is.
fn judged(Case(sql, expected): &Case, found: &[Discrepancy]) -> Option<String> {
    let mut left: Vec<&Discrepancy> = found.iter().collect();
    let mut wanting = Vec::new();
    for (object, kind, before, after) in *expected {
        let fits = |d: &&Discrepancy| {
            d.object == *object
                && d.kind == *kind
                && d.expected.contains(before)
                && d.found.contains(after)
        };
        match left.iter().position(fits) {
            Some(at) => {
                left.remove(at);
            }
            None => wanting.push(format!("  {object} · {kind}: {before} … {after}\n")),
        }
    }
    (!wanting.is_empty() || !left.is_empty()).then(|| {
        format!(
            "after {sql}\n found\n{} wanted\n{}",
            shown(found),
            wanting.concat()
        )
    })
}

async fn every_difference_is_found(version: Version) {
    let server = Server::shared(version);
    let database = loaded(server, "provable.sql");
    let restored = Restored::of(&database, &RestoreRequest::default()).await;
    assert_eq!(shown(&restored.differences(&restored.copy).await), "");
    let mut wrong = Vec::new();
    for case in CASES {
        let found = restored.differences_after(server, case.0).await;
        wrong.extend(judged(case, &found));
    }
    restored.discard().await;
    assert!(
        wrong.is_empty(),
        "{} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_difference_is_found_and_named_by_16() {
    every_difference_is_found(Version::V16).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_difference_is_found_and_named_by_18() {
    every_difference_is_found(Version::V18).await;
}
