//! `bookend diff` with live databases, and its samples of rows: real servers, the real program.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod common;

use bson::{Document, doc};
use common::mongo::{commands, mongo_tools};
use common::{Bookend, Deployment, Mongo, PASSWORD, Server, TestDatabase, Version};
use serde_json::Value;

const SHOP: &str = "
    CREATE TABLE customers (id int PRIMARY KEY, name text, note text);
    CREATE TABLE visits (at int, what text);
    CREATE TABLE parts (id int, at int, v text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (50);
    CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (50) TO (100);
    CREATE TABLE known (id int PRIMARY KEY, a text, b text);
    INSERT INTO known SELECT i, 'a' || i, 'b' || i FROM generate_series(1, 20) i;
    INSERT INTO customers SELECT i, 'customer ' || i, 'n' FROM generate_series(1, 500) i;
    INSERT INTO visits SELECT i % 7, 'visit ' || i % 3 FROM generate_series(1, 60) i;
    INSERT INTO parts SELECT i, i, 'v' || i FROM generate_series(1, 99) i;";

fn shop() -> TestDatabase<'static> {
    let database = Server::shared(Version::V16).database("shop");
    database.psql(SHOP);
    database
}

fn bookend() -> Bookend {
    Bookend::new().env("PGPASSWORD", PASSWORD)
}

fn change<'a>(document: &'a Value, object: &str) -> &'a Value {
    let objects = document["objects"].as_array().unwrap();
    let found = objects.iter().find(|change| change["object"] == object);
    found.unwrap_or_else(|| panic!("no {object} in {document:#}"))
}

/// No copy of the rows stays behind.
fn nothing_left(bookend: &Bookend, archives: usize) {
    let all: Vec<String> = std::fs::read_dir(bookend.store())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains("diff") || name.contains(".tar"))
        .collect();
    assert_eq!(all.len(), archives, "{all:?}");
}

#[test]
fn a_live_database_is_compared_with_an_archive_and_with_another_one() {
    let (bookend, database) = (bookend(), shop());
    let url = database.url();
    let taken = bookend.succeed(&["backup", &url, "--json"]).json();
    let id = taken["id"].as_str().unwrap();
    let same = bookend.succeed(&["diff", id, &url, "--json"]).json();
    assert_eq!(same["same"], true, "{same:#}");
    assert_eq!(same["a"]["kind"], "archive");
    assert_eq!(same["a"]["id"], id);
    assert_eq!(same["b"]["kind"], "database");
    assert!(!same["b"]["url"].as_str().unwrap().contains(PASSWORD));
    assert_eq!(same["b"]["consistent"], true);

    database.psql("DELETE FROM customers WHERE id <= 3; CREATE INDEX late ON customers (name)");
    let ran = bookend.run(&["diff", id, &url, "--json", "--progress", "json"]);
    let ran = ran.expect_code(3).expect_stderr("\"read ");
    let document = ran.json();
    assert_eq!(document["loss"], true);
    assert_eq!(change(&document, "public.customers")["rows_after"], 497);
    let schema = bookend.run(&["diff", id, &url, "--json", "--schema"]);
    assert_eq!(schema.expect_code(3).json()["loss"], false);
    // The other way round nothing is lost but the index.
    let back = bookend
        .run(&["diff", &url, id, "--json"])
        .expect_code(3)
        .json();
    assert_eq!(back["losses"].as_array().unwrap().len(), 1, "{back:#}");
    assert_eq!(back["losses"][0]["object"], "public.customers index late");
    assert_eq!(back["losses"][0]["kind"], "index");
    let data = bookend.run(&["diff", &url, id, "--json", "--data"]);
    assert_eq!(data.expect_code(3).json()["loss"], false);

    let other = shop();
    let two = bookend.run(&["diff", &other.url(), &url, "--json"]);
    let two = two.expect_code(3).json();
    assert_eq!(change(&two, "public.customers")["rows_before"], 500);
    nothing_left(&bookend, 1);
}

#[test]
fn one_database_twice_and_two_engines_are_refused() {
    let (bookend, database) = (bookend(), shop());
    let url = database.url();
    let ran = bookend.run(&["diff", &url, &url]).expect_code(2);
    let ran = ran.expect_stderr("are the same database");
    assert!(!format!("{ran}").contains(PASSWORD));
    let mongo = Mongo::shared(Deployment::Standalone).url("any");
    let _ = bookend
        .run(&["diff", &url, &mongo])
        .expect_code(2)
        .expect_stderr("only databases of one kind can be compared");
    let _ = bookend
        .run(&["diff", "no-such-archive", &url])
        .expect_code(2);
}

