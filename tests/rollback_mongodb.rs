//! `bookend rollback` on real MongoDB servers: in place, collection by collection.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod common;

use std::time::Duration;

use bson::{Document, Timestamp, doc};
use common::mongo::{commands, mongo_tools, with_client};
use common::{Bookend, Deployment, Mongo, Output};
use mongodb::Client;
use nix::sys::signal::Signal;
use serde_json::Value;

/// What a migration and an application leave behind.
async fn make_shop(client: &Client, name: &str) {
    let users = (0..50).map(|n| doc! { "_id": n, "name": format!("user {n}") });
    let definitions = vec![
        doc! { "insert": "users", "documents": users.collect::<Vec<_>>() },
        doc! { "createIndexes": "users", "indexes": [{ "key": { "name": 1 }, "name": "name", "unique": true }] },
        doc! { "create": "valid", "validator": { "x": { "$gt": 5 } }, "collation": { "locale": "fr" } },
        doc! { "insert": "valid", "documents": [{ "_id": 1, "x": 1 }], "bypassDocumentValidation": true },
        doc! { "createIndexes": "valid", "indexes": [
        { "key": { "x": 1 }, "name": "plain", "collation": { "locale": "simple" } }] },
        doc! { "create": "capped", "capped": true, "size": 8192, "max": 10 },
        doc! { "insert": "capped", "documents": [{ "_id": 2 }, { "_id": 1 }] },
        doc! { "insert": "expiring", "documents": [
        { "_id": 1, "e": bson::DateTime::from_millis(4_000_000_000_000) }, { "_id": 2 }] },
        doc! { "createIndexes": "expiring", "indexes": [
        { "key": { "e": 1 }, "name": "e", "expireAfterSeconds": 5 }] },
        doc! { "insert": "gone", "documents": [{ "_id": 1 }] },
        doc! { "insert": "line\nfeed", "documents": [{ "_id": 1 }] },
        doc! { "create": "view", "viewOn": "users", "pipeline": [{ "$sort": { "z": 1, "a": 1 } }] },
        doc! { "insert": "empty stamp", "documents": [{ "_id": 1 }] },
        doc! { "update": "empty stamp", "updates": [
        { "q": {}, "u": [{ "$set": { "t": Timestamp { time: 0, increment: 0 } } }] }] },
    ];
    commands(client, name, definitions).await;
}

async fn migrate_shop(client: &Client, name: &str) {
    let definitions = vec![
        doc! { "update": "users", "updates": [{ "q": {}, "u": { "$unset": { "name": 1 } }, "multi": false }] },
        doc! { "collMod": "valid", "validator": {} },
        doc! { "drop": "gone" },
        doc! { "insert": "added", "documents": [{ "_id": 1 }] },
        doc! { "drop": "view" },
        doc! { "create": "view", "viewOn": "added", "pipeline": [] },
        doc! { "create": "new view", "viewOn": "users", "pipeline": [{ "$limit": 1 }] },
        doc! { "delete": "capped", "deletes": [{ "q": { "_id": 2 }, "limit": 1 }] },
    ];
    commands(client, name, definitions).await;
}

/// What the tests run as a migration: this very binary, told by its environment.
#[test]
#[ignore = "the migration of the other tests"]
fn migration_program() {
    let Ok(url) = std::env::var("MONGODB_URI") else {
        return;
    };
    let name = std::env::var("SHOP").unwrap();
    with_client(&url, |client| async move {
        migrate_shop(&client, &name).await;
    });
}

/// A database of its own, a store of its own, and bookend that finds the one in the other.
struct Scene {
    mongo: &'static Mongo,
    bookend: Bookend,
    name: String,
}

impl Scene {
    fn new(name: &str) -> Self {
        Self::at(Deployment::ReplicaSet, name)
    }

    fn at(deployment: Deployment, name: &str) -> Self {
        let mongo = Mongo::shared(deployment);
        let bookend = Bookend::new()
            .path(&[mongo_tools(), "/usr/bin".into(), "/bin".into()])
            .env("MONGODB_URI", mongo.url(name))
            .env("SHOP", name);
        let scene = Self {
            mongo,
            bookend,
            name: name.to_owned(),
        };
        scene.with(|client, name| async move { make_shop(&client, &name).await });
        scene
    }

