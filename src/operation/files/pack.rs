//! Reading the files of a path into an archive. Nothing is followed, nothing is held in memory
//! but a piece of one file and the names in the folders above it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::FilesError;
use super::roots::Root;
use crate::archive::{ArchiveSink, Entry, EntryKind, Moment, Sidecar, TreeWriter};
use crate::operation::{OperationError, Workspace};
use crate::progress::Progress;

/// Bytes read at once.
const PIECE: usize = 128 << 10;
/// So many things of one kind are told by name.
const NAMED: usize = 10;

/// What was taken along.
#[derive(Debug, Default)]
pub(in crate::operation) struct Packed {
    /// For the manifest.
    pub sidecars: Vec<Sidecar>,
    /// In words: what changed meanwhile, what was left out.
    pub notes: Vec<String>,
}

/// Reads all paths into the archive, on a thread that may block.
pub(in crate::operation) async fn pack(
    ws: &Workspace,
    sink: &Arc<ArchiveSink>,
    roots: Vec<Root>,
) -> Result<Packed, OperationError> {
    if roots.is_empty() {
        return Ok(Packed::default());
    }
    ws.progress.phase("files", None);
    let store = fs::metadata(ws.store.dir()).ok();
    let eyes = Eyes {
        progress: Arc::clone(&ws.progress),
        cancel: ws.cancel.clone(),
        store: store.map(|facts| (facts.dev(), facts.ino())),
    };
    let (sink, handle) = (Arc::clone(sink), Handle::current());
    let packed = tokio::task::spawn_blocking(move || pack_all(&sink, &handle, &roots, &eyes));
    let packed = packed.await.map_err(|_| OperationError::Broken {
        what: "reading the files",
    });
    ws.progress.finish();
    packed?
}

fn pack_all(
    sink: &ArchiveSink,
    handle: &Handle,
    roots: &[Root],
    eyes: &Eyes,
) -> Result<Packed, OperationError> {
    let mut packed = Packed::default();
    for (number, root) in (1..).zip(roots) {
        let given = root.given.to_string_lossy();
        let tree = sink.sidecar(number, (&given, &root.name), handle.clone());
        let mut packer = Packer::new(tree, eyes);
        packer.walk(root)?;
        packed.notes.extend(packer.notes());
        packed.sidecars.push(packer.tree.finish()?);
    }
    Ok(packed)
}

/// Who is told, who may say stop, and what is not to be taken along.
pub(super) struct Eyes {
    pub progress: Arc<dyn Progress>,
    pub cancel: CancellationToken,
    /// Device and number of the store's folder, which must not go into itself.
    pub store: Option<(u64, u64)>,
}

/// A folder whose entries are being read: where it is, what it is called, what is left of it.
struct Open {
    path: PathBuf,
    name: Vec<u8>,
    left: std::vec::IntoIter<OsString>,
}

/// Reads one path.
pub(super) struct Packer<'a> {
    pub tree: TreeWriter,
    eyes: &'a Eyes,
    buffer: Vec<u8>,
    changed: Vec<String>,
    left_out: Vec<String>,
    unnamed: (u64, u64),
}

impl<'a> Packer<'a> {
    pub fn new(tree: TreeWriter, eyes: &'a Eyes) -> Self {
        Self {
            tree,
            eyes,
            buffer: vec![0; PIECE],
            changed: Vec::new(),
            left_out: Vec::new(),
            unnamed: (0, 0),
        }
    }

    /// Reads everything below a path, a folder before what is in it, by name.
    pub fn walk(&mut self, root: &Root) -> Result<(), OperationError> {
        let mut open: Vec<Open> = Vec::new();
        let first = self.entry(&root.path, root.name.as_bytes().to_vec())?;
        open.extend(first);
        while let Some(folder) = open.last_mut() {
            let Some(name) = folder.left.next() else {
                open.pop();
                continue;
            };
            let path = folder.path.join(&name);
            let below = [folder.name.as_slice(), b"/", name.as_bytes()].concat();
            let found = self.entry(&path, below)?;
            open.extend(found);
        }
        Ok(())
    }

    /// Takes one entry; gives a folder's own entries.
    fn entry(&mut self, path: &Path, name: Vec<u8>) -> Result<Option<Open>, OperationError> {
        if self.eyes.cancel.is_cancelled() {
            return Err(OperationError::Cancelled);
        }
        let seen = fs::symlink_metadata(path).map_err(|error| unreadable(path, error))?;
        let kind = seen.file_type();
        if kind.is_file() {
            self.file(path, name)?;
        } else if kind.is_symlink() {
            let target = fs::read_link(path).map_err(|error| unreadable(path, error))?;
            let target = target.into_os_string().into_vec();
            self.put(entry_of(name, EntryKind::Link(target), &seen))?;
        } else if kind.is_dir() {
            if self.eyes.store == Some((seen.dev(), seen.ino())) {
                self.leave_out(&name, "the store");
                return Ok(None);
            }
            let left = names_in(path).map_err(|error| unreadable(path, error))?;
            self.put(entry_of(name.clone(), EntryKind::Folder, &seen))?;
            return Ok(Some(Open {
                path: path.to_owned(),
                name,
                left: left.into_iter(),
            }));
        } else {
            let what = if kind.is_socket() {
                "a socket"
            } else if kind.is_fifo() {
                "a pipe"
            } else {
                "a device"
            };
            self.leave_out(&name, what);
        }
        Ok(None)
    }

