//! A database in which every kind of difference can be made.

use bson::{Binary, Bson, DateTime, Document, doc};

/// A person's document, in this order.
pub fn person(number: i32) -> Document {
    doc! {
        "_id": number, "name": format!("person {number}"), "age": number % 90,
        "nested": { "z": number, "a": [1, 2, number] },
        "bytes": Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: vec![7; 64] },
        "note": if number % 3 == 0 { Bson::Null } else { "n".into() },
        "at": DateTime::from_millis(4_000_000_000_000),
    }
}

/// The view as it is.
pub fn adults() -> Vec<Document> {
    vec![
        doc! { "$match": { "age": { "$gte": 18, "$lt": 99 } } },
        doc! { "$sort": { "age": 1, "name": 1 } },
    ]
}

/// Commands that make it.
pub fn commands() -> Vec<Document> {
    let people: Vec<Document> = (0..200).map(person).collect();
    let few: Vec<Document> = (0..20).map(|n| doc! { "_id": n, "x": n }).collect();
    vec![
        doc! { "insert": "people", "documents": people },
        doc! { "createIndexes": "people", "indexes": [
        { "key": { "name": 1, "age": -1 }, "name": "name", "unique": true },
        { "key": { "at": 1 }, "name": "at", "expireAfterSeconds": 50 },
        { "key": { "note": "text" }, "name": "text", "weights": { "note": 5 } },
        { "key": { "nested.a": 1 }, "name": "nested", "collation": { "locale": "de" } },
        { "key": { "age": 1 }, "name": "age", "partialFilterExpression": { "age": { "$gt": 5 } } }] },
        doc! { "create": "valid", "validator": { "z": { "$gt": 1 }, "a": { "$gt": 1 } } },
        doc! { "create": "adults", "viewOn": "people", "pipeline": adults() },
        doc! { "create": "german", "collation": { "locale": "de", "strength": 2 } },
        doc! { "insert": "german", "documents": few.clone() },
        doc! { "create": "log", "capped": true, "size": 8192, "max": 50 },
        doc! { "insert": "log", "documents": few.clone() },
        doc! { "create": "series", "timeseries": { "timeField": "t", "metaField": "m" },
        "expireAfterSeconds": 1_000_000_000_i64 },
        doc! { "insert": "series", "documents": [{ "t": DateTime::from_millis(1_700_000_000_000), "m": 1, "v": 1 }] },
        doc! { "create": "clustered", "clusteredIndex": { "key": { "_id": 1 }, "unique": true } },
        doc! { "insert": "clustered", "documents": few.clone() },
        doc! { "create": "other", "clusteredIndex": { "key": { "_id": 1 }, "unique": true },
        "expireAfterSeconds": 1_000_000_000_i64 },
        doc! { "create": "empty" },
        doc! { "insert": "system.js", "documents": [{ "_id": "f", "value": 1 }] },
    ]
}
