//! kill -9 in the middle of a step: what `status` says, and that the next run works.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::common::{Bookend, TestDatabase};
use super::{IDLE, UNREHEARSED, arguments, copies, server, sh, shop, status, step};

/// A session that keeps others from reading a table.
pub struct LockHolder {
    psql: Child,
    url: String,
}

impl LockHolder {
    pub fn of(shop: &TestDatabase) -> Self {
        let mut psql = Command::new(shop.server().tool("psql"))
            .args(["-qAt", &shop.url()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let stdin = psql.stdin.as_mut().unwrap();
        writeln!(stdin, "BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE;").unwrap();
        let url = shop.name().to_owned();
        let holder = Self { psql, url };
        holder.wait_until("granted AND mode = 'AccessExclusiveLock'");
        holder
    }

    /// Waits until somebody waits for the table.
    pub fn wait_for_a_waiter(&self) {
        self.wait_until("NOT granted");
    }

    fn wait_until(&self, what: &str) {
        let begun = Instant::now();
        let question = format!(
            "SELECT count(*) > 0 FROM pg_locks WHERE relation = 'orders'::regclass AND {what}"
        );
        while server().psql(&self.url, &question).trim() != "t" {
            assert!(begun.elapsed() < Duration::from_secs(60), "nobody: {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn release(&mut self) {
        drop(self.psql.stdin.take());
        self.psql.wait().unwrap();
    }
}

impl Drop for LockHolder {
    fn drop(&mut self) {
        let _ = self.psql.kill();
        let _ = self.psql.wait();
    }
}

fn advice(told: &serde_json::Value) -> String {
    told["advice"].to_string()
}

#[test]
fn a_crash_during_the_backup_is_explained_and_the_next_run_works() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let url = shop.url();
    let mut holder = LockHolder::of(&shop);
    let running = bookend.spawn(&arguments(&url, &[], &IDLE));
    holder.wait_for_a_waiter();
    running.signal(Signal::SIGKILL);
    drop(running);
    holder.release();
    let told = status(&bookend);
    assert_eq!(told["state"], "interrupted");
    assert_eq!(step(&told, "before")["state"], "unknown");
    assert!(
        advice(&told).contains("COMMAND was not started"),
        "{told:#}"
    );
    assert_eq!(told["left_behind"][0]["kind"], "file", "{told:#}");
    assert!(bookend.archives().is_empty());
    bookend.succeed(&arguments(&url, &[], &IDLE));
    assert_eq!(status(&bookend)["state"], "completed");
}

#[test]
fn a_crash_during_the_proof_names_the_copy_and_how_to_drop_it() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let url = shop.url();
    shop.psql(&format!(
        "CREATE FUNCTION slow() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
           IF current_database() <> '{}' THEN PERFORM pg_sleep(8); END IF;
           RETURN 1; END $$;
         CREATE MATERIALIZED VIEW slow_view AS SELECT slow()",
        shop.name()
    ));
    let running = bookend.spawn(&arguments(&url, &[], &sh("touch started")));
    let begun = Instant::now();
    let asleep = "SELECT datname FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    let copy = loop {
        let copy = server().psql("postgres", asleep);
        if !copy.trim().is_empty() {
            break copy.trim().to_owned();
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "no copy");
        std::thread::sleep(Duration::from_millis(20));
    };
    running.signal(Signal::SIGKILL);
    drop(running);
    let told = status(&bookend);
    assert_eq!(told["state"], "interrupted");
    assert_eq!(step(&told, "proof")["state"], "unknown");
    assert!(
        advice(&told).contains("COMMAND was not started"),
        "{told:#}"
    );
    assert!(!bookend.work().join("started").exists());
    let left = &told["left_behind"][0];
    assert_eq!(
        (&left["kind"], left["name"].as_str()),
        (&"database".into(), Some(copy.as_str()))
    );
    assert_eq!(left["run"], told["run"]);
    bookend.succeed(&["copies", "drop", &copy, "--on", &url]);
    assert_eq!(copies(&shop), "");
    let told = status(&bookend);
    assert_eq!(told["left_behind"].as_array().unwrap().len(), 0, "{told:#}");
}

#[test]
fn a_crash_during_the_migration_is_unknown_and_never_a_success() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let url = shop.url();
    let command =
        sh("echo $$ > pid; echo here; while [ ! -e go ]; do sleep 0.05; done; touch ended");
    let running = bookend.spawn(&arguments(&url, &UNREHEARSED, &command));
    running.wait_for_stderr("here");
    running.signal(Signal::SIGKILL);
    drop(running);
    let told = status(&bookend);
    assert_eq!(told["state"], "interrupted");
    assert_eq!(step(&told, "migration")["state"], "unknown");
    assert!(advice(&told).contains("not known"), "{told:#}");
    assert!(
        told["undo"][0]
            .as_str()
            .unwrap()
            .starts_with("bookend rollback")
    );
    let text = bookend.succeed(&["status"]).stdout;
    assert!(text.contains("unknown: its end was not seen"), "{text}");
    // The command is on its own now; end it.
    let pid = std::fs::read_to_string(bookend.work().join("pid")).unwrap();
    let _ = kill(Pid::from_raw(pid.trim().parse().unwrap()), Signal::SIGKILL);
    while std::path::Path::new(&format!("/proc/{}", pid.trim())).exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    bookend.succeed(&arguments(&url, &[], &IDLE));
    let told = status(&bookend);
    assert_eq!(told["state"], "completed");
    assert_eq!(told["runs"][1]["state"], "interrupted");
}

