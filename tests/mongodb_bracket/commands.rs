//! Commands that go wrong in every way: what they do to the target, and what is said of it.

use bson::{Document, doc};
use mongodb::Database;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::common::mongo::{mongod_folder, with_client};
use super::common::{Bookend, Deployment, Mongo};
use super::{arguments, bookend, copies, counted, drop_it, fill, filled};

const PROGRAM: &str = "commands::program";

/// COMMAND that does what the variable says.
#[test]
#[ignore = "a program, not a test"]
fn program() {
    let url = std::env::var("MONGODB_URI").unwrap();
    let act = std::env::var("ACT").unwrap();
    if act == "elsewhere" {
        let original = std::env::var("AN_ADDRESS_OF_ITS_OWN")
            .unwrap()
            .replace("there:", "");
        return with_client(&original, |client| async move {
            let database = client.default_database().unwrap();
            let todos = database.collection::<Document>("todos");
            todos.insert_one(doc! { "_id": "astray" }).await.unwrap();
        });
    }
    with_client(&url, |client| async move {
        let database = client.default_database().unwrap();
        acted(&act, &database).await;
    });
}

async fn acted(act: &str, database: &Database) {
    let todos = database.collection::<Document>("todos");
    match act {
        "half way" => {
            database.create_collection("half").await.unwrap();
            panic!("half way");
        }
        "wrong rows" => {
            for n in 0..20 {
                let other = format!("todo {}", (n + 1) % 20);
                let change = doc! { "$set": { "name": other }, "$unset": { "title": "" } };
                todos.update_one(doc! { "_id": n }, change).await.unwrap();
            }
        }
        "drop and add" => {
            let change = doc! { "$set": { "name": "" }, "$unset": { "title": "" } };
            todos.update_many(doc! {}, change).await.unwrap();
        }
        "hang" => {
            todos.count_documents(doc! {}).await.unwrap();
            std::thread::sleep(std::time::Duration::from_secs(1000));
        }
        "kill" => {
            todos.count_documents(doc! {}).await.unwrap();
            kill(Pid::this(), Signal::SIGKILL).unwrap();
        }
        "drop" => database.drop().await.unwrap(),
        "more" => {
            let more = (20..50).map(|n| doc! { "_id": n, "title": "more" });
            todos.insert_many(more).await.unwrap();
            let series = database.collection::<Document>("series");
            if database
                .list_collection_names()
                .await
                .unwrap()
                .contains(&"series".to_owned())
            {
                let more = (0..50).map(|n| doc! { "at": bson::DateTime::from_millis(n), "v": 1 });
                series.insert_many(more).await.unwrap();
            }
            let change = doc! { "$set": { "title": "changed" } };
            todos.update_one(doc! { "_id": 1 }, change).await.unwrap();
        }
        "replaced" => {
            todos.delete_many(doc! {}).await.unwrap();
            let more = (100..121).map(|n| doc! { "_id": n, "title": "other" });
            todos.insert_many(more).await.unwrap();
        }
        "ttl again" => {
            // As an application does that defines its indexes whenever it starts.
            let again = doc! { "createIndexes": "todos", "indexes": [
            { "key": { "e": 1 }, "name": "e", "expireAfterSeconds": 5 }] };
            database.run_command(again).await.unwrap();
            todos.find_one(doc! {}).await.unwrap();
        }
        "ttl off" => {
            let off = doc! { "dropIndexes": "todos", "index": "e" };
            database.run_command(off).await.unwrap();
            let plain = doc! { "createIndexes": "todos", "indexes": [
            { "key": { "e": 1 }, "name": "e" }] };
            database.run_command(plain).await.unwrap();
        }
        "emptied" => {
            todos.delete_many(doc! {}).await.unwrap();
        }
        "ttl late" => {
            let index = doc! { "createIndexes": "todos", "indexes": [
            { "key": { "at": 1 }, "name": "at", "expireAfterSeconds": 60 }] };
            database.run_command(index).await.unwrap();
        }
        "expire" | "expire and delete" => super::expiring::on_the_target(act, database).await,
        change if change.starts_with('{') => {
            // An update of every document.
            let change: serde_json::Value = serde_json::from_str(change).unwrap();
            let change = bson::serialize_to_document(&change).unwrap();
            todos.update_many(doc! {}, change).await.unwrap();
        }
        "once" => {
            let once = database.collection::<Document>("once");
            once.insert_one(doc! { "_id": 1 }).await.unwrap();
        }
        other => panic!("{other}?"),
    }
}

