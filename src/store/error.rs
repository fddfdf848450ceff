//! What can go wrong with a store.

use std::io;
use std::path::PathBuf;

use crate::archive::ArchiveError;

/// Failures of a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder could not be read or written.
    #[error("{what}")]
    Io {
        /// What was being done, naming the file.
        what: String,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
    /// A name that cannot be a file of the store.
    #[error("{name:?} cannot be a name in the store: letters, digits, '.', '_' and '-' only")]
    BadName {
        /// The name.
        name: String,
    },
    /// Nothing goes by that word.
    #[error("no archive is called {word:?} in {}", store.display())]
    NoSuchArchive {
        /// What was asked for.
        word: String,
        /// Where it was looked for.
        store: PathBuf,
        /// Ids that are there, newest first.
        there: Vec<String>,
    },
    /// Several archives begin with that word.
    #[error("{word:?} could be any of {}", candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        word: String,
        /// What begins with it.
        candidates: Vec<String>,
    },
    /// Another process holds the lock.
    #[error("{what} is in use by {holder}")]
    Busy {
        /// What the lock stands for.
        what: String,
        /// Who holds it, as far as it said.
        holder: String,
    },
    /// A file that was to be made is there already.
    #[error("{} is there already", path.display())]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// A receipt cannot be understood.
    #[error("{} cannot be read as a receipt", path.display())]
    BadReceipt {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The archive itself.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

impl StoreError {
    /// Wraps the system's reason with what could not be done.
    pub(super) fn io(what: impl FnOnce() -> String) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            what: what(),
            source,
        }
    }
}
