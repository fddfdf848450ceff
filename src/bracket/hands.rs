//! What a run needs done, and what it is told about it. The real hands are
//! [`live`](super::live); tests bring their own.

use async_trait::async_trait;
use serde_json::Value;

use super::event::{CommandEnd, Proven, Stop};
use super::journal::{ArchiveFacts, CommandFacts, ProofFacts, Record, Setback};
use super::state::State;
use crate::snapshot::Nouns;

/// Which of the two archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Before the migration.
    Before,
    /// After it.
    After,
}

/// Why an act did not come to its own end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What it means for the run.
    pub stop: Stop,
    /// In words.
    pub setback: Setback,
}

/// A backup that is in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct BackedUp {
    /// The archive.
    pub archive: ArchiveFacts,
    /// What its content is called.
    pub nouns: Nouns,
    /// For the screen, after the first line.
    pub notes: Vec<String>,
}

/// A copy that was compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Proved {
    /// What it showed.
    pub proven: Proven,
    /// Where to read more.
    pub facts: ProofFacts,
    /// For the screen.
    pub lines: Vec<String>,
}

/// A command that was waited for.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// How it ended.
    pub end: CommandEnd,
    /// Why it could not be started, or what it left running.
    pub notes: Vec<String>,
}

/// What changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// For the screen.
    pub lines: Vec<String>,
    /// For scripts.
    pub difference: Value,
}

/// Does what the state machine says. Each act blocks until it has ended, well or not, and
/// leaves nothing running.
#[async_trait]
pub trait Hands: Send + Sync {
    /// Looks at a target without changing anything; gives lines for the screen.
    async fn preflight(&self, target: usize) -> Result<Vec<String>, Trouble>;

    /// Puts an archive of a target into the store.
    async fn backup(&self, target: usize, side: Side) -> Result<BackedUp, Trouble>;

    /// Restores an archive into a copy, compares it, and drops the copy.
    async fn prove(&self, target: usize, archive: &ArchiveFacts) -> Result<Proved, Trouble>;

    /// What [`Hands::migrate`] is going to run.
    fn migration(&self) -> CommandFacts;

    /// What [`Hands::check`] is going to run.
    fn checking(&self) -> CommandFacts;

    /// Runs COMMAND on the targets.
    async fn migrate(&self) -> Result<Ended, Trouble>;

    /// Runs `--check` on the targets.
    async fn check(&self) -> Result<Ended, Trouble>;

    /// Compares the two archives of a target.
    async fn compare(
        &self,
        target: usize,
        before: &ArchiveFacts,
        after: &ArchiveFacts,
    ) -> Result<Compared, Trouble>;

    /// The signal by which somebody asked the run to stop.
    fn interrupted(&self) -> Option<i32>;
}

/// Is told of every record as soon as it is durable.
pub trait Watch: Send + Sync {
    /// The last of `records` is new.
    fn recorded(&self, records: &[Record], state: &State);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn recorded(&self, _records: &[Record], _state: &State) {}
}
