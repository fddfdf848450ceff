//! The steps of a report: those that records speak of, in the order in which they came, and
//! those that are still to come or never will.

use serde_json::json;

use super::super::event::{CommandEnd, Done, Event, Proven, Seen, Terms};
use super::super::journal::Detail;
use super::super::outcome::Outcome;
use super::super::state::{Course, Phase, Stage, State, Then};
use super::super::step::Step;
use super::super::words;
use super::{View, Writer, seconds};
use crate::report::run::{RunStep, StepState};

/// A step that was begun or left out.
struct Taken {
    step: Step,
    target: Option<usize>,
    begun_ms: u64,
    open: bool,
    shown: RunStep,
}

/// All steps.
pub(super) fn steps(view: &View) -> Vec<RunStep> {
    let Some(terms) = view.terms else {
        return Vec::new();
    };
    let taken = taken(view, terms);
    let mut steps = Vec::new();
    match view.state {
        State::New => {}
        State::Under(course, here, phase) => {
            let pending = ahead(course, here, *phase);
            let pending = pending.into_iter().map(|(step, target)| {
                let mut shown = blank(view, step, target);
                shown.state = StepState::Pending;
                shown
            });
            steps.extend(pending);
        }
        State::Ended(_, outcome) => {
            let reason = format!("not reached: {}", outcome.word().replace('_', " "));
            let never = usual(terms).into_iter().filter(|(step, target)| {
                !taken.iter().any(|t| (t.step, t.target) == (*step, *target))
            });
            steps.extend(never.map(|(step, target)| {
                let mut shown = blank(view, step, target);
                shown.state = StepState::Skipped;
                shown.reason = Some(reason.clone());
                shown
            }));
        }
    }
    let mut all: Vec<RunStep> = taken.into_iter().map(|taken| taken.shown).collect();
    // A rollback comes after all that was never reached.
    let rollback = all
        .iter()
        .position(|step| step.step == Step::Rollback.word())
        .unwrap_or(all.len());
    let at = if matches!(view.state, State::Ended(..)) {
        rollback
    } else {
        all.len()
    };
    all.splice(at..at, steps);
    all
}

fn taken(view: &View, terms: &Terms) -> Vec<Taken> {
    let mut taken: Vec<Taken> = Vec::new();
    for record in view.records {
        match &record.event {
            Event::Begun(step) => {
                let mut shown = blank(view, *step, record.target);
                shown.state = match view.writer {
                    Writer::Alive => StepState::Running,
                    Writer::Gone => StepState::Unknown,
                };
                shown.began_after = Some(seconds(record.elapsed_ms));
                add_detail(&mut shown, &record.detail);
                taken.push(Taken {
                    step: *step,
                    target: record.target,
                    begun_ms: record.elapsed_ms,
                    open: true,
                    shown,
                });
            }
            Event::Skipped(step) => {
                // A check that nobody asked for is not worth a line.
                if *step == Step::Check && !terms.check {
                    continue;
                }
                let mut shown = blank(view, *step, record.target);
                shown.state = StepState::Skipped;
                add_detail(&mut shown, &record.detail);
                taken.push(Taken {
                    step: *step,
                    target: record.target,
                    begun_ms: record.elapsed_ms,
                    open: false,
                    shown,
                });
            }
            Event::Done(_)
            | Event::Stopped(_)
            | Event::Resumed
            | Event::Aborted
            | Event::RollbackAsked => {
                if let Some(open) = taken.last_mut().filter(|last| last.open) {
                    close(open, &record.event, record.elapsed_ms, view.state);
                    add_detail(&mut open.shown, &record.detail);
                }
            }
            Event::Planned(_) | Event::Noted(_) => {}
        }
    }
    taken
}

fn close(taken: &mut Taken, event: &Event, elapsed_ms: u64, state: &State) {
    taken.open = false;
    let took = seconds(elapsed_ms.saturating_sub(taken.begun_ms));
    match event {
        Event::Done(done) => {
            if let Done::Rehearsal(found) = done {
                taken.shown.check = found.check.map(words::end_words);
            }
            taken.shown.state = came_to(*done);
            taken.shown.seconds = Some(took);
        }
        Event::Stopped(_) => {
            let unknown =
                taken.step == Step::Migration && state.outcome() == Some(Outcome::MigrationUnknown);
            taken.shown.state = if unknown {
                StepState::Unknown
            } else {
                StepState::Failed
            };
            taken.shown.seconds = Some(took);
        }
        // Nobody saw its end.
        Event::Resumed
        | Event::Aborted
        | Event::Planned(_)
        | Event::Begun(_)
        | Event::Skipped(_)
        | Event::Noted(_)
        | Event::RollbackAsked => taken.shown.state = StepState::Unknown,
    }
}