#[test]
fn where_a_word_is_a_target_and_an_archive_the_target_wins() {
    let (bookend, database) = (bookend(), shop());
    let url = database.url();
    bookend.write("bookend.toml", "[target.shop]\nurl = \"env:SHOP\"\n");
    let bookend = bookend.env("SHOP", url);
    let taken = bookend.succeed(&["backup", "shop", "--json"]).json();
    let path = taken["archive"].as_str().unwrap().to_owned();
    // A prefix of the archive's name, which is also the target's.
    let ran = bookend
        .run(&["diff", &path, "shop", "--json"])
        .expect_code(0);
    let ran = ran.expect_stderr("shop is a target and an archive; the target is taken");
    assert_eq!(ran.json()["b"]["kind"], "database");
}

#[test]
fn rows_are_sampled_by_key_from_archives_and_live_databases_alike() {
    let (bookend, database) = (bookend(), shop());
    let url = database.url();
    let before = bookend.succeed(&["backup", &url, "--json"]).json();
    database.psql(
        "ALTER TABLE known RENAME a TO c; UPDATE known SET b = 'new' WHERE id = 4;
         ALTER TABLE customers ADD added int DEFAULT 5;
         DELETE FROM customers WHERE id <= 3;
         INSERT INTO customers (id, name) VALUES (601, ''), (602, E'a\\tb\\u001b[2J');
         UPDATE customers SET note = NULL WHERE id = 10;
         UPDATE customers SET name = 'it''s new', note = 'm' WHERE id = 11;
         DELETE FROM visits WHERE ctid IN (SELECT ctid FROM visits LIMIT 2);
         UPDATE parts SET at = 70 WHERE id = 1; UPDATE parts SET v = 'w' WHERE id = 60;",
    );
    let after = bookend.succeed(&["backup", &url, "--json"]).json();
    let id = |taken: &Value| taken["id"].as_str().unwrap().to_owned();
    let (before, after) = (id(&before), id(&after));
    for second in [&after, &url] {
        let ran = bookend.run(&["diff", &before, second, "--rows", "2", "--json"]);
        let document = ran.expect_code(3).json();
        let customers = change(&document, "public.customers");
        for (key, count) in [("rows_added", 2), ("rows_removed", 3), ("rows_changed", 2)] {
            assert_eq!(customers[key], count, "{customers:#}");
        }
        let samples = &customers["samples"];
        assert_eq!(samples["added"].as_array().unwrap().len(), 2);
        assert_eq!(samples["removed"].as_array().unwrap().len(), 2);
        let changed = samples["changed"].as_array().unwrap();
        let of = |id: &str| changed.iter().find(|row| row["key"]["id"] == id).unwrap();
        assert_eq!(of("10")["before"], serde_json::json!({"note": "n"}));
        assert_eq!(of("10")["after"], serde_json::json!({"note": null}));
        assert_eq!(of("11")["after"]["name"], "it's new");
        // A column under another name is the same column.
        let known = change(&document, "public.known");
        assert_eq!(known["rows_changed"], 1, "{known:#}");
        let renamed = &known["samples"]["changed"][0];
        assert_eq!(renamed["after"], serde_json::json!({"b": "new"}));
        // A row that moved to another leaf has another key here.
        let parts = change(&document, "public.parts");
        assert_eq!(parts["rows_changed"], 1, "{parts:#}");
        assert_eq!(parts["rows_added"], 1);
        let visits = change(&document, "public.visits");
        assert_eq!(visits["rows_removed"], 2);
        assert_eq!(visits["rows_changed"], Value::Null);
        assert!(
            visits["not_sampled"]
                .as_str()
                .unwrap()
                .starts_with("no primary key")
        );
        assert!(visits["samples"]["removed"].as_array().unwrap().is_empty());
    }
    let text = bookend.run(&["diff", &before, &after, "--rows", "5"]);
    let text = text.expect_code(3).stdout;
    for line in [
        "    2 rows added, 3 rows removed, 2 rows changed\n",
        "    - (id=1) name='customer 1' note='n'\n",
        "    + (id=601) name='' note=NULL added=5\n",
        r"    + (id=602) name='a\tb\u{1b}[2J' note=NULL added=5",
        "    ~ (id=10) note: 'n' → NULL\n",
        "    ~ (id=11) name: 'customer 11' → 'it''s new', note: 'n' → 'm'\n",
        "    not sampled: no primary key; whole rows were counted\n",
    ] {
        assert!(text.contains(line), "no {line:?} in {text}");
    }
    let plain = bookend
        .run(&["diff", &before, &after])
        .expect_code(3)
        .stdout;
    assert!(!plain.contains("customer 1"), "{plain}");
    nothing_left(&bookend, 2);
}

