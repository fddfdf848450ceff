//! An archive that is being written: it has its name only once it is complete.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::files::{is_plain, partial_name, sync_folder};
use super::{Store, StoreError};

/// The file of an archive that is being written. Dropped without
/// [`Store::publish`], it is removed.
#[derive(Debug)]
pub struct Pending {
    id: String,
    base: String,
    path: PathBuf,
    file: File,
    published: bool,
}

impl Pending {
    /// The id that the archive will have.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where it is being written.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A handle to write it by.
    ///
    /// # Errors
    /// The system has no handle left.
    pub fn file(&self) -> Result<File, StoreError> {
        let copied = self.file.try_clone();
        copied.map_err(StoreError::io(|| {
            format!("{} could not be opened", self.path.display())
        }))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.published {
            // What cannot be removed now is found as a leftover.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Store {
    /// Begins an archive called `base`, or `base-2` and so on if that is taken. The file is
    /// 0600 and hidden, and the id is reserved while it exists.
    ///
    /// # Errors
    /// The name is not one plain word, or the file cannot be made.
    pub fn begin(&self, base: &str) -> Result<Pending, StoreError> {
        if !is_plain(base) {
            let name = base.to_owned();
            return Err(StoreError::BadName { name });
        }
        self.close_to_others();
        let mut number = 1;
        loop {
            let id = numbered(base, number);
            let path = self.dir.join(partial_name(&format!("{id}.tar")));
            let taken = self.dir.join(format!("{id}.tar")).exists();
            let made = if taken {
                Err(io::ErrorKind::AlreadyExists.into())
            } else {
                self.create_partial(&path)
            };
            match made {
                Ok(file) => {
                    return Ok(Pending {
                        id,
                        base: base.to_owned(),
                        path,
                        file,
                        published: false,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(source) => {
                    let what = format!("no archive can be begun in {}", self.dir.display());
                    return Err(StoreError::Io { what, source });
                }
            }
        }
    }

    /// Gives a finished and synced archive its name, never over another file, and makes the
    /// name last. If somebody put a file of its name there meanwhile, the next free number is
    /// taken.
    ///
    /// # Errors
    /// The name cannot be given; the file is removed then.
    pub fn publish(&self, mut pending: Pending) -> Result<PathBuf, StoreError> {
        let name = || {
            let _guard = self.guard()?;
            let mut candidate = pending.id.clone();
            let mut number = 1;
            loop {
                let path = self.dir.join(format!("{candidate}.tar"));
                match name_without_overwriting(&pending.path, &path) {
                    Ok(()) => break Ok(path),
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        number += 1;
                        candidate = numbered(&pending.base, number);
                    }
                    Err(error) => break Err(error),
                }
            }
        };
        let failed = |pending: &Pending| format!("{}.tar could not be published", pending.id);
        let path = match name() {
            Ok(path) => path,
            Err(source) => {
                let what = failed(&pending);
                return Err(StoreError::Io { what, source });
            }
        };
        pending.published = true;
        sync_folder(&self.dir).map_err(StoreError::io(|| failed(&pending)))?;
        Ok(path)
    }
}

fn numbered(base: &str, number: u32) -> String {
    match number {
        1 => base.to_owned(),
        number => format!("{base}-{number}"),
    }
}

/// A link fails where a rename would overwrite. Where a file system has no links the store's
/// guard, which the caller holds, must do.
pub(super) fn name_without_overwriting(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => {
            // The archive has its name; a second one that stays is found as a leftover.
            let _ = fs::remove_file(from);
            Ok(())
        }
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported
            ) =>
        {
            if to.exists() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(from, to)
        }
        Err(error) => Err(error),
    }
}
