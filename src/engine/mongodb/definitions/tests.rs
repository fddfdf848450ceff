use bson::{RawArrayBuf, rawdoc};

use super::*;
use crate::snapshot::PartKind;

fn collection(options: RawDocumentBuf, indexes: &[RawDocumentBuf]) -> CollectionDefinition {
    of_type("collection", options, indexes)
}

fn of_type(
    kind: &str,
    options: RawDocumentBuf,
    indexes: &[RawDocumentBuf],
) -> CollectionDefinition {
    let uuid = bson::Binary {
        subtype: bson::spec::BinarySubtype::Uuid,
        bytes: (0..16).collect(),
    };
    let info = rawdoc! {
        "name": "orders",
        "type": kind,
        "options": options,
        "info": { "readOnly": false, "uuid": uuid },
        "idIndex": { "v": 2, "key": { "_id": 1 }, "name": "_id_" },
    };
    CollectionDefinition::new(info, indexes).unwrap()
}

fn id_index() -> RawDocumentBuf {
    rawdoc! { "v": 2, "key": { "_id": 1 }, "name": "_id_" }
}

fn view(sort: RawDocumentBuf) -> CollectionDefinition {
    let mut pipeline = RawArrayBuf::new();
    pipeline.push(rawdoc! { "$sort": sort });
    of_type(
        "view",
        rawdoc! { "viewOn": "todos", "pipeline": pipeline },
        &[],
    )
}

fn validator() -> RawDocumentBuf {
    rawdoc! { "$jsonSchema": { "required": ["z"], "properties": {
        "z": { "bsonType": "int" }, "a": { "bsonType": "string" }, "m": {}
    } } }
}

#[test]
fn a_member_gives_back_the_definitions_byte_for_byte() {
    let all = [
        view(rawdoc! { "c": 1, "a": -1, "b": 1 }),
        collection(
            rawdoc! { "validator": validator(), "capped": true, "size": 5120 },
            &[
                id_index(),
                rawdoc! { "v": 1, "key": { "b": 1, "a": -1.0 }, "name": "ba" },
            ],
        ),
    ];
    let member = to_member(&all);
    assert_eq!(from_member(&member).unwrap(), all);
    assert_eq!(to_member(&from_member(&member).unwrap()), member);
    assert_eq!(from_member(b"").unwrap(), []);
    for end in 1..member.len() {
        let read = from_member(&member[..end]);
        assert!(
            read.is_err() || read.unwrap().len() == 1,
            "cut at byte {end}"
        );
    }
    let absurd = [&i32::MAX.to_le_bytes()[..], &[0; 10]].concat();
    assert!(from_member(&absurd).is_err());
}

#[test]
fn create_keeps_every_option_and_the_order_of_its_keys() {
    let definition = collection(
        rawdoc! { "validator": validator(), "collation": { "locale": "fr" }, "temp": true },
        &[rawdoc! { "v": 1, "key": { "_id": 1 }, "name": "_id_", "ns": "shop.orders" }],
    );
    let expected = rawdoc! {
        "create": "orders",
        "validator": validator(),
        "collation": { "locale": "fr" },
        "idIndex": { "v": 1, "key": { "_id": 1 }, "name": "_id_" },
    };
    assert_eq!(definition.create(), expected);
}

#[test]
fn views_time_series_and_clustered_collections_have_no_id_index_to_make() {
    let view = view(rawdoc! { "c": 1, "a": 1 });
    assert_eq!(view.create().iter().count(), 3);
    assert_eq!(view.create_indexes(), None);
    let index = rawdoc! { "v": 2, "key": { "m": 1 }, "name": "m_1" };
    let series = of_type(
        "timeseries",
        rawdoc! { "timeseries": { "timeField": "t" } },
        &[index],
    );
    assert!(series.create().get("idIndex").unwrap().is_none());
    assert_eq!(series.body_name(), "system.buckets.orders");
    let own =
        rawdoc! { "v": 2, "key": { "_id": 1 }, "name": "_id_", "unique": true, "clustered": true };
    let clustered = collection(
        rawdoc! { "clusteredIndex": { "key": { "_id": 1 } } },
        &[own],
    );
    assert!(clustered.create().get("idIndex").unwrap().is_none());
    assert_eq!(clustered.create_indexes(), None);
}

