//! The receipt of a proof: `ARCHIVE.tar.proof.json`, beside its archive.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Store, StoreError};
use crate::archive::Digest;
use crate::engine::{ComparedObject, Discrepancy};

/// What a check of an archive came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A restored copy has the same content.
    Identical,
    /// Its bytes are as they were written; nothing was restored.
    Intact,
    /// A restored copy differs.
    Different,
    /// Its bytes are not as they were written.
    Damaged,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identical => "identical",
            Self::Intact => "intact",
            Self::Different => "different",
            Self::Damaged => "damaged",
        })
    }
}

/// What a proof showed, kept beside the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The archive's id.
    pub archive: String,
    /// The digest in its manifest's last line: the receipt holds for this very archive.
    pub manifest_sha256: Digest,
    /// When the comparison ended.
    pub proven_at: DateTime<Utc>,
    /// Version of the server that held the copy.
    pub server_version: String,
    /// Identity of that server, where readable.
    pub server_identity: Option<String>,
    /// Version of bookend that compared.
    pub bookend: String,
    /// What it came to.
    pub verdict: Verdict,
    /// Empty for `identical`.
    pub differences: Vec<Discrepancy>,
    /// The copy's own figures.
    pub objects: Vec<ComparedObject>,
    /// In words: what was not compared.
    pub not_compared: Vec<String>,
    /// The private server that held the copy; `None` if it was a server of somebody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<SandboxFacts>,
}

/// The private server that a proof was made on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxFacts {
    /// `PostgreSQL 16.14`.
    pub server: String,
    /// Version of the server that the archive was taken from.
    pub original_version: String,
    /// In words: where the two differ.
    pub notes: Vec<String>,
}

impl Store {
    /// Writes the receipt of the archive at `archive`, over an older one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_receipt(&self, archive: &Path, receipt: &Receipt) -> Result<PathBuf, StoreError> {
        let path = receipt_path(archive);
        let mut json = serde_json::to_vec_pretty(receipt).map_err(|error| StoreError::Io {
            what: format!("{} could not be written", path.display()),
            source: error.into(),
        })?;
        json.push(b'\n');
        self.write_whole(&path, &json)?;
        Ok(path)
    }

    /// The receipt of the archive at `archive`; `None` if it has none. Whether it is of the
    /// archive that is there now, its `manifest_sha256` says.
    ///
    /// # Errors
    /// The file cannot be read or understood.
    pub fn receipt(&self, archive: &Path) -> Result<Option<Receipt>, StoreError> {
        let path = receipt_path(archive);
        let json = match fs::read(&path) {
            Ok(json) => json,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                let what = format!("{} could not be read", path.display());
                return Err(StoreError::Io { what, source });
            }
        };
        let receipt = serde_json::from_slice(&json);
        receipt
            .map(Some)
            .map_err(|source| StoreError::BadReceipt { path, source })
    }
}

fn receipt_path(archive: &Path) -> PathBuf {
    let mut name = archive.as_os_str().to_owned();
    name.push(".proof.json");
    name.into()
}
