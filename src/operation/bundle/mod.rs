//! Everything about one run in one file: archives, receipts, COMMAND, the migration's own
//! files, logs, journal, reports.
//!
//! A bundle of a run that failed holds what there is, and its manifest says what is missing
//! and why.

mod files;
mod names;
mod readme;
mod verify;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::{OperationError, Workspace};
use crate::archive::{Archive, BundleAbout, BundleEntry, BundleKind, BundleWriter, Missing};
use crate::progress::Progress;
use crate::store::{Draft, Pending, Store, StoreError};
use files::{MigrationFile, Walk};
use names::Names;

pub use crate::archive::{BundleManifest, BundleMember, Missing as MissingPart, is_bundle};
pub use verify::{BundleCheck, open_bundle, verify_bundle};

/// An archive that belongs into a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundledArchive {
    /// What it is, for the list of what is missing: `the before-archive of shop`.
    pub what: String,
    /// Where it lies; `None` if it was not made.
    pub path: Option<PathBuf>,
    /// Why it was not made.
    pub why: String,
}

/// What goes into a bundle.
#[derive(Clone, Debug, Default)]
pub struct BundleRequest {
    /// The run.
    pub run: String,
    /// Its state.
    pub state: String,
    /// When it began: files that changed later are told.
    pub began: Option<DateTime<Utc>>,
    /// Its archives.
    pub archives: Vec<BundledArchive>,
    /// Its folder, with journal and logs.
    pub folder: PathBuf,
    /// COMMAND and `--check` in words, without secrets.
    pub command: String,
    /// Reports and the like, by name.
    pub reports: Vec<(String, Vec<u8>)>,
    /// Files and folders of the migration.
    pub migration_files: Vec<PathBuf>,
    /// Where the bundle goes; by default into the store.
    pub output: Option<PathBuf>,
}

/// A bundle that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct BundleOutcome {
    /// Where it is.
    pub path: PathBuf,
    /// Bytes of the file.
    pub bytes: u64,
    /// How long it took.
    pub seconds: Duration,
    /// What it holds, and what is missing.
    pub manifest: BundleManifest,
}

/// Makes a bundle. Bounded in memory, and complete or not there.
///
/// # Errors
/// A member could not be read, or the file not be written; nothing is published then.
pub async fn bundle(
    ws: &Workspace,
    request: BundleRequest,
) -> Result<BundleOutcome, OperationError> {
    let (store, progress) = (Arc::clone(&ws.store), Arc::clone(&ws.progress));
    let cancel = ws.cancel.clone();
    tokio::task::spawn_blocking(move || {
        let made = make(&store, &request, progress.as_ref(), &cancel);
        progress.finish();
        made
    })
    .await
    .map_err(|_| OperationError::Broken {
        what: "making the bundle",
    })?
}

fn make(
    store: &Store,
    request: &BundleRequest,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<BundleOutcome, OperationError> {
    let begun = Instant::now();
    // Of a crash while this very bundle was made, perhaps: its name is free again.
    store.remove_leftovers()?;
    let place = Place::begin(store, request)?;
    let about = BundleAbout {
        format: BundleWriter::format(),
        run: request.run.clone(),
        created_at: Utc::now(),
    };
    let mut making = Making {
        writer: BundleWriter::start(place.file()?, about)?,
        names: Names::default(),
        missing: Vec::new(),
        progress,
        cancel,
    };
    let walk = files::walk(&request.migration_files, request.began);
    progress.phase("bundle", Some(expected(request, &walk)));
    making.texts(request, &walk)?;
    making.folder(&request.folder)?;
    making.migration(walk)?;
    making.archives(&request.archives)?;
    let (manifest, bytes) = making
        .writer
        .finish(request.state.clone(), making.missing)?;
    let path = place.publish(store)?;
    Ok(BundleOutcome {
        path,
        bytes,
        seconds: begun.elapsed(),
        manifest,
    })
}

/// Bytes of the large members.
fn expected(request: &BundleRequest, walk: &Walk) -> u64 {
    let archives = request.archives.iter().filter_map(|one| one.path.as_ref());
    let archives = archives.filter_map(|path| path.metadata().ok());
    let files = walk.files.iter().map(|file| file.bytes);
    archives.map(|about| about.len()).chain(files).sum()
}

/// Where a bundle is being written.
enum Place {
    Store(Pending),
    Outside(Draft),
}

impl Place {
    fn begin(store: &Store, request: &BundleRequest) -> Result<Self, StoreError> {
        match &request.output {
            Some(path) => Draft::begin(store, path).map(Self::Outside),
            None => store
                .begin(&format!("{}.bundle", request.run))
                .map(Self::Store),
        }
    }

    fn file(&self) -> Result<File, StoreError> {
        match self {
            Self::Store(pending) => pending.file(),
            Self::Outside(draft) => draft.file(),
        }
    }

    fn publish(self, store: &Store) -> Result<PathBuf, StoreError> {
        match self {
            Self::Store(pending) => store.publish(pending),
            Self::Outside(draft) => draft.publish(),
        }
    }
}

/// A bundle on its way.
struct Making<'a> {
    writer: BundleWriter,
    names: Names,
    missing: Vec<Missing>,
    progress: &'a dyn Progress,
    cancel: &'a CancellationToken,
}