#[test]
fn indexes_are_made_as_they_were_without_what_no_server_takes() {
    let odd = rawdoc! {
        "v": 1, "key": { "b": 1, "a": "2dsphere" }, "name": "b_a", "ns": "shop.orders",
        "hidden": true, "partialFilterExpression": { "z": { "$gt": 1 }, "a": 1 },
    };
    let other = rawdoc! { "v": 2, "key": { "x": "hashed" }, "name": "x" };
    let definition = collection(rawdoc! {}, &[id_index(), odd, other.clone()]);
    let made = definition.create_indexes().unwrap();
    let mut specs = RawArrayBuf::new();
    specs.push(rawdoc! {
        "v": 1, "key": { "b": 1, "a": "2dsphere" }, "name": "b_a",
        "hidden": true, "partialFilterExpression": { "z": { "$gt": 1 }, "a": 1 },
    });
    specs.push(other);
    assert_eq!(
        made,
        rawdoc! { "createIndexes": "orders", "indexes": specs }
    );
    let singly = definition.create_indexes_singly();
    let names: Vec<_> = singly.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["b_a", "x"]);
}

#[test]
fn indexes_are_shared_by_as_many_commands_as_are_asked_for() {
    let index = |n: i32| rawdoc! { "v": 2, "key": { "x": n }, "name": format!("x_{n}") };
    let definition = collection(rawdoc! {}, &[id_index(), index(1), index(2), index(3)]);
    let names = |parts| -> Vec<Vec<String>> {
        let commands = definition.create_indexes_in(parts).into_iter();
        let names = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        commands.map(|(one, _)| names(one)).collect()
    };
    assert_eq!(names(1), [["x_1", "x_2", "x_3"]]);
    assert_eq!(names(2), [vec!["x_1", "x_2"], vec!["x_3"]]);
    assert_eq!(names(9).len(), 3);
    let [(_, whole)] = &definition.create_indexes_in(1)[..] else {
        panic!("one command");
    };
    assert_eq!(Some(whole), definition.create_indexes().as_ref());
    let bare = collection(rawdoc! {}, &[id_index()]);
    assert!(bare.create_indexes_in(2).is_empty());
}

fn expiring() -> CollectionDefinition {
    let index = rawdoc! { "v": 2, "key": { "t": 1 }, "name": "t_1", "expireAfterSeconds": 60 };
    collection(
        rawdoc! { "expireAfterSeconds": 3000_i64 },
        &[id_index(), index],
    )
}

#[test]
fn expiry_is_held_and_given_back() {
    let original = expiring();
    let held = original.without_expiry();
    assert!(original.expires() && !held.expires());
    assert_eq!(held.parts().len(), 2);
    let collection = rawdoc! { "collMod": "orders", "expireAfterSeconds": 3000_i64 };
    assert_eq!(
        original.restore_expiry(60_005),
        [
            rawdoc! { "collMod": "orders", "index": { "name": "t_1", "expireAfterSeconds": 60 } },
            collection.clone(),
        ]
    );
    let old = original.restore_expiry(50_000);
    assert_eq!(old[0], rawdoc! { "dropIndexes": "orders", "index": "t_1" });
    assert_eq!(old[2], collection);
    assert!(held.restore_expiry(60_005).is_empty());
}

