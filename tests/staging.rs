//! Which staging databases survive the end of their time: those that somebody has made their own.
mod common;

use std::process::Command;
use std::time::{Duration, Instant};

use bson::{Document, doc};
use common::mongo::{commands, mongo_tools};
use common::{Bookend, Deployment, Mongo, PASSWORD, Server, ServerOptions, Version};
use serde_json::json;

/// A server of the test's own, since what has expired is dropped wherever it is on it.
fn postgresql() -> (Server, Bookend) {
    let server = Server::start(Version::V16, &ServerOptions::default());
    server.psql("postgres", "CREATE DATABASE shop");
    server.psql(
        "shop",
        "CREATE TABLE orders AS SELECT generate_series(1, 10) AS id;
         COMMENT ON DATABASE shop IS 'the shop''s own'",
    );
    (server, Bookend::new().env("PGPASSWORD", PASSWORD))
}

fn staged(bookend: &Bookend, url: &str, name: &str) {
    let arguments = ["stage", url, "--into", name, "--expires", "1ms"];
    bookend.succeed(&arguments);
}

fn sweep(bookend: &Bookend, url: &str) -> common::Output {
    bookend.run(&["--json", "copies", "drop", "--expired", "--on", url])
}

#[test]
fn of_postgresql_only_what_is_as_it_was_made_is_dropped_when_its_time_is_over() {
    let (server, bookend) = postgresql();
    let url = server.url("shop");
    let comment = |name: &str| {
        let sql = format!(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{name}'"
        );
        server.psql("postgres", &sql).trim().to_owned()
    };
    let set = |name: &str, comment: &str| {
        let sql = format!("COMMENT ON DATABASE {name} IS $c${comment}$c$");
        server.psql("postgres", &sql);
    };
    staged(&bookend, &url, "renamed");
    // The user's own comment came along, beside the mark.
    let mark = comment("renamed");
    assert!(mark.starts_with("the shop's own\nbookend: {"), "{mark}");
    server.psql("postgres", "ALTER DATABASE renamed RENAME TO mine");
    staged(&bookend, &url, "edited");
    let later = comment("edited").replace("\"expires\":\"20", "\"expires\":\"19");
    set("edited", &later);
    staged(&bookend, &url, "kept_by_hand");
    set(
        "kept_by_hand",
        &comment("kept_by_hand").replace("staging", "kept"),
    );
    staged(&bookend, &url, "made_again");
    let copied = comment("made_again");
    server.psql("postgres", "DROP DATABASE made_again");
    server.psql("postgres", "CREATE DATABASE made_again");
    set("made_again", &copied);
    server.psql("postgres", "CREATE DATABASE bystander");
    set("bystander", &copied);
    staged(&bookend, &url, "unmarked");
    set("unmarked", "now it is mine");
    staged(&bookend, &url, "noted");
    set("noted", &format!("do look at this\n{}", comment("noted")));
    let swept = sweep(&bookend, &url).expect_code(0).json();
    assert_eq!(swept["dropped"], json!(["noted"]), "{swept}");
    let left = server.psql(
        "postgres",
        "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database
          WHERE NOT datistemplate AND datname <> 'postgres'",
    );
    let expected = "bystander edited kept_by_hand made_again mine shop unmarked";
    assert_eq!(left.trim(), expected);
    let list = bookend.succeed(&["copies", "list", "--on", &url]);
    assert!(
        list.stdout.contains("it was renamed when it was made"),
        "{list}"
    );
    assert!(list.stdout.contains("its mark was edited"), "{list}");
    // By its name a renamed one can be dropped still.
    bookend.succeed(&["copies", "drop", "mine", "--on", &url]);
}

#[test]
fn a_staging_database_that_somebody_is_connected_to_stays() {
    let (server, bookend) = postgresql();
    let url = server.url("shop");
    staged(&bookend, &url, "busy");
    let mut command = Command::new(server.tool("psql"));
    command
        .arg(server.url("busy"))
        .args(["-c", "SELECT pg_sleep(600)"]);
    let session = bookend.spawn_command(command);
    let since = Instant::now();
    let there = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'busy'";
    while server.psql("postgres", there).trim() != "1" {
        assert!(since.elapsed() < Duration::from_secs(60), "psql never came");
    }
    let swept = sweep(&bookend, &url).expect_code(4).json();
    assert_eq!(swept["dropped"], json!([]), "{swept}");
    assert_eq!(swept["left"][0]["database"], "busy", "{swept}");
    let why = swept["error"]["message"].as_str().unwrap();
    assert!(why.contains("psql of postgres"), "{why}");
    drop(session);
    let orders = server.psql("busy", "SELECT count(*) FROM orders");
    assert_eq!(orders.trim(), "10");
}

