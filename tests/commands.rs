//! The commands on archives and copies, end to end against real servers: what they print,
//! their JSON keys, their exit codes, and what is left when they are interrupted.

mod common;

use common::{Bookend, Output, PASSWORD, Server, TestDatabase, Version};
use nix::sys::signal::Signal;
use serde_json::Value;

const SHOP: &str = "
    CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, age int);
    CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers);
    INSERT INTO customers SELECT i, 'customer ' || i, i % 90 FROM generate_series(1, 500) i;
    INSERT INTO orders SELECT i, 1 + i % 500 FROM generate_series(1, 2000) i;";

fn shop(version: Version) -> TestDatabase<'static> {
    let database = Server::shared(version).database("shop");
    database.psql(SHOP);
    database
}

/// A runner that knows the password as `psql` would.
fn bookend() -> Bookend {
    Bookend::new().env("PGPASSWORD", PASSWORD)
}

fn backup(bookend: &Bookend, database: &TestDatabase<'_>) -> Value {
    bookend
        .succeed(&["backup", &database.url(), "--json"])
        .json()
}

fn keys(document: &Value, expected: &[&str]) {
    for key in expected {
        assert!(
            document.get(key).is_some(),
            "{key} is missing in {document}"
        );
    }
}

fn discards_its_secrets(output: &Output) {
    assert!(!format!("{output}").contains(PASSWORD), "{output}");
}

#[test]
fn a_backup_is_taken_listed_shown_and_verified() {
    let (bookend, database) = (bookend(), shop(Version::V16));
    let taken = bookend.succeed(&["backup", &database.url(), "--json", "--tag", "nightly"]);
    discards_its_secrets(&taken);
    let taken = taken.json();
    keys(
        &taken,
        &[
            "archive",
            "id",
            "consistent",
            "objects",
            "rows",
            "bytes_raw",
            "bytes_stored",
            "seconds",
            "proof",
        ],
    );
    assert_eq!(taken["ok"], true);
    assert_eq!(taken["rows"], 2500);
    assert_eq!(taken["consistent"], true);
    assert_eq!(taken["proof"], Value::Null);
    let id = taken["id"].as_str().unwrap();
    assert!(id.ends_with("-nightly"), "{id}");

    let list = bookend.succeed(&["list", "--json"]).json();
    let listed = &list["archives"][0];
    keys(
        listed,
        &[
            "id",
            "path",
            "target",
            "engine",
            "tag",
            "created_at",
            "bytes_stored",
            "rows",
            "proof",
        ],
    );
    assert_eq!(
        (&listed["id"], &listed["tag"]),
        (&taken["id"], &"nightly".into())
    );

    let shown = bookend.succeed(&["show", "latest"]);
    assert!(shown.stdout.contains("public.customers"), "{shown}");
    assert!(shown.stdout.contains("CREATE ROLE"), "{shown}");
    let shown = bookend.succeed(&["show", id, "--json"]).json();
    assert_eq!(shown["rows"], 2500);

    let verified = bookend.succeed(&["verify", "latest", "--json"]).json();
    assert_eq!(verified["verdict"], "intact");
    assert_eq!(verified["differences"], serde_json::json!([]));
}

#[test]
fn a_proof_is_kept_and_leaves_no_database_behind() {
    let (bookend, database) = (bookend(), shop(Version::V18));
    let taken = bookend
        .succeed(&["backup", &database.url(), "--prove", "--json"])
        .json();
    assert_eq!(taken["proof"], "identical");
    let proven = bookend
        .succeed(&["verify", "latest", "--prove", "--json"])
        .json();
    assert_eq!(proven["verdict"], "identical");
    let list = bookend.succeed(&["list", "--json"]).json();
    assert_eq!(list["archives"][0]["proof"], "identical");
    let copies = bookend
        .succeed(&["copies", "list", "--on", &database.url(), "--json"])
        .json();
    let made: Vec<&str> = copies["copies"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|copy| copy["archive"] == taken["id"])
        .filter_map(|copy| copy["name"].as_str())
        .collect();
    assert!(made.is_empty(), "{copies}");
    assert_eq!(copies["announced"], serde_json::json!([]));
}

#[test]
fn a_proof_can_go_to_another_server() {
    let (bookend, database) = (bookend(), shop(Version::V16));
    let elsewhere = Server::shared(Version::V18).url("postgres");
    let arguments = [
        "backup",
        &database.url(),
        "--prove",
        "--prove-on",
        &elsewhere,
        "--json",
    ];
    let taken = bookend.succeed(&arguments).json();
    assert_eq!(taken["proof"], "identical");
}

