//! Data streams: what an archive stores for one object or for many.

use std::fmt;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A 128-bit order-independent sum of hashes: the sum, modulo 2^128, of the XXH3-128 hash
/// of each row, field or document. Written as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub u128);

impl Add for Fingerprint {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }
}

impl AddAssign for Fingerprint {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.len() != 32 {
            return Err(D::Error::custom("a fingerprint has 32 hexadecimal digits"));
        }
        u128::from_str_radix(&text, 16)
            .map(Self)
            .map_err(D::Error::custom)
    }
}

/// What the bytes of a stream are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StreamKind {
    /// Rows of one table in PostgreSQL's COPY text format; every chunk is whole rows.
    CopyText,
    /// A custom-format archive of `pg_dump` that holds only large objects.
    LargeObjects,
    /// The archive stream of `mongodump`.
    MongoArchive,
}

/// Names one stream of an archive: its kind, and for table data the number of the entry in
/// the vendor's table of contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StreamId {
    /// What the bytes are.
    pub kind: StreamKind,
    /// Entry number (`dumpId`) for [`StreamKind::CopyText`]; 0 where an archive has only one.
    pub entry: u32,
}

impl StreamId {
    /// The folder of the stream's members inside an archive.
    #[must_use]
    pub fn folder(&self) -> String {
        match self.kind {
            StreamKind::CopyText => format!("data/{:05}", self.entry),
            StreamKind::LargeObjects => "large_objects".to_owned(),
            StreamKind::MongoArchive => "dump".to_owned(),
        }
    }

    /// The name of the stream's chunk `number` (from 1), `extension` being `zst`, `gz` or
    /// empty for uncompressed chunks.
    #[must_use]
    pub fn member(&self, number: u32, extension: &str) -> String {
        let stem = match self.kind {
            StreamKind::CopyText => "copy",
            StreamKind::LargeObjects => "dump",
            StreamKind::MongoArchive => "archive",
        };
        let dot = if extension.is_empty() { "" } else { "." };
        format!("{}/{number:04}.{stem}{dot}{extension}", self.folder())
    }
}

/// One stream and whose data it carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// Which stream.
    pub id: StreamId,
    /// Printed names of the objects whose content it carries; one for table data.
    pub objects: Vec<String>,
    /// For table data: the vendor's own `COPY … FROM stdin;` statement.
    pub copy: Option<String>,
    /// Rows in the stream; 0 where rows are not its unit (large objects).
    pub rows: u64,
    /// Uncompressed bytes.
    pub bytes: u64,
    /// Sum over the rows as stored in this stream (0 where rows are not its unit).
    pub fingerprint: Fingerprint,
}

/// One chunk of a stream as a reader sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkFacts {
    /// Uncompressed bytes of the chunk.
    pub bytes: u64,
}
