//! `bookend rollback` on real PostgreSQL servers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod common;

#[path = "rollback/crashes.rs"]
mod crashes;
#[path = "rollback/refusals.rs"]
mod refusals;
#[path = "rollback/sessions.rs"]
mod sessions;
#[path = "rollback/several.rs"]
mod several;
#[path = "rollback/swaps.rs"]
mod swaps;

use common::{Bookend, Output, Server, TestDatabase, Version};
use serde_json::Value;

const SHOP: &str = "
    CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL);
    CREATE TABLE orders (id bigserial PRIMARY KEY, buyer int REFERENCES users, total numeric);
    INSERT INTO users (name) SELECT 'user ' || i FROM generate_series(1, 300) i;
    INSERT INTO orders (buyer, total) SELECT 1 + i % 300, i FROM generate_series(1, 1000) i;
    SELECT lo_from_bytea(0, 'a large object');";

/// A shop, a store of its own, and bookend that finds the shop in `DATABASE_URL`.
struct Scene {
    server: &'static Server,
    bookend: Bookend,
    shop: TestDatabase<'static>,
}

impl Scene {
    fn new() -> Self {
        Self::named("shop")
    }

    fn named(name: &str) -> Self {
        let server = Server::shared(Version::V16);
        let shop = server.database(name);
        shop.psql(SHOP);
        Self::of(server, shop, None)
    }

    fn of(server: &'static Server, shop: TestDatabase<'static>, url: Option<String>) -> Self {
        let url = url.unwrap_or_else(|| shop.url());
        let bookend = Bookend::new().env("DATABASE_URL", url);
        Self {
            server,
            bookend,
            shop,
        }
    }

    /// A run with this SQL as its migration; gives its document.
    fn migrate(&self, sql: &str) -> Value {
        let command = ["psql", "-qv", "ON_ERROR_STOP=1", "-c", sql];
        let reasons = ["--no-rehearsal", "a test", "--accept-writes", "a test"];
        let words = [&["run", "--json"], &reasons[..], &["--"], &command].concat();
        self.bookend.run(&words).json()
    }

    fn rollback(&self, options: &[&str]) -> Output {
        self.bookend
            .run(&[&["rollback", "--json"], options].concat())
    }

    /// What tells two states apart: every row, and the tables' columns.
    fn content(&self, database: &str) -> String {
        self.server.psql(
            database,
            "SELECT 'u', count(*), coalesce(sum(hashtext(u::text)), 0) FROM users u
             UNION ALL SELECT 'o', count(*), coalesce(sum(hashtext(o::text)), 0) FROM orders o
             UNION ALL SELECT 'c' || attrelid::regclass || attname, attnum, atttypid::bigint
               FROM pg_attribute WHERE attrelid IN ('users'::regclass, 'orders'::regclass) AND attnum > 0
                AND NOT attisdropped
             ORDER BY 1",
        )
    }

    fn name(&self) -> &str {
        self.shop.name()
    }

    /// Databases of this scene: the shop and what was made beside it.
    fn databases(&self) -> Vec<String> {
        let sql = format!(
            "SELECT datname FROM pg_database WHERE {} ORDER BY 1",
            self.ours()
        );
        let names = self.server.psql("postgres", &sql);
        names.lines().map(str::to_owned).collect()
    }

    /// The shop and what was made beside it: `shop_1`, `shop_1_failed_…`, never `shop_10`.
    fn ours(&self) -> String {
        let (name, pattern) = (self.name(), self.name().replace('_', "\\_"));
        format!("(datname = '{name}' OR datname LIKE '{pattern}\\_%')")
    }

    /// The shop as it was migrated, still in its place, and nothing else beside it.
    fn is_not_rolled_back(&self, migrated: &str) {
        assert_eq!(self.content(self.name()), migrated);
        assert_eq!(self.databases(), [self.name()]);
        assert!(self.takes_connections());
    }

    fn takes_connections(&self) -> bool {
        let sql = format!(
            "SELECT bool_and(datallowconn) FROM pg_database WHERE {}",
            self.ours()
        );
        self.server.psql("postgres", &sql).trim() == "t"
    }

    /// The shop is as before and proven so; what failed is kept with its content.
    fn is_rolled_back(&self, told: &Value, before: &str, failed: &str) {
        assert_eq!(told["state"], "rolled_back", "{told:#}");
        let kept = told["targets"][0]["kept_as"].as_str().unwrap();
        assert_eq!(self.databases(), [self.name(), kept], "{told:#}");
        assert!(self.takes_connections());
        assert_eq!(self.content(self.name()), before);
        assert_eq!(self.content(kept), failed);
        let archive = told["archives"][0]["id"].as_str().unwrap();
        self.bookend
            .succeed(&["backup", "--tag", "now", "--json"])
            .json();
        let difference = self.bookend.run(&["diff", archive, "latest"]);
        assert_eq!(difference.code, Some(0), "{difference}");
        let list = self.bookend.succeed(&["copies", "list", "--json"]).json();
        let copies = list["copies"].as_array().unwrap();
        let kind = |name: &str| {
            let one = copies.iter().find(|one| one["name"] == name);
            one.map(|one| (one["kind"].clone(), one["genuine"].clone()))
        };
        let genuine = |kind: &str| Some((kind.into(), true.into()));
        assert_eq!(kind(kept), genuine("kept"));
        assert_eq!(kind(self.name()), genuine("provenance"));
        let left = self.bookend.succeed(&["status", "--json"]).json();
        assert_eq!(left["left_behind"], serde_json::json!([]), "{left:#}");
    }

    fn drop_kept(&self) {
        for name in self.databases() {
            if name != self.name() {
                let sql = format!("DROP DATABASE \"{name}\" WITH (FORCE)");
                self.server.psql("postgres", &sql);
            }
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.drop_kept();
        }
    }
}

fn step<'a>(document: &'a Value, name: &str) -> &'a Value {
    let steps = document["steps"].as_array().expect("a list of steps");
    steps
        .iter()
        .find(|step| step["step"] == name)
        .unwrap_or_else(|| panic!("no step {name} in {document:#}"))
}

const LOSSY: &str = "ALTER TABLE users DROP COLUMN name; DELETE FROM orders WHERE id > 500";
