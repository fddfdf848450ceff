//! What the end of a step leads to.

use super::super::event::{
    Answer, CommandEnd, Done, Matched, Proven, PutBack, Rehearsed, Seen, Stop,
};
use super::super::outcome::Outcome;
use super::super::state::{Clearance, Cleared, Course, Phase, Stage, State, Then};
use super::{agreed, clear, close, completed, conclude, each, rehearsed, waiting};

/// A step came to its own end.
pub(super) fn done(state: &State, done: &Done) -> Option<State> {
    let State::Under(course, here, Phase::UnderWay) = state else {
        return None;
    };
    Some(match (here, done) {
        (Stage::Preflight(n), Done::Preflight) => each(course, *n, Stage::Preflight, || {
            waiting(course, Stage::Before(0))
        }),
        (Stage::Before(n), Done::Before { consistent }) => backed(course, *n, *consistent),
        (Stage::Proof(cleared), Done::Proof(proven)) => proved(course, cleared, *proven),
        (Stage::Rehearsal(cleared), Done::Rehearsal(found)) => tried(course, cleared, *found),
        (Stage::Pause(cleared), Done::Pause(answer)) => match answer {
            Answer::GoOn => agreed(course, cleared),
            Answer::Stop => conclude(course, Outcome::Refused),
        },
        (Stage::Quiesce(cleared), Done::Quiesce(end)) => {
            if end.is_success() {
                waiting(course, Stage::Gap(cleared.clone()))
            } else {
                conclude(course, Outcome::Failed)
            }
        }
        (Stage::Gap(cleared), Done::Gap(seen)) => looked(course, cleared, *seen),
        (Stage::Migration(_), Done::Migration(end)) => migrated(course, *end),
        (Stage::Check, Done::Check(end)) => checked(course, *end),
        (Stage::After(n), Done::After) => each(course, *n, Stage::After, || after(course)),
        (Stage::Unquiesce(then), Done::Unquiesce(_)) => going_on(course, *then),
        (Stage::Compare(n), Done::Compare(matched)) => compared(course, *n, *matched),
        (Stage::Bundle, Done::Bundle) => conclude(course, completed(course)),
        (Stage::Rollback(from), Done::Rollback(came_to)) => put_back(course, *from, *came_to),
        (
            Stage::Preflight(_)
            | Stage::Before(_)
            | Stage::Proof(_)
            | Stage::Rehearsal(_)
            | Stage::Pause(_)
            | Stage::Quiesce(_)
            | Stage::Gap(_)
            | Stage::Migration(_)
            | Stage::Check
            | Stage::After(_)
            | Stage::Unquiesce(_)
            | Stage::Compare(_)
            | Stage::Bundle
            | Stage::Rollback(_),
            Done::Preflight
            | Done::Before { .. }
            | Done::Proof(_)
            | Done::Rehearsal(_)
            | Done::Pause(_)
            | Done::Quiesce(_)
            | Done::Gap(_)
            | Done::Migration(_)
            | Done::Check(_)
            | Done::After
            | Done::Unquiesce(_)
            | Done::Compare(_)
            | Done::Bundle
            | Done::Rollback(_),
        ) => return None,
    })
}

fn backed(course: &Course, done: usize, consistent: Option<bool>) -> State {
    // A rehearsal changes nothing that a fuzzy archive would have to bring back.
    let matters = !course.terms.rehearse_only && course.terms.accept_writes.is_none();
    if consistent != Some(true) && matters {
        return conclude(course, Outcome::Refused);
    }
    each(course, done, Stage::Before, || {
        waiting(course, Stage::Proof(Vec::new()))
    })
}

fn proved(course: &Course, cleared: &[Clearance], proven: Proven) -> State {
    match Clearance::by_proof(proven) {
        Some(clearance) => clear(course, cleared, clearance),
        None => conclude(course, Outcome::ProofFailed),
    }
}

fn tried(course: &Course, cleared: &Cleared, found: Rehearsed) -> State {
    let checked = found.check.is_none_or(CommandEnd::is_success);
    if !found.end.is_success() || !checked || found.astray {
        return conclude(course, Outcome::RehearsalFailed);
    }
    if found.losses_refused {
        return conclude(course, Outcome::LossRefused);
    }
    rehearsed(course, cleared)
}

/// Whoever wrote before costs a fresh backup with a proof of its own; whoever still writes
/// then has to be accepted beforehand.
fn looked(course: &Course, cleared: &Cleared, seen: Seen) -> State {
    match seen {
        Seen::Quiet => waiting(course, Stage::Migration(cleared.clone())),
        Seen::Written if !course.fresh => {
            let fresh = Course {
                fresh: true,
                ..course.clone()
            };
            waiting(&fresh, Stage::Before(0))
        }
        Seen::Written if course.terms.accept_writes.is_some() => {
            waiting(course, Stage::Migration(cleared.clone()))
        }
        Seen::Written => conclude(course, Outcome::Refused),
        // COMMAND was there, and is not to be run there a second time.
        Seen::Repeated => conclude(course, Outcome::RehearsalFailed),
    }
}

