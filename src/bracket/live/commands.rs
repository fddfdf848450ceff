//! Running COMMAND and what goes with it.

use super::super::command::Command;
use super::super::event::Stop;
use super::super::hands::{Ended, Notes, Trouble};
use super::super::journal::{CommandFacts, Setback};
use super::{Live, plain};
use crate::connection::Target;

/// Makes COMMAND and `--check` for other databases than the targets: their copies, in the
/// targets' order.
pub type OnCopies =
    Box<dyn Fn(&[Target]) -> Result<(Command, Option<Command>), Setback> + Send + Sync>;

/// What is to be run.
pub struct Commands {
    /// COMMAND on the targets.
    pub migration: Command,
    /// `--check` on the targets.
    pub check: Option<Command>,
    /// `--quiesce`.
    pub quiesce: Option<Command>,
    /// `--unquiesce`.
    pub unquiesce: Option<Command>,
    /// The first two, on copies.
    pub on_copies: OnCopies,
}

impl Live {
    /// What sessions of a command are called, where its client library leaves that to us.
    pub(super) fn session_name(&self, purpose: &str) -> String {
        format!("bookend {} {purpose}", self.ws.run)
    }

    /// Runs a command, its sessions named after the run and the purpose.
    pub(super) async fn run(
        &self,
        command: &Command,
        purpose: &str,
        notes: &dyn Notes,
    ) -> Result<Ended, Trouble> {
        let session = self.session_name(purpose);
        let ran = command.run(&self.streams, &session, notes).await;
        ran.map_err(|error| unseen(&error))
    }

    pub(super) fn hold_facts(&self, stop: bool) -> CommandFacts {
        let command = if stop {
            &self.commands.quiesce
        } else {
            &self.commands.unquiesce
        };
        command
            .as_ref()
            .unwrap_or(&self.commands.migration)
            .facts(&self.streams)
    }

    pub(super) async fn hold_off(&self, notes: &dyn Notes) -> Result<Ended, Trouble> {
        match &self.commands.quiesce {
            Some(command) => self.run(command, "quiesce", notes).await,
            None => Err(plain(Stop::Failed, "there is no --quiesce to run")),
        }
    }

    /// A first signal is no reason to leave users before a closed door.
    pub(super) async fn lift(&self, notes: &dyn Notes) -> Result<Ended, Trouble> {
        let Some(command) = &self.commands.unquiesce else {
            return Err(plain(Stop::Failed, "there is no --unquiesce to run"));
        };
        let session = self.session_name("unquiesce");
        let ran = command
            .run(&self.streams.insistent(), &session, notes)
            .await;
        ran.map_err(|error| unseen(&error))
    }
}

pub(super) fn unseen(error: &dyn std::error::Error) -> Trouble {
    Trouble {
        stop: Stop::Failed,
        setback: Setback {
            code: "command-unseen".to_owned(),
            message: error.to_string(),
            ..Setback::default()
        },
    }
}
