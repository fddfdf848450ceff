//! Putting a snapshot together: the catalogs' facts, the vendor's table of contents and what
//! was hashed.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use crate::connection::Target;
use crate::engine::EngineError;
use crate::snapshot::{
    Anchor, Content, KeyFacts, LargeObjects, Object, SequenceValue, ServerFacts, Snapshot, Stream,
    Untouched, WriteRecord,
};

use super::catalog::{self, CatalogFacts};
use super::copies::own_comment;
use super::dump::control::Control;
use super::dump::large_objects;
use super::dump::table::TableRead;
use super::dump::untouched;
use super::dump::workers::{Contents, TableContent};
use super::quoting::quote_identifier;
use super::server::{self, Server};
use super::sql_error::sql;
use super::toc::Toc;

/// What the catalogs say, and the server.
pub(super) struct Facts {
    /// Of the database.
    pub catalog: CatalogFacts,
    /// Of the server.
    pub server: Server,
}

/// Reads the facts in the control session, so under the snapshot.
pub(super) async fn facts(
    control: &Control,
    target: &Target,
    toc: &Toc,
) -> Result<Facts, EngineError> {
    let dumped: Vec<u32> = toc
        .entries
        .iter()
        .filter(|entry| entry.desc == "TABLE" || entry.desc == "TABLE DATA")
        .map(|entry| entry.oid)
        .collect();
    let mut catalog = catalog::read(&control.session, control.version_num, &dumped)
        .await
        .map_err(sql(
            target,
            format!("the catalogs of {} could not be read", target.database()),
        ))?;
    catalog.database.comment = catalog
        .database
        .comment
        .take()
        .and_then(|comment| own_comment(&comment));
    Ok(Facts {
        server: server::facts(&control.session, target).await?,
        catalog,
    })
}

/// Everything that a snapshot is made of.
pub(super) struct Parts<'a> {
    /// Where it was read.
    pub target: &'a Target,
    /// The session that it was read under.
    pub control: &'a Control,
    /// When.
    pub taken_at: DateTime<Utc>,
    /// pg_dump's table of contents.
    pub toc: &'a Toc,
    /// The pg_dump that wrote it.
    pub tool: &'a str,
    /// What the catalogs say.
    pub facts: Facts,
    /// What was read.
    pub tables: &'a [TableRead],
    /// What it held.
    pub contents: Contents,
    /// Large objects and the bytes of their stream.
    pub large_objects: (LargeObjects, u64),
    /// Tables whose rows were asked to stay out.
    pub excluded: Vec<String>,
    /// Definitions only.
    pub schema_only: bool,
}

/// Puts it together.
pub(super) fn snapshot(parts: Parts<'_>) -> Snapshot {
    let Parts {
        target,
        control,
        taken_at,
        toc,
        tool,
        facts: Facts { catalog, server },
        tables,
        contents,
        large_objects: (large_objects, large_object_bytes),
        excluded,
        schema_only,
    } = parts;
    let mut objects = catalog.objects;
    let mut streams = streams(tables, &contents.tables);
    let kept = contents.kept.into_iter();
    let kept = kept.filter_map(|(table, then)| Some((tables.get(table)?.object.clone(), then)));
    let kept: BTreeMap<String, String> = kept.collect();
    if large_objects.count > 0 {
        streams.push(Stream {
            id: large_objects::STREAM,
            objects: Vec::new(),
            copy: None,
            rows: 0,
            bytes: large_object_bytes,
            fingerprint: large_objects.fingerprint,
        });
    }
    fill_contents(&mut objects, tables, contents.tables);
    mark_loaded_through_root(&mut objects, tables);
    if !schema_only {
        fill_sequences(&mut objects, toc);
    }
    Snapshot {
        engine: "postgresql".to_owned(),
        taken_at,
        read_until: None,
        consistent: Some(true),
        server: server_facts(target, tool, server),
        database: catalog.database,
        objects,
        streams,
        large_objects,
        extensions: catalog.extensions,
        prerequisites: catalog.prerequisites,
        schema: Vec::new(),
        record: WriteRecord {
            anchor: anchor(control, tables),
            untouched: (contents.untouched > 0).then_some(Untouched {
                objects: contents.untouched,
                how: untouched::HOW,
                gone_through: true,
            }),
            // Its rows are never changed in place.
            unchanged: kept.keys().cloned().collect(),
            kept,
        },
        notes: notes(catalog.notes, &excluded, schema_only),
        secrets_seen: catalog.secrets_seen,
    }
}

fn server_facts(target: &Target, tool: &str, server: Server) -> ServerFacts {
    ServerFacts {
        version: server.version,
        version_num: server.version_num,
        tool: tool.to_owned(),
        identity: server.identity,
        host: target.host().to_owned(),
        port: target.port(),
        user: server.role,
        standby: server.standby,
    }
}

