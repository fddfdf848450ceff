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
    /// The before-archives are restored beside the failed databases, compared, and put in their
    /// places.
    Rollback,
}

impl Step {
    /// Every step, in order. The last one belongs to no run that goes its usual way.
    pub const ALL: [Self; 14] = [
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
        Self::Rollback,
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
            Self::Rollback => "rollback",
        }
    }

    /// True for steps that are done once for each target, false for those of the whole run.
    #[must_use]
    pub fn each_target(self) -> bool {
        match self {
            Self::Preflight | Self::Before | Self::Proof | Self::After | Self::Compare => true,
            Self::Rehearsal
            | Self::Pause
            | Self::Quiesce
            | Self::Gap
            | Self::Migration
            | Self::Check
            | Self::Unquiesce
            | Self::Bundle
            | Self::Rollback => false,
        }
    }

    /// True if it is begun although somebody asked for the end: what was stopped is started
    /// again.
    #[must_use]
    pub fn outlives_signals(self) -> bool {
        matches!(self, Self::Unquiesce)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
