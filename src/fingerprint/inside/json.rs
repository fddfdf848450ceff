//! Inside a JSON value of PostgreSQL. Texts, numbers and truth values are hashed as the COPY text
//! of a column that holds the same, so that a column that moved into a JSON value is found there;
//! objects and arrays as they are written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{Adding, ELEMENT, InsideHasher, Value};
use crate::fingerprint::value_hash;

/// What a JSON value is, by its first character.
enum Shape<'a> {
    Object(BTreeMap<Cow<'a, str>, &'a RawValue>),
    Array(Vec<&'a RawValue>),
    Null,
    /// Anything else, as COPY writes it.
    Plain(Cow<'a, str>),
}

impl InsideHasher {
    /// Begins a row, of these columns that are not null, in COPY text; `key` is a hash of its key.
    pub fn copied_row<'a>(
        &mut self,
        key: Option<u128>,
        columns: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) {
        self.row(key);
        for (name, raw) in columns {
            self.column(name, value_hash(raw).0, key);
        }
    }

    /// Adds a JSON value of the column `name` of that row.
    ///
    /// # Errors
    /// The text is not JSON.
    pub fn json(
        &mut self,
        name: &str,
        key: Option<u128>,
        text: &str,
    ) -> Result<(), serde_json::Error> {
        let value: &RawValue = serde_json::from_str(text)?;
        self.field(name, key, |adding| walk(shape(value)?, adding))
    }
}

fn shape(value: &RawValue) -> Result<Shape<'_>, serde_json::Error> {
    let text = value.get();
    Ok(match text.as_bytes().first() {
        Some(b'{') => {
            let members: BTreeMap<Name<'_>, &RawValue> = serde_json::from_str(text)?;
            let members = members.into_iter();
            Shape::Object(members.map(|(name, value)| (name.0, value)).collect())
        }
        Some(b'[') => Shape::Array(serde_json::from_str(text)?),
        Some(b'"') => {
            let Name(text) = serde_json::from_str(text)?;
            Shape::Plain(copied(text))
        }
        Some(b'n') => Shape::Null,
        Some(b't') => Shape::Plain(Cow::Borrowed("t")),
        Some(b'f') => Shape::Plain(Cow::Borrowed("f")),
        _ => Shape::Plain(Cow::Borrowed(text)),
    })
}

/// A string that is borrowed where it has no escapes.
#[derive(serde::Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// As COPY writes it (`src/backend/commands/copyto.c`, `CopyAttributeOutText`).
pub(super) fn copied(text: Cow<'_, str>) -> Cow<'_, str> {
    let escape = |c: char| match c {
        '\u{8}' => Some('b'),
        '\u{c}' => Some('f'),
        '\n' => Some('n'),
        '\r' => Some('r'),
        '\t' => Some('t'),
        '\u{b}' => Some('v'),
        '\\' => Some('\\'),
        _ => None,
    };
    if text.chars().all(|c| escape(c).is_none()) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match escape(c) {
            Some(letter) => escaped.extend(['\\', letter]),
            None => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

fn walk(shape: Shape<'_>, adding: &mut Adding<'_>) -> Result<(), serde_json::Error> {
    match shape {
        Shape::Object(members) => {
            for (name, value) in members {
                add(&name, value, adding)?;
            }
        }
        Shape::Array(elements) => {
            for value in elements {
                add(ELEMENT, value, adding)?;
            }
        }
        Shape::Null | Shape::Plain(_) => {}
    }
    Ok(())
}

pub(super) fn add(
    name: &str,
    raw: &RawValue,
    adding: &mut Adding<'_>,
) -> Result<(), serde_json::Error> {
    let shape = shape(raw)?;
    let hash = match &shape {
        Shape::Null => None,
        Shape::Plain(text) => Some(value_hash(text.as_bytes()).0),
        Shape::Object(_) | Shape::Array(_) => Some(value_hash(raw.get().as_bytes()).0),
    };
    adding.value(name, Value { hash, kind: None }, |adding| {
        walk(shape, adding)
    })
}
