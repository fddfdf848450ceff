//! MongoDB's side of the suite.

use std::path::PathBuf;

use bookend::connection::EngineKind;
use bson::{Document, doc};

use crate::common::mongo::{commands, mongo_tools, with_client};
use crate::common::{Bookend, Deployment, Mongo};
use crate::harness::{Change, Harness};

/// A replica set of one member.
pub struct Mongodb;

fn server() -> &'static Mongo {
    Mongo::shared(Deployment::ReplicaSet)
}

impl Harness for Mongodb {
    fn engine(&self) -> &'static str {
        "mongodb"
    }

    fn kind(&self) -> EngineKind {
        EngineKind::Mongodb
    }

    fn program(&self) -> Bookend {
        Bookend::new().path(&[mongo_tools(), "/usr/bin".into(), "/bin".into()])
    }

    fn tools(&self) -> Vec<PathBuf> {
        vec![mongo_tools()]
    }

    fn url(&self, database: &str) -> String {
        server().url(database)
    }

    fn make(&self, database: &str) {
        let customers =
            (1..=500).map(|n| doc! { "_id": n, "name": format!("customer {n}"), "age": n % 90 });
        let orders = (1..=2000).map(|n| doc! { "_id": n, "customer": 1 + n % 500 });
        let (customers, orders): (Vec<_>, Vec<_>) = (customers.collect(), orders.collect());
        let all = vec![
            doc! { "insert": "customers", "documents": customers },
            doc! { "insert": "orders", "documents": orders },
        ];
        server().with(|client| async move { commands(&client, database, all).await });
    }

    fn exists(&self, database: &str) -> bool {
        server().databases().iter().any(|name| name == database)
    }

    fn drop(&self, database: &str) {
        server().with(|client| async move { client.database(database).drop().await.unwrap() });
    }

    fn printed(&self, object: &str) -> String {
        object.to_owned()
    }

    fn count(&self, database: &str, object: &str) -> u64 {
        server().with(|client| async move {
            let collection = client.database(database).collection::<Document>(object);
            collection.count_documents(doc! {}).await.unwrap()
        })
    }

    fn change(&self, database: &str, change: Change) {
        let command = match change {
            Change::Value => doc! { "update": "customers", "updates": [
            { "q": { "_id": 7 }, "u": { "$set": { "name": "customer 8 " } } }] },
            Change::Drop => {
                doc! { "delete": "customers", "deletes": [{ "q": { "_id": 7 }, "limit": 1 }] }
            }
            Change::Add => {
                doc! { "insert": "customers", "documents": [{ "_id": 1000, "name": "new", "age": 1 }] }
            }
            Change::Index => doc! { "createIndexes": "orders", "indexes": [
            { "key": { "customer": 1 }, "name": "extra" }] },
            Change::Object => doc! { "create": "extra" },
        };
        server().with(|client| async move { commands(&client, database, vec![command]).await });
    }

    fn migration(&self) -> Vec<String> {
        let program = std::env::current_exe().unwrap();
        [
            program.to_str().unwrap(),
            "--ignored",
            "--exact",
            "migration_program",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    fn variables(&self) -> &'static [&'static str] {
        &["MONGODB_URI", "MONGO_URL", "MONGO_URI"]
    }

    fn stock(&self) -> (Vec<PathBuf>, Vec<(&'static str, String)>) {
        let environment = vec![("MONGODB_URI", server().url(""))];
        (vec![mongo_tools().join("mongorestore")], environment)
    }

    fn impossible(&self) -> (&'static str, &'static str) {
        ("--schema-only", "mongodump")
    }
}

/// The migration, as a program.
pub fn migrate() {
    let url = std::env::var("MONGODB_URI").unwrap();
    with_client(&url, |client| async move {
        let database = client.default_database().unwrap();
        let customers = database.collection::<Document>("customers");
        let rename = doc! { "$rename": { "name": "full_name" } };
        customers.update_many(doc! {}, rename).await.unwrap();
    });
}
