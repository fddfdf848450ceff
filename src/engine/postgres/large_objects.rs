//! The data part of a custom-format dump that holds only large objects, read while it
//! streams by.
//!
//! Source of the format: `_StartLOs`, `_StartLO`, `_WriteData`, `_EndLO`, `_EndLOs` of
//! PostgreSQL's `pg_backup_custom.c` (`_StartBlobs` … before version 16). After the table of
//! contents come blocks: a byte for the type, the number of the entry, and then, for large
//! objects: an oid, its content in pieces of stated length until the length 0; the next oid;
//! and the oid 0 at the end of the block. The file ends after a block.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::toc::{Compression, Toc, int_of};
use crate::fingerprint::LargeObjectHasher;
use crate::snapshot::{LargeObject, LargeObjects};

/// `BLK_BLOBS` of `pg_backup_archiver.h`.
const BLOCK_OF_LARGE_OBJECTS: u8 = 3;

/// Why a stream of large objects cannot be understood. Offsets are bytes after the table of
/// contents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LargeObjectError {
    /// The contents are compressed; bookend asks `pg_dump` for uncompressed ones.
    #[error("the large objects are compressed by pg_dump, which is not read here")]
    Compressed,
    /// Something that cannot be there.
    #[error("the large objects are garbled at byte {at}: {problem}")]
    Garbled {
        /// Where.
        at: u64,
        /// What is wrong.
        problem: String,
    },
    /// The stream ends too early.
    #[error("the large objects are cut at byte {at}: {problem}")]
    Cut {
        /// Where.
        at: u64,
        /// What is missing.
        problem: String,
    },
}

/// Hashes large objects as their dump is pushed through it piece by piece.
#[derive(Debug)]
pub struct LargeObjectStream {
    int_size: usize,
    /// Entries whose block has not been seen yet.
    awaited: BTreeSet<i32>,
    /// How many objects the table of contents names.
    announced: u64,
    at: u64,
    expect: Expect,
    /// The bytes of a number that has not arrived whole.
    number: Vec<u8>,
    open: Option<Open>,
    found: LargeObjects,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    BlockType,
    BlockEntry,
    Oid,
    PieceLength,
    Piece { left: usize },
}

#[derive(Debug)]
struct Open {
    oid: u32,
    bytes: u64,
    hasher: LargeObjectHasher,
}

impl LargeObjectStream {
    /// For the data that follows `toc`.
    ///
    /// # Errors
    /// [`LargeObjectError::Compressed`].
    pub fn new(toc: &Toc) -> Result<Self, LargeObjectError> {
        if toc.compression != Compression::None {
            return Err(LargeObjectError::Compressed);
        }
        Ok(Self {
            int_size: usize::from(toc.int_size),
            awaited: toc
                .entries
                .iter()
                .filter(|entry| entry.desc == "BLOBS" && entry.has_data())
                .map(|entry| entry.dump_id)
                .collect(),
            announced: toc.large_objects().map(|(_, oids)| oids.len() as u64).sum(),
            at: 0,
            expect: Expect::BlockType,
            number: Vec::new(),
            open: None,
            found: LargeObjects::default(),
        })
    }

