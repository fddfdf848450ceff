//! The steps of a rollback, each told and recorded when it is over.

use std::time::Instant;

use chrono::Utc;

use super::diary::Written;
use super::drive::{Drive, StepTold, Turn};
use super::export::export;
use super::{Planned, prove_beside, recover, swap};
use crate::engine::rollback::{Held, Intentions, Standing};
use crate::operation::{OperationError, Workspace};

fn who_is_there(planned: &Planned) -> String {
    let database = planned.subject.target.database();
    let examination = &planned.examination;
    match (&examination.identity, examination.holds_off) {
        (None, _) => format!("{database} is gone: nobody can be connected"),
        (_, true) => format!("nobody else is connected to {database}"),
        (_, false) => format!("others cannot be kept out of {database}"),
    }
}

impl Drive<'_> {
    pub(super) async fn prove(&self, turn: &mut Turn) -> Result<(), OperationError> {
        let begun = Instant::now();
        match prove_beside(self.ws, &turn.planned, self.options).await {
            Ok(proof) => {
                let line = format!(
                    "{} restored beside: {}",
                    turn.planned.archive().id(),
                    self.watch.proven(&proof)
                );
                // First, so that the copy is dropped should the record not be written.
                turn.proof = Some(proof);
                self.tell("proof", turn, begun, Ok(vec![line]))
            }
            Err(error) => self.failed("proof", turn, begun, error),
        }
    }

    pub(super) async fn halt(&self, turn: &mut Turn) -> Result<(), OperationError> {
        let begun = Instant::now();
        let intentions = self.diary.of(turn.index);
        match turn.planned.halt(self.ws, self.options, &intentions).await {
            Ok(held) => {
                let mut lines = vec![who_is_there(&turn.planned)];
                lines.extend(held.notes());
                // First, so that everybody is let in again should the record not be written.
                turn.held = Some(held);
                self.tell("sessions", turn, begun, Ok(lines))
            }
            Err(error) => self.failed("sessions", turn, begun, error),
        }
    }

    /// Nobody else from here on. Who came in during the export is told with the swap.
    pub(super) async fn seal(&self, turn: &mut Turn) -> Result<(), OperationError> {
        let begun = Instant::now();
        let intentions = self.diary.of(turn.index);
        let Some(held) = &mut turn.held else {
            return Ok(());
        };
        let told = held.notes().len();
        match held.seal(&self.ws.context(), &intentions).await {
            Ok(()) => {
                turn.late = held.notes().split_off(told);
                Ok(())
            }
            Err(error) => self.failed("sessions", turn, begun, error.into()),
        }
    }

    pub(super) async fn export(&self, turn: &mut Turn) -> Result<(), OperationError> {
        let begun = Instant::now();
        let skipped = if self.options.discard_writes {
            Some("--discard-writes")
        } else if turn.planned.examination.identity.is_none() {
            Some("the database is gone")
        } else {
            None
        };
        if let Some(reason) = skipped {
            return self.record(
                turn,
                "export",
                "skipped",
                begun,
                vec![reason.to_owned()],
                None,
            );
        }
        let exported = export(self.ws, &turn.planned).await;
        match exported {
            Ok(exported) => {
                let lines = self.watch.exported(&exported);
                let archive = exported.archive.map(|made| made.path.display().to_string());
                self.record(turn, "export", "ok", begun, lines, archive)
            }
            Err(error) => self.failed("export", turn, begun, error),
        }
    }

    /// Swaps one; what the server shows decides whether it went through.
    pub(super) async fn swap(&self, turn: &mut Turn) -> Result<String, OperationError> {
        let begun = Instant::now();
        let copy = turn.proof.as_ref().map(|proof| proof.copy.clone());
        let (Some(held), Some(copy)) = (turn.held.as_mut(), copy) else {
            return Err(OperationError::Broken { what: "a rollback" });
        };
        let intentions = self.diary.of(turn.index);
        let mut result = swap(self.ws, &turn.planned, held.as_mut(), copy, &intentions).await;
        let mut kept = turn.planned.examination.kept_as.clone();
        if result.is_err() {
            let acts = self.diary.so_far().acts(turn.index);
            let target = &turn.planned.subject.target;
            if let Ok(Standing::RolledBack { kept_as }) =
                recover(self.ws, target, &acts, &intentions).await
            {
                kept = kept_as;
                result = Ok(());
            }
        }
        let database = turn.planned.subject.target.database();
        if let Err(error) = result {
            self.failed("swap", turn, begun, error)?;
        }
        let mut lines = vec![match &turn.planned.examination.identity {
            Some(_) => format!("{database} is as before; what failed is kept as {kept}"),
            None => format!("{database} is as before"),
        }];
        lines.append(&mut turn.late);
        lines.extend(turn.planned.examination.followers.iter().cloned());
        turn.held = None;
        turn.proof = None;
        // It is done, whether that can be written down or not; the server shows it.
        if let Err(error) = self.tell("swap", turn, begun, Ok(lines)) {
            self.ws.progress.note(&error.to_string());
        }
        Ok(kept)
    }

    pub(super) fn tell(
        &self,
        step: &str,
        turn: &Turn,
        begun: Instant,
        told: Result<Vec<String>, &OperationError>,
    ) -> Result<(), OperationError> {
        match told {
            Ok(lines) => self.record(turn, step, "ok", begun, lines, None),
            Err(error) => self.record(turn, step, "failed", begun, vec![error.to_string()], None),
        }
    }

    /// Records that a step failed, and gives the failure back.
    pub(super) fn failed(
        &self,
        step: &str,
        turn: &Turn,
        begun: Instant,
        error: OperationError,
    ) -> Result<(), OperationError> {
        if let Err(unwritten) = self.tell(step, turn, begun, Err(&error)) {
            self.ws.progress.note(&unwritten.to_string());
        }
        Err(error)
    }

    pub(super) fn record(
        &self,
        turn: &Turn,
        step: &str,
        state: &str,
        begun: Instant,
        lines: Vec<String>,
        archive: Option<String>,
    ) -> Result<(), OperationError> {
        let told = StepTold {
            step: step.to_owned(),
            target: turn.planned.subject.target.label().to_owned(),
            state: state.to_owned(),
            seconds: begun.elapsed().as_secs_f64(),
            lines,
            archive,
        };
        self.watch.told(&told);
        self.write(Written::Step {
            at: Utc::now(),
            told,
        })
    }
}

/// Lets everybody in again after a failure, which is what is told; or both.
pub(super) async fn let_go(
    ws: &Workspace,
    planned: &Planned,
    held: &mut dyn Held,
    intentions: &dyn Intentions,
    error: OperationError,
) -> OperationError {
    match held.let_go(&ws.cleaning_context(), intentions).await {
        Ok(()) => error,
        Err(source) => OperationError::StillHeld {
            database: planned.subject.target.database().to_owned(),
            after: error.to_string(),
            source: Box::new(source),
        },
    }
}
