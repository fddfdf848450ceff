//! The rows of one object on two sides, looked at column by column: those that both have by their
//! key, or all of them where rows neither came nor went.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::OperationError;
use super::samples::{Names, found, key_of, members, row_key};
use crate::archive::Archive;
use crate::engine::rows::{Choice, Expiry, Field, RowReader, RowVisitor};
use crate::engine::{Engine, EngineError};
use crate::snapshot::diff::ObjectChange;
use crate::snapshot::{Inside, Looked, Object, Source as _};

/// Of so many rows keys are held at once, 16 bytes each. Of larger tables those that both sides
/// have are not told from others.
const MOST_ROWS: u64 = 10_000_000;

/// So many columns are watched row by row: a bit each, and the last one says that a row is there
/// again.
const WATCHED: usize = 63;
const AGAIN: u64 = 1 << WATCHED;

/// What was seen.
pub(super) struct Seen {
    /// What rows of the first side hold.
    pub then: Inside,
    /// What rows of the second side hold.
    pub now: Inside,
    /// Which rows.
    pub looked: Looked,
    /// Rows of the first side that the second side has not by the first one's key, where it has
    /// another key now.
    pub gone_by_old_key: Option<u64>,
}

/// Looks at both sides of an object; `None` where that tells nothing: it is not there any more,
/// or rows came or went and none can be known again.
pub(super) fn look(
    engine: &dyn Engine,
    (first, second): (&Archive, &Archive),
    change: &ObjectChange,
    cancel: &CancellationToken,
) -> Result<Option<Seen>, OperationError> {
    let (Some(reader), Some(a), Some(b)) = (
        engine.rows(),
        found(first.snapshot(), change.name_before()),
        found(second.snapshot(), &change.object),
    ) else {
        return Ok(None);
    };
    let one = Side::of(reader, first, a, cancel);
    let other = Side::of(reader, second, b, cancel);
    if let Some(keys) = Keys::of(change, &one, &other) {
        return by_key(&keys, &one, &other).map(Some);
    }
    if one.rows != other.rows {
        return Ok(None);
    }
    let mut all = |_: &[Field<'_>]| Choice::Take;
    Ok(Some(Seen {
        then: one.inside(&mut all)?,
        now: other.inside(&mut all)?,
        looked: Looked::All,
        gone_by_old_key: None,
    }))
}

/// Rows of the second side that the server removes by itself by `at`, and would not have by what
/// was defined on the first one.
pub(super) fn newly_expired(
    engine: &dyn Engine,
    (first, second): (&Archive, &Archive),
    change: &ObjectChange,
    at: DateTime<Utc>,
    cancel: &CancellationToken,
) -> Result<u64, OperationError> {
    let (Some(reader), Some(a), Some(b)) = (
        engine.rows(),
        found(first.snapshot(), change.name_before()),
        found(second.snapshot(), &change.object),
    ) else {
        return Ok(0);
    };
    let (then, now) = (reader.expiry(a, at), reader.expiry(b, at));
    let mut counting = Counting {
        rows: 0,
        counts: &|fields| {
            let by = |expiry: &Option<Expiry>| expiry.as_ref().is_some_and(|one| one(fields));
            by(&now) && !by(&then)
        },
    };
    Side::of(reader, second, b, cancel).visit(&mut counting)?;
    Ok(counting.rows)
}

/// Counts rows.
struct Counting<'a> {
    rows: u64,
    counts: &'a dyn Fn(&[Field<'_>]) -> bool,
}

impl RowVisitor for Counting<'_> {
    fn row(&mut self, fields: &[Field<'_>]) -> ControlFlow<()> {
        self.rows += u64::from((self.counts)(fields));
        ControlFlow::Continue(())
    }
}

/// The rows that both sides have by the first one's key.
fn by_key(keys: &Keys, one: &Side<'_>, other: &Side<'_>) -> Result<Seen, OperationError> {
    let mut rows = Rows::default();
    one.visit(&mut Gathering {
        keys,
        rows: &mut rows,
    })?;
    rows.known.sort_unstable_by_key(|row| row.key);
    let now = other.inside(&mut |fields| rows.seen_again(row_key(&keys.now, fields), fields))?;
    let then = one.inside(&mut |fields| rows.chosen(row_key(&keys.then, fields)))?;
    let gone = rows.known.iter().filter(|row| row.held & AGAIN == 0);
    Ok(Seen {
        then,
        now,
        gone_by_old_key: keys.another.then_some(gone.count() as u64),
        looked: Looked::Common {
            emptied: rows.emptied(),
        },
    })
}

/// The columns by which rows are known again.
struct Keys {
    then: Vec<String>,
    now: Vec<String>,
    /// Whether the second side has another key.
    another: bool,
}

