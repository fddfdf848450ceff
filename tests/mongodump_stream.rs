//! The archive stream against the vendor's own tools: what `mongodump` writes is read, what
//! is written here `mongorestore` takes, and the definitions make a collection as it was.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod common;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use bookend::engine::mongodb::archive_stream::{
    CollectionEntry, Events, Header, NamespaceWriter, StreamParser, prelude,
};
use bookend::engine::mongodb::definitions::{
    CollectionDefinition, corrections, from_member, part_differences, to_member,
};
use bookend::fingerprint::{DocumentHasher, HashedDocuments};
use bookend::snapshot::ObjectKind;
use bson::{Document, RawDocumentBuf, doc};
use common::mongo::mongo_tools;
use common::{Deployment, Mongo};

const SOURCE: &str = "nasty";

/// Collections open at once in the stream written here: more than `mongorestore` restores
/// unless the stream says so.
const AT_ONCE: usize = 6;

/// A server with short words for commands.
struct Server(Mongo);

impl Server {
    /// What a command answers; panics if the server refuses it.
    fn run(&self, database: &str, command: Document) -> Document {
        let database = database.to_owned();
        let shown = command.to_string();
        self.0.with(|client| async move {
            let answer = client.database(&database).run_command(command).await;
            answer.unwrap_or_else(|error| panic!("{shown}: {error}"))
        })
    }

    /// All documents of a command's cursor, raw.
    fn documents(&self, database: &str, command: Document) -> Vec<RawDocumentBuf> {
        let database = database.to_owned();
        self.0.with(|client| async move {
            let database = client.database(&database);
            let cursor = database.run_cursor_command(command).await;
            let mut cursor = cursor.unwrap();
            let mut documents = Vec::new();
            while cursor.advance().await.unwrap() {
                documents.push(cursor.current().to_owned());
            }
            documents
        })
    }
}

/// Hashes a stream as it comes.
#[derive(Default)]
struct Hashing {
    entries: Vec<CollectionEntry>,
    hashers: Vec<DocumentHasher>,
}

impl Events for Hashing {
    fn collection(&mut self, _: usize, entry: CollectionEntry) -> Result<(), String> {
        self.entries.push(entry);
        self.hashers.push(DocumentHasher::new());
        Ok(())
    }

    fn document(&mut self, number: usize, document: &[u8]) -> Result<(), String> {
        let hashed = self.hashers[number].document(document);
        hashed.map_err(|error| error.to_string())
    }
}

type Hashes = BTreeMap<String, HashedDocuments>;

fn of_stream(stream: &[u8]) -> Hashes {
    let (mut parser, mut hashing) = (StreamParser::new(), Hashing::default());
    for piece in stream.chunks(10_000) {
        parser.push(piece, &mut hashing).unwrap();
    }
    parser.finish().unwrap();
    let names = hashing.entries.iter().map(CollectionEntry::body_name);
    let hashed = hashing.hashers.into_iter().map(DocumentHasher::finish);
    names.zip(hashed).collect()
}

fn mongodump(server: &Server, database: &str) -> Vec<u8> {
    let done = Command::new(mongo_tools().join("mongodump"))
        .args(["--quiet", "--archive", "--uri", &server.0.url(database)])
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    done.stdout
}

