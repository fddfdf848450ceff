//! What an archive holds, from its manifest.

use std::collections::BTreeMap;

use super::figures::{count, counted, printable, size};
use super::{Align, Page, Table, consistency};
use crate::snapshot::{Nouns, ObjectKind, Snapshot};

/// So many tables or collections are printed; JSON has all.
const SHOWN: usize = 200;

/// Facts of the archive that the snapshot does not hold, as label and value.
pub type Heading = Vec<(&'static str, String)>;

/// The whole page.
#[must_use]
pub fn text(nouns: Nouns, heading: &Heading, snapshot: &Snapshot) -> String {
    let mut page = Page::default();
    let mut facts = heading.clone();
    facts.extend(database(snapshot));
    for (label, value) in &facts {
        page.line(format_args!("{label:<12} {}", printable(value)));
    }
    section(
        &mut page,
        &capital(nouns.object.many),
        &tables(nouns, snapshot),
    );
    section(&mut page, "Also", &others(snapshot));
    section(&mut page, "Needs on the server", &prerequisites(snapshot));
    section(
        &mut page,
        "Roles, which a restore does not create",
        &roles(snapshot),
    );
    section(
        &mut page,
        "Users, which a restore does not create",
        &users(snapshot),
    );
    section(&mut page, "Notes", &lines(&snapshot.notes));
    section(
        &mut page,
        "Secrets of the schema's own",
        &lines(&snapshot.secrets_seen),
    );
    page.text()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn section(page: &mut Page, title: &str, body: &str) {
    if !body.is_empty() {
        page.line(format_args!("\n{title}"));
        page.lines(body);
    }
}

fn lines(texts: &[String]) -> String {
    let mut page = Page::default();
    for line in texts {
        page.line(format_args!("  {}", printable(line)));
    }
    page.text()
}

fn database(snapshot: &Snapshot) -> Heading {
    let server = &snapshot.server;
    let standby = if server.standby { ", a standby" } else { "" };
    vec![
        (
            "database",
            format!(
                "{} on {}:{} ({} {}{standby}, read with {})",
                snapshot.database.name,
                server.host,
                server.port,
                snapshot.engine,
                server.version,
                server.tool
            ),
        ),
        (
            "at",
            snapshot.taken_at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        ),
        (
            "consistent",
            consistency::sentence(snapshot.consistent).to_owned(),
        ),
        ("on server", size(snapshot.database.bytes)),
    ]
}

fn tables(nouns: Nouns, snapshot: &Snapshot) -> String {
    let mut table = Table::new(&[
        ("name", Align::Left),
        (nouns.row.many, Align::Right),
        ("data", Align::Right),
        (nouns.column.many, Align::Right),
    ])
    .indented(2);
    let stored = stored_bytes(snapshot);
    // Where all content lies in one stream, each object says what its own comes to.
    let shared = stored.is_empty() && !snapshot.streams.is_empty();
    let with_content: Vec<_> = snapshot
        .objects
        .iter()
        .filter_map(|object| object.content.as_ref().map(|content| (object, content)))
        .collect();
    for (object, content) in with_content.iter().take(SHOWN) {
        table.row([
            object.name.as_str(),
            &count(content.rows),
            &stored
                .get(object.name.as_str())
                .copied()
                .or((shared && object.bytes > 0).then_some(object.bytes))
                .map_or_else(String::new, size),
            &object.columns.len().to_string(),
        ]);
    }
    if table.is_empty() {
        return String::new();
    }
    let mut page = Page::default();
    page.lines(&table.render());
    if with_content.len() > SHOWN {
        let more = (with_content.len() - SHOWN) as u64;
        page.line(format_args!(
            "  … and {} more (--json shows all)",
            count(more)
        ));
    }
    page.text()
}

/// Uncompressed bytes of each object that has a stream of its own.
fn stored_bytes(snapshot: &Snapshot) -> BTreeMap<&str, u64> {
    let mut bytes = BTreeMap::new();
    for stream in &snapshot.streams {
        if let [object] = stream.objects.as_slice() {
            *bytes.entry(object.as_str()).or_default() += stream.bytes;
        }
    }
    bytes
}

fn others(snapshot: &Snapshot) -> String {
    let mut counts: BTreeMap<ObjectKind, u64> = BTreeMap::new();
    for object in snapshot
        .objects
        .iter()
        .filter(|object| object.content.is_none())
    {
        *counts.entry(object.kind).or_default() += 1;
    }
    let mut facts: Vec<String> = counts
        .into_iter()
        .map(|(kind, number)| {
            let (one, many) = words(kind);
            counted(number, one, many)
        })
        .collect();
    if snapshot.large_objects.count > 0 {
        facts.push(format!(
            "{} ({})",
            counted(
                snapshot.large_objects.count,
                "large object",
                "large objects"
            ),
            size(snapshot.large_objects.bytes)
        ));
    }
    facts.extend(
        snapshot
            .extensions
            .iter()
            .map(|extension| format!("extension {} {}", extension.name, extension.version)),
    );
    lines(&facts)
}

fn words(kind: ObjectKind) -> (&'static str, &'static str) {
    match kind {
        ObjectKind::Table => ("table without rows", "tables without rows"),
        ObjectKind::PartitionedTable => ("partitioned table", "partitioned tables"),
        ObjectKind::ForeignTable => (
            "foreign table (definition only)",
            "foreign tables (definitions only)",
        ),
        ObjectKind::View => ("view", "views"),
        ObjectKind::MaterializedView => ("materialized view", "materialized views"),
        ObjectKind::Sequence => ("sequence", "sequences"),
        ObjectKind::Function => ("function", "functions"),
        ObjectKind::Type => ("type", "types"),
        ObjectKind::Schema => ("schema", "schemas"),
        ObjectKind::Other => ("other object", "other objects"),
        ObjectKind::Collection => (
            "collection without documents",
            "collections without documents",
        ),
        ObjectKind::TimeSeries => ("time series", "time series"),
    }
}

fn prerequisites(snapshot: &Snapshot) -> String {
    let mut table =
        Table::new(&[("", Align::Left), ("", Align::Left), ("", Align::Left)]).indented(2);
    for needed in &snapshot.prerequisites {
        table.row([&needed.kind, &needed.name, &needed.create]);
    }
    table.render()
}

fn roles(snapshot: &Snapshot) -> String {
    let all = snapshot.database.roles.iter().flatten();
    let all: Vec<String> = all.map(|role| role.create.clone()).collect();
    lines(&all)
}

fn users(snapshot: &Snapshot) -> String {
    let all = snapshot.database.users.iter().flatten();
    let all: Vec<String> = all.map(|user| user.create.clone()).collect();
    lines(&all)
}
