//! The state machine: which event leads where. Pure; the journal is its only memory.
//!
//! Every match names every case, so that a new step or event does not compile until
//! somebody has decided what it means everywhere.

use super::event::{CommandEnd, Done, Event, Proven, Step, Stop, Terms};
use super::state::{Clearance, Cleared, Outcome, Phase, Stage, State};

/// An event that cannot happen where a run stands: a defect, or a journal that was edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event} cannot happen {place}")]
pub struct Illegal {
    event: String,
    place: String,
}

impl Illegal {
    fn new(state: &State, event: &Event) -> Self {
        let place = match state {
            State::New => "before the run is planned".to_owned(),
            State::Under(_, here, Phase::Waiting) => format!("before {} began", here.step()),
            State::Under(_, here, Phase::UnderWay) => format!("during {}", here.step()),
            State::Ended(outcome) => format!("after the run ended as {outcome}"),
        };
        let event = match event {
            Event::Planned(_) => "planning the run".to_owned(),
            Event::Begun(step) => format!("the beginning of {step}"),
            Event::Skipped(step) => format!("skipping {step}"),
            Event::Done(done) => format!("the end of {}", done.step()),
            Event::Stopped(_) => "stopping".to_owned(),
        };
        Self { event, place }
    }
}

/// Where `event` leads from `state`.
///
/// # Errors
/// If it cannot happen there.
pub fn next(state: &State, event: &Event) -> Result<State, Illegal> {
    let reached = match event {
        Event::Planned(terms) => planned(state, terms),
        Event::Begun(step) => begun(state, *step),
        Event::Skipped(step) => skipped(state, *step),
        Event::Done(done) => ended_step(state, done),
        Event::Stopped(stop) => stopped(state, *stop),
    };
    reached.ok_or_else(|| Illegal::new(state, event))
}

/// Where a whole history leads.
///
/// # Errors
/// At the first event that cannot happen.
pub fn replay<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<State, Illegal> {
    events
        .into_iter()
        .try_fold(State::New, |state, event| next(&state, event))
}

fn planned(state: &State, terms: &Terms) -> Option<State> {
    match state {
        State::New if terms.targets > 0 => Some(waiting(terms, Stage::Preflight(0))),
        State::New | State::Under(..) | State::Ended(_) => None,
    }
}

fn begun(state: &State, step: Step) -> Option<State> {
    match state {
        State::Under(terms, here, Phase::Waiting) if here.step() == step => {
            Some(State::Under(terms.clone(), here.clone(), Phase::UnderWay))
        }
        State::New | State::Under(..) | State::Ended(_) => None,
    }
}

/// Only a step that has not begun can be skipped, and only one that the terms let go.
fn skipped(state: &State, step: Step) -> Option<State> {
    let State::Under(terms, here, Phase::Waiting) = state else {
        return None;
    };
    if here.step() != step {
        return None;
    }
    match here {
        Stage::Proof(cleared) => Some(clear(terms, cleared, Clearance::by_waiver(terms)?)),
        Stage::Rehearsal(cleared) => Some(waiting(terms, Stage::Gap(cleared.clone()))),
        Stage::Gap(cleared) => Some(waiting(terms, Stage::Migration(cleared.clone()))),
        Stage::Check if !terms.check => Some(waiting(terms, Stage::After(0))),
        Stage::Bundle => Some(State::Ended(Outcome::Completed)),
        Stage::Preflight(_)
        | Stage::Before(_)
        | Stage::Migration(_)
        | Stage::Check
        | Stage::After(_)
        | Stage::Compare(_) => None,
    }
}

fn ended_step(state: &State, done: &Done) -> Option<State> {
    let State::Under(terms, here, Phase::UnderWay) = state else {
        return None;
    };
    if here.step() != done.step() {
        return None;
    }
    match (here, done) {
        (Stage::Preflight(n), Done::Preflight) => Some(waiting(
            terms,
            each(terms, *n, Stage::Preflight, Stage::Before(0)),
        )),
        (Stage::Before(n), Done::Before { consistent }) => Some(backed(terms, *n, *consistent)),
        (Stage::Proof(cleared), Done::Proof(proven)) => Some(proved(terms, cleared, *proven)),
        (Stage::Rehearsal(cleared), Done::Rehearsal) => {
            Some(waiting(terms, Stage::Gap(cleared.clone())))
        }
        (Stage::Gap(cleared), Done::Gap) => Some(waiting(terms, Stage::Migration(cleared.clone()))),
        (Stage::Migration(_), Done::Migration(end)) => Some(migrated(terms, *end)),
        (Stage::Check, Done::Check(end)) => Some(checked(terms, *end)),
        (Stage::After(n), Done::After) => Some(waiting(
            terms,
            each(terms, *n, Stage::After, Stage::Compare(0)),
        )),
        (Stage::Compare(n), Done::Compare) => Some(waiting(
            terms,
            each(terms, *n, Stage::Compare, Stage::Bundle),
        )),
        (Stage::Bundle, Done::Bundle) => Some(State::Ended(Outcome::Completed)),
        (
            Stage::Preflight(_)
            | Stage::Before(_)
            | Stage::Proof(_)
            | Stage::Rehearsal(_)
            | Stage::Gap(_)
            | Stage::Migration(_)
            | Stage::Check
            | Stage::After(_)
            | Stage::Compare(_)
            | Stage::Bundle,
            Done::Preflight
            | Done::Before { .. }
            | Done::Proof(_)
            | Done::Rehearsal
            | Done::Gap
            | Done::Migration(_)
            | Done::Check(_)
            | Done::After
            | Done::Compare
            | Done::Bundle,
        ) => None,
    }
}

