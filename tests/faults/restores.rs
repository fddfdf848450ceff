//! Restores that must not happen.

use super::common::PASSWORD;
use super::scene::{Scene, expect};

#[test]
fn a_taken_name_is_refused_with_a_free_one() {
    let scene = Scene::small("taken");
    scene.archive();
    let name = scene.database.name();
    let free = format!("--into {name}_2");
    for words in [
        vec!["restore", "latest", "--into", name, "--json"],
        vec![
            "restore",
            "latest",
            "--into",
            &scene.database.url(),
            "--json",
        ],
    ] {
        let output = scene.bookend.run(&words);
        expect(
            &output,
            4,
            "name-taken",
            &[name, &free, "nothing was touched"],
        );
    }
    let output = scene
        .bookend
        .run(&["restore", "latest", "--into", "postgres", "--json"]);
    expect(&output, 4, "name-taken", &["postgres"]);
    scene.is_untouched();
}

#[test]
fn a_name_that_the_server_would_cut_is_refused() {
    let scene = Scene::small("long");
    scene.archive();
    let long = "é".repeat(32);
    for name in [&"x".repeat(64), &long] {
        let output = scene
            .bookend
            .run(&["restore", "latest", "--into", name, "--json"]);
        expect(&output, 2, "bad-name", &[name, "64 bytes", "63"]);
    }
    let output = scene
        .bookend
        .run(&["restore", "latest", "--into", "", "--json"]);
    assert_eq!(output.code, Some(2), "{output}");
    scene.is_untouched();
}

/// A source whose own name has 63 bytes: what is put behind it for the copy must fit.
#[test]
fn a_database_with_the_longest_name_is_backed_up_and_proven() {
    let server = super::common::Server::shared(super::common::Version::V16);
    let name = "n".repeat(63);
    let database = server.database_named(&name);
    database.psql("CREATE TABLE t AS SELECT 1 AS x");
    let bookend = super::common::Bookend::new().env("DATABASE_URL", database.url());
    let output = bookend.succeed(&["backup", "--prove", "--json"]);
    assert_eq!(output.json()["proof"], "identical", "{output}");
    let output = bookend.run(&["restore", "latest", "--into", &name, "--json"]);
    let free = format!("{}_2", "n".repeat(61));
    expect(&output, 4, "name-taken", &[&free]);
}

#[test]
fn a_role_without_the_right_to_create_databases_is_told_how_to_get_it() {
    let scene = Scene::small("rights");
    let role = format!("{}_reader", scene.database.name());
    scene.server.psql(
        "postgres",
        &format!("CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_read_all_data"),
    );
    scene.archive();
    let url = scene.server.url_of(&role, PASSWORD, scene.database.name());
    let fix = "CREATEDB".to_owned();
    let before = scene.bookend.succeed(&["status", "--json"]).stdout;
    for words in [
        vec![
            "restore", "latest", "--into", "never", "--on", &url, "--json",
        ],
        vec!["verify", "latest", "--prove", "--prove-on", &url, "--json"],
    ] {
        let output = scene.bookend.run(&words);
        expect(
            &output,
            4,
            "missing",
            &["the right to create databases", &role, &fix],
        );
    }
    assert_eq!(scene.bookend.succeed(&["status", "--json"]).stdout, before);
    let output = scene
        .bookend
        .run(&["run", "--json", &url, "--", "touch", "started"]);
    assert_ne!(output.code, Some(0), "{output}");
    assert!(!scene.bookend.work().join("started").exists(), "{output}");
    eprintln!("{output}");
    scene.is_untouched();
    scene.server.psql("postgres", &format!("DROP ROLE {role}"));
}

/// A role that may not read one table: the backup fails and names it.
#[test]
fn a_table_that_may_not_be_read_fails_the_backup_by_name() {
    let scene = Scene::small("forbidden");
    let role = format!("{}_reader", scene.database.name());
    let sql = format!(
        "CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}';
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role};
         GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {role};
         REVOKE ALL ON orders FROM {role}"
    );
    scene.database.psql(&sql);
    let url = scene.server.url_of(&role, PASSWORD, scene.database.name());
    let output = scene.bookend.run(&["backup", "--json", &url]);
    assert!(matches!(output.code, Some(1 | 7)), "{output}");
    assert!(output.stderr.contains("orders"), "{output}");
    assert!(output.stderr.contains("pg_read_all_data"), "{output}");
    assert!(scene.bookend.archives().is_empty());
    scene
        .database
        .psql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

#[test]
fn an_archive_is_not_restored_to_another_server_by_accident() {
    let scene = Scene::small("elsewhere");
    scene.archive();
    let other = super::common::Server::shared(super::common::Version::V18);
    // The same database name on another server, and nothing that leads to the archive's own.
    let on = other.url("postgres");
    let output = scene.bookend.run(&[
        "restore",
        "latest",
        "--into",
        "elsewhere_copy",
        "--on",
        &on,
        "--json",
    ]);
    assert_eq!(output.code, Some(0), "{output}");
    other.psql("postgres", "DROP DATABASE elsewhere_copy");
    scene.is_untouched();
}
