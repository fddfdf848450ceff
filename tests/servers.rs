//! The harness itself: servers start, are reachable as promised, and are gone with the test.

mod common;

use common::server::Stop;
use common::{Server, ServerOptions, Version};

#[test]
fn both_versions_start_and_answer() {
    for version in [Version::V16, Version::V18] {
        let server = Server::shared(version);
        let printed = server.psql("postgres", "SHOW server_version_num");
        assert!(
            printed.starts_with(&version.major().to_string()),
            "{printed}"
        );
    }
}

#[test]
fn databases_are_dropped_with_their_value_whatever_their_name() {
    let server = Server::shared(Version::V16);
    let count = |name: &str| {
        let name = name.replace('\'', "''");
        let sql = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
        server.psql("postgres", &sql).trim().to_owned()
    };
    let name = "a=b 'c' \"d\" \\e $(f) %g";
    let database = server.database_named(name);
    assert_eq!(database.psql("SELECT current_database()").trim(), name);
    assert_eq!(count(name), "1");
    drop(database);
    assert_eq!(count(name), "0");
}

#[test]
fn an_error_in_the_middle_is_reported() {
    let database = Server::shared(Version::V16).database("errors");
    let said = database
        .try_psql("SELECT 1; SELECT nothing; SELECT 2")
        .unwrap_err();
    assert!(said.contains("nothing"), "{said}");
}

#[test]
fn a_server_of_ones_own_survives_a_crash_and_takes_settings() {
    let settings = vec!["max_locks_per_transaction = 10".to_owned()];
    let options = ServerOptions {
        settings,
        ..ServerOptions::default()
    };
    let server = Server::start(Version::V18, &options);
    assert_eq!(
        server
            .psql("postgres", "SHOW max_locks_per_transaction")
            .trim(),
        "10"
    );
    server.psql("postgres", "CREATE TABLE kept AS SELECT 1 AS x; CHECKPOINT");
    for how in [Stop::Fast, Stop::Immediate, Stop::Crash] {
        server.stop(how);
        assert!(server.try_psql("postgres", "SELECT 1").is_err());
        server.start_again();
        assert_eq!(server.psql("postgres", "SELECT x FROM kept").trim(), "1");
    }
}

#[test]
fn a_standby_follows_its_primary() {
    let primary = Server::start(Version::V16, &ServerOptions::default());
    let standby = Server::standby_of(&primary);
    primary.psql("postgres", "CREATE TABLE followed AS SELECT 7 AS x");
    standby.catch_up_with(&primary);
    assert_eq!(
        standby.psql("postgres", "SELECT x FROM followed").trim(),
        "7"
    );
    assert_eq!(
        standby
            .psql("postgres", "SELECT pg_is_in_recovery()")
            .trim(),
        "t"
    );
}

#[test]
fn a_wrong_password_is_refused_and_the_right_one_is_not() {
    let server = Server::shared(Version::V18);
    let connect = |url: String| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            tokio_postgres::connect(&url, tokio_postgres::NoTls)
                .await
                .map(drop)
        })
    };
    connect(server.url("postgres")).unwrap();
    let refused = connect(server.url_of("postgres", "wrong", "postgres")).unwrap_err();
    assert_eq!(
        refused.code(),
        Some(&tokio_postgres::error::SqlState::INVALID_PASSWORD),
        "{refused}"
    );
}
