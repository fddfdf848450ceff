//! Locks that others hold, and too many of them.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

use super::common::{Bookend, Server, ServerOptions, Version};
use super::scene::{Scene, expect, wait_until};

/// A session that has a table for itself until it is dropped.
struct Holder(Child);

impl Holder {
    fn of(scene: &Scene, table: &str) -> Self {
        let child = Command::new(scene.server.tool("psql"))
            .args(["-qX", &scene.database.url()])
            .env("PGAPPNAME", "nightly import")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.as_ref().unwrap();
        writeln!(stdin, "BEGIN; LOCK TABLE {table};").unwrap();
        wait_until(
            scene.server,
            scene.database.name(),
            &format!(
                "SELECT count(*) > 0 FROM pg_locks WHERE relation = '{table}'::regclass
                    AND mode = 'AccessExclusiveLock' AND granted"
            ),
        );
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[test]
fn who_holds_a_lock_is_told_and_waited_for_no_longer_than_asked() {
    let scene = Scene::small("locked");
    let holder = Holder::of(&scene, "orders");
    let output = scene
        .bookend
        .run(&["backup", "--json", "--lock-timeout", "2s"]);
    expect(
        &output,
        1,
        "locked",
        &[
            "orders",
            scene.database.name(),
            "nightly import",
            "pid ",
            "--lock-timeout",
        ],
    );
    assert!(output.took < Duration::from_secs(15), "{:?}", output.took);
    drop(holder);
    scene.is_untouched();
}

#[test]
fn a_lock_that_is_given_back_in_time_is_waited_for() {
    let scene = Scene::small("patient");
    let holder = Holder::of(&scene, "orders");
    let running = scene.bookend.spawn(&["backup", "--progress", "plain"]);
    running.wait_for_stderr("nightly import");
    drop(holder);
    let _ = running.wait().expect_code(0);
    scene.is_untouched();
}

#[test]
fn waiting_for_a_lock_can_be_interrupted() {
    let scene = Scene::small("impatient");
    let holder = Holder::of(&scene, "orders");
    let running = scene.bookend.spawn(&["backup", "--json"]);
    scene.wait_until(
        "SELECT count(*) > 0 FROM pg_stat_activity
          WHERE application_name LIKE 'bookend%' AND wait_event_type = 'Lock'
            AND datname LIKE 'impatient%'",
    );
    running.signal(Signal::SIGTERM);
    let output = running.wait();
    expect(&output, 143, "interrupted", &["SIGTERM"]);
    drop(holder);
    scene.is_untouched();
}

#[test]
fn too_many_tables_for_the_locks_of_the_server_name_setting_and_number() {
    let settings = [
        "max_connections = 10",
        "max_prepared_transactions = 0",
        "max_locks_per_transaction = 10",
        "autovacuum = off",
    ];
    let settings = settings.map(str::to_owned).to_vec();
    let options = ServerOptions {
        settings,
        ..ServerOptions::default()
    };
    let server = Server::start(Version::V16, &options);
    let database = server.database("many");
    let create = |from: u32, to: u32| {
        let sql = format!(
            "DO $$ BEGIN FOR n IN {from}..{to} LOOP EXECUTE format('CREATE TABLE t%s (n int)', n); END LOOP; END $$"
        );
        database.psql(&sql);
    };
    for step in 0..30 {
        create(step * 50, step * 50 + 49);
    }
    let bookend = Bookend::new().env("DATABASE_URL", database.url());
    let output = bookend.run(&["backup", "--json"]);
    expect(
        &output,
        1,
        "too-many-locks",
        &[
            "1500 tables",
            "max_locks_per_transaction is 10",
            "set max_locks_per_transaction = ",
        ],
    );
    assert!(bookend.archives().is_empty());
    // And the number that it names is enough.
    let text = output.json()["error"]["hint"].as_str().unwrap().to_owned();
    let number = text
        .split(['=', ' '])
        .find_map(|word| word.parse::<u32>().ok())
        .unwrap();
    server.psql(
        "postgres",
        &format!("ALTER SYSTEM SET max_locks_per_transaction = {number}"),
    );
    server.stop(super::common::server::Stop::Fast);
    server.start_again();
    bookend.succeed(&["backup", "--json"]);
}
