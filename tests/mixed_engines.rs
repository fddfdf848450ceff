//! One migration of a PostgreSQL and a MongoDB database together, and its rollback.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod common;

use bson::{Document, doc};
use common::mongo::{mongo_tools, with_client};
use common::{Bookend, Deployment, Mongo, Output, Server, TestDatabase, Version};
use serde_json::Value;

const SHOP: &str = "
    CREATE TABLE orders (id bigserial PRIMARY KEY, total numeric);
    INSERT INTO orders (total) SELECT i FROM generate_series(1, 1000) i;";

const CATALOG: &str = "mixed_catalog";

/// COMMAND: changes both. Told by its environment not to migrate when the tests themselves run.
#[test]
#[ignore = "the migration of the other tests"]
fn migration_program() {
    let Ok(url) = std::env::var("MONGODB_URI") else {
        return;
    };
    with_client(&url, |client| async move {
        let items = client
            .default_database()
            .unwrap()
            .collection::<Document>("items");
        let renamed = doc! { "$rename": { "name": "title" } };
        items.update_many(doc! {}, renamed).await.unwrap();
    });
    let sql = "ALTER TABLE orders ADD paid boolean; INSERT INTO orders (total) VALUES (1)";
    let psql = std::process::Command::new("psql")
        .args(["-qXc", sql])
        .status();
    assert!(psql.unwrap().success());
}

struct Scene {
    server: &'static Server,
    mongo: &'static Mongo,
    shop: TestDatabase<'static>,
    bookend: Bookend,
}

impl Scene {
    fn new() -> Self {
        let (server, mongo) = (
            Server::shared(Version::V16),
            Mongo::shared(Deployment::ReplicaSet),
        );
        let shop = server.database("mixed_shop");
        shop.psql(SHOP);
        mongo.with(|client| async move {
            let items = client.database(CATALOG).collection::<Document>("items");
            let some = (0..500).map(|n| doc! { "_id": n, "name": format!("item {n}") });
            items.insert_many(some).await.unwrap();
        });
        let bookend = Bookend::new()
            .path(&[
                mongo_tools(),
                Version::V16.bin(),
                "/usr/bin".into(),
                "/bin".into(),
            ])
            .env("DATABASE_URL", shop.url())
            .env("MONGODB_URI", mongo.url(CATALOG));
        Self {
            server,
            mongo,
            shop,
            bookend,
        }
    }

    fn run(&self) -> Output {
        let program = std::env::current_exe().unwrap();
        let program = program.to_str().unwrap();
        self.bookend.run(&[
            "run",
            "--json",
            "env:DATABASE_URL",
            "env:MONGODB_URI",
            "--",
            program,
            "--ignored",
            "--exact",
            "migration_program",
        ])
    }

    /// Rows, columns, and documents by their fields.
    fn content(&self) -> (String, Vec<Document>) {
        let rows = self.shop.psql(
            "SELECT count(*), sum(total), (SELECT count(*) FROM pg_attribute
              WHERE attrelid = 'orders'::regclass AND attnum > 0 AND NOT attisdropped) FROM orders",
        );
        let documents = self.mongo.with(|client| async move {
            let items = client.database(CATALOG).collection::<Document>("items");
            let mut found = items.find(doc! {}).sort(doc! { "_id": 1 }).await.unwrap();
            let mut all = Vec::new();
            while found.advance().await.unwrap() {
                all.push(Document::try_from(found.current()).unwrap());
            }
            all
        });
        (rows, documents)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let find = format!(
            "SELECT datname FROM pg_database WHERE datname LIKE '{}_failed_%'",
            self.shop.name()
        );
        for kept in self.server.psql("postgres", &find).lines() {
            let drop = format!("DROP DATABASE \"{kept}\"");
            self.server.psql("postgres", &drop);
        }
        self.mongo
            .with(|client| async move { client.database(CATALOG).drop().await.unwrap() });
    }
}

fn of_step<'a>(told: &'a Value, name: &str) -> Vec<&'a Value> {
    let steps = told["steps"].as_array().unwrap();
    steps.iter().filter(|step| step["step"] == name).collect()
}

#[test]
fn two_engines_are_rehearsed_migrated_and_rolled_back_together() {
    let scene = Scene::new();
    let before = scene.content();
    let ran = scene.run().expect_code(0);
    let told = ran.json();
    assert_eq!(told["state"], "completed", "{ran}");
    assert_eq!(told["as_rehearsed"], true, "{ran}");
    assert_eq!(of_step(&told, "proof").len(), 2);
    assert_eq!(of_step(&told, "rehearsal").len(), 1);
    let migrated = scene.content();
    assert_ne!(before.0, migrated.0);
    assert_ne!(before.1, migrated.1);
    let rolled = scene.bookend.succeed(&["rollback", "--json"]).json();
    assert_eq!(rolled["state"], "rolled_back", "{rolled:#}");
    // Both proven before either changes places.
    let names: Vec<&str> = rolled["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["step"].as_str().unwrap())
        .collect();
    let last_proof = names.iter().rposition(|name| *name == "proof").unwrap();
    let first_swap = names.iter().position(|name| *name == "swap").unwrap();
    assert!(last_proof < first_swap, "{names:?}");
    assert_eq!(scene.content(), before);
    let status = scene.bookend.succeed(&["status", "--json"]).json();
    assert_eq!(status["state"], "rolled_back");
    assert_eq!(status["left_behind"], serde_json::json!([]));
}