/// Of a run that goes well.
const RECORDS: usize = 22;

/// Where exactly the process is when it is killed is up to chance; what is promised holds
/// wherever it is: `status` explains, `resume` or `abort` ends it, a second one has nothing to
/// do, and the source is before or after the migration and never between.
#[test]
fn a_crash_after_any_record_is_ended_by_resume_or_abort() {
    let shop = shop(server());
    let url = shop.url();
    // Passwords are in no journal; this is one of the usual places.
    let bookend = Bookend::new().env("DATABASE_URL", url.clone());
    let command = sh("psql -qc 'ALTER TABLE users ADD email text'; touch over");
    let whole = content(&shop);
    for records in 1..RECORDS {
        let way = if records % 2 == 0 { "abort" } else { "resume" };
        let killed = killed_after(records, &bookend, &arguments(&url, &[], &command));
        let told = status(&bookend);
        if !killed {
            assert_eq!(told["state"], "completed", "{told:#}");
        } else if told["state"] == "interrupted" {
            let migration = step(&told, "migration")["state"].clone();
            if migration == "unknown" {
                wait_for_the_command();
            }
            end_it(&bookend, &shop, way, &told, records);
        }
        assert_eq!(copies(&shop), "", "after {records} records");
        let closed = "SELECT count(*) FROM pg_database
                       WHERE datname = current_database() AND NOT datallowconn";
        assert_eq!(shop.psql(closed).trim(), "0", "after {records} records");
        assert_eq!(content(&shop), whole, "after {records} records");
        let told = status(&bookend);
        assert_eq!(told["left_behind"].as_array().unwrap().len(), 0, "{told:#}");
        for archive in bookend.archives() {
            bookend.succeed(&["verify", archive.to_str().unwrap()]);
            std::fs::remove_file(archive).unwrap();
        }
        shop.psql("ALTER TABLE users DROP COLUMN IF EXISTS email");
    }
    bookend.succeed(&arguments(&url, &[], &command));
    assert_eq!(status(&bookend)["state"], "completed");
    let journals = bookend.store().join("runs");
    assert_eq!(
        newest_journal(&journals, 0),
        RECORDS,
        "every record was tried"
    );
}

/// What no migration of this test touches.
fn content(shop: &TestDatabase) -> String {
    shop.psql(
        "SELECT count(*), sum(id), md5(string_agg(name, ',' ORDER BY id)) FROM users;
         SELECT count(*), sum(id), sum(total) FROM orders",
    )
}

fn end_it(bookend: &Bookend, shop: &TestDatabase, way: &str, told: &Value, records: usize) {
    let before = migrated(shop);
    let migration = step(told, "migration")["state"].as_str().unwrap();
    let context = format!("{way} after {records} records: {told:#}");
    match migration {
        "pending" => assert!(!before, "{context}"),
        "ok" => assert!(before, "{context}"),
        _ => assert_eq!(migration, "unknown", "{context}"),
    }
    let ended = bookend.run(&[way, "--json"]);
    let document = ended.json();
    let state = document["state"].as_str().unwrap_or_default().to_owned();
    match (migration, way) {
        ("unknown", _) => assert_eq!(state, "migration_unknown", "{context}{ended}"),
        (_, "resume") => assert_eq!(state, "completed", "{context}{ended}"),
        ("pending", _) => assert_eq!(state, "aborted", "{context}{ended}"),
        _ => assert!(state.starts_with("completed"), "{context}{ended}"),
    }
    let expected = match (migration, way) {
        ("pending", "resume") => true,
        _ => before,
    };
    assert_eq!(migrated(shop), expected, "{context}");
    for way in ["resume", "abort"] {
        let run = told["run"].as_str().unwrap();
        let again = bookend.run(&[way, run]).expect_code(0);
        assert!(again.stdout.contains("nothing to do"), "{again}");
    }
}

fn migrated(shop: &TestDatabase) -> bool {
    let exists = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'email'";
    shop.psql(exists).trim() == "1"
}

/// A command whose bookend was killed goes on; `resume` and `abort` would say so.
fn wait_for_the_command() {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30) {
        let running = super::common::bookend::command_lines_of_all_processes();
        let own = |line: &String| line.contains("ALTER TABLE users ADD email");
        if !running.iter().any(own) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Kills a run as soon as its journal has so many records; false if it was over by then.
fn killed_after(records: usize, bookend: &Bookend, arguments: &[&str]) -> bool {
    let journals = bookend.store().join("runs");
    let before = journals.read_dir().map_or(0, Iterator::count);
    let mut running = bookend.spawn(arguments);
    while !running.ended() && newest_journal(&journals, before) < records {
        std::thread::sleep(Duration::from_millis(1));
    }
    let alive = !running.ended();
    if alive {
        running.signal(Signal::SIGKILL);
    }
    alive
}

/// Whole records of the newest journal; none while there are no more runs than before.
fn newest_journal(journals: &std::path::Path, before: usize) -> usize {
    let Ok(entries) = journals.read_dir() else {
        return 0;
    };
    let mut runs: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    runs.sort();
    match runs.last() {
        Some(newest) if runs.len() > before => std::fs::read(newest.join("journal.jsonl"))
            .map_or(0, |bytes| memchr::memchr_iter(b'\n', &bytes).count()),
        _ => 0,
    }
}
