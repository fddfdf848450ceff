//! Private servers for copies: real ones, with the archive's own server gone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod common;

#[path = "sandbox/crashes.rs"]
mod crashes;
#[path = "sandbox/lodging.rs"]
mod lodging;
#[path = "sandbox/mongodb.rs"]
mod mongodb;
#[path = "sandbox/refusals.rs"]
mod refusals;
#[path = "sandbox/rehearsal.rs"]
mod rehearsal;
#[path = "sandbox/users.rs"]
mod users;

use common::server::Stop;
use common::{Bookend, Server, ServerOptions, Version};
use lodging::Lodging;

/// Owners, grants, policies and a tablespace: everything that lives outside of a database.
fn rich(server: &Server, tablespace: Option<&std::path::Path>) -> String {
    server.psql(
        "postgres",
        "CREATE ROLE keeper LOGIN CREATEDB; CREATE ROLE \"odd \"\"role\" BYPASSRLS;
         CREATE ROLE boss SUPERUSER; CREATE DATABASE shop OWNER keeper",
    );
    let place = tablespace.map_or_else(String::new, |folder| {
        let folder = folder.display();
        server.psql(
            "postgres",
            &format!("CREATE TABLESPACE fast LOCATION '{folder}'"),
        );
        "TABLESPACE fast".to_owned()
    });
    server.psql(
        "shop",
        &format!(
            "CREATE TABLE users (id serial PRIMARY KEY, name text UNIQUE) {place};
             INSERT INTO users (name) SELECT 'user ' || i FROM generate_series(1, 3000) i;
             ALTER TABLE users OWNER TO keeper; GRANT SELECT ON users TO \"odd \"\"role\";
             ALTER TABLE users ENABLE ROW LEVEL SECURITY;
             CREATE POLICY mine ON users TO keeper USING (name = current_user);
             CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
             CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION watch();
             ALTER EVENT TRIGGER watch OWNER TO boss;
             ALTER DEFAULT PRIVILEGES FOR ROLE keeper GRANT SELECT ON TABLES TO boss;
             ALTER ROLE keeper IN DATABASE shop SET work_mem = '8MB';
             SELECT lo_from_bytea(0, 'large')"
        ),
    );
    server.url("shop")
}

#[test]
fn an_archive_is_proven_with_its_own_server_gone() {
    for version in [Version::V16, Version::V18] {
        let server = Server::start(version, &ServerOptions::default());
        let lodging = Lodging::new();
        let folder = lodging.for_servers("tablespace");
        let bookend = lodging.furnish(Bookend::with_tools(version), "");
        bookend.succeed(&["backup", &rich(&server, Some(&folder))]);
        server.stop(Stop::Fast);
        let proof = ["verify", "latest", "--prove", "--prove-on", "sandbox"];
        let json = bookend.succeed(&[&proof[..], &["--json"]].concat()).json();
        assert_eq!(json["verdict"], "identical", "{json}");
        let made = json["sandbox"]["server"].as_str().unwrap();
        assert!(
            made.starts_with(&format!("PostgreSQL {}", version.major())),
            "{json}"
        );
        assert_eq!(json["sandbox"]["original_version"], json["server_version"]);
        let receipt = bookend.work().join(json["receipt"].as_str().unwrap());
        let receipt = std::fs::read_to_string(receipt).unwrap();
        assert!(receipt.contains("\"sandbox\""), "{receipt}");
        let told = bookend.succeed(&proof);
        assert!(told.stdout.contains("identical: "), "{told}");
        assert!(told.stdout.contains("on a sandbox of PostgreSQL"), "{told}");
        assert!(
            told.stdout.contains("without passwords and memberships"),
            "{told}"
        );
        lodging.is_empty();
        assert!(lodging::left_behind(&bookend).is_empty());
    }
}

#[test]
fn a_backup_and_a_run_prove_where_the_configuration_says() {
    let server = Server::shared(Version::V16);
    let shop = server.database("configured");
    shop.psql("CREATE TABLE t AS SELECT i FROM generate_series(1, 100) i");
    let lodging = Lodging::new();
    let bookend = Bookend::with_tools(Version::V16).env("SHOP", shop.url());
    let target = "[target.shop]\nurl = \"env:SHOP\"\nprove_on = \"sandbox\"\n";
    let bookend = lodging.furnish(bookend, target);
    let backup = bookend.succeed(&["backup", "shop", "--prove", "--json"]);
    assert_eq!(backup.json()["proof"], "identical", "{backup}");
    assert!(backup.json()["sandbox"]["server"].is_string(), "{backup}");
    let run = bookend.run(&["run", "shop", "--", "psql", "-qc", "CREATE TABLE n ()"]);
    let run = run.expect_code(0);
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(said.contains("in a sandbox of PostgreSQL 16"), "{said}");
    // Nothing was made beside the original.
    let names = server.psql("postgres", "SELECT datname FROM pg_database");
    assert!(!names.contains("bookend"), "{names}");
    lodging.is_empty();
}

#[test]
fn the_password_of_a_sandbox_is_on_no_command_line_and_nowhere_else() {
    let server = Server::shared(Version::V16);
    let shop = server.database("canary");
    shop.psql("CREATE TABLE t AS SELECT i FROM generate_series(1, 100) i");
    let lodging = Lodging::new();
    let bookend = lodging.furnish(Bookend::with_tools(Version::V16), "");
    bookend.succeed(&["backup", &shop.url()]);
    let watch = lodging.watch();
    let proof = bookend.succeed(&["verify", "latest", "--prove", "--prove-on", "sandbox", "-v"]);
    watch.nowhere_else(&bookend, &proof);
}
