//! Hashing the documents of one collection from their raw BSON.
//!
//! A document is hashed as its bytes, so field order and number types count. A field's value
//! is hashed as its bytes with the type byte as seed; nulls take no part in a field's sums,
//! an absent field even less. The key is the value of `_id`.

mod elements;
mod fields;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_128;

use crate::snapshot::{Column, ColumnContent, Content, Fingerprint, KeyFacts};
use fields::{Field, Fields};

pub(super) use elements::{Element, Elements, NULL, element_hash};
pub use elements::{RawField, TypesSeen, raw_fields};
pub(super) use fields::ID;
pub use fields::LISTED_FIELDS;

/// What is wrong with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentProblem {
    /// The stated length is not the document's, or its last byte is not zero.
    #[error("its length or its end is wrong")]
    Length,
    /// A field's name has no end.
    #[error("the name of a field has no end")]
    Name,
    /// A value is longer or shorter than can be.
    #[error("the length of a value is wrong")]
    Value,
    /// A type that BSON does not have.
    #[error("a value has the unknown type 0x{0:02x}")]
    Type(u8),
}

/// A document that is not BSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("document {document} is not BSON: {problem}")]
pub struct DocumentError {
    /// Number of the document, from 1, within what this hasher was given.
    pub document: u64,
    /// What is wrong.
    pub problem: DocumentProblem,
}

/// One field's figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashedField {
    /// Its name; bytes that are not UTF-8 as `\xNN`.
    pub name: String,
    /// How often it is there, null or not. A document may have a name twice.
    pub present: u64,
    /// How often it is null.
    pub nulls: u64,
    /// BSON types seen, null among them.
    pub types: TypesSeen,
    /// Fingerprints of the values that are not null.
    pub content: ColumnContent,
}

/// What the documents of a collection, or of a part of it, come to.
#[derive(Clone, Debug, Default)]
pub struct HashedDocuments {
    /// Documents.
    pub documents: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Sum of hash(document).
    pub fingerprint: Fingerprint,
    /// Documents without an `_id`. If there is any, nothing is keyed.
    pub without_id: u64,
    /// How often a name came again within one document.
    pub repeated_names: u64,
    /// Values of fields that are not listed: see [`LISTED_FIELDS`].
    pub unlisted: u64,
    key_sum: u128,
    fields: Vec<Field>,
}

impl HashedDocuments {
    /// Adds another part of the same collection.
    pub fn merge(&mut self, other: &Self) {
        self.documents += other.documents;
        self.bytes += other.bytes;
        self.fingerprint += other.fingerprint;
        self.without_id += other.without_id;
        self.repeated_names += other.repeated_names;
        self.unlisted += other.unlisted;
        self.key_sum = self.key_sum.wrapping_add(other.key_sum);
        let ours = std::mem::take(&mut self.fields);
        let mut all: BTreeMap<Box<[u8]>, Field> =
            ours.into_iter().map(|f| (f.name.clone(), f)).collect();
        for theirs in &other.fields {
            all.entry(theirs.name.clone())
                .and_modify(|field| field.merge(theirs))
                .or_insert_with(|| theirs.clone());
        }
        self.fields = all.into_values().collect();
        self.shorten();
    }

    /// Keeps the names that are listed however the parts were cut, sorted by name.
    fn shorten(&mut self) {
        if self.fields.len() > LISTED_FIELDS {
            self.fields.sort_by_key(|field| field.rank);
            let out = self.fields.split_off(LISTED_FIELDS);
            self.unlisted += out.iter().map(|field| field.present).sum::<u64>();
        }
        self.fields.sort_by(|a, b| a.name.cmp(&b.name));
    }

    /// Sum of hash(`_id`), if every document has one.
    #[must_use]
    pub fn key(&self) -> Option<Fingerprint> {
        (self.without_id == 0).then_some(Fingerprint(self.key_sum))
    }

    /// Count and sums.
    #[must_use]
    pub fn content(&self) -> Content {
        Content {
            rows: self.documents,
            fingerprint: self.fingerprint,
            key: self.key().map(|fingerprint| KeyFacts {
                columns: vec!["_id".to_owned()],
                fingerprint,
            }),
            unlisted: self.unlisted,
        }
    }