pub(super) fn acting(bookend: &Bookend, url: &str, act: &str, more: &[&str]) -> Value {
    let act = format!("ACT={act}");
    // Not as an URL stands, so that it is not pointed at the copy.
    let own = format!("AN_ADDRESS_OF_ITS_OWN=there:{url}");
    let options = [&["--env", act.as_str(), "--env", own.as_str()], more].concat();
    let ran = bookend.run(&arguments(url, &options, PROGRAM));
    let mut told = ran.json();
    told["code"] = ran.code.into();
    told
}

pub(super) fn step<'a>(told: &'a Value, name: &str) -> &'a Value {
    let steps = told["steps"].as_array().unwrap();
    steps.iter().find(|step| step["step"] == name).unwrap()
}

#[test]
fn whatever_a_command_does_in_the_rehearsal_the_target_is_as_it_was() {
    let (server, url) = filled("commanded");
    let bookend = bookend(&url);
    for (act, exit, state, error) in [
        ("half way", 5, "rehearsal_failed", "command-failed"),
        ("wrong rows", 4, "loss_refused", "loss"),
        ("drop and add", 4, "loss_refused", "loss"),
        ("hang", 5, "rehearsal_failed", "command-timed-out"),
        ("kill", 5, "rehearsal_failed", "command-killed"),
        ("elsewhere", 5, "rehearsal_failed", "astray"),
    ] {
        let limit = if act == "hang" { "3s" } else { "60s" };
        let told = acting(&bookend, &url, act, &["--timeout", limit]);
        assert_eq!(told["code"], exit, "{act}: {told:#}");
        assert_eq!(told["state"], state, "{act}: {told:#}");
        assert_eq!(told["error"]["code"], error, "{act}: {told:#}");
        assert_eq!(
            step(&told, "migration")["state"],
            "skipped",
            "{act}: {told:#}"
        );
        assert_eq!(counted(server, "commanded"), (20, 0), "{act}: {told:#}");
        assert_eq!(copies(server, "commanded"), Vec::<String>::new(), "{act}");
    }
    let told = acting(&bookend, &url, "wrong rows", &[]);
    assert!(
        told["error"]["causes"]
            .to_string()
            .contains("--allow-loss todos.title"),
        "{told:#}"
    );
    drop_it(server, "commanded");
}

#[test]
fn a_command_that_drops_its_database_does_so_on_the_copy() {
    let (server, url) = filled("dropping");
    let bookend = bookend(&url);
    let told = acting(&bookend, &url, "drop", &[]);
    let state = told["state"].as_str().unwrap();
    assert!(
        ["loss_refused", "rehearsal_failed"].contains(&state),
        "{told:#}"
    );
    assert_eq!(step(&told, "migration")["state"], "skipped", "{told:#}");
    assert_eq!(counted(server, "dropping"), (20, 0), "{told:#}");
    assert_eq!(copies(server, "dropping"), Vec::<String>::new());
    drop_it(server, "dropping");
}

#[test]
fn a_command_that_is_not_idempotent_runs_once_on_the_copy_and_once_on_the_target() {
    let (server, url) = filled("twice");
    let bookend = bookend(&url);
    let told = acting(&bookend, &url, "once", &[]);
    assert_eq!(
        (&told["code"], &told["as_rehearsed"]),
        (&0.into(), &true.into()),
        "{told:#}"
    );
    let told = acting(&bookend, &url, "once", &[]);
    assert_eq!(told["state"], "rehearsal_failed", "{told:#}");
    assert_eq!(copies(server, "twice"), Vec::<String>::new());
    drop_it(server, "twice");
}

#[test]
fn a_command_that_fails_half_way_on_the_target_is_told_with_how_to_see_what_it_left() {
    let (server, url) = filled("half");
    let bookend = bookend(&url);
    let told = acting(
        &bookend,
        &url,
        "half way",
        &["--no-rehearsal", "the target matters"],
    );
    assert_eq!(
        (&told["code"], &told["state"]),
        (&5.into(), &"migration_failed".into()),
        "{told:#}"
    );
    let advice = told["advice"].as_array().unwrap();
    let mut lines = advice.iter().map(|line| line.as_str().unwrap());
    let look = lines
        .find_map(|line| line.strip_prefix("see what changed: "))
        .unwrap();
    let (backup, diff) = look.split_once(" && ").unwrap();
    // As a shell takes them: the URL has a question mark.
    let words = |line: &str| -> Vec<String> {
        let words = line.split(' ').skip(1);
        words
            .map(|word| word.trim_matches('\'').to_owned())
            .collect()
    };
    bookend.succeed(&words(backup));
    let shown = bookend.run(&words(diff)).expect_code(3);
    assert!(shown.stdout.contains("half"), "{shown}");
    drop_it(server, "half");
}

