//! The rows of one object on two sides, held against each other in bounded memory.
//!
//! First the hashes of both sides' rows are summed up in buckets by key: where the sums are
//! equal, the rows are. Only the rows of the other buckets are then told apart one by one, so many
//! at a time as fit; of those that are to be shown, the values are read last.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::engine::rows::{Field, RowVisitor, hash};

use super::names::Names;

/// Rows that are told apart at once: 32 bytes each.
pub(super) const AT_ONCE: u64 = 1_000_000;

/// So often both sides are read for it. Where more rows differ, they are not counted.
pub(super) const ROUNDS: usize = 8;

/// Of a longer value only so much is kept.
const KEPT: usize = 1000;

/// A value that may be shown.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub name: String,
    pub raw: Vec<u8>,
    pub kind: u8,
    pub cut: bool,
    pub hash: u128,
}

pub(super) type Row = Vec<Kept>;

pub(super) fn kept(fields: &[Field<'_>]) -> Row {
    let kept = fields.iter().map(|field| Kept {
        name: field.name.to_owned(),
        raw: field.raw.get(..KEPT).unwrap_or(field.raw).to_vec(),
        kind: field.kind,
        cut: field.raw.len() > KEPT,
        hash: field.hash(),
    });
    kept.collect()
}

/// What a row is called and what it holds, both as hashes.
#[derive(Clone, Copy)]
struct Hashes {
    key: u128,
    row: u64,
}

/// A hash of the values of these columns.
pub(in super::super) fn row_key(columns: &[String], fields: &[Field<'_>]) -> u128 {
    let mut key = Vec::with_capacity(16 * columns.len());
    for name in columns {
        let field = fields.iter().find(|field| field.name == name);
        key.extend(field.map_or(0, Field::hash).to_le_bytes());
    }
    hash(&key)
}

/// Of a row without a key, all of it is its name.
fn hashes(names: &Names, fields: &[Field<'_>]) -> Hashes {
    let mut row: u128 = 0;
    for field in fields {
        if let Some(name) = names.common(field.name) {
            let both = hash(name.as_bytes()).rotate_left(1) ^ field.hash();
            row = row.wrapping_add(hash(&both.to_le_bytes()));
        }
    }
    if names.key.is_empty() {
        return Hashes { key: row, row: 0 };
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "64 bits tell rows of one key apart"
    )]
    let row = row as u64;
    Hashes {
        key: row_key(&names.key, fields),
        row,
    }
}

/// Sums of both sides, by bucket.
pub(super) struct Buckets {
    sums: Vec<u64>,
    rows: Vec<u32>,
}

impl Buckets {
    /// For about so many rows.
    pub(super) fn of(rows: u64) -> Self {
        let wanted = (rows / 8).clamp(1 << 8, 1 << 21).next_power_of_two();
        let count = usize::try_from(wanted).unwrap_or(1 << 8);
        Self {
            sums: vec![0; count],
            rows: vec![0; count],
        }
    }

    fn at(&self, key: u128) -> usize {
        bucket(key, self.sums.len())
    }

    /// Buckets that differ, in groups of not more than `at_once` rows of the first side.
    pub(super) fn groups(&self, at_once: u64) -> Vec<Vec<bool>> {
        let none = vec![false; self.sums.len()];
        let mut groups = Vec::new();
        let (mut group, mut rows) = (none.clone(), 0);
        for (at, _) in self.sums.iter().enumerate().filter(|(_, sum)| **sum != 0) {
            let more = u64::from(self.rows[at]);
            if rows > 0 && rows + more > at_once {
                if groups.len() > ROUNDS {
                    // More than will be looked at.
                    return groups;
                }
                groups.push(std::mem::replace(&mut group, none.clone()));
                rows = 0;
            }
            group[at] = true;
            rows += more.max(1);
        }
        if rows > 0 {
            groups.push(group);
        }
        groups
    }
}

/// The bucket of a key: there are a power of two of them.
fn bucket(key: u128, buckets: usize) -> usize {
    let lower = usize::try_from(key & u128::from(u32::MAX)).unwrap_or(0);
    lower & (buckets - 1)
}

/// Adds one side up.
pub(super) struct Summing<'a> {
    pub names: &'a Names,
    pub buckets: &'a mut Buckets,
    /// The second side is taken off.
    pub second: bool,
}

impl RowVisitor for Summing<'_> {
    fn row(&mut self, fields: &[Field<'_>]) -> ControlFlow<()> {
        let Hashes { key, row } = hashes(self.names, fields);
        #[expect(clippy::cast_possible_truncation, reason = "a sum of hashes")]
        let one = (hash(&key.to_le_bytes()) as u64 ^ row).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let at = self.buckets.at(key);
        let sum = &mut self.buckets.sums[at];
        if self.second {
            *sum = sum.wrapping_sub(one);
        } else {
            *sum = sum.wrapping_add(one);
            self.buckets.rows[at] = self.buckets.rows[at].saturating_add(1);
        }
        ControlFlow::Continue(())
    }
}

/// A row of the first side; `left` rows of it were not found on the second one yet.
struct Entry {
    key: u128,
    row: u64,
    left: u32,
}

/// What one group of buckets came to.
#[derive(Default)]
pub(super) struct Found {
    pub added: u64,
    pub removed: u64,
    pub changed: u64,
    /// Some rows of the second side that are not on the first.
    pub new: Vec<Row>,
    /// Some rows of the second side that are otherwise on the first, by their key's hash.
    pub now: BTreeMap<u128, Row>,
    /// Keys of some rows of the first side that are not on the second.
    pub gone: Vec<u128>,
}

/// The first side's rows of some buckets.
pub(super) struct Gathering<'a> {
    names: &'a Names,
    group: &'a [bool],
    entries: Vec<Entry>,
}

