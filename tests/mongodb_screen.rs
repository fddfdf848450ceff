//! What people read about a MongoDB target, and what `verify` alone finds in its archives:
//! real servers, real tools, forged archives.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bookend::archive::{Archive, ArchiveSink, ManifestExtra, WriteOptions};
use bookend::engine::mongodb::archive_stream::{
    CollectionEntry, Events, Header, NamespaceWriter, StreamParser, prelude,
};
use bookend::snapshot::{Sink as _, Snapshot, Source as _, StreamId, StreamKind};
use bson::{Document, doc};
use common::mongo::{commands, mongo_tools};
use common::{Bookend, Deployment, Mongo};

/// With MongoDB's tools in `PATH`.
fn bookend() -> Bookend {
    Bookend::new().path(&[mongo_tools(), "/usr/bin".into(), "/bin".into()])
}

/// A small shop.
fn shop(server: &Mongo, name: &'static str) -> String {
    server.with(|client| async move {
        let orders: Vec<Document> = (0..20)
            .map(|n| doc! { "_id": n, "total": n * 3, "city": format!("city {n}") })
            .collect();
        let users: Vec<Document> = (0..5)
            .map(|n| doc! { "_id": n, "name": format!("name {n}") })
            .collect();
        let all = vec![
            doc! { "insert": "orders", "documents": orders },
            doc! { "insert": "users", "documents": users },
        ];
        client.database(name).drop().await.unwrap();
        commands(&client, name, all).await;
    });
    server.url(name)
}

/// Fails where the words of another engine stand.
fn assert_of_documents(what: &str, text: &str) {
    for line in text.lines() {
        for word in ["row", "rows", "table", "tables", "column", "columns"] {
            let mut words = line.split(|c: char| !c.is_alphanumeric());
            assert!(
                !words.any(|found| found.eq_ignore_ascii_case(word)),
                "{what} says {word}: {line}"
            );
        }
    }
}

#[test]
fn the_screen_speaks_of_collections_and_documents() {
    let server = Mongo::shared(Deployment::Standalone);
    let url = shop(server, "spoken");
    let program = std::env::current_exe().unwrap();
    let bookend = bookend().env("PROGRAM", program.as_os_str());
    let said = |arguments: &[&str], code: i32| -> String {
        let output = bookend.run(arguments).expect_code(code);
        let text = format!("{}{}", output.stdout, output.stderr);
        assert_of_documents(&arguments.join(" "), &text);
        text
    };
    let migrate = "\"$PROGRAM\" --ignored --exact migration_program >&2";
    said(&["doctor", &url], 0);
    let text = said(&["--progress", "plain", "backup", &url, "--prove"], 0);
    assert!(text.contains("25 documents · consistent"), "{text}");
    assert!(text.contains("2 collections, 25 documents"), "{text}");
    // A phase is told once at most: what is over before its first line was due is not.
    assert!(text.matches("restore: ended after").count() < 2, "{text}");
    let text = said(&["verify", "latest"], 0);
    assert!(text.contains("25 documents are as they were"), "{text}");
    let text = said(&["verify", "latest", "--prove"], 0);
    assert!(text.contains("2 collections, 25 documents"), "{text}");
    assert!(said(&["list"], 0).contains("  DOCUMENTS  "));
    let text = said(&["show", "latest"], 0);
    assert!(text.contains("25 documents in 2 collections"), "{text}");
    assert!(text.contains("\nCollections\n"), "{text}");
    assert!(
        text.contains("  users           5  155 B       2"),
        "{text}"
    );
    said(
        &["restore", "latest", "--into", "spokenback", "--on", &url],
        0,
    );
    said(&["copies", "list", "--on", &url], 0);
    let text = said(
        &[
            "run",
            &url,
            "--no-rehearsal",
            "a test",
            "--",
            "sh",
            "-c",
            migrate,
        ],
        0,
    );
    for words in [
        "2 collections · mongodump",
        "25 documents · consistent",
        "identical: 2 collections, 25 documents",
        "users: field name → full_name (same values)",
        "orders: -5 documents",
        "lost: orders: has 5 documents fewer",
    ] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    said(&["status"], 0);
    let archives = bookend.archives();
    let of = |end: &str| {
        let mut all = archives.iter().map(|path| path.to_str().unwrap());
        all.find(|path| path.ends_with(end)).unwrap().to_owned()
    };
    let text = said(&["diff", &of("-before.tar"), &of("-after.tar")], 3);
    assert!(
        text.contains("~ collection orders · 20 → 15 documents"),
        "{text}"
    );
    assert!(text.contains("    ~ field name → full_name (same values)"));
    server.with(|client| async move {
        for name in ["spoken", "spokenback"] {
            client.database(name).drop().await.unwrap();
        }
    });
}