fn mongorestore(server: &Server, stream: &[u8], to: &str) -> String {
    let mut child = Command::new(mongo_tools().join("mongorestore"))
        .args(["--archive", "--uri", &server.0.url("")])
        .args(["--nsInclude", &format!("{SOURCE}.*")])
        .args([
            "--nsFrom",
            &format!("{SOURCE}.*"),
            "--nsTo",
            &format!("{to}.*"),
        ])
        .args(["--bypassDocumentValidation", "--keepIndexVersion"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stream).unwrap();
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{said}");
    said
}

/// Definitions as the server has them, without what it keeps by itself.
fn definitions(server: &Server, database: &str) -> Vec<CollectionDefinition> {
    let listed = server.documents(database, doc! { "listCollections": 1 });
    let whole = listed.into_iter().filter_map(|info| {
        let bare = CollectionDefinition::new(info.clone(), &[]).unwrap();
        if bare.is_internal() || bare.kind() == ObjectKind::View {
            return (!bare.is_internal()).then_some(bare);
        }
        let indexes = server.documents(database, doc! { "listIndexes": bare.name() });
        Some(CollectionDefinition::new(info, &indexes).unwrap())
    });
    let mut all: Vec<_> = whole.collect();
    all.sort_by(|a, b| a.name().cmp(b.name()));
    all
}

fn raw(server: &Server, database: &str, collection: &str) -> Vec<RawDocumentBuf> {
    server.documents(database, doc! { "find": collection })
}

fn hashed(documents: &[RawDocumentBuf]) -> HashedDocuments {
    let mut hasher = DocumentHasher::new();
    for document in documents {
        hasher.document(document.as_bytes()).unwrap();
    }
    hasher.finish()
}

fn insert(server: &Server, collection: &str, documents: Vec<Document>) {
    server.run(
        SOURCE,
        doc! { "insert": collection, "documents": documents },
    );
}

/// A database with every kind of collection and of index.
fn make_source(server: &Server) {
    let create = |command: Document| {
        server.run(SOURCE, command);
    };
    create(doc! { "create": "view", "viewOn": "plain", "pipeline": [
        { "$sort": { "c": 1, "a": -1, "b": 1, "e": 1, "d": 1 } }
    ] });
    create(doc! { "create": "capped", "capped": true, "size": 5000, "max": 10 });
    create(doc! { "create": "french", "collation": { "locale": "fr", "strength": 2 } });
    create(
        doc! { "create": "valid", "validationLevel": "moderate", "validator": {
            "$jsonSchema": { "required": ["z"], "properties": {
                "z": { "bsonType": "int" }, "a": {}, "m": { "bsonType": "string" }, "b": {}
            } }
        } },
    );
    create(
        doc! { "create": "series", "expireAfterSeconds": 100_000_000_i64, "timeseries": {
            "timeField": "t", "metaField": "m", "granularity": "minutes"
        } },
    );
    create(doc! { "create": "clustered", "clusteredIndex": {
        "key": { "_id": 1 }, "unique": true, "name": "own"
    }, "expireAfterSeconds": 3000 });
    create(doc! { "create": "old", "idIndex": { "v": 1, "key": { "_id": 1 }, "name": "_id_" } });
    create(doc! { "create": "empty" });
    make_indexes(server);
    insert_documents(server);
}

fn make_indexes(server: &Server) {
    server.run(SOURCE, doc! { "createIndexes": "plain", "indexes": [
        { "key": { "b": 1, "a.c": -1 }, "name": "unique", "unique": true },
        { "key": { "t": 1 }, "name": "expiring", "expireAfterSeconds": 100_000_000 },
        { "key": { "h": 1.0 }, "name": "hidden", "hidden": true, "sparse": true },
        { "key": { "p": 1 }, "name": "partial",
          "partialFilterExpression": { "z": { "$gt": 1 }, "a": { "$exists": true } } },
        { "key": { "x": "text" }, "name": "text", "default_language": "french", "weights": { "x": 3 } },
        { "key": { "g": "2dsphere" }, "name": "sphere" },
        { "key": { "$**": 1 }, "name": "wild", "wildcardProjection": { "q": 1, "a": 1 } },
        { "key": { "hh": "hashed" }, "name": "hashed" },
        { "key": { "co": 1 }, "name": "collated", "collation": { "locale": "de" } },
        { "key": { "v1": 1 }, "name": "first version", "v": 1 },
        { "key": { "f": "2d" }, "name": "flat", "min": -500.0, "max": 500.0, "bits": 20 },
    ] });
    let index = doc! { "key": { "m": 1, "v": 1 }, "name": "meta" };
    server.run(
        SOURCE,
        doc! { "createIndexes": "series", "indexes": [index] },
    );
}

fn insert_documents(server: &Server) {
    let plain = |n: i32| doc! { "_id": n, "b": n, "x": format!("text {n}"), "a": { "c": [n, 2] } };
    insert(server, "plain", (0..3000).map(plain).collect());
    let big = "y".repeat(9_000_000);
    insert(server, "two big ones.ü", vec![doc! { "_id": 1, "y": &big }]);
    insert(server, "two big ones.ü", vec![doc! { "_id": 2, "y": &big }]);
    let measure = |n: i64| doc! { "t": bson::DateTime::from_millis(1_900_000_000_000 + n), "m": n % 3, "v": n };
    insert(server, "series", (0..100).map(measure).collect());
    insert(
        server,
        "clustered",
        vec![doc! { "_id": 5 }, doc! { "_id": "six" }],
    );
    insert(server, "valid", vec![doc! { "_id": 1, "z": 5 }]);
    insert(
        server,
        "capped",
        (0..12).map(|n: i32| doc! { "_id": n }).collect(),
    );
    insert(
        server,
        "system.js",
        vec![doc! { "_id": "f", "value": bson::Bson::JavaScriptCode("x".to_owned()) }],
    );
    insert(
        server,
        "types",
        vec![doc! {
            "_id": bson::oid::ObjectId::new(), "double": 1.0, "int": 1, "long": 1_i64, "null": null,
            "decimal": "1.10".parse::<bson::Decimal128>().unwrap(), "nan": f64::NAN,
            "binary": bson::Binary { subtype: bson::spec::BinarySubtype::Md5, bytes: vec![1; 16] },
            "min": bson::Bson::MinKey, "max": bson::Bson::MaxKey, "symbol": bson::Bson::Symbol("s".into()),
            "undefined": bson::Bson::Undefined, "stamp": bson::Timestamp { time: 5, increment: 6 },
        }],
    );
}

fn assert_same(expected: &Hashes, found: &Hashes) {
    let figures = |hashes: &Hashes| -> BTreeMap<_, _> {
        let all = hashes.iter();
        all.map(|(name, hashed)| (name.clone(), (hashed.content(), hashed.columns())))
            .collect()
    };
    assert_eq!(figures(expected), figures(found));
}

/// What the driver reads: the truth that comes from no tool.
fn read_through_driver(server: &Server, database: &str) -> Hashes {
    let all = definitions(server, database);
    let read = all.iter().map(|definition| {
        let name = definition.body_name();
        let documents = match definition.kind() {
            ObjectKind::View => Vec::new(),
            _ => raw(server, database, &name),
        };
        (name, hashed(&documents))
    });
    read.collect()
}

/// The stream of `--consistent`: written here from what the driver reads.
fn written_here(server: &Server) -> Vec<u8> {
    let all = definitions(server, SOURCE);
    let entries: Vec<_> = all.iter().map(|d| d.entry(SOURCE)).collect();
    let header = Header {
        concurrent_collections: AT_ONCE.try_into().unwrap(),
        server_version: "6.0.5".to_owned(),
        tool_version: "100.7.0".to_owned(),
    };
    let mut stream = prelude(&header, &entries);
    // Never more open at once than the header says.
    for group in all.iter().zip(&entries).collect::<Vec<_>>().chunks(AT_ONCE) {
        let blocks = group
            .iter()
            .map(|(definition, _)| blocks(server, definition));
        let blocks: Vec<_> = blocks.collect();
        let longest = blocks.iter().map(Vec::len).max().unwrap_or(0);
        let writers = group.iter().map(|(_, entry)| NamespaceWriter::new(entry));
        let mut writers: Vec<_> = writers.collect();
        for number in 0..longest {
            for (writer, blocks) in writers.iter_mut().zip(&blocks) {
                if let Some(block) = blocks.get(number) {
                    writer.block(block, &mut stream);
                }
            }
        }
        for writer in writers {
            writer.end(&mut stream);
        }
    }
    stream
}

/// The documents of a collection, so many in a block.
fn blocks(server: &Server, definition: &CollectionDefinition) -> Vec<Vec<u8>> {
    if definition.kind() == ObjectKind::View {
        return Vec::new();
    }
    let documents = raw(server, SOURCE, &definition.body_name());
    let bytes: Vec<_> = documents.iter().map(|d| d.as_bytes().to_vec()).collect();
    bytes.chunks(500).map(<[Vec<u8>]>::concat).collect()
}

fn differing(expected: &[CollectionDefinition], found: &[CollectionDefinition]) -> Vec<String> {
    let names = |all: &[CollectionDefinition]| -> Vec<String> {
        all.iter().map(|d| d.name().to_owned()).collect()
    };
    assert_eq!(names(expected), names(found));
    let mut told = Vec::new();
    for (expected, found) in expected.iter().zip(found) {
        let (a, b) = (expected.object(), found.object());
        if a.definition != b.definition || a.kind != b.kind {
            told.push(format!(
                "{}: {:?} / {:?}",
                a.name, a.definition, b.definition
            ));
        }
        for part in part_differences(&a.parts, &b.parts) {
            told.push(format!("{}: {part:?}", a.name));
        }
    }
    told
}

#[test]
fn streams_and_definitions_hold_against_the_vendors_tools() {
    let server = Server(Mongo::start(Deployment::Standalone));
    make_source(&server);
    let truth = read_through_driver(&server, SOURCE);
    assert_eq!(truth["capped"].documents, 10);
    assert_eq!(truth["plain"].documents, 3000);

    let dump = mongodump(&server, SOURCE);
    assert_same(&truth, &of_stream(&dump));

    let written = written_here(&server);
    assert_same(&truth, &of_stream(&written));
    let said = mongorestore(&server, &written, "copy");
    assert_same(&truth, &read_through_driver(&server, "copy"));
    assert!(said.contains("0 document(s) failed"), "{said}");

    let source = definitions(&server, SOURCE);
    let stored = from_member(&to_member(&source)).unwrap();
    assert_eq!(stored, source);
    definitions_are_put_right_after(&server, &dump, &source);
    collections_are_made_as_they_were(&server, &source);
}

/// The vendor's own stream, whose options are scrambled.
fn definitions_are_put_right_after(server: &Server, dump: &[u8], source: &[CollectionDefinition]) {
    mongorestore(server, dump, "stock");
    let stock = definitions(server, "stock");
    for (expected, found) in source.iter().zip(&stock) {
        for correction in corrections(expected, Some(found)) {
            assert!(!correction.commands.is_empty(), "{correction:?}");
            for command in correction.commands {
                server.run("stock", Document::try_from(command).unwrap());
            }
        }
    }
    let told = differing(source, &definitions(server, "stock"));
    assert!(told.is_empty(), "{told:#?}");
}

fn collections_are_made_as_they_were(server: &Server, source: &[CollectionDefinition]) {
    let run = |command: RawDocumentBuf| {
        server.run("made", Document::try_from(command).unwrap());
    };
    for definition in source {
        let held = definition.without_expiry();
        run(held.create());
        held.create_indexes().into_iter().for_each(run);
    }
    let held: Vec<_> = source
        .iter()
        .map(CollectionDefinition::without_expiry)
        .collect();
    let told = differing(&held, &definitions(server, "made"));
    assert!(told.is_empty(), "{told:#?}");
    for definition in source {
        definition.restore_expiry(60_005).into_iter().for_each(run);
    }
    let told = differing(source, &definitions(server, "made"));
    assert!(told.is_empty(), "{told:#?}");
}