#[test]
fn metadata_is_what_mongodump_writes_with_the_keys_in_order() {
    let definition = collection(
        rawdoc! { "capped": true, "size": 5120, "max": 10 },
        &[id_index()],
    );
    assert_eq!(
        definition.entry("shop").metadata,
        r#"{"options":{"capped":true,"size":{"$numberInt":"5120"},"max":{"$numberInt":"10"}},"indexes":[{"v":{"$numberInt":"2"},"key":{"_id":{"$numberInt":"1"}},"name":"_id_"}],"uuid":"000102030405060708090a0b0c0d0e0f","collectionName":"orders","type":"collection"}"#
    );
    let view = view(rawdoc! { "c": 1, "a": 1 }).entry("shop");
    assert_eq!(view.kind, "view");
    assert!(
        view.metadata
            .contains(r#""$sort":{"c":{"$numberInt":"1"},"a""#)
    );
}

#[test]
fn every_type_has_its_extended_json() {
    let document = rawdoc! {
        "d": 1.0, "n": f64::NAN, "i": f64::NEG_INFINITY, "e": 1e300, "s": "a\"\n\u{0}ü", "b": true, "z": null,
        "l": 1_i64, "32": 1, "dt": bson::DateTime::from_millis(-5),
        "o": bson::oid::ObjectId::from_bytes([1; 12]),
        "ts": bson::Timestamp { time: 1, increment: 2 },
        "a": [ { "x": 1 } ],
    };
    assert_eq!(
        ext_json::document(&document, Numbers::Canonical),
        r#"{"d":{"$numberDouble":"1.0"},"n":{"$numberDouble":"NaN"},"i":{"$numberDouble":"-Infinity"},"e":{"$numberDouble":"1e300"},"s":"a\"\n\u0000ü","b":true,"z":null,"l":{"$numberLong":"1"},"32":{"$numberInt":"1"},"dt":{"$date":{"$numberLong":"-5"}},"o":{"$oid":"010101010101010101010101"},"ts":{"$timestamp":{"t":1,"i":2}},"a":[{"x":{"$numberInt":"1"}}]}"#
    );
    let readable = ext_json::document(&document, Numbers::Readable);
    assert!(readable.starts_with(r#"{"d":1.0,"n":{"$numberDouble":"NaN"}"#));
    assert!(readable.contains(r#""l":{"$numberLong":"1"},"32":1"#));
}

#[test]
fn nested_bytes_that_are_not_bson_are_told_as_such() {
    let mut bytes = rawdoc! { "a": { "b": "xyz" } }.into_bytes();
    let at = bytes.windows(3).position(|w| w == b"xyz").unwrap();
    bytes[at] = 0xff;
    let document = RawDocumentBuf::from_bytes(bytes).unwrap();
    let text = ext_json::document(&document, Numbers::Readable);
    assert!(text.starts_with(r#"{"a":{"$malformed":""#), "{text}");
}

#[test]
fn a_document_without_a_bottom_is_not_followed() {
    let mut document = rawdoc! {};
    for _ in 0..5000 {
        document = rawdoc! { "d": document };
    }
    let text = ext_json::document(&document, Numbers::Readable);
    assert!(text.contains("$malformed"));
}

#[test]
fn parts_name_options_and_indexes_and_leave_out_remnants() {
    let index = rawdoc! {
        "v": 2, "unique": true, "key": { "b": 1, "a": -1 }, "name": "ba", "ns": "x.y", "background": true
    };
    let definition = collection(
        rawdoc! { "capped": true, "size": 5120.0 },
        &[id_index(), index],
    );
    let parts: Vec<_> = definition
        .parts()
        .into_iter()
        .map(|part| (part.kind, part.name, part.definition))
        .collect();
    let part = |kind, name: &str, text: &str| (kind, name.to_owned(), text.to_owned());
    assert_eq!(
        parts,
        [
            part(PartKind::Index, "_id_", r#"{"key":{"_id":1},"v":2}"#),
            part(
                PartKind::Index,
                "ba",
                r#"{"key":{"b":1,"a":-1},"unique":true,"v":2}"#
            ),
            part(PartKind::Setting, "capped", "true"),
            part(PartKind::Setting, "size", "5120"),
        ]
    );
    let view = view(rawdoc! { "c": 1, "a": 1 }).object();
    assert_eq!(
        view.definition.unwrap(),
        r#"{"viewOn":"todos","pipeline":[{"$sort":{"c":1,"a":1}}]}"#
    );
    assert!(view.parts.is_empty());
}

#[test]
fn what_is_the_same_needs_no_correction() {
    let one = expiring();
    assert!(corrections(&one, Some(&one.clone())).is_empty());
    let view = view(rawdoc! { "c": 1 });
    assert!(corrections(&view, Some(&view.clone())).is_empty());
}

fn only(expected: &CollectionDefinition, found: &CollectionDefinition) -> Correction {
    let mut all = corrections(expected, Some(found));
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[test]
fn a_scrambled_view_is_made_anew() {
    let expected = view(rawdoc! { "c": 1, "a": 1 });
    let correction = only(&expected, &view(rawdoc! { "a": 1, "c": 1 }));
    assert_eq!(
        correction.commands,
        [rawdoc! { "drop": "orders" }, expected.create()]
    );
}

#[test]
fn a_scrambled_validator_is_set_again() {
    let expected = collection(rawdoc! { "validator": validator() }, &[id_index()]);
    let none = collection(rawdoc! {}, &[id_index()]);
    let set = rawdoc! {
        "collMod": "orders", "validator": validator(),
        "validationLevel": "strict", "validationAction": "error",
    };
    assert_eq!(only(&expected, &none).commands, [set]);
    let unset = rawdoc! {
        "collMod": "orders", "validator": {},
        "validationLevel": "strict", "validationAction": "error",
    };
    assert_eq!(only(&none, &expected).commands, [unset]);
}

#[test]
fn options_are_changed_where_the_server_can() {
    let of = |options: RawDocumentBuf| collection(options, &[id_index()]);
    let (five, six) = (
        of(rawdoc! { "capped": true, "size": 5120 }),
        of(rawdoc! { "capped": true, "size": 6144 }),
    );
    let set = rawdoc! { "collMod": "orders", "cappedSize": 5120 };
    assert_eq!(only(&five, &six).commands, [set]);
    let french = of(rawdoc! { "collation": { "locale": "fr" } });
    let correction = only(&french, &of(rawdoc! {}));
    assert_eq!(
        (correction.what.as_str(), correction.commands.len()),
        ("option collation", 0)
    );
    let off = rawdoc! { "collMod": "orders", "expireAfterSeconds": "off" };
    let lasting = of(rawdoc! {});
    let expiring = of(rawdoc! { "expireAfterSeconds": 5_i64 });
    assert_eq!(only(&lasting, &expiring).commands, [off]);
}

#[test]
fn indexes_are_dropped_and_made_again() {
    let index = |unique: bool| rawdoc! { "v": 2, "key": { "a": 1 }, "name": "a", "unique": unique };
    let expected = collection(rawdoc! {}, &[id_index(), index(true)]);
    let found = collection(rawdoc! {}, &[id_index(), index(false)]);
    let bare = collection(rawdoc! {}, &[id_index()]);
    let drop = rawdoc! { "dropIndexes": "orders", "index": "a" };
    let create = expected.create_indexes().unwrap();
    assert_eq!(
        only(&expected, &found).commands,
        [drop.clone(), create.clone()]
    );
    assert_eq!(only(&expected, &bare).commands, [create]);
    assert_eq!(only(&bare, &expected).commands, [drop]);
    let old_id = rawdoc! { "v": 1, "key": { "_id": 1 }, "name": "_id_" };
    let old = collection(rawdoc! {}, &[old_id]);
    assert!(only(&old, &bare).commands.is_empty());
}

#[test]
fn a_missing_collection_is_made_with_its_indexes() {
    let all = corrections(&expiring(), None);
    assert_eq!(all[0].commands.len(), 2);
}

#[test]
fn what_the_server_keeps_by_itself_is_internal() {
    let named = |name: &str| {
        let info = rawdoc! { "name": name, "type": "collection", "options": {} };
        CollectionDefinition::new(info, &[]).unwrap().is_internal()
    };
    assert!(named("system.views") && named("system.buckets.ts") && named("system.profile"));
    assert!(!named("system.js") && !named("systematic"));
    assert!(CollectionDefinition::new(rawdoc! { "x": 1 }, &[]).is_err());
}