#[test]
fn a_sandbox_that_is_configured_for_proofs_is_no_place_to_stay() {
    let (server, bookend) = postgresql();
    let configuration = "[target.shop]\nurl = \"env:SHOP\"\nprove_on = \"sandbox\"\n";
    bookend.write("bookend.toml", configuration);
    let bookend = bookend.env("SHOP", server.url("shop"));
    let staged = bookend.succeed(&["stage", "shop", "--into", "play"]);
    assert!(
        staged.stderr.contains("goes to the same server"),
        "{staged}"
    );
    let orders = server.psql("play", "SELECT count(*) FROM orders");
    assert_eq!(orders.trim(), "10");
}

#[test]
fn a_long_name_is_cut_to_what_fits_and_prove_on_says_where_it_goes() {
    let (server, bookend) = postgresql();
    let name = "n".repeat(63);
    server.psql("postgres", &format!("ALTER DATABASE shop RENAME TO {name}"));
    let spare = Server::start(Version::V18, &ServerOptions::default());
    bookend.write(
        "bookend.toml",
        "[target.long]\nurl = \"env:LONG\"\nprove_on = \"spare\"\n[target.spare]\nurl = \"env:SPARE\"\n",
    );
    let bookend = bookend
        .env("LONG", server.url(&name))
        .env("SPARE", spare.url("postgres"));
    let staged = bookend.succeed(&["--json", "stage", "long"]).json();
    let made = staged["database"].as_str().unwrap();
    assert_eq!(made.len(), 63);
    assert!(
        made.starts_with("nnn") && made.contains("n_staging_20"),
        "{made}"
    );
    assert_eq!(spare.psql(made, "SELECT count(*) FROM orders").trim(), "10");
    let sandbox = ["stage", "long", "--on", "sandbox"];
    let refused = bookend.run(&sandbox).expect_code(2);
    assert!(
        refused.stderr.contains("ends with the command"),
        "{refused}"
    );
}

#[test]
fn of_mongodb_only_what_is_as_it_was_made_is_dropped_when_its_time_is_over() {
    let mongo = Mongo::start(Deployment::ReplicaSet);
    let bookend = Bookend::new().path(&[mongo_tools(), "/usr/bin".into(), "/bin".into()]);
    let run = |database: &'static str, all: Vec<Document>| {
        mongo.with(|client| async move { commands(&client, database, all).await });
    };
    let orders = doc! { "insert": "orders", "documents": [{ "_id": 1 }] };
    run("shop", vec![orders.clone()]);
    let url = mongo.url("shop");
    let edit = |what: Document| {
        let edit = doc! { "q": { "_id": "marker" }, "u": { "$set": what } };
        doc! { "update": "__bookend", "updates": [edit] }
    };
    let mark = |database: &'static str| {
        mongo.with(|client| async move {
            let marks = client
                .database(database)
                .collection::<Document>("__bookend");
            marks
                .find_one(doc! { "_id": "marker" })
                .await
                .unwrap()
                .unwrap()
        })
    };
    staged(&bookend, &url, "edited");
    run(
        "edited",
        vec![edit(doc! { "expires": "2020-01-01T00:00:00Z" })],
    );
    staged(&bookend, &url, "kept_by_hand");
    run("kept_by_hand", vec![edit(doc! { "kind": "kept" })]);
    staged(&bookend, &url, "made_again");
    let copied = mark("made_again");
    run("made_again", vec![doc! { "dropDatabase": 1 }]);
    for name in ["made_again", "bystander"] {
        let copied = doc! { "insert": "__bookend", "documents": [copied.clone()] };
        run(name, vec![copied, orders.clone()]);
    }
    staged(&bookend, &url, "unmarked");
    run("unmarked", vec![doc! { "drop": "__bookend" }]);
    staged(&bookend, &url, "gone");
    let swept = sweep(&bookend, &url).expect_code(0).json();
    assert_eq!(swept["dropped"], json!(["gone"]), "{swept}");
    let mut left = mongo.databases();
    left.sort();
    let expected = [
        "bystander",
        "edited",
        "kept_by_hand",
        "made_again",
        "shop",
        "unmarked",
    ];
    assert_eq!(left, expected);
    let list = bookend.succeed(&["copies", "list", "--on", &url]);
    assert!(list.stdout.contains("its mark was edited"), "{list}");
}
