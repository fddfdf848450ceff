//! `--template`: rehearsals that start from a clone of what was proven once, on real servers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod common;

#[path = "template/clones.rs"]
mod clones;
#[path = "template/crashes.rs"]
mod crashes;
#[path = "template/doubtful.rs"]
mod doubtful;
#[path = "template/refusals.rs"]
mod refusals;

use common::{Bookend, Output, Server, TestDatabase, Version};
use serde_json::Value;

fn server() -> &'static Server {
    Server::shared(Version::V16)
}

/// A small shop with all that a clone does not get from its template by itself.
fn shop(server: &Server) -> TestDatabase<'_> {
    let shop = server.database("shop");
    shop.psql(&format!(
        "CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL);
         CREATE TABLE orders (id bigserial PRIMARY KEY, buyer int REFERENCES users, total numeric);
         INSERT INTO users (name) SELECT 'user ' || i FROM generate_series(1, 500) i;
         INSERT INTO orders (buyer, total) SELECT 1 + i % 500, i FROM generate_series(1, 2000) i;
         DO $$ BEGIN CREATE ROLE template_reader; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
         ALTER DATABASE {name} SET search_path TO public, pg_temp;
         ALTER DATABASE {name} SET work_mem TO '7MB';
         ALTER ROLE template_reader IN DATABASE {name} SET statement_timeout TO '11s';
         REVOKE CONNECT ON DATABASE {name} FROM PUBLIC;
         GRANT CONNECT, TEMPORARY ON DATABASE {name} TO template_reader;
         COMMENT ON DATABASE {name} IS 'the shop''s own words'",
        name = shop.name()
    ));
    shop
}

/// A shop whose archive is the only one of a store.
struct Scene<'a> {
    shop: TestDatabase<'a>,
    bookend: Bookend,
    archive: String,
}

impl Scene<'_> {
    fn new() -> Scene<'static> {
        let (shop, bookend) = (shop(server()), Bookend::new());
        bookend.succeed(&["backup", &shop.url()]);
        let archive = bookend.archives()[0]
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        Scene {
            shop,
            bookend,
            archive,
        }
    }

    /// A scene in which a template was kept already, and its name.
    fn with_template() -> (Scene<'static>, String) {
        let scene = Self::new();
        let document = scene.rehearse(&["--template"], &IDLE).expect_code(0).json();
        let name = step(&document, "proof")["template"]["name"]
            .as_str()
            .unwrap_or_else(|| panic!("no template in {document:#}"))
            .to_owned();
        (scene, name)
    }

    /// `bookend rehearse --json ARCHIVE --prove-on … -- COMMAND`.
    fn rehearse(&self, options: &[&str], command: &[&str]) -> Output {
        let words = self.words(options, command);
        self.bookend.run(&words)
    }

    fn words(&self, options: &[&str], command: &[&str]) -> Vec<String> {
        let on = server().url("postgres");
        let mut words = vec!["rehearse", "--json", &self.archive, "--prove-on", &on];
        words.extend(options);
        words.push("--");
        words.extend(command);
        words.into_iter().map(str::to_owned).collect()
    }

    /// Databases of bookend's making that are there for this shop.
    fn made(&self) -> Vec<String> {
        let listed = server().psql(
            "postgres",
            &format!(
                "SELECT datname FROM pg_database WHERE datname LIKE '{}\\_bookend%'",
                self.shop.name()
            ),
        );
        listed.lines().map(str::to_owned).collect()
    }

    fn copies_list(&self) -> String {
        let url = self.shop.url();
        self.bookend
            .succeed(&["copies", "list", "--on", &url])
            .stdout
    }

    fn drop_copy(&self, name: &str) -> Output {
        let url = self.shop.url();
        self.bookend.run(&["copies", "drop", name, "--on", &url])
    }

    fn status(&self) -> Value {
        self.bookend.succeed(&["status", "--json"]).json()
    }
}

impl Drop for Scene<'_> {
    fn drop(&mut self) {
        for name in self.made() {
            let sql = format!("ALTER DATABASE \"{name}\" IS_TEMPLATE false");
            let _ = server().try_psql("postgres", &sql);
            let sql = format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)");
            let _ = server().try_psql("postgres", &sql);
        }
    }
}

/// A migration that looks and finds nothing to do.
const IDLE: [&str; 3] = ["psql", "-qXc", "SELECT"];

/// A migration written as SQL.
fn sql(statements: &str) -> [&str; 5] {
    ["psql", "-qXv", "ON_ERROR_STOP=1", "-c", statements]
}

fn step<'a>(document: &'a Value, name: &str) -> &'a Value {
    let steps = document["steps"].as_array().expect("a list of steps");
    steps
        .iter()
        .rfind(|step| step["step"] == name)
        .unwrap_or_else(|| panic!("no step {name} in {document:#}"))
}

fn proof_lines(document: &Value) -> String {
    step(document, "proof")["lines"].to_string()
}
