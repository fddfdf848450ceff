//! Files that are complete or do not exist: made under a temporary name, locked while they
//! are written, synced, then given their name, and the folder synced.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::{Store, StoreError};

const PARTIAL: &str = ".partial";

/// A file, or a folder outside of the store, that a crash left half written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// Where it is.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: u64,
    /// Whether it lies where a person wanted it, not in the store.
    pub outside: bool,
}

impl Store {
    /// Writes a file of the store whole: it has the old content or the new, whenever the
    /// machine stops. `name` may lie in folders of the store that exist.
    ///
    /// # Errors
    /// The name is not a relative path of plain words, or the file cannot be written.
    pub fn write_atomic(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, StoreError> {
        if !name.split('/').all(is_plain) {
            let name = name.to_owned();
            return Err(StoreError::BadName { name });
        }
        let path = self.dir.join(name);
        self.write_whole(&path, bytes)?;
        Ok(path)
    }

    pub(super) fn write_whole(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let folder = path.parent().unwrap_or(&self.dir);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let random: u64 = rand::random();
        let partial = folder.join(format!(".{name}.{random:016x}{PARTIAL}"));
        let write = || {
            let mut file = self.create_partial(&partial)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&partial, path)?;
            sync_folder(folder)
        };
        write().map_err(|source| {
            // Whether it was made at all is not known here.
            let _ = fs::remove_file(&partial);
            let what = format!("{} could not be written", path.display());
            StoreError::Io { what, source }
        })
    }

    /// Makes a temporary file (0600) and locks it, with nobody looking for leftovers in
    /// between.
    pub(super) fn create_partial(&self, path: &Path) -> io::Result<File> {
        let _guard = self.guard()?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        tolerate_no_locks(file.lock())?;
        Ok(file)
    }

    /// Half-written files whose writers are gone, those outside of the store last.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn leftovers(&self) -> Result<Vec<Leftover>, StoreError> {
        let mut left = self.find_leftovers(false)?;
        left.extend(self.left_outside().map_err(self.not_looked())?);
        Ok(left)
    }

    /// Removes half-written files of the store whose writers are gone; returns what was removed.
    ///
    /// # Errors
    /// The folder cannot be read, or a file not be removed.
    pub fn remove_leftovers(&self) -> Result<Vec<Leftover>, StoreError> {
        self.forget_notes().map_err(self.not_looked())?;
        self.find_leftovers(true)
    }

    fn find_leftovers(&self, remove: bool) -> Result<Vec<Leftover>, StoreError> {
        let find = || {
            let _guard = self.guard()?;
            let mut found = Vec::new();
            let mut folders = vec![self.dir.clone()];
            folders.extend(subfolders(&self.dir.join("runs"))?);
            for folder in folders {
                for entry in fs::read_dir(&folder)? {
                    found.extend(leftover(&entry?.path())?);
                }
            }
            if remove {
                found
                    .iter()
                    .try_for_each(|left| fs::remove_file(&left.path))?;
            }
            Ok(found)
        };
        find().map_err(self.not_looked())
    }

    fn not_looked(&self) -> impl FnOnce(io::Error) -> StoreError {
        StoreError::io(|| {
            format!(
                "leftovers in {} could not be looked for",
                self.dir.display()
            )
        })
    }

    /// Held for moments only, by whoever makes or judges temporary files.
    pub(super) fn guard(&self) -> io::Result<File> {
        let path = self.dir.join(".lock");
        let mut options = OpenOptions::new();
        let options = options.read(true).append(true).create(true);
        let file = options.mode(0o600).open(path)?;
        tolerate_no_locks(file.lock())?;
        Ok(file)
    }
}

/// The file at `path` if it is half written and nobody writes it.
fn leftover(path: &Path) -> io::Result<Option<Leftover>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if !(name.starts_with('.') && name.ends_with(PARTIAL)) {
        return Ok(None);
    }
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(Leftover {
            path: path.to_owned(),
            bytes: file.metadata()?.len(),
            outside: false,
        })),
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => Ok(None),
    }
}

fn subfolders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> = entries.collect::<io::Result<_>>()?;
    paths.retain(|path| path.is_dir());
    Ok(paths)
}

/// The temporary name of `ID.tar`.
pub fn partial_name(name: &str) -> String {
    format!(".{name}{PARTIAL}")
}

/// Makes a folder (0700) unless it is there.
pub fn make_folder(folder: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(folder);
    made.map_err(StoreError::io(|| {
        format!("the folder {} could not be made", folder.display())
    }))
}

/// Makes names in `folder` last.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A file name that is one plain word.
pub fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !name.is_empty() && !name.starts_with('.') && name.len() <= 200 && name.bytes().all(plain)
}

/// Some network file systems have no locks; there the store does without.
pub fn tolerate_no_locks(locked: io::Result<()>) -> io::Result<()> {
    match locked {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        locked => locked,
    }
}
