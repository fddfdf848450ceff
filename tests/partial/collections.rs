//! `--only` on MongoDB.

use bson::doc;
use serde_json::json;

use crate::common::mongo::{commands, mongo_tools};
use crate::common::{Bookend, Deployment, Mongo};

#[test]
fn collections_come_alone_and_views_with_all_that_they_read() {
    let mongo = Mongo::shared(Deployment::Standalone);
    let day = |day: i64| bson::DateTime::from_millis(1_700_000_000_000 + day * 86_400_000);
    let definitions = vec![
        doc! { "insert": "orders", "documents": [{ "_id": 1 }, { "_id": 2 }] },
        doc! { "createIndexes": "orders", "indexes": [{ "key": { "n": 1 }, "name": "n" }] },
        doc! { "insert": "customers", "documents": [{ "_id": 1 }] },
        doc! { "create": "orders_capped", "capped": true, "size": 4096 },
        doc! { "insert": "orders_capped", "documents": [{ "_id": 3 }, { "_id": 1 }] },
        doc! { "insert": "customers\nfeed", "documents": [{ "_id": 1 }] },
        doc! { "create": "orders_series", "timeseries": { "timeField": "t" } },
        doc! { "insert": "orders_series", "documents": [{ "t": day(0) }, { "t": day(9) }] },
        doc! { "create": "customers_series", "timeseries": { "timeField": "t" } },
        doc! { "insert": "customers_series", "documents": [{ "t": day(0) }] },
        doc! { "create": "orders_view", "viewOn": "orders", "pipeline": [{ "$match": { "_id": 1 } }] },
        doc! { "create": "orders_joined", "viewOn": "orders", "pipeline": [
        { "$lookup": { "from": "customers", "localField": "c", "foreignField": "_id", "as": "c" } }] },
        doc! { "create": "orders_over", "viewOn": "orders_joined", "pipeline": [] },
    ];
    mongo.with(|client| async move { commands(&client, "partly", definitions).await });
    let bookend = Bookend::new().path(&[mongo_tools(), "/usr/bin".into(), "/bin".into()]);
    bookend.succeed(&["backup", &mongo.url("partly")]);
    let arguments = [
        "--json",
        "restore",
        "latest",
        "--into",
        "partly_orders",
        "--only",
    ];
    let restored = bookend
        .succeed(&[&arguments[..], &["orders*"]].concat())
        .json();
    assert_eq!(restored["verdict"], "identical", "{restored}");
    let left_out = json!([
        "view orders_joined: it needs customers",
        "view orders_over: it needs orders_joined",
    ]);
    assert_eq!(restored["left_out"], left_out);
    let first = restored["not_compared"][0].as_str().unwrap();
    assert!(first.contains("not asked for: 5 of 9"), "{first}");
    let mut names = mongo.with(|client| async move {
        let database = client.database("partly_orders");
        database.list_collection_names().await.unwrap()
    });
    names.retain(|name| !name.starts_with("system.") && name != "__bookend");
    names.sort();
    assert_eq!(
        names,
        ["orders", "orders_capped", "orders_series", "orders_view"]
    );
    let near = bookend.run(&["restore", "latest", "--into", "never", "--only", "order"]);
    let near = near.expect_code(2);
    assert!(near.stderr.contains("near: orders"), "{near}");
    let alone = [
        "restore",
        "latest",
        "--into",
        "never",
        "--only",
        "orders_over",
    ];
    let alone = bookend.run(&alone).expect_code(4);
    assert!(alone.stderr.contains("it needs orders_joined"), "{alone}");
    assert!(!mongo.databases().contains(&"never".to_owned()));
}
