//! MongoDB: writes are in the oplog of a replica set.

use bson::{Document, doc};
use mongodb::Client;

use super::common::mongo::{commands, mongo_tools};
use super::common::{Deployment, Mongo, workspace};
use super::{first, spared, target};

const DATABASE: &str = "looked";

/// Collections that can be known again; of a time series that is not said.
const ALL: u64 = 4;

fn insert(collection: &str, documents: Vec<Document>) -> Document {
    doc! { "insert": collection, "documents": documents }
}

fn schema() -> Vec<Document> {
    let some = |from: i32| (from..from + 50).map(|n| doc! { "_id": n, "v": n * 7 });
    vec![
        insert("users", some(0).collect()),
        insert("orders", some(100).collect()),
        doc! { "create": "ring", "capped": true, "size": 4096, "max": 10 },
        insert("ring", some(0).take(10).collect()),
        insert("dotted.name", some(0).collect()),
        doc! { "create": "series", "timeseries": { "timeField": "at" } },
        insert("series", vec![doc! { "at": bson::DateTime::now(), "v": 1 }]),
        doc! { "create": "seen", "viewOn": "users", "pipeline": [] },
    ]
}

fn update(filter: Document, change: Document) -> Document {
    doc! { "update": "users", "updates": [{ "q": filter, "u": change, "multi": true }] }
}

/// What is done to the database, and how many collections need no reading afterwards.
fn cases() -> Vec<(Vec<Document>, u64)> {
    vec![
        (vec![doc! { "ping": 1 }], ALL),
        (vec![insert("users", vec![doc! { "_id": "new" }])], ALL - 1),
        (
            vec![update(doc! { "_id": 1 }, doc! { "$set": { "v": 0 } })],
            ALL - 1,
        ),
        // Nothing is written where nothing changes.
        (
            vec![update(doc! { "_id": 1 }, doc! { "$set": { "v": 0 } })],
            ALL,
        ),
        (
            vec![
                doc! { "delete": "users", "deletes": [{ "q": { "_id": 2 }, "limit": 1 }] },
                insert("users", vec![doc! { "_id": 2, "v": "other" }]),
            ],
            ALL - 1,
        ),
        (vec![insert("ring", vec![doc! { "_id": 99 }])], ALL - 1),
        (
            vec![insert("dotted.name", vec![doc! { "_id": 99 }])],
            ALL - 1,
        ),
        (
            vec![insert("series", vec![doc! { "at": bson::DateTime::now() }])],
            ALL,
        ),
        (
            vec![
                doc! { "drop": "orders" },
                insert("orders", vec![doc! { "_id": 100, "v": 700 }]),
            ],
            ALL - 1,
        ),
        (
            vec![
                doc! { "createIndexes": "orders", "indexes": [{ "key": { "v": 1 }, "name": "v" }] },
            ],
            ALL - 1,
        ),
        (vec![insert("fresh", vec![doc! { "_id": 1 }])], ALL),
        (vec![doc! { "drop": "fresh" }], ALL),
    ]
}

async fn do_all(client: &Client, all: Vec<Document>) {
    commands(client, DATABASE, all).await;
}

#[test]
fn every_change_is_seen() {
    let server = Mongo::start(Deployment::ReplicaSet);
    let on = target(&server.url(DATABASE));
    server.with(|client| async move {
        let folder = tempfile::tempdir().unwrap();
        let ws = workspace(&folder, mongo_tools());
        do_all(&client, schema()).await;
        for (done, expected) in cases() {
            let before = first(&ws, &on).await;
            let what = format!("{done:?}");
            do_all(&client, done).await;
            let found = spared(&ws, &on, &before, &what).await;
            assert_eq!(found, expected, "{what}");
        }
        // Under another name, and from one database into another.
        let before = first(&ws, &on).await;
        let admin = client.database("admin");
        let rename = |from: &str, to: &str| doc! { "renameCollection": from, "to": to };
        admin
            .run_command(rename("looked.orders", "looked.sold"))
            .await
            .unwrap();
        assert_eq!(spared(&ws, &on, &before, "renamed").await, ALL - 1);
        let other = client.database("elsewhere").collection("users");
        other.insert_one(doc! { "_id": 1 }).await.unwrap();
        let before = first(&ws, &on).await;
        let mut moved = rename("elsewhere.users", "looked.users");
        moved.insert("dropTarget", true);
        admin.run_command(moved).await.unwrap();
        assert_eq!(spared(&ws, &on, &before, "moved in").await, ALL - 1);
        // By its UUID, under another one's name.
        other.insert_one(doc! { "_id": 7 }).await.unwrap();
        let sold = doc! { "listCollections": 1, "filter": { "name": "sold" } };
        let sold = client.database(DATABASE).run_command(sold).await.unwrap();
        let sold = sold.get_document("cursor").unwrap();
        let sold = sold.get_array("firstBatch").unwrap()[0]
            .as_document()
            .unwrap();
        let uuid = sold.get_document("info").unwrap().get("uuid").unwrap();
        let operation = doc! {
            "op": "i", "ns": "elsewhere.users", "ui": uuid, "o": { "_id": "by UUID" }
        };
        let before = first(&ws, &on).await;
        let apply = doc! { "applyOps": [operation], "allowAtomic": true };
        admin.run_command(apply).await.unwrap();
        assert_eq!(spared(&ws, &on, &before, "by UUID").await, ALL - 1);
        // Others' writes are their own business.
        let before = first(&ws, &on).await;
        other.insert_one(doc! { "_id": 2 }).await.unwrap();
        assert_eq!(spared(&ws, &on, &before, "another database").await, ALL);
    });
}

#[test]
fn a_transaction_that_was_open_at_the_first_look_is_seen_when_it_is_over() {
    let server = Mongo::start(Deployment::ReplicaSet);
    let on = target(&server.url(DATABASE));
    server.with(|client| async move {
        let folder = tempfile::tempdir().unwrap();
        let ws = workspace(&folder, mongo_tools());
        do_all(&client, schema()).await;
        let users = client.database(DATABASE).collection("users");
        let mut session = client.start_session().await.unwrap();
        session.start_transaction().await.unwrap();
        let one = doc! { "_id": "in the transaction" };
        users.insert_one(one).session(&mut session).await.unwrap();
        let before = first(&ws, &on).await;
        session.commit_transaction().await.unwrap();
        assert_eq!(spared(&ws, &on, &before, "a transaction").await, ALL - 1);
    });
}

#[test]
fn a_server_without_an_oplog_is_read_whole() {
    let server = Mongo::start(Deployment::Standalone);
    let on = target(&server.url(DATABASE));
    server.with(|client| async move {
        let folder = tempfile::tempdir().unwrap();
        let ws = workspace(&folder, mongo_tools());
        do_all(&client, schema()).await;
        let before = first(&ws, &on).await;
        assert_eq!(before.record.anchor, None);
        assert_eq!(spared(&ws, &on, &before, "a standalone").await, 0);
    });
}