fn migrated(course: &Course, end: CommandEnd) -> State {
    match end {
        CommandEnd::Exited(0) => waiting(course, Stage::Check),
        CommandEnd::NotStarted => conclude(course, Outcome::Failed),
        CommandEnd::Exited(_)
        | CommandEnd::Signalled(_)
        | CommandEnd::TimedOut
        | CommandEnd::Interrupted(_) => conclude(course, Outcome::MigrationFailed),
        CommandEnd::Unseen => conclude(course, Outcome::MigrationUnknown),
    }
}

fn checked(course: &Course, end: CommandEnd) -> State {
    match end {
        CommandEnd::Exited(0) => waiting(course, Stage::After(0)),
        CommandEnd::NotStarted
        | CommandEnd::Exited(_)
        | CommandEnd::Signalled(_)
        | CommandEnd::TimedOut
        | CommandEnd::Interrupted(_)
        | CommandEnd::Unseen => conclude(course, Outcome::CheckFailed),
    }
}

/// Users wait for what was stopped; nobody waits for the comparison.
fn after(course: &Course) -> State {
    if course.quiesced {
        waiting(course, Stage::Unquiesce(Then::Compare))
    } else {
        waiting(course, Stage::Compare(0))
    }
}

fn compared(course: &Course, done: usize, matched: Matched) -> State {
    let course = Course {
        lost_more: course.lost_more || matched.lost_more,
        ..course.clone()
    };
    each(&course, done, Stage::Compare, || {
        waiting(&course, Stage::Bundle)
    })
}

/// However the command ended that was to start things again: the rest of the run stands.
fn going_on(course: &Course, then: Then) -> State {
    match then {
        Then::Compare => waiting(course, Stage::Compare(0)),
        Then::End(outcome) => close(course, outcome),
    }
}

fn put_back(course: &Course, from: Outcome, came_to: PutBack) -> State {
    match came_to {
        PutBack::Swapped if course.asked => close(course, Outcome::RolledBack),
        PutBack::Swapped => close(course, Outcome::FailedAndRolledBack),
        // The targets are as they were found.
        PutBack::Beside => close(course, from),
    }
}

/// The run does not go on.
pub(super) fn stopped(state: &State, stop: Stop) -> Option<State> {
    let State::Under(course, here, phase) = state else {
        return None;
    };
    let outcome = match here {
        Stage::Proof(_) => match stop {
            Stop::Refused => Outcome::Refused,
            Stop::NotRestorable => Outcome::ProofFailed,
            Stop::Failed | Stop::Interrupted(_) => Outcome::Failed,
            Stop::HalfWay => return None,
        },
        Stage::Preflight(_)
        | Stage::Before(_)
        | Stage::Rehearsal(_)
        | Stage::Pause(_)
        | Stage::Quiesce(_)
        | Stage::Gap(_) => untouched(stop)?,
        Stage::Migration(_) => match phase {
            Phase::Waiting => untouched(stop)?,
            Phase::UnderWay => touched(stop, Outcome::MigrationUnknown)?,
        },
        Stage::Check => touched(stop, Outcome::CheckFailed)?,
        Stage::After(_) => touched(stop, Outcome::CompletedWithoutAfter)?,
        Stage::Unquiesce(then) => {
            touched(stop, Outcome::Completed)?;
            return Some(going_on(course, *then));
        }
        Stage::Compare(_) | Stage::Bundle => touched(stop, completed(course))?,
        Stage::Rollback(from) => {
            return Some(match stop {
                // Only going on leads out of that.
                Stop::HalfWay => waiting(course, Stage::Rollback(*from)),
                // The targets are as they were found.
                Stop::Refused | Stop::NotRestorable | Stop::Failed | Stop::Interrupted(_) => {
                    close(course, *from)
                }
            });
        }
    };
    Some(conclude(course, outcome))
}

/// A stop while the target is as it was.
fn untouched(stop: Stop) -> Option<Outcome> {
    match stop {
        Stop::Refused => Some(Outcome::Refused),
        Stop::NotRestorable | Stop::HalfWay => None,
        Stop::Failed | Stop::Interrupted(_) => Some(Outcome::Failed),
    }
}

/// A stop after COMMAND was started: too late to refuse.
fn touched(stop: Stop, outcome: Outcome) -> Option<Outcome> {
    match stop {
        Stop::Refused | Stop::NotRestorable | Stop::HalfWay => None,
        Stop::Failed | Stop::Interrupted(_) => Some(outcome),
    }
}
