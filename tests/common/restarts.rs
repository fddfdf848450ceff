//! A server that is restarted in the middle of a step of a run.

use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use super::full_store::{exit_of, state_of};
use super::{Bookend, Output};

/// Longer than any step takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs bookend, and restarts the server when this step has begun: bookend is held still
/// meanwhile, so the step is surely under way, and all its sessions are gone when it goes on.
pub fn restarted_at(
    bookend: &Bookend,
    step: &str,
    arguments: &[&str],
    restart: impl FnOnce(),
) -> Output {
    let runs = bookend.store().join("runs");
    let before = names(&runs);
    let mut running = bookend.spawn(arguments);
    let (began, begun) = (Instant::now(), format!("\"begun\":\"{step}\""));
    while !journal_of_another(&runs, &before).contains(&begun) {
        assert!(!running.ended(), "{step} never began: {}", running.wait());
        assert!(began.elapsed() < PATIENCE, "{step} never began");
        std::thread::sleep(Duration::from_millis(1));
    }
    running.signal(Signal::SIGSTOP);
    restart();
    running.signal(Signal::SIGCONT);
    running.wait()
}

/// What holds at whichever step: a state that is documented, with an error that says what
/// happened; nothing left that `status` does not explain and its own advice does not remove.
/// The state.
pub fn judge(bookend: &Bookend, step: &str, output: &Output, url: &str) -> String {
    let context = format!("restarted at {step}: {output}");
    let told = output.json();
    assert_eq!(output.code, Some(exit_of(&told)), "{context}");
    let state = told["state"].as_str().unwrap().to_owned();
    if output.code != Some(0) {
        let error = &told["error"];
        assert!(!error["message"].as_str().unwrap().is_empty(), "{context}");
        assert!(!error["code"].as_str().unwrap().is_empty(), "{context}");
    }
    let status = status(bookend);
    assert_eq!(status["state"], told["state"], "{context}");
    for left in status["left_behind"].as_array().unwrap() {
        assert_eq!(left["kind"], "database", "{context}{status:#}");
        let name = left["name"].as_str().unwrap();
        assert!(left["advice"].to_string().contains("bookend copies drop"));
        bookend.succeed(&["copies", "drop", name, "--on", url]);
    }
    let again = bookend.run(&["resume"]).expect_code(0);
    assert!(again.stdout.contains("nothing to do"), "{context}{again}");
    let status = self::status(bookend);
    assert_eq!(status["left_behind"], serde_json::json!([]), "{context}");
    for archive in bookend.archives() {
        bookend.succeed(&["verify", "-q", archive.to_str().unwrap()]);
        std::fs::remove_file(archive).unwrap();
    }
    state
}

/// The states that a run may end in whose server was restarted at this step.
pub fn allowed(step: &str) -> &'static [&'static str] {
    match step {
        "proof" => &["proof_failed", "failed", "refused"],
        "rehearsal" => &["rehearsal_failed", "failed", "refused"],
        // COMMAND may have been over by then, or not yet connected.
        "migration" => &["migration_failed", "completed", "completed_without_after"],
        "check" => &["check_failed", "completed", "completed_without_after"],
        "after" => &["completed_without_after", "completed"],
        _ => &["failed", "refused"],
    }
}

/// Whether this status speaks of a target that COMMAND has not been started on.
pub fn untouched(bookend: &Bookend) -> bool {
    ["pending", "skipped"].contains(&state_of(&status(bookend), "migration"))
}

fn status(bookend: &Bookend) -> Value {
    bookend.succeed(&["status", "--json"]).json()
}

fn names(runs: &Path) -> Vec<std::ffi::OsString> {
    let entries = std::fs::read_dir(runs).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).collect()
}

/// The journal of the run that was not there before; empty while there is none.
fn journal_of_another(runs: &Path, before: &[std::ffi::OsString]) -> String {
    let another = names(runs).into_iter().find(|name| !before.contains(name));
    let journal = another.map(|name| runs.join(name).join("journal.jsonl"));
    journal.map_or_else(String::new, |path| {
        std::fs::read_to_string(path).unwrap_or_default()
    })
}
