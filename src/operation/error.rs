//! What can go wrong in an operation. Each variant holds what a hint needs.

use super::FilesError;
use crate::archive::ArchiveError;
use crate::connection::ConnectionError;
use crate::engine::{Discrepancy, EngineError};
use crate::process::ProcessError;
use crate::snapshot::SeamError;
use crate::store::StoreError;

/// Failures of an operation.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// An archive could not be written or read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The store could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Files that travel along could not be read, or be put back.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// No session could be had.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// A tool is missing or failed.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A member could not be written or read.
    #[error(transparent)]
    Seam(#[from] SeamError),
    /// No engine for this kind of database yet.
    #[error("{engine} is not supported yet")]
    NoEngine {
        /// `mongodb` …
        engine: String,
    },
    /// The engine cannot do what was asked.
    #[error("{what} is not possible with {engine}: {why}")]
    NotCapable {
        /// What was asked.
        what: &'static str,
        /// The engine.
        engine: &'static str,
        /// Its reason.
        why: &'static str,
    },
    /// A pattern of `--only` matches nothing in the archive.
    #[error("nothing in the archive matches --only {pattern}")]
    NothingMatches {
        /// The pattern.
        pattern: String,
        /// Printed names that may have been meant.
        near: Vec<String>,
    },
    /// The copy would be large and nobody can say whether it fits.
    #[error("a copy on {server} needs about {bytes} bytes and its free space is not known")]
    SpaceUnknown {
        /// The server.
        server: String,
        /// Bytes that the copy needs.
        bytes: u64,
    },
    /// The copy does not fit.
    #[error("a copy needs about {bytes} bytes and {server} has {free} free")]
    SpaceShort {
        /// The server.
        server: String,
        /// Bytes that the copy needs.
        bytes: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The server that was reached is not the one that the archive was taken from.
    #[error("{server} is not the server that {archive} was taken from")]
    OtherServer {
        /// The server that was reached.
        server: String,
        /// The archive's id.
        archive: String,
    },
    /// No folder can hold a private server.
    #[error("there is no folder for a sandbox")]
    NoSandboxFolder {
        /// Each folder that was looked at, with what is wrong with it.
        tried: Vec<String>,
    },
    /// What was started answers with the identity of the archive's own server.
    #[error("the sandbox for {archive} is the archive's own server: nothing was restored there")]
    SandboxIsOriginal {
        /// The archive's id.
        archive: String,
    },
    /// A private server could not be ended or removed; it is recorded and the next command
    /// tries again.
    #[error("the sandbox in {folder} could not be removed")]
    SandboxLeft {
        /// Its folder.
        folder: String,
        /// What went wrong before, if it was to be removed because of that.
        after: Option<String>,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A word that becomes a part of a file name has other characters than it may.
    #[error("{word:?} cannot be a part of an archive's name")]
    BadWord {
        /// The word.
        word: String,
    },
    /// A thread of bookend's own ended badly.
    #[error("{what} ended unexpectedly")]
    Broken {
        /// What it was doing.
        what: &'static str,
    },
    /// The copy that was to be put back is not what the archive holds.
    #[error("{archive} restored, and the copy is not the same")]
    NotTheSame {
        /// The archive.
        archive: String,
        /// What differs.
        differences: Vec<Discrepancy>,
    },
    /// What was written since the last backup could not be read before a rollback.
    #[error("what was written to {database} since could not be exported")]
    NotExported {
        /// The database.
        database: String,
        /// Why.
        #[source]
        source: Box<OperationError>,
    },
    /// After a failure, others still cannot connect.
    #[error("{database} takes no connections still")]
    StillHeld {
        /// The database.
        database: String,
        /// What went wrong first.
        after: String,
        /// Why it could not be changed.
        #[source]
        source: Box<EngineError>,
    },
    /// Some targets were rolled back, one could not be.
    #[error("{} rolled back, the others not yet", done.join(", "))]
    HalfWay {
        /// Those that were.
        done: Vec<String>,
        /// Why not the next.
        #[source]
        source: Box<OperationError>,
    },
    /// The record of a rollback could not be written.
    #[error("the record of the rollback could not be written")]
    Diary(#[source] std::io::Error),
    /// SIGINT, SIGTERM, or a sibling failed first.
    #[error("interrupted")]
    Cancelled,
    /// The copy could not be dropped; it is recorded and `copies drop` removes it.
    #[error("the copy {name} could not be dropped")]
    CopyLeft {
        /// Its name on the server.
        name: String,
        /// What went wrong before, if the copy was to be dropped because of that.
        after: Option<String>,
        /// Why.
        #[source]
        source: Box<EngineError>,
    },
}

impl OperationError {
    /// True if an archive's bytes turned out not to be what they were.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Archive(error) => error.is_damage(),
            Self::Seam(error) | Self::Engine(EngineError::Seam(error)) => {
                matches!(error, SeamError::Damaged { .. })
            }
            _ => false,
        }
    }
}
