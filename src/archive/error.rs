//! What can go wrong with an archive as a file.

use std::path::PathBuf;

use super::salvage::Salvage;
use crate::snapshot::SeamError;

/// Failures of writing, opening or reading an archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file could not be read or written.
    #[error("{what}")]
    Io {
        /// What was being done, naming the file.
        what: String,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The file is something else.
    #[error("{} is not an archive of bookend: {why}", path.display())]
    NotAnArchive {
        /// The file.
        path: PathBuf,
        /// What gives it away.
        why: String,
    },
    /// A later bookend wrote it, in a way that this one cannot read.
    #[error(
        "{} was written in format {format}, this bookend reads up to {reads}.x: upgrade bookend",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: String,
        /// The last major version that is understood.
        reads: u32,
    },
    /// The file ends before its manifest does.
    #[error("{} is cut off: {salvage}", path.display())]
    Cut {
        /// The file.
        path: PathBuf,
        /// What is there.
        salvage: Box<Salvage>,
    },
    /// The manifest, or what leads to it, is not as it was written.
    #[error("{} is damaged in {member}: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The member that is hit.
        member: String,
        /// What is wrong.
        problem: String,
    },
    /// The archive must not be finished, because something is missing from it.
    #[error("the archive is incomplete: {problem}")]
    Incomplete {
        /// What is missing.
        problem: String,
    },
    /// Handing data over failed.
    #[error(transparent)]
    Seam(#[from] SeamError),
    /// It was asked to stop.
    #[error("interrupted")]
    Cancelled,
}

impl ArchiveError {
    /// True if the file is (or was) an archive and its bytes are no longer what they were.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Cut { .. } | Self::Damaged { .. } | Self::Seam(SeamError::Damaged { .. })
        )
    }
}
