//! Tar headers (POSIX ustar). Those of an archive are a pure function of name, size and
//! time, so that a reader can hold every one of their bytes against what it must be.

use std::fmt::Write as _;

/// Tar's unit.
pub const BLOCK: u64 = 512;
/// Two empty blocks end a tar.
pub const END: u64 = 2 * BLOCK;

const NAME: usize = 100;
/// Eleven octal digits.
const LARGEST: u64 = 0o77_777_777_777;

/// One header block.
pub type Header = [u8; 512];

/// Zero bytes that follow `size` bytes of content.
#[must_use]
pub fn padding(size: u64) -> u64 {
    (BLOCK - size % BLOCK) % BLOCK
}

/// Bytes that a member takes: header, content, padding.
#[must_use]
pub fn span(size: u64) -> u64 {
    BLOCK.saturating_add(size).saturating_add(padding(size))
}

/// Whether `name` may stand in an archive: a relative path of plain words.
#[must_use]
pub fn is_safe_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let word = |word: &str| !matches!(word, "" | "." | "..") && word.bytes().all(plain);
    name.len() <= NAME && name.split('/').all(word)
}

/// Bytes of a name's first part, which ends before a slash.
const PREFIX: usize = 155;

/// Whether `name` may stand in a bundle: like [`is_safe_name`], and longer if it can be parted
/// at a slash.
#[must_use]
pub fn is_safe_path(name: &str) -> bool {
    parted(name).is_some()
}

/// A safe name as prefix and name of a header.
fn parted(path: &str) -> Option<(&str, &str)> {
    if is_safe_name(path) {
        return Some(("", path));
    }
    let slashes = path.match_indices('/').map(|(at, _)| at);
    let parts = slashes.map(|at| (&path[..at], &path[at + 1..]));
    let fits = |(prefix, name): &(&str, &str)| {
        prefix.len() <= PREFIX && is_safe_name(name) && prefix.split('/').all(is_safe_name)
    };
    parts.into_iter().find(fits)
}

/// The header of a member of a bundle: longer names, and sizes beyond eight octal gigabytes
/// as GNU tar writes them.
#[must_use]
pub fn bundle_header(path: &str, size: u64, mtime: u64) -> Option<Header> {
    let (prefix, name) = parted(path)?;
    let mut header = header(name, size.min(LARGEST), mtime)?;
    octal(&mut header[100..107], 0o600);
    header[345..345 + prefix.len()].copy_from_slice(prefix.as_bytes());
    if size > LARGEST {
        header[124] = 0x80;
        header[125..136].fill(0);
        header[128..136].copy_from_slice(&size.to_be_bytes());
    }
    let sum = checksum(&header);
    octal(&mut header[148..154], sum);
    Some(header)
}

/// The header of a regular file; `None` if the name or the size has no place in one.
#[must_use]
pub fn header(name: &str, size: u64, mtime: u64) -> Option<Header> {
    if !is_safe_name(name) || size > LARGEST || mtime > LARGEST {
        return None;
    }
    let mode = if name == "restore.sh" { 0o700 } else { 0o600 };
    let mut header = [0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    octal(&mut header[100..107], mode);
    octal(&mut header[108..115], 0);
    octal(&mut header[116..123], 0);
    octal(&mut header[124..135], size);
    octal(&mut header[136..147], mtime);
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    octal(&mut header[329..336], 0);
    octal(&mut header[337..344], 0);
    let sum = checksum(&header);
    octal(&mut header[148..154], sum);
    header[155] = b' ';
    Some(header)
}

/// The sum of a header's bytes, its own field read as spaces.
fn checksum(header: &Header) -> u64 {
    let own = 148..156;
    let byte = |(at, byte): (usize, &u8)| u64::from(if own.contains(&at) { b' ' } else { *byte });
    header.iter().enumerate().map(byte).sum()
}

fn octal(field: &mut [u8], value: u64) {
    let mut text = String::with_capacity(field.len());
    // Writing to a string cannot fail.
    let _ = write!(text, "{value:0width$o}", width = field.len());
    field.copy_from_slice(text.as_bytes());
}

/// What a header of any tar says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name, bytes that are not UTF-8 replaced.
    pub name: String,
    /// Bytes of content.
    pub size: u64,
    /// True for a regular file.
    pub regular: bool,
}

