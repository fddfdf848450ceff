//! The facts and scripts of a part of an archive.

use std::collections::BTreeSet;

use super::names::parts;
use super::selection::Selection;
use crate::engine::postgres::assemble::sequences_script;
use crate::engine::postgres::toc::{Toc, statements};
use crate::snapshot::{LargeObjects, Object, ObjectKind, Snapshot, StreamKind};

/// The table of contents without what is not kept.
pub(super) fn contents(toc: &Toc, selection: &Selection) -> Toc {
    let kept = toc.entries.iter();
    let kept = kept.filter(|entry| selection.kept.contains(&entry.dump_id));
    Toc {
        entries: kept.cloned().collect(),
        ..toc.clone()
    }
}

/// The facts of what is kept. Large objects are no table's, so none comes along.
pub(super) fn facts(snapshot: &Snapshot, toc: &Toc, selection: &Selection) -> Snapshot {
    let objects = snapshot
        .objects
        .iter()
        .filter(|object| is_made(object, toc, selection))
        .map(|object| {
            let mut object = object.clone();
            if !selection.whole.contains(&object.name) {
                object.content = None;
                object
                    .columns
                    .iter_mut()
                    .for_each(|column| column.content = None);
            }
            object
        })
        .collect();
    let streams = snapshot.streams.iter().filter(|stream| {
        let wanted = |name: &String| selection.whole.contains(name);
        stream.id.kind == StreamKind::CopyText && stream.objects.iter().any(wanted)
    });
    let extension = |name: &str| {
        let entry = toc
            .entries
            .iter()
            .find(|e| e.desc == "EXTENSION" && e.tag == name);
        entry.is_some() || name == "plpgsql"
    };
    let roles = roles(snapshot, toc);
    Snapshot {
        objects,
        streams: streams.cloned().collect(),
        large_objects: LargeObjects::default(),
        extensions: snapshot
            .extensions
            .iter()
            .filter(|one| extension(&one.name))
            .cloned()
            .collect(),
        prerequisites: snapshot
            .prerequisites
            .iter()
            .filter(|one| match one.kind.as_str() {
                "role" => roles.contains(&one.name),
                _ => toc.entries.iter().any(|entry| entry.tablespace == one.name),
            })
            .cloned()
            .collect(),
        ..snapshot.clone()
    }
}

fn is_made(object: &Object, toc: &Toc, selection: &Selection) -> bool {
    match object.kind {
        ObjectKind::Table
        | ObjectKind::PartitionedTable
        | ObjectKind::ForeignTable
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::Sequence => selection.made.contains(&object.name),
        ObjectKind::Schema => {
            let mut all = toc.entries.iter().filter(|entry| entry.desc == "SCHEMA");
            all.any(|entry| entry.tag == object.name.trim_matches('"'))
        }
        _ => {
            let plain = |name: &str| name.replace('"', "").replace(", ", ",");
            parts(&object.name).is_some_and(|(schema, name)| {
                let same = |tag: &str| plain(tag) == plain(&name);
                let mut all = toc.entries.iter().filter(|entry| entry.namespace == schema);
                all.any(|entry| same(&entry.tag))
            })
        }
    }
}

/// Roles that own what is kept, or stand in its grants and policies, or in what is of the
/// database as such.
fn roles(snapshot: &Snapshot, toc: &Toc) -> BTreeSet<String> {
    let mut texts: Vec<&str> = Vec::new();
    let mut roles = BTreeSet::from([snapshot.database.owner.clone()]);
    for entry in &toc.entries {
        roles.insert(entry.owner.clone());
        if matches!(entry.desc.as_str(), "ACL" | "POLICY" | "USER MAPPING") {
            texts.push(&entry.defn);
        }
    }
    texts.extend(snapshot.database.grants.iter().map(String::as_str));
    texts.extend(snapshot.database.settings.iter().map(String::as_str));
    for one in snapshot.prerequisites.iter().filter(|p| p.kind == "role") {
        let quoted = one.name.replace('"', "\"\"");
        // A role too many is asked for rather than one too few.
        if texts.iter().any(|text| text.contains(&quoted)) {
            roles.insert(one.name.clone());
        }
    }
    roles
}

/// The values of the sequences that are kept.
pub(super) fn sequences(toc: &Toc) -> Vec<u8> {
    sequences_script(toc).into_bytes()
}

/// Those statements of a script on constraints that are on something kept.
pub(super) fn constraints(script: &str, toc: &Toc, selection: &Selection) -> Vec<u8> {
    let domains: Vec<String> = toc
        .entries
        .iter()
        .filter(|entry| entry.desc == "DOMAIN")
        .map(|entry| {
            let printed = crate::engine::postgres::compare::printed_identifier;
            format!("{}.{}", printed(&entry.namespace), printed(&entry.tag))
        })
        .collect();
    let names: Vec<&String> = selection.made.iter().chain(&domains).collect();
    let kept = statements(script).into_iter().filter(|statement| {
        names.iter().any(|name| {
            ["ALTER TABLE ", "ALTER DOMAIN "]
                .iter()
                .any(|word| starts(statement, word, name))
                || statement.contains(&format!(" ON {name} IS "))
                || statement.contains(&format!(" ON DOMAIN {name} IS "))
        })
    });
    let mut text = kept.collect::<Vec<_>>().join("\n");
    text.push('\n');
    text.into_bytes()
}

fn starts(statement: &str, word: &str, name: &str) -> bool {
    statement
        .strip_prefix(word)
        .and_then(|rest| rest.strip_prefix(name))
        .is_some_and(|rest| rest.starts_with(' '))
}
