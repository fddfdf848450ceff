//! What an engine learns by looking at a target.

use serde::Serialize;

/// What `doctor` and preflight learn without changing anything.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// Server version as printed.
    pub server_version: String,
    /// Product name, e.g. `PostgreSQL`.
    pub product: String,
    /// Bytes of the database.
    pub bytes: u64,
    /// About how many bytes a backup will read, for the time left.
    #[serde(skip)]
    pub data_bytes: u64,
    /// Tables or collections.
    pub tables: u64,
    /// The vendor's tools that would be used, `name version (path)`.
    pub tools: Vec<String>,
    /// Identity of the server.
    pub identity: Option<String>,
    /// True for a hot standby or secondary.
    pub standby: bool,
    /// Free bytes where a copy would go, if it can be known.
    pub free_bytes: Option<u64>,
    /// Each thing checked: what, whether it is fine, and if not how to fix it.
    pub checks: Vec<Check>,
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub what: String,
    /// `Ok`, a warning, or a failure.
    pub state: CheckState,
    /// What was found.
    pub found: String,
    /// What to do, as a command where there is one.
    pub fix: Option<String>,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckState {
    /// Fine.
    Ok,
    /// Something that can be lived with.
    Warning,
    /// Something that will make a command fail.
    Failure,
}
