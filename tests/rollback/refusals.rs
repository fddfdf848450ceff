//! What cannot be rolled back is found first, and nothing is touched.

use super::common::{Bookend, Server, Version};
use super::{LOSSY, Scene};

#[test]
fn without_a_swap_the_proven_copy_is_published_beside() {
    let scene = Scene::new();
    let before = scene.content(scene.name());
    scene.migrate("ALTER TABLE users ADD email text");
    let migrated = scene.content(scene.name());
    let told = scene.rollback(&["--no-swap"]).expect_code(0).json();
    assert_eq!(told["state"], "completed");
    let beside = told["targets"][0]["published"].as_str().unwrap().to_owned();
    assert!(
        beside.starts_with(&format!("{}_before_", scene.name())),
        "{beside}"
    );
    assert_eq!(scene.content(&beside), before);
    assert_eq!(scene.content(scene.name()), migrated);
    assert!(!told.to_string().contains(super::common::PASSWORD));
    let text = scene.bookend.succeed(&["rollback", "--no-swap"]).stdout;
    assert!(text.contains("point the application at"), "{text}");
}

#[test]
fn the_database_postgres_is_not_renamed() {
    let server = Server::start(Version::V16, &super::common::ServerOptions::default());
    let bookend = Bookend::new().env("DATABASE_URL", server.url("postgres"));
    server.psql("postgres", "CREATE TABLE t (x int)");
    bookend.succeed(&[
        "run",
        "--no-rehearsal",
        "x",
        "--accept-writes",
        "x",
        "--",
        "psql",
        "-qc",
        "DROP TABLE t",
    ]);
    let refused = bookend.run(&["rollback"]).expect_code(4);
    let _ = refused.expect_stderr("--no-swap");
    let told = bookend.succeed(&["rollback", "--no-swap", "--json"]).json();
    let beside = told["targets"][0]["published"].as_str().unwrap();
    assert_eq!(server.psql(beside, "SELECT count(*) FROM t").trim(), "0");
}

#[test]
fn a_run_that_changed_nothing_has_nothing_to_roll_back() {
    let scene = Scene::new();
    let refused = scene.rollback(&[]).expect_code(2);
    assert!(refused.stdout.contains("no-such-run"), "{refused}");
    // The program is there and not to be run: the run is over before it.
    let words = [
        "run",
        "--json",
        "--no-rehearsal",
        "x",
        "--accept-writes",
        "x",
        "--",
        "/etc/passwd",
    ];
    let run = scene.bookend.run(&words);
    if run.code == Some(2) {
        return;
    }
    scene.rollback(&["latest"]).expect_code(4).json();
}

#[test]
fn an_archive_that_is_damaged_is_refused_and_nothing_is_held_off() {
    let scene = Scene::new();
    let run = scene.migrate(LOSSY);
    let path = run["archives"][0]["path"].as_str().unwrap();
    let path = scene.bookend.work().join(path);
    let mut bytes = std::fs::read(&path).unwrap();
    let frame = memchr::memmem::find(&bytes, b"\x28\xb5\x2f\xfd").unwrap();
    bytes[frame + 20] ^= 0x55;
    std::fs::write(&path, bytes).unwrap();
    let refused = scene.rollback(&[]);
    assert_ne!(refused.code, Some(0), "{refused}");
    assert_eq!(scene.databases(), [scene.name()]);
    assert!(scene.takes_connections());
}

#[test]
fn what_follows_the_database_by_name_is_told() {
    let server = Server::start(
        Version::V16,
        &super::common::ServerOptions {
            settings: vec!["wal_level = logical".to_owned()],
            ..Default::default()
        },
    );
    let shop = server.database_named("followed");
    shop.psql("CREATE TABLE t (x int); SELECT pg_create_logical_replication_slot('followers', 'pgoutput');");
    server.psql("postgres", "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER leads_there FOREIGN DATA WRAPPER w OPTIONS (dbname 'followed')");
    let bookend = Bookend::new().env("DATABASE_URL", server.url("followed"));
    bookend.succeed(&[
        "run",
        "--no-rehearsal",
        "x",
        "--accept-writes",
        "x",
        "--",
        "psql",
        "-qc",
        "DROP TABLE t",
    ]);
    let told = bookend.succeed(&["rollback", "--json"]).json();
    let followers = told["followers"].to_string();
    assert!(
        followers.contains("replication slot followers"),
        "{followers}"
    );
    assert!(
        followers.contains("foreign server leads_there in database postgres"),
        "{followers}"
    );
}
