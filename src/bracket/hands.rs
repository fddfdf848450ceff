//! What a run needs done, and what it is told about it. The real hands are
//! [`live`](super::live); tests bring their own.

use std::io;

use async_trait::async_trait;
use serde_json::Value;

use super::event::{Answer, CommandEnd, Matched, Note, Proven, PutBack, Rehearsed, Seen, Stop};
use super::journal::{
    ArchiveFacts, CommandFacts, CopyFacts, ProofFacts, QuietFacts, Record, Setback,
};
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
    /// The copy, if it was kept for the rehearsal.
    pub copy: Option<CopyFacts>,
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

/// A rehearsal that came to an end.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// Variables that pointed at the copies.
    pub repointed: Vec<String>,
    /// What it showed.
    pub rehearsed: Rehearsed,
    /// For the screen.
    pub lines: Vec<String>,
    /// Why the run may not go on, if it may not.
    pub setback: Option<Setback>,
    /// What changed on each target's copy, as `bookend diff --json` says it; empty if COMMAND
    /// failed.
    pub differences: Vec<Value>,
    /// What was observed while it ran: locks, sizes.
    pub observed: Option<Value>,
}

/// What was seen of others' writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Looked {
    /// In one word.
    pub seen: Seen,
    /// For the screen.
    pub lines: Vec<String>,
    /// For the report, target by target.
    pub quiet: Vec<QuietFacts>,
    /// Why the run must not go on.
    pub setback: Option<Setback>,
}

/// What changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// For the screen.
    pub lines: Vec<String>,
    /// For scripts.
    pub difference: Value,
    /// What came out otherwise than rehearsed.
    pub unlike: Vec<String>,
    /// Held against the rehearsal.
    pub matched: Matched,
}

/// A bundle that is in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundled {
    /// Where it lies.
    pub path: String,
    /// For the screen.
    pub lines: Vec<String>,
}

/// A rollback that came to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct RolledBack {
    /// What it came to.
    pub came_to: PutBack,
    /// For the screen.
    pub lines: Vec<String>,
    /// The names under which the failed databases are kept, target by target.
    pub kept_as: Vec<Option<String>>,
}

/// Takes notes in the middle of a step. A note is durable when this returns.
pub trait Notes: Send + Sync {
    /// Records a note.
    ///
    /// # Errors
    /// What kept it from being written: what it announces must not be done then.
    fn note(&self, note: Note) -> io::Result<()>;
}

/// Does what the state machine says. Each act blocks until it has ended, well or not, and
/// leaves nothing running.
#[async_trait]
pub trait Hands: Send + Sync {
    /// Looks at a target without changing anything; gives lines for the screen.
    async fn preflight(&self, target: usize) -> Result<Vec<String>, Trouble>;

    /// Puts an archive of a target into the store.
    async fn backup(&self, target: usize, side: Side) -> Result<BackedUp, Trouble>;

    /// Restores an archive into a copy and compares it. The copy is dropped unless it is to be
    /// kept for the rehearsal.
    async fn prove(
        &self,
        target: usize,
        archive: &ArchiveFacts,
        keep: bool,
    ) -> Result<Proved, Trouble>;

    /// What [`Hands::rehearse`] is going to run.
    fn rehearsal(&self) -> CommandFacts;

    /// Runs COMMAND and `--check` on the proven copies and says what they changed.
    async fn rehearse(&self, befores: &[ArchiveFacts], notes: &dyn Notes)
    -> Result<Tried, Trouble>;

    /// Drops the copies that are still kept. What could not be dropped is told: here, or, if it
    /// may be done `meanwhile`, by [`Hands::look`], which then comes next.
    async fn let_go(&self, meanwhile: bool) -> Vec<String>;

    /// Asks a person whether to migrate.
    async fn ask(&self) -> Result<Answer, Trouble>;

    /// What [`Hands::quiesce`] or [`Hands::unquiesce`] is going to run.
    fn holding(&self, stop: bool) -> CommandFacts;

    /// Stops what writes to the targets.
    async fn quiesce(&self, notes: &dyn Notes) -> Result<Ended, Trouble>;

    /// Starts it again. Not broken off by a first signal.
    async fn unquiesce(&self, notes: &dyn Notes) -> Result<Ended, Trouble>;

    /// Looks for what others wrote to the targets since these archives.
    async fn look(
        &self,
        befores: &[ArchiveFacts],
        rehearsed: &[Option<&Value>],
    ) -> Result<Looked, Trouble>;

    /// What [`Hands::migrate`] is going to run.
    fn migration(&self) -> CommandFacts;

    /// What [`Hands::check`] is going to run.
    fn checking(&self) -> CommandFacts;

    /// Runs COMMAND on the targets.
    async fn migrate(&self, notes: &dyn Notes) -> Result<Ended, Trouble>;

    /// Runs `--check` on the targets.
    async fn check(&self, notes: &dyn Notes) -> Result<Ended, Trouble>;

    /// Compares the two archives of a target, and the difference with the rehearsal's.
    async fn compare(
        &self,
        target: usize,
        (before, after): (&ArchiveFacts, &ArchiveFacts),
        rehearsed: Option<&Value>,
    ) -> Result<Compared, Trouble>;

    /// Puts everything into one file.
    async fn bundle(&self) -> Result<Bundled, Trouble>;

    /// Puts the before-archives in the targets' places: all proven beside before the first is
    /// swapped. What an earlier try left is finished or undone first.
    async fn roll_back(
        &self,
        befores: &[ArchiveFacts],
        afters: &[ArchiveFacts],
    ) -> Result<RolledBack, Trouble>;

    /// Makes sure, before anything is written to a target, that nobody else migrates it.
    async fn still_alone(&self) -> Result<(), Trouble>;

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