    fn put(&mut self, entry: Entry) -> Result<(), OperationError> {
        self.tree.begin(entry)?;
        Ok(self.tree.end()?)
    }

    /// Reads a file, as long as it was when it was opened.
    pub fn file(&mut self, path: &Path, name: Vec<u8>) -> Result<(), OperationError> {
        let mut file = open_file(path)?;
        let look = |file: &File| file.metadata().map_err(|error| unreadable(path, error));
        let seen = look(&file)?;
        if !seen.is_file() {
            let path = path.to_owned();
            return Err(FilesError::Replaced { path }.into());
        }
        self.read(path, name, &mut file, &seen)?;
        let now = look(&file)?;
        let facts = |of: &Metadata| (of.len(), of.mtime(), of.mtime_nsec());
        if facts(&now) != facts(&seen) {
            self.tree.count_changed();
            note(&mut self.changed, &mut self.unnamed.0, || {
                format!("{} changed while it was read", path.display())
            });
        }
        Ok(())
    }

    /// Reads what was seen of a file: less is a failure, more is not its content at that moment.
    pub fn read(
        &mut self,
        path: &Path,
        name: Vec<u8>,
        file: &mut File,
        seen: &Metadata,
    ) -> Result<(), OperationError> {
        let expected = seen.len();
        self.tree
            .begin(entry_of(name, EntryKind::File(expected), seen))?;
        let mut left = expected;
        while left > 0 {
            if self.eyes.cancel.is_cancelled() {
                return Err(OperationError::Cancelled);
            }
            let wanted = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let read = match file.read(&mut self.buffer[..wanted]) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(unreadable(path, error)),
            };
            if read == 0 {
                return Err(FilesError::Shrunk {
                    path: path.to_owned(),
                    expected,
                    found: expected - left,
                }
                .into());
            }
            self.tree.content(&self.buffer[..read])?;
            self.eyes.progress.advance(read as u64, 0);
            left -= read as u64;
        }
        Ok(self.tree.end()?)
    }

    fn leave_out(&mut self, name: &[u8], what: &str) {
        self.tree.count_left_out();
        note(&mut self.left_out, &mut self.unnamed.1, || {
            format!("{}: {what} is left out", OsStr::from_bytes(name).display())
        });
    }

    /// What is worth telling.
    pub fn notes(&mut self) -> Vec<String> {
        let mut notes = std::mem::take(&mut self.changed);
        if self.unnamed.0 > 0 {
            notes.push(format!(
                "{} more files changed while they were read",
                self.unnamed.0
            ));
        }
        notes.append(&mut self.left_out);
        if self.unnamed.1 > 0 {
            notes.push(format!(
                "{} more sockets, pipes and devices are left out",
                self.unnamed.1
            ));
        }
        notes
    }
}

fn note(notes: &mut Vec<String>, unnamed: &mut u64, text: impl FnOnce() -> String) {
    if notes.len() < NAMED {
        notes.push(text());
    } else {
        *unnamed += 1;
    }
}

/// Opens a file, never what a link leads to, and never waits for a pipe's other end.
pub(super) fn open_file(path: &Path) -> Result<File, OperationError> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    match open(path, flags, Mode::empty()) {
        Ok(file) => Ok(File::from(file)),
        Err(Errno::ELOOP | Errno::ENXIO) => Err(FilesError::Replaced {
            path: path.to_owned(),
        }
        .into()),
        Err(error) => Err(unreadable(path, error.into())),
    }
}

/// The names in a folder, in the order of their bytes.
fn names_in(folder: &Path) -> io::Result<Vec<OsString>> {
    let entries = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name()));
    let mut names: Vec<OsString> = entries.collect::<io::Result<_>>()?;
    names.sort_unstable();
    Ok(names)
}

pub(super) fn entry_of(path: Vec<u8>, kind: EntryKind, facts: &Metadata) -> Entry {
    Entry {
        path,
        kind,
        mode: facts.mode() & 0o7777,
        uid: u64::from(facts.uid()),
        gid: u64::from(facts.gid()),
        mtime: Moment {
            seconds: facts.mtime(),
            nanos: u32::try_from(facts.mtime_nsec()).unwrap_or(0),
        },
    }
}

fn unreadable(path: &Path, source: io::Error) -> OperationError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => FilesError::Vanished { path }.into(),
        _ => FilesError::Unreadable { path, source }.into(),
    }
}
