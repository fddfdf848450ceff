//! What can happen to a run: the words that its journal is written in.

use serde::{Deserialize, Serialize};

use super::reason::Reason;
use super::step::Step;

/// What was agreed before a run began, as far as it decides which way the run may go.
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags of a command line, each of which stands for itself"
)]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    #[serde(default, skip_serializing_if = "is_false")]
    pub check: bool,
    /// Whether a person is asked after the rehearsal.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pause: bool,
    /// Whether something is to be stopped before the target is looked at for writes.
    #[serde(default, skip_serializing_if = "is_false")]
    pub quiesce: bool,
    /// Whether it is to be started again at the end, whatever the end.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unquiesce: bool,
    /// Whether a failed migration is rolled back at once.
    #[serde(default, skip_serializing_if = "is_false")]
    pub rollback: bool,
    /// `rehearse`: the run ends with the rehearsal, the targets are only read.
    #[serde(default, skip_serializing_if = "is_false")]
    pub rehearse_only: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(flag: &bool) -> bool {
    !flag
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

impl CommandEnd {
    /// True for exit code 0.
    #[must_use]
    pub fn is_success(self) -> bool {
        self == Self::Exited(0)
    }
}

/// What a rehearsal showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsed {
    /// How COMMAND ended on the copies.
    pub end: CommandEnd,
    /// How `--check` ended on the copies, if it was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<CommandEnd>,
    /// COMMAND was seen on an original, or was not seen on a copy.
    #[serde(default, skip_serializing_if = "is_false")]
    pub astray: bool,
    /// Data was lost that no `--allow-loss` names.
    #[serde(default, skip_serializing_if = "is_false")]
    pub losses_refused: bool,
}

/// What a person answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Migrate.
    GoOn,
    /// Don't.
    Stop,
}

/// What was seen of others between the before-backup and now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// No write was seen, and everything was looked at.
    Quiet,
    /// Writes, or something that could not be looked at.
    Written,
    /// The target was changed in just the way in which the rehearsal changed its copy.
    Repeated,
}

/// How a migration came out, held against its rehearsal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matched {
    /// Whether the same changed; `None` without a rehearsal.
    #[serde(default)]
    pub as_rehearsed: Option<bool>,
    /// Whether something was lost that the rehearsal did not lose.
    #[serde(default, skip_serializing_if = "is_false")]
    pub lost_more: bool,
}

/// What a rollback came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PutBack {
    /// Every target is as it was.
    Swapped,
    /// The proven copies stand beside the targets, which are as they were found.
    Beside,
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
    /// COMMAND was tried on the copies.
    Rehearsal(Rehearsed),
    /// A person has answered.
    Pause(Answer),
    /// `--quiesce` ended.
    Quiesce(CommandEnd),
    /// The targets were looked at for writes of others.
    Gap(Seen),
    /// COMMAND ended on the target.
    Migration(CommandEnd),
    /// `--check` ended on the target.
    Check(CommandEnd),
    /// The second archive is in the store.
    After,
    /// `--unquiesce` ended.
    Unquiesce(CommandEnd),
    /// The archives were compared.
    Compare(Matched),
    /// The bundle is in the store.
    Bundle,
    /// The rollback was done.
    Rollback(PutBack),
}

impl Done {
    /// The step that it ends.
    #[must_use]
    pub fn step(&self) -> Step {
        match self {
            Self::Preflight => Step::Preflight,
            Self::Before { .. } => Step::Before,
            Self::Proof(_) => Step::Proof,
            Self::Rehearsal(_) => Step::Rehearsal,
            Self::Pause(_) => Step::Pause,
            Self::Quiesce(_) => Step::Quiesce,
            Self::Gap(_) => Step::Gap,
            Self::Migration(_) => Step::Migration,
            Self::Check(_) => Step::Check,
            Self::After => Step::After,
            Self::Unquiesce(_) => Step::Unquiesce,
            Self::Compare(_) => Step::Compare,
            Self::Bundle => Step::Bundle,
            Self::Rollback(_) => Step::Rollback,
        }
    }

    /// The signal by which somebody broke off the command that ended, if that is how.
    #[must_use]
    pub fn interrupted(&self) -> Option<i32> {
        let ends = match self {
            Self::Migration(end) | Self::Check(end) | Self::Quiesce(end) => [Some(*end), None],
            Self::Rehearsal(rehearsed) => [Some(rehearsed.end), rehearsed.check],
            Self::Preflight
            | Self::Before { .. }
            | Self::Proof(_)
            | Self::Pause(_)
            | Self::Gap(_)
            | Self::After
            | Self::Unquiesce(_)
            | Self::Compare(_)
            | Self::Bundle
            | Self::Rollback(_) => [None, None],
        };
        ends.into_iter().flatten().find_map(|end| match end {
            CommandEnd::Interrupted(signal) => Some(signal),
            CommandEnd::NotStarted
            | CommandEnd::Exited(_)
            | CommandEnd::Signalled(_)
            | CommandEnd::TimedOut
            | CommandEnd::Unseen => None,
        })
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
    /// In the middle of a rollback: some targets are as before and others are not, or others are
    /// still kept out of one.
    HalfWay,
}

/// Something worth a record in the middle of a step. It does not change where the run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// A command runs.
    Started {
        /// Its process id, which is its process group's too.
        pid: u32,
        /// When the system started it, in its own ticks, so that another process that got the
        /// same id is told apart. `None` where that is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<u64>,
    },
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
    /// Something in the middle of a step.
    Noted(Note),
    /// A step came to its own end.
    Done(Done),
    /// The run does not go on.
    Stopped(Stop),
    /// Another process goes on with a run that was left.
    Resumed,
    /// Another process gives a run up that was left.
    Aborted,
    /// The before-archives are to be put back.
    RollbackAsked,
}
