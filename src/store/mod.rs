//! Where archives live: publish, list, select, lock. Nothing else in the crate writes files
//! that last.
//!
//! A store is one folder: archives `ID.tar` with their receipts `ID.tar.proof.json`, the
//! records of databases and of private servers, `databases.jsonl` and `sandboxes.jsonl`, a folder
//! for each run under `runs/`, a file for each template under `templates/`, perhaps servers' folders under `sandboxes/`, and locks. A
//! file that is being written is called `.NAME.partial` and locked by its writer, so that a
//! leftover of a crash is told from work in progress.

mod afar;
mod error;
mod files;
mod folder;
mod ledger;
mod listing;
mod lock;
mod log;
mod outside;
mod pending;
mod receipt;
mod runs;
mod sandboxes;
mod templates;
mod time;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};

pub use error::StoreError;
pub use files::Leftover;
pub use folder::{FolderDraft, Unpacked};
pub use ledger::DatabaseLedger;
pub use listing::{BrokenArchive, Listing, StoredArchive};
pub use lock::StoreLock;
pub use log::DurableLog;
pub use outside::{Draft, replace_file};
pub use pending::Pending;
pub use receipt::{Receipt, SandboxFacts, Verdict};
pub use runs::RunFolder;
pub use sandboxes::MadeSandbox;
pub use templates::StoredTemplate;
pub use time::NameTime;

/// A folder of archives.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
    held: Arc<Mutex<BTreeMap<String, StoreLock>>>,
}

impl Store {
    /// Opens the store in `dir`, and makes the folder (0700) if there is none.
    ///
    /// # Errors
    /// The folder cannot be made, or is something else.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        files::make_folder(dir)?;
        Ok(Self {
            dir: dir.to_owned(),
            held: Arc::default(),
        })
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// True if others than the owner may list the folder. Files in it are 0600 anyway.
    ///
    /// # Errors
    /// The folder cannot be looked at.
    pub fn is_open_to_others(&self) -> Result<bool, StoreError> {
        let about = fs::metadata(&self.dir);
        let about = about.map_err(StoreError::io(|| format!("{}", self.dir.display())))?;
        Ok(about.permissions().mode() & 0o077 != 0)
    }

    /// Makes the folder 0700 if it is a store and nothing else: names of archives tell things,
    /// too. A folder that serves other purposes as well is left alone; `doctor` tells of it.
    pub(super) fn close_to_others(&self) {
        let ours = |name: &str| {
            name.starts_with('.')
                || [
                    "databases.jsonl",
                    "sandboxes.jsonl",
                    "sandboxes",
                    "locks",
                    "runs",
                    "templates",
                ]
                .contains(&name)
                || [".tar", ".proof.json"]
                    .iter()
                    .any(|end| name.ends_with(end))
        };
        let Ok(entries) = fs::read_dir(&self.dir) else {
            return;
        };
        let mut names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        if self.is_open_to_others().unwrap_or(false) && names.all(|name| ours(&name)) {
            // Not ours to change, perhaps: then it stays as its owner made it.
            let _ = fs::set_permissions(&self.dir, fs::Permissions::from_mode(0o700));
        }
    }

    /// The record of databases that bookend made.
    ///
    /// # Errors
    /// The record cannot be opened.
    pub fn ledger(&self) -> Result<DatabaseLedger, StoreError> {
        DatabaseLedger::open(&self.dir.join("databases.jsonl"))
    }
}

/// The id of an archive: label, time in UTC, and the tag if there is one; characters that a
/// file name should not hold become `_`.
#[must_use]
pub fn archive_id(label: &str, created: DateTime<Utc>, tag: Option<&str>) -> String {
    let safe = |text: &str| -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let safe = text.chars().map(|c| if plain(c) { c } else { '_' });
        safe.take(80).collect()
    };
    let label = safe(label);
    let label = label.trim_start_matches('.');
    let label = if label.is_empty() { "database" } else { label };
    let time = created.format("%Y%m%dT%H%M%SZ");
    match tag {
        Some(tag) => format!("{label}-{time}-{}", safe(tag)),
        None => format!("{label}-{time}"),
    }
}
