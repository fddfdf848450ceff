//! The bracket on MongoDB: rehearsal, refusal of loss, and kill -9 at every journal record.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod common;

#[path = "mongodb_bracket/commands.rs"]
mod commands;
#[path = "mongodb_bracket/crashes.rs"]
mod crashes;
#[path = "mongodb_bracket/expiring.rs"]
mod expiring;
#[path = "mongodb_bracket/full_store.rs"]
mod full_store;
#[path = "mongodb_bracket/inside.rs"]
mod inside;
#[path = "mongodb_bracket/restarts.rs"]
mod restarts;

use bson::{Document, doc};
use common::mongo::{mongo_tools, with_client};
use common::{Bookend, Deployment, Mongo};

fn bookend(url: &str) -> Bookend {
    Bookend::new()
        .path(&[mongo_tools(), "/usr/bin".into(), "/bin".into()])
        // Passwords are in no journal; this is one of the usual places.
        .env("MONGODB_URI", url)
}

fn filled(name: &str) -> (&'static Mongo, String) {
    let server = Mongo::shared(Deployment::ReplicaSet);
    fill(server, name);
    (server, server.url(name))
}

fn fill(server: &Mongo, name: &str) {
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

/// Copies of a database that are still there.
fn copies(server: &Mongo, name: &str) -> Vec<String> {
    let mut all = server.databases();
    all.retain(|other| other.starts_with(&format!("{name}_bookend")));
    all
}

/// How many documents there are, and how many of them COMMAND has changed.
fn counted(server: &Mongo, name: &str) -> (u64, u64) {
    let name = name.to_owned();
    server.with(|client| async move {
        let todos = client.database(&name).collection::<Document>("todos");
        let titled = doc! { "title": { "$regex": "^todo " } };
        let done = doc! { "done": true };
        (
            todos.count_documents(titled).await.unwrap(),
            todos.count_documents(done).await.unwrap(),
        )
    })
}

/// As it was before COMMAND.
fn undone(server: &Mongo, name: &str) {
    let name = name.to_owned();
    server.with(|client| async move {
        let todos = client.database(&name).collection::<Document>("todos");
        let undo = doc! { "$unset": { "done": "" } };
        todos.update_many(doc! {}, undo).await.unwrap();
    });
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

#[test]
fn a_transaction_that_is_open_between_two_statements_is_not_called_quiet() {
    // A server of its own: nobody else is to meet the transaction.
    let server = Mongo::start(Deployment::ReplicaSet);
    let url = server.url("held");
    let bookend = bookend(&url);
    server.with(|client| async move {
        let todos = client.database("held").collection::<Document>("todos");
        todos.insert_one(doc! { "_id": 1 }).await.unwrap();
        let mut session = client.start_session().await.unwrap();
        session.start_transaction().await.unwrap();
        let insert = todos.insert_one(doc! { "_id": 2 });
        insert.session(&mut session).await.unwrap();
        // Between its statements the server says of neither database nor write.
        let words = arguments(&url, &["--no-rehearsal", "a test"], "good_program");
        let refused = bookend.run(&words).expect_code(4);
        let document = refused.json();
        assert_eq!(document["state"], "refused", "{refused}");
        let why = document["error"].to_string();
        assert!(why.contains("cannot be known"), "{refused}");
        session.abort_transaction().await.unwrap();
        let ran = bookend.run(&words).expect_code(0);
        assert_eq!(ran.json()["state"], "completed", "{ran}");
    });
}
