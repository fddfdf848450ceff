//! Hashing the rows of one table in PostgreSQL's COPY text format.
//!
//! In that format a raw tab always separates fields and a raw newline always ends a row
//! (inside values both are escaped), and a field that is exactly `\N` is null.

use memchr::{memchr, memchr2_iter};
use xxhash_rust::xxh3::xxh3_128;

use super::keyed_hash;
use crate::snapshot::{ColumnContent, Fingerprint};

const NULL: &[u8] = b"\\N";

/// A row kept back because its end had not come yet is normally small; what one giant row
/// needed is given back afterwards.
const KEPT_CARRY: usize = 1 << 20;

/// COPY text that is not what the table's columns say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// A row has too few or too many fields.
    #[error("row {row} has {found} fields instead of {expected}")]
    FieldCount {
        /// Number of the row, from 1, within what this hasher was given.
        row: u64,
        /// Columns of the table.
        expected: usize,
        /// Fields of the row.
        found: usize,
    },
    /// The last row has no newline.
    #[error("the data ends within row {row}")]
    Unterminated {
        /// Number of the row, from 1.
        row: u64,
    },
    /// The key names a column that the table does not have.
    #[error("the key names column {column} of {columns}")]
    NoSuchKeyColumn {
        /// Its index, from 0.
        column: usize,
        /// Columns of the table.
        columns: usize,
    },
}

/// What the rows of a table, or of a part of it, come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hashed {
    /// Rows.
    pub rows: u64,
    /// Sum of hash(row).
    pub fingerprint: Fingerprint,
    /// Sum of hash(key), if the table has a key.
    pub key: Option<Fingerprint>,
    /// One for each column, in the order of the data.
    pub columns: Vec<ColumnContent>,
    /// Hash of some value of each column, to tell whether two parts' values differ.
    samples: Vec<u128>,
}

impl Hashed {
    /// What was hashed before, whole: nothing can be merged with it.
    #[must_use]
    pub fn known(
        rows: u64,
        fingerprint: Fingerprint,
        key: Option<Fingerprint>,
        columns: Vec<ColumnContent>,
    ) -> Self {
        Self {
            rows,
            fingerprint,
            key,
            columns,
            samples: Vec::new(),
        }
    }

    /// What a table without rows comes to.
    #[must_use]
    pub fn empty(columns: usize, keyed: bool) -> Self {
        let column = ColumnContent {
            keyed: keyed.then(Fingerprint::default),
            ..ColumnContent::default()
        };
        Self {
            rows: 0,
            fingerprint: Fingerprint::default(),
            key: keyed.then(Fingerprint::default),
            columns: vec![column; columns],
            samples: vec![0; columns],
        }
    }

    /// Adds another part of the same table, hashed with the same columns and key.
    pub fn merge(&mut self, other: &Self) {
        debug_assert_eq!(self.columns.len(), other.columns.len());
        self.rows += other.rows;
        self.fingerprint += other.fingerprint;
        self.key = sum(self.key, other.key);
        for (index, theirs) in other.columns.iter().enumerate() {
            let ours = &mut self.columns[index];
            let sample = &mut self.samples[index];
            let differ =
                ours.non_null > 0 && theirs.non_null > 0 && *sample != other.samples[index];
            ours.varied |= theirs.varied || differ;
            if ours.non_null == 0 {
                *sample = other.samples[index];
            }
            ours.non_null += theirs.non_null;
            ours.fingerprint += theirs.fingerprint;
            ours.keyed = sum(ours.keyed, theirs.keyed);
        }
    }
}

fn sum(a: Option<Fingerprint>, b: Option<Fingerprint>) -> Option<Fingerprint> {
    a.zip(b).map(|(a, b)| a + b)
}

/// One field of the row at hand.
#[derive(Clone, Copy, Default)]
struct Field {
    hash: u128,
    start: usize,
    end: usize,
    null: bool,
}

#[derive(Clone, Copy, Default)]
struct ColumnSum {
    non_null: u64,
    sum: u128,
    keyed: u128,
    sample: u128,
    varied: bool,
}

/// How a row's key is found among its fields.
enum Key {
    None,
    /// One column: the key's hash is the field's.
    Single(usize),
    /// Several: their texts in key order, joined with tabs.
    Several(Vec<usize>),
}

/// Hashes rows as they stream by. Allocates nothing per row.
pub struct RowHasher {
    key: Key,
    rows: u64,
    sum: u128,
    key_sum: u128,
    columns: Vec<ColumnSum>,
    fields: Vec<Field>,
    carry: Vec<u8>,
    key_text: Vec<u8>,
}

impl RowHasher {
    /// A hasher for rows of so many columns; `key_columns` are indexes (from 0) in key order.
    #[must_use]
    pub fn new(columns: usize, key_columns: Option<Vec<usize>>) -> Self {
        let key = match key_columns {
            Some(several) if several.len() > 1 => Key::Several(several),
            Some(one) => one.first().map_or(Key::None, |one| Key::Single(*one)),
            None => Key::None,
        };
        Self {
            key,
            rows: 0,
            sum: 0,
            key_sum: 0,
            columns: vec![ColumnSum::default(); columns],
            fields: vec![Field::default(); columns],
            carry: Vec::new(),
            key_text: Vec::new(),
        }
    }

