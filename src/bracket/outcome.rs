//! How a run can end.

use std::fmt;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Before the migration; the target was not changed.
    Failed,
    /// For safety; the target was not changed.
    Refused,
    /// The archive does not restore to the same content; the target was not changed.
    ProofFailed,
    /// COMMAND or `--check` failed on the copy, or COMMAND went astray.
    RehearsalFailed,
    /// COMMAND lost data on the copy that nothing allows; the target was not changed.
    LossRefused,
    /// The rehearsal went well, and nothing else was asked for.
    Rehearsed,
    /// COMMAND failed on the target.
    MigrationFailed,
    /// `--check` failed on the target.
    CheckFailed,
    /// COMMAND was started on the target and its end was not seen.
    MigrationUnknown,
    /// Everything was done.
    Completed,
    /// Everything was done, and more was lost than in the rehearsal.
    CompletedWithLoss,
    /// The migration stands, the after-backup failed.
    CompletedWithoutAfter,
    /// The before-archives are in place again, as was asked for.
    RolledBack,
    /// COMMAND or `--check` failed on the target, and the before-archives are in place again.
    FailedAndRolledBack,
    /// Given up before the migration; the target was not changed.
    Aborted,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 15] = [
        Self::Failed,
        Self::Refused,
        Self::ProofFailed,
        Self::RehearsalFailed,
        Self::LossRefused,
        Self::Rehearsed,
        Self::MigrationFailed,
        Self::CheckFailed,
        Self::MigrationUnknown,
        Self::Completed,
        Self::CompletedWithLoss,
        Self::CompletedWithoutAfter,
        Self::RolledBack,
        Self::FailedAndRolledBack,
        Self::Aborted,
    ];

    /// Its name on the screen and in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::ProofFailed => "proof_failed",
            Self::RehearsalFailed => "rehearsal_failed",
            Self::LossRefused => "loss_refused",
            Self::MigrationFailed => "migration_failed",
            Self::CheckFailed => "check_failed",
            Self::MigrationUnknown => "migration_unknown",
            Self::Rehearsed | Self::Completed | Self::CompletedWithLoss => "completed",
            Self::CompletedWithoutAfter => "completed_without_after",
            Self::RolledBack | Self::FailedAndRolledBack => "rolled_back",
            Self::Aborted => "aborted",
        }
    }

    /// The exit code of a run that ended so.
    #[must_use]
    pub fn exit(self) -> u8 {
        match self {
            Self::Rehearsed | Self::Completed | Self::RolledBack | Self::Aborted => 0,
            Self::Failed | Self::CompletedWithoutAfter => 1,
            Self::ProofFailed | Self::CompletedWithLoss => 3,
            Self::Refused | Self::LossRefused => 4,
            Self::RehearsalFailed
            | Self::MigrationFailed
            | Self::CheckFailed
            | Self::MigrationUnknown
            | Self::FailedAndRolledBack => 5,
        }
    }

    /// True if COMMAND has, or may have, changed the target: then there is something to roll
    /// back.
    #[must_use]
    pub fn touched(self) -> bool {
        match self {
            Self::Failed
            | Self::Refused
            | Self::ProofFailed
            | Self::RehearsalFailed
            | Self::LossRefused
            | Self::Rehearsed
            | Self::RolledBack
            | Self::FailedAndRolledBack
            | Self::Aborted => false,
            Self::MigrationFailed
            | Self::CheckFailed
            | Self::MigrationUnknown
            | Self::Completed
            | Self::CompletedWithLoss
            | Self::CompletedWithoutAfter => true,
        }
    }

    /// True if COMMAND was seen to fail on the target.
    #[must_use]
    pub fn failed_on_the_target(self) -> bool {
        matches!(self, Self::MigrationFailed | Self::CheckFailed)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
