//! The bracket on MongoDB: rehearsal, refusal of loss, and kill -9 at every journal record.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod common;

use std::path::Path;
use std::time::Duration;

use bson::{Document, doc};
use common::mongo::{mongo_tools, with_client};
use common::{Bookend, Deployment, Mongo};
use nix::sys::signal::Signal;
use serde_json::Value;

fn bookend(url: &str) -> Bookend {
    Bookend::new()
        .path(&[mongo_tools(), "/usr/bin".into(), "/bin".into()])
        // Passwords are in no journal; this is one of the usual places.
        .env("MONGODB_URI", url)
}

fn filled(name: &str) -> (&'static Mongo, String) {
    let server = Mongo::shared(Deployment::ReplicaSet);
    let database = name.to_owned();
    server.with(|client| async move {
        let todos = (0..20).map(|n| doc! { "_id": n, "title": format!("todo {n}") });
        let collection = client.database(&database).collection::<Document>("todos");
        collection.insert_many(todos).await.unwrap();
        // Documents do not expire in a copy; that is no difference of COMMAND's making.
        let expiring = doc! { "createIndexes": "todos", "indexes": [
        { "key": { "e": 1 }, "name": "e", "expireAfterSeconds": 5 }] };
        client
            .database(&database)
            .run_command(expiring)
            .await
            .unwrap();
    });
    (server, server.url(name))
}

fn drop_it(server: &Mongo, name: &str) {
    let name = name.to_owned();
    server.with(|client| async move { client.database(&name).drop().await.unwrap() });
}

fn arguments<'a>(url: &'a str, options: &[&'a str], program: &'a str) -> Vec<&'a str> {
    let mut all = vec!["run", "--json", url];
    all.extend(options);
    let own = std::env::current_exe().unwrap();
    let own: &'static str = Box::leak(own.to_str().unwrap().to_owned().into_boxed_str());
    all.extend(["--", own, "--ignored", "--exact", program]);
    all
}

/// COMMAND that adds a field and a collection.
#[test]
#[ignore = "a program, not a test"]
fn good_program() {
    let url = std::env::var("MONGODB_URI").unwrap();
    with_client(&url, |client| async move {
        let database = client.default_database().unwrap();
        let todos = database.collection::<Document>("todos");
        let add = doc! { "$set": { "done": true } };
        todos.update_many(doc! {}, add).await.unwrap();
    });
}

/// COMMAND that deletes documents and exits 0.
#[test]
#[ignore = "a program, not a test"]
fn lossy_program() {
    let url = std::env::var("MONGODB_URI").unwrap();
    with_client(&url, |client| async move {
        let database = client.default_database().unwrap();
        let todos = database.collection::<Document>("todos");
        todos
            .delete_many(doc! { "_id": { "$lt": 5 } })
            .await
            .unwrap();
    });
}

fn copies(server: &Mongo) -> Vec<String> {
    let all = server.databases();
    all.into_iter()
        .filter(|name| name.starts_with("killed_bookend"))
        .collect()
}

#[test]
fn documents_that_are_gone_are_refused_in_the_rehearsal() {
    let (server, url) = filled("lossy");
    let bookend = bookend(&url);
    let refused = bookend
        .run(&arguments(&url, &[], "lossy_program"))
        .expect_code(4);
    let document = refused.json();
    assert_eq!(document["state"], "loss_refused", "{refused}");
    assert!(
        document["error"]["causes"]
            .to_string()
            .contains("--allow-loss todos")
    );
    let options = ["--allow-loss", "todos"];
    let allowed = bookend
        .run(&arguments(&url, &options, "lossy_program"))
        .expect_code(0);
    assert_eq!(allowed.json()["as_rehearsed"], true, "{allowed}");
    drop_it(server, "lossy");
}

/// COMMAND that drops indexes, among them the one by which documents expire.
#[test]
#[ignore = "a program, not a test"]
fn dropping_program() {
    let url = std::env::var("MONGODB_URI").unwrap();
    with_client(&url, |client| async move {
        let database = client.default_database().unwrap();
        let drop = doc! { "dropIndexes": "todos", "index": ["by_title", "e"] };
        database.run_command(drop).await.unwrap();
        let open = doc! { "collMod": "todos", "validator": {} };
        database.run_command(open).await.unwrap();
    });
}

