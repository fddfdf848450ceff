//! Commands that go wrong in every way: what they do to the target, and what is said of it.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::common::Bookend;
use super::{
    IDLE, UNREHEARSED, arguments, bracket_json, copies, server, sh, shop, sql, status, step,
    unrehearsed_json,
};

#[test]
fn a_column_that_was_copied_to_the_wrong_rows_is_a_loss() {
    let shop = shop(server());
    let bookend = Bookend::new();
    // The same values, each on the next row: nothing that counts or sums them would notice.
    let command = sql("ALTER TABLE users ADD full_name text;
         UPDATE users SET full_name = (SELECT name FROM users o WHERE o.id = users.id % 500 + 1);
         ALTER TABLE users DROP COLUMN name");
    let ran = bracket_json(&bookend, &shop.url(), &[], &command).expect_code(4);
    let document = ran.json();
    assert_eq!(document["state"], "loss_refused", "{ran}");
    let causes = document["error"]["causes"].to_string();
    assert!(
        causes.contains("--allow-loss public.users.name"),
        "{causes}"
    );
    let lines = step(&document, "rehearsal")["lines"].to_string();
    assert!(!lines.contains("name → full_name (same values)"), "{lines}");
    assert_eq!(shop.psql("SELECT count(name) FROM users").trim(), "500");
    assert_eq!(copies(&shop), "");
}

#[test]
fn a_command_that_fails_half_way_on_the_target_leaves_its_ddl_and_that_is_told() {
    let shop = shop(server());
    let url = shop.url();
    let bookend = Bookend::new().env("PGPASSWORD", super::common::PASSWORD);
    let command = sh("psql -qc 'ALTER TABLE users ADD email text' && exit 3");
    let ran = unrehearsed_json(&bookend, &url, &[], &command).expect_code(5);
    let document = ran.json();
    assert_eq!(document["state"], "migration_failed", "{ran}");
    let advice = document["advice"].as_array().unwrap();
    let advice: Vec<&str> = advice.iter().map(|line| line.as_str().unwrap()).collect();
    assert!(
        advice[0].contains("may have changed it in part"),
        "{advice:?}"
    );
    // What it says to do shows what was left.
    let look = advice
        .iter()
        .find_map(|line| line.strip_prefix("see what changed: "));
    let (backup, diff) = look.unwrap().split_once(" && ").unwrap();
    let words =
        |line: &str| -> Vec<String> { line.split(' ').skip(1).map(str::to_owned).collect() };
    bookend.succeed(&words(backup));
    let shown = bookend.run(&words(diff)).expect_code(3);
    assert!(shown.stdout.contains("email"), "{shown}");
}

#[test]
fn a_command_that_kills_itself_in_the_rehearsal_never_reaches_the_target() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let command = sh("psql -qc 'ALTER TABLE users ADD email text'; kill -9 $$");
    let ran = bracket_json(&bookend, &shop.url(), &[], &command).expect_code(5);
    let document = ran.json();
    assert_eq!(document["state"], "rehearsal_failed", "{ran}");
    assert_eq!(step(&document, "rehearsal")["signal"], 9);
    assert_eq!(step(&document, "migration")["state"], "skipped");
    assert_eq!(copies(&shop), "");
    assert!(shop.try_psql("SELECT email FROM users").is_err());
}

/// Too short to be seen on the original: then the copy was not reached.
#[test]
fn a_command_with_an_address_of_its_own_is_not_taken_for_rehearsed() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let line = format!(
        "psql -qX '{}' -c 'DELETE FROM orders WHERE id = 1'",
        shop.url()
    );
    let ran = bracket_json(&bookend, &shop.url(), &[], &sh(&line)).expect_code(5);
    let document = ran.json();
    assert_eq!(document["state"], "rehearsal_failed", "{ran}");
    assert_eq!(document["error"]["code"], "astray", "{ran}");
    assert_eq!(step(&document, "migration")["state"], "skipped");
    assert_eq!(copies(&shop), "");
}

/// On the copy, and for a moment on the original too: either it is seen there and ended, or what
/// it wrote there is found before the migration and costs a fresh backup with its own proof.
#[test]
fn a_command_that_writes_to_both_is_seen_or_its_writes_are() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let line = format!(
        "psql -qXc 'SELECT 1' >/dev/null; psql -qX '{}' -c 'DELETE FROM orders WHERE id = 1'",
        shop.url()
    );
    let options = ["--allow-loss", "*"];
    let ran = bracket_json(&bookend, &shop.url(), &options, &sh(&line));
    let document = ran.json();
    if document["state"] == "rehearsal_failed" {
        assert_eq!(document["error"]["code"], "astray", "{ran}");
        assert_eq!(step(&document, "migration")["state"], "skipped");
    } else {
        let befores = document["archives"].as_array().unwrap().iter();
        let befores = befores.filter(|archive| archive["step"] == "before");
        assert_eq!(befores.count(), 2, "{ran}");
        let gap = step(&document, "gap")["lines"].to_string();
        assert!(gap.contains("orders"), "{gap}");
    }
    assert_eq!(copies(&shop), "");
}