impl Keys {
    /// The first side's key, if the second one has its columns.
    fn of(change: &ObjectChange, one: &Side<'_>, other: &Side<'_>) -> Option<Self> {
        let then = one.key.clone().filter(|_| one.rows <= MOST_ROWS)?;
        let names = Names::before(&change.columns, then.clone());
        let now: Option<Vec<String>> = then
            .iter()
            .map(|name| names.common(name).map(str::to_owned))
            .collect();
        let now = now?;
        let another = other.key.as_ref() != Some(&now);
        Some(Self { then, now, another })
    }
}

/// A row of the first side.
struct Row {
    key: u64,
    /// Which of the watched columns hold a value.
    held: u64,
}

/// Rows of the first side, by their keys, and what became of them.
#[derive(Default)]
struct Rows {
    known: Vec<Row>,
    watched: BTreeMap<String, usize>,
    /// By the number of a watched column: rows in which it holds no value any more.
    emptied: Vec<u64>,
}

impl Rows {
    fn held(&self, fields: &[Field<'_>]) -> u64 {
        let numbers = fields
            .iter()
            .filter_map(|field| self.watched.get(field.name));
        numbers.fold(0, |held, number| held | 1 << number)
    }

    fn take(&mut self, key: u128, fields: &[Field<'_>]) {
        for field in fields {
            if self.watched.len() < WATCHED && !self.watched.contains_key(field.name) {
                self.watched
                    .insert(field.name.to_owned(), self.watched.len());
            }
        }
        let held = self.held(fields);
        self.known.push(Row {
            key: short(key),
            held,
        });
    }

    fn find(&self, key: u128) -> Option<usize> {
        let found = self.known.binary_search_by_key(&short(key), |row| row.key);
        found.ok()
    }

    /// A row of the second side.
    fn seen_again(&mut self, key: u128, fields: &[Field<'_>]) -> Choice {
        let Some(at) = self.find(key) else {
            return Choice::Skip;
        };
        let holds = self.held(fields);
        self.emptied.resize(self.watched.len(), 0);
        if let Some(row) = self.known.get_mut(at) {
            let gone = row.held & !holds & !AGAIN;
            row.held |= AGAIN;
            for (number, emptied) in self.emptied.iter_mut().enumerate() {
                *emptied += gone >> number & 1;
            }
        }
        Choice::Keyed(key)
    }

    /// A row of the first side once more: whether the second side has it.
    fn chosen(&self, key: u128) -> Choice {
        let row = self.find(key).and_then(|at| self.known.get(at));
        if row.is_some_and(|row| row.held & AGAIN != 0) {
            Choice::Keyed(key)
        } else {
            Choice::Skip
        }
    }

    fn emptied(&self) -> BTreeMap<String, u64> {
        let watched = self.watched.iter();
        watched
            .filter_map(|(name, number)| Some((name.clone(), *self.emptied.get(*number)?)))
            .collect()
    }
}

/// 64 bits tell the rows of one table apart.
#[expect(clippy::cast_possible_truncation, reason = "the lower half")]
fn short(key: u128) -> u64 {
    key as u64
}

/// Gathers the first side's rows.
struct Gathering<'a> {
    keys: &'a Keys,
    rows: &'a mut Rows,
}

impl RowVisitor for Gathering<'_> {
    fn row(&mut self, fields: &[Field<'_>]) -> ControlFlow<()> {
        self.rows.take(row_key(&self.keys.then, fields), fields);
        ControlFlow::Continue(())
    }
}

/// One side's rows of an object.
struct Side<'a> {
    reader: &'a dyn RowReader,
    source: &'a Archive,
    members: Vec<&'a str>,
    rows: u64,
    key: Option<Vec<String>>,
    cancel: &'a CancellationToken,
}

impl<'a> Side<'a> {
    fn of(
        reader: &'a dyn RowReader,
        source: &'a Archive,
        object: &'a Object,
        cancel: &'a CancellationToken,
    ) -> Self {
        let (members, rows) = members(source.snapshot(), object);
        Self {
            key: key_of(source.snapshot(), &members),
            reader,
            source,
            members,
            rows,
            cancel,
        }
    }

    fn visit(&self, visitor: &mut dyn RowVisitor) -> Result<(), OperationError> {
        let (source, cancel) = (self.source, self.cancel);
        self.reader.visit(source, &self.members, cancel, visitor)?;
        if cancel.is_cancelled() {
            return Err(EngineError::Cancelled.into());
        }
        Ok(())
    }

    fn inside(
        &self,
        chosen: &mut dyn FnMut(&[Field<'_>]) -> Choice,
    ) -> Result<Inside, OperationError> {
        let (source, cancel) = (self.source, self.cancel);
        Ok(self.reader.inside(source, &self.members, cancel, chosen)?)
    }
}