#[test]
fn indexes_and_a_validator_that_are_gone_are_refused_in_the_rehearsal() {
    let (server, url) = filled("definitions");
    server.with(|client| async move {
        let database = client.database("definitions");
        let unique = doc! { "createIndexes": "todos", "indexes": [
        { "key": { "title": 1 }, "name": "by_title", "unique": true }] };
        database.run_command(unique).await.unwrap();
        let strict = doc! { "collMod": "todos", "validator": { "title": { "$type": "string" } } };
        database.run_command(strict).await.unwrap();
    });
    let bookend = bookend(&url);
    let refused = bookend
        .run(&arguments(&url, &[], "dropping_program"))
        .expect_code(4);
    let causes = refused.json()["error"]["causes"].to_string();
    for flag in ["todos index by_title", "todos index e", "todos validator"] {
        let flag = format!("--allow-loss '{flag}'");
        assert!(causes.contains(&flag), "no {flag} in {causes}");
    }
    let options = ["--allow-loss", "todos *"];
    let allowed = bookend
        .run(&arguments(&url, &options, "dropping_program"))
        .expect_code(0);
    assert_eq!(allowed.json()["differences"][0]["loss"], true, "{allowed}");
    drop_it(server, "definitions");
}

#[test]
fn a_run_from_another_store_is_kept_off_by_the_server() {
    let (server, url) = filled("locked");
    let (here, there) = (bookend(&url), bookend(&url));
    let line = "echo here; while [ ! -e go ]; do sleep 0.05; done";
    let options = [
        "--no-rehearsal",
        "the target matters",
        "--",
        "sh",
        "-c",
        line,
    ];
    let mut words = vec!["run", url.as_str()];
    words.extend(options);
    let first = here.spawn(&words);
    first.wait_for_stderr("here");
    let second = there
        .run(&["run", "--json", &url, "--", "true"])
        .expect_code(4);
    assert_eq!(second.json()["error"]["code"], "busy", "{second}");
    here.write("go", "");
    let _ = first.wait().expect_code(0);
    let _ = there
        .run(&["run", &url, "--no-rehearsal", "a test", "--", "true"])
        .expect_code(0);
    drop_it(server, "locked");
}

/// Of a run that goes well.
const RECORDS: usize = 21;

#[test]
fn a_crash_after_any_record_is_ended_by_resume_or_abort() {
    let (server, url) = filled("killed");
    let bookend = bookend(&url);
    for records in 1..RECORDS {
        let way = if records % 2 == 0 { "resume" } else { "abort" };
        killed_after(records, &bookend, &arguments(&url, &[], "good_program"));
        let told = bookend.succeed(&["status", "--json"]).json();
        if told["state"] == "interrupted" {
            let mut ended = bookend.run(&[way, "--json"]);
            // COMMAND may outlive its bookend by a moment.
            while ended.stdout.contains("still-running") {
                std::thread::sleep(Duration::from_millis(50));
                ended = bookend.run(&[way, "--json"]);
            }
            let document = ended.json();
            let state = document["state"].as_str().unwrap_or_default();
            match (migration(&told).as_str(), way) {
                ("unknown", _) => assert_eq!(state, "migration_unknown", "{ended}"),
                (_, "resume") => assert_eq!(state, "completed", "{records}: {ended}"),
                ("pending", _) => assert_eq!(state, "aborted", "{ended}"),
                _ => assert!(state.starts_with("completed"), "{ended}"),
            }
            let run = told["run"].as_str().unwrap();
            let again = bookend.run(&["resume", run]).expect_code(0);
            assert!(again.stdout.contains("nothing to do"), "{again}");
        }
        assert_eq!(
            copies(server),
            Vec::<String>::new(),
            "after {records} records"
        );
        let told = bookend.succeed(&["status", "--json"]).json();
        assert_eq!(told["left_behind"].as_array().unwrap().len(), 0, "{told:#}");
    }
    let _ = bookend
        .run(&arguments(&url, &[], "good_program"))
        .expect_code(0);
    drop_it(server, "killed");
}

fn migration(told: &Value) -> String {
    let steps = told["steps"].as_array().unwrap();
    let step = steps
        .iter()
        .find(|step| step["step"] == "migration")
        .unwrap();
    step["state"].as_str().unwrap().to_owned()
}

fn killed_after(records: usize, bookend: &Bookend, arguments: &[&str]) {
    let runs = bookend.store().join("runs");
    let before = runs.read_dir().map_or(0, Iterator::count);
    let mut running = bookend.spawn(arguments);
    while !running.ended() && written(&runs, before) < records {
        std::thread::sleep(Duration::from_millis(1));
    }
    if !running.ended() {
        running.signal(Signal::SIGKILL);
    }
}

/// Records of the newest run; none while there are no more runs than before.
fn written(runs: &Path, before: usize) -> usize {
    let Ok(entries) = runs.read_dir() else {
        return 0;
    };
    let mut all: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    all.sort();
    match all.last() {
        Some(newest) if all.len() > before => std::fs::read(newest.join("journal.jsonl"))
            .map_or(0, |bytes| memchr::memchr_iter(b'\n', &bytes).count()),
        _ => 0,
    }
}
