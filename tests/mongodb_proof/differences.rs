//! The proof can fail: one difference at a time is made in a restored copy, and each is found
//! and named.

use bookend::engine::Discrepancy;

use crate::cases::{self, Case};
use crate::common::mongo::commands;
use crate::common::{Deployment, Mongo};
use crate::provable;
use crate::restored::Restoring;

/// Differences as a report shows them, one a line.
fn shown(differences: &[Discrepancy]) -> String {
    let line = |d: &Discrepancy| {
        format!(
            "  {} · {}: expected {}, found {}\n",
            d.object, d.kind, d.expected, d.found
        )
    };
    differences.iter().map(line).collect()
}

/// What is wrong with what was found for a case, if anything is.
fn judged(case: &Case, found: &[Discrepancy]) -> Option<String> {
    let mut left: Vec<&Discrepancy> = found.iter().collect();
    let mut wanting = Vec::new();
    for (object, kind, before, after) in case.wanted {
        let fits = |d: &&Discrepancy| {
            d.object == *object
                && d.kind == *kind
                && d.expected.contains(before)
                && d.found.contains(after)
        };
        match left.iter().position(fits) {
            Some(at) => drop(left.remove(at)),
            None => wanting.push(format!("  {object} · {kind}: {before} … {after}\n")),
        }
    }
    (!wanting.is_empty() || !left.is_empty()).then(|| {
        let (what, found) = (case.what, shown(found));
        format!("{what}\n found\n{found} wanted\n{}", wanting.concat())
    })
}

#[test]
fn every_difference_is_found_and_named() {
    let server = Mongo::shared(Deployment::Standalone);
    let url = server.url("provable");
    let wrong = server.with(|client| async move {
        commands(&client, "provable", provable::commands()).await;
        let restoring = Restoring::of(&url, &url).await;
        let mut wrong = Vec::new();
        for case in cases::all() {
            let copy = restoring.copy(None).await;
            commands(&client, &copy.name, case.commands.clone()).await;
            wrong.extend(judged(&case, &restoring.compare(&copy).await.differences));
            restoring.discard(copy).await;
        }
        let untouched = restoring.copy(None).await;
        assert_eq!(shown(&restoring.compare(&untouched).await.differences), "");
        restoring.discard(untouched).await;
        client.database("provable").drop().await.unwrap();
        wrong
    });
    assert!(
        wrong.is_empty(),
        "{} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
