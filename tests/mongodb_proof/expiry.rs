//! Documents that expire: all of them must be in the copy while it is proven, and once it is
//! published it deletes them as the original does. The server looks every second here.

use std::time::{Duration, Instant};

use bson::{DateTime, Document, doc};
use mongodb::Client;

use crate::bookend;
use crate::common::mongo::commands;
use crate::common::{Deployment, Mongo};
use crate::raw;
use crate::restored::Restoring;

/// Documents that have expired long ago, in each way that there is.
async fn make(client: &Client) {
    let admin = client.database("admin");
    // The source keeps them, for this test.
    let off = doc! { "setParameter": 1, "ttlMonitorEnabled": false };
    admin.run_command(off).await.unwrap();
    let old = DateTime::from_millis(1_577_836_800_000);
    let expired: Vec<Document> = (0..50).map(|n| doc! { "_id": n, "e": old }).collect();
    let clustered: Vec<Document> = (0..50_i64)
        .map(|n| doc! { "_id": DateTime::from_millis(1_577_836_800_000 + n) })
        .collect();
    let measured: Vec<Document> = (0..50).map(|n| doc! { "t": old, "m": n }).collect();
    let all = vec![
        doc! { "insert": "sessions", "documents": &expired },
        doc! { "createIndexes": "sessions", "indexes": [
        { "key": { "e": 1 }, "name": "e", "expireAfterSeconds": 1 }] },
        doc! { "insert": "partly", "documents": &expired },
        doc! { "createIndexes": "partly", "indexes": [
        { "key": { "e": -1 }, "name": "e", "expireAfterSeconds": 1,
          "partialFilterExpression": { "_id": { "$lt": 25 } } }] },
        doc! { "create": "clustered", "clusteredIndex": { "key": { "_id": 1 }, "unique": true },
        "expireAfterSeconds": 1 },
        doc! { "insert": "clustered", "documents": clustered },
        doc! { "create": "series", "timeseries": { "timeField": "t", "metaField": "m" },
        "expireAfterSeconds": 1 },
        doc! { "insert": "series", "documents": measured },
    ];
    commands(client, "expiring", all).await;
}

/// Waits until the server has looked for expired documents `times` more times.
async fn passes(client: &Client, times: i64) {
    let admin = client.database("admin");
    let count = || async {
        let status = admin.run_command(doc! { "serverStatus": 1 }).await.unwrap();
        let ttl = status.get_document("metrics").unwrap().get_document("ttl");
        ttl.unwrap().get_i64("passes").unwrap()
    };
    let (from, deadline) = (count().await, Instant::now() + Duration::from_secs(60));
    while count().await < from + times {
        assert!(Instant::now() < deadline, "the server does not look");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn counts(client: &Client, name: &str) -> Vec<u64> {
    let database = client.database(name);
    let mut counts = Vec::new();
    for name in ["sessions", "partly", "clustered", "series"] {
        let collection = database.collection::<Document>(name);
        counts.push(collection.count_documents(doc! {}).await.unwrap());
    }
    counts
}

fn definitions(facts: raw::Facts) -> raw::Facts {
    let all = facts.into_iter();
    all.filter(|(name, _)| !name.starts_with("documents "))
        .collect()
}

#[test]
fn expired_documents_stay_while_a_copy_is_proven_and_go_once_it_is_published() {
    let source = Mongo::start(Deployment::Standalone);
    let server = Mongo::shared(Deployment::ReplicaSet);
    let (url, on) = (source.url("expiring"), server.url("admin"));
    let before = source.with(|client| async move {
        make(&client).await;
        raw::facts(&client, "expiring").await
    });
    server.with(|client| async move {
        let restoring = Restoring::of(&url, &on).await;
        let copy = restoring.copy(Some("expired")).await;
        passes(&client, 3).await;
        assert_eq!(counts(&client, "expired").await, [50, 50, 50, 50]);
        let compared = restoring.compare(&copy).await;
        assert_eq!(compared.differences, Vec::new());
        let told = compared.not_compared.join("\n");
        assert!(told.contains("expireAfterSeconds"), "{told}");
        restoring.publish(copy).await;
        let after = raw::facts(&client, "expired").await;
        let (before, after) = (definitions(before), definitions(after));
        assert_eq!(raw::different(&before, &after), Vec::<String>::new());
        passes(&client, 3).await;
        assert_eq!(counts(&client, "expired").await, [0, 25, 0, 0]);
        client.database("expired").drop().await.unwrap();
    });
}

#[test]
fn the_screen_says_how_expiry_is_held_back() {
    let source = Mongo::start(Deployment::Standalone);
    source.with(|client| async move { make(&client).await });
    let on = Mongo::shared(Deployment::ReplicaSet).url("admin");
    let bookend = bookend();
    let backed_up = bookend.succeed(&[
        "backup",
        &source.url("expiring"),
        "--prove",
        "--prove-on",
        &on,
    ]);
    assert!(backed_up.stdout.contains("identical"), "{backed_up}");
    let restored = bookend.succeed(&["restore", "latest", "--into", "held", "--on", &on]);
    let screen = format!("{}{}", restored.stdout, restored.stderr);
    let how = "documents of clustered, partly, series, sessions expire only when the copy is \
        published: its indexes are made without expireAfterSeconds until then";
    assert!(screen.contains(how), "{restored}");
    assert!(screen.contains("identical"), "{restored}");
    Mongo::shared(Deployment::ReplicaSet)
        .with(|client| async move { client.database("held").drop().await.unwrap() });
}
