//! Sidecar files: paths that travel with a backup, and are put into a new folder beside a
//! restored database. They are no part of its consistency, and of no proof.

mod kit;
mod pack;
mod roots;
mod unpack;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

pub(super) use kit::{README, SCRIPT, SCRIPT_NAME};
pub(super) use pack::pack;
pub(super) use roots::roots;
pub use roots::there;
pub use unpack::{FilesRestored, restore_files};
pub(super) use unpack::{begin, publish, unpack};

use super::OperationError;
use crate::archive::{Archive, SidecarChange, compare_sidecars};

/// What a proof says of them.
pub(super) const NOT_COMPARED: &str = "files";

/// `NAME.files` in the working folder; a database's name may hold what a file's may not.
#[must_use]
pub fn folder_for(name: &str) -> PathBuf {
    let plain = |c: char| if c == '/' || c.is_control() { '_' } else { c };
    let name: String = name.chars().map(plain).collect();
    PathBuf::from(format!("{name}.files"))
}

/// Why files could not be taken along, or be put back.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// A path that was named cannot be looked at.
    #[error("{} cannot be taken along", path.display())]
    Missing {
        /// The path as it was given.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A path that was named is a socket, a device …
    #[error("{} is neither a file nor a folder", path.display())]
    Special {
        /// The path as it was given.
        path: PathBuf,
    },
    /// A file or folder could not be read.
    #[error("{} could not be read", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It was there a moment before.
    #[error("{} vanished while the files were read", path.display())]
    Vanished {
        /// Which.
        path: PathBuf,
    },
    /// It was a file a moment before.
    #[error("{} was replaced by something that is no file while the files were read", path.display())]
    Replaced {
        /// Which.
        path: PathBuf,
    },
    /// A file became shorter while it was read.
    #[error(
        "{} shrank while it was read: {found} of {expected} bytes were there",
        path.display()
    )]
    Shrunk {
        /// Which.
        path: PathBuf,
        /// Its bytes at first.
        expected: u64,
        /// Bytes that could be read.
        found: u64,
    },
    /// The folder that files were to be put into is there.
    #[error("{} is there already", folder.display())]
    Taken {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder could not be made or filled.
    #[error("the files could not be put into {}", folder.display())]
    NotWritten {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: Box<crate::store::StoreError>,
    },
    /// The database stands, the folder beside it does not.
    #[error("the database {database} was restored and stands, its files do not")]
    Behind {
        /// The database.
        database: String,
        /// The archive's id.
        archive: String,
        /// Why.
        #[source]
        source: Box<FilesError>,
    },
}

/// What changed from the files of archive `a` to those of `b`, by their listings.
///
/// # Errors
/// [`OperationError::Archive`] if one is not a readable archive.
pub fn diff_files(a: &Path, b: &Path) -> Result<Vec<SidecarChange>, OperationError> {
    Ok(compare_sidecars(&Archive::open(a)?, &Archive::open(b)?)?)
}
