//! Every kind of difference that a proof must find, one at a time, against `provable`.

use bson::{Binary, Bson, Document, doc};

use crate::provable::{adults, person};

/// What is done to the copy, and for each line that must be found: object, kind, a part of
/// what is expected, a part of what is found. No other line may be found.
pub struct Case {
    pub what: &'static str,
    pub commands: Vec<Document>,
    pub wanted: &'static [Wanted],
}

/// Object, kind, a part of what is expected, a part of what is found.
pub type Wanted = (&'static str, &'static str, &'static str, &'static str);

fn case(what: &'static str, commands: Vec<Document>, wanted: &'static [Wanted]) -> Case {
    Case {
        what,
        commands,
        wanted,
    }
}

/// Puts something else in the place of a document.
fn replaced(number: i32, with: &Document) -> Vec<Document> {
    vec![doc! { "update": "people", "updates": [{ "q": { "_id": number }, "u": with }] }]
}

/// Sets a field of a document.
fn set(number: i32, field: &str, value: impl Into<Bson>) -> Vec<Document> {
    let mut one = person(number);
    one.insert(field, value);
    replaced(number, &one)
}

fn binary(bytes: &[u8]) -> Binary {
    Binary {
        subtype: bson::spec::BinarySubtype::Generic,
        bytes: bytes.to_vec(),
    }
}

/// An index made anew.
fn index(name: &str, spec: Document) -> Vec<Document> {
    let mut whole = doc! { "name": name };
    whole.extend(spec);
    vec![
        doc! { "dropIndexes": "people", "index": name },
        doc! { "createIndexes": "people", "indexes": [whole] },
    ]
}

/// A collection made anew with the same documents.
fn again(name: &str, options: Document) -> Vec<Document> {
    let few: Vec<Document> = (0..20).map(|n| doc! { "_id": n, "x": n }).collect();
    let mut create = doc! { "create": name };
    create.extend(options);
    vec![
        doc! { "drop": name },
        create,
        doc! { "insert": name, "documents": few },
    ]
}

fn view(pipeline: Vec<Document>) -> Vec<Document> {
    vec![doc! { "collMod": "adults", "viewOn": "people", "pipeline": pipeline }]
}

/// The cases.
pub fn all() -> Vec<Case> {
    let mut all = documents();
    all.extend(values());
    all.extend(indexes());
    all.extend(options());
    all.extend(collections());
    all
}

const ORDER: &str = "the same values, but the order of fields or nulls differ";

