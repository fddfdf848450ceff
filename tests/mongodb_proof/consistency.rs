//! One point in time, and what there is without it: money moves between two collections in
//! transactions, so that the sum of both is always the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bson::{Bson, Document, doc};
use mongodb::Client;

use crate::bookend;
use crate::common::mongo::commands;
use crate::common::{Bookend, Deployment, Mongo};

const ACCOUNTS: i32 = 3000;
const EACH: i64 = 1_000_000;

async fn make(client: &Client) {
    for side in ["left", "right"] {
        let all = (0..ACCOUNTS).map(|n| doc! { "_id": n, "v": EACH, "pad": "x".repeat(2000) });
        let side = client.database("money").collection::<Document>(side);
        side.insert_many(all).await.unwrap();
    }
    let quiet = doc! { "insert": "quiet", "documents": [{ "_id": 1 }] };
    commands(client, "money", vec![quiet]).await;
}

/// One transaction. No two move as much, so that errors do not cancel out.
async fn moved(client: &Client, round: i32) {
    let mut session = client.start_session().await.unwrap();
    session.start_transaction().await.unwrap();
    let (from, to) = ((round * 7919) % ACCOUNTS, (round * 104_729 + 1) % ACCOUNTS);
    for (side, id, by) in [("left", from, -(round + 1)), ("right", to, round + 1)] {
        client
            .database("money")
            .collection::<Document>(side)
            .update_one(doc! { "_id": id }, doc! { "$inc": { "v": i64::from(by) } })
            .session(&mut session)
            .await
            .unwrap();
    }
    session.commit_transaction().await.unwrap();
}

async fn sum(client: &Client, name: &str) -> i64 {
    let mut sum = 0;
    for side in ["left", "right"] {
        let group = doc! { "$group": { "_id": Bson::Null, "n": { "$sum": "$v" } } };
        let side = client.database(name).collection::<Document>(side);
        let mut cursor = side.aggregate([group]).await.unwrap();
        while cursor.advance().await.unwrap() {
            sum += cursor.deserialize_current().unwrap().get_i64("n").unwrap();
        }
    }
    sum
}

/// Restores the last archive and adds up what is in it.
fn sum_of_the_last(bookend: &Bookend, server: &Mongo, into: &'static str) -> i64 {
    bookend.succeed(&[
        "restore",
        "latest",
        "--into",
        into,
        "--on",
        &server.url("money"),
    ]);
    server.with(|client| async move {
        let found = sum(&client, into).await;
        client.database(into).drop().await.unwrap();
        found
    })
}

/// Moves money until told to stop.
struct Busy {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Busy {
    fn on(server: &'static Mongo) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let work = move || {
            server.with(|client| async move {
                let mut round = 0;
                while !stopped.load(Ordering::Relaxed) {
                    moved(&client, round).await;
                    round += 1;
                }
            });
        };
        Self {
            stop,
            thread: Some(std::thread::spawn(work)),
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

#[test]
fn an_invariant_of_transactions_holds_with_consistent_and_breaks_without() {
    let server = Mongo::shared(Deployment::ReplicaSet);
    server.with(|client| async move { make(&client).await });
    let (url, whole) = (server.url("money"), 2 * i64::from(ACCOUNTS) * EACH);
    let bookend = bookend();
    let busy = Busy::on(server);
    for _ in 0..3 {
        let made = bookend
            .succeed(&["--json", "backup", &url, "--consistent", "--prove"])
            .json();
        assert_eq!(made["consistent"], true, "{made}");
        assert_eq!(made["proof"], "identical", "{made}");
        assert_eq!(sum_of_the_last(&bookend, server, "exact"), whole);
    }
    // Each of these may be whole by luck; not all of them.
    let mut broken = false;
    for _ in 0..10 {
        let made = bookend.succeed(&["--json", "backup", &url]).json();
        assert_eq!(made["consistent"], false, "{made}");
        let notes = made["notes"].to_string();
        assert!(
            notes.contains("written to during the backup: left, right"),
            "{notes}"
        );
        if sum_of_the_last(&bookend, server, "fuzzy") != whole {
            broken = true;
            break;
        }
    }
    drop(busy);
    assert!(
        broken,
        "ten backups without --consistent, and no sum was broken"
    );
    let made = bookend.succeed(&["--json", "backup", &url]).json();
    assert_eq!(made["consistent"], true, "{made}");
    server.with(|client| async move { client.database("money").drop().await.unwrap() });
}