    /// The next bytes: normally exactly one row with its newline, but parts of rows and
    /// several rows at once are fine too.
    ///
    /// # Errors
    /// A row whose fields are not as many as the columns.
    pub fn rows(&mut self, copy_data: &[u8]) -> Result<(), RowError> {
        let mut rest = copy_data;
        if !self.carry.is_empty() {
            let Some(end) = memchr(b'\n', rest) else {
                self.carry.extend_from_slice(rest);
                return Ok(());
            };
            let mut row = std::mem::take(&mut self.carry);
            row.extend_from_slice(&rest[..=end]);
            rest = &rest[end + 1..];
            self.whole_rows(&row)?;
            row.clear();
            row.shrink_to(KEPT_CARRY);
            self.carry = row;
        }
        let done = self.whole_rows(rest)?;
        self.carry.extend_from_slice(&rest[done..]);
        Ok(())
    }

    /// Rows so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.rows
    }

    /// The sums.
    ///
    /// # Errors
    /// The last row was not ended by a newline.
    pub fn finish(self) -> Result<Hashed, RowError> {
        if !self.carry.is_empty() {
            return Err(RowError::Unterminated { row: self.rows + 1 });
        }
        let keyed = !matches!(self.key, Key::None);
        let content = |column: &ColumnSum| ColumnContent {
            non_null: column.non_null,
            fingerprint: Fingerprint(column.sum),
            keyed: keyed.then_some(Fingerprint(column.keyed)),
            varied: column.varied,
        };
        Ok(Hashed {
            rows: self.rows,
            fingerprint: Fingerprint(self.sum),
            key: keyed.then_some(Fingerprint(self.key_sum)),
            columns: self.columns.iter().map(content).collect(),
            samples: self.columns.iter().map(|column| column.sample).collect(),
        })
    }

    /// Hashes every whole row of `data`; returns how many bytes those rows take.
    fn whole_rows(&mut self, data: &[u8]) -> Result<usize, RowError> {
        let mut row_start = 0;
        let mut field_start = 0;
        let mut found = 0;
        for at in memchr2_iter(b'\t', b'\n', data) {
            let ends_row = data[at] == b'\n';
            // A row of a table without columns is an empty line: no field at all.
            if !(self.fields.is_empty() && ends_row && at == row_start) {
                if let Some(field) = self.fields.get_mut(found) {
                    *field = Field::of(data, field_start, at);
                }
                found += 1;
            }
            field_start = at + 1;
            if ends_row {
                self.end_row(data, row_start, at, found)?;
                row_start = field_start;
                found = 0;
            }
        }
        Ok(row_start)
    }

    fn end_row(
        &mut self,
        data: &[u8],
        start: usize,
        end: usize,
        found: usize,
    ) -> Result<(), RowError> {
        let expected = self.columns.len();
        if found != expected {
            let row = self.rows + 1;
            return Err(RowError::FieldCount {
                row,
                expected,
                found,
            });
        }
        self.rows += 1;
        self.sum = self.sum.wrapping_add(xxh3_128(&data[start..end]));
        let key = self.key_hash(data)?;
        for (column, field) in self.columns.iter_mut().zip(&self.fields) {
            if !field.null {
                column.add(field.hash);
            }
        }
        let Some(key) = key else { return Ok(()) };
        self.key_sum = self.key_sum.wrapping_add(key);
        for (column, field) in self.columns.iter_mut().zip(&self.fields) {
            if !field.null {
                let keyed = keyed_hash(Fingerprint(field.hash), Fingerprint(key));
                column.keyed = column.keyed.wrapping_add(keyed.0);
            }
        }
        Ok(())
    }

    fn key_hash(&mut self, data: &[u8]) -> Result<Option<u128>, RowError> {
        let columns = self.columns.len();
        let field = |column: usize| {
            self.fields
                .get(column)
                .ok_or(RowError::NoSuchKeyColumn { column, columns })
        };
        match &self.key {
            Key::None => Ok(None),
            Key::Single(column) => field(*column).map(|field| Some(field.hash)),
            Key::Several(several) => {
                self.key_text.clear();
                for (place, column) in several.iter().enumerate() {
                    let field = field(*column)?;
                    if place > 0 {
                        self.key_text.push(b'\t');
                    }
                    self.key_text
                        .extend_from_slice(&data[field.start..field.end]);
                }
                Ok(Some(xxh3_128(&self.key_text)))
            }
        }
    }
}

impl Field {
    #[inline]
    fn of(data: &[u8], start: usize, end: usize) -> Self {
        let text = &data[start..end];
        Self {
            hash: xxh3_128(text),
            start,
            end,
            null: text == NULL,
        }
    }
}

impl ColumnSum {
    #[inline]
    fn add(&mut self, hash: u128) {
        if self.non_null == 0 {
            self.sample = hash;
        }
        self.non_null += 1;
        self.sum = self.sum.wrapping_add(hash);
        self.varied |= hash != self.sample;
    }
}

impl std::fmt::Debug for RowHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowHasher")
            .field("columns", &self.columns.len())
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}
