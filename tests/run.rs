//! `bookend run` and `bookend status` on real servers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod common;

#[path = "run/astray.rs"]
mod astray;
#[path = "run/bracket.rs"]
mod bracket;
#[path = "run/bundling.rs"]
mod bundling;
#[path = "run/commands.rs"]
mod commands;
#[path = "run/crashes.rs"]
mod crashes;
#[path = "run/endings.rs"]
mod endings;
#[path = "run/environment.rs"]
mod environment;
#[path = "run/full_store.rs"]
mod full_store;
#[path = "run/gap.rs"]
mod gap;
#[path = "run/inside.rs"]
mod inside;
#[path = "run/left.rs"]
mod left;
#[path = "run/on_failure.rs"]
mod on_failure;
#[path = "run/rehearsal.rs"]
mod rehearsal;
#[path = "run/replaced.rs"]
mod replaced;
#[path = "run/restarts.rs"]
mod restarts;
#[path = "run/several.rs"]
mod several;
#[path = "run/stayed.rs"]
mod stayed;

use common::{Bookend, Output, Server, TestDatabase, Version};
use serde_json::Value;

/// A small shop.
fn shop(server: &Server) -> TestDatabase<'_> {
    let shop = server.database("shop");
    shop.psql(
        "CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL);
         CREATE TABLE orders (id bigserial PRIMARY KEY, buyer int REFERENCES users, total numeric);
         INSERT INTO users (name) SELECT 'user ' || i FROM generate_series(1, 500) i;
         INSERT INTO orders (buyer, total) SELECT 1 + i % 500, i FROM generate_series(1, 2000) i;",
    );
    shop
}

/// `bookend run --json URL … -- COMMAND`.
fn bracket_json(bookend: &Bookend, url: &str, options: &[&str], command: &[&str]) -> Output {
    bookend.run(&arguments(url, &[&["--json"], options].concat(), command))
}

fn arguments<'a>(url: &'a str, options: &[&'a str], command: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["run", url];
    all.extend(options);
    all.push("--");
    all.extend(command);
    all
}

/// A migration that looks and finds nothing to do.
const IDLE: [&str; 3] = ["psql", "-qXc", "SELECT"];

/// For what only the migration itself shows.
const UNREHEARSED: [&str; 2] = ["--no-rehearsal", "it is the target that matters here"];

/// `bookend run --json --no-rehearsal … URL … -- COMMAND`.
fn unrehearsed_json(bookend: &Bookend, url: &str, options: &[&str], command: &[&str]) -> Output {
    bracket_json(bookend, url, &[&UNREHEARSED, options].concat(), command)
}

/// A migration written as a line of shell.
fn sh(line: &str) -> [&str; 3] {
    ["sh", "-c", line]
}

/// A migration written as SQL.
fn sql(statements: &str) -> [&str; 5] {
    ["psql", "-qv", "ON_ERROR_STOP=1", "-c", statements]
}

fn step<'a>(document: &'a Value, name: &str) -> &'a Value {
    let steps = document["steps"].as_array().expect("a list of steps");
    steps
        .iter()
        .find(|step| step["step"] == name)
        .unwrap_or_else(|| panic!("no step {name} in {document:#}"))
}

/// Databases of bookend's making that are still there for `shop`.
fn copies(shop: &TestDatabase) -> String {
    shop.server().psql(
        "postgres",
        &format!(
            "SELECT datname FROM pg_database WHERE datname LIKE '%bookend%' AND datname LIKE '{}%'",
            shop.name()
        ),
    )
}

/// Drops what a rollback kept; gives the number of orders in it.
fn drop_failed(shop: &TestDatabase) -> String {
    let find = format!(
        "SELECT datname FROM pg_database WHERE datname LIKE '{}_failed_%'",
        shop.name()
    );
    let kept = shop.server().psql("postgres", &find);
    let orders = shop
        .server()
        .psql(kept.trim(), "SELECT count(*) FROM orders");
    let drop = format!("DROP DATABASE \"{}\"", kept.trim());
    shop.server().psql("postgres", &drop);
    orders
}

fn status(bookend: &Bookend) -> Value {
    bookend.succeed(&["status", "--json"]).json()
}

fn server() -> &'static Server {
    Server::shared(Version::V16)
}