    /// Every listed field, sorted by name.
    #[must_use]
    pub fn fields(&self) -> Vec<HashedField> {
        let keyed = self.without_id == 0;
        let field = |field: &Field| HashedField {
            name: printed(&field.name),
            present: field.present,
            nulls: field.nulls,
            types: field.types,
            content: field.content(keyed),
        };
        self.fields.iter().map(field).collect()
    }

    /// The fields as a snapshot has them. Nullable is what is null or absent anywhere.
    #[must_use]
    pub fn columns(&self) -> Vec<Column> {
        let column = |field: HashedField| Column {
            data_type: field.types.names().collect::<Vec<_>>().join(", "),
            nullable: field.content.non_null < self.documents,
            content: Some(field.content),
            name: field.name,
            ..Column::default()
        };
        self.fields().into_iter().map(column).collect()
    }
}

/// Bytes that are not UTF-8 as `\xNN`, so that two names stay two.
pub(super) fn printed(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// A value of the document at hand.
#[derive(Clone, Copy)]
struct Value {
    place: usize,
    /// The field's: within one document another name may take over its place.
    rank: u64,
    hash: u128,
    null: bool,
}

/// Hashes documents as they stream by. Allocates nothing for a document whose field names
/// came before.
#[derive(Default)]
pub struct DocumentHasher {
    documents: u64,
    bytes: u64,
    sum: u128,
    key_sum: u128,
    without_id: u64,
    repeated_names: u64,
    fields: Fields,
    values: Vec<Value>,
}

impl DocumentHasher {
    /// A hasher that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One whole document.
    ///
    /// # Errors
    /// It is not BSON, at least not at its top level: what is nested is not looked into.
    pub fn document(&mut self, document: &[u8]) -> Result<(), DocumentError> {
        let number = self.documents + 1;
        let key = self.walk(document).map_err(|problem| DocumentError {
            document: number,
            problem,
        })?;
        self.documents = number;
        self.bytes += document.len() as u64;
        self.sum = self.sum.wrapping_add(xxh3_128(document));
        match key {
            Some(key) => self.key_sum = self.key_sum.wrapping_add(key),
            None => self.without_id += 1,
        }
        for value in self.values.drain(..).filter(|value| !value.null) {
            let field = self.fields.list.get_mut(value.place);
            if let Some(field) = field.filter(|field| field.rank == value.rank) {
                field.add(value.hash, key);
            }
        }
        Ok(())
    }

    /// Documents so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.documents
    }

    /// Bytes of the documents so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The sums.
    #[must_use]
    pub fn finish(self) -> HashedDocuments {
        let mut hashed = HashedDocuments {
            documents: self.documents,
            bytes: self.bytes,
            fingerprint: Fingerprint(self.sum),
            without_id: self.without_id,
            repeated_names: self.repeated_names,
            unlisted: self.fields.unlisted,
            key_sum: self.key_sum,
            fields: self.fields.list,
        };
        hashed.shorten();
        hashed
    }

    /// Hashes the values into [`Self::values`]; gives the hash of `_id`.
    fn walk(&mut self, document: &[u8]) -> Result<Option<u128>, DocumentProblem> {
        let number = self.documents + 1;
        let mut key = None;
        self.values.clear();
        self.fields.rewind();
        let mut elements = Elements::of(document)?;
        while let Some(element) = elements.next(self.fields.expected())? {
            let is_id = element.name == ID && key.is_none();
            let Some(place) = self.fields.place(&element) else {
                continue;
            };
            let hash = element_hash(&element);
            if is_id {
                key = Some(hash);
            }
            let Some(field) = self.fields.list.get_mut(place) else {
                continue;
            };
            let null = element.kind == NULL;
            self.repeated_names += u64::from(field.seen(element.kind, number));
            if field.non_null() == 1 && !null {
                field.sample = hash;
            }
            let rank = field.rank;
            self.values.push(Value {
                place,
                rank,
                hash,
                null,
            });
        }
        Ok(key)
    }
}

impl std::fmt::Debug for DocumentHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DocumentHasher")
            .field("documents", &self.documents)
            .field("fields", &self.fields.list.len())
            .finish_non_exhaustive()
    }
}
