//! The bytes of one stream of a sidecar, put together from its chunks.

use bytes::{Buf as _, Bytes};
use sha2::{Digest as _, Sha256};

use super::super::digest::Digest;
use super::super::reader::{Archive, MemberReader};
use super::TreeId;
use crate::snapshot::{ChunkReader as _, SeamError};

/// Reads a stream from its beginning. Each chunk's digest is checked before any of it is given
/// out.
pub struct TreeStream<'a> {
    archive: &'a Archive,
    id: TreeId,
    next: usize,
    reader: Option<MemberReader>,
    piece: Bytes,
    sha256: Sha256,
    bytes: u64,
}

impl<'a> TreeStream<'a> {
    /// The stream `id` of an archive; empty if there is none.
    pub fn new(archive: &'a Archive, id: TreeId) -> Self {
        Self {
            archive,
            id,
            next: 0,
            reader: None,
            piece: Bytes::new(),
            sha256: Sha256::new(),
            bytes: 0,
        }
    }

    /// Fills as much of the buffer as the stream has left.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, SeamError> {
        let mut filled = 0;
        while filled < buffer.len() {
            if self.piece.is_empty() && !self.refill()? {
                break;
            }
            let length = self.piece.len().min(buffer.len() - filled);
            buffer[filled..filled + length].copy_from_slice(&self.piece[..length]);
            self.piece.advance(length);
            filled += length;
        }
        Ok(filled)
    }

    /// The next piece; false at the end.
    fn refill(&mut self) -> Result<bool, SeamError> {
        loop {
            if let Some(reader) = &mut self.reader
                && let Some(piece) = reader.next_piece()?
            {
                self.sha256.update(&piece);
                self.bytes += piece.len() as u64;
                self.piece = piece;
                return Ok(true);
            }
            let Some(member) = self.archive.tree_member(self.id, self.next) else {
                self.reader = None;
                return Ok(false);
            };
            self.next += 1;
            self.reader = Some(self.archive.reader(member));
        }
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What all of it came to.
    pub fn digest(self) -> (u64, Digest) {
        (self.bytes, Digest::from(self.sha256))
    }
}