#[expect(clippy::too_many_lines, reason = "a table")]
fn documents() -> Vec<Case> {
    let mut one_byte = [7; 64];
    one_byte[33] = 6;
    let mut reordered = doc! { "_id": 7, "age": 7 };
    reordered.extend(person(7));
    let mut without_null = person(9);
    without_null.remove("note");
    let mut with_field = person(7);
    with_field.insert("new", 1);
    let mut other_key = person(7);
    other_key.insert("_id", 700);
    let mut without_field = person(7);
    without_field.remove("bytes");
    vec![
        case(
            "one byte",
            set(7, "bytes", binary(&one_byte)),
            &[(
                "people",
                "content",
                "field bytes: 200 values",
                "field bytes: 200 values",
            )],
        ),
        case(
            "a document dropped",
            vec![doc! { "delete": "people", "deletes": [{ "q": { "_id": 7 }, "limit": 1 }] }],
            &[("people", "documents", "200 documents", "199 documents")],
        ),
        case(
            "a document added",
            vec![doc! { "insert": "people", "documents": [person(200)] }],
            &[("people", "documents", "200 documents", "201 documents")],
        ),
        case(
            "a document added where there was none",
            vec![doc! { "insert": "empty", "documents": [{}] }],
            &[("empty", "documents", "0 documents", "1 document")],
        ),
        case(
            "all documents dropped",
            vec![doc! { "delete": "people", "deletes": [{ "q": {}, "limit": 0 }] }],
            &[("people", "documents", "200 documents", "0 documents")],
        ),
        case(
            "a field reordered",
            replaced(7, &reordered),
            &[("people", "content", "200 documents with fingerprint", ORDER)],
        ),
        case(
            "a field below reordered",
            set(7, "nested", doc! { "a": [1, 2, 7], "z": 7 }),
            &[("people", "content", "field nested", "field nested")],
        ),
        case(
            "a null left away",
            replaced(9, &without_null),
            &[("people", "content", "200 documents with fingerprint", ORDER)],
        ),
        case(
            "a field added",
            replaced(7, &with_field),
            &[("people", "field", "nothing", "field new")],
        ),
        case(
            "a field left away",
            replaced(7, &without_field),
            &[(
                "people",
                "content",
                "field bytes: 200 values",
                "field bytes: 199 values",
            )],
        ),
        case(
            "another key",
            vec![
                doc! { "delete": "people", "deletes": [{ "q": { "_id": 7 }, "limit": 1 }] },
                doc! { "insert": "people", "documents": [other_key] },
            ],
            &[("people", "content", "field _id", "field _id")],
        ),
        case(
            "values swapped",
            [
                set(7, "name", "person 8 "),
                set(8, "name", "person 7"),
                set(7, "name", "person 8"),
            ]
            .concat(),
            &[(
                "people",
                "content",
                "field name: each value in its own document",
                "field name: the same values in other documents",
            )],
        ),
        case(
            "a capped collection's document",
            vec![doc! { "insert": "log", "documents": [{ "_id": 20, "x": 20 }] }],
            &[("log", "documents", "20 documents", "21 documents")],
        ),
        case(
            "a measurement",
            vec![doc! { "insert": "series", "documents": [
            { "t": bson::DateTime::from_millis(1_800_000_000_000), "m": 1, "v": 1 }] }],
            &[("series", "documents", "1 bucket", "2 buckets")],
        ),
        case(
            "a function",
            vec![
                doc! { "update": "system.js", "updates": [{ "q": { "_id": "f" }, "u": { "value": 2 } }] },
            ],
            &[("system.js", "content", "field value", "field value")],
        ),
    ]
}

