//! Each step's lines on the screen as soon as it is over.

use std::sync::{Mutex, PoisonError};

use super::super::Screen;
use super::super::fold::{folded, width_of_stdout};
use crate::bracket::hands::Watch;
use crate::bracket::history::{Writer, report};
use crate::bracket::journal::Record;
use crate::bracket::{Event, State};
use crate::report::run::{RunStep, StepState, steps_text};

/// Prints steps once each.
pub(super) struct StepLines {
    screen: Screen,
    run: String,
    printed: Mutex<usize>,
}

impl StepLines {
    pub fn new(screen: Screen, run: &str) -> Self {
        Self {
            screen,
            run: run.to_owned(),
            printed: Mutex::new(0),
        }
    }

    /// With `--json`, stdout is for the document alone.
    fn print(&self, text: &str) {
        if self.screen.json {
            self.screen.detail(text);
        } else if let Err(error) = self.screen.result(text, &serde_json::Value::Null) {
            // A migration is not broken off because nobody can read along.
            self.screen
                .warning(&format!("stdout cannot be written: {error}"));
        }
    }
}

impl Watch for StepLines {
    fn recorded(&self, records: &[Record], state: &State) {
        let told = report(&self.run, records, state, Writer::Alive);
        if let Some(Event::Planned(_)) = records.last().map(|record| &record.event) {
            self.print(&format!("run {}\n", self.run));
        }
        let mut printed = self.printed.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |step: &&RunStep| match step.state {
            StepState::Pending | StepState::Running => false,
            StepState::Ok | StepState::Skipped | StepState::Failed | StepState::Unknown => true,
        };
        let untold = told.steps.get(*printed..).unwrap_or_default();
        let ended = untold.iter().take_while(over).count();
        if ended > 0 {
            let ended = &untold[..ended];
            let text = steps_text(ended, told.targets.len());
            self.print(&folded(&text, width_of_stdout()));
            *printed += ended.len();
        }
    }
}
