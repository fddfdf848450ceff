mod inside;

use bson::{RawDocumentBuf, rawdoc};

use super::*;
use crate::engine::mongodb::definitions::CollectionDefinition;
use crate::fingerprint::DocumentHasher;
use crate::snapshot::diff::{self, ColumnChangeKind, Settled};
use crate::snapshot::{DatabaseFacts, LargeObjects, ServerFacts, WriteRecord};

fn snapshot(objects: Vec<Object>) -> Snapshot {
    Snapshot {
        engine: "mongodb".to_owned(),
        taken_at: chrono::DateTime::UNIX_EPOCH,
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

fn object(name: &str, options: RawDocumentBuf, documents: &[RawDocumentBuf]) -> Object {
    of_type("collection", name, options, documents)
}

fn of_type(
    kind: &str,
    name: &str,
    options: RawDocumentBuf,
    documents: &[RawDocumentBuf],
) -> Object {
    let info = rawdoc! { "name": name, "type": kind, "options": options };
    let index = rawdoc! { "v": 2, "key": { "a": 1 }, "name": "a_1", "expireAfterSeconds": 60 };
    let indexes = if kind == "collection" {
        vec![index]
    } else {
        Vec::new()
    };
    let definition = CollectionDefinition::new(info, &indexes).unwrap();
    if kind == "view" {
        return definition.object();
    }
    let mut hasher = DocumentHasher::new();
    for document in documents {
        hasher.document(document.as_bytes()).unwrap();
    }
    let hashed = hasher.finish();
    Object {
        content: Some(hashed.content()),
        columns: hashed.columns(),
        ..definition.object()
    }
}

fn documents() -> Vec<RawDocumentBuf> {
    let document = |n: i32| rawdoc! { "_id": n, "a": n * 7, "b": format!("text {n}") };
    (0..20).map(document).collect()
}

fn told(expected: Object, found: Object) -> Vec<String> {
    let told = all(
        &snapshot(vec![expected]),
        &snapshot(vec![found]),
        Expiry::AsArchived,
        false,
    );
    let line = |d: Discrepancy| format!("{} {}: {} / {}", d.object, d.kind, d.expected, d.found);
    told.into_iter().map(line).collect()
}

fn told_of_documents(change: impl FnOnce(&mut Vec<RawDocumentBuf>)) -> Vec<String> {
    let mut changed = documents();
    change(&mut changed);
    told(
        object("c", rawdoc! {}, &documents()),
        object("c", rawdoc! {}, &changed),
    )
}

fn told_of_options(expected: RawDocumentBuf, found: RawDocumentBuf) -> Vec<String> {
    told(object("c", expected, &[]), object("c", found, &[]))
}

#[test]
fn a_faithful_copy_has_no_differences_whatever_the_order_of_its_documents() {
    assert!(told_of_documents(|documents| documents.reverse()).is_empty());
}

#[test]
fn one_document_dropped_or_added_is_told() {
    let told = told_of_documents(|documents| drop(documents.pop()));
    assert_eq!(told, ["c documents: 20 documents / 19 documents"]);
    let told = told_of_documents(|documents| documents.push(rawdoc! { "_id": 99 }));
    assert_eq!(told, ["c documents: 20 documents / 21 documents"]);
}

#[test]
fn one_byte_in_one_document_names_the_field() {
    let told = told_of_documents(|documents| {
        documents[3] = rawdoc! { "_id": 3, "a": 21, "b": "tent 3" };
    });
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with("c content: field b: 20 values, fingerprint"),
        "{told:?}"
    );
}

#[test]
fn a_field_reordered_is_told() {
    let told = told_of_documents(|documents| {
        documents[3] = rawdoc! { "_id": 3, "b": "text 3", "a": 21 };
    });
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("the order of fields"), "{told:?}");
}

#[test]
fn a_number_of_another_type_is_told_by_its_types() {
    let told = told_of_documents(|documents| {
        documents[3] = rawdoc! { "_id": 3, "a": 21_i64, "b": "text 3" };
    });
    assert_eq!(told, ["c type: field a: int / field a: int, long"]);
    let told = told_of_documents(|documents| {
        documents[3] = rawdoc! { "_id": 3, "a": 21.0, "b": "text 3" };
    });
    assert_eq!(told, ["c type: field a: int / field a: double, int"]);
}

