//! `bundle.json` and the manifest of a bundle; docs/format.md states their keys.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::archive::Digest;

/// The format that is written: major and minor version.
pub const FORMAT: &str = "1.0";
/// The major version that is read.
pub const MAJOR: u32 = 1;
/// The first member.
pub const ABOUT: &str = "bundle.json";

/// The first member: what the file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleAbout {
    /// Format version of bundles, `MAJOR.MINOR`.
    pub format: String,
    /// The run.
    pub run: String,
    /// When the bundle was begun.
    pub created_at: DateTime<Utc>,
}

/// The last member: everything about the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleManifest {
    /// Format version of bundles, `MAJOR.MINOR`.
    pub format: String,
    /// The run.
    pub run: String,
    /// The run's state when the bundle was made.
    pub state: String,
    /// When the bundle was begun.
    pub created_at: DateTime<Utc>,
    /// Version of bookend that wrote it.
    pub bookend: String,
    /// Every member but this one, in the order of the file.
    pub members: Vec<BundleMember>,
    /// What belongs into a bundle and is not in this one.
    pub missing: Vec<Missing>,
}

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BundleKind {
    /// `bundle.json`.
    About,
    /// How to look inside.
    Readme,
    /// COMMAND and `--check`, as they were given.
    Command,
    /// A report of the run.
    Report,
    /// The run's journal.
    Journal,
    /// What a command printed.
    Log,
    /// An archive.
    Archive,
    /// The receipt of an archive's proof.
    Receipt,
    /// One of the migration's own files.
    Migration,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleMember {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: BundleKind,
    /// Its bytes.
    pub bytes: u64,
    /// Their digest.
    pub sha256: Digest,
    /// Where its header begins.
    pub offset: u64,
    /// Where it came from, where the name does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Something that is not in the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}

/// The manifest without what a later version may have changed.
#[derive(Debug, Deserialize)]
pub struct Beginning {
    /// Format version.
    pub format: String,
}
