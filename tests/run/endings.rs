//! How a migration can end, and what is said then.

use nix::sys::signal::Signal;

use super::common::Bookend;
use super::{
    IDLE, UNREHEARSED, arguments, copies, drop_failed, server, sh, shop, sql, status, step,
    unrehearsed_json as bracket_json,
};

#[test]
fn a_migration_that_fails_is_told_with_a_way_back_that_works() {
    let shop = shop(server());
    let bookend = Bookend::new().env("DATABASE_URL", shop.url());
    let command = sh("psql -qc 'DELETE FROM orders' && echo half way && exit 3");
    let ran = bookend
        .run(&arguments(&shop.url(), &UNREHEARSED, &command))
        .expect_code(5)
        .expect_stderr("the migration ended with exit code 3");
    assert!(ran.stdout.contains("failed: exit 3"), "{ran}");
    assert!(ran.stdout.contains("migration failed in"), "{ran}");
    let told = status(&bookend);
    assert_eq!(told["state"], "migration_failed");
    assert_eq!(step(&told, "after")["state"], "skipped");
    let undo = told["undo"][0].as_str().unwrap();
    let words: Vec<&str> = undo.split(' ').skip(1).collect();
    // Passwords are in no journal: without one nothing is done, and it is said what is missing.
    let (store, nobody) = (bookend.store().display().to_string(), Bookend::new());
    let _ = nobody
        .run(&[&words[..], &["--store", &store]].concat())
        .expect_code(7)
        .expect_stderr("asks for the password");
    bookend.succeed(&words);
    assert_eq!(shop.psql("SELECT count(*) FROM orders").trim(), "2000");
    let kept = drop_failed(&shop);
    assert_eq!(kept.trim(), "0", "what failed was kept");
    let told = status(&bookend);
    assert_eq!(told["state"], "rolled_back");
    assert_eq!(told["undo"], serde_json::json!([]));
}

#[test]
fn a_migration_killed_by_a_signal_is_told_as_that() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let ran = bracket_json(&bookend, &shop.url(), &[], &sh("kill -9 $$")).expect_code(5);
    let document = ran.json();
    assert_eq!(document["state"], "migration_failed");
    assert_eq!(step(&document, "migration")["signal"], 9);
    assert_eq!(
        document["error"]["message"],
        "the migration was ended by SIGKILL"
    );
}

#[test]
fn a_migration_that_hangs_is_ended_by_the_timeout_with_all_it_started() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let command = sh("sleep 1000 & echo $! > child; sleep 1000");
    let options = ["--timeout", "700ms"];
    let ran = bracket_json(&bookend, &shop.url(), &options, &command).expect_code(5);
    let document = ran.json();
    assert_eq!(document["state"], "migration_failed");
    assert_eq!(document["error"]["code"], "command-timed-out");
    assert!(ran.took.as_secs() < 60, "{ran}");
    let child = std::fs::read_to_string(bookend.work().join("child")).unwrap();
    assert!(!is_running(child.trim()));
}

pub fn is_running(pid: &str) -> bool {
    // A zombie that nobody has waited for has ended.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn ten_megabytes_of_output_are_kept_whole() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let command = sh(
        "psql -qXc SELECT; yes 0123456789012345678901234567890123456789012345678 | head -c 10000000",
    );
    let ran = bracket_json(&bookend, &shop.url(), &[], &command).expect_code(0);
    let document = ran.json();
    let log = step(&document, "migration")["log"].as_str().unwrap();
    let log = std::fs::metadata(bookend.work().join(log)).unwrap();
    assert!(log.len() >= 10_000_000, "{}", log.len());
    assert!(ran.stderr.len() >= 10_000_000);
}

#[test]
fn a_check_that_fails_is_not_a_failed_migration() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let command = sql("ALTER TABLE users ADD email text");
    let failing = [
        "--check",
        "psql -Atc 'SELECT email FROM users LIMIT 1' && exit 4",
    ];
    let ran = bracket_json(&bookend, &shop.url(), &failing, &command).expect_code(5);
    let document = ran.json();
    assert_eq!(document["state"], "check_failed");
    assert_eq!(step(&document, "migration")["state"], "ok");
    assert_eq!(step(&document, "check")["exit_code"], 4);
    let passing = ["--check", "psql -Atc 'SELECT email FROM users LIMIT 1'"];
    let ran = bracket_json(&bookend, &shop.url(), &passing, &IDLE).expect_code(0);
    assert_eq!(step(&ran.json(), "check")["state"], "ok");
}

#[test]
fn a_failed_after_backup_does_not_hide_that_the_migration_stands() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let (name, away) = (shop.name(), format!("{}_away", shop.name()));
    let line = format!("psql -qd postgres -c 'ALTER DATABASE {name} RENAME TO {away}'");
    let ran = bookend.run(&arguments(&shop.url(), &UNREHEARSED, &sh(&line)));
    server().psql(
        "postgres",
        &format!("ALTER DATABASE {away} RENAME TO {name}"),
    );
    let ran = ran.expect_code(1);
    assert!(ran.stdout.contains("the migration stands"), "{ran}");
    let told = status(&bookend);
    assert_eq!(told["state"], "completed_without_after");
    assert_eq!(step(&told, "migration")["state"], "ok");
    assert_eq!(step(&told, "after")["state"], "failed");
}

#[test]
fn an_interrupt_is_passed_on_and_the_end_recorded() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let shop = shop(server());
        let bookend = Bookend::new();
        let command =
            sh("trap 'echo told; exit 0' TERM INT; echo here; while :; do sleep 0.05; done");
        let running = bookend.spawn(&arguments(
            &shop.url(),
            &[&UNREHEARSED[..], &["--json"]].concat(),
            &command,
        ));
        running.wait_for_stderr("here");
        running.signal(signal);
        let ran = running.wait().expect_code(code).expect_stderr("told");
        let document = ran.json();
        assert_eq!(document["ok"], false);
        assert_eq!(document["state"], "migration_failed");
        assert_eq!(status(&bookend)["state"], "migration_failed");
        assert_eq!(copies(&shop), "");
    }
}

#[test]
fn a_second_interrupt_kills_a_command_that_will_not_end() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let command =
        sh("trap 'echo ignored' TERM INT; echo $$ > pid; echo here; while :; do sleep 0.05; done");
    let running = bookend.spawn(&arguments(&shop.url(), &UNREHEARSED, &command));
    running.wait_for_stderr("here");
    running.signal(Signal::SIGINT);
    running.wait_for_stderr("ignored");
    running.signal(Signal::SIGINT);
    let ran = running.wait().expect_code(130);
    assert!(ran.took.as_secs() < 60, "{ran}");
    assert_eq!(status(&bookend)["state"], "migration_failed");
    let pid = std::fs::read_to_string(bookend.work().join("pid")).unwrap();
    assert!(!is_running(pid.trim()));
}

#[test]
fn an_interrupt_before_the_migration_leaves_the_target_and_the_store_clean() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let url = shop.url();
    let mut holder = super::crashes::LockHolder::of(&shop);
    let running = bookend.spawn(&arguments(&url, &["--json"], &sh("touch started")));
    holder.wait_for_a_waiter();
    running.signal(Signal::SIGINT);
    let ran = running.wait().expect_code(130);
    holder.release();
    assert_eq!(ran.json()["state"], "failed");
    assert!(!bookend.work().join("started").exists());
    assert!(bookend.archives().is_empty());
    let told = status(&bookend);
    assert_eq!(told["state"], "failed");
    assert_eq!(told["left_behind"].as_array().unwrap().len(), 0, "{told:#}");
}
