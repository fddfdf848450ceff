//! The seams between engines and whatever stores or only hashes what they read.

use async_trait::async_trait;
use bytes::Bytes;

use super::{ChunkFacts, Snapshot, StreamId};

/// What went wrong on the other side of a seam. The message is complete in itself.
#[derive(Debug, thiserror::Error)]
pub enum SeamError {
    /// The store could not be written or read.
    #[error("{what}")]
    Io {
        /// What was being done, naming the file.
        what: String,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// Stored bytes are not what the manifest says.
    #[error("{member}: {problem}")]
    Damaged {
        /// The archive member.
        member: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The writer ended before everything was handed over.
    #[error("the archive writer stopped before the data ended")]
    Closed,
}

/// Takes what an engine reads from a database: an archive, or nothing but the counting.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Stores one small member whole. `name` is a path of bookend's own making.
    ///
    /// # Errors
    /// The store could not be written.
    async fn member(&self, name: &str, bytes: Vec<u8>) -> Result<(), SeamError>;

    /// A writer for a part of stream `id`. Several may be open for one stream at once; the
    /// order of their chunks is then not defined, so each part holds whole rows.
    fn stream(&self, id: StreamId) -> Box<dyn StreamWriter>;
}

/// Appends bytes to a stream; compresses and digests inline, on the caller's thread.
#[async_trait]
pub trait StreamWriter: Send {
    /// Appends `bytes` (for table data: whole rows). True when a chunk is full and
    /// [`StreamWriter::drain`] must be called before more is pushed.
    ///
    /// # Errors
    /// The bytes could not be compressed, or the store failed earlier.
    fn push(&mut self, bytes: &[u8]) -> Result<bool, SeamError>;

    /// Hands full chunks over, waiting while the writer is behind.
    async fn drain(&mut self) -> Result<(), SeamError>;

    /// Hands over what is left. A writer dropped without this stores an incomplete part, and
    /// the archive must then not be finished.
    async fn finish(self: Box<Self>) -> Result<(), SeamError>;
}

/// Gives an engine what an archive holds.
#[async_trait]
pub trait Source: Send + Sync {
    /// The snapshot that the archive was made of.
    fn snapshot(&self) -> &Snapshot;

    /// A small member whole, its digest checked. `None` if the archive has none of that name.
    ///
    /// # Errors
    /// It could not be read, or is not what the manifest says.
    async fn member(&self, name: &str) -> Result<Option<Vec<u8>>, SeamError>;

    /// The chunks of a stream, in order; empty for an empty or unknown stream.
    fn chunks(&self, id: StreamId) -> Vec<ChunkFacts>;

    /// Opens chunk `index` (from 0) of a stream. Its digest is checked before any byte is
    /// given out.
    ///
    /// # Errors
    /// There is no such chunk.
    fn chunk(&self, id: StreamId, index: usize) -> Result<Box<dyn ChunkReader>, SeamError>;
}

/// Reads one chunk, decompressed, piece by piece.
pub trait ChunkReader: Send {
    /// The next piece (64 to 256 KiB), `None` at the end. Blocking, but short.
    ///
    /// # Errors
    /// It could not be read, or is not what the manifest says.
    fn next_piece(&mut self) -> Result<Option<Bytes>, SeamError>;
}
