//! Sessions on real servers: their settings, their end, and which server they are on.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeSet;
use std::process::Command;

use bookend::connection::postgres::{SESSION_SETTINGS, Session};
use bookend::connection::{ConnectionError, Environment, Target};
use common::{PASSWORD, Server, ServerOptions, Version};

async fn connect(text: &str, env: &Environment) -> Result<Session, ConnectionError> {
    Target::parse(text, env)?
        .postgres()?
        .connect("bookend test")
        .await
}

async fn value(session: &Session, question: &str) -> String {
    session.query_one(question, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_full_server_and_one_that_shuts_down_are_recognised() {
    let options = ServerOptions {
        settings: vec![
            "max_connections = 4".to_owned(),
            "superuser_reserved_connections = 1".to_owned(),
            "max_wal_senders = 0".to_owned(),
        ],
        ..ServerOptions::default()
    };
    let server = Server::start(Version::V16, &options);
    server.psql("postgres", "CREATE ROLE plain LOGIN PASSWORD 'x'");
    let env = Environment::empty();
    let url = server.url_of("plain", "x", "postgres");
    let mut sessions = Vec::new();
    let error = loop {
        match connect(&url, &env).await {
            Ok(session) => sessions.push(session),
            Err(error) => break error,
        }
        assert!(sessions.len() < 10);
    };
    assert!(
        matches!(error, ConnectionError::TooManyConnections { .. }),
        "{error:?}"
    );
    let session = sessions.pop().unwrap();
    server.stop(common::server::Stop::Fast);
    let error = session.query_one("SELECT 1", &[]).await.unwrap_err();
    let lost = session.lost(&error).unwrap();
    assert!(
        lost.to_string()
            .contains("terminating connection due to administrator command"),
        "{lost}"
    );
}

#[tokio::test]
async fn a_session_has_its_settings_whatever_role_and_database_say() {
    for version in [Version::V16, Version::V18] {
        let server = Server::shared(version);
        let database = server.database("settings");
        let name = database.name();
        server.psql(
            "postgres",
            &format!(
                "ALTER DATABASE {name} SET statement_timeout = '1s';
                 ALTER DATABASE {name} SET idle_session_timeout = '1s';
                 ALTER DATABASE {name} SET lock_timeout = '1s';
                 ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '1s';
                 ALTER DATABASE {name} SET TimeZone = 'Asia/Tokyo';
                 ALTER DATABASE {name} SET DateStyle = 'German';
                 ALTER DATABASE {name} SET bytea_output = 'escape';
                 ALTER DATABASE {name} SET intervalstyle = 'sql_standard';
                 ALTER DATABASE {name} SET standard_conforming_strings = off;
                 ALTER DATABASE {name} SET extra_float_digits = 0;"
            ),
        );
        let session = connect(&database.url(), &Environment::empty())
            .await
            .unwrap();
        for (setting, expected) in SESSION_SETTINGS {
            let found = value(&session, &format!("SHOW {setting}")).await;
            let first = found.split(',').next().unwrap_or_default();
            assert_eq!(first, *expected, "{setting}");
        }
        assert_eq!(value(&session, "SHOW idle_session_timeout").await, "0");
        if version.major() >= 17 {
            assert_eq!(value(&session, "SHOW transaction_timeout").await, "0");
        }
        assert_eq!(
            value(&session, "SHOW application_name").await,
            "bookend test"
        );
        assert_eq!(value(&session, "SHOW client_encoding").await, "UTF8");
        let pid: i32 = session
            .query_one("SELECT pg_backend_pid()", &[])
            .await
            .unwrap()
            .get(0);
        assert_eq!(session.backend_pid(), pid);
        assert_eq!(session.server_major(), version.major());
    }
}

#[tokio::test]
async fn a_tools_session_has_the_same_settings_and_the_users_options() {
    let server = Server::shared(Version::V16);
    let database = server.database("tools");
    let name = database.name();
    server.psql(
        "postgres",
        &format!("ALTER DATABASE {name} SET statement_timeout = '1ms'; ALTER DATABASE {name} SET TimeZone = 'Asia/Tokyo'"),
    );
    let url = format!(
        "{}?options=-c%20search_path%3Dmine%20-c%20timezone%3DEurope%2FParis",
        database.url()
    );
    let target = Target::parse(&url, &Environment::empty()).unwrap();
    let questions: Vec<String> = ["search_path", "application_name", "client_encoding"]
        .into_iter()
        .chain(SESSION_SETTINGS.iter().map(|(setting, _)| *setting))
        .map(|setting| format!("SHOW {setting};"))
        .collect();
    let done = Command::new(server.tool("psql"))
        .args(["-X", "-w", "-A", "-t", "-c", &questions.concat()])
        .env_clear()
        .envs(
            target
                .tool_environment("bookend 7")
                .iter()
                .map(|(name, value)| (name, value.expose())),
        )
        .output()
        .unwrap();
    let answers = String::from_utf8_lossy(&done.stdout).into_owned();
    let found: Vec<&str> = answers.lines().collect();
    assert_eq!(found[..3], ["mine", "bookend 7", "UTF8"], "{done:?}");
    for ((setting, expected), found) in SESSION_SETTINGS.iter().zip(&found[3..]) {
        assert_eq!(
            found.split(',').next().unwrap_or_default(),
            *expected,
            "{setting}"
        );
    }
}

#[tokio::test]
async fn a_session_that_is_ended_is_lost_with_the_servers_words() {
    let server = Server::shared(Version::V18);
    let database = server.database("lost");
    let session = connect(&database.url(), &Environment::empty())
        .await
        .unwrap();
    let ordinary = session.batch_execute("SELECT 1/0").await.unwrap_err();
    assert!(session.lost(&ordinary).is_none());
    server.psql(
        "postgres",
        &format!(
            "SELECT pg_terminate_backend({}, 10000)",
            session.backend_pid()
        ),
    );
    let error = session.query_one("SELECT 1", &[]).await.unwrap_err();
    let lost = session.lost(&error).unwrap();
    assert!(matches!(lost, ConnectionError::Lost { .. }));
    assert!(
        lost.to_string()
            .contains("terminating connection due to administrator command"),
        "{lost}"
    );
}

#[tokio::test]
async fn notices_are_kept_and_statements_can_be_cancelled() {
    let server = Server::shared(Version::V16);
    let database = server.database("notices");
    let session = connect(&database.url(), &Environment::empty())
        .await
        .unwrap();
    session
        .batch_execute("DO $$BEGIN RAISE WARNING 'mind the gap'; END$$")
        .await
        .unwrap();
    let notices = session.notices();
    assert_eq!(
        (notices[0].severity.as_str(), notices[0].message.as_str()),
        ("WARNING", "mind the gap")
    );
    let handle = session.cancel_handle();
    let client = std::sync::Arc::clone(&session.client);
    let sleeping = tokio::spawn(async move { client.batch_execute("SELECT pg_sleep(60)").await });
    let running = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE pid = {} AND query LIKE '%pg_sleep%' AND state = 'active'",
        session.backend_pid()
    );
    while server.psql("postgres", &running).trim() != "1" {
        tokio::task::yield_now().await;
    }
    handle.cancel().await.unwrap();
    let error = sleeping.await.unwrap().unwrap_err();
    assert_eq!(error.code().unwrap().code(), "57014");
    assert!(session.lost(&error).is_none());
}

#[tokio::test]
async fn the_maintenance_database_is_postgres_or_else_template1() {
    let server = Server::start(Version::V16, &ServerOptions::default());
    server.psql("postgres", "CREATE DATABASE shop");
    let target = Target::parse(&server.url("shop"), &Environment::empty()).unwrap();
    let database = async || {
        let session = target
            .postgres()
            .unwrap()
            .connect_maintenance("bookend test")
            .await
            .unwrap();
        value(&session, "SELECT current_database()::text").await
    };
    assert_eq!(database().await, "postgres");
    server.psql("shop", "DROP DATABASE postgres WITH (FORCE)");
    assert_eq!(database().await, "template1");
}

#[tokio::test]
async fn of_several_servers_the_asked_kind_is_taken() {
    let primary = Server::start(Version::V16, &ServerOptions::default());
    let standby = Server::standby_of(&primary);
    standby.catch_up_with(&primary);
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", primary.port(), standby.port());
    for (asked, expected) in [
        ("any", primary.port()),
        ("read-write", primary.port()),
        ("primary", primary.port()),
        ("standby", standby.port()),
        ("read-only", standby.port()),
        ("prefer-standby", standby.port()),
    ] {
        let text =
            format!("postgres://postgres:{PASSWORD}@{hosts}/postgres?target_session_attrs={asked}");
        let target = Target::parse(&text, &Environment::empty()).unwrap();
        let session = target
            .postgres()
            .unwrap()
            .connect("bookend test")
            .await
            .unwrap();
        assert_eq!(
            value(&session, "SHOW port").await,
            expected.to_string(),
            "{asked}"
        );
        // Whoever works on the same snapshot goes to the same server.
        let pinned = target.pinned_to(&session);
        assert_eq!(pinned.port(), expected);
        let ports: BTreeSet<String> = pinned
            .tool_environment("x")
            .into_iter()
            .filter(|(name, _)| name == "PGPORT" || name == "PGTARGETSESSIONATTRS")
            .map(|(_, value)| value.expose().to_owned())
            .collect();
        assert_eq!(ports, BTreeSet::from([expected.to_string()]));
    }
}
