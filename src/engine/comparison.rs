//! What comparing a copy with its archive shows.

use serde::{Deserialize, Serialize};

use crate::snapshot::{Fingerprint, Snapshot};

/// One difference between an archive and its copy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Discrepancy {
    /// The object's printed name.
    pub object: String,
    /// `rows`, `content`, `column`, `sequence`, `trigger`, `owner`, `large object` …
    pub kind: String,
    /// What the archive has.
    pub expected: String,
    /// What the copy has.
    pub found: String,
}

/// What comparing a copy with its archive showed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Comparison {
    /// Empty means identical.
    pub differences: Vec<Discrepancy>,
    /// The copy's own figures: object, rows, fingerprint.
    pub objects: Vec<ComparedObject>,
    /// In words: what was not compared.
    pub not_compared: Vec<String>,
    /// The copy's facts as they were read: what a rehearsal begins with.
    #[serde(skip)]
    pub found: Option<Box<Snapshot>>,
    /// Version of the server that held the copy.
    pub server_version: String,
    /// Identity of that server.
    pub server_identity: Option<String>,
}

/// One object's figures in a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparedObject {
    /// Printed name.
    pub object: String,
    /// Rows in the copy.
    pub rows: u64,
    /// Fingerprint of the copy.
    pub fingerprint: Fingerprint,
}
