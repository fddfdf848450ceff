//! What the store holds, and which archive a word means.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::receipt::Verdict;
use super::{Store, StoreError};
use crate::archive::{Archive, Sidecar, is_called_bundle};

/// One archive of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoredArchive {
    /// Its file name without `.tar`.
    pub id: String,
    /// Where it is.
    pub path: PathBuf,
    /// Label of the target.
    pub target: String,
    /// `postgresql` or `mongodb`.
    pub engine: String,
    /// The word it was tagged with.
    pub tag: Option<String>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// Bytes of the file.
    pub bytes_stored: u64,
    /// Rows in it.
    pub rows: u64,
    /// What travels along.
    pub files: Vec<Sidecar>,
    /// The verdict of its receipt, if it has one of this very archive.
    pub proof: Option<Verdict>,
}

/// A file that is called like an archive and cannot be opened as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenArchive {
    /// Where it is.
    pub path: PathBuf,
    /// Why it cannot be opened.
    pub problem: String,
}

/// What a store holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Archives, oldest first.
    pub archives: Vec<StoredArchive>,
    /// Files that should be archives.
    pub broken: Vec<BrokenArchive>,
}

impl Store {
    /// Everything in the store that is called like an archive.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn list(&self) -> Result<Listing, StoreError> {
        let mut listing = Listing::default();
        for path in self.archive_paths()? {
            match self.stored(&path) {
                Ok(stored) => listing.archives.push(stored),
                Err(error) => listing.broken.push(BrokenArchive {
                    problem: error.to_string(),
                    path,
                }),
            }
        }
        let archives = &mut listing.archives;
        archives.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(listing)
    }

    /// The archive that `word` means: a path; a name or id in the store, or the beginning of
    /// one; `latest`; `latest:TARGET`.
    ///
    /// # Errors
    /// Nothing or several go by that word, or it cannot be opened.
    pub fn select(&self, word: &str) -> Result<StoredArchive, StoreError> {
        self.stored(&self.locate(word)?)
    }

    /// As [`Store::select`], without opening what a path or a name leads to: it may be
    /// damaged.
    ///
    /// # Errors
    /// Nothing or several go by that word.
    pub fn locate(&self, word: &str) -> Result<PathBuf, StoreError> {
        let newest = |target: Option<&str>| {
            let mut archives = self.list()?.archives;
            archives.retain(|archive| target.is_none_or(|target| archive.target == target));
            let newest = archives.pop().map(|archive| archive.path);
            newest.ok_or_else(|| self.no_such(word))
        };
        if word == "latest" {
            return newest(None);
        }
        if let Some(target) = word.strip_prefix("latest:") {
            return newest(Some(target));
        }
        let paths = self.archive_paths()?;
        if let Some(exact) = paths.iter().find(|path| is_called(path, word)) {
            return Ok(exact.clone());
        }
        if word.contains('/') || Path::new(word).is_file() {
            let path = PathBuf::from(word);
            let there = path.exists();
            return there.then_some(path).ok_or_else(|| self.no_such(word));
        }
        let begins = |path: &&PathBuf| !word.is_empty() && id_of(path).starts_with(word);
        let candidates: Vec<_> = paths.iter().filter(begins).collect();
        match candidates.as_slice() {
            [] => Err(self.no_such(word)),
            [only] => Ok((*only).clone()),
            several => Err(StoreError::Ambiguous {
                word: word.to_owned(),
                candidates: several.iter().map(|path| id_of(path)).collect(),
            }),
        }
    }

    fn stored(&self, path: &Path) -> Result<StoredArchive, StoreError> {
        let (head, files, manifest_sha256) = Archive::head(path)?;
        let about = fs::metadata(path);
        let about = about.map_err(StoreError::io(|| format!("{}", path.display())))?;
        // A receipt that cannot be read proves nothing; `receipt` says why.
        let receipt = self.receipt(path).ok().flatten();
        let receipt = receipt.filter(|receipt| receipt.manifest_sha256 == manifest_sha256);
        Ok(StoredArchive {
            id: id_of(path),
            path: path.to_owned(),
            target: head.target,
            engine: head.engine,
            tag: head.tag,
            created_at: head.created_at,
            bytes_stored: about.len(),
            rows: head.rows,
            files,
            proof: receipt.map(|receipt| receipt.verdict),
        })
    }

    fn archive_paths(&self) -> Result<Vec<PathBuf>, StoreError> {
        let read = || -> io::Result<Vec<PathBuf>> {
            let entries = fs::read_dir(&self.dir)?.map(|entry| entry.map(|entry| entry.path()));
            let mut paths = entries.collect::<io::Result<Vec<_>>>()?;
            paths.retain(|path| is_archive_name(path));
            paths.sort();
            Ok(paths)
        };
        read().map_err(StoreError::io(|| {
            format!("{} could not be read", self.dir.display())
        }))
    }

    fn no_such(&self, word: &str) -> StoreError {
        let archives = self.list().unwrap_or_default().archives;
        StoreError::NoSuchArchive {
            word: word.to_owned(),
            store: self.dir.clone(),
            there: archives
                .into_iter()
                .rev()
                .map(|archive| archive.id)
                .collect(),
        }
    }
}

fn is_archive_name(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".tar");
    stem.is_some_and(|stem| !stem.starts_with('.')) && !is_called_bundle(path)
}

fn is_called(path: &Path, word: &str) -> bool {
    let id = id_of(path);
    word.strip_suffix(".tar").unwrap_or(word) == id
}

/// The file's name without `.tar`.
fn id_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.strip_suffix(".tar").unwrap_or(&name).to_owned()
}