impl<'a> Gathering<'a> {
    pub(super) fn new(names: &'a Names, group: &'a [bool]) -> Self {
        Self {
            names,
            group,
            entries: Vec::new(),
        }
    }

    /// The second side is held against it.
    pub(super) fn against(mut self, names: &'a Names, most: usize) -> Matching<'a> {
        self.entries.sort_unstable_by_key(|entry| entry.key);
        let mut entries: Vec<Entry> = Vec::with_capacity(self.entries.len());
        for entry in self.entries {
            match entries.last_mut() {
                Some(last) if last.key == entry.key => last.left += entry.left,
                _ => entries.push(entry),
            }
        }
        Matching {
            names,
            group: self.group,
            entries,
            most,
            found: Found::default(),
        }
    }
}

impl RowVisitor for Gathering<'_> {
    fn row(&mut self, fields: &[Field<'_>]) -> ControlFlow<()> {
        let Hashes { key, row } = hashes(self.names, fields);
        if self.group[bucket(key, self.group.len())] {
            self.entries.push(Entry { key, row, left: 1 });
        }
        ControlFlow::Continue(())
    }
}

/// Finds the second side's rows among the first side's.
pub(super) struct Matching<'a> {
    names: &'a Names,
    group: &'a [bool],
    entries: Vec<Entry>,
    /// So many of each sort are kept.
    most: usize,
    found: Found,
}

impl Matching<'_> {
    pub(super) fn finish(mut self) -> Found {
        for entry in &self.entries {
            self.found.removed += u64::from(entry.left);
            if entry.left > 0 && self.found.gone.len() < self.most {
                self.found.gone.push(entry.key);
            }
        }
        self.found
    }
}

impl RowVisitor for Matching<'_> {
    fn row(&mut self, fields: &[Field<'_>]) -> ControlFlow<()> {
        let Hashes { key, row } = hashes(self.names, fields);
        if !self.group[bucket(key, self.group.len())] {
            return ControlFlow::Continue(());
        }
        let place = self.entries.binary_search_by_key(&key, |entry| entry.key);
        let entry = place.ok().and_then(|at| self.entries.get_mut(at));
        if let Some(entry) = entry.filter(|entry| entry.left > 0) {
            entry.left -= 1;
            if entry.row != row {
                self.found.changed += 1;
                if self.found.now.len() < self.most {
                    self.found.now.insert(key, kept(fields));
                }
            }
        } else {
            self.found.added += 1;
            if self.found.new.len() < self.most {
                self.found.new.push(kept(fields));
            }
        }
        ControlFlow::Continue(())
    }
}

/// Fetches the first side's rows of some keys.
pub(super) struct Fetching<'a> {
    pub names: &'a Names,
    pub wanted: BTreeMap<u128, Option<Row>>,
    pub missing: usize,
}

impl<'a> Fetching<'a> {
    pub(super) fn new(names: &'a Names, keys: impl Iterator<Item = u128>) -> Self {
        let wanted: BTreeMap<u128, Option<Row>> = keys.map(|key| (key, None)).collect();
        Self {
            names,
            missing: wanted.len(),
            wanted,
        }
    }
}

impl RowVisitor for Fetching<'_> {
    fn row(&mut self, fields: &[Field<'_>]) -> ControlFlow<()> {
        let key = hashes(self.names, fields).key;
        if let Some(place) = self.wanted.get_mut(&key)
            && place.is_none()
        {
            *place = Some(kept(fields));
            self.missing -= 1;
        }
        if self.missing == 0 {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

/// Takes the first rows, whatever they are.
pub(super) struct First {
    pub most: usize,
    pub rows: Vec<Row>,
}

impl RowVisitor for First {
    fn row(&mut self, fields: &[Field<'_>]) -> ControlFlow<()> {
        if self.rows.len() < self.most {
            self.rows.push(kept(fields));
        }
        if self.rows.len() < self.most {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }
}
