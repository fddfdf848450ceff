//! Order-independent fingerprints of rows and columns, documents and fields.
//!
//! A row is hashed as its COPY text (without the newline), a field as its text between tabs;
//! hashes are summed modulo 2^128, so that order is free and duplicates count. Fingerprints
//! find accidents, not forgers: forgery is the digests' business.

mod documents;
mod inside;
mod large_object;
mod rows;
#[cfg(test)]
mod tests;

use xxhash_rust::xxh3::xxh3_128;

use crate::snapshot::Fingerprint;

pub use documents::{
    DocumentError, DocumentHasher, DocumentProblem, HashedDocuments, HashedField, LISTED_FIELDS,
    RawField, TypesSeen, raw_fields,
};
pub use inside::InsideHasher;
pub use large_object::LargeObjectHasher;
pub use rows::{Hashed, RowError, RowHasher};

/// The XXH3-128 hash of one value: a field's COPY text, a document.
#[must_use]
pub fn value_hash(bytes: &[u8]) -> Fingerprint {
    Fingerprint(xxh3_128(bytes))
}

/// The hash of a value together with its row's key hash: equal sums of these mean the same
/// values on the same rows, which sums of [`value_hash`] alone do not.
#[must_use]
pub fn keyed_hash(value: Fingerprint, key: Fingerprint) -> Fingerprint {
    let mut both = [0_u8; 32];
    both[..16].copy_from_slice(&value.0.to_le_bytes());
    both[16..].copy_from_slice(&key.0.to_le_bytes());
    value_hash(&both)
}
