//! What a rehearsal showed, and whether others wrote to the original: plain facts, filled in
//! from the journal.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::snapshot::diff::Difference;

/// What COMMAND did to one target's copy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunRehearsal {
    /// The target.
    #[serde(default)]
    pub target: Option<String>,
    /// The copy's database.
    #[serde(default)]
    pub copy: Option<String>,
    /// True if the copy was kept (`--keep-copy`).
    #[serde(default)]
    pub kept: bool,
    /// Whether COMMAND was seen to reach the copy; `None` if it could not be watched.
    #[serde(default)]
    pub reached: Option<bool>,
    /// What it changed there, as `bookend diff --json` says it.
    #[serde(default)]
    pub difference: Option<Value>,
    /// What was lost there, allowed or not.
    #[serde(default)]
    pub losses: Vec<RunLoss>,
    /// How long tables were locked, the longest first.
    #[serde(default, alias = "tables")]
    pub locks: Vec<RunLock>,
    /// How long the longest statement took, in milliseconds.
    #[serde(default)]
    pub longest_statement_ms: Option<u64>,
    /// Bytes of the copy on its server before COMMAND.
    #[serde(default)]
    pub bytes_before: Option<u64>,
    /// Bytes of the copy on its server after COMMAND.
    #[serde(default)]
    pub bytes_after: Option<u64>,
    /// Sessions on the original while COMMAND ran on the copy.
    #[serde(default)]
    pub sessions: Vec<RunSession>,
    /// Variables, files and links that still named the original.
    #[serde(default)]
    pub names_original: Vec<String>,
    /// What could not be watched, in words.
    #[serde(default)]
    pub not_watched: Vec<String>,
}

impl RunRehearsal {
    /// From what was recorded: the difference as `bookend diff --json` says it, and what was
    /// observed, in the keys of this struct (`tables` for `locks` is understood). `allowed`
    /// gives the pattern that allows a loss of an object.
    #[must_use]
    pub fn of(
        target: Option<String>,
        difference: Option<Value>,
        observed: Option<&Value>,
        allowed: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let observed = observed.and_then(|value| serde_json::from_value(value.clone()).ok());
        let observed: Self = observed.unwrap_or_default();
        let found: Option<Difference> = difference
            .as_ref()
            .and_then(|value| serde_json::from_value(value.clone()).ok());
        let losses = found.unwrap_or_default().losses;
        let mut locks = observed.locks;
        locks.sort_by_key(|lock| Reverse(lock.reads_blocked_ms.max(lock.writes_blocked_ms)));
        Self {
            target,
            losses: losses
                .into_iter()
                .map(|loss| RunLoss {
                    allowed: allowed(&loss.object),
                    object: loss.object,
                    what: loss.what,
                })
                .collect(),
            locks,
            difference,
            ..observed
        }
    }
}

/// Something that a rehearsal lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLoss {
    /// What `--allow-loss` patterns are matched against.
    pub object: String,
    /// In words.
    pub what: String,
    /// The pattern that allowed it; `None`: nothing did.
    #[serde(default)]
    pub allowed: Option<String>,
}

/// How long one table was locked while COMMAND ran on the copy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLock {
    /// Printed name of the table.
    pub object: String,
    /// The longest time in a mode that blocks reads, in milliseconds.
    pub reads_blocked_ms: u64,
    /// The longest time in a mode that blocks writes, in milliseconds.
    pub writes_blocked_ms: u64,
}

/// A session on the original that was seen during the rehearsal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSession {
    /// Its process on the server.
    pub pid: i64,
    /// What it calls itself.
    #[serde(default)]
    pub application: String,
    /// Where it comes from.
    #[serde(default)]
    pub client: String,
    /// Why it surely belongs to COMMAND; `None`: it is somebody else's, or not known.
    #[serde(default)]
    pub belongs: Option<String>,
    /// True if it was ended.
    #[serde(default)]
    pub ended: bool,
}

/// What was seen of others' writes to a target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunQuiet {
    /// The target.
    pub target: Option<String>,
    /// The step that looked: `rehearsal`, `gap`, `migration` …
    pub step: String,
    /// `quiet`, `written` or `unknown`.
    pub verdict: String,
    /// How it was looked at, in words.
    #[serde(default)]
    pub how: String,
    /// Tables that were read again.
    #[serde(default)]
    pub tables_read: u64,
    /// What was written to.
    #[serde(default)]
    pub written: Vec<RunWritten>,
    /// Why it is not known.
    #[serde(default)]
    pub why: Option<String>,
}

/// A table that others wrote to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunWritten {
    /// Its printed name.
    pub object: String,
    /// At least so many rows; `None`: not counted.
    #[serde(default)]
    pub rows_at_least: Option<u64>,
}
