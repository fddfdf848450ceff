//! Reading one member: its digest first, then its bytes, never more than the manifest says.

use std::io::{self, BufReader, Read};

use bytes::{Bytes, BytesMut};
use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256};

use super::super::compression::Compression;
use super::super::digest::Digest;
use super::super::manifest::Member;
use super::super::region::Region;
use crate::snapshot::{ChunkReader, SeamError};

/// Bytes given out at once.
const PIECE: usize = 256 << 10;
/// Bytes read from the file at once.
const READ: usize = 128 << 10;
/// Frames are written with a window of 2^17; a later minor version may use up to 2^23.
const WINDOW_LOG_MAX: u32 = 23;

/// A range of the file, read by position: several readers share one file.
struct Section {
    file: Region,
    at: u64,
    end: u64,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let length = left.min(buffer.len());
        let read = self.file.read_at(&mut buffer[..length], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Bytes as they come out of the archive.
enum Decoder {
    Zstd(zstd::stream::read::Decoder<'static, BufReader<Section>>),
    Gzip(Box<MultiGzDecoder<BufReader<Section>>>),
    Plain(Section),
}

impl Read for Decoder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Zstd(decoder) => decoder.read(buffer),
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Plain(section) => section.read(buffer),
        }
    }
}

/// Reads one member, piece by piece.
pub struct MemberReader {
    file: Region,
    name: String,
    at: u64,
    stored: u64,
    sha256: Digest,
    compression: Compression,
    decoder: Option<Decoder>,
    left: u64,
    buffer: BytesMut,
    ended: bool,
}

impl MemberReader {
    /// A reader over `member`; only chunks are compressed.
    pub fn new(file: Region, member: &Member, compression: Compression) -> Self {
        Self {
            file,
            name: member.name.clone(),
            at: member.content_at(),
            stored: member.stored,
            sha256: member.sha256,
            compression: member.lane().map_or(Compression::None, |_| compression),
            decoder: None,
            left: member.raw_bytes(),
            buffer: BytesMut::new(),
            ended: false,
        }
    }

    fn section(&self) -> Section {
        Section {
            file: self.file.clone(),
            at: self.at,
            end: self.at + self.stored,
        }
    }

    /// Reads the stored bytes once and holds their digest against the manifest's. Two
    /// passes instead of one buffer: a member that holds a giant row is as large as the row.
    fn check_digest(&mut self) -> Result<(), SeamError> {
        let mut section = self.section();
        let mut state = Sha256::new();
        self.buffer.resize(READ, 0);
        loop {
            match section.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(read) => state.update(&self.buffer[..read]),
                Err(error) => return Err(self.unreadable(error)),
            }
        }
        self.buffer.clear();
        if section.at != section.end {
            return Err(self.damaged("the file ends within it"));
        }
        if Digest::from(state) != self.sha256 {
            return Err(self.damaged("its bytes do not have the digest that the manifest names"));
        }
        Ok(())
    }

    fn open(&mut self) -> Result<Decoder, SeamError> {
        self.check_digest()?;
        let section = self.section();
        Ok(match self.compression {
            Compression::None => Decoder::Plain(section),
            Compression::Gzip(_) => {
                let section = BufReader::with_capacity(READ, section);
                Decoder::Gzip(Box::new(MultiGzDecoder::new(section)))
            }
            Compression::Zstd(_) => {
                let section = BufReader::with_capacity(READ, section);
                let decoder = zstd::stream::read::Decoder::with_buffer(section);
                let mut decoder = decoder.map_err(|error| self.unreadable(error))?;
                let limited = decoder.window_log_max(WINDOW_LOG_MAX);
                limited.map_err(|error| self.unreadable(error))?;
                Decoder::Zstd(decoder)
            }
        })
    }

    /// Fills the buffer with the next piece; one byte more than is left is asked for, so that
    /// a member that expands further is seen.
    fn fill(&mut self, decoder: &mut Decoder) -> Result<usize, SeamError> {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let wanted = PIECE.min(left.saturating_add(1));
        self.buffer.resize(wanted, 0);
        let mut filled = 0;
        while filled < wanted {
            match decoder.read(&mut self.buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(self.damaged(&format!("it cannot be decompressed: {error}")));
                }
            }
        }
        if filled > left {
            return Err(self.damaged("it expands to more than the manifest says"));
        }
        if filled < wanted && filled < left {
            return Err(self.damaged("it holds less than the manifest says"));
        }
        Ok(filled)
    }

    fn damaged(&self, problem: &str) -> SeamError {
        SeamError::Damaged {
            member: self.name.clone(),
            problem: problem.to_owned(),
        }
    }

    fn unreadable(&self, source: io::Error) -> SeamError {
        SeamError::Io {
            what: format!("{} could not be read from the archive", self.name),
            source,
        }
    }
}

impl ChunkReader for MemberReader {
    fn next_piece(&mut self) -> Result<Option<Bytes>, SeamError> {
        if self.ended {
            return Ok(None);
        }
        // Whatever goes wrong below, nothing more is given out.
        self.ended = true;
        let mut decoder = match self.decoder.take() {
            Some(decoder) => decoder,
            None => self.open()?,
        };
        let filled = self.fill(&mut decoder)?;
        if filled == 0 {
            return Ok(None);
        }
        self.left -= filled as u64;
        self.ended = false;
        self.decoder = Some(decoder);
        Ok(Some(self.buffer.split_to(filled).freeze()))
    }
}