#[test]
fn an_archive_knows_its_server_and_no_password() {
    let database = shop(Version::V16);
    let without = Bookend::new();
    let taken = backup(&without, &database);
    let archive = taken["archive"].as_str().unwrap();
    let output = without.run(&["verify", archive, "--prove"]).expect_code(7);
    assert!(output.stderr.contains("PGPASSWORD"), "{output}");
    let with_url = without.env("DATABASE_URL", database.url());
    let output = with_url.succeed(&["verify", archive, "--prove"]);
    discards_its_secrets(&output);
}

#[test]
fn an_archive_of_another_server_is_not_restored_by_chance() {
    let (bookend, database) = (bookend(), shop(Version::V16));
    backup(&bookend, &database);
    let url = Server::shared(Version::V18).url("postgres");
    bookend.write("url.txt", "");
    let target = format!("[target.{}]\nurl = \"env:OTHER\"\n", database.name());
    bookend.write("bookend.toml", &target);
    let bookend = bookend.env("OTHER", url);
    let output = bookend.run(&["verify", "latest", "--prove"]).expect_code(2);
    assert!(output.stderr.contains("--prove-on"), "{output}");
}

#[test]
fn a_restore_makes_a_new_database_and_never_overwrites() {
    let (bookend, database) = (bookend(), shop(Version::V16));
    backup(&bookend, &database);
    let name = format!("{}_restored", database.name());
    let output = bookend.succeed(&["restore", "latest", "--into", &name, "--json"]);
    discards_its_secrets(&output);
    let restored = output.json();
    keys(&restored, &["database", "url", "seconds", "verdict"]);
    assert_eq!(restored["database"], name);
    assert_eq!(restored["verdict"], "identical");
    let server = database.server();
    assert_eq!(
        server.psql(&name, "SELECT count(*) FROM orders").trim(),
        "2000"
    );

    let taken = bookend
        .run(&["restore", "latest", "--into", &name, "--json"])
        .expect_code(4);
    assert_eq!(taken.json()["error"]["code"], "name-taken");
    assert!(
        taken.json()["error"]["hint"]
            .as_str()
            .unwrap()
            .contains("--into"),
        "{taken}"
    );

    let kept = bookend
        .run(&["copies", "drop", &name, "--on", &database.url()])
        .expect_code(4);
    assert!(kept.stderr.contains("is not dropped"), "{kept}");
    let never = bookend
        .run(&["copies", "drop", database.name(), "--on", &database.url()])
        .expect_code(4);
    assert!(never.stderr.contains("is not dropped"), "{never}");
    server.psql("postgres", &format!("DROP DATABASE {name}"));
}

#[test]
fn a_restore_can_go_to_another_server_by_url_and_without_proof() {
    let (bookend, database) = (bookend(), shop(Version::V16));
    backup(&bookend, &database);
    let other = Server::shared(Version::V18);
    let name = format!("{}_elsewhere", database.name());
    let url = other.url(&name);
    let output = bookend.succeed(&[
        "restore",
        "latest",
        "--into",
        &url,
        "--no-proof",
        "drill",
        "--json",
    ]);
    assert_eq!(output.json()["verdict"], Value::Null);
    assert!(
        output
            .stderr
            .contains("not compared with the archive: drill"),
        "{output}"
    );
    assert_eq!(
        other.psql(&name, "SELECT count(*) FROM customers").trim(),
        "500"
    );
    other.psql("postgres", &format!("DROP DATABASE {name}"));
    let _ = bookend
        .run(&["restore", "latest", "--into", &url, "--on", &url])
        .expect_code(2)
        .expect_stderr("--into names a server already");
}

#[test]
fn two_archives_are_the_same_or_differ() {
    let (bookend, database) = (bookend(), shop(Version::V16));
    let before = backup(&bookend, &database);
    let again = backup(&bookend, &database);
    let [before, again] = [&before, &again].map(|taken| taken["id"].as_str().unwrap());
    let same = bookend.succeed(&["diff", before, again, "--json"]).json();
    assert_eq!(
        (&same["same"], &same["loss"]),
        (&true.into(), &false.into())
    );

    database.psql(
        "ALTER TABLE customers RENAME name TO full_name; ALTER TABLE customers DROP age;
         CREATE INDEX late ON orders (customer)",
    );
    let after = backup(&bookend, &database);
    let after = after["id"].as_str().unwrap();
    let output = bookend
        .run(&["diff", before, after, "--json"])
        .expect_code(3);
    let found = output.json();
    assert_eq!(
        (&found["same"], &found["loss"]),
        (&false.into(), &true.into())
    );
    keys(
        &found["objects"][0],
        &["object", "change", "rows_before", "rows_after", "columns"],
    );
    let text = bookend.run(&["diff", before, after]).expect_code(3).stdout;
    for line in [
        "column name → full_name (same values)",
        "- column age",
        "+ index late",
        "lost: ",
    ] {
        assert!(text.contains(line), "no {line:?} in {text}");
    }
    let data = bookend
        .run(&["diff", before, after, "--data"])
        .expect_code(3)
        .stdout;
    assert!(!data.contains("index"), "{data}");
    let schema = bookend
        .run(&["diff", before, after, "--schema"])
        .expect_code(3)
        .stdout;
    assert!(!schema.contains("lost:"), "{schema}");
}

