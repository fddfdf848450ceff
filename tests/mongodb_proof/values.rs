//! Documents with every type of value, and with whatever else BSON allows and tools trip over.

use bson::oid::ObjectId;
use bson::spec::BinarySubtype;
use bson::{
    Binary, Bson, DateTime, Decimal128, Document, JavaScriptCodeWithScope, RawArrayBuf,
    RawDocumentBuf, Regex, Timestamp, cstr, doc,
};
use mongodb::Database;

/// An element of a document, byte by byte.
fn element(kind: u8, name: &[u8], value: &[u8]) -> Vec<u8> {
    [&[kind], name, &[0], value].concat()
}

/// A document of such elements.
fn document(elements: &[Vec<u8>]) -> RawDocumentBuf {
    let body = elements.concat();
    let length = i32::try_from(body.len() + 5).unwrap();
    let bytes = [&length.to_le_bytes(), &*body, &[0]].concat();
    RawDocumentBuf::from_bytes(bytes).unwrap()
}

fn string(text: &[u8]) -> Vec<u8> {
    let length = i32::try_from(text.len() + 1).unwrap();
    [&length.to_le_bytes(), text, &[0]].concat()
}

fn id(number: i32) -> Vec<u8> {
    element(0x10, b"_id", &number.to_le_bytes())
}

/// A value of every type but the pointer, with its edges.
fn all() -> Document {
    let binary = |subtype: u8, bytes: &[u8]| Binary {
        subtype: BinarySubtype::from(subtype),
        bytes: bytes.to_vec(),
    };
    doc! {
        "double": 1.5, "negative zero": -0.0, "infinite": [f64::INFINITY, f64::NEG_INFINITY],
        "not a number": [f64::NAN, f64::from_bits(0x7ff8_dead_beef_0001), f64::from_bits(0x7ff0_0000_0000_0001)],
        "tiny": f64::from_bits(1), "large": f64::MAX,
        "string": "größe ✓ 😀", "with zero": "a\0b", "no text": "",
        "object": { "z": 1, "a": { "z": 1, "a": 2, "": 3 } }, "no object": {},
        "array": [[], [[], [1, [2, [3]]]], { "z": 1, "a": 2 }, Bson::Null],
        "binary": (0..=9).chain([128]).map(|kind| binary(kind, &[7; 16])).collect::<Vec<_>>(),
        "no binary": binary(0, &[]),
        "undefined": Bson::Undefined, "object id": ObjectId::from_bytes([7; 12]),
        "booleans": [true, false],
        "dates": [DateTime::from_millis(i64::MIN), DateTime::from_millis(i64::MAX), DateTime::from_millis(-1)],
        "null": Bson::Null,
        "regex": Regex { pattern: cstr!("^a/.*$").into(), options: cstr!("imsx").into() },
        "code": Bson::JavaScriptCode("function () { return 1 }".into()),
        "code with scope": Bson::JavaScriptCodeWithScope(JavaScriptCodeWithScope {
            code: "f(x)".into(), scope: doc! { "x": { "z": 1, "a": 2 } } }),
        "symbol": Bson::Symbol("s".into()),
        "int": [i32::MIN, 0, i32::MAX], "long": [i64::MIN, 0_i64, i64::MAX],
        "timestamp": Timestamp { time: u32::MAX, increment: u32::MAX },
        "empty timestamps below": { "t": empty(), "list": [empty()] },
        "decimal": decimals(),
        "decimal of no number": Decimal128::from_bytes([0xff; 16]),
        "min key": Bson::MinKey, "max key": Bson::MaxKey,
    }
}