fn backed(terms: &Terms, done: usize, consistent: Option<bool>) -> State {
    if consistent != Some(true) && terms.accept_writes.is_none() {
        return State::Ended(Outcome::Refused);
    }
    waiting(
        terms,
        each(terms, done, Stage::Before, Stage::Proof(Vec::new())),
    )
}

fn proved(terms: &Terms, cleared: &[Clearance], proven: Proven) -> State {
    match Clearance::by_proof(proven) {
        Some(clearance) => clear(terms, cleared, clearance),
        None => State::Ended(Outcome::ProofFailed),
    }
}

fn clear(terms: &Terms, cleared: &[Clearance], clearance: Clearance) -> State {
    let mut each = cleared.to_vec();
    each.push(clearance);
    let here = match Cleared::all(terms, each) {
        Ok(all) => Stage::Rehearsal(all),
        Err(some) => Stage::Proof(some),
    };
    waiting(terms, here)
}

fn migrated(terms: &Terms, end: CommandEnd) -> State {
    match end {
        CommandEnd::Exited(0) => waiting(terms, Stage::Check),
        CommandEnd::NotStarted => State::Ended(Outcome::Failed),
        CommandEnd::Exited(_)
        | CommandEnd::Signalled(_)
        | CommandEnd::TimedOut
        | CommandEnd::Interrupted(_) => State::Ended(Outcome::MigrationFailed),
        CommandEnd::Unseen => State::Ended(Outcome::MigrationUnknown),
    }
}

fn checked(terms: &Terms, end: CommandEnd) -> State {
    match end {
        CommandEnd::Exited(0) => waiting(terms, Stage::After(0)),
        CommandEnd::NotStarted
        | CommandEnd::Exited(_)
        | CommandEnd::Signalled(_)
        | CommandEnd::TimedOut
        | CommandEnd::Interrupted(_)
        | CommandEnd::Unseen => State::Ended(Outcome::CheckFailed),
    }
}

fn stopped(state: &State, stop: Stop) -> Option<State> {
    let State::Under(_, here, phase) = state else {
        return None;
    };
    let outcome = match here {
        Stage::Proof(_) => match stop {
            Stop::Refused => Outcome::Refused,
            Stop::NotRestorable => Outcome::ProofFailed,
            Stop::Failed | Stop::Interrupted(_) => Outcome::Failed,
        },
        Stage::Preflight(_) | Stage::Before(_) | Stage::Rehearsal(_) | Stage::Gap(_) => {
            stopped_untouched(stop)?
        }
        Stage::Migration(_) => match phase {
            Phase::Waiting => stopped_untouched(stop)?,
            Phase::UnderWay => stopped_touched(stop, Outcome::MigrationUnknown)?,
        },
        Stage::Check => stopped_touched(stop, Outcome::CheckFailed)?,
        Stage::After(_) => stopped_touched(stop, Outcome::CompletedWithoutAfter)?,
        Stage::Compare(_) | Stage::Bundle => stopped_touched(stop, Outcome::Completed)?,
    };
    Some(State::Ended(outcome))
}

/// A stop while the target is as it was.
fn stopped_untouched(stop: Stop) -> Option<Outcome> {
    match stop {
        Stop::Refused => Some(Outcome::Refused),
        Stop::NotRestorable => None,
        Stop::Failed | Stop::Interrupted(_) => Some(Outcome::Failed),
    }
}

/// A stop after COMMAND was started: too late to refuse.
fn stopped_touched(stop: Stop, outcome: Outcome) -> Option<Outcome> {
    match stop {
        Stop::Refused | Stop::NotRestorable => None,
        Stop::Failed | Stop::Interrupted(_) => Some(outcome),
    }
}

fn waiting(terms: &Terms, here: Stage) -> State {
    State::Under(terms.clone(), here, Phase::Waiting)
}

/// The same step for the next target, or the step after it.
fn each(terms: &Terms, done: usize, same: fn(usize) -> Stage, after: Stage) -> Stage {
    if done + 1 < terms.targets {
        same(done + 1)
    } else {
        after
    }
}