/// What did not come along.
fn notes(mut notes: Vec<String>, excluded: &[String], schema_only: bool) -> Vec<String> {
    if schema_only {
        notes.push("definitions only: no rows, no sequence values, no large objects".to_owned());
    }
    let left_out = excluded.iter();
    notes.extend(left_out.map(|name| format!("the rows of {name} were left out as asked")));
    notes
}

/// Where the snapshot stands; a standby has no ids of its own.
fn anchor(control: &Control, tables: &[TableRead]) -> Option<Anchor> {
    let identities = tables.iter().filter_map(|table| {
        let identity = table.identity.clone()?;
        Some((table.object.clone(), identity))
    });
    let numbers = tables.iter().filter_map(|table| {
        let number = table.number?;
        Some((table.object.clone(), number.to_string()))
    });
    Some(Anchor {
        position: control.oldest?,
        database: control.database.to_string(),
        identities: identities.collect(),
        numbers: numbers.collect(),
    })
}

fn streams(tables: &[TableRead], contents: &[TableContent]) -> Vec<Stream> {
    tables
        .iter()
        .zip(contents)
        .map(|(table, content)| Stream {
            id: table.stream,
            objects: vec![table.object.clone()],
            copy: Some(table.statement.clone()),
            rows: content.hashed.rows,
            bytes: content.bytes,
            fingerprint: content.hashed.fingerprint,
        })
        .collect()
}

fn fill_contents(objects: &mut [Object], tables: &[TableRead], contents: Vec<TableContent>) {
    let mut by_name: HashMap<String, &mut Object> = objects
        .iter_mut()
        .map(|object| (object.name.clone(), object))
        .collect();
    for (table, content) in tables.iter().zip(contents) {
        let Some(object) = by_name.get_mut(&table.object) else {
            continue;
        };
        let hashed = content.hashed;
        let key = table
            .key
            .as_ref()
            .zip(hashed.key)
            .map(|(positions, sum)| KeyFacts {
                columns: positions
                    .iter()
                    .filter_map(|position| table.copy.columns.get(*position).cloned())
                    .collect(),
                fingerprint: sum,
            });
        object.content = Some(Content {
            rows: hashed.rows,
            fingerprint: hashed.fingerprint,
            key,
            ..Content::default()
        });
        for (name, sums) in table.copy.columns.iter().zip(hashed.columns) {
            if let Some(column) = object.columns.iter_mut().find(|c| c.name == *name) {
                column.content = Some(sums);
            }
        }
    }
}

/// pg_dump's statement names another relation than the one the rows come from: its root.
fn mark_loaded_through_root(objects: &mut [Object], tables: &[TableRead]) {
    let through: HashMap<&str, bool> = tables
        .iter()
        .map(|table| (table.object.as_str(), table.is_loaded_through_root()))
        .collect();
    for object in objects {
        if through.get(object.name.as_str()) == Some(&true) {
            object.loaded_through_root = true;
        }
    }
}

/// Sequence values as pg_dump read them: those are what a restore sets.
fn fill_sequences(objects: &mut [Object], toc: &Toc) {
    let values: HashMap<String, SequenceValue> = toc
        .entries
        .iter()
        .filter(|entry| entry.desc == "SEQUENCE SET")
        .filter_map(|entry| {
            let name = format!(
                "{}.{}",
                quote_identifier(&entry.namespace),
                quote_identifier(&entry.tag)
            );
            Some((name, set_value(&entry.defn)?))
        })
        .collect();
    for object in objects.iter_mut().filter(|o| o.sequence.is_some()) {
        if let Some(value) = always_quoted(&object.name).and_then(|name| values.get(&name)) {
            object.sequence = Some(*value);
        }
    }
}

/// A printed name with both parts quoted, whether or not they must be.
fn always_quoted(name: &str) -> Option<String> {
    let parts = crate::snapshot::split_qualified(name)?;
    Some(format!(
        "{}.{}",
        quote_identifier(&parts.0),
        quote_identifier(&parts.1)
    ))
}

/// The value in `SELECT pg_catalog.setval('s', 5, true);` (`dumpSequenceData` in `pg_dump.c`).
fn set_value(statement: &str) -> Option<SequenceValue> {
    let rest = &statement[statement.rfind("', ")? + 3..];
    let (value, called) = rest.split_once(", ")?;
    Some(SequenceValue {
        last: value.trim().parse().ok()?,
        called: called.trim_start().starts_with("true"),
    })
}

/// The statements of all `SEQUENCE SET` entries.
pub(super) fn sequences_script(toc: &Toc) -> String {
    toc.entries
        .iter()
        .filter(|entry| entry.desc == "SEQUENCE SET")
        .map(|entry| entry.defn.trim_end())
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_values_are_read_from_hostile_names_too() {
        let value = set_value("SELECT pg_catalog.setval('public.\"a'', 7, false\"', -5, true);\n");
        assert_eq!(
            value,
            Some(SequenceValue {
                last: -5,
                called: true
            })
        );
        assert_eq!(set_value("SELECT 1;"), None);
    }
}
