//! Small snapshots, written down row by row and hashed the way the fingerprints are defined.

mod families;
mod losses;
mod lost_definitions;
mod lost_documents;
mod lost_rights;
mod lost_values;
mod names;
mod parts;
mod principals;

use chrono::DateTime;
use xxhash_rust::xxh3::xxh3_128;

use super::super::{
    Column, ColumnContent, Content, DatabaseFacts, Fingerprint, KeyFacts, LargeObjects, Object,
    ObjectKind, Part, PartKind, ServerFacts, Snapshot, WriteRecord,
};
use super::{ColumnChange, Difference, ObjectChange, compare};

fn hash(bytes: &[u8]) -> u128 {
    xxh3_128(bytes)
}

/// A database of these objects.
fn snapshot(objects: Vec<Object>) -> Snapshot {
    Snapshot {
        engine: "postgresql".to_owned(),
        taken_at: DateTime::UNIX_EPOCH,
        read_until: None,
        consistent: Some(true),
        server: ServerFacts::default(),
        database: DatabaseFacts::default(),
        objects,
        streams: Vec::new(),
        large_objects: LargeObjects::default(),
        extensions: Vec::new(),
        prerequisites: Vec::new(),
        schema: Vec::new(),
        record: WriteRecord::default(),
        notes: Vec::new(),
        secrets_seen: Vec::new(),
    }
}

fn object(name: &str, kind: ObjectKind) -> Object {
    Object {
        name: name.to_owned(),
        kind,
        owner: Some("owner".to_owned()),
        comment: None,
        definition: None,
        columns: Vec::new(),
        parts: Vec::new(),
        content: None,
        sequence: None,
        root: None,
        loaded_through_root: false,
        populated: None,
        bytes: 0,
    }
}

/// A table. A column that ends in `*` is the key; values are text, `-` is null.
fn table(name: &str, columns: &[&str], rows: &[&[&str]]) -> Object {
    let key = columns.iter().position(|column| column.ends_with('*'));
    let mut sums: Vec<Sums> = columns.iter().map(|_| Sums::default()).collect();
    let (mut fingerprint, mut keys) = (Fingerprint::default(), Fingerprint::default());
    for row in rows {
        fingerprint += Fingerprint(hash(row.join("\t").as_bytes()));
        let key = key.map(|key| hash(row[key].as_bytes()));
        keys += Fingerprint(key.unwrap_or(0));
        for (sums, value) in sums
            .iter_mut()
            .zip(*row)
            .filter(|(_, value)| **value != "-")
        {
            sums.add(value, key);
        }
    }
    let name_of = |column: &&str| column.trim_end_matches('*').to_owned();
    Object {
        columns: columns
            .iter()
            .zip(sums)
            .map(|(column, sums)| Column {
                name: name_of(column),
                data_type: "text".to_owned(),
                nullable: true,
                content: Some(sums.content(key.is_some())),
                ..Column::default()
            })
            .collect(),
        content: Some(Content {
            rows: rows.len() as u64,
            unlisted: 0,
            fingerprint,
            key: key.map(|key| KeyFacts {
                columns: vec![name_of(&columns[key])],
                fingerprint: keys,
            }),
        }),
        ..object(name, ObjectKind::Table)
    }
}

#[derive(Default)]
struct Sums {
    content: ColumnContent,
    keyed: Fingerprint,
    first: Option<u128>,
}

impl Sums {
    fn add(&mut self, value: &str, key: Option<u128>) {
        let value = hash(value.as_bytes());
        let mut both = value.to_le_bytes().to_vec();
        both.extend(key.unwrap_or(0).to_le_bytes());
        self.keyed += Fingerprint(hash(&both));
        self.content.non_null += 1;
        self.content.fingerprint += Fingerprint(value);
        self.content.varied |= *self.first.get_or_insert(value) != value;
    }

    fn content(&self, has_key: bool) -> ColumnContent {
        ColumnContent {
            keyed: has_key.then_some(self.keyed),
            ..self.content
        }
    }
}

