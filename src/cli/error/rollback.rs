//! What went wrong while the state before was put back.

use super::super::failure::{Exit, Failure};
use super::failure_of;
use crate::operation::OperationError;

/// Differences that are told one by one.
const TOLD: usize = 10;

pub(super) fn failure(error: &OperationError) -> Failure {
    match error {
        OperationError::NotTheSame {
            archive,
            differences,
        } => Failure::of(Exit::Different, "different", error)
            .because(["the copy was dropped; nothing was swapped"])
            .because(differences.iter().take(TOLD).map(|one| {
                format!(
                    "{}: {}: expected {}, found {}",
                    one.object, one.kind, one.expected, one.found
                )
            }))
            .hint(format!("look again: bookend verify --prove {archive}")),
        OperationError::NotExported { source, .. } => {
            let inner = failure_of(source);
            Failure::new(Exit::Refused, "not-exported", error.to_string())
                .because(std::iter::once(inner.message).chain(inner.causes))
                .hint(
                    "nothing was swapped; to go without the export (what was written stays in the kept database only): --discard-writes",
                )
        }
        OperationError::StillHeld {
            database, after, ..
        } => Failure::of(Exit::Failed, "still-held", error)
            .because([format!("before that: {after}")])
            .hint(format!(
                "run the rollback again, which lifts it first; by hand: ALTER DATABASE \"{database}\" ALLOW_CONNECTIONS true"
            )),
        OperationError::HalfWay { source, .. } => {
            let inner = failure_of(source);
            Failure::new(inner.exit, "half-way", error.to_string())
                .because(std::iter::once(inner.message).chain(inner.causes))
                .hint("run the rollback again: it goes on with the others")
        }
        other => Failure::of(Exit::Failed, "diary", other)
            .hint("make room in the store, then run the rollback again"),
    }
}
