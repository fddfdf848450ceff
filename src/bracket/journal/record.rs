//! What one line of a journal holds. `docs/bracket.md` states the keys.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::event::Event;
use super::super::reason::Reason;
use crate::report::run::RunWritten;

/// One record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its number, from 0.
    pub n: u64,
    /// When, by this machine's clock.
    pub at: DateTime<Utc>,
    /// Milliseconds since the run began, by a clock that nobody sets.
    pub elapsed_ms: u64,
    /// Whose turn it was: a position in the plan's targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<usize>,
    /// What happened.
    pub event: Event,
    /// What a reader wants to know beside it.
    #[serde(flatten)]
    pub detail: Detail,
}

/// What goes with an event. Never a password.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    /// What the screen says about it, line by line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
    /// Why a step is skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// With the first record: what is going to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Box<Plan>>,
    /// The archive that a step made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveFacts>,
    /// What a proof found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofFacts>,
    /// How COMMAND or `--check` ended: its exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// How COMMAND or `--check` ended: the signal that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// The command that a step is about to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandFacts>,
    /// What the migration changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<Value>,
    /// What came out otherwise than rehearsed, line by line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlike: Vec<String>,
    /// What the gap saw of others' writes, target by target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quiet: Vec<QuietFacts>,
    /// Why the run stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setback: Option<Setback>,
    /// A proven copy that is kept for a later step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<CopyFacts>,
    /// What a rehearsal found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<RehearsalFacts>,
    /// After a rollback: the names under which the failed databases are kept, target by target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept_as: Vec<Option<String>>,
    /// Where the bundle lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
}

impl Detail {
    /// Nothing but lines for the screen.
    #[must_use]
    pub fn lines(lines: Vec<String>) -> Self {
        Self {
            lines,
            ..Self::default()
        }
    }

    /// Nothing but the reason of a skipped step.
    #[must_use]
    pub fn reason(reason: Reason) -> Self {
        Self {
            reason: Some(reason),
            ..Self::default()
        }
    }
}

/// What a run was asked to do.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Its id.
    pub run: String,
    /// The bookend that began it.
    pub bookend: String,
    /// The machine it runs on.
    pub host: String,
    /// Its process id there.
    pub pid: u32,
    /// The targets, in the order they were named.
    pub targets: Vec<PlannedTarget>,
    /// COMMAND as it was given: templates not filled in, passwords blotted out.
    pub command: Vec<String>,
    /// `--check`, as it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// `--quiesce`, as it was given: it held no password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiesce: Option<String>,
    /// `--unquiesce`, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unquiesce: Option<String>,
    /// True if something was blotted out of COMMAND or `--check`: nobody can run them again
    /// from here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// Names of the variables that `--env` and `bookend.toml` set; their values may be secret.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Those of their templates that are nothing but a placeholder.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env_templates: BTreeMap<String, String>,
    /// Where the copies go, if not to the targets' own servers: a URL without a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prove_on: Option<String>,
    /// `--prove-on` as it was given, without a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prove_on_word: Option<String>,
    /// `--consistent`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub consistent: bool,
    /// `--allow-loss`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_loss: Vec<String>,
    /// `--keep-copy`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_copies: bool,
    /// `--template`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub template: bool,
    /// `--timeout` in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// `--migration-files`, as absolute paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub migration_files: Vec<String>,
    /// Options for all commands that were given, for the commands that are printed:
    /// `--store DIR`, `--config FILE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Whatever a later bookend adds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<String, Value>,
}

/// One target of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedTarget {
    /// Names it in file names and on the screen.
    pub label: String,
    /// `postgresql` or `mongodb`.
    pub engine: String,
    /// The database.
    pub database: String,
    /// URL without a password.
    pub url: String,
    /// Where it came from, in words.
    pub origin: String,
}

/// An archive that a run made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArchiveFacts {
    /// Its id.
    pub id: String,
    /// Where it lies.
    pub path: String,
    /// Objects in it.
    pub objects: u64,
    /// Rows in it.
    pub rows: u64,
    /// Uncompressed bytes.
    pub bytes_raw: u64,
    /// Bytes in the store.
    pub bytes_stored: u64,
    /// Whether it is one point in time.
    pub consistent: Option<bool>,
}

/// What a proof found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofFacts {
    /// `identical` or `different`.
    pub verdict: String,
    /// Where the receipt lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// Each difference: object, kind, expected, found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Value>,
    /// The template that the copy was cloned from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateFacts>,
}

/// A pristine template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateFacts {
    /// Its name on the server.
    pub name: String,
    /// When it was found to be identical with the archive.
    pub proven_at: DateTime<Utc>,
    /// True if that was in this very step; false if it was there already and was not read
    /// again.
    pub read: bool,
}

/// A restored copy that is kept for a later step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyFacts {
    /// Its name on the server.
    pub name: String,
    /// URL of the server without a password.
    pub server: String,
}

/// What a rehearsal found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RehearsalFacts {
    /// What changed on each target's copy, as `bookend diff --json` says it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Value>,
    /// What was observed while it ran: locks, sizes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Value>,
}

/// What was seen of others' writes to one target since its before-backup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietFacts {
    /// A position in the plan's targets.
    pub target: usize,
    /// `quiet`, `written` or `unknown`.
    pub verdict: String,
    /// How it was looked at, in words.
    pub how: String,
    /// Objects that were read again.
    pub objects_read: u64,
    /// What was written to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub written: Vec<RunWritten>,
    /// Why it is not known, or what else was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A command about to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandFacts {
    /// Its words, passwords blotted out.
    pub words: Vec<String>,
    /// Where its output goes.
    pub log: String,
    /// Variables that were pointed at the step's database.
    pub repointed: Vec<String>,
}

/// Why a run stopped, in the words that the person read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setback {
    /// A stable word.
    pub code: String,
    /// What failed.
    pub message: String,
    /// Why, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
