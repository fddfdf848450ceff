//! What need not be read again because the server's own record shows that nobody touched it.
//!
//! Every row carries the id of the transaction that wrote it (`xmin`, PostgreSQL's manual,
//! "System Columns"; freezing leaves it there since 9.4). An update writes the row anew. So where
//! a table, found by its oid, has as many rows as it had, and none of a transaction that was not
//! over when the earlier snapshot was taken, it has the same rows: whoever deleted one would have
//! had to write another in its place. And where its columns are the same ones, of types whose
//! text cannot change behind the rows' back, the same rows read the same.

use std::collections::HashMap;

use crate::connection::postgres::Session;
use crate::engine::EngineError;
use crate::fingerprint::Hashed;
use crate::snapshot::{Anchor, Column, CopyStatement, Object, Snapshot, Stream};

use super::control::Control;
use super::table::{Share, TableRead};
use super::workers::{TableContent, Work, failure};

/// How a reader says it.
pub(in super::super) const HOW: &str = "read again, no row newer than the backup";

/// Ids of transactions are compared modulo 2^32 on the server: what is further apart than this
/// is not compared.
const FAR_APART: u64 = 1 << 30;

/// What is known of tables from an earlier snapshot.
pub(in super::super) struct Known {
    /// The oldest transaction that was in progress at that snapshot.
    pub since: u64,
    /// What each table to read held, where it would read the same.
    tables: Vec<Option<TableContent>>,
    /// Rows that each table had, and its name then.
    rows: Vec<Option<(u64, String)>>,
    /// Whether what is untouched need not be read.
    pub spare: bool,
}

/// What a count came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    /// Rows.
    rows: u64,
    /// Rows that may have been written since.
    newer: u64,
}

impl Known {
    /// What `before` knows of `tables`, if it is a snapshot of this very database.
    pub(in super::super) fn new(
        before: &Snapshot,
        control: &Control,
        identity: Option<&str>,
        tables: &[TableRead],
        spare: bool,
    ) -> Option<Self> {
        let anchor = before.record.anchor.as_ref()?;
        let passed = control.oldest?.checked_sub(anchor.position)?;
        let same_server = identity.is_some() && before.server.identity.as_deref() == identity;
        let same_database = anchor.database == control.database.to_string();
        if !same_server || !same_database || passed > FAR_APART {
            return None;
        }
        let then = Then::new(before, anchor);
        Some(Self {
            since: anchor.position,
            tables: tables.iter().map(|table| then.content(table)).collect(),
            rows: tables.iter().map(|table| then.rows(table)).collect(),
            spare,
        })
    }

    /// Whether a table with so many rows has more of them than it had.
    pub(super) fn has_grown(&self, table: usize, rows: u64) -> bool {
        let then = self.rows.get(table).and_then(Option::as_ref);
        then.is_some_and(|(then, _)| rows > *then)
    }

    /// The names, then, of tables of which every row of then is there still, by index.
    pub(super) fn kept(&self, sums: &HashMap<usize, Counted>) -> HashMap<usize, String> {
        let still = |(table, found): (&usize, &Counted)| {
            let (then, name) = self.rows.get(*table)?.as_ref()?;
            (found.rows - found.newer == *then && found.newer > 0).then(|| (*table, name.clone()))
        };
        sums.iter().filter_map(still).collect()
    }

    /// Whether there is anything to hold a table against.
    pub(super) fn holds(&self, table: usize) -> bool {
        self.tables.get(table).is_some_and(Option::is_some)
    }

    /// What is still so.
    pub(super) fn untouched(&self, sums: &HashMap<usize, Counted>) -> Vec<Option<TableContent>> {
        let same = |(table, known): (usize, &Option<TableContent>)| {
            let (found, known) = (sums.get(&table)?, known.as_ref()?);
            (found.newer == 0 && found.rows == known.hashed.rows).then(|| known.clone())
        };
        self.tables.iter().enumerate().map(same).collect()
    }
}

