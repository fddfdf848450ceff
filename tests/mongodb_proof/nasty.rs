//! One database with every kind of collection and of index, and every option in an order that
//! tools scramble.

use bson::{Bson, DateTime, Document, doc};
use mongodb::Client;

use crate::common::mongo::commands;
use crate::values;

/// Makes it.
pub async fn make(client: &Client, name: &str, at_replica_set: bool) {
    let mut all = collections();
    if at_replica_set {
        all.push(
            doc! { "create": "pre images", "changeStreamPreAndPostImages": { "enabled": true } },
        );
    }
    all.extend(series());
    all.extend(views());
    all.extend(documents());
    all.extend(odd_names());
    all.extend(indexes());
    commands(client, name, all).await;
    values::insert(&client.database(name)).await;
}

fn collections() -> Vec<Document> {
    vec![
        doc! { "create": "regular" },
        doc! { "create": "empty" },
        doc! { "create": "capped", "capped": true, "size": 1 << 20, "max": 6000 },
        doc! { "create": "capped by size", "capped": true, "size": 4096 },
        doc! { "create": "clustered", "clusteredIndex": { "key": { "_id": 1 }, "unique": true,
        "name": "by id" } },
        doc! { "create": "german", "collation": { "locale": "de", "strength": 2, "caseLevel": true,
        "caseFirst": "upper", "numericOrdering": true, "alternate": "shifted",
        "maxVariable": "space", "backwards": false, "normalization": true } },
        doc! { "create": "valid", "validator": { "$jsonSchema": { "bsonType": "object",
        "required": ["z", "a", "m"], "properties": { "z": { "bsonType": "int", "minimum": 1.0 },
        "m": { "enum": ["z", "a"] }, "a": { "minimum": 5_i64 } } },
        "$and": [{ "z": { "$gt": 1, "$exists": true } }, { "a": { "$lt": 9, "$gte": 1 } }] },
        "validationLevel": "moderate", "validationAction": "warn" },
        doc! { "create": "strict", "validator": { "$expr": { "$lt": ["$z", "$a"] } } },
        doc! { "create": "packed", "storageEngine": { "wiredTiger": {
        "configString": "block_compressor=zlib" } },
        "indexOptionDefaults": { "storageEngine": { "wiredTiger": {
        "configString": "prefix_compression=false" } } } },
        doc! { "create": "old", "idIndex": { "v": 1, "key": { "_id": 1 }, "name": "_id_" } },
    ]
}

fn series() -> Vec<Document> {
    let at = |hour: i64| DateTime::from_millis(hour * 3_600_000);
    vec![
        doc! { "create": "series", "timeseries": { "timeField": "t", "metaField": "m",
        "granularity": "minutes" }, "expireAfterSeconds": 1_000_000_000_i64 },
        doc! { "create": "bare series", "timeseries": { "timeField": "t" } },
        doc! { "create": "series in german", "timeseries": { "timeField": "t", "metaField": "m" },
        "collation": { "locale": "de" } },
        doc! { "insert": "series", "documents": [
        { "t": at(490_000), "m": { "z": 1, "a": 2 }, "v": 1.5 },
        { "t": at(490_001), "m": { "a": 2, "z": 1 }, "v": 2, "place": [1, 2] },
        { "t": at(490_002), "m": { "z": 1, "a": 3 }, "late": Bson::Null }] },
        doc! { "insert": "bare series", "documents": [{ "t": at(1), "v": "x" }, { "t": at(2) }] },
        doc! { "insert": "series in german", "documents": [{ "t": at(1), "m": "ä" }] },
        doc! { "createIndexes": "series", "indexes": [
        { "key": { "m.a": 1, "t": -1 }, "name": "by meta" },
        { "key": { "m.place": "2dsphere" }, "name": "by place" }] },
    ]
}

fn views() -> Vec<Document> {
    vec![
        doc! { "create": "view", "viewOn": "regular", "pipeline": [
        { "$match": { "z": 1, "a": { "$gt": 1, "$lt": 9 }, "m": 2 } },
        { "$sort": { "z": 1, "a": -1, "m": 1 } },
        { "$project": { "z": 1, "a": { "y": "$z", "b": 1.0, "c": 5_i64 } } }] },
        doc! { "create": "a view on a view", "viewOn": "view", "pipeline": [
        { "$lookup": { "from": "german", "localField": "z", "foreignField": "_id", "as": "g" } }] },
        doc! { "create": "third view", "viewOn": "a view on a view", "pipeline": [] },
        doc! { "create": "view of nothing", "viewOn": "nowhere", "pipeline": [] },
        doc! { "create": "view in french", "viewOn": "regular", "pipeline": [],
        "collation": { "locale": "fr" } },
        doc! { "create": "view of series", "viewOn": "series", "pipeline": [
        { "$group": { "_id": "$m", "z": { "$sum": "$v" }, "a": { "$max": "$t" } } }] },
    ]
}

