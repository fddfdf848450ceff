//! The state machine: which event leads where. Pure; the journal is its only memory.
//!
//! Every match names every case, so that a new step or event does not compile until
//! somebody has decided what it means everywhere.

mod ending;
mod left;

use super::event::{Event, Note, Terms};
use super::outcome::Outcome;
use super::state::{Clearance, Cleared, Course, Phase, Stage, State, Then};
use super::step::Step;

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
            State::Ended(_, outcome) => format!("after the run ended as {outcome}"),
        };
        let event = match event {
            Event::Planned(_) => "planning the run".to_owned(),
            Event::Begun(step) => format!("the beginning of {step}"),
            Event::Skipped(step) => format!("skipping {step}"),
            Event::Noted(_) => "a note".to_owned(),
            Event::Done(done) => format!("the end of {}", done.step()),
            Event::Stopped(_) => "stopping".to_owned(),
            Event::Resumed => "resuming".to_owned(),
            Event::Aborted => "giving up".to_owned(),
            Event::RollbackAsked => "asking for a rollback".to_owned(),
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
        Event::Noted(note) => noted(state, *note),
        Event::Done(done) => ending::done(state, done),
        Event::Stopped(stop) => ending::stopped(state, *stop),
        Event::Resumed => left::resumed(state),
        Event::Aborted => left::aborted(state),
        Event::RollbackAsked => left::rollback_asked(state),
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
    let waived = terms.no_proof.is_some() || terms.no_rehearsal.is_some();
    match state {
        State::New if terms.targets > 0 && !(terms.rehearse_only && waived) => {
            Some(waiting(&Course::new(terms), Stage::Preflight(0)))
        }
        State::New | State::Under(..) | State::Ended(..) => None,
    }
}

fn begun(state: &State, step: Step) -> Option<State> {
    let State::Under(course, here, Phase::Waiting) = state else {
        return None;
    };
    if here.step() != step {
        return None;
    }
    let mut course = course.clone();
    match here {
        Stage::Quiesce(_) => course.quiesced = course.terms.unquiesce,
        // From here on it is this step's business, and a crash in it comes back here.
        Stage::Unquiesce(_) => course.quiesced = false,
        Stage::Rollback(_) => course.rolled = true,
        Stage::Preflight(_)
        | Stage::Before(_)
        | Stage::Proof(_)
        | Stage::Rehearsal(_)
        | Stage::Pause(_)
        | Stage::Gap(_)
        | Stage::Migration(_)
        | Stage::Check
        | Stage::After(_)
        | Stage::Compare(_)
        | Stage::Bundle => {}
    }
    Some(State::Under(course, here.clone(), Phase::UnderWay))
}

/// Only a step that has not begun can be skipped, and only one that the terms let go.
fn skipped(state: &State, step: Step) -> Option<State> {
    let State::Under(course, here, Phase::Waiting) = state else {
        return None;
    };
    if here.step() != step {
        return None;
    }
    let terms = &course.terms;
    match here {
        Stage::Proof(cleared) => Some(clear(course, cleared, Clearance::by_waiver(terms)?)),
        Stage::Rehearsal(cleared) if !rehearses(course) => Some(rehearsed(course, cleared)),
        Stage::Check if !terms.check => Some(waiting(course, Stage::After(0))),
        Stage::Bundle => Some(conclude(course, completed(course))),
        Stage::Preflight(_)
        | Stage::Before(_)
        | Stage::Rehearsal(_)
        | Stage::Pause(_)
        | Stage::Quiesce(_)
        | Stage::Gap(_)
        | Stage::Migration(_)
        | Stage::Check
        | Stage::After(_)
        | Stage::Unquiesce(_)
        | Stage::Compare(_)
        | Stage::Rollback(_) => None,
    }
}

/// Notes belong into the middle of a step that has something to note.
fn noted(state: &State, note: Note) -> Option<State> {
    let State::Under(_, here, Phase::UnderWay) = state else {
        return None;
    };
    let fits = match (note, here.step()) {
        (
            Note::Started { .. },
            Step::Rehearsal | Step::Quiesce | Step::Migration | Step::Check | Step::Unquiesce,
        ) => true,
        (Note::Started { .. }, _) => false,
    };
    fits.then(|| state.clone())
}

/// Whether COMMAND is tried before it is run: it has to be, unless the terms say otherwise.
/// Without a proof there is no copy to try it on, and once is enough.
pub(super) fn rehearses(course: &Course) -> bool {
    let terms = &course.terms;
    !course.fresh && terms.no_rehearsal.is_none() && terms.no_proof.is_none()
}

fn clear(course: &Course, cleared: &[Clearance], clearance: Clearance) -> State {
    let mut each = cleared.to_vec();
    each.push(clearance);
    let here = match Cleared::all(&course.terms, each) {
        Ok(all) if course.fresh => Stage::Gap(all),
        Ok(all) => Stage::Rehearsal(all),
        Err(some) => Stage::Proof(some),
    };
    waiting(course, here)
}

/// What comes after the rehearsal.
fn rehearsed(course: &Course, cleared: &Cleared) -> State {
    if course.terms.rehearse_only {
        return conclude(course, Outcome::Rehearsed);
    }
    if course.terms.pause {
        return waiting(course, Stage::Pause(cleared.clone()));
    }
    agreed(course, cleared)
}

/// What comes once nobody objects.
fn agreed(course: &Course, cleared: &Cleared) -> State {
    let cleared = cleared.clone();
    let here = if course.terms.quiesce {
        Stage::Quiesce(cleared)
    } else {
        Stage::Gap(cleared)
    };
    waiting(course, here)
}

/// How a run ends whose last step is done.
fn completed(course: &Course) -> Outcome {
    if course.lost_more {
        Outcome::CompletedWithLoss
    } else {
        Outcome::Completed
    }
}

/// The end, after what has to come before any end: a rollback if one is to be done at once.
fn conclude(course: &Course, outcome: Outcome) -> State {
    if course.terms.rollback && !course.rolled && outcome.failed_on_the_target() {
        return waiting(course, Stage::Rollback(outcome));
    }
    close(course, outcome)
}

/// The end, after what was stopped has been started again.
fn close(course: &Course, outcome: Outcome) -> State {
    if course.quiesced {
        waiting(course, Stage::Unquiesce(Then::End(outcome)))
    } else {
        State::Ended(course.clone(), outcome)
    }
}

fn waiting(course: &Course, here: Stage) -> State {
    State::Under(course.clone(), here, Phase::Waiting)
}

/// The same step for the next target, or the step after it.
fn each(
    course: &Course,
    done: usize,
    same: impl FnOnce(usize) -> Stage,
    after: impl FnOnce() -> State,
) -> State {
    if done + 1 < course.terms.targets {
        waiting(course, same(done + 1))
    } else {
        after()
    }
}
