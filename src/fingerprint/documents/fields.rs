//! Sums for each top-level field, for a bounded number of names.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

use super::elements::{Element, NULL, TypesSeen};
use crate::fingerprint::keyed_hash;
use crate::snapshot::{ColumnContent, Fingerprint};

/// So many names are listed. Collections with more use names as data (one field a user, say).
pub const LISTED_FIELDS: usize = 2_000;

/// Longer names are not listed: they too are data.
const LONGEST_NAME: usize = 255;

/// The name of the key, which is always listed.
pub(in super::super) const ID: &[u8] = b"_id";

/// One field's sums.
#[derive(Clone, Debug, Default)]
pub(super) struct Field {
    pub name: Box<[u8]>,
    /// Which names are listed is decided by these, see [`Fields`].
    pub rank: u64,
    pub present: u64,
    pub nulls: u64,
    pub types: TypesSeen,
    pub sum: u128,
    pub keyed: u128,
    /// Hash of some value, to tell whether others differ.
    pub sample: u128,
    pub varied: bool,
    /// The field that came next the last time.
    next: usize,
    /// Number of the last document that had it.
    last_seen: u64,
}

impl Field {
    fn new(name: &[u8], rank: u64) -> Self {
        Self {
            name: name.into(),
            rank,
            next: usize::MAX,
            ..Self::default()
        }
    }

    pub(super) fn non_null(&self) -> u64 {
        self.present - self.nulls
    }

    /// Counts the field in document `document`; true if that document had it already.
    #[inline]
    pub(super) fn seen(&mut self, kind: u8, document: u64) -> bool {
        self.present += 1;
        self.nulls += u64::from(kind == NULL);
        self.types.add(kind);
        std::mem::replace(&mut self.last_seen, document) == document
    }

    #[inline]
    pub(super) fn add(&mut self, hash: u128, key: Option<u128>) {
        self.varied |= hash != self.sample;
        self.sum = self.sum.wrapping_add(hash);
        if let Some(key) = key {
            let keyed = keyed_hash(Fingerprint(hash), Fingerprint(key));
            self.keyed = self.keyed.wrapping_add(keyed.0);
        }
    }

    /// The sums; `keyed` if every document had a key.
    pub(super) fn content(&self, keyed: bool) -> ColumnContent {
        ColumnContent {
            non_null: self.non_null(),
            fingerprint: Fingerprint(self.sum),
            keyed: keyed.then_some(Fingerprint(self.keyed)),
            varied: self.varied,
        }
    }

    /// Adds another part of the same collection.
    pub(super) fn merge(&mut self, other: &Self) {
        let differ = self.non_null() > 0 && other.non_null() > 0 && self.sample != other.sample;
        self.varied |= other.varied || differ;
        if self.non_null() == 0 {
            self.sample = other.sample;
        }
        self.present += other.present;
        self.nulls += other.nulls;
        self.types = self.types.union(other.types);
        self.sum = self.sum.wrapping_add(other.sum);
        self.keyed = self.keyed.wrapping_add(other.keyed);
    }
}

/// Fields by name. Of more names than [`LISTED_FIELDS`] those with the lowest hashes stay:
/// which they are does not hang on the order of the documents, and what a listed name had is
/// known from its first document on, for it was never pushed out.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub list: Vec<Field>,
    places: HashMap<u64, usize>,
    /// The place with the highest rank, once the list is full.
    highest: Option<usize>,
    /// Values of fields that are not listed.
    pub unlisted: u64,
    /// The first field of the last document.
    first: usize,
    /// The field before the one that is looked for.
    previous: Option<usize>,
}

impl Fields {
    /// A document begins.
    #[inline]
    pub(super) fn rewind(&mut self) {
        self.previous = None;
    }

    /// The name that probably comes next.
    #[inline]
    pub(super) fn expected(&self) -> &[u8] {
        self.list
            .get(self.expected_place())
            .map_or(&[], |field| &field.name)
    }

    #[inline]
    fn expected_place(&self) -> usize {
        match self.previous {
            Some(previous) => self.list.get(previous).map_or(usize::MAX, |f| f.next),
            None => self.first,
        }
    }

    /// The place of an element's field; `None` if it is not listed. The element was read with
    /// the name that [`expected`](Self::expected) gave.
    #[inline]
    pub(super) fn place(&mut self, element: &Element<'_>) -> Option<usize> {
        let expected = self.expected_place();
        // Without an expectation the empty name is what was expected.
        let place = if element.as_expected && expected < self.list.len() {
            expected
        } else {
            let Some(place) = self.find(element.name) else {
                self.unlisted += 1;
                return None;
            };
            match self.previous.and_then(|p| self.list.get_mut(p)) {
                Some(previous) => previous.next = place,
                None => self.first = place,
            }
            place
        };
        self.previous = Some(place);
        Some(place)
    }

    fn find(&mut self, name: &[u8]) -> Option<usize> {
        let rank = rank(name)?;
        if let Some(place) = self.places.get(&rank) {
            let same = self.list.get(*place).is_some_and(|f| *f.name == *name);
            return same.then_some(*place);
        }
        if self.list.len() < LISTED_FIELDS {
            self.list.push(Field::new(name, rank));
            self.places.insert(rank, self.list.len() - 1);
            return Some(self.list.len() - 1);
        }
        self.push_out(Field::new(name, rank))
    }

    /// Lists `field` in place of the one with the highest rank, if that is higher.
    fn push_out(&mut self, field: Field) -> Option<usize> {
        let place = self.highest()?;
        let out = self.list.get_mut(place)?;
        if out.rank < field.rank {
            return None;
        }
        self.unlisted += out.present;
        self.places.remove(&out.rank);
        self.places.insert(field.rank, place);
        *out = field;
        self.highest = None;
        Some(place)
    }

    fn highest(&mut self) -> Option<usize> {
        if self.highest.is_none() {
            let ranks = self.list.iter().map(|field| field.rank).enumerate();
            self.highest = ranks.max_by_key(|(_, rank)| *rank).map(|(place, _)| place);
        }
        self.highest
    }
}

/// `None` for names that are never listed.
pub(super) fn rank(name: &[u8]) -> Option<u64> {
    match name {
        ID => Some(0),
        name if name.len() > LONGEST_NAME => None,
        name => Some(xxh3_64(name).max(1)),
    }
}