fn documents() -> Vec<Document> {
    let words = (0..60).map(|n| {
        doc! { "_id": n, "text": format!("word {n}"), "title": "wörter", "language": "german",
        "flat": [n, n], "hash": n, "many": [n, n + 1], "wild": { "x": n, "y": { "z": n } },
        "place": { "type": "Point", "coordinates": [n, n] }, "u": n }
    });
    let capped = |count: i32| {
        let all = (0..count).map(|n| doc! { "_id": (n * 7919) % 10_007, "pad": "x".repeat(100) });
        all.collect::<Vec<_>>()
    };
    vec![
        doc! { "insert": "regular", "documents": words.collect::<Vec<_>>() },
        doc! { "insert": "capped", "documents": capped(5000) },
        // The first ones are gone again.
        doc! { "insert": "capped by size", "documents": capped(200) },
        doc! { "insert": "clustered", "documents": [{ "_id": 2 }, { "_id": 1 }, { "_id": "x" }] },
        doc! { "insert": "german", "documents": [{ "_id": "Ä", "x": 1 }, { "_id": "b10" }] },
        doc! { "insert": "valid", "documents": [{ "_id": 1, "wrong": true }] },
        doc! { "insert": "strict", "documents": [{ "_id": 1, "z": 9, "a": 1 }],
        "bypassDocumentValidation": true },
        doc! { "insert": "packed", "documents": [{ "_id": 1 }] },
        doc! { "insert": "old", "documents": [{ "_id": 1, "a": 1 }] },
        doc! { "insert": "system.js", "documents": [
        { "_id": "f", "value": Bson::JavaScriptCode("function () {}".into()) }] },
        doc! { "insert": "expiring", "documents": [
        { "_id": 1, "e": DateTime::from_millis(4_000_000_000_000) }, { "_id": 2 }] },
    ]
}

fn odd_names() -> Vec<Document> {
    let long = "l".repeat(150);
    let names = [
        "sp ace",
        "dots.in.it",
        "st*r\\",
        "größe✓",
        "quo'te\"s",
        "tab\there",
        "-dash",
        "system",
        "nastyother.x",
        "(a|b)",
        "%s",
        &long,
    ];
    let all = names.iter();
    all.map(|name| doc! { "insert": *name, "documents": [{ "_id": 1 }] })
        .collect()
}

fn indexes() -> Vec<Document> {
    vec![
        doc! { "createIndexes": "regular", "indexes": [
        { "key": { "u": 1 }, "name": "unique", "unique": true },
        { "key": { "u": -1, "hash": 1 }, "name": "unique and sparse", "unique": true, "sparse": true },
        { "key": { "text": "text", "title": "text" }, "name": "text",
            "weights": { "title": 3, "text": 10 }, "default_language": "german",
            "language_override": "language" },
        { "key": { "place": "2dsphere", "u": 1 }, "name": "sphere" },
        { "key": { "place": "2dsphere" }, "name": "sphere 2", "2dsphereIndexVersion": 2 },
        { "key": { "flat": "2d", "u": -1 }, "name": "flat", "bits": 20, "min": -200.5, "max": 200 },
        { "key": { "hash": "hashed" }, "name": "hashed" },
        { "key": { "u": 1, "hash": "hashed", "wild": -1 }, "name": "hashed among others" },
        { "key": { "$**": 1 }, "name": "wildcard", "wildcardProjection": { "wild.y": 1, "_id": 1, "u": 1 } },
        { "key": { "wild.$**": 1 }, "name": "wildcard below" },
        { "key": { "hash": 1, "many": -1 }, "name": "partial", "unique": true,
            "partialFilterExpression": { "hash": { "$gt": 5, "$exists": true }, "u": { "$lt": 1000.0 } } },
        { "key": { "many": 1 }, "name": "hidden", "hidden": true },
        { "key": { "title": 1, "_id": -1 }, "name": "collated", "collation": {
            "locale": "sv", "strength": 1 } },
        { "key": { "wild.y.z": 1.0, "wild.x": -1_i64 }, "name": "of other numbers" },
        { "key": { "wild.y.z": 5, "wild.x": -2.5 }, "name": "of odd numbers" },
        { "key": { "a.b.c": 1 }, "name": "odd *name* with. $things {é}\n" },
        { "key": { "tuned": 1 }, "name": "tuned", "storageEngine": { "wiredTiger": {
            "configString": "prefix_compression=false" } } }] },
        doc! { "collMod": "regular", "index": { "name": "of odd numbers", "prepareUnique": true } },
        doc! { "createIndexes": "expiring", "indexes": [
        { "key": { "e": 1 }, "name": "e", "expireAfterSeconds": 5 },
        { "key": { "f": 1 }, "name": "f", "expireAfterSeconds": 5_000_000_i64, "hidden": true,
            "partialFilterExpression": { "z": 1, "a": 2 } }] },
        doc! { "createIndexes": "old", "indexes": [
        { "v": 1, "key": { "a": 1 }, "name": "version 1" },
        { "key": { "$**": "text" }, "name": "all text" }] },
        doc! { "createIndexes": "german", "indexes": [
        { "key": { "x": 1 }, "name": "german" },
        { "key": { "x": 1 }, "name": "simple", "collation": { "locale": "simple" } }] },
        doc! { "createIndexes": "clustered", "indexes": [{ "key": { "x": 1 }, "name": "x" }] },
        doc! { "createIndexes": "capped", "indexes": [{ "key": { "pad": 1 }, "name": "pad" }] },
    ]
}
