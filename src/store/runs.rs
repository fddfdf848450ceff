//! A folder for each run: its journal, its logs, its report.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::files::{is_plain, make_folder, sync_folder};
use super::log::DurableLog;
use super::{Store, StoreError};

/// The folder of one run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    store: Store,
    run: String,
    path: PathBuf,
}

impl Store {
    /// Makes the folder of a new run.
    ///
    /// # Errors
    /// There is one of that name, or it cannot be made.
    pub fn new_run(&self, run: &str) -> Result<RunFolder, StoreError> {
        let folder = self.run_folder(run)?;
        let runs = self.dir.join("runs");
        make_folder(&runs)?;
        let made = fs::create_dir(&folder.path)
            .and_then(|()| make_private(&folder.path))
            .and_then(|()| sync_folder(&runs))
            .and_then(|()| sync_folder(&self.dir));
        made.map_err(StoreError::io(|| {
            format!("the folder {} could not be made", folder.path.display())
        }))?;
        Ok(folder)
    }

    /// The folder of a run that exists; `None` if it does not.
    ///
    /// # Errors
    /// The name is not one plain word.
    pub fn run(&self, run: &str) -> Result<Option<RunFolder>, StoreError> {
        let folder = self.run_folder(run)?;
        Ok(folder.path.is_dir().then_some(folder))
    }

    /// All runs by name, which begins with their time: oldest first.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn runs(&self) -> Result<Vec<String>, StoreError> {
        let runs = self.dir.join("runs");
        let read = || -> io::Result<Vec<String>> {
            let entries = match fs::read_dir(&runs) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                entries => entries?,
            };
            let mut names = Vec::new();
            for entry in entries {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                if entry.file_type()?.is_dir() && is_plain(&name) {
                    names.push(name);
                }
            }
            names.sort();
            Ok(names)
        };
        read().map_err(StoreError::io(|| {
            format!("{} could not be read", runs.display())
        }))
    }

    fn run_folder(&self, run: &str) -> Result<RunFolder, StoreError> {
        if !is_plain(run) {
            let name = run.to_owned();
            return Err(StoreError::BadName { name });
        }
        Ok(RunFolder {
            store: self.clone(),
            run: run.to_owned(),
            path: self.dir.join("runs").join(run),
        })
    }
}

fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

impl RunFolder {
    /// The run's id.
    #[must_use]
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file of lines, each durable when its append returns: the journal.
    ///
    /// # Errors
    /// The name is not one plain word, or the file cannot be opened.
    pub fn journal(&self, name: &str) -> Result<DurableLog, StoreError> {
        DurableLog::open(&self.inside(name)?)
    }

    /// Such a file to go on with, of which so many bytes are whole.
    ///
    /// # Errors
    /// As [`RunFolder::journal`], and if it cannot be cut to them.
    pub fn reopen(&self, name: &str, whole: u64) -> Result<DurableLog, StoreError> {
        let log = self.journal(name)?;
        log.cut(whole).map_err(StoreError::io(|| {
            format!(
                "the torn end of {} could not be cut off",
                log.path().display()
            )
        }))?;
        Ok(log)
    }

    /// A file's bytes; `None` if there is no such file.
    ///
    /// # Errors
    /// The name is not one plain word, or it cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.inside(name)?;
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StoreError::Io {
                what: format!("{} could not be read", path.display()),
                source,
            }),
        }
    }

    /// The whole lines of such a file; none if there is no file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn lines(&self, name: &str) -> Result<Vec<String>, StoreError> {
        let path = self.inside(name)?;
        let lines = DurableLog::lines(&path);
        lines.map_err(StoreError::io(|| {
            format!("{} could not be read", path.display())
        }))
    }

    /// A file (0600) that only grows and is not synced: the output of a command.
    ///
    /// # Errors
    /// The name is not one plain word, or the file cannot be opened.
    pub fn output(&self, name: &str) -> Result<File, StoreError> {
        let path = self.inside(name)?;
        let mut options = OpenOptions::new();
        let opened = options.append(true).create(true).mode(0o600).open(&path);
        opened.map_err(StoreError::io(|| {
            format!("{} could not be opened", path.display())
        }))
    }

    /// Writes a file whole; see [`Store::write_atomic`].
    ///
    /// # Errors
    /// The name is not one plain word, or the file cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, StoreError> {
        let path = self.inside(name)?;
        self.store.write_whole(&path, bytes)?;
        Ok(path)
    }

    fn inside(&self, name: &str) -> Result<PathBuf, StoreError> {
        if !is_plain(name) {
            let name = name.to_owned();
            return Err(StoreError::BadName { name });
        }
        Ok(self.path.join(name))
    }
}
