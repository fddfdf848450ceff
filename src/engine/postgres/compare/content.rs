//! Content: rows, values, sequences, populated views, large objects, and what the catalogs
//! say of the database.

use std::collections::{BTreeMap, BTreeSet};

use super::{database, large_objects};
use crate::engine::{Discrepancy, RestoreRequest};
use crate::snapshot::{ColumnContent, Fingerprint, Object, ObjectKind, Snapshot};

/// Compares what `copy` holds with what `archive` says it must hold. Of a `schema_only`
/// restore only the database's own facts are compared.
#[must_use]
pub fn content(archive: &Snapshot, copy: &Snapshot, request: &RestoreRequest) -> Vec<Discrepancy> {
    let mut told = Told::default();
    if !request.schema_only {
        tables(archive, copy, &mut told);
        others(archive, copy, &mut told);
        large_objects::compare(&archive.large_objects, &copy.large_objects, &mut told);
        large_objects::compare_facts(archive, copy, request, &mut told);
    }
    database::compare(archive, copy, request, &mut told);
    let mut all = told.0;
    all.sort();
    all.dedup();
    all
}

/// Collects differences.
#[derive(Default)]
pub(super) struct Told(Vec<Discrepancy>);

impl Told {
    pub(super) fn tell(
        &mut self,
        object: &str,
        kind: &str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) {
        self.0.push(Discrepancy {
            object: object.to_owned(),
            kind: kind.to_owned(),
            expected: expected.into(),
            found: found.into(),
        });
    }

    /// Everything that was told.
    pub(super) fn into_all(self) -> Vec<Discrepancy> {
        self.0
    }

    /// Tells it if the two differ.
    pub(super) fn unless_equal(&mut self, object: &str, kind: &str, expected: &str, found: &str) {
        if expected != found {
            self.tell(object, kind, expected, found);
        }
    }
}

/// The content of one table, or of a family that is loaded through its root.
#[derive(Default)]
struct Holding {
    rows: u64,
    fingerprint: Fingerprint,
    key: Option<(Vec<String>, Fingerprint)>,
    columns: BTreeMap<String, ColumnContent>,
    /// The orders in which the members' columns come: the row hashes of members can only be
    /// added up where there is one.
    orders: BTreeSet<Vec<String>>,
    members: usize,
}

impl Holding {
    fn add(&mut self, object: &Object) {
        let Some(content) = &object.content else {
            return;
        };
        self.rows += content.rows;
        self.fingerprint += content.fingerprint;
        let key = content
            .key
            .as_ref()
            .map(|key| (key.columns.clone(), key.fingerprint));
        self.key = match (self.members, self.key.take(), key) {
            (0, _, key) => key,
            (_, Some((a, x)), Some((b, y))) if a == b => Some((a, x + y)),
            _ => None,
        };
        let mut order = Vec::new();
        for column in &object.columns {
            let Some(content) = column.content else {
                continue;
            };
            order.push(column.name.clone());
            match self.columns.get_mut(&column.name) {
                Some(sum) => *sum = together(*sum, content),
                None => {
                    self.columns.insert(column.name.clone(), content);
                }
            }
        }
        self.orders.insert(order);
        self.members += 1;
    }
}

fn together(a: ColumnContent, b: ColumnContent) -> ColumnContent {
    ColumnContent {
        non_null: a.non_null + b.non_null,
        fingerprint: a.fingerprint + b.fingerprint,
        keyed: a.keyed.zip(b.keyed).map(|(a, b)| a + b),
        varied: a.varied || b.varied,
    }
}

/// Objects that hold rows, by the name they are compared under. `through` are the roots that
/// the archive's data goes in through.
fn holdings<'a>(snapshot: &'a Snapshot, through: &BTreeSet<&'a str>) -> BTreeMap<&'a str, Holding> {
    let mut all: BTreeMap<&str, Holding> = BTreeMap::new();
    for object in snapshot.objects.iter().filter(|o| o.content.is_some()) {
        let root = object.root.as_deref().filter(|root| through.contains(root));
        all.entry(root.unwrap_or(&object.name))
            .or_default()
            .add(object);
    }
    all
}