fn decimals() -> Vec<Decimal128> {
    let texts = [
        "1.20",
        "-0",
        "0E-6176",
        "9.999999999999999999999999999999999E+6144",
        "NaN",
        "-Infinity",
    ];
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn empty() -> Timestamp {
    Timestamp {
        time: 0,
        increment: 0,
    }
}

/// What can only be written byte by byte.
fn byte_by_byte() -> Vec<RawDocumentBuf> {
    let pointer = [string(b"db.collection"), vec![7; 12]].concat();
    let odd_array = document(&[
        element(0x10, b"7", &[1, 0, 0, 0]),
        element(0x10, b"x", &[2, 0, 0, 0]),
        element(0x10, b"x", &[3, 0, 0, 0]),
    ]);
    vec![
        document(&[id(100), element(0x0c, b"pointer", &pointer)]),
        document(&[
            id(101),
            element(0x02, b"not text", &string(b"\xff\xfe\xed\xa0\x80")),
        ]),
        document(&[id(102), element(0x02, b"na\xffme", &string(b"x"))]),
        document(&[
            id(103),
            element(0x10, b"d", &[1, 0, 0, 0]),
            element(0x02, b"d", &string(b"twice")),
            element(0x10, b"", &[1, 0, 0, 0]),
            element(0x10, b"", &[2, 0, 0, 0]),
        ]),
        document(&[id(104), element(0x04, b"array", odd_array.as_bytes())]),
        document(&[id(105), element(0x10, b"$dollar", &[1, 0, 0, 0])]),
        document(&[id(106), element(0x10, b"a.b.c", &[1, 0, 0, 0])]),
        document(&[id(107), element(0x10, &b"n".repeat(3000), &[1, 0, 0, 0])]),
    ]
}

/// A key of every type that the server takes for one.
fn keys() -> Vec<Document> {
    let keys: Vec<Bson> = vec![
        Bson::Null,
        Bson::MinKey,
        Bson::MaxKey,
        f64::NAN.into(),
        0.5.into(),
        i64::MAX.into(),
        "".into(),
        true.into(),
        empty().into(),
        DateTime::from_millis(0).into(),
        ObjectId::from_bytes([1; 12]).into(),
        "1.50".parse::<Decimal128>().unwrap().into(),
        doc! { "z": 1, "a": 2 }.into(),
        doc! { "a": 2, "z": 1 }.into(),
        Bson::Symbol("symbol".into()),
        Bson::JavaScriptCode("f()".into()),
        Binary {
            subtype: BinarySubtype::Uuid,
            bytes: vec![7; 16],
        }
        .into(),
    ];
    keys.into_iter()
        .map(|key| doc! { "_id": key, "v": 1 })
        .collect()
}

/// The deepest that the server stores.
fn deep() -> Document {
    let mut deep = doc! { "bottom": [[[]]] };
    for _ in 0..175 {
        deep = doc! { "d": deep };
    }
    deep
}

/// A document of exactly 16 MiB.
fn largest() -> RawDocumentBuf {
    const SIZE: usize = 16 << 20;
    let around = document(&[id(1), element(0x05, b"pad", &[0; 5])])
        .as_bytes()
        .len();
    let pad: Vec<u8> = (0..SIZE - around).map(|n| n.to_le_bytes()[0]).collect();
    let length = i32::try_from(pad.len()).unwrap().to_le_bytes();
    let value = [&length, &[0][..], &pad].concat();
    let whole = document(&[id(1), element(0x05, b"pad", &value)]);
    assert_eq!(whole.as_bytes().len(), SIZE);
    whole
}

/// Inserts them all into `types`, `keys` and `large`, and into a collection that tools skip.
pub async fn insert(database: &Database) {
    let types = database.collection::<RawDocumentBuf>("types");
    let mut every = doc! { "_id": 1 };
    every.extend(all());
    let every = RawDocumentBuf::try_from(&every).unwrap();
    types.insert_one(every).await.unwrap();
    let deep = RawDocumentBuf::try_from(&doc! { "_id": 2, "deep": deep() }).unwrap();
    types.insert_one(deep).await.unwrap();
    types.insert_many(byte_by_byte()).await.unwrap();
    database
        .collection::<Document>("keys")
        .insert_many(keys())
        .await
        .unwrap();
    let large = database.collection::<RawDocumentBuf>("large");
    large.insert_one(largest()).await.unwrap();
    empty_timestamps(database).await;
    skipped_and_large(database).await;
}

/// An insert would fill them in.
async fn empty_timestamps(database: &Database) {
    for (number, with) in [
        (200, doc! { "a": 1, "empty": empty(), "b": 2 }),
        (201, doc! { "empty": empty(), "also empty": empty() }),
        (202, doc! { "with.dot": empty(), "after": 1 }),
    ] {
        let mut whole = doc! { "_id": number };
        whole.extend(with);
        let pipeline = vec![doc! { "$replaceWith": { "$literal": whole } }];
        let command = doc! { "update": "types", "updates": [
        { "q": { "_id": number }, "u": pipeline, "upsert": true }] };
        database.run_command(command).await.unwrap();
    }
}

/// In a collection that `mongorestore` skips: more than goes into one command.
async fn skipped_and_large(database: &Database) {
    let skipped = database.collection::<RawDocumentBuf>("line\nfeed");
    for number in 0..3 {
        let mut one = RawDocumentBuf::new();
        one.append(cstr!("_id"), number);
        one.append(
            cstr!("pad"),
            bson::RawBson::Binary(Binary {
                subtype: BinarySubtype::Generic,
                bytes: vec![7; 7 << 20],
            }),
        );
        skipped.insert_one(one).await.unwrap();
    }
    let mut with_array = RawDocumentBuf::new();
    with_array.append(cstr!("_id"), 3);
    with_array.append(cstr!("list"), RawArrayBuf::new());
    skipped.insert_one(with_array).await.unwrap();
    skipped.insert_one(largest_other()).await.unwrap();
}

fn largest_other() -> RawDocumentBuf {
    let mut bytes = largest().into_bytes();
    // The key's first byte.
    bytes[9] = 9;
    RawDocumentBuf::from_bytes(bytes).unwrap()
}
