//! Names and documents that the tools' patterns, shells and file names could stumble over.

use bson::{Document, RawDocumentBuf, doc};

use super::common::mongo::commands;
use super::common::{Deployment, Mongo};
use super::scene::{ask, bookend, copies, drop_all, expect, fill, is_tidy};

/// Names of collections, each of which some tool reads meaning into.
const ODD: [&str; 28] = [
    "dots.in.it",
    "sp ace",
    " leading",
    "trailing ",
    "größe✓",
    "line\nfeed",
    "\n",
    "tab\t",
    "\r",
    "*",
    "st*r",
    "back\\slash",
    "a\\*b",
    "a?b",
    "(x)",
    "[y]",
    "{a,b}",
    "^a",
    "a|b",
    "+",
    "'q'",
    "\"dq\"",
    "-dash",
    "--db=x",
    "%41",
    "~",
    "#",
    "&; rm",
];

#[test]
fn names_mean_nothing() {
    let server = Mongo::shared(Deployment::ReplicaSet);
    server.with(|client| async move {
        let long = "l".repeat(200);
        for name in ODD.into_iter().chain([long.as_str()]) {
            let two = doc! { "insert": name, "documents": [{ "_id": 1 }, { "_id": name }] };
            commands(&client, "odd", vec![two]).await;
        }
    });
    let url = server.url("odd");
    for more in [vec![], vec!["--consistent"]] {
        let bookend = bookend();
        let arguments = [vec!["--json", "backup", &url, "--prove"], more].concat();
        let made = bookend.succeed(&arguments).json();
        assert_eq!(made["proof"], "identical", "{made}");
        let shown = bookend.succeed(&["show", "latest", "--json"]);
        assert!(
            shown.stdout.contains("st*r") && shown.stdout.contains("größe"),
            "{shown}"
        );
        // One left out by its name takes no other with it.
        let less = [arguments.as_slice(), &["--exclude-data", "st[*]r"]].concat();
        bookend.succeed(&less);
        is_tidy(&bookend);
    }
    drop_all(server, &["odd"]);
}

/// A name of 249 bytes leaves no room for a random name before it.
#[test]
fn a_collection_whose_name_leaves_no_room_for_a_copy_is_said() {
    let server = Mongo::shared(Deployment::Standalone);
    let name = "l".repeat(249);
    ask(
        server,
        "long",
        doc! { "insert": name, "documents": [{ "_id": 1 }] },
    );
    let bookend = bookend();
    let url = server.url("long");
    bookend.succeed(&["backup", &url]);
    let output = bookend.run(&["verify", "latest", "--prove", "--json", "--prove-on", &url]);
    expect(&output, 4, "unsupported", &["may have 5 bytes", "--into"]);
    bookend.succeed(&["restore", "latest", "--into", "short", "--on", &url]);
    drop_all(server, &["long", "short"]);
}

#[test]
fn a_name_that_begins_like_another_is_another() {
    let server = Mongo::shared(Deployment::ReplicaSet);
    fill(server, "pre", "c", 10);
    fill(server, "prefix", "c", 700);
    fill(server, "pre-x", "c", 800);
    let bookend = bookend();
    let made = bookend.succeed(&["--json", "backup", &server.url("pre"), "--prove"]);
    assert_eq!(made.json()["rows"], 10, "{made}");
    bookend.succeed(&[
        "restore",
        "latest",
        "--into",
        "pref",
        "--on",
        &server.url("pre"),
    ]);
    for (name, count) in [("pref", 10), ("prefix", 700), ("pre-x", 800), ("pre", 10)] {
        let counted = ask(server, name, doc! { "count": "c" });
        assert_eq!(counted.get_i32("n").unwrap(), count, "{name}");
    }
    drop_all(server, &["pre", "prefix", "pre-x", "pref"]);
}

#[test]
fn databases_may_have_any_name_that_the_server_takes() {
    let server = Mongo::shared(Deployment::Standalone);
    for name in ["st*r", "größe#1", "(a|b)", "-dash", "%41"] {
        fill(server, name, "c", 10);
        fill(server, name, "c*d", 10);
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let bookend = bookend();
        let url = server.url(&encoded);
        let made = bookend
            .succeed(&["--json", "backup", &url, "--prove"])
            .json();
        assert_eq!(made["proof"], "identical", "{made}");
        let into = format!("{name}_2");
        let option = format!("--into={into}");
        bookend.succeed(&["restore", "latest", &option, "--on", &url]);
        drop_all(server, &[name, &into]);
    }
}

#[test]
fn a_taken_name_is_refused_whatever_its_letter_case() {
    let server = Mongo::shared(Deployment::Standalone);
    fill(server, "Taken", "c", 10);
    let bookend = bookend();
    let url = server.url("Taken");
    bookend.succeed(&["backup", &url]);
    for into in ["Taken", "taken", "TAKEN"] {
        let output = bookend.run(&["restore", "latest", "--into", into, "--on", &url, "--json"]);
        let free = format!("--into {into}_2");
        expect(
            &output,
            4,
            "name-taken",
            &["named Taken exists already", &free],
        );
    }
    for (into, words) in [
        ("a.b", "no '.'"),
        ("admin", "for itself"),
        ("a b", "no ' '"),
    ] {
        let output = bookend.run(&["restore", "latest", "--into", into, "--on", &url, "--json"]);
        expect(&output, 2, "bad-name", &[words]);
    }
    assert_eq!(copies(server, "Taken"), Vec::<String>::new());
    drop_all(server, &["Taken"]);
}

#[test]
fn documents_may_be_deep_double_and_broken() {
    let server = Mongo::shared(Deployment::ReplicaSet);
    server.with(|client| async move {
        let mut deep = doc! { "_id": 1 };
        for _ in 0..178 {
            deep = doc! { "d": deep };
        }
        deep.insert("_id", "179 levels");
        let collection = client.database("deep").collection::<Document>("c");
        collection.insert_one(deep).await.unwrap();
        // A name that comes twice, also inside, and text that is not UTF-8, also in a name.
        let raw = client.database("deep").collection::<RawDocumentBuf>("c");
        for middle in [
            b"\x10d\0\x01\0\0\0\x10d\0\x02\0\0\0".as_slice(),
            b"\x03in\0\x13\0\0\0\x10d\0\x01\0\0\0\x10d\0\x02\0\0\0\0",
            b"\x02bad\0\x03\0\0\0\xff\xfe\0",
        ] {
            let mut bytes = b"\0\0\0\0\x07_id\0".to_vec();
            bytes.extend(bson::oid::ObjectId::new().bytes());
            bytes.extend(middle);
            bytes.push(0);
            bytes[0] = u8::try_from(bytes.len()).unwrap();
            raw.insert_one(RawDocumentBuf::from_bytes(bytes).unwrap())
                .await
                .unwrap();
        }
    });
    for more in [vec![], vec!["--consistent"]] {
        let bookend = bookend();
        let url = server.url("deep");
        let arguments = [vec!["--json", "backup", &url, "--prove"], more].concat();
        let made = bookend.succeed(&arguments).json();
        assert_eq!(
            (&made["proof"], &made["rows"]),
            (&"identical".into(), &4.into()),
            "{made}"
        );
    }
    drop_all(server, &["deep"]);
}
