//! Where a run stands.

use super::event::{Proven, Terms};
use super::outcome::Outcome;
use super::reason::Reason;
use super::step::Step;

/// Where a run stands. Built from nothing but events, by [`next`](super::next).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing is recorded yet.
    New,
    /// In the middle.
    Under(Course, Stage, Phase),
    /// Over.
    Ended(Course, Outcome),
}

impl State {
    /// How it ended, if it has.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Ended(_, outcome) => Some(*outcome),
            Self::New | Self::Under(..) => None,
        }
    }

    /// What was agreed, once that is recorded.
    #[must_use]
    pub fn terms(&self) -> Option<&Terms> {
        match self {
            Self::New => None,
            Self::Under(course, ..) | Self::Ended(course, _) => Some(&course.terms),
        }
    }
}

/// What was agreed, and what the way so far decides about the rest of it.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that do not depend on each other"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// What was agreed.
    pub terms: Terms,
    /// True once the before-backup has been taken anew because somebody had written.
    pub fresh: bool,
    /// True from the intent to stop what writes until the intent to start it again.
    pub quiesced: bool,
    /// True once a rollback was tried.
    pub rolled: bool,
    /// True if a person asked for it, once the run had ended or was left.
    pub asked: bool,
    /// True if the migration lost what its rehearsal did not.
    pub lost_more: bool,
}

impl Course {
    /// At the beginning.
    #[must_use]
    pub fn new(terms: &Terms) -> Self {
        Self {
            terms: terms.clone(),
            fresh: false,
            quiesced: false,
            rolled: false,
            asked: false,
            lost_more: false,
        }
    }
}

/// Whether the step at hand has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It comes next.
    Waiting,
    /// Its intent is recorded, its outcome is not.
    UnderWay,
}

/// What follows once what was stopped has been started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The archives are compared.
    Compare,
    /// The run ends so.
    End(Outcome),
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
    /// Asking.
    Pause(Cleared),
    /// Stopping what writes.
    Quiesce(Cleared),
    /// Looking for writes of others.
    Gap(Cleared),
    /// Migrating.
    Migration(Cleared),
    /// Checking.
    Check,
    /// Backing up again; so many targets are done.
    After(usize),
    /// Starting again what was stopped.
    Unquiesce(Then),
    /// Comparing; so many targets are done.
    Compare(usize),
    /// Bundling.
    Bundle,
    /// Putting the before-archives in place; how the run ended before.
    Rollback(Outcome),
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
            Self::Pause(_) => Step::Pause,
            Self::Quiesce(_) => Step::Quiesce,
            Self::Gap(_) => Step::Gap,
            Self::Migration(_) => Step::Migration,
            Self::Check => Step::Check,
            Self::After(_) => Step::After,
            Self::Unquiesce(_) => Step::Unquiesce,
            Self::Compare(_) => Step::Compare,
            Self::Bundle => Step::Bundle,
            Self::Rollback(_) => Step::Rollback,
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
            Self::Rehearsal(_)
            | Self::Pause(_)
            | Self::Quiesce(_)
            | Self::Gap(_)
            | Self::Migration(_)
            | Self::Check
            | Self::Unquiesce(_)
            | Self::Bundle
            | Self::Rollback(_) => None,
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
