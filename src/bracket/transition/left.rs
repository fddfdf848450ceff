//! What can be done about a run that its process has left, and after a run's end.

use super::super::outcome::Outcome;
use super::super::state::{Phase, Stage, State, Then};
use super::{close, completed, conclude, rehearses, waiting};

/// Another process goes on. Steps before the migration are done again from their beginning; a
/// migration that was under way is unknown, and never run again.
pub(super) fn resumed(state: &State) -> Option<State> {
    let State::Under(course, here, phase) = state else {
        return None;
    };
    let here = match here {
        Stage::Preflight(_) => Stage::Preflight(0),
        Stage::Before(_) => Stage::Before(0),
        // The rehearsal needs copies that nobody has touched, and those left are dropped.
        Stage::Proof(_) | Stage::Rehearsal(_) if rehearses(course) => Stage::Proof(Vec::new()),
        Stage::Migration(cleared) => match phase {
            // Time has passed since somebody looked.
            Phase::Waiting => Stage::Gap(cleared.clone()),
            Phase::UnderWay => return Some(conclude(course, Outcome::MigrationUnknown)),
        },
        Stage::RollbackProof(from, _) => Stage::RollbackProof(*from, 0),
        Stage::Proof(_)
        | Stage::Rehearsal(_)
        | Stage::Pause(_)
        | Stage::Quiesce(_)
        | Stage::Gap(_)
        | Stage::Check
        | Stage::After(_)
        | Stage::Unquiesce(_)
        | Stage::Compare(_)
        | Stage::Bundle
        | Stage::RollbackSwap(..) => here.clone(),
    };
    Some(waiting(course, here))
}

/// Another process gives up: what was stopped is started again, and the run ends as what it
/// has come to.
pub(super) fn aborted(state: &State) -> Option<State> {
    let State::Under(course, here, phase) = state else {
        return None;
    };
    let outcome = match here {
        Stage::Preflight(_)
        | Stage::Before(_)
        | Stage::Proof(_)
        | Stage::Rehearsal(_)
        | Stage::Pause(_)
        | Stage::Quiesce(_)
        | Stage::Gap(_) => Outcome::Aborted,
        Stage::Migration(_) => match phase {
            Phase::Waiting => Outcome::Aborted,
            Phase::UnderWay => Outcome::MigrationUnknown,
        },
        Stage::Check if course.terms.check => Outcome::CheckFailed,
        Stage::Check | Stage::After(_) => Outcome::CompletedWithoutAfter,
        Stage::Unquiesce(then) => {
            let outcome = match then {
                Then::Compare => completed(course),
                Then::End(outcome) => *outcome,
            };
            return Some(waiting(course, Stage::Unquiesce(Then::End(outcome))));
        }
        Stage::Compare(_) | Stage::Bundle => completed(course),
        Stage::RollbackProof(from, _) | Stage::RollbackSwap(from, 0) => *from,
        // Some targets are swapped, others not: that is no state to leave them in.
        Stage::RollbackSwap(..) => return None,
    };
    Some(close(course, outcome))
}

/// A run that may have changed its targets can be rolled back, once.
pub(super) fn rollback_asked(state: &State) -> Option<State> {
    match state {
        State::Ended(course, outcome) if outcome.touched() => {
            Some(waiting(course, Stage::RollbackProof(*outcome, 0)))
        }
        State::New | State::Under(..) | State::Ended(..) => None,
    }
}
