//! The top-level elements of a raw BSON document, values skipped by their stated length:
//! nothing is decoded, nothing recurses, so neither depth nor invalid text matters.
//!
//! Source of the format: <https://bsonspec.org/spec.html>.

use memchr::memchr;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::DocumentProblem;

/// BSON's type byte of null.
pub(in super::super) const NULL: u8 = 0x0a;

/// One element of a document.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Element<'a> {
    pub kind: u8,
    pub name: &'a [u8],
    pub value: &'a [u8],
    /// Its name is what was expected.
    pub as_expected: bool,
}

/// A top-level field of a document, as its bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawField<'a> {
    /// BSON's type byte.
    pub kind: u8,
    /// Its name.
    pub name: &'a [u8],
    /// Its value without type and name.
    pub value: &'a [u8],
}

/// The top-level fields of a document, in its order.
///
/// # Errors
/// What is wrong with the document.
pub fn raw_fields(document: &[u8]) -> Result<Vec<RawField<'_>>, DocumentProblem> {
    let mut elements = Elements::of(document)?;
    let mut fields = Vec::new();
    while let Some(Element {
        kind, name, value, ..
    }) = elements.next(b"")?
    {
        fields.push(RawField { kind, name, value });
    }
    Ok(fields)
}

/// Walks over the elements between a document's length and its final zero.
pub(in super::super) struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Elements<'a> {
    /// Of a whole document.
    pub(in super::super) fn of(document: &'a [u8]) -> Result<Self, DocumentProblem> {
        let (start, rest) = document
            .split_first_chunk::<4>()
            .ok_or(DocumentProblem::Length)?;
        let stated = usize::try_from(i32::from_le_bytes(*start));
        match rest.split_last() {
            Some((0, rest)) if stated == Ok(document.len()) => Ok(Self { rest }),
            _ => Err(DocumentProblem::Length),
        }
    }

    /// The next element. `expected` is what its name probably is: comparing is faster than
    /// looking for its end.
    #[inline]
    pub(in super::super) fn next(
        &mut self,
        expected: &[u8],
    ) -> Result<Option<Element<'a>>, DocumentProblem> {
        let Some((kind, rest)) = self.rest.split_first() else {
            return Ok(None);
        };
        let as_expected = rest.starts_with(expected) && rest.get(expected.len()) == Some(&0);
        let end = if as_expected {
            expected.len()
        } else {
            memchr(0, rest).ok_or(DocumentProblem::Name)?
        };
        let (name, rest) = rest.split_at(end);
        let rest = rest.get(1..).unwrap_or_default();
        let length = value_length(*kind, rest)?;
        let (value, rest) = rest
            .split_at_checked(length)
            .ok_or(DocumentProblem::Value)?;
        self.rest = rest;
        Ok(Some(Element {
            kind: *kind,
            name,
            value,
            as_expected,
        }))
    }
}

/// The hash of a value, its type the seed.
#[inline]
pub(in super::super) fn element_hash(element: &Element<'_>) -> u128 {
    xxh3_128_with_seed(element.value, u64::from(element.kind))
}

/// How many bytes the value takes that begins `rest`.
#[inline]
fn value_length(kind: u8, rest: &[u8]) -> Result<usize, DocumentProblem> {
    let stated = || {
        let start = rest.first_chunk::<4>().ok_or(DocumentProblem::Value)?;
        usize::try_from(i32::from_le_bytes(*start)).map_err(|_| DocumentProblem::Value)
    };
    let length = match kind {
        0x01 | 0x09 | 0x11 | 0x12 => 8,
        0x02 | 0x0d | 0x0e => stated()?.saturating_add(4),
        0x03 | 0x04 | 0x0f => stated()?,
        0x05 => stated()?.saturating_add(5),
        0x06 | NULL | 0x7f | 0xff => 0,
        0x07 => 12,
        0x08 => 1,
        0x0b => {
            let pattern = memchr(0, rest).ok_or(DocumentProblem::Value)? + 1;
            let flags = rest.get(pattern..).and_then(|rest| memchr(0, rest));
            pattern + flags.ok_or(DocumentProblem::Value)? + 1
        }
        0x0c => stated()?.saturating_add(16),
        0x10 => 4,
        0x13 => 16,
        other => return Err(DocumentProblem::Type(other)),
    };
    // Strings end with a zero that counts, documents and arrays have at least their length
    // and a zero; a stated length below would make the next element begin within this one.
    let least = match kind {
        0x02 | 0x0c | 0x0d | 0x0e | 0x03 | 0x04 => 5,
        0x0f => 14,
        _ => 0,
    };
    if length < least {
        return Err(DocumentProblem::Value);
    }
    Ok(length)
}

/// The names that `$type` knows, by type byte.
const TYPES: [(u8, &str); 21] = [
    (0x01, "double"),
    (0x02, "string"),
    (0x03, "object"),
    (0x04, "array"),
    (0x05, "binData"),
    (0x06, "undefined"),
    (0x07, "objectId"),
    (0x08, "bool"),
    (0x09, "date"),
    (0x0a, "null"),
    (0x0b, "regex"),
    (0x0c, "dbPointer"),
    (0x0d, "javascript"),
    (0x0e, "symbol"),
    (0x0f, "javascriptWithScope"),
    (0x10, "int"),
    (0x11, "timestamp"),
    (0x12, "long"),
    (0x13, "decimal"),
    (0x7f, "maxKey"),
    (0xff, "minKey"),
];

/// A set of BSON types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TypesSeen(u32);

impl TypesSeen {
    #[inline]
    pub(in super::super) fn add(&mut self, kind: u8) {
        self.0 |= Self::bit(kind);
    }

    /// Types are 1 to 19, 127 and 255.
    #[inline]
    fn bit(kind: u8) -> u32 {
        match kind {
            0xff => 1 << 30,
            kind => 1 << (kind & 0x1f),
        }
    }

    pub(super) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Their names as `$type` knows them, null last.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let seen = move |kind: u8| self.0 & Self::bit(kind) != 0;
        let not_null = TYPES.iter().filter(|(kind, _)| *kind != NULL);
        not_null
            .chain(TYPES.iter().filter(|(kind, _)| *kind == NULL))
            .filter(move |(kind, _)| seen(*kind))
            .map(|(_, name)| *name)
    }
}