    fn with<T, F: Future<Output = T>>(&self, work: impl FnOnce(Client, String) -> F) -> T {
        let name = self.name.clone();
        with_client(&self.mongo.url("admin"), |client| work(client, name))
    }

    fn migrate(&self) -> Value {
        let run = self.run(&[]);
        let told = run.json();
        assert_eq!(told["state"], "completed", "{run}");
        told
    }

    fn run(&self, more: &[&str]) -> Output {
        let program = std::env::current_exe().unwrap();
        let command = [
            program.to_str().unwrap(),
            "--ignored",
            "--exact",
            "migration_program",
        ];
        let options = [
            "run",
            "--json",
            "--no-rehearsal",
            "x",
            "--accept-writes",
            "x",
        ];
        self.bookend
            .run(&[&options[..], more, &["--"], &command].concat())
    }

    fn rollback(&self, options: &[&str]) -> Output {
        self.bookend
            .run(&[&["rollback", "--json"], options].concat())
    }

    fn collections(&self) -> Vec<String> {
        self.with(|client, name| async move {
            let mut names = client
                .database(&name)
                .list_collection_names()
                .await
                .unwrap();
            names.retain(|name| !name.starts_with("system."));
            names.sort();
            names
        })
    }

    fn count(&self, collection: &str) -> u64 {
        let collection = collection.to_owned();
        self.with(|client, name| async move {
            let collection = client.database(&name).collection::<Document>(&collection);
            collection.count_documents(doc! {}).await.unwrap()
        })
    }

    /// The state before is back, proven against its archive; what failed is kept.
    fn is_rolled_back(&self, told: &Value) {
        assert_eq!(told["state"], "rolled_back", "{told:#}");
        let kept = told["targets"][0]["kept_as"].as_str().unwrap();
        let aside = kept.strip_prefix('*').unwrap();
        let aside_of = |name: &str| format!("{name}{aside}");
        assert_eq!(self.count(&aside_of("added")), 1);
        assert_eq!(self.count(&aside_of("capped")), 1);
        assert_eq!(self.count(&aside_of("users")), 50);
        assert!(self.collections().contains(&aside_of("new view")));
        let copies = format!("{}_bookend", self.name);
        let databases = self.mongo.databases();
        assert!(
            !databases.iter().any(|name| name.starts_with(&copies)),
            "{databases:?}"
        );
        // Without what was put aside it is what the archive holds.
        let aside = aside.to_owned();
        self.with(|client, name| async move {
            let database = client.database(&name);
            for one in database.list_collection_names().await.unwrap() {
                if one.ends_with(&aside) || one.contains("__bookend_") {
                    assert!(one.ends_with(&aside), "left behind: {one}");
                    database.run_command(doc! { "drop": one }).await.unwrap();
                }
            }
        });
        let archive = told["archives"][0]["id"].as_str().unwrap();
        self.bookend.succeed(&["backup", "--tag", "now"]);
        let difference = self.bookend.run(&["diff", archive, "latest"]);
        assert_eq!(difference.code, Some(0), "{difference}");
        let left = self.bookend.succeed(&["status", "--json"]).json();
        assert_eq!(left["left_behind"], serde_json::json!([]), "{left:#}");
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.with(|client, name| async move {
                let _ = client.database(&name).drop().await;
            });
        }
    }
}

#[test]
fn the_collections_are_as_before_and_the_failed_ones_are_kept() {
    let scene = Scene::new("roll_whole");
    scene.migrate();
    let told = scene.rollback(&[]).expect_code(0).json();
    let export = &told["steps"][2];
    assert_eq!(export["step"], "export");
    assert!(
        export["lines"][0]
            .as_str()
            .unwrap()
            .starts_with("nothing was written"),
        "{told:#}"
    );
    let again = scene.rollback(&[]).expect_code(0).json();
    assert_eq!(again["nothing_to_do"], true);
    scene.is_rolled_back(&told);
}

