//! The steps of a run.

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
    /// A person is asked whether to go on.
    Pause,
    /// `--quiesce`: what writes to the target is stopped.
    Quiesce,
    /// Whether anybody wrote between the before-backup and the migration.
    Gap,
    /// COMMAND on the target.
    Migration,
    /// `--check` on the target.
    Check,
    /// The archive of the migrated database.
    After,
    /// `--unquiesce`: what was stopped is started again.
    Unquiesce,
    /// What changed between the two archives.
    Compare,
    /// Everything in one file.
    Bundle,
    /// The before-archive is restored beside the failed database and compared.
    RollbackProof,
    /// The proven copy takes the failed database's place.
    RollbackSwap,
}

impl Step {
    /// Every step, in order. The last two belong to a rollback.
    pub const ALL: [Self; 15] = [
        Self::Preflight,
        Self::Before,
        Self::Proof,
        Self::Rehearsal,
        Self::Pause,
        Self::Quiesce,
        Self::Gap,
        Self::Migration,
        Self::Check,
        Self::After,
        Self::Unquiesce,
        Self::Compare,
        Self::Bundle,
        Self::RollbackProof,
        Self::RollbackSwap,
    ];

    /// Its name on the screen and in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Before => "before",
            Self::Proof => "proof",
            Self::Rehearsal => "rehearsal",
            Self::Pause => "pause",
            Self::Quiesce => "quiesce",
            Self::Gap => "gap",
            Self::Migration => "migration",
            Self::Check => "check",
            Self::After => "after",
            Self::Unquiesce => "unquiesce",
            Self::Compare => "compare",
            Self::Bundle => "bundle",
            Self::RollbackProof => "rollback_proof",
            Self::RollbackSwap => "rollback_swap",
        }
    }

    /// True for steps that are done once for each target, false for those of the whole run.
    #[must_use]
    pub fn each_target(self) -> bool {
        match self {
            Self::Preflight
            | Self::Before
            | Self::Proof
            | Self::After
            | Self::Compare
            | Self::RollbackProof
            | Self::RollbackSwap => true,
            Self::Rehearsal
            | Self::Pause
            | Self::Quiesce
            | Self::Gap
            | Self::Migration
            | Self::Check
            | Self::Unquiesce
            | Self::Bundle => false,
        }
    }

    /// True if something that was begun must not be left where it stands, whoever asks: what
    /// was stopped is started again, and a swap is finished or undone.
    #[must_use]
    pub fn outlives_signals(self) -> bool {
        matches!(self, Self::Unquiesce | Self::RollbackSwap)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