/// The migration of the test above.
#[test]
#[ignore = "a program, not a test"]
fn migration_program() {
    let url = std::env::var("MONGODB_URI").unwrap();
    common::mongo::with_client(&url, |client| async move {
        let all = vec![
            doc! { "delete": "orders", "deletes": [{ "q": { "_id": { "$gte": 15 } }, "limit": 0 }] },
            doc! { "update": "users", "updates": [
            { "q": {}, "u": { "$rename": { "name": "full_name" } }, "multi": true }] },
        ];
        commands(&client, "spoken", all).await;
    });
}

#[test]
fn what_mongodb_does_not_have_is_a_clear_refusal() {
    let server = Mongo::shared(Deployment::Standalone);
    let url = shop(server, "refused");
    let bookend = bookend();
    let _ = bookend
        .run(&["backup", &url, "--schema-only"])
        .expect_code(2)
        .expect_stderr("a backup of the definitions only is not possible with mongodb: ");
    assert!(bookend.archives().is_empty());
    bookend.succeed(&["backup", &url]);
    for flag in ["--no-owner", "--no-privileges"] {
        let into = ["restore", "latest", "--into", "x", "--on", &url, flag];
        let _ = bookend
            .run(&into)
            .expect_code(2)
            .expect_stderr("is not possible with mongodb: collections of MongoDB have no owners");
    }
    server.with(|client| async move { client.database("refused").drop().await.unwrap() });
}

/// One way to change an archive before its digests are made anew: gives what stands in place
/// of a document, by collection.
type Change = fn(&str, &[u8]) -> Vec<u8>;

/// Takes a stream apart, to be put together again.
struct Apart {
    header: Header,
    entries: Vec<CollectionEntry>,
    documents: BTreeMap<usize, Vec<u8>>,
    change: Change,
}

impl Events for Apart {
    fn header(&mut self, header: &Header) -> Result<(), String> {
        self.header = header.clone();
        Ok(())
    }

    fn collection(&mut self, _: usize, entry: CollectionEntry) -> Result<(), String> {
        self.entries.push(entry);
        Ok(())
    }

    fn document(&mut self, number: usize, document: &[u8]) -> Result<(), String> {
        let changed = (self.change)(&self.entries[number].collection, document);
        self.documents.entry(number).or_default().extend(changed);
        Ok(())
    }
}

const STREAM: StreamId = StreamId {
    kind: StreamKind::MongoArchive,
    entry: 0,
};

fn read_stream(archive: &Archive) -> Vec<u8> {
    let mut bytes = Vec::new();
    for index in 0..archive.chunks(STREAM).len() {
        let mut chunk = archive.chunk(STREAM, index).unwrap();
        while let Some(piece) = chunk.next_piece().unwrap() {
            bytes.extend_from_slice(&piece);
        }
    }
    bytes
}

/// The stream with every document changed, and its checksums made anew.
fn changed_stream(archive: &Archive, change: Change) -> Vec<u8> {
    let mut apart = Apart {
        header: Header::default(),
        entries: Vec::new(),
        documents: BTreeMap::new(),
        change,
    };
    let mut parser = StreamParser::new();
    parser.push(&read_stream(archive), &mut apart).unwrap();
    parser.finish().unwrap();
    let mut out = prelude(&apart.header, &apart.entries);
    for (number, entry) in apart.entries.iter().enumerate() {
        let mut writer = NamespaceWriter::new(entry);
        if let Some(documents) = apart.documents.get(&number) {
            writer.block(documents, &mut out);
        }
        writer.end(&mut out);
    }
    out
}

/// Writes an archive anew, with this stream and this snapshot; every digest is right.
fn forge(archive: &Archive, to: &Path, stream: &[u8], mut snapshot: Snapshot) -> PathBuf {
    snapshot.streams[0].bytes = stream.len() as u64;
    let head = &archive.manifest().archive;
    let options = WriteOptions {
        compression: head.compression,
        created: head.created_at,
        engine: head.engine.clone(),
        database: head.database.clone(),
    };
    let extra = ManifestExtra {
        id: head.id.clone(),
        tag: None,
        target_label: head.target.clone(),
        files: Vec::new(),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let sink = ArchiveSink::new(std::fs::File::create_new(to).unwrap(), options).unwrap();
        for member in &archive.manifest().members {
            if member.stream.is_none() && member.name != "bookend.json" {
                let bytes = archive.member(&member.name).await.unwrap().unwrap();
                sink.member(&member.name, bytes).await.unwrap();
            }
        }
        let mut writer = sink.stream(STREAM);
        if writer.push(stream).unwrap() {
            writer.drain().await.unwrap();
        }
        writer.finish().await.unwrap();
        sink.finish(&Arc::new(snapshot), extra).await.unwrap();
    });
    to.to_owned()
}

