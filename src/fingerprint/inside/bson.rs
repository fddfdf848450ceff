//! Inside the fields of a document. A value is hashed as one of a top-level field is.

use std::borrow::Cow;

use super::{Adding, ELEMENT, InsideHasher, Value};
use crate::fingerprint::documents::{
    DocumentProblem, Element, Elements, ID, NULL, element_hash, printed,
};

const DOCUMENT: u8 = 0x03;
const ARRAY: u8 = 0x04;

impl InsideHasher {
    /// One whole document. Its key is a hash of `_id`, where no other is given.
    ///
    /// # Errors
    /// It is not BSON, at whatever depth.
    pub fn document(&mut self, document: &[u8], key: Option<u128>) -> Result<(), DocumentProblem> {
        let key = match key {
            Some(key) => Some(key),
            None => own_key(document)?,
        };
        self.row(key);
        let mut elements = Elements::of(document)?;
        while let Some(element) = elements.next(b"")? {
            let name = name(&element);
            if element.kind != NULL {
                self.column(&name, element_hash(&element), key);
            }
            if holds_others(&element) {
                self.field(&name, key, |adding| walk(&element, adding))?;
            }
        }
        Ok(())
    }
}

fn own_key(document: &[u8]) -> Result<Option<u128>, DocumentProblem> {
    let mut elements = Elements::of(document)?;
    while let Some(element) = elements.next(ID)? {
        if element.name == ID {
            return Ok(Some(element_hash(&element)));
        }
    }
    Ok(None)
}

fn holds_others(element: &Element<'_>) -> bool {
    matches!(element.kind, DOCUMENT | ARRAY)
}

fn name<'a>(element: &Element<'a>) -> Cow<'a, str> {
    match std::str::from_utf8(element.name) {
        Ok(name) => Cow::Borrowed(name),
        Err(_) => Cow::Owned(printed(element.name)),
    }
}

fn walk(within: &Element<'_>, adding: &mut Adding<'_>) -> Result<(), DocumentProblem> {
    let mut elements = Elements::of(within.value)?;
    while let Some(element) = elements.next(b"")? {
        let value = Value {
            hash: (element.kind != NULL).then(|| element_hash(&element)),
            kind: Some(element.kind),
        };
        let inside = |adding: &mut Adding<'_>| {
            if holds_others(&element) {
                walk(&element, adding)
            } else {
                Ok(())
            }
        };
        match within.kind {
            ARRAY => adding.value(ELEMENT, value, inside)?,
            _ => adding.value(&name(&element), value, inside)?,
        }
    }
    Ok(())
}
