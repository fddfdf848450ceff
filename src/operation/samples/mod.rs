//! Rows that came, went or changed, told apart one by one: how many, and some of them.

mod names;
mod places;
mod rows;
mod shown;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::sides::Side;
use super::{Aspect, OperationError, Workspace, narrow};
use crate::archive::Archive;
use crate::engine::rows::{Expiry, Field, RowReader, RowVisitor};
use crate::engine::{Engine, EngineError};
use crate::snapshot::diff::{Change, Difference, ObjectChange};
use crate::snapshot::{Nouns, Object, ObjectKind, Sampled, SampledRow, Samples, Source as _};
pub(super) use names::Names;
use places::columns_of;
pub(super) use places::{found, key_of, members};
pub(super) use rows::row_key;
use rows::{AT_ONCE, Buckets, First, Gathering, ROUNDS, Summing};

/// What is asked of rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// So many rows of each sort are shown at most.
    pub most: usize,
    /// Rows that the server was to remove by itself until then are looked for on neither side.
    pub but_expired: Option<DateTime<Utc>>,
}

/// At most so many rows of each sort for every object whose rows differ, by the name that the
/// difference has it under.
///
/// # Errors
/// A side whose rows are not at hand or cannot be read.
pub async fn samples(
    ws: &Workspace,
    (a, b): (&Side, &Side),
    difference: &Difference,
    asked: Asked,
) -> Result<BTreeMap<String, Sampled>, OperationError> {
    let no_rows = || OperationError::Broken {
        what: "looking for the rows of a side",
    };
    let sources = (
        a.source.clone().ok_or_else(no_rows)?,
        b.source.clone().ok_or_else(no_rows)?,
    );
    let engine = ws.engines.named(&a.snapshot.engine)?;
    let told = narrow(difference.clone(), Aspect::Data).objects;
    let all: BTreeMap<String, ObjectChange> = difference
        .objects
        .iter()
        .map(|object| (object.object.clone(), object.clone()))
        .collect();
    let (progress, cancel) = (Arc::clone(&ws.progress), ws.cancel.clone());
    progress.phase(engine.capabilities().nouns.row.many, None);
    let work = move || {
        let mut sampled = BTreeMap::new();
        for object in &told {
            // With its columns as they all are, not only those whose values differ.
            let Some(change) = all.get(&object.object) else {
                continue;
            };
            progress.status(&change.object);
            let both = Both {
                engine: engine.as_ref(),
                sources: (&sources.0, &sources.1),
                most: asked.most,
                but_expired: asked.but_expired,
                cancel: &cancel,
            };
            if let Some(rows) = both.object(change)? {
                sampled.insert(change.object.clone(), rows);
            }
        }
        progress.finish();
        Ok(sampled)
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or(Err(OperationError::Broken {
        what: "comparing rows",
    }))
}

/// Two archives of one engine.
struct Both<'a> {
    engine: &'a dyn Engine,
    sources: (&'a Arc<Archive>, &'a Arc<Archive>),
    most: usize,
    but_expired: Option<DateTime<Utc>>,
    cancel: &'a CancellationToken,
}

/// Where an object's rows are on one side.
struct Place<'a> {
    source: &'a Archive,
    objects: Vec<&'a str>,
    names: Names,
    /// Its columns in their order, of which a row has those that are not null; none where rows
    /// have whatever fields they have.
    columns: Vec<&'a str>,
    /// Rows that are passed over.
    expired: Option<Expiry>,
}

/// Passes rows over.
struct Passing<'a> {
    expired: &'a Expiry,
    visitor: &'a mut dyn RowVisitor,
}

impl RowVisitor for Passing<'_> {
    fn row(&mut self, fields: &[Field<'_>]) -> ControlFlow<()> {
        if (self.expired)(fields) {
            return ControlFlow::Continue(());
        }
        self.visitor.row(fields)
    }
}

