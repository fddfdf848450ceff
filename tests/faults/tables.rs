//! Tables that change between the snapshot and the locks, or while rows are read.

use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;

use super::common::Server;
use super::scene::{DUMP_AT_ONCE, Scene, big, expect, wait_for_file};

const TABLE: &str =
    "CREATE TABLE t (a int, b int); INSERT INTO t SELECT n, -n FROM generate_series(1, 100) n;
                     CREATE TABLE u AS SELECT generate_series(1, 10) AS n;";

/// A pg_dump that does this to the database before the real one starts, once or always.
fn meddling(scene: &Scene, sql: &str, always: bool) -> String {
    let once = if always {
        ""
    } else {
        "[ -e \"$HERE/done\" ] || "
    };
    let body = format!(
        "{once}\"$PSQL\" -qXc \"{sql}\" >/dev/null || exit 1\n: >\"$HERE/done\"\nexec \"$REAL\" \"$@\""
    );
    scene.fake("pg_dump", &body)
}

/// The rows of `public.t` and what the program said.
fn backed_up(scene: &Scene, sql: &str) -> (Option<u64>, String) {
    let tools = meddling(scene, sql, false);
    let output = scene
        .bookend
        .succeed(&["backup", "--json", "--tool-dir", &tools]);
    let show = scene.bookend.succeed(&["show", "latest", "--json"]).json();
    let objects = show["objects"].as_array().expect("objects");
    let table = objects.iter().find(|object| object["object"] == "public.t");
    let rows = table.map(|table| table["rows"].as_u64().expect("rows"));
    let proof = scene
        .bookend
        .succeed(&["verify", "latest", "--prove", "--json"]);
    assert_eq!(proof.json()["verdict"], "identical");
    (rows, output.stderr)
}

#[test]
fn a_table_truncated_and_refilled_after_the_snapshot_makes_the_backup_start_over() {
    let scene = Scene::with("refilled", TABLE);
    let (rows, said) = backed_up(
        &scene,
        "TRUNCATE t; INSERT INTO t SELECT n, n FROM generate_series(1, 70) n",
    );
    assert_eq!(rows, Some(70), "{said}");
    assert!(
        said.contains("public.t") && said.contains("starting over"),
        "{said}"
    );
}

#[test]
fn a_table_that_is_truncated_again_and_again_fails_by_name() {
    let scene = Scene::with("restless", TABLE);
    let sql = "TRUNCATE t; INSERT INTO t SELECT n, n FROM generate_series(1, 70) n";
    let tools = meddling(&scene, sql, true);
    let output = scene
        .bookend
        .run(&["backup", "--json", "--tool-dir", &tools]);
    expect(
        &output,
        1,
        "moved",
        &["public.t", scene.database.name(), "run it again"],
    );
    assert!(scene.bookend.archives().is_empty());
}

#[test]
fn a_table_rewritten_or_dropped_after_the_snapshot_makes_the_backup_start_over() {
    let rewrite = "ALTER TABLE t ALTER a TYPE bigint";
    for (sql, rows) in [
        (rewrite, Some(100)),
        ("DROP TABLE t", None),
        (
            "DROP TABLE t; CREATE TABLE t AS SELECT 1 AS a, 2 AS b",
            Some(1),
        ),
        ("ALTER TABLE t DROP COLUMN b", Some(100)),
    ] {
        let scene = Scene::with("altered", TABLE);
        let (found, said) = backed_up(&scene, sql);
        assert_eq!(found, rows, "{sql}: {said}");
        assert!(said.contains("starting over"), "{sql}: {said}");
    }
}