/// Verifies without `--prove` and without any server; gives what is damaged.
fn damaged(bookend: &Bookend, archive: &Path) -> Vec<(String, String)> {
    let output = bookend
        .run(&["--json", "verify", archive.to_str().unwrap()])
        .expect_code(3);
    let document = output.json();
    assert_eq!(document["verdict"], "damaged", "{document}");
    let differences = document["differences"].as_array().unwrap();
    let text = |one: &serde_json::Value, key: &str| one[key].as_str().unwrap().to_owned();
    differences
        .iter()
        .map(|one| (text(one, "object"), text(one, "found")))
        .collect()
}

/// An archive of two collections, to be forged.
struct Original {
    bookend: Bookend,
    archive: Archive,
}

impl Original {
    fn new(name: &'static str) -> Self {
        let server = Mongo::shared(Deployment::Standalone);
        let url = shop(server, name);
        let bookend = bookend();
        bookend.succeed(&["backup", &url]);
        server.with(|client| async move { client.database(name).drop().await.unwrap() });
        let archive = Archive::open(&bookend.archives()[0]).unwrap();
        Self { bookend, archive }
    }

    fn forged(&self, name: &str, stream: &[u8], snapshot: Snapshot) -> PathBuf {
        let to = self.bookend.work().join(format!("{name}.tar"));
        forge(&self.archive, &to, stream, snapshot)
    }

    /// What `verify` finds where the stream alone is another one.
    fn damages(&self, name: &str, stream: &[u8]) -> Vec<(String, String)> {
        let forged = self.forged(name, stream, self.archive.snapshot().clone());
        damaged(&self.bookend, &forged)
    }
}

fn unchanged(_: &str, document: &[u8]) -> Vec<u8> {
    document.to_vec()
}

fn city_seven(bytes: &[u8]) -> Option<usize> {
    bytes.windows(6).position(|found| found == b"city 7")
}

/// One byte in one document of `orders`.
fn one_byte(collection: &str, document: &[u8]) -> Vec<u8> {
    let mut changed = document.to_vec();
    if let (Some(at), "orders") = (city_seven(document), collection) {
        changed[at + 5] = b'8';
    }
    changed
}

/// The document of `users` with the `_id` 4 is left out.
fn left_out(collection: &str, document: &[u8]) -> Vec<u8> {
    match document.get(9..13) {
        Some([4, 0, 0, 0]) if collection == "users" => Vec::new(),
        _ => document.to_vec(),
    }
}

#[test]
fn verify_alone_names_the_collection_whose_documents_are_others() {
    let original = Original::new("forged");
    let same = changed_stream(&original.archive, unchanged);
    let same = original.forged("same", &same, original.archive.snapshot().clone());
    original
        .bookend
        .succeed(&["verify", same.to_str().unwrap()]);
    let cases: [(&str, Change, &str, &str); 2] = [
        ("byte", one_byte, "orders", "field city"),
        (
            "document",
            left_out,
            "users",
            "expected 5 documents, found 4 documents",
        ),
    ];
    for (name, change, object, found) in cases {
        let damages = original.damages(name, &changed_stream(&original.archive, change));
        assert!(
            matches!(damages.as_slice(), [(hit, words)] if hit == object && words.contains(found)),
            "{name}: {damages:?}"
        );
    }
}

#[test]
fn verify_alone_names_the_collections_that_a_broken_stream_hits() {
    let original = Original::new("broken");
    // The tool's own checksum, where somebody forgot it: the other collection is well.
    let mut stream = read_stream(&original.archive);
    let at = city_seven(&stream).unwrap();
    stream[at + 5] = b'9';
    assert_eq!(
        original.damages("checksum", &stream),
        [(
            "orders".to_owned(),
            "the checksum of its documents is wrong".to_owned()
        )]
    );
    let stream = read_stream(&original.archive);
    let damages = original.damages("cut", &stream[..stream.len() / 2]);
    let has = |object: Option<&str>, problem: &str| {
        let mut all = damages.iter();
        all.any(|(hit, words)| object.is_none_or(|one| hit == one) && words.contains(problem))
    };
    assert!(has(Some("dump"), "is cut at"), "{damages:?}");
    assert!(has(None, "could not be read to their end"), "{damages:?}");
}