#[test]
fn a_daemon_that_goes_on_writing_to_the_target_is_told() {
    let shop = shop(server());
    let bookend = Bookend::new();
    // Its own session, its output closed, its parent gone: only its environment tells.
    let line = "setsid sh -c 'echo $$ > daemon; while [ ! -e stop ]; do \
                  psql -qc \"INSERT INTO users (name) VALUES (1)\"; sleep 0.05; done' \
                  >/dev/null 2>&1 </dev/null & while [ ! -s daemon ]; do sleep 0.05; done";
    let ran = unrehearsed_json(&bookend, &shop.url(), &[], &sh(line));
    bookend.write("stop", "");
    let document = ran.json();
    let lines = step(&document, "migration")["lines"].to_string();
    assert!(
        lines.contains("are still running and may go on writing: "),
        "{lines}"
    );
    let pid = std::fs::read_to_string(bookend.work().join("daemon")).unwrap();
    assert!(lines.contains(&format!("{} (sh)", pid.trim())), "{lines}");
    let _ = kill(Pid::from_raw(pid.trim().parse().unwrap()), Signal::SIGKILL);
    let _ = ran.expect_code(0);
    // A command that leaves nothing is not accused of it.
    let ran = unrehearsed_json(&bookend, &shop.url(), &[], &IDLE).expect_code(0);
    let lines = step(&ran.json(), "migration")["lines"].to_string();
    assert!(!lines.contains("still running"), "{lines}");
}

#[test]
fn a_command_that_is_not_idempotent_runs_once_on_the_copy_and_once_on_the_target() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let command = sql("CREATE TABLE once (n int); INSERT INTO once VALUES (1)");
    let ran = bracket_json(&bookend, &shop.url(), &[], &command).expect_code(0);
    assert_eq!(ran.json()["as_rehearsed"], true, "{ran}");
    let again = bracket_json(&bookend, &shop.url(), &[], &command).expect_code(5);
    assert_eq!(again.json()["state"], "rehearsal_failed", "{again}");
    assert_eq!(shop.psql("SELECT count(*) FROM once").trim(), "1");
    assert_eq!(copies(&shop), "");
}

#[test]
fn a_target_that_command_dropped_is_no_success_and_the_way_back_is_told() {
    let shop = shop(server());
    let url = shop.url();
    let bookend = Bookend::new().env("DATABASE_URL", url.clone());
    let dropping = sh("psql -qd postgres -c \"DROP DATABASE \\\"$PGDATABASE\\\"\"");
    let ran = unrehearsed_json(&bookend, &url, &[], &dropping).expect_code(1);
    let document = ran.json();
    assert_eq!(document["state"], "completed_without_after", "{ran}");
    assert_eq!(document["error"]["code"], "unknown-database", "{ran}");
    let undo = document["undo"][0].as_str().unwrap();
    let words: Vec<&str> = undo.split(' ').skip(1).collect();
    bookend.succeed(&words);
    assert_eq!(shop.psql("SELECT count(*) FROM orders").trim(), "2000");
}

#[test]
fn a_hundred_megabytes_of_output_are_kept_whole_in_bounded_memory() {
    const BYTES: u64 = 100_000_000;
    let shop = shop(server());
    let bookend = Bookend::new();
    let command = sh(
        "yes 0123456789012345678901234567890123456789012345678 | head -c 100000000; echo; echo over",
    );
    let url = shop.url();
    let options = [&["--json"], &UNREHEARSED[..]].concat();
    let began = Instant::now();
    let mut running = bookend.spawn(&arguments(&url, &options, &command));
    let mut most = 0;
    while !running.ended() {
        most = most.max(memory(running.pid()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(20));
    }
    let ran = running.wait();
    // Not the whole of it into the test's log.
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    let document = ran.json();
    let log = step(&document, "migration")["log"].as_str().unwrap();
    let log = std::fs::read(bookend.work().join(log)).unwrap();
    assert!(log.len() as u64 > BYTES, "{}", log.len());
    assert!(log.ends_with(b"\nover\n"));
    assert!(ran.stderr.len() as u64 > BYTES);
    assert!(most < 300 << 10, "{most} KiB");
    assert!(began.elapsed() < Duration::from_secs(120), "{:?}", ran.took);
    assert_eq!(status(&bookend)["state"], "completed");
}

/// The most memory that a process has had so far, in KiB.
fn memory(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
