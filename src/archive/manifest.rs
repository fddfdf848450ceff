//! `manifest.json` and `bookend.json`; docs/format.md states their keys.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::compression::Compression;
use super::digest::Digest;
use super::sidecar::{Lane, Sidecar, TreeChunk};
use crate::snapshot::{Object, ObjectKind, Snapshot, StreamId};

/// The format that is written: major and minor version.
pub const FORMAT: &str = "1.1";
/// The major version that is read.
pub const MAJOR: u32 = 1;

/// The first member.
pub const ABOUT: &str = "bookend.json";
/// The last member.
pub const MANIFEST: &str = "manifest.json";

/// The first member: what the file is, before anything else is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Format version, `MAJOR.MINOR`.
    pub format: String,
    /// `postgresql` or `mongodb`.
    pub engine: String,
    /// The database that was read.
    pub database: String,
    /// When the archive was begun.
    pub created_at: DateTime<Utc>,
}

/// The last member: everything about the archive. `S` is the snapshot, owned when read and
/// borrowed when written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest<S = Snapshot> {
    /// Format version, `MAJOR.MINOR`.
    pub format: String,
    /// What a list of archives shows.
    pub archive: Head,
    /// Every member but this one, in the order of the file.
    pub members: Vec<Member>,
    /// The paths that travel along, in the order of their numbers (since 1.1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Sidecar>,
    /// The facts of the database.
    pub snapshot: S,
}

/// What a list of archives shows, readable without the rest of the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Its name when it was begun.
    pub id: String,
    /// The word it was tagged with.
    pub tag: Option<String>,
    /// Label of the target.
    pub target: String,
    /// `postgresql` or `mongodb`.
    pub engine: String,
    /// The database that was read.
    pub database: String,
    /// When the archive was begun.
    pub created_at: DateTime<Utc>,
    /// Version of bookend that wrote it.
    pub bookend: String,
    /// How chunks are compressed.
    pub compression: Compression,
    /// True: one point in time; false: others wrote meanwhile; `None`: could not be known.
    pub consistent: Option<bool>,
    /// Objects with rows of their own.
    pub objects: u64,
    /// Their rows.
    pub rows: u64,
    /// Bytes of all members before compression.
    pub bytes_raw: u64,
}

impl Head {
    /// Counts objects that have content of their own, and their rows.
    #[must_use]
    pub fn count(objects: &[Object]) -> (u64, u64) {
        let own = objects
            .iter()
            .filter(|object| object.kind != ObjectKind::PartitionedTable)
            .filter_map(|object| object.content.as_ref());
        own.fold((0, 0), |(objects, rows), content| {
            (objects + 1, rows + content.rows)
        })
    }
}

/// One member of the tar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Bytes before compression.
    pub bytes: u64,
    /// Bytes in the tar.
    pub stored: u64,
    /// Digest of the bytes in the tar.
    pub sha256: Digest,
    /// Where its header begins.
    pub offset: u64,
    /// The stream that it is a chunk of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamId>,
    /// Rows in the chunk, for table data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// The sidecar that it is a chunk of (since 1.1); `bytes` is then what is stored, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<TreeChunk>,
}

impl Member {
    /// Bytes before compression.
    #[must_use]
    pub fn raw_bytes(&self) -> u64 {
        self.tree.map_or(self.bytes, |chunk| chunk.bytes)
    }

    /// Whose chunk it is, if it is one.
    pub(super) fn lane(&self) -> Option<Lane> {
        let tree = self.tree.map(|chunk| Lane::Tree(chunk.id));
        tree.or(self.stream.map(Lane::Stream))
    }
}

/// The beginning of any manifest, whatever its version.
#[derive(Debug, Deserialize)]
pub struct Beginning {
    /// Format version.
    pub format: String,
}

/// The manifest without members and snapshot.
#[derive(Debug, Deserialize)]
pub struct Summary {
    /// What a list shows.
    pub archive: Head,
    /// The paths that travel along.
    #[serde(default)]
    pub files: Vec<Sidecar>,
}

/// The major version in `MAJOR.MINOR`.
#[must_use]
pub fn major(format: &str) -> Option<u32> {
    let (major, minor) = format.split_once('.')?;
    minor.parse::<u32>().ok()?;
    major.parse().ok()
}

/// Unix seconds for tar headers.
#[must_use]
pub fn mtime(created: DateTime<Utc>) -> u64 {
    u64::try_from(created.timestamp()).unwrap_or(0)
}
