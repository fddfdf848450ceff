//! Notes about what is half made outside of the store, so that a crash there is explained too.
//! `.RANDOM.outside` holds the path; it is locked as long as somebody works on it.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::files::sync_folder;
use super::{Leftover, Store, StoreError};

const NOTE: &str = ".outside";

/// A note. Dropped when what it is about has its name, or is gone.
#[derive(Debug)]
pub(super) struct Note {
    path: PathBuf,
    _locked: File,
}

impl Drop for Note {
    fn drop(&mut self) {
        // One that stays is about nothing any more, and is passed by.
        let _ = fs::remove_file(&self.path);
    }
}

impl Store {
    /// Notes what is about to be made at `partial`; on the disk when this returns.
    pub(super) fn note_outside(&self, partial: &Path) -> Result<Note, StoreError> {
        let random: u64 = rand::random();
        let path = self.dir.join(format!(".{random:016x}{NOTE}"));
        let write = || {
            let mut file = self.create_partial(&path)?;
            let partial = std::path::absolute(partial)?;
            file.write_all(partial.as_os_str().as_bytes())?;
            file.sync_all()?;
            sync_folder(&self.dir)?;
            Ok(file)
        };
        let locked = write().map_err(StoreError::io(|| {
            format!("{} could not be noted", partial.display())
        }))?;
        Ok(Note {
            path,
            _locked: locked,
        })
    }

    /// Takes away notes about what is not there any more.
    pub(super) fn forget_notes(&self) -> io::Result<()> {
        let _guard = self.guard()?;
        for note in self.notes()? {
            if let About::Nothing = about(&note)? {
                fs::remove_file(note)?;
            }
        }
        Ok(())
    }

    /// What was left half made outside of the store by somebody who is gone.
    pub(super) fn left_outside(&self) -> io::Result<Vec<Leftover>> {
        let _guard = self.guard()?;
        let mut left = Vec::new();
        for note in self.notes()? {
            if let About::Leftover(found) = about(&note)? {
                left.push(found);
            }
        }
        Ok(left)
    }

    fn notes(&self) -> io::Result<Vec<PathBuf>> {
        let mut notes = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let name = entry?.file_name();
            if name.to_string_lossy().ends_with(NOTE) {
                notes.push(self.dir.join(name));
            }
        }
        Ok(notes)
    }
}

/// What a note is about.
enum About {
    /// Somebody works on it.
    Work,
    /// It has its name, or is gone.
    Nothing,
    /// A crash left it.
    Leftover(Leftover),
}

fn about(note: &Path) -> io::Result<About> {
    let file = match File::open(note) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(About::Work),
        opened => opened?,
    };
    if let Err(TryLockError::WouldBlock | TryLockError::Error(_)) = file.try_lock() {
        return Ok(About::Work);
    }
    let path = PathBuf::from(OsStr::from_bytes(&fs::read(note)?));
    if path.symlink_metadata().is_err() {
        return Ok(About::Nothing);
    }
    Ok(About::Leftover(Leftover {
        bytes: size(&path),
        path,
        outside: true,
    }))
}

/// Bytes of a file, or of all files below a folder as far as they can be seen.
fn size(path: &Path) -> u64 {
    let Ok(facts) = path.symlink_metadata() else {
        return 0;
    };
    if !facts.is_dir() {
        return facts.len();
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| size(&entry.path())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_half_made_outside_is_told_until_it_is_gone() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(&home.path().join("store")).unwrap();
        let partial = home.path().join(".files.partial");
        fs::create_dir(&partial).unwrap();
        fs::write(partial.join("a"), "12345").unwrap();
        let note = store.note_outside(&partial).unwrap();
        assert_eq!(store.leftovers().unwrap(), []);
        // As a crash leaves it.
        let kept = store.dir().join(".kept.outside");
        fs::copy(&note.path, &kept).unwrap();
        drop(note);
        let left = Leftover {
            path: partial.clone(),
            bytes: 5,
            outside: true,
        };
        assert_eq!(store.leftovers().unwrap(), [left]);
        assert_eq!(store.remove_leftovers().unwrap(), []);
        assert!(partial.exists());
        fs::remove_dir_all(&partial).unwrap();
        assert_eq!(store.leftovers().unwrap(), []);
        store.remove_leftovers().unwrap();
        assert!(!kept.exists());
    }
}
