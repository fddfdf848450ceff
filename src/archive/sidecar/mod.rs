//! Sidecar files: what travels with a backup beside the database. Each path that was named is
//! one tar stream, cut into chunks like any other, with a listing beside it; see
//! docs/format.md.

mod compare;
mod encode;
mod entry;
mod read;
mod stream;
mod verify;
mod write;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use crate::snapshot::StreamId;

pub use compare::{SidecarChange, compare_sidecars};
pub use entry::{Entry, EntryKind, Moment};
pub use read::TreeReader;
pub use verify::TreeFlaw;
pub(super) use verify::check;
pub use write::TreeWriter;

/// What the manifest says of one path that travels along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sidecar {
    /// The path as it was given; bytes that are not UTF-8 replaced.
    pub path: String,
    /// The one word under which it lies in its tar, and in the folder of a restore.
    pub name: String,
    /// Regular files in it.
    pub files: u64,
    /// Folders in it, itself among them if it is one.
    pub folders: u64,
    /// Symbolic links in it.
    pub links: u64,
    /// Bytes in its files.
    pub bytes: u64,
    /// Files that were written to while they were read.
    pub changed: u64,
    /// Sockets, pipes and devices, and the store: what a backup leaves out.
    pub left_out: u64,
    /// Bytes of the tar stream.
    pub tar_bytes: u64,
    /// Digest of the tar stream.
    pub tar_sha256: Digest,
    /// Bytes of the listing.
    pub listing_bytes: u64,
    /// Digest of the listing.
    pub listing_sha256: Digest,
}

impl Sidecar {
    /// How a person is told of it: `files/NAME`.
    #[must_use]
    pub fn label(&self) -> String {
        label(&self.name)
    }
}

/// How a person is told of the sidecar of that name.
fn label(name: &str) -> String {
    format!("files/{name}")
}

/// Which of a sidecar's two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TreePart {
    /// The files, as a tar.
    Tar,
    /// A line of JSON for each entry.
    Listing,
}

/// Names one stream of a sidecar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TreeId {
    /// Position in the manifest's `files`, from 1.
    pub number: u32,
    /// Which of its streams.
    pub part: TreePart,
}

impl TreeId {
    /// The folder of the stream's members inside an archive.
    #[must_use]
    pub fn folder(self) -> String {
        let folder = match self.part {
            TreePart::Tar => "files",
            TreePart::Listing => "listings",
        };
        format!("{folder}/{:04}", self.number)
    }

    /// The name of the stream's chunk `number`, from 1.
    #[must_use]
    pub fn member(self, number: u32, extension: &str) -> String {
        let stem = match self.part {
            TreePart::Tar => "tar",
            TreePart::Listing => "jsonl",
        };
        let dot = if extension.is_empty() { "" } else { "." };
        format!("{}/{number:04}.{stem}{dot}{extension}", self.folder())
    }
}

/// What makes a member a chunk of a sidecar. A reader of format 1.0 does not know this key and
/// takes the member for one that is stored as it is, which its other keys agree with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeChunk {
    /// Of which stream.
    #[serde(flatten)]
    pub id: TreeId,
    /// Bytes before compression.
    pub bytes: u64,
}

/// Whose chunk a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// An engine's stream.
    Stream(StreamId),
    /// A sidecar's.
    Tree(TreeId),
}

impl Lane {
    /// The folder of its members.
    pub fn folder(&self) -> String {
        match self {
            Self::Stream(id) => id.folder(),
            Self::Tree(id) => id.folder(),
        }
    }

    /// The name of its chunk `number`, from 1.
    pub fn member(&self, number: u32, extension: &str) -> String {
        match self {
            Self::Stream(id) => id.member(number, extension),
            Self::Tree(id) => id.member(number, extension),
        }
    }
}