#[test]
fn rows_of_tables_that_came_or_went_are_sampled_too() {
    let (bookend, database) = (bookend(), shop());
    let url = database.url();
    let before = bookend.succeed(&["backup", &url, "--json"]).json();
    database.psql("DROP TABLE customers; CREATE TABLE fresh (id int PRIMARY KEY); INSERT INTO fresh VALUES (5)");
    let before = before["id"].as_str().unwrap();
    let ran = bookend.run(&["diff", before, &url, "--rows", "1", "--json"]);
    let document = ran.expect_code(3).json();
    assert_eq!(
        change(&document, "public.fresh")["samples"]["added"][0]["key"]["id"],
        "5"
    );
    let gone = change(&document, "public.customers");
    assert_eq!(gone["rows_removed"], 500);
    assert_eq!(gone["samples"]["removed"].as_array().unwrap().len(), 1);
    let _ = bookend
        .run(&["diff", before, &url, "--rows", "0"])
        .expect_code(2);
}

#[test]
fn documents_are_compared_live_and_sampled_by_id() {
    let server = Mongo::shared(Deployment::ReplicaSet);
    let bookend = Bookend::new().path(&[mongo_tools(), "/usr/bin".into(), "/bin".into()]);
    let url = server.url("sampled");
    server.with(|client| async move {
        let users: Vec<Document> = (0..50)
            .map(|n| doc! { "_id": n, "name": format!("name {n}"), "tags": ["a", "b"] })
            .collect();
        client.database("sampled").drop().await.unwrap();
        commands(
            &client,
            "sampled",
            vec![
                doc! { "insert": "users", "documents": users },
                doc! { "insert": "same", "documents": [{ "_id": 1 }] },
                doc! { "createIndexes": "users", "indexes": [
                { "key": { "name": 1 }, "name": "by_name", "unique": true }] },
            ],
        )
        .await;
    });
    let bookend = bookend.env("MONGODB_URI", url.clone());
    let before = bookend.succeed(&["backup", &url, "--json"]).json();
    let before = before["id"].as_str().unwrap();
    let same = bookend.succeed(&["diff", before, &url, "--json"]).json();
    assert_eq!(same["same"], true, "{same:#}");
    server.with(|client| async move {
        commands(&client, "sampled", vec![
            doc! { "delete": "users", "deletes": [{ "q": { "_id": 3 }, "limit": 1 }] },
            doc! { "insert": "users", "documents": [{ "_id": 77, "name": "" }] },
            doc! { "update": "users", "updates": [
                { "q": { "_id": 5 }, "u": { "$set": { "name": "other" }, "$unset": { "tags": 1 } } }] },
            doc! { "dropIndexes": "users", "index": "by_name" },
        ]).await;
    });
    let ran = bookend.run(&["diff", before, &url, "--rows", "3", "--json"]);
    let document = ran.expect_code(3).json();
    let users = change(&document, "users");
    for key in ["rows_added", "rows_removed", "rows_changed"] {
        assert_eq!(users[key], 1, "{users:#}");
    }
    assert_eq!(
        users["samples"]["changed"][0]["before"]["tags"],
        r#"["a","b"]"#
    );
    assert_eq!(users["samples"]["changed"][0]["after"]["tags"], Value::Null);
    let losses = document["losses"].to_string();
    assert!(losses.contains("users index by_name"), "{losses}");
    let text = bookend
        .run(&["diff", before, &url, "--rows", "3"])
        .expect_code(3)
        .stdout;
    for line in [
        "1 document added, 1 document removed, 1 document changed",
        r#"- (_id=3) name="name 3" tags=["a","b"]"#,
        r#"+ (_id=77) name="""#,
        r#"~ (_id=5) name: "name 5" → "other", tags: ["a","b"] → nothing"#,
    ] {
        assert!(text.contains(line), "no {line:?} in {text}");
    }
    server.with(|client| async move { client.database("sampled").drop().await.unwrap() });
}
