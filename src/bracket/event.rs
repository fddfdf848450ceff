//! What can happen to a run: the words that its journal is written in.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A step of a run, in the order of [`Step::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Looks at the target and at what will be needed; changes nothing.
    Preflight,
    /// The archive to come back to.
    Before,
    /// The archive is restored beside the original and compared.
    Proof,
    /// COMMAND on the proven copy.
    Rehearsal,
    /// Whether anybody wrote between the before-backup and the migration.
    Gap,
    /// COMMAND on the target.
    Migration,
    /// `--check` on the target.
    Check,
    /// The archive of the migrated database.
    After,
    /// What changed between the two archives.
    Compare,
    /// Everything in one file.
    Bundle,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 10] = [
        Self::Preflight,
        Self::Before,
        Self::Proof,
        Self::Rehearsal,
        Self::Gap,
        Self::Migration,
        Self::Check,
        Self::After,
        Self::Compare,
        Self::Bundle,
    ];

    /// Its name on the screen and in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Before => "before",
            Self::Proof => "proof",
            Self::Rehearsal => "rehearsal",
            Self::Gap => "gap",
            Self::Migration => "migration",
            Self::Check => "check",
            Self::After => "after",
            Self::Compare => "compare",
            Self::Bundle => "bundle",
        }
    }

    /// True for steps that are done once for each target, false for those of the whole run.
    #[must_use]
    pub fn each_target(self) -> bool {
        match self {
            Self::Preflight | Self::Before | Self::Proof | Self::After | Self::Compare => true,
            Self::Rehearsal | Self::Gap | Self::Migration | Self::Check | Self::Bundle => false,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Why something was waived. Never blank: a waiver without a reason does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reason(String);

/// A reason that says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reason must say something")]
pub struct BlankReason;

impl Reason {
    /// Takes a person's words.
    ///
    /// # Errors
    /// If there are none.
    pub fn new(text: &str) -> Result<Self, BlankReason> {
        let text = text.trim();
        if text.is_empty() {
            return Err(BlankReason);
        }
        Ok(Self(text.to_owned()))
    }

    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Reason {
    type Error = BlankReason;
    fn try_from(text: String) -> Result<Self, BlankReason> {
        Self::new(&text)
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What was agreed before a run began, as far as it decides which way the run may go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// How many targets; at least one.
    pub targets: usize,
    /// Set: the proof is waived, for this reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_proof: Option<Reason>,
    /// Set: the rehearsal is waived, for this reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_rehearsal: Option<Reason>,
    /// Set: writes of others are accepted, for this reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept_writes: Option<Reason>,
    /// Whether a `--check` follows the migration.
    #[serde(default)]
    pub check: bool,
}

/// What a proof showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proven {
    /// The copy has the same content.
    Identical,
    /// It has not.
    Different,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandEnd {
    /// It could not be started: nothing has run.
    NotStarted,
    /// It ended by itself with this code.
    Exited(i32),
    /// A signal that bookend did not send ended it.
    Signalled(i32),
    /// `--timeout` passed; it was ended.
    TimedOut,
    /// bookend was asked to stop by this signal, passed it on, and the command ended.
    Interrupted(i32),
    /// Its end was not seen.
    Unseen,
}

/// A step that came to its own end, well or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// Nothing stands in the way.
    Preflight,
    /// The archive is in the store.
    Before {
        /// As in the archive's manifest.
        consistent: Option<bool>,
    },
    /// A copy was compared.
    Proof(Proven),
    /// COMMAND ran on the copy as it should.
    Rehearsal,
    /// No write was seen, or writes were accepted.
    Gap,
    /// COMMAND ended on the target.
    Migration(CommandEnd),
    /// `--check` ended on the target.
    Check(CommandEnd),
    /// The second archive is in the store.
    After,
    /// The archives were compared.
    Compare,
    /// The bundle is in the store.
    Bundle,
}

impl Done {
    /// The step that it ends.
    #[must_use]
    pub fn step(&self) -> Step {
        match self {
            Self::Preflight => Step::Preflight,
            Self::Before { .. } => Step::Before,
            Self::Proof(_) => Step::Proof,
            Self::Rehearsal => Step::Rehearsal,
            Self::Gap => Step::Gap,
            Self::Migration(_) => Step::Migration,
            Self::Check(_) => Step::Check,
            Self::After => Step::After,
            Self::Compare => Step::Compare,
            Self::Bundle => Step::Bundle,
        }
    }
}

/// Why a run did not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// For safety.
    Refused,
    /// The archive could not be restored, so it proves nothing.
    NotRestorable,
    /// Something failed.
    Failed,
    /// SIGINT or SIGTERM, with the signal's number.
    Interrupted(i32),
}

/// One thing that happened to a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The run exists.
    Planned(Terms),
    /// A step is about to be done.
    Begun(Step),
    /// A step is not done.
    Skipped(Step),
    /// A step came to its own end.
    Done(Done),
    /// The run does not go on.
    Stopped(Stop),
}