/// One value's BSON type.
fn values() -> Vec<Case> {
    const TYPE: &[Wanted] = &[("people", "type", "field age: int", "field age: ")];
    vec![
        case("int to long", set(7, "age", 7_i64), TYPE),
        case("int to double", set(7, "age", 7.0), TYPE),
        case(
            "int to decimal",
            set(7, "age", "7".parse::<bson::Decimal128>().unwrap()),
            TYPE,
        ),
        case(
            "long to double everywhere",
            vec![doc! { "update": "people", "updates": [
            { "q": {}, "u": [{ "$set": { "age": { "$toDouble": "$age" } } }], "multi": true }] }],
            &[("people", "type", "field age: int", "field age: double")],
        ),
        case(
            "a type below",
            set(7, "nested", doc! { "z": 7_i64, "a": [1, 2, 7] }),
            &[("people", "content", "field nested", "field nested")],
        ),
        case(
            "string to symbol",
            set(7, "name", Bson::Symbol("person 7".into())),
            &[("people", "type", "field name: string", "symbol")],
        ),
        case(
            "another kind of binary",
            set(
                7,
                "bytes",
                Binary {
                    subtype: bson::spec::BinarySubtype::Md5,
                    bytes: vec![7; 64],
                },
            ),
            &[("people", "content", "field bytes", "field bytes")],
        ),
        case("zero to minus zero", set(7, "age", -0.0), TYPE),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn indexes() -> Vec<Case> {
    let name = || doc! { "key": { "name": 1, "age": -1 }, "unique": true };
    let with = |mut spec: Document, key: &str, value: Bson| {
        spec.insert(key, value);
        spec
    };
    vec![
        case(
            "an index dropped",
            vec![doc! { "dropIndexes": "people", "index": "age" }],
            &[(
                "people",
                "index",
                "index age: {\"key\":{\"age\":1}",
                "index age: missing",
            )],
        ),
        case(
            "an index added",
            vec![
                doc! { "createIndexes": "people", "indexes": [{ "key": { "new": 1 }, "name": "new" }] },
            ],
            &[(
                "people",
                "index",
                "index new: nothing",
                "index new: {\"key\":{\"new\":1}",
            )],
        ),
        case(
            "an index that is not unique",
            index("name", doc! { "key": { "name": 1, "age": -1 } }),
            &[(
                "people",
                "index",
                "index name: unique true",
                "index name: unique nothing",
            )],
        ),
        case(
            "an index the other way",
            index(
                "name",
                with(name(), "key", doc! { "name": 1, "age": 1 }.into()),
            ),
            &[(
                "people",
                "index",
                "index name: key {\"name\":1,\"age\":-1}",
                "{\"name\":1,\"age\":1}",
            )],
        ),
        case(
            "an index with its key reordered",
            index(
                "name",
                with(name(), "key", doc! { "age": -1, "name": 1 }.into()),
            ),
            &[(
                "people",
                "index",
                "key {\"name\":1,\"age\":-1}",
                "{\"age\":-1,\"name\":1}",
            )],
        ),
        case(
            "a hidden index",
            vec![doc! { "collMod": "people", "index": { "name": "name", "hidden": true } }],
            &[(
                "people",
                "index",
                "index name: hidden nothing",
                "hidden true",
            )],
        ),
        case(
            "a sparse index",
            index("name", with(name(), "sparse", true.into())),
            &[("people", "index", "sparse nothing", "sparse true")],
        ),
        case(
            "another filter",
            index(
                "age",
                doc! { "key": { "age": 1 }, "partialFilterExpression": { "age": { "$gt": 6 } } },
            ),
            &[(
                "people",
                "index",
                "partialFilterExpression {\"age\":{\"$gt\":5}}",
                "{\"$gt\":6}",
            )],
        ),
        case(
            "other weights",
            index(
                "text",
                doc! { "key": { "note": "text" }, "weights": { "note": 6 } },
            ),
            &[(
                "people",
                "index",
                "weights {\"note\":5}",
                "weights {\"note\":6}",
            )],
        ),
        case(
            "an index's collation",
            index(
                "nested",
                doc! { "key": { "nested.a": 1 }, "collation": { "locale": "sv" } },
            ),
            &[("people", "index", "\"locale\":\"de\"", "\"locale\":\"sv\"")],
        ),
        case(
            "an index's version",
            index("name", with(name(), "v", 1.into())),
            &[("people", "index", "v 2", "v 1")],
        ),
        case(
            "an index renamed",
            vec![
                doc! { "dropIndexes": "people", "index": "age" },
                doc! { "createIndexes": "people", "indexes": [{ "key": { "age": 1 }, "name": "age_1", "partialFilterExpression": { "age": { "$gt": 5 } } }] },
            ],
            &[
                ("people", "index", "index age: {", "index age: missing"),
                ("people", "index", "index age_1: nothing", "index age_1: {"),
            ],
        ),
        case(
            "an index that deletes",
            vec![doc! { "collMod": "people", "index": { "name": "at", "expireAfterSeconds": 60 } }],
            &[(
                "people",
                "index",
                "index at: expireAfterSeconds nothing",
                "expireAfterSeconds 60",
            )],
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn options() -> Vec<Case> {
    let swapped = vec![
        adults()[0].clone(),
        doc! { "$sort": { "name": 1, "age": 1 } },
    ];
    let mut longer = adults();
    longer.push(doc! { "$limit": 5 });
    vec![
        case(
            "a validator",
            vec![
                doc! { "collMod": "valid", "validator": { "z": { "$gt": 2 }, "a": { "$gt": 1 } } },
            ],
            &[(
                "valid",
                "validator",
                "validator: z {\"$gt\":1}",
                "validator: z {\"$gt\":2}",
            )],
        ),
        case(
            "a validator reordered",
            vec![
                doc! { "collMod": "valid", "validator": { "a": { "$gt": 1 }, "z": { "$gt": 1 } } },
            ],
            &[("valid", "validator", "{\"z\":", "{\"a\":")],
        ),
        case(
            "a validator gone",
            vec![doc! { "collMod": "valid", "validator": {} }],
            &[("valid", "validator", "validator: {", "")],
        ),
        case(
            "a validator that only warns",
            vec![doc! { "collMod": "valid", "validationAction": "warn" }],
            &[(
                "valid",
                "validator",
                "validationAction: nothing",
                "validationAction: \"warn\"",
            )],
        ),
        case(
            "a view's pipeline",
            view(longer),
            &[("adults", "view", "pipeline [", "pipeline [")],
        ),
        case(
            "a view's pipeline reordered",
            view(swapped),
            &[(
                "adults",
                "view",
                "{\"age\":1,\"name\":1}",
                "{\"name\":1,\"age\":1}",
            )],
        ),
        case(
            "what a view is on",
            vec![doc! { "collMod": "adults", "viewOn": "german", "pipeline": adults() }],
            &[("adults", "view", "viewOn \"people\"", "viewOn \"german\"")],
        ),
        case(
            "a collation",
            again(
                "german",
                doc! { "collation": { "locale": "sv", "strength": 2 } },
            ),
            &[
                ("german", "collation", "locale \"de\"", "locale \"sv\""),
                ("german", "index", "", ""),
            ],
        ),
        case(
            "a collation gone",
            again("german", doc! {}),
            &[
                ("german", "collation", "\"locale\":\"de\"", "missing"),
                ("german", "index", "", ""),
            ],
        ),
        case(
            "a capped size",
            vec![doc! { "collMod": "log", "cappedSize": 16384 }],
            &[("log", "capped size", "size: 8192", "size: 16384")],
        ),
        case(
            "a capped number",
            vec![doc! { "collMod": "log", "cappedMax": 60 }],
            &[("log", "capped size", "max: 50", "max: 60")],
        ),
        case(
            "no cap",
            again("log", doc! {}),
            &[
                ("log", "capped size", "capped: true", "missing"),
                ("log", "capped size", "size: 8192", "missing"),
                ("log", "capped size", "max: 50", "missing"),
            ],
        ),
        case(
            "a time series' granularity",
            vec![doc! { "collMod": "series", "timeseries": { "granularity": "hours" } }],
            &[("series", "time series", "granularity", "granularity")],
        ),
        case(
            "a time series that deletes",
            vec![doc! { "collMod": "series", "expireAfterSeconds": 1_000_000_001_i64 }],
            &[("series", "expiry", "nothing", "expireAfterSeconds")],
        ),
        case(
            "not clustered",
            again("clustered", doc! {}),
            &[
                ("clustered", "clustered index", "{", "missing"),
                ("clustered", "index", "", ""),
            ],
        ),
    ]
}

fn collections() -> Vec<Case> {
    vec![
        case(
            "a collection added",
            vec![doc! { "create": "new" }],
            &[("new", "collection", "nothing", "0 documents")],
        ),
        case(
            "a view added",
            vec![doc! { "create": "new", "viewOn": "people", "pipeline": [] }],
            &[("new", "view", "nothing", "its definition")],
        ),
        case(
            "an empty collection dropped",
            vec![doc! { "drop": "empty" }],
            &[("empty", "collection", "0 documents", "missing")],
        ),
        case(
            "a view dropped",
            vec![doc! { "drop": "adults" }],
            &[("adults", "view", "its definition", "missing")],
        ),
        case(
            "a time series dropped",
            vec![doc! { "drop": "series" }],
            &[("series", "time series", "1 bucket", "missing")],
        ),
        case(
            "a view where there was a collection",
            vec![
                doc! { "drop": "empty" },
                doc! { "create": "empty", "viewOn": "people", "pipeline": [] },
            ],
            &[("empty", "kind", "collection", "view")],
        ),
        case(
            "functions dropped",
            vec![doc! { "delete": "system.js", "deletes": [{ "q": {}, "limit": 0 }] }],
            &[("system.js", "documents", "1 document", "0 documents")],
        ),
    ]
}