    /// Takes the next bytes, however the stream happens to be cut into pieces.
    ///
    /// # Errors
    /// [`LargeObjectError::Garbled`]; nothing may be pushed after it.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), LargeObjectError> {
        let mut rest = bytes;
        while let Some((first, _)) = rest.split_first() {
            let taken = match self.expect {
                Expect::BlockType => {
                    self.block(*first)?;
                    1
                }
                Expect::Piece { left } => self.piece(rest, left),
                Expect::BlockEntry | Expect::Oid | Expect::PieceLength => self.digits(rest)?,
            };
            self.at += taken as u64;
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// What was found, once the stream has ended.
    ///
    /// # Errors
    /// [`LargeObjectError::Cut`] if it ended within a block, or with fewer blocks or objects
    /// than the table of contents names.
    pub fn finish(mut self) -> Result<LargeObjects, LargeObjectError> {
        let cut = |problem: String| LargeObjectError::Cut {
            at: self.at,
            problem,
        };
        if self.expect != Expect::BlockType {
            return Err(cut(match &self.open {
                Some(open) => format!("large object {} has no end", open.oid),
                None => "a block has no end".to_owned(),
            }));
        }
        if let Some(entry) = self.awaited.first() {
            return Err(cut(format!("the block of entry {entry} is missing")));
        }
        if self.found.count != self.announced {
            return Err(cut(format!(
                "{} large objects are named and {} are there",
                self.announced, self.found.count
            )));
        }
        self.found.each.sort_by_key(|object| object.oid);
        let twice = self.found.each.windows(2).find_map(|pair| match pair {
            [one, other] if one.oid == other.oid => Some(one.oid),
            _ => None,
        });
        match twice {
            Some(oid) => Err(self.garbled(format!("large object {oid} comes twice"))),
            None => Ok(self.found),
        }
    }

    fn garbled(&self, problem: String) -> LargeObjectError {
        LargeObjectError::Garbled {
            at: self.at,
            problem,
        }
    }

    fn block(&mut self, kind: u8) -> Result<(), LargeObjectError> {
        if kind != BLOCK_OF_LARGE_OBJECTS {
            return Err(self.garbled(format!("a block of type {kind} is not large objects")));
        }
        self.expect = Expect::BlockEntry;
        Ok(())
    }

    /// Hashes as much of a piece of content as is there.
    fn piece(&mut self, bytes: &[u8], left: usize) -> usize {
        let taken = bytes.len().min(left);
        if let (Some(open), Some(content)) = (&mut self.open, bytes.get(..taken)) {
            open.hasher.update(content);
            open.bytes += taken as u64;
        }
        self.expect = match left - taken {
            0 => Expect::PieceLength,
            left => Expect::Piece { left },
        };
        taken
    }

    /// Collects the bytes of a number and acts on it when it is whole.
    fn digits(&mut self, bytes: &[u8]) -> Result<usize, LargeObjectError> {
        let missing = 1 + self.int_size - self.number.len();
        let taken = bytes.len().min(missing);
        self.number.extend(bytes.iter().take(taken));
        if taken == missing {
            let value = int_of(&self.number)
                .ok_or_else(|| self.garbled("a number that is not possible".to_owned()))?;
            self.number.clear();
            match self.expect {
                Expect::BlockEntry => self.entry(value)?,
                Expect::Oid => self.oid(value),
                _ => self.length(value)?,
            }
        }
        Ok(taken)
    }

    fn entry(&mut self, entry: i32) -> Result<(), LargeObjectError> {
        if !self.awaited.remove(&entry) {
            return Err(self.garbled(format!(
                "a block of entry {entry}, which has none or had it already"
            )));
        }
        self.expect = Expect::Oid;
        Ok(())
    }

    fn oid(&mut self, value: i32) {
        // An oid above 2^31 is written as the negative number of the same bits.
        let oid = value.cast_unsigned();
        if oid == 0 {
            self.expect = Expect::BlockType;
            return;
        }
        self.open = Some(Open {
            oid,
            bytes: 0,
            hasher: LargeObjectHasher::new(oid),
        });
        self.expect = Expect::PieceLength;
    }

    fn length(&mut self, length: i32) -> Result<(), LargeObjectError> {
        match usize::try_from(length) {
            Ok(0) => {
                self.close();
                self.expect = Expect::Oid;
                Ok(())
            }
            Ok(left) => {
                self.expect = Expect::Piece { left };
                Ok(())
            }
            Err(_) => Err(self.garbled(format!("a piece of {length} bytes"))),
        }
    }

    fn close(&mut self) {
        let Some(Open { oid, bytes, hasher }) = self.open.take() else {
            return;
        };
        let fingerprint = hasher.finish();
        self.found.count += 1;
        self.found.bytes += bytes;
        self.found.fingerprint += fingerprint;
        if self.found.count <= LargeObjects::LISTED {
            self.found.each.push(LargeObject {
                oid,
                bytes,
                fingerprint,
            });
        } else {
            self.found.each = Vec::new();
        }
    }
}
