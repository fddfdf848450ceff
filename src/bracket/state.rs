//! Where a run stands.

use std::fmt;

use super::event::{Proven, Reason, Step, Terms};

/// Where a run stands. Built from nothing but events, by [`next`](super::next).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing is recorded yet.
    New,
    /// In the middle.
    Under(Terms, Stage, Phase),
    /// Over.
    Ended(Outcome),
}

/// Whether the step at hand has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It comes next.
    Waiting,
    /// Its intent is recorded, its outcome is not.
    UnderWay,
}

/// The step at hand, with what entitles the run to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Looking; so many targets are done.
    Preflight(usize),
    /// Backing up; so many targets are done.
    Before(usize),
    /// Proving; the targets done, each with its clearance.
    Proof(Vec<Clearance>),
    /// Rehearsing.
    Rehearsal(Cleared),
    /// Looking for writes of others.
    Gap(Cleared),
    /// Migrating.
    Migration(Cleared),
    /// Checking.
    Check,
    /// Backing up again; so many targets are done.
    After(usize),
    /// Comparing; so many targets are done.
    Compare(usize),
    /// Bundling.
    Bundle,
}

impl Stage {
    /// The step at hand.
    #[must_use]
    pub fn step(&self) -> Step {
        match self {
            Self::Preflight(_) => Step::Preflight,
            Self::Before(_) => Step::Before,
            Self::Proof(_) => Step::Proof,
            Self::Rehearsal(_) => Step::Rehearsal,
            Self::Gap(_) => Step::Gap,
            Self::Migration(_) => Step::Migration,
            Self::Check => Step::Check,
            Self::After(_) => Step::After,
            Self::Compare(_) => Step::Compare,
            Self::Bundle => Step::Bundle,
        }
    }

    /// Which target's turn it is, for steps that are done for each.
    #[must_use]
    pub fn target(&self) -> Option<usize> {
        match self {
            Self::Preflight(done)
            | Self::Before(done)
            | Self::After(done)
            | Self::Compare(done) => Some(*done),
            Self::Proof(cleared) => Some(cleared.len()),
            Self::Rehearsal(_) | Self::Gap(_) | Self::Migration(_) | Self::Check | Self::Bundle => {
                None
            }
        }
    }
}

/// What entitles one target to be migrated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clearance(Grounds);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Grounds {
    Proven,
    Waived(Reason),
}

impl Clearance {
    /// Only an identical copy clears.
    #[must_use]
    pub fn by_proof(proven: Proven) -> Option<Self> {
        match proven {
            Proven::Identical => Some(Self(Grounds::Proven)),
            Proven::Different => None,
        }
    }

    /// Only a reason given beforehand clears without a proof.
    #[must_use]
    pub fn by_waiver(terms: &Terms) -> Option<Self> {
        terms
            .no_proof
            .as_ref()
            .map(|reason| Self(Grounds::Waived(reason.clone())))
    }

    /// The reason, if it was not a proof.
    #[must_use]
    pub fn waived(&self) -> Option<&Reason> {
        match &self.0 {
            Grounds::Proven => None,
            Grounds::Waived(reason) => Some(reason),
        }
    }
}

/// Every target of the run is cleared. There is no other way to make one than
/// [`Cleared::all`], and a migration cannot be reached without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared(Vec<Clearance>);

impl Cleared {
    /// Complete, or the clearances back.
    ///
    /// # Errors
    /// While targets are still to be cleared.
    pub fn all(terms: &Terms, each: Vec<Clearance>) -> Result<Self, Vec<Clearance>> {
        if terms.targets > 0 && each.len() == terms.targets {
            Ok(Self(each))
        } else {
            Err(each)
        }
    }

    /// Target by target.
    #[must_use]
    pub fn each(&self) -> &[Clearance] {
        &self.0
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Before the migration; the target was not changed.
    Failed,
    /// For safety; the target was not changed.
    Refused,
    /// The archive does not restore to the same content; the target was not changed.
    ProofFailed,
    /// COMMAND failed on the target.
    MigrationFailed,
    /// `--check` failed on the target.
    CheckFailed,
    /// COMMAND was started on the target and its end was not seen.
    MigrationUnknown,
    /// Everything was done.
    Completed,
    /// The migration stands, the after-backup failed.
    CompletedWithoutAfter,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 8] = [
        Self::Failed,
        Self::Refused,
        Self::ProofFailed,
        Self::MigrationFailed,
        Self::CheckFailed,
        Self::MigrationUnknown,
        Self::Completed,
        Self::CompletedWithoutAfter,
    ];

    /// Its name on the screen and in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::ProofFailed => "proof_failed",
            Self::MigrationFailed => "migration_failed",
            Self::CheckFailed => "check_failed",
            Self::MigrationUnknown => "migration_unknown",
            Self::Completed => "completed",
            Self::CompletedWithoutAfter => "completed_without_after",
        }
    }

    /// The exit code of a run that ended so.
    #[must_use]
    pub fn exit(self) -> u8 {
        match self {
            Self::Completed => 0,
            Self::Failed | Self::CompletedWithoutAfter => 1,
            Self::ProofFailed => 3,
            Self::Refused => 4,
            Self::MigrationFailed | Self::CheckFailed | Self::MigrationUnknown => 5,
        }
    }

    /// True if COMMAND has, or may have, changed the target.
    #[must_use]
    pub fn touched(self) -> bool {
        match self {
            Self::Failed | Self::Refused | Self::ProofFailed => false,
            Self::MigrationFailed
            | Self::CheckFailed
            | Self::MigrationUnknown
            | Self::Completed
            | Self::CompletedWithoutAfter => true,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