/// Adds up what the shares of each table came to.
pub(super) fn add_up(
    sums: &mut HashMap<usize, Counted>,
    counted: impl Iterator<Item = (usize, Counted)>,
) {
    for (table, part) in counted {
        let sum = sums.entry(table).or_default();
        sum.rows += part.rows;
        sum.newer += part.newer;
    }
}

/// An earlier snapshot, by what is looked for in it.
struct Then<'a> {
    /// By identity.
    objects: HashMap<&'a str, (&'a Object, &'a Stream)>,
    /// By number.
    numbered: HashMap<&'a str, &'a Object>,
}

impl<'a> Then<'a> {
    fn new(before: &'a Snapshot, anchor: &'a Anchor) -> Self {
        let objects: HashMap<&str, &Object> = before
            .objects
            .iter()
            .map(|o| (o.name.as_str(), o))
            .collect();
        let mut by_identity = HashMap::new();
        for stream in &before.streams {
            let Some(name) = stream.objects.first() else {
                continue;
            };
            if let (Some(identity), Some(object)) =
                (anchor.identities.get(name), objects.get(name.as_str()))
            {
                by_identity.insert(identity.as_str(), (*object, stream));
            }
        }
        let numbered = anchor.numbers.iter();
        let numbered = numbered.filter_map(|(name, number)| {
            let object = objects.get(name.as_str())?;
            Some((number.as_str(), *object))
        });
        Self {
            numbered: numbered.collect(),
            objects: by_identity,
        }
    }

    /// How many rows a table had, and its name.
    fn rows(&self, table: &TableRead) -> Option<(u64, String)> {
        let object = self.numbered.get(table.number?.to_string().as_str())?;
        Some((object.content.as_ref()?.rows, object.name.clone()))
    }

    /// What a table held, if it was read then as it is to be read now.
    fn content(&self, table: &TableRead) -> Option<TableContent> {
        let (object, stream) = self.objects.get(table.identity.as_deref()?)?;
        let copy = CopyStatement::parse(stream.copy.as_deref()?)?;
        let content = object.content.as_ref()?;
        let key: Option<Vec<&str>> = table.key.as_ref().map(|positions| {
            let names = positions.iter();
            names
                .filter_map(|at| table.copy.columns.get(*at).map(String::as_str))
                .collect()
        });
        let key_then: Option<Vec<&str>> = content
            .key
            .as_ref()
            .map(|key| key.columns.iter().map(String::as_str).collect());
        if copy.columns != table.copy.columns || key != key_then || table.filter.is_some() {
            return None;
        }
        let columns: HashMap<&str, &Column> = object
            .columns
            .iter()
            .map(|c| (c.name.as_str(), c))
            .collect();
        let sums = copy.columns.iter();
        let sums = sums.map(|name| columns.get(name.as_str())?.content);
        Some(TableContent {
            hashed: Hashed::known(
                content.rows,
                content.fingerprint,
                content.key.as_ref().map(|key| key.fingerprint),
                sums.collect::<Option<Vec<_>>>()?,
            ),
            bytes: stream.bytes,
        })
    }
}

/// Counts a share's rows, and those of transactions from `since` on.
pub(super) async fn count(
    work: &Work,
    session: &Session,
    share: &Share,
    since: u64,
) -> Result<Counted, EngineError> {
    let table = &work.basis.tables[share.table];
    let failed = |error| failure(&work.basis.target, table, error);
    // As `age()` counts back from one and the same id all through a transaction, ages compare
    // as the ids do.
    let age: i32 = session
        .query_one(
            &format!(
                "SELECT pg_catalog.age('{}'::pg_catalog.xid)",
                since & 0xFFFF_FFFF
            ),
            &[],
        )
        .await
        .map_err(failed)?
        .get(0);
    let row = session
        .query_one(&share.counting(table, age), &[])
        .await
        .map_err(failed)?;
    let number = |at| u64::try_from(row.get::<_, i64>(at)).unwrap_or(u64::MAX);
    work.basis.context.progress.advance(share.bytes, 0);
    Ok(Counted {
        rows: number(0),
        newer: number(1),
    })
}