impl Making<'_> {
    fn miss(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.missing.push(Missing {
            what: what.into(),
            why: why.into(),
        });
    }

    /// What is small and made here.
    fn texts(&mut self, request: &BundleRequest, walk: &Walk) -> Result<(), OperationError> {
        let readme = readme::text(request, walk);
        let mut put = |name: &str, kind, bytes: &[u8]| {
            let name = self.names.take("", name);
            self.writer.bytes(BundleEntry::new(name, kind), bytes)
        };
        put("README.md", BundleKind::Readme, readme.as_bytes())?;
        put(
            "COMMAND.txt",
            BundleKind::Command,
            request.command.as_bytes(),
        )?;
        for (name, bytes) in &request.reports {
            put(name, BundleKind::Report, bytes)?;
        }
        Ok(())
    }

    /// The journal and the logs of the run's folder, as far as they have grown.
    fn folder(&mut self, folder: &Path) -> Result<(), OperationError> {
        let journal = folder.join("journal.jsonl");
        if journal.is_file() {
            self.file("", &journal, BundleKind::Journal)?;
        } else {
            self.miss("the journal", "it is not there");
        }
        let logs = files::logs(folder);
        if logs.is_empty() {
            self.miss("logs", "no command has run");
        }
        for log in logs {
            self.file("logs", &log, BundleKind::Log)?;
        }
        Ok(())
    }

    fn migration(&mut self, walk: Walk) -> Result<(), OperationError> {
        for file in walk.files {
            self.migration_file(&file)?;
        }
        self.missing.extend(walk.left_out);
        Ok(())
    }

    fn migration_file(&mut self, file: &MigrationFile) -> Result<(), OperationError> {
        let opened = match file.open() {
            Ok(opened) => opened,
            Err(why) => {
                self.miss(file.path.display().to_string(), why);
                return Ok(());
            }
        };
        let entry = BundleEntry {
            name: self.names.take("migration", &file.name),
            kind: BundleKind::Migration,
            source: Some(file.path.display().to_string()),
        };
        self.copy(entry, &opened)
    }

    fn archives(&mut self, archives: &[BundledArchive]) -> Result<(), OperationError> {
        for archive in archives {
            match &archive.path {
                None => self.miss(&archive.what, &archive.why),
                Some(path) => self.archive(&archive.what, path)?,
            }
        }
        Ok(())
    }

    /// One archive and its receipt, if that is of this very archive.
    fn archive(&mut self, what: &str, path: &Path) -> Result<(), OperationError> {
        if !path.is_file() {
            self.miss(what, format!("{} is not there any more", path.display()));
            return Ok(());
        }
        let id = match Archive::head(path) {
            Ok((_, _, id)) => id.to_string(),
            Err(error) => {
                // Its bytes come along all the same; `verify` names the damage.
                self.miss(format!("{what} in a good state"), error.to_string());
                String::new()
            }
        };
        self.file("archives", path, BundleKind::Archive)?;
        let mut receipt = path.as_os_str().to_owned();
        receipt.push(".proof.json");
        let receipt = PathBuf::from(receipt);
        match std::fs::read_to_string(&receipt) {
            Ok(text) if !id.is_empty() && text.contains(&id) => {
                self.file("proofs", &receipt, BundleKind::Receipt)
            }
            Ok(_) => {
                self.miss(
                    format!("the proof of {what}"),
                    "its receipt is of another archive",
                );
                Ok(())
            }
            Err(_) => {
                self.miss(format!("a proof of {what}"), "none was made");
                Ok(())
            }
        }
    }

    fn file(&mut self, folder: &str, path: &Path, kind: BundleKind) -> Result<(), OperationError> {
        let opened = File::open(path).map_err(|source| unreadable(path, source))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let entry = BundleEntry {
            name: self.names.take(folder, &name),
            kind,
            source: Some(path.display().to_string()),
        };
        self.copy(entry, &opened)
    }

    fn copy(&mut self, entry: BundleEntry, from: &File) -> Result<(), OperationError> {
        let about = from.metadata();
        let name = entry.source.clone().unwrap_or_default();
        let size = about
            .map_err(|source| unreadable(Path::new(&name), source))?
            .len();
        let advance = |bytes| self.progress.advance(bytes, 0);
        self.writer.copy(entry, from, size, &advance, self.cancel)?;
        Ok(())
    }
}

fn unreadable(path: &Path, source: std::io::Error) -> OperationError {
    StoreError::Io {
        what: format!("{} could not be read", path.display()),
        source,
    }
    .into()
}