impl<'a> Both<'a> {
    /// `None` where nothing is to be told: an object without rows, a leaf whose root tells.
    fn object(&self, change: &ObjectChange) -> Result<Option<Sampled>, OperationError> {
        let (from, to) = match &change.change {
            Change::Renamed { from } => (Some(&**from), Some(&*change.object)),
            Change::Changed => (Some(&*change.object), Some(&*change.object)),
            Change::Added => (None, Some(&*change.object)),
            Change::Removed => (Some(&*change.object), None),
        };
        let find = |source: &'a Archive, name: Option<&str>| {
            name.and_then(|name| found(source.snapshot(), name))
        };
        let a = find(self.sources.0, from);
        let b = find(self.sources.1, to);
        let (Some(any), nouns) = (a.or(b), change.kind.nouns()) else {
            return Ok(None);
        };
        let through_root = |object: Option<&Object>| object.is_some_and(|o| o.root.is_some());
        if through_root(a) && through_root(b) {
            return Ok(None);
        }
        if any.kind == ObjectKind::TimeSeries {
            let why = "a time series is stored in buckets, not by document";
            return Ok(Some(unsampled(why)));
        }
        match (a, b) {
            (Some(a), Some(b)) => self.pair(change, (a, b), nouns).map(Some),
            (None, Some(b)) => self.alone(self.sources.1, b, false),
            (Some(a), None) => self.alone(self.sources.0, a, true),
            (None, None) => Ok(None),
        }
    }

    fn reader(&self) -> Result<&dyn RowReader, OperationError> {
        self.engine.rows().ok_or(OperationError::NotCapable {
            what: "reading single rows",
            engine: self.engine.name(),
            why: "it has no reader for them",
        })
    }

    fn expiry(&self, object: &Object) -> Result<Option<Expiry>, OperationError> {
        let reader = self.reader()?;
        Ok(self
            .but_expired
            .and_then(|until| reader.expiry(object, until)))
    }

    fn read(&self, place: &Place<'_>, visitor: &mut dyn RowVisitor) -> Result<(), OperationError> {
        let reader = self.reader()?;
        match &place.expired {
            Some(expired) => {
                let passing = &mut Passing { expired, visitor };
                reader.visit(place.source, &place.objects, self.cancel, passing)?;
            }
            None => reader.visit(place.source, &place.objects, self.cancel, visitor)?,
        }
        if self.cancel.is_cancelled() {
            return Err(EngineError::Cancelled.into());
        }
        Ok(())
    }

    /// All rows of an object that only one side has.
    fn alone(
        &self,
        source: &'a Archive,
        object: &'a Object,
        removed: bool,
    ) -> Result<Option<Sampled>, OperationError> {
        let (members, rows) = members(source.snapshot(), object);
        if members.is_empty() {
            return Ok(None);
        }
        let key = key_of(source.snapshot(), &members);
        let place = Place {
            source,
            objects: members,
            names: Names::after(&[], key.clone().unwrap_or_default()),
            columns: columns_of(object),
            expired: None,
        };
        let mut first = First {
            most: self.most,
            rows: Vec::new(),
        };
        if rows > 0 {
            self.read(&place, &mut first)?;
        }
        let shown: Vec<SampledRow> = first
            .rows
            .iter()
            .map(|row| self.shown(row, &place))
            .collect::<Result<_, _>>()?;
        let mut sampled = Sampled {
            rows_added: Some(if removed { 0 } else { rows }),
            rows_removed: Some(if removed { rows } else { 0 }),
            rows_changed: Some(0),
            ..Sampled::default()
        };
        if removed {
            sampled.samples.removed = shown;
        } else {
            sampled.samples.added = shown;
        }
        Ok(Some(sampled))
    }

    fn pair(
        &self,
        change: &ObjectChange,
        (a, b): (&'a Object, &'a Object),
        nouns: Nouns,
    ) -> Result<Sampled, OperationError> {
        let (from, rows_before) = members(self.sources.0.snapshot(), a);
        let (to, rows_after) = members(self.sources.1.snapshot(), b);
        let keys = (
            key_of(self.sources.0.snapshot(), &from),
            key_of(self.sources.1.snapshot(), &to),
        );
        let of = |key: Option<Vec<String>>| key.unwrap_or_default();
        let mut first = Place {
            source: self.sources.0,
            objects: from,
            names: Names::before(&change.columns, of(keys.0)),
            columns: columns_of(a),
            expired: self.expiry(a)?,
        };
        let mut second = Place {
            source: self.sources.1,
            objects: to,
            names: Names::after(&change.columns, of(keys.1)),
            columns: columns_of(b),
            // By what was defined when there was time to expire.
            expired: self.expiry(a)?,
        };
        let why = if first.names.key.is_empty() || second.names.key.is_empty() {
            Some("no primary key")
        } else if first.names.common_key() != second.names.common_key() {
            Some("the primary key is another one")
        } else {
            None
        };
        if why.is_some() {
            (first.names.key, second.names.key) = (Vec::new(), Vec::new());
        }
        let mut sampled = self.compared(&first, &second, rows_before.max(rows_after))?;
        if let Some(why) = why {
            sampled.samples = Samples::default();
            let rows = nouns.row.many;
            sampled.rows_changed = None;
            sampled.not_sampled = Some(format!("{why}; whole {rows} were counted"));
        }
        Ok(sampled)
    }

    fn compared(
        &self,
        first: &Place<'_>,
        second: &Place<'_>,
        rows: u64,
    ) -> Result<Sampled, OperationError> {
        let mut buckets = Buckets::of(rows);
        for (place, is_second) in [(first, false), (second, true)] {
            self.read(
                place,
                &mut Summing {
                    names: &place.names,
                    buckets: &mut buckets,
                    second: is_second,
                },
            )?;
        }
        let groups = buckets.groups(AT_ONCE);
        let mut sampled = Sampled::default();
        let mut counts = (0, 0, 0);
        let keyed = !first.names.key.is_empty();
        let most = if keyed { self.most } else { 0 };
        for group in groups.iter().take(ROUNDS) {
            let mut gathering = Gathering::new(&first.names, group);
            self.read(first, &mut gathering)?;
            let samples = &sampled.samples;
            let fullest = samples.added.len().min(samples.changed.len());
            let left = most - fullest.min(samples.removed.len()).min(most);
            let mut matching = gathering.against(&second.names, left);
            self.read(second, &mut matching)?;
            let found = matching.finish();
            counts.0 += found.added;
            counts.1 += found.removed;
            counts.2 += found.changed;
            self.keep(&mut sampled, first, second, &found)?;
        }
        if groups.len() <= ROUNDS {
            sampled.rows_added = Some(counts.0);
            sampled.rows_removed = Some(counts.1);
            sampled.rows_changed = Some(counts.2);
        } else {
            let most = AT_ONCE * ROUNDS as u64;
            let why = format!("not all counted: about {most} or more are in question");
            sampled.not_sampled = Some(why);
        }
        Ok(sampled)
    }
}

fn unsampled(why: &str) -> Sampled {
    Sampled {
        not_sampled: Some(why.to_owned()),
        ..Sampled::default()
    }
}
