//! Documents that expire while a migration runs are no loss, and others that are gone with them are.

use std::time::Duration;

use bson::{DateTime, Document, doc};
use mongodb::Database;

use super::commands::{acting, step};
use super::{bookend, drop_it, filled};

async fn watch(database: &Database, enabled: bool) {
    let admin = database.client().database("admin");
    let watch = doc! { "setParameter": 1, "ttlMonitorEnabled": enabled };
    admin.run_command(watch).await.unwrap();
}

/// Lets the server remove what has expired; nothing expires in a copy.
pub(super) async fn on_the_target(act: &str, database: &Database) {
    let todos = database.collection::<Document>("todos");
    let touch = doc! { "$set": { "touched": true } };
    todos.update_one(doc! { "_id": 0 }, touch).await.unwrap();
    if database.name().contains("_bookend_") {
        return;
    }
    let sessions = database.collection::<Document>("sessions");
    if act == "expire and delete" {
        sessions.delete_one(doc! { "_id": 70 }).await.unwrap();
    }
    watch(database, true).await;
    let expired = doc! { "_id": { "$lt": 40 } };
    while sessions.count_documents(expired.clone()).await.unwrap() > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    watch(database, false).await;
}

#[test]
fn documents_that_expired_meanwhile_are_told_and_no_loss() {
    let (server, url) = filled("expired");
    let bookend = bookend(&url);
    for (act, exit, told, lost) in [
        ("expire", 0, "completed", ""),
        (
            "expire and delete",
            3,
            "completed",
            "lost, and not in the rehearsal: sessions: has 1 document fewer",
        ),
    ] {
        server.with(|client| async move {
            let database = client.database("expired");
            watch(&database, false).await;
            let sessions = database.collection::<Document>("sessions");
            sessions.drop().await.unwrap();
            let old = DateTime::from_millis(1_577_836_800_000);
            let later = DateTime::from_millis(4_102_444_800_000);
            let all = (0..100).map(|n| doc! { "_id": n, "e": if n < 40 { old } else { later } });
            sessions.insert_many(all).await.unwrap();
            let index = doc! { "createIndexes": "sessions", "indexes": [
            { "key": { "e": 1 }, "name": "e", "expireAfterSeconds": 5 }] };
            database.run_command(index).await.unwrap();
        });
        let run = acting(&bookend, &url, act, &[]);
        assert_eq!(run["code"], exit, "{act}: {run:#}");
        assert_eq!(run["state"], told, "{act}: {run:#}");
        assert_eq!(run["as_rehearsed"], lost.is_empty(), "{act}: {run:#}");
        let lines = step(&run, "compare")["lines"].to_string();
        assert!(lines.contains(lost), "{act}: {lines}");
        // The archives say what has expired.
        let archives = run["archives"].as_array().unwrap();
        let ids: Vec<&str> = archives
            .iter()
            .map(|one| one["id"].as_str().unwrap())
            .collect();
        let diff = bookend.run(&["diff", ids[0], ids[1], "--json"]).json();
        let mut objects = diff["objects"].as_array().unwrap().iter();
        let sessions = objects.find(|one| one["object"] == "sessions").unwrap();
        assert_eq!(sessions["expired"], 40, "{act}: {diff:#}");
        assert_eq!(diff["loss"], !lost.is_empty(), "{act}: {diff:#}");
        assert!(
            diff.to_string().contains("40 documents expired meanwhile"),
            "{act}: {diff:#}"
        );
    }
    server.with(|client| async move { watch(&client.database("expired"), true).await });
    drop_it(server, "expired");
}

#[test]
fn an_index_by_which_documents_have_expired_already_is_a_loss() {
    let (server, url) = filled("overdue");
    let bookend = bookend(&url);
    server.with(|client| async move {
        let database = client.database("overdue");
        watch(&database, false).await;
        let todos = database.collection::<Document>("todos");
        let old = doc! { "$set": { "at": DateTime::from_millis(1_577_836_800_000) } };
        let some = doc! { "_id": { "$lt": 7 } };
        todos.update_many(some, old).await.unwrap();
    });
    let refused = acting(&bookend, &url, "ttl late", &[]);
    assert_eq!(refused["state"], "loss_refused", "{refused:#}");
    let causes = refused["error"]["causes"].to_string();
    let lost = "todos: is to lose 7 documents at once: by its new index they have expired";
    assert!(causes.contains(lost), "{causes}");
    let allowed = acting(&bookend, &url, "ttl late", &["--allow-loss", "todos"]);
    assert_eq!(allowed["as_rehearsed"], true, "{allowed:#}");
    server.with(|client| async move { watch(&client.database("overdue"), true).await });
    drop_it(server, "overdue");
}
