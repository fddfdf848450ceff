//! `resume` and `abort` on real servers.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::common::Bookend;
use super::{UNREHEARSED, arguments, copies, server, sh, shop, status, step};

const WAITING: &str = "echo $$ > pid; echo here; while [ ! -e go ]; do sleep 0.05; done";

fn pid(bookend: &Bookend) -> i32 {
    let pid = std::fs::read_to_string(bookend.work().join("pid")).unwrap();
    pid.trim().parse().unwrap()
}

#[test]
fn a_migration_that_still_runs_is_neither_resumed_nor_given_up() {
    let shop = shop(server());
    let url = shop.url();
    let bookend = Bookend::new().env("DATABASE_URL", url.clone());
    let running = bookend.spawn(&arguments(&url, &UNREHEARSED, &sh(WAITING)));
    running.wait_for_stderr("here");
    let busy = bookend.run(&["resume", "--json"]).expect_code(4);
    assert_eq!(busy.json()["error"]["code"], "busy");
    running.signal(Signal::SIGKILL);
    drop(running);
    for way in ["resume", "abort"] {
        let refused = bookend.run(&[way, "--json"]).expect_code(4);
        let error = refused.json()["error"].clone();
        assert_eq!(error["code"], "still-running", "{refused}");
        assert!(error["hint"].to_string().contains("kill -TERM"), "{error}");
    }
    // And no other run begins meanwhile: the migration may write yet.
    let refused = bookend.run(&arguments(&url, &UNREHEARSED, &sh("touch another")));
    let _ = refused.expect_code(4).expect_stderr("still runs");
    assert!(!bookend.work().join("another").exists());
    let _ = kill(Pid::from_raw(pid(&bookend)), Signal::SIGKILL);
    while std::path::Path::new(&format!("/proc/{}", pid(&bookend))).exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let ended = bookend.run(&["resume", "--json"]).expect_code(5);
    assert_eq!(ended.json()["state"], "migration_unknown");
    assert_eq!(status(&bookend)["state"], "migration_unknown");
}

#[test]
fn a_rehearsal_that_outlived_its_bookend_is_ended_with_its_copy() {
    let shop = shop(server());
    let url = shop.url();
    let bookend = Bookend::new().env("DATABASE_URL", url.clone());
    let running = bookend.spawn(&arguments(&url, &[], &sh(WAITING)));
    running.wait_for_stderr("here");
    assert_ne!(copies(&shop), "");
    running.signal(Signal::SIGKILL);
    drop(running);
    let ended = bookend.run(&["abort", "--json"]).expect_code(0);
    assert_eq!(ended.json()["state"], "aborted", "{ended}");
    assert_eq!(copies(&shop), "");
    let told = status(&bookend);
    assert_eq!(told["left_behind"].as_array().unwrap().len(), 0, "{told:#}");
    assert!(!super::endings::is_running(&pid(&bookend).to_string()));
}

#[test]
fn what_was_stopped_is_started_again_by_abort() {
    let shop = shop(server());
    let url = shop.url();
    let bookend = Bookend::new().env("DATABASE_URL", url.clone());
    let options = [
        &UNREHEARSED[..],
        &[
            "--quiesce",
            "echo off >> door",
            "--unquiesce",
            "echo on >> door",
        ],
    ]
    .concat();
    let running = bookend.spawn(&arguments(&url, &options, &sh(WAITING)));
    running.wait_for_stderr("here");
    running.signal(Signal::SIGKILL);
    drop(running);
    let _ = kill(Pid::from_raw(pid(&bookend)), Signal::SIGKILL);
    while std::path::Path::new(&format!("/proc/{}", pid(&bookend))).exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let ended = bookend.run(&["abort", "--json"]).expect_code(5);
    let document = ended.json();
    assert_eq!(document["state"], "migration_unknown");
    assert_eq!(step(&document, "unquiesce")["state"], "ok");
    let door = std::fs::read_to_string(bookend.work().join("door")).unwrap();
    assert_eq!(door, "off\non\n");
}

#[test]
fn resume_without_the_password_says_that_and_changes_nothing() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let url = shop.url();
    let running = bookend.spawn(&arguments(&url, &[], &sh(WAITING)));
    running.wait_for_stderr("here");
    running.signal(Signal::SIGKILL);
    drop(running);
    let refused = bookend.run(&["resume", "--json"]).expect_code(7);
    assert_eq!(refused.json()["ok"], false);
    assert_eq!(status(&bookend)["state"], "interrupted");
    // The same bookend, in an environment that knows it.
    let bookend = bookend.env("PGPASSWORD", super::common::PASSWORD);
    let ended = bookend.run(&["abort", "--json"]).expect_code(0);
    assert_eq!(ended.json()["state"], "aborted", "{ended}");
    assert_eq!(copies(&shop), "");
}

#[test]
fn a_secret_of_the_environment_has_to_be_given_again() {
    let shop = shop(server());
    let url = shop.url();
    let bookend = Bookend::new().env("DATABASE_URL", url.clone());
    let options = ["--env", "APP_KEY=c4nary-key", "--env", "NAME={database}"];
    let line = "psql -qXc SELECT; test -n \"$APP_KEY\" && test -n \"$NAME\" || exit 9; echo here; test -e go || sleep 30";
    let running = bookend.spawn(&arguments(&url, &options, &sh(line)));
    running.wait_for_stderr("here");
    running.signal(Signal::SIGKILL);
    drop(running);
    bookend.write("go", "");
    let refused = bookend.run(&["resume", "--json"]).expect_code(2);
    assert!(
        refused.json()["error"]["hint"]
            .to_string()
            .contains("--env APP_KEY=")
    );
    let journal = std::fs::read_dir(bookend.store().join("runs")).unwrap();
    for run in journal {
        let text = std::fs::read_to_string(run.unwrap().path().join("journal.jsonl")).unwrap();
        assert!(!text.contains("c4nary"), "{text}");
    }
    let ended = bookend.run(&["resume", "--json", "--env", "APP_KEY=c4nary-key"]);
    assert_eq!(ended.json()["state"], "completed", "{ended}");
    assert_eq!(copies(&shop), "");
}