#[test]
fn values_swapped_between_documents_are_told() {
    let told = told_of_documents(|documents| {
        documents[3] = rawdoc! { "_id": 3, "a": 28, "b": "text 3" };
        documents[4] = rawdoc! { "_id": 4, "a": 21, "b": "text 4" };
    });
    assert_eq!(
        told,
        [
            "c content: field a: each value in its own document / field a: the same values in other documents"
        ]
    );
}

#[test]
fn fields_missing_and_extra_are_told() {
    let told = told_of_documents(|documents| {
        for (n, document) in documents.iter_mut().enumerate() {
            let n = i32::try_from(n).unwrap();
            *document = rawdoc! { "_id": n, "a": n * 7, "c": format!("text {n}") };
        }
    });
    assert_eq!(
        told,
        ["c field: field b / missing", "c field: nothing / field c"]
    );
}

#[test]
fn collections_missing_extra_or_of_another_kind_are_told() {
    let one = || object("one", rawdoc! {}, &documents());
    let both = |a: Vec<Object>, b: Vec<Object>| {
        let told = all(&snapshot(a), &snapshot(b), Expiry::AsArchived, false);
        let line = |d: Discrepancy| format!("{}: {} / {}", d.kind, d.expected, d.found);
        told.into_iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(
        both(vec![one()], vec![]),
        ["collection: 20 documents / missing"]
    );
    assert_eq!(
        both(vec![], vec![one()]),
        ["collection: nothing / 20 documents"]
    );
    let view = || {
        of_type(
            "view",
            "one",
            rawdoc! { "viewOn": "x", "pipeline": [] },
            &[],
        )
    };
    assert_eq!(
        both(vec![view()], vec![]),
        ["view: its definition / missing"]
    );
    assert_eq!(both(vec![view()], vec![one()]), ["kind: view / collection"]);
}

#[test]
fn options_are_told_by_what_of_them_differs() {
    assert_eq!(
        told_of_options(
            rawdoc! { "capped": true, "size": 5120, "max": 10 },
            rawdoc! { "capped": true, "size": 5376, "max": 10 }
        ),
        ["c capped size: size: 5120 / size: 5376"]
    );
    assert_eq!(
        told_of_options(
            rawdoc! { "collation": { "locale": "fr", "strength": 2, "backwards": false } },
            rawdoc! { "collation": { "locale": "fr", "strength": 3, "backwards": false } }
        ),
        ["c collation: collation: strength 2 / collation: strength 3"]
    );
    assert_eq!(
        told_of_options(rawdoc! { "validator": { "a": 1, "b": 2 } }, rawdoc! {}),
        [r#"c validator: validator: {"a":1,"b":2} / validator: missing"#]
    );
    // What mongodump scrambles is no small thing: the order is told.
    assert_eq!(
        told_of_options(
            rawdoc! { "validator": { "a": 1, "b": 2 } },
            rawdoc! { "validator": { "b": 2, "a": 1 } }
        ),
        [r#"c validator: validator: {"a":1,"b":2} / validator: {"b":2,"a":1}"#]
    );
}

#[test]
fn a_views_pipeline_is_told() {
    let view = |a: i32| {
        let options = rawdoc! { "viewOn": "x", "pipeline": [ { "$match": { "a": a } } ] };
        of_type("view", "v", options, &[])
    };
    assert_eq!(
        told(view(1), view(2)),
        [r#"v view: pipeline [{"$match":{"a":1}}] / pipeline [{"$match":{"a":2}}]"#]
    );
}

#[test]
fn an_index_option_is_told() {
    let mut other = object("c", rawdoc! {}, &[]);
    other.parts[0].definition = r#"{"key":{"a":1},"sparse":true,"v":2}"#.to_owned();
    let original = object("c", rawdoc! {}, &[]);
    assert_eq!(
        told(original, other),
        ["c index: index a_1: expireAfterSeconds 60 / index a_1: expireAfterSeconds nothing"]
    );
}

#[test]
fn held_expiry_is_expected_to_be_absent_and_nothing_else() {
    let archive = object("c", rawdoc! { "expireAfterSeconds": 5 }, &[]);
    let mut held = object("c", rawdoc! {}, &[]);
    held.parts[0].definition = r#"{"key":{"a":1},"v":2}"#.to_owned();
    let compared = |copy: &Object, expiry| {
        let copy = snapshot(vec![copy.clone()]);
        all(&snapshot(vec![archive.clone()]), &copy, expiry, false).len()
    };
    assert_eq!(compared(&held, Expiry::Held), 0);
    assert_eq!(compared(&held, Expiry::AsArchived), 2);
    assert_eq!(compared(&archive, Expiry::Held), 2);
    assert_eq!(compared(&archive, Expiry::AsArchived), 0);
}

#[test]
fn documents_left_out_are_not_compared() {
    let archive = Object {
        content: None,
        ..object("c", rawdoc! {}, &documents())
    };
    assert!(told(archive, object("c", rawdoc! {}, &[])).is_empty());
}

#[test]
fn texts_are_taken_apart_at_their_top_level_only() {
    let text = r#"{"a":{"x":[1,{"y":"},\""}]},"b":"\\","c":1.5}"#;
    let members = json::members(text).unwrap();
    assert_eq!(
        members,
        [
            ("a", r#"{"x":[1,{"y":"},\""}]}"#),
            ("b", r#""\\""#),
            ("c", "1.5")
        ]
    );
    assert_eq!(json::without(text, "a"), r#"{"b":"\\","c":1.5}"#);
    assert_eq!(json::members("{}"), Some(Vec::new()));
    assert_eq!(json::members("5"), None);
    assert_eq!(json::without(r#"{"broken"#, "a"), r#"{"broken"#);
}

fn difference(before: &[RawDocumentBuf], after: &[RawDocumentBuf]) -> diff::Difference {
    let of = |documents| snapshot(vec![object("c", rawdoc! {}, documents)]);
    diff::compare(&of(before), &of(after))
}

#[test]
fn the_difference_calls_a_field_renamed_and_a_field_lost() {
    let renamed: Vec<_> = (0..20)
        .map(|n: i32| rawdoc! { "_id": n, "a": n * 7, "title": format!("text {n}") })
        .collect();
    let found = difference(&documents(), &renamed);
    assert!(!found.loss);
    let column = &found.objects[0].columns[0];
    assert_eq!(column.change, ColumnChangeKind::Renamed);
    assert_eq!(
        (column.from.as_deref(), column.probably),
        (Some("b"), false)
    );
    let lost: Vec<_> = (0..20)
        .map(|n: i32| rawdoc! { "_id": n, "a": n * 7 })
        .collect();
    let found = difference(&documents(), &lost);
    assert_eq!(found.losses[0].object, "c.b");
    assert_eq!(found.losses[0].what, "is gone with 20 values");
}

#[test]
fn the_difference_calls_a_collection_renamed() {
    let of = |name| snapshot(vec![object(name, rawdoc! {}, &documents())]);
    let found = diff::compare(&of("old"), &of("new"));
    let from = "old".to_owned();
    assert_eq!(found.objects[0].change, diff::Change::Renamed { from });
    assert!(!found.loss);
}

#[test]
fn the_difference_sees_documents_that_only_differ_in_form() {
    let mut changed = documents();
    changed[3] = rawdoc! { "_id": 3, "b": "text 3", "a": 21 };
    let found = difference(&documents(), &changed);
    assert!(!found.same && !found.loss);
    assert!(found.objects[0].notes[0].contains("the order of fields"));
}

#[test]
fn the_difference_claims_no_loss_of_fields_that_are_not_listed() {
    let named = |names: std::ops::Range<usize>| -> Vec<RawDocumentBuf> {
        let document = |n: usize| {
            let mut document = rawdoc! { "_id": i64::try_from(n).unwrap() };
            let name = bson::raw::CString::try_from(format!("user{n}")).unwrap();
            document.append(&name, "x");
            document
        };
        names.map(document).collect()
    };
    let mut found = difference(&named(0..1990), &named(0..4000));
    let collection = found.unsettled[0].clone();
    found.settle(&collection, Settled::Gone(0));
    assert!(!found.loss, "{:?}", found.losses);
    let note = "too many field names";
    assert!(found.objects[0].notes.iter().any(|n| n.contains(note)));
}
