//! A run as people and scripts see it. Plain data, made from the run's journal alone.

mod changes;
mod html;
mod json;
mod junit;
mod markdown;
mod others;
mod rehearsal;
#[cfg(test)]
mod tests;
mod text;
mod verdict;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use changes::{LOST, change_lines};
pub use html::run_html;
pub use json::{report_json, run_json, status_json};
pub use junit::run_junit;
pub use markdown::run_markdown;
pub use rehearsal::{RunLock, RunLoss, RunQuiet, RunRehearsal, RunSession, RunWritten};
pub use text::{closing_text, run_text, status_text, steps_text};

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// Its id.
    pub run: String,
    /// One of the words of the interface's table.
    pub state: String,
    /// The exit code that goes with the state.
    pub exit: u8,
    /// When it began.
    pub began: Option<DateTime<Utc>>,
    /// How long it took, or has taken so far, in seconds.
    pub seconds: f64,
    /// What it was about.
    pub targets: Vec<RunTarget>,
    /// COMMAND as it was given, passwords blotted out.
    pub command: Vec<String>,
    /// What was done, in order, and what was not.
    pub steps: Vec<RunStep>,
    /// The archives that it made.
    pub archives: Vec<RunArchive>,
    /// Whether the migration came out as rehearsed; `None` without a rehearsal.
    pub as_rehearsed: Option<bool>,
    /// What came out differently than in the rehearsal, line by line.
    #[serde(default)]
    pub unlike_rehearsal: Vec<String>,
    /// What was waived, each with its reason.
    pub waived: Vec<Waiver>,
    /// What the rehearsal showed, target by target.
    #[serde(default)]
    pub rehearsals: Vec<RunRehearsal>,
    /// What was seen of others' writes, in the order it was looked at.
    #[serde(default)]
    pub quiet: Vec<RunQuiet>,
    /// What the migration changed, target by target.
    pub differences: Vec<RunDifference>,
    /// Options that every printed command needs: `--store DIR`.
    #[serde(skip)]
    pub options: Vec<String>,
    /// The command that puts things back, one for each target.
    pub undo: Vec<String>,
    /// What state things are in and what can be done, line by line.
    pub advice: Vec<String>,
    /// Why it stopped.
    pub error: Option<RunError>,
    /// Where the report lies.
    pub report: Option<String>,
    /// Where the bundle lies.
    pub bundle: Option<String>,
    /// Where the journal lies.
    pub journal: Option<String>,
}

/// A target of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTarget {
    /// Its name.
    pub target: String,
    /// `postgresql` or `mongodb`.
    pub engine: String,
    /// The database.
    pub database: String,
    /// URL without a password.
    pub url: String,
    /// Where it came from.
    pub origin: String,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not begun.
    Pending,
    /// Under way.
    Running,
    /// Done.
    Ok,
    /// Left out; the reason says why.
    Skipped,
    /// It failed.
    Failed,
    /// It began, and its end was not seen.
    Unknown,
}

/// A step of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStep {
    /// Its name.
    pub step: String,
    /// The target, for steps that are done for each.
    pub target: Option<String>,
    /// How far it is.
    pub state: StepState,
    /// When it began, in seconds after the run's own beginning.
    #[serde(default)]
    pub began_after: Option<f64>,
    /// How long it took; `None` if it did not begin or its end was not seen.
    pub seconds: Option<f64>,
    /// For the screen.
    pub lines: Vec<String>,
    /// Why it was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Path of the archive it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
    /// What a proof showed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// Each difference that a proof found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Value>,
    /// What a command ended with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// How `--check` ended on the copies of a rehearsal: `exit 0` is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// The signal that ended a command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Where a command's output lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// Variables that a command found pointed at the step's database.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repointed: Vec<String>,
    /// With a proof: the template that its copy was cloned from: `name`, `proven_at`, and
    /// `read`, false if it was not read again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Value>,
    /// What was observed while a rehearsal ran: locks, sizes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Value>,
}

/// An archive that a run made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunArchive {
    /// The target.
    pub target: Option<String>,
    /// The step that made it: `before` or `after`.
    pub step: String,
    /// Its id.
    pub id: String,
    /// Where it lies.
    pub path: String,
    /// Rows in it.
    pub rows: u64,
    /// Bytes before compression.
    #[serde(default)]
    pub bytes_raw: u64,
    /// Bytes in the store.
    pub bytes_stored: u64,
    /// Whether it is one point in time.
    pub consistent: Option<bool>,
    /// What its proof showed in this run.
    pub proof: Option<String>,
}

/// Something that was waived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// The flag.
    pub flag: String,
    /// The reason given.
    pub reason: String,
}

/// What changed in a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunDifference {
    /// The target.
    pub target: Option<String>,
    /// As `bookend diff --json` says it.
    #[serde(flatten)]
    pub difference: Value,
}

/// Why a run stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunError {
    /// A stable word.
    pub code: String,
    /// What failed.
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What to do next.
    pub hint: Option<String>,
}

/// Everything that `bookend status` tells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    /// Newest first.
    pub runs: Vec<RunReport>,
    /// Runs whose journal cannot be read.
    pub unreadable: Vec<UnreadableRun>,
    /// What crashes left.
    pub left_behind: Vec<LeftBehind>,
}

/// A run whose journal cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadableRun {
    /// Its id.
    pub run: String,
    /// Why.
    pub problem: String,
}

/// Something that a crash left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftBehind {
    /// `database`, `file` or `sandbox`.
    pub kind: String,
    /// Its name or path.
    pub name: String,
    /// The run that made it, where known.
    pub run: Option<String>,
    /// What it is and what to do about it.
    pub advice: String,
}
