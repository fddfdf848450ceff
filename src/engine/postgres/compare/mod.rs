//! Compares an archive with its restored copy: the definitions entry for entry of the
//! vendor's table of contents, the content by fingerprints, and what the table of contents
//! lacks (extension versions, locale, database settings) by the catalogs' facts.
//!
//! Definitions are compared strictly. Only where the text of something that holds an
//! expression differs is a *reference* consulted: a definition-only restore of the same
//! archive, read back by the same server. Equal there means that PostgreSQL prints the
//! expression differently after a reload, which is no difference. Two restores are never
//! compared with each other alone: what both lost would not be seen.

mod columns;
mod content;
mod database;
mod large_objects;
mod lines;
mod naming;
mod schema;
#[cfg(test)]
mod tests;

pub use content::content;
pub use schema::{SchemaVerdict, schema};

use crate::engine::Discrepancy;
use crate::snapshot::{LargeObjects, Snapshot};

/// A name as the server prints it where it is one of many: quoted where it has to be.
pub(in crate::engine::postgres) fn printed_identifier(name: &str) -> String {
    naming::quote(name).into_owned()
}

/// All differences, sorted; where definitions and content name the same thing (a table that
/// is gone has no rows either) the definitions' words stay.
#[must_use]
pub fn merged(schema: Vec<Discrepancy>, content: Vec<Discrepancy>) -> Vec<Discrepancy> {
    let told = |found: &Discrepancy| {
        let same = |other: &Discrepancy| other.object == found.object && other.kind == found.kind;
        schema.iter().any(same)
    };
    let mut all: Vec<Discrepancy> = content.into_iter().filter(|found| !told(found)).collect();
    all.extend(schema);
    all.sort();
    all.dedup();
    all
}

/// What is different in large objects, one by one where they are listed.
#[must_use]
pub fn large_objects(expected: &LargeObjects, found: &LargeObjects) -> Vec<Discrepancy> {
    let mut told = content::Told::default();
    large_objects::compare(expected, found, &mut told);
    told.into_all()
}

/// In words: what a comparison with this archive leaves out.
#[must_use]
pub fn not_compared(archive: &Snapshot) -> Vec<String> {
    let mut words = vec![
        "the planner's statistics".to_owned(),
        "roles, their memberships and passwords".to_owned(),
    ];
    let mut add = |yes: bool, text: &str| {
        if yes {
            words.push(text.to_owned());
        }
    };
    let any = |wanted| archive.objects.iter().any(|object| object.kind == wanted);
    add(
        any(crate::snapshot::ObjectKind::MaterializedView),
        "rows of materialized views: a restore computes them anew",
    );
    add(
        any(crate::snapshot::ObjectKind::ForeignTable),
        "rows of foreign tables: they live elsewhere",
    );
    add(
        archive
            .objects
            .iter()
            .any(|object| object.columns.iter().any(|c| c.generated.is_some())),
        "values of generated columns: they follow from the others",
    );
    words
}
