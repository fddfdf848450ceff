//! `--on-failure rollback`.

use super::common::Bookend;
use super::{
    UNREHEARSED, arguments, bracket_json, copies, drop_failed, server, sh, shop, sql, status, step,
};

const ROLLBACK: [&str; 2] = ["--on-failure", "rollback"];

/// Works on the copy and fails on the original.
fn failing(original: &str) -> String {
    format!(
        "psql -qXv ON_ERROR_STOP=1 -c 'ALTER TABLE users ADD email text; DELETE FROM orders WHERE id > 1500'
         test \"$PGDATABASE\" != {original}"
    )
}

#[test]
fn a_failed_migration_is_rolled_back_at_once_and_is_still_a_failure() {
    let shop = shop(server());
    let bookend = Bookend::new().env("DATABASE_URL", shop.url());
    let command = failing(shop.name());
    let options = [&ROLLBACK[..], &["--allow-loss", "*"]].concat();
    let ran = bracket_json(&bookend, &shop.url(), &options, &sh(&command)).expect_code(5);
    let told = ran.json();
    assert_eq!(told["state"], "rolled_back", "{told:#}");
    assert_eq!(told["ok"], false);
    assert_eq!(step(&told, "migration")["state"], "failed");
    let rollback = step(&told, "rollback");
    assert_eq!(rollback["state"], "ok");
    assert!(
        rollback["lines"].to_string().contains("identical"),
        "{rollback:#}"
    );
    assert_eq!(told["undo"], serde_json::json!([]));
    assert!(told["advice"].to_string().contains("_failed_"), "{told:#}");
    assert_eq!(shop.psql("SELECT count(*) FROM orders").trim(), "2000");
    assert_eq!(copies(&shop), "");
    assert_eq!(drop_failed(&shop).trim(), "1500");
    let again = bookend.succeed(&["rollback", "--json"]).json();
    assert_eq!(again["nothing_to_do"], true);
    assert_eq!(status(&bookend)["state"], "rolled_back");
}

#[test]
fn a_failed_check_is_rolled_back_too() {
    let shop = shop(server());
    let bookend = Bookend::new().env("DATABASE_URL", shop.url());
    let check = format!("test \"$PGDATABASE\" != {}", shop.name());
    let options = [&ROLLBACK[..], &["--check", &check]].concat();
    let command = sql("INSERT INTO orders (total) VALUES (1)");
    let ran = bracket_json(&bookend, &shop.url(), &options, &command).expect_code(5);
    assert_eq!(ran.json()["state"], "rolled_back", "{ran}");
    assert_eq!(shop.psql("SELECT count(*) FROM orders").trim(), "2000");
    assert_eq!(drop_failed(&shop).trim(), "2001");
}

#[test]
fn a_migration_that_goes_well_is_not_rolled_back() {
    let shop = shop(server());
    let bookend = Bookend::new().env("DATABASE_URL", shop.url());
    let command = sql("ALTER TABLE users ADD email text");
    let told = bracket_json(&bookend, &shop.url(), &ROLLBACK, &command).expect_code(0);
    assert_eq!(told.json()["state"], "completed");
}

#[test]
fn sessions_of_others_are_not_ended_for_it_and_the_way_back_is_told() {
    let shop = shop(server());
    let bookend = Bookend::new().env("DATABASE_URL", shop.url());
    // COMMAND leaves a session in the database behind.
    let command = sh("psql -qXc 'DELETE FROM orders' ; \
         setsid psql -qXc 'SELECT pg_sleep(600)' >/dev/null 2>&1 & echo $! > left; \
         until psql -qAtXc \"SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(600)'\" | grep -q 1; do :; done; exit 3");
    let options = [&ROLLBACK[..], &UNREHEARSED].concat();
    let ran = bracket_json(&bookend, &shop.url(), &options, &command).expect_code(5);
    let told = ran.json();
    assert_eq!(told["state"], "migration_failed", "{told:#}");
    assert_eq!(step(&told, "rollback")["state"], "failed");
    let message = told["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("not rolled back: "), "{message}");
    let run = told["run"].as_str().unwrap();
    assert_eq!(told["undo"][0], format!("bookend rollback {run}"));
    let allowed = format!(
        "SELECT datallowconn FROM pg_database WHERE datname = '{}'",
        shop.name()
    );
    assert_eq!(server().psql("postgres", &allowed).trim(), "t");
    let ended = bookend
        .run(&["rollback", run, "--end-sessions"])
        .expect_code(0);
    assert!(ended.stdout.contains("what failed is kept"), "{ended}");
    assert_eq!(shop.psql("SELECT count(*) FROM orders").trim(), "2000");
    assert_eq!(drop_failed(&shop).trim(), "0");
}

#[test]
fn a_database_that_cannot_be_put_back_is_not_migrated_with_that_promise() {
    let server = super::common::Server::start(
        super::common::Version::V16,
        &super::common::ServerOptions::default(),
    );
    let bookend = Bookend::new();
    let url = server.url("postgres");
    let options = [&ROLLBACK[..], &UNREHEARSED].concat();
    let ran = bookend
        .run(&arguments(&url, &options, &sql("CREATE TABLE t ()")))
        .expect_code(4)
        .expect_stderr("--on-failure rollback would not be possible");
    assert!(ran.stderr.contains("--on-failure keep"), "{ran}");
    assert_eq!(status(&bookend)["state"], "refused");
    let tables = server.psql(
        "postgres",
        "SELECT count(*) FROM pg_tables WHERE tablename = 't'",
    );
    assert_eq!(tables.trim(), "0");
}
