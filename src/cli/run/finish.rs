//! What a run came to: its last lines, its document, its exit code.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::super::error::failure_of;
use super::super::failure::Signal;
use super::super::redact::redact;
use super::super::signals::Signals;
use super::super::{Exit, Failure, Outcome, Screen};
use super::launch::Driven;
use crate::bracket::history::{Writer, report};
use crate::bracket::journal::{JOURNAL, Setback};
use crate::bracket::live::{Explained, Surroundings};
use crate::bracket::{JournalError, State};
use crate::operation::OperationError;
use crate::operation::rollback::StepTold;
use crate::report::run::{RunError, RunReport, StepState, closing_text, run_json};
use crate::store::RunFolder;

/// Puts operations' failures into words, and remembers the last one for its exit code.
pub(in super::super) struct Explainer {
    signals: Signals,
    last: Arc<Mutex<Option<Failure>>>,
}

impl Explainer {
    pub fn new(signals: Signals) -> Self {
        Self {
            signals,
            last: Arc::default(),
        }
    }

    /// What the hands are given.
    pub fn surroundings(
        &self,
        screen: Screen,
        rollback_step: Arc<dyn Fn(&StepTold) + Send + Sync>,
    ) -> Surroundings {
        let (last, signals) = (Arc::clone(&self.last), self.signals.clone());
        Surroundings {
            explain: Box::new(move |error| {
                let failure = failure_of(error);
                let explained = explained(&failure);
                *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
                explained
            }),
            signal: Box::new(move || signals.received().map(|signal| i32::from(signal.number()))),
            rollback_step,
            ask: Arc::new(move || screen.ask("the rehearsal is over; migrate?")),
        }
    }

    /// The last failure of an operation.
    pub fn last(&self) -> Option<Failure> {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn explained(failure: &Failure) -> Explained {
    Explained {
        setback: Setback {
            code: failure.code.to_owned(),
            message: redact(&failure.message),
            causes: failure.causes.iter().map(|cause| redact(cause)).collect(),
            hint: failure.hint.as_deref().map(redact),
        },
        refused: failure.exit == Exit::Refused,
    }
}

/// The run could not be begun: nothing was done.
pub(super) fn unrecorded(error: &JournalError) -> Failure {
    Failure::of(Exit::Failed, "journal", error)
        .hint("nothing was done; make room in the store and run it again")
}

/// The end of a run whose journal is open.
pub(super) fn outcome(folder: &RunFolder, driven: &Driven) -> Outcome {
    let (journal, broken) = (&driven.journal, &driven.broken);
    // Nobody writes a journal that could not be written: to all who read it, it ends here.
    let writer = match broken {
        Some(_) => Writer::Gone,
        None => Writer::Alive,
    };
    let mut told = report(folder.run(), journal.records(), journal.state(), writer);
    told.journal = Some(folder.path().join(JOURNAL).display().to_string());
    keep(folder, &mut told);
    let failure = match broken {
        Some((JournalError::Unfinished(_), _)) if told.error.is_some() => half_way(&told),
        Some((error, ended)) => Some(lost_journal(error, ended.as_deref(), &told)),
        None => failure(&told, &driven.explainer),
    };
    let mut document = run_json(&told);
    if let Value::Object(keys) = &mut document {
        // These two are the printing's own.
        keys.remove("ok");
        keys.remove("error");
    }
    let text = match journal.state() {
        State::Ended(..) => closing_text(&told),
        State::New | State::Under(..) => String::new(),
    };
    Outcome::new(text, document).failing(failure)
}

/// A rollback that could be neither finished nor undone now.
fn half_way(told: &RunReport) -> Option<Failure> {
    let error = told.error.clone()?;
    Some(Failure {
        exit: Exit::Failed,
        code: "half-way",
        message: error.message,
        causes: error.causes,
        hint: Some(format!("bookend resume {}", told.run)),
    })
}

/// Keeps the report beside the journal. It is made from the journal alone and can be made again,
/// so it is no failure of the run that this copy is missing.
pub(in super::super) fn keep(folder: &RunFolder, told: &mut RunReport) {
    const REPORT: &str = "report.json";
    told.report = Some(folder.path().join(REPORT).display().to_string());
    let mut text = serde_json::to_vec_pretty(&run_json(told)).unwrap_or_default();
    text.push(b'\n');
    if let Err(error) = folder.write(REPORT, &text) {
        told.report = None;
        let failure = failure_of(&OperationError::from(error));
        let why: Vec<String> = std::iter::once(failure.message)
            .chain(failure.causes)
            .collect();
        told.advice.push(format!(
            "its report could not be kept ({}); it is made from the journal: bookend report {}",
            why.join(": "),
            told.run
        ));
    }
}

/// The store could not take a record: what the step came to is known only here.
fn lost_journal(error: &JournalError, ended: Option<&[String]>, told: &RunReport) -> Failure {
    let failure = Failure::of(Exit::Failed, "journal", error);
    let under_way = told
        .steps
        .iter()
        .find(|step| step.state == StepState::Unknown);
    let came_to = match (under_way, ended) {
        (Some(step), Some(lines)) => {
            let lines = lines.join("; ");
            Some(format!(
                "what could not be recorded: {} ended: {lines}",
                step.step
            ))
        }
        _ => None,
    };
    let migration = told.steps.iter().find(|step| step.step == "migration");
    let target = match migration.map(|step| step.state) {
        Some(StepState::Pending | StepState::Skipped) | None => {
            "COMMAND was not started on the target; it was not changed"
        }
        Some(StepState::Running | StepState::Ok | StepState::Failed | StepState::Unknown) => {
            "COMMAND has run on the target"
        }
    };
    failure
        .because(came_to)
        .because([target])
        .hint("make room in the store; then bookend resume, or bookend abort")
}

fn failure(told: &RunReport, explainer: &Explainer) -> Option<Failure> {
    let exit = exit(told.exit)?;
    let error = told.error.clone().unwrap_or(RunError {
        code: told.state.clone(),
        message: format!("the run ended as {}", told.state.replace('_', " ")),
        causes: Vec::new(),
        hint: None,
    });
    // The words of an operation's failure, with the exit code of the run's state.
    let code = match explainer.last() {
        Some(last) if last.code == error.code => last.code,
        Some(_) | None => code(&error.code),
    };
    Some(Failure {
        exit,
        code,
        message: error.message,
        causes: error.causes,
        hint: error.hint,
    })
}

/// The words that the bracket itself has for a setback.
const CODES: [&str; 18] = [
    "loss",
    "lost-more",
    "not-quiet",
    "told-to-stop",
    "copy-gone",
    "astray",
    "lock-lost",
    "no-lock",
    "not-consistent",
    "different",
    "preflight",
    "interrupted",
    "command-failed",
    "command-killed",
    "command-timed-out",
    "command-not-started",
    "command-unseen",
    "busy",
];

fn code(word: &str) -> &'static str {
    CODES
        .into_iter()
        .find(|known| *known == word)
        .unwrap_or("run")
}

/// The exit code of a run's state; none for 0.
fn exit(code: u8) -> Option<Exit> {
    match code {
        0 => None,
        3 => Some(Exit::Different),
        4 => Some(Exit::Refused),
        5 => Some(Exit::Migration),
        129 => Some(Exit::Signal(Signal::Hangup)),
        130 => Some(Exit::Signal(Signal::Interrupt)),
        143 => Some(Exit::Signal(Signal::Terminate)),
        _ => Some(Exit::Failed),
    }
}
