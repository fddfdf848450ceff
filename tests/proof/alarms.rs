//! No false alarms: whatever a database holds, an untouched copy of it is identical.

use std::os::unix::fs::PermissionsExt as _;

use bookend::engine::{Discrepancy, RestoreRequest};

use crate::common::database::quote;
use crate::common::{Server, ServerOptions, Version};
use crate::restored::{Restored, loaded, shown, without_subscription};

/// Settings that change how values and definitions are printed, and everything else that lives
/// beside the database.
const SETTINGS: &str = r#"
ALTER DATABASE {} SET timezone TO 'Asia/Kathmandu';
ALTER DATABASE {} SET bytea_output TO 'escape';
ALTER DATABASE {} SET DateStyle TO 'SQL, DMY';
ALTER DATABASE {} SET IntervalStyle TO 'sql_standard';
ALTER DATABASE {} SET extra_float_digits TO 0;
ALTER DATABASE {} SET standard_conforming_strings TO off;
ALTER DATABASE {} SET search_path TO "$user", 'a.b', "we,ird", public;
ALTER DATABASE {} SET statement_timeout TO '7min';
ALTER DATABASE {} SET lock_timeout TO '1min';
ALTER DATABASE {} SET app.tenant TO E'a''b\\c';
ALTER DATABASE {} CONNECTION LIMIT 50;
ALTER DATABASE {} OWNER TO nasty_owner;
ALTER ROLE nasty_reader IN DATABASE {} SET work_mem TO '5MB';
REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC;
GRANT CONNECT ON DATABASE {} TO nasty_reader WITH GRANT OPTION;
COMMENT ON DATABASE {} IS E'ours\n''line''';
"#;

async fn comes_back_identical(version: Version, request: RestoreRequest) {
    comes_back_identical_by(version, version, request).await;
}