/// The steps of a run that goes its usual way.
fn usual(terms: &Terms) -> Vec<(Step, Option<usize>)> {
    let part = |step: &Step| match step {
        Step::Rollback => false,
        Step::Preflight | Step::Before | Step::Proof | Step::Rehearsal => true,
        _ if terms.rehearse_only => false,
        Step::Pause => terms.pause,
        Step::Quiesce => terms.quiesce,
        Step::Unquiesce => terms.unquiesce,
        Step::Check => terms.check,
        Step::Gap | Step::Migration | Step::After | Step::Compare | Step::Bundle => true,
    };
    let steps = Step::ALL.into_iter().filter(part);
    steps.flat_map(|step| turns(step, terms)).collect()
}

fn turns(step: Step, terms: &Terms) -> Vec<(Step, Option<usize>)> {
    if step.each_target() {
        (0..terms.targets).map(|turn| (step, Some(turn))).collect()
    } else {
        vec![(step, None)]
    }
}

/// The steps that are still to come.
fn ahead(course: &Course, here: &Stage, phase: Phase) -> Vec<(Step, Option<usize>)> {
    let mut all = match here {
        Stage::Rollback(_) => vec![(Step::Rollback, None)],
        Stage::Unquiesce(Then::End(_)) => vec![(Step::Unquiesce, None)],
        _ => usual(&course.terms),
    };
    let now = (here.step(), here.target());
    let once = |step: Step| matches!(step, Step::Rehearsal | Step::Pause | Step::Quiesce);
    all.retain(|(step, target)| {
        let later = (*step, *target) > now || (phase == Phase::Waiting && (*step, *target) == now);
        later && !(course.fresh && once(*step))
    });
    all
}

fn blank(view: &View, step: Step, target: Option<usize>) -> RunStep {
    RunStep {
        step: step.word().to_owned(),
        target: view.label(target),
        state: StepState::Pending,
        began_after: None,
        seconds: None,
        lines: Vec::new(),
        reason: None,
        archive: None,
        verdict: None,
        differences: Vec::new(),
        exit_code: None,
        check: None,
        signal: None,
        log: None,
        repointed: Vec::new(),
        template: None,
        observed: None,
    }
}

fn came_to(done: Done) -> StepState {
    let of_command = |end: CommandEnd| match end {
        CommandEnd::Exited(0) => StepState::Ok,
        CommandEnd::Unseen => StepState::Unknown,
        CommandEnd::NotStarted
        | CommandEnd::Exited(_)
        | CommandEnd::Signalled(_)
        | CommandEnd::TimedOut
        | CommandEnd::Interrupted(_) => StepState::Failed,
    };
    match done {
        Done::Preflight
        | Done::Before { .. }
        | Done::Proof(Proven::Identical)
        | Done::Pause(_)
        | Done::Gap(Seen::Quiet | Seen::Written)
        | Done::After
        | Done::Compare(_)
        | Done::Bundle
        | Done::Rollback(_) => StepState::Ok,
        Done::Proof(Proven::Different) | Done::Gap(Seen::Repeated) => StepState::Failed,
        Done::Rehearsal(found) => {
            let checked = found.check.is_none_or(CommandEnd::is_success);
            if found.end.is_success() && checked && !found.astray && !found.losses_refused {
                StepState::Ok
            } else {
                StepState::Failed
            }
        }
        Done::Quiesce(end) | Done::Migration(end) | Done::Check(end) | Done::Unquiesce(end) => {
            of_command(end)
        }
    }
}

/// Puts into a step what one of its records says.
fn add_detail(shown: &mut RunStep, detail: &Detail) {
    shown.lines.extend(detail.lines.iter().cloned());
    if let Some(reason) = &detail.reason {
        shown.reason = Some(reason.to_string());
    }
    if let Some(archive) = &detail.archive {
        shown.archive = Some(archive.path.clone());
    }
    if let Some(proof) = &detail.proof {
        shown.verdict = Some(proof.verdict.clone());
        shown.differences.clone_from(&proof.differences);
        shown.template = proof.template.as_ref().map(|template| json!(template));
    }
    if let Some(command) = &detail.command {
        shown.log = Some(command.log.clone());
        shown.repointed.clone_from(&command.repointed);
    }
    if let Some(rehearsal) = &detail.rehearsal {
        shown.observed.clone_from(&rehearsal.observed);
    }
    shown.exit_code = shown.exit_code.or(detail.exit_code);
    shown.signal = shown.signal.or(detail.signal);
    if let (Some(setback), true) = (&detail.setback, detail.lines.is_empty()) {
        shown.lines.push(setback.message.clone());
    }
}
