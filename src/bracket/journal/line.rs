//! One record as one line.

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::record::Record;

/// What the first line's checksum is chained to.
pub(super) const SEED: u64 = 0x626f_6f6b_656e_6401;

const HEAD: &str = r#"{"sum":""#;
const DIGITS: usize = 16;
const TAIL: &str = r#"","#;

/// The line of a record, without its newline, and its checksum.
pub(super) fn write(record: &Record, before: u64) -> Result<(String, u64), serde_json::Error> {
    let body = serde_json::to_string(record)?;
    // A record is an object with at least its number, so this takes off the brace.
    let rest = body.strip_prefix('{').unwrap_or(&body);
    let sum = xxh3_64_with_seed(rest.as_bytes(), before);
    Ok((format!("{HEAD}{sum:016x}{TAIL}{rest}"), sum))
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It does not look like a record.
    Shape,
    /// Its checksum is not that of its text and the line before.
    Sum,
    /// The checksum is right and the content is not understood: a newer bookend wrote it.
    Words,
}

/// Reads a line, given without its newline.
pub(super) fn parse(text: &[u8], before: u64) -> Result<(Record, u64), Flaw> {
    let text = std::str::from_utf8(text).map_err(|_| Flaw::Shape)?;
    let after_head = text.strip_prefix(HEAD).ok_or(Flaw::Shape)?;
    let digits = after_head.get(..DIGITS).ok_or(Flaw::Shape)?;
    let rest = after_head
        .get(DIGITS..)
        .and_then(|rest| rest.strip_prefix(TAIL))
        .ok_or(Flaw::Shape)?;
    let sum = xxh3_64_with_seed(rest.as_bytes(), before);
    if digits != format!("{sum:016x}") {
        return Err(Flaw::Sum);
    }
    let body: Value = serde_json::from_str(&format!("{{{rest}")).map_err(|_| Flaw::Words)?;
    let record = serde_json::from_value(body).map_err(|_| Flaw::Words)?;
    Ok((record, sum))
}
