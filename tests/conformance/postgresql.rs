//! PostgreSQL's side of the suite.

use std::path::PathBuf;

use bookend::connection::EngineKind;

use crate::common::{Bookend, PASSWORD, Server, Version};
use crate::harness::{Change, Harness};

/// A server of version 16, with the tools of 18.
pub struct Postgresql;

fn server() -> &'static Server {
    Server::shared(Version::V16)
}

impl Harness for Postgresql {
    fn engine(&self) -> &'static str {
        "postgresql"
    }

    fn kind(&self) -> EngineKind {
        EngineKind::Postgresql
    }

    fn program(&self) -> Bookend {
        Bookend::new().env("PGPASSWORD", PASSWORD)
    }

    fn tools(&self) -> Vec<PathBuf> {
        vec![Version::V18.bin()]
    }

    fn url(&self, database: &str) -> String {
        server().url(database)
    }

    fn make(&self, database: &str) {
        server().psql("postgres", &format!("CREATE DATABASE {database}"));
        server().psql(
            database,
            "CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, age int);
             CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers);
             INSERT INTO customers SELECT i, 'customer ' || i, i % 90 FROM generate_series(1, 500) i;
             INSERT INTO orders SELECT i, 1 + i % 500 FROM generate_series(1, 2000) i;",
        );
    }

    fn exists(&self, database: &str) -> bool {
        let sql = format!("SELECT count(*) FROM pg_database WHERE datname = '{database}'");
        server().psql("postgres", &sql).trim() == "1"
    }

    fn drop(&self, database: &str) {
        let sql = format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)");
        server().psql("postgres", &sql);
    }

    fn printed(&self, object: &str) -> String {
        format!("public.{object}")
    }

    fn count(&self, database: &str, object: &str) -> u64 {
        let counted = server().psql(database, &format!("SELECT count(*) FROM {object}"));
        counted.trim().parse().unwrap()
    }

    fn change(&self, database: &str, change: Change) {
        let sql = match change {
            Change::Value => "UPDATE customers SET name = 'customer 8 ' WHERE id = 7",
            Change::Drop => {
                "DELETE FROM orders WHERE customer = 7; DELETE FROM customers WHERE id = 7"
            }
            Change::Add => "INSERT INTO customers VALUES (1000, 'new', 1)",
            Change::Index => "CREATE INDEX extra_index ON orders (customer)",
            Change::Object => "CREATE TABLE extra (id int)",
        };
        server().psql(database, sql);
    }

    fn migration(&self) -> Vec<String> {
        let rename = "ALTER TABLE customers RENAME name TO full_name";
        ["psql", "-qv", "ON_ERROR_STOP=1", "-c", rename]
            .map(str::to_owned)
            .to_vec()
    }

    fn variables(&self) -> &'static [&'static str] {
        &["DATABASE_URL"]
    }

    fn stock(&self) -> (Vec<PathBuf>, Vec<(&'static str, String)>) {
        let tool = |name: &str| Version::V18.bin().join(name);
        let environment = vec![
            ("PGHOST", "127.0.0.1".to_owned()),
            ("PGPORT", server().port().to_string()),
            ("PGUSER", "postgres".to_owned()),
            ("PGPASSWORD", PASSWORD.to_owned()),
        ];
        (vec![tool("psql"), tool("pg_restore")], environment)
    }

    fn impossible(&self) -> (&'static str, &'static str) {
        ("--consistent", "one point in time")
    }
}