/// Reads a header that may come from anywhere; `None` if it is not one.
#[must_use]
pub fn parse(header: &Header) -> Option<Entry> {
    if number(&header[148..156])? != checksum(header) || &header[257..262] != b"ustar" {
        return None;
    }
    let name = text(&header[..NAME]);
    let prefix = text(&header[345..500]);
    Some(Entry {
        name: if prefix.is_empty() {
            name
        } else {
            format!("{prefix}/{name}")
        },
        size: size(&header[124..136])?,
        regular: matches!(header[156], b'0' | 0),
    })
}

fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0);
    String::from_utf8_lossy(&field[..end.unwrap_or(field.len())]).into_owned()
}

/// Octal digits, or eleven bytes behind a first one of 0x80.
fn size(field: &[u8]) -> Option<u64> {
    match field {
        [0x80, 0, 0, 0, bytes @ ..] => Some(u64::from_be_bytes(bytes.try_into().ok()?)),
        digits => number(digits),
    }
}

fn number(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    u64::from_str_radix(text.trim_matches([' ', '\0']), 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_back_by_the_tar_crate() {
        let header = header("data/00042/0001.copy.zst", 1234, 1_700_000_000).unwrap();
        let theirs = tar::Header::from_byte_slice(&header);
        assert_eq!(
            theirs.path().unwrap().to_str(),
            Some("data/00042/0001.copy.zst")
        );
        assert_eq!(theirs.size().unwrap(), 1234);
        assert_eq!(theirs.mode().unwrap(), 0o600);
        assert_eq!(theirs.mtime().unwrap(), 1_700_000_000);
        assert_eq!(u64::from(theirs.cksum().unwrap()), checksum(&header));
        assert!(theirs.as_ustar().is_some());
        let ours = parse(&header).unwrap();
        assert_eq!((ours.size, ours.regular), (1234, true));
    }

    #[test]
    fn names_that_could_escape_are_refused() {
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "./a",
            "a/",
            "a b",
            "a\nb",
            "$(x)",
            "ü",
        ] {
            assert!(!is_safe_name(bad), "{bad}");
            assert_eq!(header(bad, 0, 0), None, "{bad}");
        }
        assert!(is_safe_name("large_objects/0001.dump.zst"));
        assert!(!is_safe_name(&"a".repeat(101)));
    }

    #[test]
    fn a_bundles_header_holds_long_names_and_large_sizes() {
        let long = format!("migration/{}/{}", "a".repeat(95), "b".repeat(90));
        for (name, bytes) in [
            ("archives/shop.tar", LARGEST),
            ("archives/shop.tar", LARGEST + 1),
            ("archives/shop.tar", u64::MAX / 2),
            (long.as_str(), 7),
        ] {
            let header = bundle_header(name, bytes, 1_700_000_000).unwrap();
            let theirs = tar::Header::from_byte_slice(&header);
            assert_eq!(theirs.path().unwrap().to_str(), Some(name));
            assert_eq!(theirs.size().unwrap(), bytes);
            assert_eq!(u64::from(theirs.cksum().unwrap()), checksum(&header));
            let ours = parse(&header).unwrap();
            assert_eq!((ours.name.as_str(), ours.size), (name, bytes));
        }
        assert_eq!(bundle_header("a/../b", 0, 0), None);
        assert_eq!(bundle_header(&"a".repeat(101), 0, 0), None);
        assert!(!is_safe_path(&format!("{}/x", "a".repeat(156))));
        assert_eq!(
            bundle_header("a/b", 5, 6),
            header("a/b", 5, 6),
            "as in an archive where it can be"
        );
    }

    #[test]
    fn sizes_without_a_place_are_refused() {
        assert!(header("a", LARGEST, 0).is_some());
        assert_eq!(header("a", LARGEST + 1, 0), None);
        assert_eq!(span(0), 512);
        assert_eq!(span(1), 1024);
        assert_eq!(span(512), 1024);
    }
}
