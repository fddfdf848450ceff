//! A folder that a person asked for: whole or not there. It is filled under a temporary name
//! from sidecars of an archive, synced, and then gets its own.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, FileTimes, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{getegid, geteuid, syncfs};

use super::afar::Note;
use super::files::sync_folder;
use super::outside::{folder_of, partial_beside};
use super::{Store, StoreError};
use crate::archive::{ArchiveError, Entry, EntryKind, Moment, TreeReader};
use crate::snapshot::SeamError;

/// Bytes read at once.
const PIECE: usize = 128 << 10;

/// What was unpacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Files.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Links that lead out of the folder; they were made, nothing is ever written through them.
    pub leading_out: u64,
    /// Files and folders that lost their set-user, set-group or sticky bit, since they belong to
    /// somebody else now.
    pub lost_bits: u64,
}

/// A folder that is being filled. Dropped without [`FolderDraft::publish`], it is removed.
#[derive(Debug)]
pub struct FolderDraft {
    path: PathBuf,
    partial: PathBuf,
    unpacked: Unpacked,
    done: bool,
    _noted: Note,
}

impl FolderDraft {
    /// Begins a folder (0700) that must not be there yet. `store` knows of it until it is done.
    ///
    /// # Errors
    /// It is there, or cannot be made.
    pub fn begin(store: &Store, path: &Path) -> Result<Self, StoreError> {
        if path.symlink_metadata().is_ok() {
            return Err(StoreError::Taken {
                path: path.to_owned(),
            });
        }
        let failed = || format!("the folder {} could not be begun", path.display());
        let partial = partial_beside(path).map_err(StoreError::io(failed))?;
        let noted = store.note_outside(&partial)?;
        let made = DirBuilder::new().mode(0o700).create(&partial);
        made.map_err(StoreError::io(failed))?;
        Ok(Self {
            path: path.to_owned(),
            partial,
            unpacked: Unpacked::default(),
            done: false,
            _noted: noted,
        })
    }

    /// What was unpacked so far.
    #[must_use]
    pub fn unpacked(&self) -> Unpacked {
        self.unpacked
    }

    /// Unpacks all of a sidecar. `advance` hears of bytes, and says false when it is time to stop.
    ///
    /// # Errors
    /// The folder cannot be written; the archive cannot be read, or is not what its manifest says.
    pub fn unpack(
        &mut self,
        mut tree: TreeReader<'_>,
        advance: &dyn Fn(u64) -> bool,
    ) -> Result<(), StoreError> {
        let mut open: Vec<Entry> = Vec::new();
        while let Some(entry) = tree.next_entry().map_err(seam)? {
            while let Some(folder) = open.pop_if(|folder| !is_below(&entry, folder)) {
                self.close(&folder)?;
            }
            self.unpacked.leading_out += u64::from(entry.leads_out());
            match &entry.kind {
                EntryKind::File(_) => self.file(&entry, &mut tree, advance)?,
                EntryKind::Link(target) => self.link(&entry, target)?,
                EntryKind::Folder => {
                    let made = DirBuilder::new().mode(0o700).create(self.place(&entry));
                    made.map_err(|error| self.failed(&entry, error))?;
                    open.push(entry);
                }
            }
        }
        while let Some(folder) = open.pop() {
            self.close(&folder)?;
        }
        tree.finish().map_err(seam)
    }

    /// Syncs everything and gives the folder its name.
    ///
    /// # Errors
    /// It cannot be synced, or somebody put something there meanwhile.
    pub fn publish(mut self) -> Result<PathBuf, StoreError> {
        self.sync()?;
        let path = self.path.clone();
        if path.symlink_metadata().is_ok() {
            return Err(StoreError::Taken { path });
        }
        let failed = || format!("the folder {} could not be published", path.display());
        // At worst this takes the place of an empty folder that was made this very moment.
        fs::rename(&self.partial, &path).map_err(StoreError::io(failed))?;
        self.done = true;
        sync_folder(folder_of(&path)).map_err(StoreError::io(failed))?;
        Ok(path)
    }

    /// Makes everything last: one call for the whole file system, instead of one a file.
    ///
    /// # Errors
    /// The system could not write it.
    pub fn sync(&self) -> Result<(), StoreError> {
        let synced = File::open(&self.partial).and_then(|folder| Ok(syncfs(&folder)?));
        synced.map_err(StoreError::io(|| {
            format!("the files of {} could not be synced", self.path.display())
        }))
    }

    /// Where an entry goes. Its path was checked: plain words below the sidecar's name, in folders
    /// that were made here.
    fn place(&self, entry: &Entry) -> PathBuf {
        self.partial.join(OsStr::from_bytes(&entry.path))
    }