/// No rewrite, so the file stays the same: COPY by name would read the wrong column, or none
/// of the old values.
#[test]
fn columns_that_changed_places_after_the_snapshot_make_the_backup_start_over() {
    for sql in [
        "ALTER TABLE t RENAME a TO x; ALTER TABLE t RENAME b TO a; ALTER TABLE t RENAME x TO b",
        "ALTER TABLE t DROP COLUMN b; ALTER TABLE t ADD COLUMN b int",
        "ALTER TABLE t RENAME TO old; CREATE TABLE t (a int, b int); INSERT INTO t VALUES (7, 7)",
    ] {
        let scene = Scene::with("swapped", TABLE);
        let body = format!(
            "[ -e \"$HERE/done\" ] && exec \"$REAL\" \"$@\"\n\"$REAL\" \"$@\" >\"$HERE/out\" || exit 1\n\
             \"$PSQL\" -qXc \"{sql}\" >/dev/null\n: >\"$HERE/done\"\nexec cat \"$HERE/out\""
        );
        let tools = scene.fake("pg_dump", &body);
        let output = scene
            .bookend
            .succeed(&["backup", "--json", "--tool-dir", &tools]);
        assert!(output.stderr.contains("starting over"), "{sql}: {output}");
        let proof = scene
            .bookend
            .succeed(&["verify", "latest", "--prove", "--json"]);
        assert_eq!(proof.json()["verdict"], "identical");
    }
}

/// While rows are read, nobody can change a table; who asks for it is waited behind by a
/// worker's own lock, and the error names who.
#[test]
fn somebody_who_wants_a_table_for_himself_during_the_backup_is_named() {
    let scene = Scene::with("wanted", &(big("first", 30) + ";" + TABLE));
    let tools = scene.fake("pg_dump", DUMP_AT_ONCE);
    let running = scene.bookend.spawn(&[
        "backup",
        "--json",
        "--jobs",
        "1",
        "--compress",
        "zstd:19",
        "--tool-dir",
        &tools,
    ]);
    wait_for_file(&Path::new(&tools).join("ended"));
    scene.wait_for_statement("COPY %first%");
    running.signal(Signal::SIGSTOP);
    let altering = Altering::begin(&scene, "ALTER TABLE t ADD COLUMN c int");
    scene.wait_until(
        "SELECT count(*) > 0 FROM pg_stat_activity
          WHERE query LIKE 'ALTER TABLE t ADD%' AND wait_event_type = 'Lock'",
    );
    running.signal(Signal::SIGCONT);
    let output = running.wait();
    expect(
        &output,
        1,
        "locked",
        &["public.t", "ALTER TABLE t ADD COLUMN c int", "pid "],
    );
    altering.end();
    assert!(scene.bookend.archives().is_empty());
    scene.bookend.succeed(&["backup"]);
}

/// A session asks for the table between pg_dump's lock and ours: it would wait for pg_dump,
/// we for it, and pg_dump for us.
#[test]
fn somebody_between_two_locks_is_let_through() {
    let scene = Scene::with("between", &(big("first", 2) + ";" + TABLE));
    let body = "[ -e \"$HERE/done\" ] && exec \"$REAL\" \"$@\"
: >\"$HERE/done\"
\"$REAL\" \"$@\" | {
    head -c 1
    \"$PSQL\" -qXc 'ALTER TABLE t ADD COLUMN c int' >/dev/null 2>&1 </dev/null &
    until \"$PSQL\" -qXAtc \"SELECT 'waits' FROM pg_stat_activity WHERE query LIKE 'ALTER TABLE t%'
        AND wait_event_type = 'Lock' AND datname = current_database()\" </dev/null | grep -q waits
    do sleep 0.05; done
    cat
}";
    let tools = scene.fake("pg_dump", body);
    let output = scene.bookend.succeed(&[
        "backup",
        "--json",
        "--lock-timeout",
        "60s",
        "--tool-dir",
        &tools,
    ]);
    assert!(output.took.as_secs() < 30, "{output}");
    let columns = scene
        .database
        .psql("SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0");
    assert_eq!(columns.trim(), "3");
}

/// A statement in a session of its own.
struct Altering(std::process::Child);

impl Altering {
    fn begin(scene: &Scene, sql: &str) -> Self {
        let server: &Server = scene.server;
        let child = Command::new(server.tool("psql"))
            .args(["-qX", "-c", sql])
            .arg(scene.database.url())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn end(mut self) {
        assert!(self.0.wait().unwrap().success());
    }
}