#[test]
fn a_damaged_archive_is_exit_3_and_names_the_table() {
    let (bookend, database) = (bookend(), shop(Version::V16));
    let taken = backup(&bookend, &database);
    let path = bookend.work().join(taken["archive"].as_str().unwrap());
    let bytes = std::fs::read(&path).unwrap();
    let frame = bytes
        .windows(4)
        .position(|window| window == [0x28, 0xb5, 0x2f, 0xfd])
        .expect("a compressed chunk");
    let mut flipped = bytes.clone();
    flipped[frame + 20] ^= 1;
    std::fs::write(&path, &flipped).unwrap();
    for arguments in [
        &["verify", "latest", "--json"][..],
        &["verify", "latest", "--prove", "--json"],
    ] {
        let output = bookend.run(arguments).expect_code(3);
        let document = output.json();
        assert_eq!(document["verdict"], "damaged", "{output}");
        let object = document["differences"][0]["object"].as_str().unwrap();
        assert!(object.starts_with("public."), "{output}");
    }
    let restored = bookend
        .run(&["restore", "latest", "--into", "never_made"])
        .expect_code(3);
    assert!(restored.stderr.contains("is damaged"), "{restored}");

    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let name = path.to_str().unwrap();
    let output = bookend.run(&["verify", name, "--json"]).expect_code(3);
    assert_eq!(output.json()["verdict"], "damaged", "{output}");
}

#[test]
fn doctor_tells_what_fails_and_how_to_fix_it() {
    let database = shop(Version::V16);
    let fine = bookend()
        .succeed(&["doctor", &database.url(), "--json"])
        .json();
    assert_eq!(fine["ok"], true);
    assert!(
        fine["checks"]
            .as_array()
            .unwrap()
            .iter()
            .all(|check| check["state"] != "failure")
    );

    let no_tools = bookend().path(&["/nonexistent".into()]);
    let output = no_tools.run(&["doctor", &database.url()]);
    // Debian's own tools may stand in the folders that are always looked through.
    if output.code != Some(0) {
        let output = output.expect_code(6);
        assert!(output.stdout.contains("FAIL  pg_dump"), "{output}");
        assert!(output.stdout.contains("fix: "), "{output}");
    }

    let server = database.server();
    let role = format!("{}_reader", database.name());
    server.psql(
        "postgres",
        &format!("CREATE ROLE {role} LOGIN PASSWORD 'x'"),
    );
    let url = server.url_of(&role, "x", database.name());
    let output = bookend().run(&["doctor", &url]).expect_code(7);
    assert!(
        output.stdout.contains("GRANT SELECT ON public.customers"),
        "{output}"
    );
    server.psql("postgres", &format!("DROP ROLE {role}"));
}

#[test]
fn a_wrong_password_is_exit_7_and_not_repeated() {
    let database = shop(Version::V16);
    let url = database
        .server()
        .url_of("postgres", "c4nary-wrong", database.name());
    let output = Bookend::new().run(&["backup", &url, "-v"]).expect_code(7);
    assert!(
        output.stderr.contains("did not accept the password"),
        "{output}"
    );
    assert!(!format!("{output}").contains("c4nary"), "{output}");
}

/// Holds a lock that a backup waits for, without a session that could end.
struct Held<'a>(&'a TestDatabase<'a>);

impl<'a> Held<'a> {
    fn on(database: &'a TestDatabase<'a>) -> Self {
        database.psql(&format!(
            "BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE; PREPARE TRANSACTION '{}'",
            database.name()
        ));
        Self(database)
    }