    fn file(
        &mut self,
        entry: &Entry,
        tree: &mut TreeReader<'_>,
        advance: &dyn Fn(u64) -> bool,
    ) -> Result<(), StoreError> {
        let failed = |error| self.failed(entry, error);
        let mut options = OpenOptions::new();
        let options = options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(self.place(entry)).map_err(failed)?;
        let mut buffer = vec![0; PIECE];
        let mut bytes = 0;
        loop {
            let read = tree.read(&mut buffer).map_err(seam)?;
            if !advance(read as u64) {
                return Err(ArchiveError::Cancelled.into());
            }
            if read == 0 {
                break;
            }
            file.write_all(&buffer[..read]).map_err(failed)?;
            bytes += read as u64;
        }
        let mode = kept_mode(entry);
        let finished = file
            .set_permissions(Permissions::from_mode(mode))
            .and_then(|()| file.set_times(FileTimes::new().set_modified(time(entry.mtime))));
        finished.map_err(failed)?;
        self.unpacked.files += 1;
        self.unpacked.bytes += bytes;
        self.unpacked.lost_bits += u64::from(mode != entry.mode);
        Ok(())
    }

    fn link(&self, entry: &Entry, target: &[u8]) -> Result<(), StoreError> {
        let place = self.place(entry);
        let spec = TimeSpec::new(entry.mtime.seconds, i64::from(entry.mtime.nanos));
        let made = symlink(OsStr::from_bytes(target), &place).and_then(|()| {
            let itself = UtimensatFlags::NoFollowSymlink;
            Ok(utimensat(AT_FDCWD, &place, &spec, &spec, itself)?)
        });
        made.map_err(|error| self.failed(entry, error))
    }

    /// Gives a folder its mode and time, once nothing more is put into it.
    fn close(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let mode = kept_mode(entry);
        let close = || {
            let folder = File::open(self.place(entry))?;
            folder.set_times(FileTimes::new().set_modified(time(entry.mtime)))?;
            folder.set_permissions(Permissions::from_mode(mode))
        };
        close().map_err(|error| self.failed(entry, error))?;
        self.unpacked.lost_bits += u64::from(mode != entry.mode);
        Ok(())
    }

    fn failed(&self, entry: &Entry, source: io::Error) -> StoreError {
        let place = self.path.join(OsStr::from_bytes(&entry.path));
        StoreError::Io {
            what: format!("{} could not be written", place.display()),
            source,
        }
    }
}

impl Drop for FolderDraft {
    fn drop(&mut self) {
        if !self.done {
            open_up(&self.partial);
            // Whoever asked for the folder sees what is left beside it.
            let _ = fs::remove_dir_all(&self.partial);
        }
    }
}

/// What is in a folder that one may not write cannot be removed.
fn open_up(folder: &Path) {
    let _ = fs::set_permissions(folder, Permissions::from_mode(0o700));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path());
        }
    }
}

fn is_below(entry: &Entry, folder: &Entry) -> bool {
    let rest = entry.path.strip_prefix(folder.path.as_slice());
    rest.is_some_and(|rest| rest.first() == Some(&b'/'))
}

/// The bits that let a program run as somebody else stay only if the file is that one's again.
fn kept_mode(entry: &Entry) -> u32 {
    let same =
        entry.uid == u64::from(geteuid().as_raw()) && entry.gid == u64::from(getegid().as_raw());
    if same { entry.mode } else { entry.mode & 0o777 }
}

fn time(moment: Moment) -> SystemTime {
    let whole = Duration::from_secs(moment.seconds.unsigned_abs());
    let base = if moment.seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(whole)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(whole)
    };
    let nanos = Duration::from_nanos(u64::from(moment.nanos));
    base.and_then(|base| base.checked_add(nanos))
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

fn seam(error: SeamError) -> StoreError {
    StoreError::Archive(error.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_never_takes_the_place_of_something_and_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("shop.files");
        let entries = || fs::read_dir(place.path()).unwrap().count();
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let draft = FolderDraft::begin(&store, &path).unwrap();
        let closed = draft.partial.join("closed");
        fs::create_dir(&closed).unwrap();
        fs::write(closed.join("file"), b"x").unwrap();
        fs::set_permissions(&closed, Permissions::from_mode(0o500)).unwrap();
        drop(draft);
        assert_eq!(entries(), 0, "also what could not be written to is gone");
        let draft = FolderDraft::begin(&store, &path).unwrap();
        fs::write(&path, b"theirs").unwrap();
        assert!(matches!(draft.publish(), Err(StoreError::Taken { .. })));
        assert!(matches!(
            FolderDraft::begin(&store, &path),
            Err(StoreError::Taken { .. })
        ));
        assert_eq!(
            (fs::read(&path).unwrap().as_slice(), entries()),
            (&b"theirs"[..], 1)
        );
        let other = place.path().join("other");
        let published = FolderDraft::begin(&store, &other)
            .unwrap()
            .publish()
            .unwrap();
        let mode = fs::metadata(published).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn bits_that_lend_rights_stay_only_with_their_owner() {
        let (me, group) = (geteuid().as_raw().into(), getegid().as_raw().into());
        let mut entry = Entry {
            path: b"media/x".to_vec(),
            kind: EntryKind::File(0),
            mode: 0o6755,
            uid: me,
            gid: group,
            mtime: Moment::default(),
        };
        assert_eq!(kept_mode(&entry), 0o6755);
        entry.uid += 1;
        assert_eq!(kept_mode(&entry), 0o755);
    }

    #[test]
    fn times_before_1970_are_times() {
        let moment = Moment {
            seconds: -2,
            nanos: 500_000_000,
        };
        let before = SystemTime::UNIX_EPOCH.duration_since(time(moment)).unwrap();
        assert_eq!(before, Duration::from_millis(1500));
    }
}