fn tables(archive: &Snapshot, copy: &Snapshot, told: &mut Told) {
    let loaded = archive.objects.iter().filter(|o| o.loaded_through_root);
    let through: BTreeSet<&str> = loaded.filter_map(|o| o.root.as_deref()).collect();
    let expected = holdings(archive, &through);
    let mut found = holdings(copy, &through);
    for (name, expected) in &expected {
        match found.remove(name) {
            Some(found) => table(name, expected, &found, told),
            None => told.tell(name, "table", rows(expected.rows), "missing"),
        }
    }
    for (name, found) in found {
        told.tell(name, "table", "nothing", rows(found.rows));
    }
}

fn rows(count: u64) -> String {
    match count {
        1 => "1 row".to_owned(),
        count => format!("{count} rows"),
    }
}

fn table(name: &str, expected: &Holding, found: &Holding, told: &mut Told) {
    if expected.rows != found.rows {
        told.tell(name, "rows", rows(expected.rows), rows(found.rows));
    }
    let one_order = expected.orders.len() == 1 && expected.orders == found.orders;
    let keys = expected.key.as_ref().zip(found.key.as_ref());
    let other_keys = keys.is_some_and(|(a, b)| a != b);
    let before = told.0.len();
    columns(name, expected, found, !other_keys, told);
    let named = told.0.len() > before;
    let other_rows = one_order && expected.fingerprint != found.fingerprint;
    if (other_rows || other_keys) && !named && expected.rows == found.rows {
        told.tell(
            name,
            "content",
            format!("rows with fingerprint {}", expected.fingerprint),
            format!(
                "the same values in other rows, fingerprint {}",
                found.fingerprint
            ),
        );
    }
}

/// Names the columns whose values differ. Where only rows are missing or extra every column
/// differs, and the count says it all. Where the keys themselves differ, the keyed sums of all
/// columns do too and say nothing of each.
fn columns(name: &str, expected: &Holding, found: &Holding, same_keys: bool, told: &mut Told) {
    let count = expected.rows == found.rows;
    for (column, a) in &expected.columns {
        let Some(b) = found.columns.get(column) else {
            told.tell(name, "column", format!("column {column}"), "missing");
            continue;
        };
        if !count {
            continue;
        }
        if a.non_null != b.non_null || a.fingerprint != b.fingerprint {
            told.tell(name, "content", values(column, a), values(column, b));
        } else if same_keys && a.keyed.is_some() && b.keyed.is_some() && a.keyed != b.keyed {
            told.tell(
                name,
                "content",
                format!("column {column}: each value on its own row"),
                format!("column {column}: the same values on other rows"),
            );
        }
    }
    for column in found.columns.keys() {
        if !expected.columns.contains_key(column) {
            told.tell(name, "column", "nothing", format!("column {column}"));
        }
    }
}

fn values(column: &str, content: &ColumnContent) -> String {
    let ColumnContent {
        non_null,
        fingerprint,
        ..
    } = content;
    let values = if *non_null == 1 { "value" } else { "values" };
    format!("column {column}: {non_null} {values}, fingerprint {fingerprint}")
}

/// Sequences and materialized views.
fn others(archive: &Snapshot, copy: &Snapshot, told: &mut Told) {
    let found: BTreeMap<(ObjectKind, &str), &Object> = copy
        .objects
        .iter()
        .map(|object| ((object.kind, &*object.name), object))
        .collect();
    for object in &archive.objects {
        let other = found.get(&(object.kind, &*object.name));
        if let Some(value) = object.sequence {
            let said = |value: crate::snapshot::SequenceValue| {
                let called = if value.called {
                    "called"
                } else {
                    "not called yet"
                };
                format!("{}, {called}", value.last)
            };
            let found = other.and_then(|other| other.sequence);
            let found = found.map_or_else(|| "missing".to_owned(), said);
            told.unless_equal(&object.name, "sequence", &said(value), &found);
        }
        if let (Some(populated), Some(other)) = (object.populated, other) {
            let said = |yes: bool| if yes { "populated" } else { "not populated" };
            let found = said(other.populated.unwrap_or(false));
            told.unless_equal(&object.name, "populated", said(populated), found);
        }
    }
}
