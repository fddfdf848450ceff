//! Ways to a MongoDB server: TLS, certificates, users, several members, DNS records; and where
//! a password must not be.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../common/mod.rs"]
mod common;

mod dns;
mod members;
mod secrets;
mod tls;
mod users;

use std::path::PathBuf;

use bson::{Document, doc};
use common::mongo::mongo_tools;
use common::{Bookend, Mongo};

/// Where the tools are.
fn folders() -> Vec<PathBuf> {
    vec![mongo_tools(), "/usr/bin".into(), "/bin".into()]
}

fn bookend() -> Bookend {
    Bookend::new().path(&folders())
}

/// Puts so many documents into a collection.
fn fill(server: &Mongo, database: &str, collection: &str, count: i32) {
    server.with(|client| async move {
        let all = (0..count).map(|n| doc! { "_id": n, "pad": "x".repeat(500) });
        let collection = client.database(database).collection::<Document>(collection);
        collection.insert_many(all).await.unwrap();
    });
}

/// A backup with its proof, by this URL.
fn proven(url: &str) -> serde_json::Value {
    let made = bookend()
        .succeed(&["--json", "backup", url, "--prove"])
        .json();
    assert_eq!(made["proof"], "identical", "{made}");
    made
}