    fn wait_for_a_waiter(&self) {
        let sql = "SELECT count(*) FROM pg_locks WHERE NOT granted
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let begun = std::time::Instant::now();
        while self.0.psql(sql).trim() == "0" {
            assert!(begun.elapsed().as_secs() < 60, "nobody waits for the lock");
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0
            .psql(&format!("ROLLBACK PREPARED '{}'", self.0.name()));
    }
}

#[test]
fn a_signal_ends_a_backup_in_order() {
    let database = shop(Version::V16);
    let held = Held::on(&database);
    for (signal, code, name) in [
        (Signal::SIGINT, 130, "SIGINT"),
        (Signal::SIGTERM, 143, "SIGTERM"),
    ] {
        let bookend = bookend();
        let running = bookend.spawn(&["backup", &database.url(), "--json"]);
        held.wait_for_a_waiter();
        running.signal(signal);
        let output = running.wait().expect_code(code);
        let document = output.json();
        assert_eq!(document["error"]["code"], "interrupted", "{output}");
        assert_eq!(
            document["error"]["message"],
            format!("interrupted by {name}")
        );
        assert!(bookend.archives().is_empty());
        let sessions = "SELECT count(*) FROM pg_stat_activity
                         WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let begun = std::time::Instant::now();
        while database.psql(sessions).trim() != "0" {
            assert!(begun.elapsed().as_secs() < 10, "a session is still there");
        }
    }
}

#[test]
fn a_lock_that_is_held_too_long_names_table_and_holder() {
    let database = shop(Version::V16);
    let server = database.server();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Ended by `pg_terminate_backend` below.
            let _ = database.try_psql(
                "BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)",
            );
        });
        let sleeping = format!(
            "FROM pg_stat_activity WHERE datname = '{}' AND wait_event = 'PgSleep'",
            database.name()
        );
        while server
            .psql("postgres", &format!("SELECT count(*) {sleeping}"))
            .trim()
            == "0"
        {}
        let bookend = bookend();
        let output = bookend.run(&["backup", &database.url(), "--lock-timeout", "1s", "--json"]);
        server.psql(
            "postgres",
            &format!("SELECT pg_terminate_backend(pid) {sleeping}"),
        );
        let output = output.expect_code(1);
        let error = &output.json()["error"];
        assert_eq!(error["code"], "locked", "{output}");
        assert!(
            error["message"].as_str().unwrap().contains("orders"),
            "{output}"
        );
        assert!(
            error["causes"][0].as_str().unwrap().contains("pid "),
            "{output}"
        );
        assert!(bookend.archives().is_empty());
    });
}

#[test]
fn a_second_signal_ends_at_once_and_nothing_of_ours_keeps_running() {
    let database = shop(Version::V16);
    let held = Held::on(&database);
    let bookend = bookend();
    let running = bookend.spawn(&["backup", &database.url(), "--json"]);
    held.wait_for_a_waiter();
    let tools = children_of(running.pid());
    assert!(!tools.is_empty(), "pg_dump should run");
    running.signal(Signal::SIGINT);
    running.signal(Signal::SIGTERM);
    let output = running.wait();
    // Two signals in a row may be one to the program: then it ended in order.
    assert!(matches!(output.code, Some(130 | 143)), "{output}");
    assert_eq!(output.json()["error"]["code"], "interrupted", "{output}");
    let begun = std::time::Instant::now();
    while tools.iter().any(|pid| runs(*pid)) {
        assert!(begun.elapsed().as_secs() < 10, "a tool is still running");
    }
}

fn children_of(parent: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

/// The fourth field of `/proc/PID/stat`, counted behind the name, which can hold anything.
fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok()
}

/// Whether a process is there and no zombie.
fn runs(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|stat| Some(stat.rsplit_once(')')?.1.trim_start().starts_with('Z')))
        .is_some_and(|zombie| !zombie)
}

#[test]
fn after_a_kill_the_next_backup_works_and_cleans_up() {
    let database = shop(Version::V16);
    let bookend = bookend();
    {
        let held = Held::on(&database);
        let running = bookend.spawn(&["backup", &database.url()]);
        held.wait_for_a_waiter();
        running.signal(Signal::SIGKILL);
        assert_eq!(running.wait().code, None);
    }
    assert!(bookend.archives().is_empty());
    let looked = bookend.succeed(&["doctor", &database.url()]);
    assert!(looked.stdout.contains("1 half-written file"), "{looked}");
    let taken = bookend.succeed(&["backup", &database.url(), "--json"]);
    assert!(taken.stdout.contains("half-written"), "{taken}");
    assert_eq!(bookend.archives().len(), 1);
    let looked = bookend.succeed(&["doctor", &database.url()]);
    assert!(!looked.stdout.contains("half-written"), "{looked}");
}

#[test]
fn a_store_without_room_publishes_nothing() {
    let database = shop(Version::V16);
    let bookend = bookend();
    // A limit on the size of files stands in for a full disk: writing fails the same way.
    let mut command = std::process::Command::new("/bin/sh");
    command
        .args([
            "-c",
            "trap '' 25; ulimit -f 8; exec \"$0\" \"$@\"",
            env!("CARGO_BIN_EXE_bookend"),
        ])
        .args(["backup", &database.url(), "--json", "--compress", "none"]);
    let output = bookend.spawn_command(command).wait().expect_code(1);
    let error = &output.json()["error"];
    assert_eq!(error["code"], "archive-io", "{output}");
    assert!(bookend.archives().is_empty());
    assert_eq!(
        std::fs::read_dir(bookend.store())
            .unwrap()
            .flatten()
            .filter(is_partial)
            .count(),
        0
    );
}

fn is_partial(entry: &std::fs::DirEntry) -> bool {
    entry.file_name().to_string_lossy().ends_with(".partial")
}