#[test]
fn verify_alone_finds_forged_manifests_and_changed_bytes() {
    let original = Original::new("bytes");
    // A manifest that promises other fields than its documents have.
    let mut other = original.archive.snapshot().clone();
    let mut objects = other.objects.iter_mut();
    let users = objects.find(|one| one.name == "users").unwrap();
    users.columns[0].content.as_mut().unwrap().fingerprint.0 += 1;
    let stream = changed_stream(&original.archive, unchanged);
    let forged = original.forged("manifest", &stream, other);
    let damages = damaged(&original.bookend, &forged);
    assert!(
        matches!(damages.as_slice(), [(hit, words)] if hit == "users" && words.contains("its fields are not")),
        "{damages:?}"
    );
    // Bytes that changed in the file itself: the member, and whose documents are hit.
    let flipped = original.bookend.work().join("flipped.tar");
    let mut bytes = std::fs::read(original.archive.path()).unwrap();
    let mut members = original.archive.manifest().members.iter();
    let member = members.find(|one| one.stream.is_some()).unwrap();
    bytes[usize::try_from(member.offset).unwrap() + 512 + 20] ^= 1;
    std::fs::write(&flipped, bytes).unwrap();
    let damages = damaged(&original.bookend, &flipped);
    let hit: Vec<&str> = damages.iter().map(|(hit, _)| hit.as_str()).collect();
    assert!(
        hit.contains(&"orders") && hit.contains(&"users") && hit.len() == 3,
        "{damages:?}"
    );
}

#[test]
fn documents_that_are_missing_are_never_silent_where_writes_cannot_be_known() {
    let server = Mongo::shared(Deployment::Guarded);
    shop(server, "uncounted");
    server.with(|client| async move {
        let reader = doc! { "createUser": "blind", "pwd": "blind", "roles": ["read"] };
        commands(&client, "uncounted", vec![reader]).await;
    });
    let url = server.url_of(("blind", "blind"), "uncounted", "");
    let bookend = bookend();
    let made = bookend.succeed(&["--json", "backup", &url]).json();
    assert!(made["consistent"].is_null(), "{made}");
    let folder = bookend.work().join("tools");
    std::fs::create_dir_all(&folder).unwrap();
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'mongodump version: 100.7.0'; exit 0; fi\n\
         exec '{}' \"$1\" --db=uncounted --archive --collection=orders '--query={{\"_id\":{{\"$gt\":9}}}}'\n",
        mongo_tools().join("mongodump").display()
    );
    let tool = folder.join("mongodump");
    std::fs::write(&tool, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&tool, mode).unwrap();
    server.with(|client| async move {
        commands(&client, "uncounted", vec![doc! { "drop": "users" }]).await;
    });
    let output = bookend
        .run(&[
            "--json",
            "--tool-dir",
            folder.to_str().unwrap(),
            "backup",
            &url,
        ])
        .expect_code(0)
        .expect_stderr("orders: 10 documents came, the server has 20");
    assert_eq!(output.json()["consistent"], false);
    server.with(|client| async move {
        let all = vec![doc! { "dropUser": "blind" }, doc! { "dropDatabase": 1 }];
        commands(&client, "uncounted", all).await;
    });
}

#[test]
fn where_a_proof_goes_is_not_taken_from_another_target_of_the_same_name() {
    let (here, there) = (
        Mongo::shared(Deployment::Standalone),
        Mongo::shared(Deployment::ReplicaSet),
    );
    let url = shop(here, "shopping");
    shop(there, "shopping");
    let bookend = bookend();
    let made = bookend.succeed(&["--json", "backup", &url]).json();
    let archive = made["archive"].as_str().unwrap().to_owned();
    // Of this name, but of another engine; its prove_on leads nowhere.
    bookend.write(
        "bookend.toml",
        "[target.shopping]\nurl = \"postgres://nobody@127.0.0.1:1/shopping\"\nprove_on = \"nowhere\"\n",
    );
    bookend.succeed(&["verify", &archive, "--prove"]);
    bookend.succeed(&["backup", &url, "--prove"]);
    // Of this name and engine, on another server: refused before anything goes anywhere.
    bookend.write(
        "bookend.toml",
        &format!(
            "[target.shopping]\nurl = \"{}\"\nprove_on = \"same-server\"\n",
            there.url("shopping")
        ),
    );
    let _ = bookend
        .run(&["verify", &archive, "--prove"])
        .expect_code(2)
        .expect_stderr("is not the server that");
    bookend.succeed(&["backup", &url, "--prove"]);
    for server in [here, there] {
        server.with(|client| async move { client.database("shopping").drop().await.unwrap() });
    }
}