#[test]
fn a_daemon_that_command_leaves_is_told() {
    let (server, url) = filled("daemon");
    let bookend = bookend(&url);
    let line = "setsid sh -c 'echo $$ > daemon; sleep 100' >/dev/null 2>&1 </dev/null & \
                while [ ! -s daemon ]; do sleep 0.05; done";
    let words = [
        "run",
        "--json",
        &url,
        "--no-rehearsal",
        "the target matters",
        "--",
        "sh",
        "-c",
        line,
    ];
    let ran = bookend.run(&words).expect_code(0);
    let pid = std::fs::read_to_string(bookend.work().join("daemon")).unwrap();
    kill(Pid::from_raw(pid.trim().parse().unwrap()), Signal::SIGKILL).unwrap();
    let lines = step(&ran.json(), "migration")["lines"].to_string();
    assert!(
        lines.contains(&format!("may go on writing: {} (sh)", pid.trim())),
        "{lines}"
    );
    drop_it(server, "daemon");
}

/// With an oplog, and without one.
#[test]
fn documents_that_come_are_no_loss_and_those_that_were_replaced_are() {
    for deployment in [Deployment::ReplicaSet, Deployment::Standalone] {
        let server = Mongo::shared(deployment);
        fill(server, "grown");
        let url = server.url("grown");
        let bookend = bookend(&url);
        let told = acting(&bookend, &url, "replaced", &[]);
        assert_eq!(told["state"], "loss_refused", "{told:#}");
        let causes = told["error"]["causes"].to_string();
        let what = "todos: is without 20 documents of before (gone), others were added";
        assert!(causes.contains(what), "{causes}");
        let told = acting(&bookend, &url, "emptied", &[]);
        let causes = told["error"]["causes"].as_array().unwrap();
        assert_eq!(
            causes.len(),
            1,
            "one thing that is gone is one loss: {causes:?}"
        );
        let told = acting(&bookend, &url, "more", &[]);
        assert_eq!(told["state"], "completed", "{told:#}");
        assert_eq!(told["as_rehearsed"], true, "{told:#}");
        drop_it(server, "grown");
    }
}

#[test]
fn users_and_roles_of_the_database_are_not_lost_by_a_copy_that_never_had_them() {
    let (server, url) = filled("peopled");
    server.with(|client| async move {
        let database = client.database("peopled");
        let series = doc! { "create": "series", "timeseries": { "timeField": "at" } };
        database.run_command(series).await.unwrap();
        let one = doc! { "at": bson::DateTime::from_millis(1_000_000_000_000), "v": 0 };
        database.collection("series").insert_one(one).await.unwrap();
        let role = doc! { "createRole": "reader", "privileges": [], "roles": ["read"] };
        database.run_command(role).await.unwrap();
        let user = doc! { "createUser": "bob", "pwd": "x", "roles": ["reader"] };
        database.run_command(user).await.unwrap();
    });
    let told = acting(&bookend(&url), &url, "more", &[]);
    assert_eq!(told["state"], "completed", "{told:#}");
    assert_eq!(told["as_rehearsed"], true, "{told:#}");
    server.with(|client| async move {
        let database = client.database("peopled");
        database
            .run_command(doc! { "dropUser": "bob" })
            .await
            .unwrap();
        database
            .run_command(doc! { "dropRole": "reader" })
            .await
            .unwrap();
    });
    drop_it(server, "peopled");
}

#[test]
fn a_sandbox_has_the_indexes_by_which_documents_expire() {
    let (server, url) = filled("expiring");
    let bookend = bookend(&url);
    let told = acting(&bookend, &url, "ttl again", &[]);
    assert_eq!(told["state"], "rehearsal_failed", "{told:#}");
    let lines = step(&told, "rehearsal")["lines"].to_string();
    assert!(
        lines.contains("on the copy: documents of todos expire only"),
        "{lines}"
    );
    let mongod = mongod_folder();
    let sandbox = [
        "--prove-on",
        "sandbox",
        "--tool-dir",
        mongod.to_str().unwrap(),
    ];
    let told = acting(&bookend, &url, "ttl off", &sandbox);
    assert_eq!(told["state"], "loss_refused", "{told:#}");
    let causes = told["error"]["causes"].to_string();
    assert!(causes.contains("todos index e"), "{causes}");
    let told = acting(&bookend, &url, "ttl again", &sandbox);
    assert_eq!(told["state"], "completed", "{told:#}");
    assert_eq!(told["as_rehearsed"], true, "{told:#}");
    drop_it(server, "expiring");
}
