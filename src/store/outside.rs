//! Files that a person asked for by path: complete or not there, as in the store itself.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::afar::Note;
use super::files::sync_folder;
use super::{Store, StoreError};

/// Writes a file whole, over one that is there: readers see the old content or the new. What
/// is no regular file (a pipe, `/dev/stdout`) is written to as it is.
///
/// # Errors
/// It cannot be written.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let write = || -> io::Result<()> {
        // Behind a link lies the file that is meant.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if path.exists() && !path.is_file() {
            return OpenOptions::new().write(true).open(&path)?.write_all(bytes);
        }
        let mut draft = Draft::new(&path, partial_beside(&path)?, 0o666, None)?;
        draft.file.write_all(bytes)?;
        draft.file.sync_all()?;
        fs::rename(&draft.partial, &path)?;
        draft.done = true;
        sync_folder(folder_of(&path))
    };
    write().map_err(StoreError::io(|| {
        format!("{} could not be written", path.display())
    }))
}

/// A file that is being written to a place of a person's choice. Dropped without
/// [`Draft::publish`], it is removed.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    partial: PathBuf,
    file: File,
    done: bool,
    _noted: Option<Note>,
}

impl Draft {
    fn new(path: &Path, partial: PathBuf, mode: u32, noted: Option<Note>) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create_new(true).mode(mode);
        Ok(Self {
            path: path.to_owned(),
            file: options.open(&partial)?,
            partial,
            done: false,
            _noted: noted,
        })
    }

    /// Begins a file (0600) that must not be there yet. `store` knows of it until it is done.
    ///
    /// # Errors
    /// It is there, or cannot be made.
    pub fn begin(store: &Store, path: &Path) -> Result<Self, StoreError> {
        if path.symlink_metadata().is_ok() {
            return Err(StoreError::Taken {
                path: path.to_owned(),
            });
        }
        let failed = || format!("{} could not be begun", path.display());
        let partial = partial_beside(path).map_err(StoreError::io(failed))?;
        let noted = store.note_outside(&partial)?;
        Self::new(path, partial, 0o600, Some(noted)).map_err(StoreError::io(failed))
    }

    /// A handle to write it by.
    ///
    /// # Errors
    /// The system has no handle left.
    pub fn file(&self) -> Result<File, StoreError> {
        self.file.try_clone().map_err(StoreError::io(|| {
            format!("{} could not be opened", self.partial.display())
        }))
    }

    /// Gives the finished and synced file its name, never over another.
    ///
    /// # Errors
    /// Somebody put a file there meanwhile, or the name cannot be given.
    pub fn publish(mut self) -> Result<PathBuf, StoreError> {
        let named = super::pending::name_without_overwriting(&self.partial, &self.path);
        let path = self.path.clone();
        named.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => StoreError::Taken { path: path.clone() },
            _ => StoreError::Io {
                what: format!("{} could not be published", path.display()),
                source,
            },
        })?;
        self.done = true;
        sync_folder(folder_of(&path)).map_err(StoreError::io(|| {
            format!("{} could not be published", path.display())
        }))?;
        Ok(path)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.done {
            // Whoever asked for the file sees what is left beside it.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// A temporary name beside `path`.
pub(super) fn partial_beside(path: &Path) -> io::Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it names nothing"))?;
    let random: u64 = rand::random();
    let partial = format!(".{}.{random:016x}.partial", name.to_string_lossy());
    Ok(folder_of(path).join(partial))
}

/// The folder that a path lies in.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_also_behind_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a"), folder.path().join("b"));
        replace_file(&file, b"one").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        replace_file(&link, b"two").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert!(link.is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        assert!(replace_file(&folder.path().join("no/such"), b"").is_err());
    }

    #[test]
    fn a_draft_never_takes_the_place_of_another_file_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let path = folder.path().join("a.tar");
        let draft = Draft::begin(&store, &path).unwrap();
        drop(draft);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let draft = Draft::begin(&store, &path).unwrap();
        fs::write(&path, b"theirs").unwrap();
        assert!(matches!(draft.publish(), Err(StoreError::Taken { .. })));
        assert!(matches!(
            Draft::begin(&store, &path),
            Err(StoreError::Taken { .. })
        ));
        assert_eq!(fs::read(&path).unwrap(), b"theirs");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