async fn comes_back_identical_by(tools: Version, server: Version, request: RestoreRequest) {
    let database = loaded(Server::shared(server), "nasty.sql");
    database.psql(&SETTINGS.replace("{}", &quote(database.name())));
    let restored = Restored::with_tools(tools, &database, &request).await;
    let found = shown(&restored.differences(&restored.copy).await);
    restored.discard().await;
    without_subscription(&database);
    assert_eq!(found, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_object_comes_back_identical_on_16() {
    comes_back_identical(Version::V16, RestoreRequest::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_object_comes_back_identical_on_18() {
    comes_back_identical(Version::V18, RestoreRequest::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_object_comes_back_identical_by_newer_tools() {
    comes_back_identical_by(Version::V18, Version::V16, RestoreRequest::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_to_be_left_out_is_no_difference() {
    let all = RestoreRequest::default;
    for request in [
        RestoreRequest {
            no_owner: true,
            no_privileges: true,
            ..all()
        },
        RestoreRequest {
            no_owner: true,
            ..all()
        },
        RestoreRequest {
            no_privileges: true,
            ..all()
        },
        RestoreRequest {
            schema_only: true,
            ..all()
        },
    ] {
        comes_back_identical(Version::V18, request).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_in_the_template_are_no_difference() {
    let server = Server::start(Version::V16, &ServerOptions::default());
    server.psql(
        "template1",
        "CREATE TABLE of_template (id int PRIMARY KEY);
         CREATE SCHEMA also;
         CREATE EXTENSION vector;",
    );
    let database = server.database("made_of_it");
    database.psql("INSERT INTO of_template VALUES (1)");
    let restored = Restored::of(&database, &RestoreRequest::default()).await;
    assert_eq!(shown(&restored.differences(&restored.copy).await), "");
    restored.discard().await;
}

/// What is done to the copy, what undoes it, and the kind, expected and found that it makes.
const OF_THE_DATABASE: [[&str; 5]; 6] = [
    [
        "ALTER DATABASE {} SET timezone TO 'CET'",
        "ALTER DATABASE {} SET timezone TO 'UTC'",
        "setting",
        "TimeZone=UTC",
        "TimeZone=CET",
    ],
    [
        "ALTER DATABASE {} SET work_mem TO '5MB'",
        "ALTER DATABASE {} RESET work_mem",
        "setting",
        "nothing",
        "work_mem=5MB",
    ],
    [
        "ALTER ROLE postgres IN DATABASE {} SET work_mem TO '5MB'",
        "ALTER ROLE postgres IN DATABASE {} RESET work_mem",
        "setting",
        "nothing",
        "postgres: work_mem=5MB",
    ],
    [
        "ALTER DATABASE {} RESET timezone",
        "ALTER DATABASE {} SET timezone TO 'UTC'",
        "setting",
        "TimeZone=UTC",
        "missing",
    ],
    [
        "REVOKE CREATE ON DATABASE {} FROM pg_monitor",
        "GRANT CREATE ON DATABASE {} TO pg_monitor",
        "grant",
        "GRANT CREATE TO pg_monitor",
        "missing",
    ],
    [
        "REVOKE CONNECT ON DATABASE {} FROM PUBLIC",
        "GRANT CONNECT ON DATABASE {} TO PUBLIC",
        "grant",
        "nothing",
        "REVOKE CONNECT FROM PUBLIC",
    ],
];

/// A clone of a copy would not have these: they are done to the copy itself, and undone.
#[tokio::test(flavor = "multi_thread")]
async fn differences_of_the_database_itself_are_found() {
    let server = Server::shared(Version::V18);
    let database = server.database("itself");
    let before =
        "ALTER DATABASE {} SET timezone TO 'UTC'; GRANT CREATE ON DATABASE {} TO pg_monitor";
    database.psql(&before.replace("{}", &quote(database.name())));
    let restored = Restored::of(&database, &RestoreRequest::default()).await;
    for [done, undone, kind, expected, found] in OF_THE_DATABASE {
        let on_copy =
            |sql: &str| server.psql("postgres", &sql.replace("{}", &quote(&restored.copy.name)));
        on_copy(done);
        let differences = restored.differences(&restored.copy).await;
        let wanted = Discrepancy {
            object: database.name().to_owned(),
            kind: kind.to_owned(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        };
        assert_eq!(shown(&differences), shown(&[wanted]), "after {done}");
        on_copy(undone);
    }
    assert_eq!(shown(&restored.differences(&restored.copy).await), "");
    restored.discard().await;
}

/// Tables of an extension hold rows of the user's, of which the extension says which ones; the
/// rest comes with `CREATE EXTENSION`.
#[tokio::test(flavor = "multi_thread")]
async fn configuration_tables_of_extensions_come_along() {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("extension");
    std::fs::create_dir(&files).unwrap();
    let readable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), readable.clone()).unwrap();
    std::fs::set_permissions(&files, readable).unwrap();
    let control = "default_version = '1.0'\nrelocatable = false\nschema = shopext\n";
    std::fs::write(files.join("shopext.control"), control).unwrap();
    std::fs::write(
        files.join("shopext--1.0.sql"),
        "CREATE TABLE rates (code text PRIMARY KEY, rate numeric, own boolean DEFAULT true);
         INSERT INTO rates VALUES ('stock', 1, false);
         CREATE SEQUENCE tickets;
         CREATE TABLE untouched (id int);
         INSERT INTO untouched VALUES (1);
         SELECT pg_catalog.pg_extension_config_dump('rates', 'WHERE own');
         SELECT pg_catalog.pg_extension_config_dump('tickets', '');",
    )
    .unwrap();
    let options = ServerOptions {
        settings: vec![format!(
            "extension_control_path = '{}:$system'",
            folder.path().display()
        )],
        ..ServerOptions::default()
    };
    let server = Server::start(Version::V18, &options);
    let database = server.database("configured");
    database.psql("CREATE EXTENSION shopext");
    database.psql("INSERT INTO shopext.rates VALUES ('ours', 2), ('mine', 3)");
    database.psql("SELECT setval('shopext.tickets', 55)");
    let restored = Restored::of(&database, &RestoreRequest::default()).await;
    assert_eq!(shown(&restored.differences(&restored.copy).await), "");
    let rows = "SELECT count(*), (SELECT last_value FROM shopext.tickets) FROM shopext.rates";
    assert_eq!(server.psql(&restored.copy.name, rows).trim(), "3|55");
    for (sql, wanted) in [
        (
            "DELETE FROM shopext.rates WHERE code = 'mine'",
            "  shopext.rates · rows: expected 2 rows, found 1 row\n",
        ),
        (
            "SELECT nextval('shopext.tickets')",
            "  shopext.tickets · sequence: expected 55, called, found 56, called\n",
        ),
    ] {
        let found = restored.differences_after(&server, sql).await;
        assert_eq!(shown(&found), wanted, "after {sql}");
    }
    restored.discard().await;
}
