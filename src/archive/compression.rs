//! How chunks are compressed, and making whole frames of them with reused contexts.

use std::fmt;
use std::io::{self, Cursor};
use std::str::FromStr;

use flate2::{Compress, Crc, FlushCompress, Status};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use zstd::bulk::Compressor;
use zstd::zstd_safe::{CParameter, compress_bound};

/// Larger windows gained nothing on rows and cost memory on both sides.
const WINDOW_LOG: u32 = 17;

/// How chunks are compressed; written `zstd:1`, `gzip:6` or `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Zstandard, levels 1 to 19.
    Zstd(i32),
    /// Gzip, levels 1 to 9.
    Gzip(u32),
    /// As they are.
    None,
}

impl Default for Compression {
    fn default() -> Self {
        Self::Zstd(1)
    }
}

impl Compression {
    /// The ending of chunks' names; empty for none.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Zstd(_) => "zst",
            Self::Gzip(_) => "gz",
            Self::None => "",
        }
    }
}

/// A word that names no compression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a compression: zstd[:1-19], gzip[:1-9] or none")]
pub struct BadCompression(String);

impl FromStr for Compression {
    type Err = BadCompression;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || BadCompression(text.to_owned());
        let (name, level) = match text.split_once(':') {
            Some((name, level)) => (name, Some(level.parse::<u8>().map_err(|_| bad())?)),
            None => (text, None),
        };
        match (name, level) {
            ("zstd", level @ (None | Some(1..=19))) => Ok(Self::Zstd(level.unwrap_or(1).into())),
            ("gzip", level @ (None | Some(1..=9))) => Ok(Self::Gzip(level.unwrap_or(6).into())),
            ("none", None) => Ok(Self::None),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zstd(level) => write!(f, "zstd:{level}"),
            Self::Gzip(level) => write!(f, "gzip:{level}"),
            Self::None => f.write_str("none"),
        }
    }
}

impl Serialize for Compression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Compression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// Makes frames that can be decompressed each on its own, and one after the other.
pub enum FrameMaker {
    /// Zstandard.
    Zstd(Compressor<'static>),
    /// Raw deflate; the gzip framing is ours, because flate2's own cannot be reused.
    Gzip(Compress),
    /// Nothing.
    None,
}

impl FrameMaker {
    /// A context to be used for many frames.
    ///
    /// # Errors
    /// The library refuses the level.
    pub fn new(compression: Compression) -> io::Result<Self> {
        Ok(match compression {
            Compression::Zstd(level) => {
                let mut compressor = Compressor::new(level)?;
                compressor.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
                // So that stock `zstd -dc` sees damage too.
                compressor.set_parameter(CParameter::ChecksumFlag(true))?;
                Self::Zstd(compressor)
            }
            Compression::Gzip(level) => {
                Self::Gzip(Compress::new(flate2::Compression::new(level), false))
            }
            Compression::None => Self::None,
        })
    }

    /// Appends one frame that holds `raw` to `out`.
    ///
    /// # Errors
    /// What the library says.
    pub fn append(&mut self, raw: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Zstd(compressor) => {
                let at = out.len();
                out.reserve(compress_bound(raw.len()));
                let mut end = Cursor::new(out);
                end.set_position(at as u64);
                compressor.compress_to_buffer(raw, &mut end)?;
            }
            Self::Gzip(deflate) => append_gzip(deflate, raw, out)?,
            Self::None => out.extend_from_slice(raw),
        }
        Ok(())
    }
}

/// A gzip member (RFC 1952): header without name or time, deflate, CRC-32 and size.
fn append_gzip(deflate: &mut Compress, raw: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    out.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
    deflate.reset();
    loop {
        let consumed = usize::try_from(deflate.total_in()).unwrap_or(usize::MAX);
        let rest = raw.get(consumed..).unwrap_or_default();
        out.reserve(rest.len() / 4 + 4096);
        match deflate.compress_vec(rest, out, FlushCompress::Finish) {
            Ok(Status::StreamEnd) => break,
            Ok(Status::Ok | Status::BufError) => {}
            Err(error) => return Err(io::Error::other(error)),
        }
    }
    let mut crc = Crc::new();
    crc.update(raw);
    out.extend_from_slice(&crc.sum().to_le_bytes());
    out.extend_from_slice(&crc.amount().to_le_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn words_are_read_and_written() {
        for (word, means) in [
            ("zstd", Compression::Zstd(1)),
            ("zstd:19", Compression::Zstd(19)),
            ("gzip", Compression::Gzip(6)),
            ("gzip:1", Compression::Gzip(1)),
            ("none", Compression::None),
        ] {
            let read: Compression = word.parse().unwrap();
            assert_eq!(read, means);
            assert_eq!(read.to_string().parse(), Ok(read));
        }
        for bad in [
            "", "lz4", "zstd:0", "zstd:20", "gzip:10", "none:1", "zstd:x", "zstd:",
        ] {
            assert!(bad.parse::<Compression>().is_err(), "{bad}");
        }
    }

    #[test]
    fn frames_of_one_context_are_one_stream_together() {
        let first: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let frames: [&[u8]; 3] = [&first, b"", b"second"];
        let whole = frames.concat();
        for compression in ["zstd", "zstd:3", "gzip:1", "gzip:9", "none"] {
            let mut maker = FrameMaker::new(compression.parse().unwrap()).unwrap();
            let mut out = Vec::new();
            for frame in frames {
                maker.append(frame, &mut out).unwrap();
            }
            let mut back = Vec::new();
            match compression.split(':').next() {
                Some("zstd") => back = zstd::stream::decode_all(out.as_slice()).unwrap(),
                Some("gzip") => {
                    let mut decoder = flate2::read::MultiGzDecoder::new(out.as_slice());
                    decoder.read_to_end(&mut back).unwrap();
                }
                _ => back = out,
            }
            assert!(back == whole, "{compression}");
        }
    }
}
