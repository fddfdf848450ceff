//! What can be done about a run that its process has left, and after a run's end.

use super::super::outcome::Outcome;
use super::super::state::{Course, Phase, Stage, State, Then};
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
        | Stage::Rollback(_) => here.clone(),
    };
    Some(waiting(course, here))
}

/// Another process gives up: what was stopped is started again, and the run ends as what it
/// has come to. In a rollback, whoever gives up has undone it first.
pub(super) fn aborted(state: &State) -> Option<State> {
    let State::Under(course, here, phase) = state else {
        return None;
    };
    let outcome = come_to(course, here, *phase);
    Some(match here {
        Stage::Unquiesce(_) => waiting(course, Stage::Unquiesce(Then::End(outcome))),
        _ => close(course, outcome),
    })
}

/// What a run is if nothing more is done about its migration.
fn come_to(course: &Course, here: &Stage, phase: Phase) -> Outcome {
    match here {
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
        Stage::Unquiesce(Then::End(outcome)) | Stage::Rollback(outcome) => *outcome,
        Stage::Unquiesce(Then::Compare) | Stage::Compare(_) | Stage::Bundle => completed(course),
    }
}

/// A run that may have changed its targets can be rolled back: once it has ended, or been left.
pub(super) fn rollback_asked(state: &State) -> Option<State> {
    let (course, from) = match state {
        State::New => return None,
        State::Ended(course, outcome) => (course, *outcome),
        State::Under(course, here, phase) => (course, come_to(course, here, *phase)),
    };
    let quiesced = course.quiesced
        || matches!(state, State::Under(_, Stage::Unquiesce(_), _)) && course.terms.unquiesce;
    let course = Course {
        asked: true,
        quiesced,
        ..course.clone()
    };
    from.touched()
        .then(|| waiting(&course, Stage::Rollback(from)))
}
