//! kill -9 at every journal record.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::common::Bookend;
use super::{arguments, bookend, copies, counted, drop_it, filled, undone};

/// Of a run that goes well.
const RECORDS: usize = 22;

#[test]
fn a_crash_after_any_record_is_ended_by_resume_or_abort() {
    let (server, url) = filled("killed");
    let bookend = bookend(&url);
    for records in 1..RECORDS {
        let way = if records % 2 == 0 { "resume" } else { "abort" };
        let killed = killed_after(records, &bookend, &arguments(&url, &[], "good_program"));
        let told = bookend.succeed(&["status", "--json"]).json();
        if !killed {
            assert_eq!(told["state"], "completed", "{told:#}");
        } else if told["state"] == "interrupted" {
            end_it(&bookend, way, &told, records);
        }
        // Before or after, and what is told is what is there.
        let (all, done) = counted(server, "killed");
        let context = format!("after {records} records: {told:#}");
        assert_eq!(all, 20, "{context}");
        let now = bookend.succeed(&["status", "--json"]).json();
        match migration(&now).as_str() {
            "ok" => assert_eq!(done, 20, "{context}"),
            "pending" | "skipped" => assert_eq!(done, 0, "{context}"),
            other => {
                assert_eq!(other, "unknown", "{context}");
                assert!(done == 0 || done == 20, "{done}: {context}");
            }
        }
        assert_eq!(copies(server, "killed"), Vec::<String>::new(), "{context}");
        assert_eq!(now["left_behind"], serde_json::json!([]), "{now:#}");
        for archive in bookend.archives() {
            bookend.succeed(&["verify", "-q", archive.to_str().unwrap()]);
            std::fs::remove_file(archive).unwrap();
        }
        undone(server, "killed");
    }
    let last = bookend.run(&arguments(&url, &[], "good_program"));
    let _ = last.expect_code(0);
    let runs = bookend.store().join("runs");
    assert_eq!(written(&runs, 0), RECORDS, "every record was tried");
    drop_it(server, "killed");
}

fn end_it(bookend: &Bookend, way: &str, told: &Value, records: usize) {
    let mut ended = bookend.run(&[way, "--json"]);
    // COMMAND may outlive its bookend by a moment.
    while ended.stdout.contains("still-running") {
        std::thread::sleep(Duration::from_millis(50));
        ended = bookend.run(&[way, "--json"]);
    }
    let document = ended.json();
    let state = document["state"].as_str().unwrap_or_default();
    match (migration(told).as_str(), way) {
        ("unknown", _) => assert_eq!(state, "migration_unknown", "{ended}"),
        (_, "resume") => assert_eq!(state, "completed", "{records}: {ended}"),
        ("pending", _) => assert_eq!(state, "aborted", "{ended}"),
        _ => assert!(state.starts_with("completed"), "{ended}"),
    }
    let run = told["run"].as_str().unwrap();
    for way in ["resume", "abort"] {
        let again = bookend.run(&[way, run]).expect_code(0);
        assert!(again.stdout.contains("nothing to do"), "{again}");
    }
}

fn migration(told: &Value) -> String {
    let steps = told["steps"].as_array().unwrap();
    let mut steps = steps.iter();
    let step = steps.rfind(|step| step["step"] == "migration").unwrap();
    step["state"].as_str().unwrap().to_owned()
}

/// Kills a run as soon as its journal has so many records; false if it was over by then.
fn killed_after(records: usize, bookend: &Bookend, arguments: &[&str]) -> bool {
    let runs = bookend.store().join("runs");
    let before = runs.read_dir().map_or(0, Iterator::count);
    let mut running = bookend.spawn(arguments);
    while !running.ended() && written(&runs, before) < records {
        std::thread::sleep(Duration::from_millis(1));
    }
    let alive = !running.ended();
    if alive {
        running.signal(Signal::SIGKILL);
    }
    alive
}

/// Records of the newest run; none while there are no more runs than before.
fn written(runs: &Path, before: usize) -> usize {
    let Ok(entries) = runs.read_dir() else {
        return 0;
    };
    let mut all: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    all.sort();
    match all.last() {
        Some(newest) if all.len() > before => std::fs::read(newest.join("journal.jsonl"))
            .map_or(0, |bytes| memchr::memchr_iter(b'\n', &bytes).count()),
        _ => 0,
    }
}