#[test]
fn a_standalone_is_rolled_back_too_and_writes_since_are_exported() {
    let scene = Scene::at(Deployment::Standalone, "roll_alone");
    scene.migrate();
    scene.with(|client, name| async move {
        let users = client.database(&name).collection::<Document>("added");
        users.insert_one(doc! { "_id": 2 }).await.unwrap();
    });
    let told = scene.rollback(&[]).expect_code(0).json();
    let lines = told["steps"][2]["lines"].to_string();
    assert!(
        lines.contains("added") && lines.contains("before-rollback"),
        "{lines}"
    );
    let kept = told["targets"][0]["kept_as"].as_str().unwrap();
    assert_eq!(scene.count(&kept.replacen('*', "added", 1)), 2);
}

#[test]
fn what_cannot_be_renamed_is_found_first() {
    let scene = Scene::new("roll_series");
    let series = doc! { "create": "series", "timeseries": { "timeField": "t" } };
    let long = doc! { "create": "l".repeat(230) };
    for (obstacle, named) in [(series, "time series"), (long, "bytes")] {
        let collection = obstacle.get_str("create").unwrap().to_owned();
        scene.with(|client, name| async move { commands(&client, &name, vec![obstacle]).await });
        scene.migrate();
        let before = scene.collections();
        let refused = scene.rollback(&[]).expect_code(4);
        let _ = refused.expect_stderr(named).expect_stderr("--no-swap");
        assert_eq!(scene.collections(), before);
        let told = scene.rollback(&["--no-swap"]).expect_code(0).json();
        let beside = told["targets"][0]["published"].as_str().unwrap().to_owned();
        assert_eq!(scene.collections(), before);
        scene.with(|client, name| async move {
            let there = client.database(&beside);
            assert!(
                there
                    .list_collection_names()
                    .await
                    .unwrap()
                    .contains(&"gone".to_owned())
            );
            there.drop().await.unwrap();
            let database = client.database(&name);
            database.drop().await.unwrap();
            make_shop(&client, &name).await;
        });
        assert!(!scene.collections().contains(&collection));
    }
}

#[test]
fn a_check_that_fails_is_rolled_back_at_once_if_that_was_asked_for() {
    let scene = Scene::new("roll_at_once");
    let asked = ["--on-failure", "rollback", "--check", "exit 9"];
    let run = scene.run(&asked).expect_code(5);
    let told = run.json();
    assert_eq!(told["state"], "rolled_back", "{run}");
    assert!(told["advice"].to_string().contains("__failed_"), "{run}");
    let again = scene.rollback(&[]).expect_code(0).json();
    assert_eq!(again["nothing_to_do"], true);
    scene.is_rolled_back(&again);
}

fn records(scene: &Scene, run: &str) -> usize {
    let path = scene
        .bookend
        .store()
        .join("runs")
        .join(run)
        .join("rollback.jsonl");
    std::fs::read(path).map_or(0, |bytes| memchr::memchr_iter(b'\n', &bytes).count())
}

#[test]
fn a_rollback_killed_after_any_record_is_finished_or_undone_by_the_next() {
    let scene = Scene::new("roll_killed");
    let run = scene.migrate();
    let _ = scene.rollback(&[]).expect_code(0);
    let whole = records(&scene, run["run"].as_str().unwrap());
    assert!(whole > 20, "{whole}");
    for lines in 1..=whole {
        scene.with(|client, name| async move {
            client.database(&name).drop().await.unwrap();
            make_shop(&client, &name).await;
        });
        let run = scene.migrate();
        let run = run["run"].as_str().unwrap();
        let mut running = scene.bookend.spawn(&["rollback"]);
        while !running.ended() && records(&scene, run) < lines {
            std::thread::sleep(Duration::from_micros(200));
        }
        if !running.ended() {
            running.signal(Signal::SIGKILL);
        }
        drop(running);
        let state = scene.bookend.succeed(&["status", run, "--json"]).json();
        if lines % 2 == 0 && state["state"] == "interrupted" {
            let resumed = scene.bookend.succeed(&["resume", run, "--json"]).json();
            assert_eq!(
                resumed["state"], "rolled_back",
                "after {lines}: {resumed:#}"
            );
        }
        let told = scene.rollback(&[]);
        eprintln!("after {lines} records: {told}");
        let told = told.expect_code(0).json();
        scene.is_rolled_back(&told);
        let again = scene.rollback(&[]).expect_code(0).json();
        assert_eq!(again["nothing_to_do"], true);
    }
}
