//! One entry of a sidecar's tar, its order among the others, and its line in the listing.

use std::cmp::Ordering;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::super::digest::Digest;

/// A time of a file: seconds since 1970, and nanoseconds behind them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Seconds; negative before 1970.
    pub seconds: i64,
    /// 0 to 999,999,999, always forward.
    pub nanos: u32,
}

const SECOND: u32 = 1_000_000_000;

impl Moment {
    /// As a PAX record writes it: a decimal number of seconds.
    #[must_use]
    pub fn decimal(self) -> String {
        match (self.seconds, self.nanos) {
            (seconds, 0) => seconds.to_string(),
            (seconds @ 0.., nanos) => format!("{seconds}.{nanos:09}"),
            (seconds, nanos) => format!("-{}.{:09}", -(seconds + 1), SECOND - nanos),
        }
    }

    /// Reads [`Moment::decimal`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !plain(whole) || !plain(rest) {
            return None;
        }
        let seconds: i64 = whole.parse().ok()?;
        let nanos: u32 = format!("{rest:0<9}").get(..9)?.parse().ok()?;
        Some(match (negative, nanos) {
            (false, nanos) => Self { seconds, nanos },
            (true, 0) => Self {
                seconds: -seconds,
                nanos: 0,
            },
            (true, nanos) => Self {
                seconds: -seconds - 1,
                nanos: SECOND - nanos,
            },
        })
    }
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file of so many bytes.
    File(u64),
    /// A folder.
    Folder,
    /// A symbolic link, and what it says.
    Link(Vec<u8>),
}

/// One entry of a sidecar's tar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path: the sidecar's name, and what is below it. Any bytes but NUL.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// The lowest twelve bits of its mode.
    pub mode: u32,
    /// Its owner's number.
    pub uid: u64,
    /// Its group's number.
    pub gid: u64,
    /// When it was last written.
    pub mtime: Moment,
}

impl Entry {
    /// Its path as a person reads it.
    #[must_use]
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.path).into_owned()
    }

    /// Whether a link leads out of the folder that it is restored into.
    #[must_use]
    pub fn leads_out(&self) -> bool {
        let EntryKind::Link(target) = &self.kind else {
            return false;
        };
        if target.first() == Some(&b'/') {
            return true;
        }
        let mut depth = self.path.split(|byte| *byte == b'/').count() - 1;
        for part in target.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." if depth == 0 => return true,
                b".." => depth -= 1,
                _ => depth += 1,
            }
        }
        false
    }
}

/// The order of entries: a folder before what is in it, names in one folder by their bytes.
#[must_use]
pub fn order(a: &[u8], b: &[u8]) -> Ordering {
    let slash = |byte: &u8| *byte == b'/';
    a.split(slash).cmp(b.split(slash))
}

/// A line of the listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The path, where it is UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// Its bytes as hexadecimal digits, where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    /// `file`, `folder` or `link`.
    pub kind: String,
    /// Four octal digits.
    pub mode: String,
    /// Decimal seconds since 1970.
    pub mtime: String,
    /// Bytes of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Digest of a file's content, or of what a link says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
}

impl Line {
    /// The line of an entry; `content` is the digest of a file's bytes.
    #[must_use]
    pub fn of(entry: &Entry, content: Option<Digest>) -> Self {
        let text = std::str::from_utf8(&entry.path).ok().map(str::to_owned);
        let (kind, bytes, sha256) = match &entry.kind {
            EntryKind::File(bytes) => ("file", Some(*bytes), content),
            EntryKind::Folder => ("folder", None, None),
            EntryKind::Link(target) => ("link", None, Some(Digest::of(target))),
        };
        Self {
            path_hex: text.is_none().then(|| hex(&entry.path)),
            path: text,
            kind: kind.to_owned(),
            mode: format!("{:04o}", entry.mode),
            mtime: entry.mtime.decimal(),
            bytes,
            sha256,
        }
    }

    /// The path's bytes; `None` if the line has none.
    #[must_use]
    pub fn path(&self) -> Option<Vec<u8>> {
        match (&self.path, &self.path_hex) {
            (Some(path), _) => Some(path.clone().into_bytes()),
            (None, Some(digits)) => unhex(digits),
            (None, None) => None,
        }
    }

    /// Whether both lines are of the same thing, whenever it was last written.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let facts = |line: &Self| {
            (
                line.kind.clone(),
                line.mode.clone(),
                line.bytes,
                line.sha256,
            )
        };
        facts(self) == facts(other)
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
