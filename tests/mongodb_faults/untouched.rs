//! The source is never written to: its hash, its counters and its oplog say so.

use bson::{Document, Timestamp, doc};

use super::common::mongo::commands;
use super::common::{Deployment, Mongo};
use super::scene::{ask, bookend, drop_all, fake, fill};

const SOURCE: &str = "untouched";

/// Everything of a server that a write to the source would move.
#[derive(Debug, PartialEq)]
struct Marks {
    hash: String,
    writes: Vec<(String, Document)>,
}

fn marks(server: &Mongo) -> Marks {
    let hash = ask(server, SOURCE, doc! { "dbHash": 1 });
    let listed = ask(
        server,
        SOURCE,
        doc! { "listCollections": 1, "nameOnly": true },
    );
    let listed = listed
        .get_document("cursor")
        .unwrap()
        .get_array("firstBatch")
        .unwrap();
    let mut writes = Vec::new();
    for one in listed {
        let one = one.as_document().unwrap();
        let name = one.get_str("name").unwrap();
        if one.get_str("type").unwrap() != "collection" {
            continue;
        }
        let stats = ask(server, SOURCE, doc! { "collStats": name });
        let cursor = stats
            .get_document("wiredTiger")
            .unwrap()
            .get_document("cursor")
            .unwrap();
        let mut calls = doc! { "indexes": stats.get_i32("nindexes").unwrap() };
        for name in [
            "insert calls",
            "modify calls",
            "remove calls",
            "update calls",
            "truncate calls",
        ] {
            calls.insert(name, cursor.get(name).cloned().unwrap_or(bson::Bson::Null));
        }
        writes.push((name.to_owned(), calls));
    }
    writes.sort_by(|a, b| a.0.cmp(&b.0));
    let md5 = hash.get_str("md5").unwrap().to_owned();
    Marks { hash: md5, writes }
}

/// What the oplog holds about the source after a moment.
fn oplog(server: &Mongo, since: Timestamp) -> Vec<Document> {
    server.with(|client| async move {
        let about = doc! { "$regex": format!("^{SOURCE}\\.") };
        let filter = doc! { "ts": { "$gt": since }, "$or": [
        { "ns": about.clone() }, { "o.applyOps.ns": about.clone() }, { "o.to": about } ] };
        let oplog = client.database("local").collection::<Document>("oplog.rs");
        let mut cursor = oplog.find(filter).await.unwrap();
        let mut found = Vec::new();
        while cursor.advance().await.unwrap() {
            found.push(cursor.deserialize_current().unwrap());
        }
        found
    })
}

#[test]
fn the_source_is_never_written_to() {
    for deployment in [Deployment::ReplicaSet, Deployment::Standalone] {
        let server = Mongo::shared(deployment);
        fill(server, SOURCE, "todos", 500);
        server.with(|client| async move {
            let all = vec![
                doc! { "create": "series", "timeseries": { "timeField": "t" } },
                doc! { "insert": "series", "documents": [{ "t": bson::DateTime::now() }] },
                doc! { "create": "view", "viewOn": "todos", "pipeline": [] },
                doc! { "createIndexes": "todos", "indexes": [
                { "key": { "pad": 1 }, "name": "pad" },
                { "key": { "e": 1 }, "name": "e", "expireAfterSeconds": 5 }] },
            ];
            commands(&client, SOURCE, all).await;
        });
        let since = ask(server, "admin", doc! { "ping": 1 });
        let before = marks(server);
        let bookend = bookend();
        let url = server.url(SOURCE);
        let into = |name| ["restore", "latest", "--into", name, "--on", url.as_str()];
        bookend.succeed(&["doctor", &url]);
        bookend.succeed(&["backup", &url, "--prove"]);
        if deployment == Deployment::ReplicaSet {
            bookend.succeed(&["backup", &url, "--consistent"]);
        }
        bookend.succeed(&["verify", "latest", "--prove", "--prove-on", &url]);
        bookend.succeed(&into("untouched_back"));
        let tools = fake(&bookend, "mongorestore", "head -c 1000 >/dev/null; exit 1");
        let fails = [into("untouched_half").as_slice(), &["--tool-dir", &tools]].concat();
        let _ = bookend.run(&fails).expect_code(1);
        let _ = bookend.run(&into("UNTOUCHED")).expect_code(4);
        let _ = bookend
            .run(&["copies", "drop", SOURCE, "--on", &url])
            .expect_code(4);
        assert_eq!(marks(server), before);
        if let Ok(since) = since.get_timestamp("operationTime") {
            assert_eq!(oplog(server, since), Vec::<Document>::new());
        }
        drop_all(server, &[SOURCE, "untouched_back"]);
    }
}
