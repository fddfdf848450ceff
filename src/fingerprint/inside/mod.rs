//! Sums for each path inside values that hold others: the documents and arrays of MongoDB, the
//! JSON and the arrays of PostgreSQL.
//!
//! What a path holds several times in one row, as the elements of an array, counts as often.

mod array;
mod bson;
mod json;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use xxhash_rust::xxh3::xxh3_64;

use super::keyed_hash;
use crate::snapshot::{Column, ColumnContent, FieldInside, Fingerprint, Inside};

/// So many paths are listed of one field: more are names that are data.
const LISTED_PATHS: usize = 500;

/// So many are listed of an object.
const LISTED_IN_ALL: usize = 10_000;

/// What is nested deeper is a value as a whole. Documents nest up to 100 deep in MongoDB
/// (<https://www.mongodb.com/docs/manual/reference/limits/>).
const DEEPEST: usize = 100;

/// Stands for the elements of an array in a path.
const ELEMENT: &str = "$";

/// Hashes what is inside the values of one object's rows or documents.
#[derive(Default)]
pub struct InsideHasher {
    rows: u64,
    columns: BTreeMap<String, Sums>,
    too_many_columns: bool,
    fields: BTreeMap<String, Paths>,
    without_key: bool,
    listed: usize,
}

/// The paths inside one field.
#[derive(Default)]
struct Paths {
    all: Sums,
    listed: HashMap<u64, Listed>,
    too_many: bool,
}

/// One path.
struct Listed {
    path: String,
    types: super::TypesSeen,
    sums: Sums,
}

/// Values that are not null.
#[derive(Default)]
struct Sums {
    values: u64,
    sum: u128,
    keyed: u128,
    /// Hash of some value, to tell whether others differ.
    sample: u128,
    varied: bool,
}

/// A value inside of another.
#[derive(Clone, Copy)]
struct Value {
    /// `None` for null.
    hash: Option<u128>,
    /// BSON's type byte, where types are told.
    kind: Option<u8>,
}

impl InsideHasher {
    /// A hasher that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The sums.
    #[must_use]
    pub fn finish(self) -> Inside {
        let keyed = !self.without_key;
        let columns = self.columns.into_iter();
        let columns = columns.map(|(name, sums)| (name, sums.content(keyed)));
        let fields = self.fields.into_iter();
        Inside {
            rows: self.rows,
            columns: (!self.too_many_columns).then(|| columns.collect()),
            fields: fields
                .map(|(name, paths)| (name, paths.finish(keyed)))
                .collect(),
        }
    }

    /// Begins a row.
    fn row(&mut self, key: Option<u128>) {
        self.rows += 1;
        self.without_key |= key.is_none();
    }

    /// Adds a value of a column of the row.
    fn column(&mut self, name: &str, hash: u128, key: Option<u128>) {
        let value = Value {
            hash: Some(hash),
            kind: None,
        };
        if let Some(sums) = self.columns.get_mut(name) {
            sums.add(value, key);
        } else if self.columns.len() < LISTED_IN_ALL {
            let mut sums = Sums::default();
            sums.add(value, key);
            self.columns.insert(name.to_owned(), sums);
        } else {
            self.too_many_columns = true;
        }
    }

    /// Lets `walk` add what is inside a value of the field `name`.
    fn field<E>(
        &mut self,
        name: &str,
        key: Option<u128>,
        walk: impl FnOnce(&mut Adding<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let paths = match self.fields.get_mut(name) {
            Some(paths) => paths,
            None => self.fields.entry(name.to_owned()).or_default(),
        };
        let before = paths.listed.len();
        let mut adding = Adding {
            room: LISTED_PATHS.min(LISTED_IN_ALL - self.listed + before),
            paths,
            key,
            path: name.to_owned(),
            depth: 0,
        };
        let walked = walk(&mut adding);
        self.listed = self.listed + adding.paths.listed.len() - before;
        walked
    }
}

/// Adds the values of one row.
struct Adding<'a> {
    paths: &'a mut Paths,
    room: usize,
    key: Option<u128>,
    /// Where it is.
    path: String,
    depth: usize,
}

impl Adding<'_> {
    /// Adds a value of the member `name`, or of an element, and lets `walk` add what is inside it.
    fn value<E>(
        &mut self,
        name: &str,
        value: Value,
        walk: impl FnOnce(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        let own = self.path.len();
        self.path.push('.');
        self.path.push_str(name);
        self.paths.add(&self.path, value, self.key, self.room);
        self.depth += 1;
        let walked = if self.depth < DEEPEST {
            walk(self)
        } else {
            Ok(())
        };
        self.depth -= 1;
        self.path.truncate(own);
        walked
    }
}

impl Paths {
    fn add(&mut self, path: &str, value: Value, key: Option<u128>, room: usize) {
        self.all.add(value, key);
        if self.too_many {
            return;
        }
        let rank = xxh3_64(path.as_bytes());
        if !self.listed.contains_key(&rank) && self.listed.len() >= room {
            self.too_many = true;
            self.listed.clear();
            return;
        }
        let listed = self.listed.entry(rank).or_insert_with(|| Listed {
            path: path.to_owned(),
            types: super::TypesSeen::default(),
            sums: Sums::default(),
        });
        if let Some(kind) = value.kind {
            listed.types.add(kind);
        }
        listed.sums.add(value, key);
    }

    fn finish(self, keyed: bool) -> FieldInside {
        let columns = self.listed.into_values().map(|listed| Column {
            name: listed.path,
            data_type: listed.types.names().collect::<Vec<_>>().join(", "),
            content: Some(listed.sums.content(keyed)),
            ..Column::default()
        });
        let mut columns: Vec<Column> = columns.collect();
        columns.sort_by(|a, b| a.name.cmp(&b.name));
        FieldInside {
            all: self.all.content(keyed),
            paths: (!self.too_many).then_some(columns),
        }
    }
}

impl Sums {
    fn add(&mut self, value: Value, key: Option<u128>) {
        let Some(hash) = value.hash else {
            return;
        };
        if self.values == 0 {
            self.sample = hash;
        }
        self.values += 1;
        self.varied |= hash != self.sample;
        self.sum = self.sum.wrapping_add(hash);
        if let Some(key) = key {
            let keyed = keyed_hash(Fingerprint(hash), Fingerprint(key));
            self.keyed = self.keyed.wrapping_add(keyed.0);
        }
    }

    fn content(&self, keyed: bool) -> ColumnContent {
        ColumnContent {
            non_null: self.values,
            fingerprint: Fingerprint(self.sum),
            keyed: keyed.then_some(Fingerprint(self.keyed)),
            varied: self.varied,
        }
    }
}