fn part(kind: PartKind, name: &str, definition: &str) -> Part {
    Part {
        kind,
        name: name.to_owned(),
        definition: definition.to_owned(),
    }
}

/// What is different, a line for each thing: short enough to be read in a test.
fn told(before: Vec<Object>, after: Vec<Object>) -> Vec<String> {
    lines(&compare(&snapshot(before), &snapshot(after)))
}

fn lines(difference: &Difference) -> Vec<String> {
    assert_eq!(difference.loss, !difference.losses.is_empty());
    let mut lines = Vec::new();
    for change in &difference.objects {
        lines.push(object_line(change));
        lines.extend(change.columns.iter().map(column_line));
        for part in &change.parts {
            let what = json_words(
                &serde_json::to_value(part).unwrap(),
                &["kind", "change", "from"],
            );
            lines.push(format!("  {what} {}", part.name));
        }
        for property in &change.properties {
            let (a, b) = (property.before.as_deref(), property.after.as_deref());
            let (a, b) = (a.unwrap_or("none"), b.unwrap_or("none"));
            lines.push(format!("  {}: {a} → {b}", property.property));
        }
        lines.extend(change.notes.iter().map(|note| format!("  note: {note}")));
    }
    let losses = difference.losses.iter();
    lines.extend(losses.map(|loss| format!("LOSS {} {}", loss.object, loss.what)));
    assert_eq!(difference.same, lines.is_empty());
    lines
}

fn object_line(change: &ObjectChange) -> String {
    let value = serde_json::to_value(change).unwrap();
    let what = json_words(&value, &["change", "from"]);
    let rows = match (change.rows_before, change.rows_after) {
        (Some(a), Some(b)) if a == b => format!(", {a} rows"),
        (None, None) => String::new(),
        (a, b) => {
            let count = |rows: Option<u64>| rows.map_or("-".to_owned(), |rows| rows.to_string());
            format!(", {}→{} rows", count(a), count(b))
        }
    };
    let probably = if change.probably { "probably " } else { "" };
    format!("{} {probably}{what}{rows}", change.object)
}

fn column_line(column: &ColumnChange) -> String {
    let value = serde_json::to_value(column).unwrap();
    let what = json_words(&value, &["change", "from", "to", "values"]);
    let probably = if column.probably { "probably " } else { "" };
    let properties: Vec<&str> = column.properties.iter().map(|p| &*p.property).collect();
    let properties = properties.join(" ");
    format!("  {} {probably}{what} {properties}", column.name)
        .trim_end()
        .to_owned()
}

fn json_words(value: &serde_json::Value, keys: &[&str]) -> String {
    let words = keys.iter().filter_map(|key| value.get(key)?.as_str());
    words.collect::<Vec<_>>().join(" ")
}

const USERS: [&str; 3] = ["id*", "name", "city"];
const ROWS: [&[&str]; 3] = [&["1", "ann", "x"], &["2", "bob", "y"], &["3", "cid", "x"]];

fn users() -> Object {
    table("public.users", &USERS, &ROWS)
}

#[test]
fn a_snapshot_is_the_same_as_itself() {
    assert!(told(vec![users()], vec![users()]).is_empty());
}

#[test]
fn what_is_written_down_has_the_promised_keys() {
    let renamed = table("public.people", &USERS, &ROWS);
    let difference = compare(&snapshot(vec![users()]), &snapshot(vec![renamed]));
    let json = serde_json::to_value(&difference).unwrap();
    assert_eq!(json["same"], false);
    assert_eq!(json["loss"], false);
    assert_eq!(json["objects"][0]["object"], "public.people");
    assert_eq!(json["objects"][0]["change"], "renamed");
    assert_eq!(json["objects"][0]["from"], "public.users");
    assert_eq!(json["objects"][0]["rows_before"], 3);
    assert_eq!(json["objects"][0]["rows_after"], 3);
    assert!(json["objects"][0]["columns"].as_array().unwrap().is_empty());
    let back: Difference = serde_json::from_value(json).unwrap();
    assert_eq!(back, difference);
}
