//! Compares an archive with its restored copy, collection by collection: kind, view, options
//! and indexes by their text, documents by count and fingerprint. Pure: facts in, differences
//! out.

mod content;
mod json;
mod parts;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::engine::Discrepancy;
use crate::snapshot::{Object, ObjectKind, Snapshot};

/// Whether the copy deletes documents by their age, as the original does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// It must do as the original does.
    AsArchived,
    /// It must not, yet: see
    /// [`without_expiry`](super::definitions::CollectionDefinition::without_expiry).
    Held,
}

/// Everything that is different: definitions, and documents unless `schema_only`.
#[must_use]
pub fn all(
    archive: &Snapshot,
    copy: &Snapshot,
    expiry: Expiry,
    schema_only: bool,
) -> Vec<Discrepancy> {
    let mut told = definitions(archive, copy, expiry);
    if !schema_only {
        told.extend(documents(archive, copy));
    }
    told.sort();
    told.dedup();
    told
}

/// Collections that are missing or extra, and what is different in the definitions of the
/// others.
#[must_use]
pub fn definitions(archive: &Snapshot, copy: &Snapshot, expiry: Expiry) -> Vec<Discrepancy> {
    let mut told = Told::default();
    for (name, sides) in paired(archive, copy) {
        match sides {
            (Some(expected), Some(found)) => definition(expected, found, expiry, &mut told),
            (Some(expected), None) => {
                told.tell(
                    name,
                    word(expected.kind),
                    content::said(expected),
                    "missing",
                );
            }
            (None, Some(found)) => {
                told.tell(name, word(found.kind), "nothing", content::said(found));
            }
            (None, None) => {}
        }
    }
    told.0
}

/// What is different in the documents of collections that both have. Those whose documents
/// were left out of the archive are left out here.
#[must_use]
pub fn documents(archive: &Snapshot, copy: &Snapshot) -> Vec<Discrepancy> {
    let mut told = Told::default();
    for (_, sides) in paired(archive, copy) {
        if let (Some(expected), Some(found)) = sides {
            content::compare(expected, found, &mut told);
        }
    }
    told.0
}

/// As [`documents`], of one collection.
#[must_use]
pub fn documents_of(expected: &Object, found: &Object) -> Vec<Discrepancy> {
    let mut told = Told::default();
    content::compare(expected, found, &mut told);
    told.0
}

/// In words: what a comparison with this archive leaves out.
#[must_use]
pub fn not_compared(archive: &Snapshot) -> Vec<String> {
    let mut words = vec![
        "users and roles: a restore does not create them".to_owned(),
        "the UUIDs of collections: a copy has its own".to_owned(),
        "the order in which documents lie in a collection".to_owned(),
    ];
    let series = |object: &Object| object.kind == ObjectKind::TimeSeries;
    if archive.objects.iter().any(series) {
        words.push("single measurements of time series: the buckets that hold them are".to_owned());
    }
    words
}

/// Collects differences.
#[derive(Default)]
struct Told(Vec<Discrepancy>);

impl Told {
    fn tell(
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
}

type Sides<'a> = (Option<&'a Object>, Option<&'a Object>);

fn paired<'a>(archive: &'a Snapshot, copy: &'a Snapshot) -> BTreeMap<&'a str, Sides<'a>> {
    let mut pairs: BTreeMap<&str, Sides<'_>> = BTreeMap::new();
    for object in &archive.objects {
        pairs.entry(&object.name).or_default().0 = Some(object);
    }
    for object in &copy.objects {
        pairs.entry(&object.name).or_default().1 = Some(object);
    }
    pairs
}

fn word(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::View => "view",
        ObjectKind::TimeSeries => "time series",
        _ => "collection",
    }
}

fn definition(expected: &Object, found: &Object, expiry: Expiry, told: &mut Told) {
    let name = &expected.name;
    if expected.kind != found.kind {
        told.tell(name, "kind", word(expected.kind), word(found.kind));
        return;
    }
    if expected.definition != found.definition {
        let text = |object: &Object| object.definition.clone().unwrap_or_default();
        let (a, b) = json::differing(&text(expected), &text(found));
        told.tell(name, "view", a, b);
    }
    parts::compare(expected, found, expiry, told);
}
