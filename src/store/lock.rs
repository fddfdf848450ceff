//! Locks by name: two commands that must not run at once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{MutexGuard, PoisonError};

use super::files::{is_plain, make_folder};
use super::{Store, StoreError};

/// Held until it is dropped, or the process ends however it ends.
#[derive(Debug)]
pub struct StoreLock {
    _file: File,
}

impl Store {
    /// Takes the lock called `name` (e.g. `run-shop`), or says who has it. `holder` is what
    /// others are told then, e.g. `run 20261120T043512Z-shop (process 4711)`.
    ///
    /// # Errors
    /// Another process holds it, or it cannot be made.
    pub fn lock(&self, name: &str, holder: &str) -> Result<StoreLock, StoreError> {
        if !is_plain(name) {
            let name = name.to_owned();
            return Err(StoreError::BadName { name });
        }
        let folder = self.dir.join("locks");
        make_folder(&folder)?;
        let path = self.lock_path(name);
        let failed = |source: io::Error| StoreError::Io {
            what: format!("the lock {} could not be taken", path.display()),
            source,
        };
        let mut options = OpenOptions::new();
        // Not truncated: what it says belongs to whoever holds it.
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut file = options.mode(0o600).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(&path).unwrap_or_default();
                return Err(StoreError::Busy {
                    what: name.to_owned(),
                    holder: holder.trim().to_owned(),
                });
            }
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0).map_err(failed)?;
        writeln!(file, "{holder}").map_err(failed)?;
        Ok(StoreLock { _file: file })
    }

    /// Takes a lock until [`Store::release`], or the end of the process: it says that somebody
    /// still works on what has this name.
    ///
    /// # Errors
    /// As [`Store::lock`].
    pub fn hold(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        let lock = self.lock(&plain(name), holder)?;
        self.held().insert(name.to_owned(), lock);
        Ok(())
    }

    /// Gives back what [`Store::hold`] took, by this process or one that is gone.
    pub fn release(&self, name: &str) {
        let own = self.held().remove(name);
        if own.is_some() || !self.is_held(name) {
            // A file that stays is in nobody's way.
            let _ = fs::remove_file(self.lock_path(&plain(name)));
        }
    }

    /// True while another process, or another [`Store`], holds this name; leaves nothing
    /// behind.
    #[must_use]
    pub fn is_held(&self, name: &str) -> bool {
        if self.held().contains_key(name) {
            return false;
        }
        let file = File::open(self.lock_path(&plain(name)));
        file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }

    fn lock_path(&self, name: &str) -> PathBuf {
        self.dir.join("locks").join(format!("{name}.lock"))
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, StoreLock>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of any database as the name of a file.
fn plain(name: &str) -> Cow<'_, str> {
    if is_plain(name) {
        return Cow::Borrowed(name);
    }
    let digits: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    Cow::Owned(format!("hex-{digits}"))
}
