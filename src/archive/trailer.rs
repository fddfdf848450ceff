//! The last line of `manifest.json`: of fixed width, ending exactly where the tar's two
//! empty blocks begin, so that the manifest is found without walking the tar.

use super::digest::Digest;
use super::ustar::BLOCK;

const BEFORE_OFFSET: &str = "{\"manifest_at\":\"";
const BEFORE_DIGEST: &str = "\",\"sha256\":\"";
const AFTER: &str = "\"}\n";
const OFFSET_DIGITS: usize = 20;
const DIGEST_DIGITS: usize = 64;

/// Bytes of the line with its newline.
pub const WIDTH: usize =
    BEFORE_OFFSET.len() + OFFSET_DIGITS + BEFORE_DIGEST.len() + DIGEST_DIGITS + AFTER.len();

/// What the line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// Where the manifest's header begins.
    pub manifest_at: u64,
    /// Digest of the manifest's bytes before this line.
    pub sha256: Digest,
}

impl Trailer {
    /// Pads `json` and appends the line: the content of `manifest.json`.
    #[must_use]
    pub fn seal(mut json: Vec<u8>, manifest_at: u64) -> Vec<u8> {
        let block = usize::try_from(BLOCK).unwrap_or(512);
        let bare = json.len() + 1 + WIDTH;
        json.resize(json.len() + (block - bare % block) % block, b' ');
        json.push(b'\n');
        let sha256 = Digest::of(&json);
        let line = format!("{BEFORE_OFFSET}{manifest_at:020}{BEFORE_DIGEST}{sha256}{AFTER}");
        json.extend_from_slice(line.as_bytes());
        json
    }

    /// Reads the line; `None` if it is not exactly one.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?;
        let rest = line.strip_prefix(BEFORE_OFFSET)?;
        let (offset, rest) = rest.split_at_checked(OFFSET_DIGITS)?;
        let rest = rest.strip_prefix(BEFORE_DIGEST)?;
        let (digest, rest) = rest.split_at_checked(DIGEST_DIGITS)?;
        let digits = offset.bytes().all(|digit| digit.is_ascii_digit());
        (digits && rest == AFTER).then_some(())?;
        Some(Self {
            manifest_at: offset.parse().ok()?,
            sha256: Digest::parse(digest)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_manifest_ends_on_a_block_and_is_read_back() {
        for length in 0..1100 {
            let sealed = Trailer::seal(vec![b'x'; length], 1536);
            assert_eq!(sealed.len() % 512, 0);
            let (json, line) = sealed.split_at(sealed.len() - WIDTH);
            let trailer = Trailer::parse(line).unwrap();
            assert_eq!(trailer.manifest_at, 1536);
            assert_eq!(trailer.sha256, Digest::of(json));
            assert!(json.ends_with(b"\n"));
        }
    }

    #[test]
    fn every_flipped_bit_of_the_line_is_seen() {
        let sealed = Trailer::seal(b"{}".to_vec(), 77);
        let line = &sealed[sealed.len() - WIDTH..];
        let right = Trailer::parse(line).unwrap();
        for at in 0..line.len() {
            for bit in 0..8 {
                let mut wrong = line.to_vec();
                wrong[at] ^= 1 << bit;
                assert_ne!(Trailer::parse(&wrong), Some(right), "byte {at} bit {bit}");
            }
        }
    }
}
