//! kill -9 at every record of a rollback: the next one finishes or undoes it.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::{Scene, step};

/// Whole records of the run's rollback.
fn records(scene: &Scene, run: &str) -> usize {
    let path = scene
        .bookend
        .store()
        .join("runs")
        .join(run)
        .join("rollback.jsonl");
    std::fs::read(path).map_or(0, |bytes| memchr::memchr_iter(b'\n', &bytes).count())
}

/// Kills a rollback as soon as its record has so many lines.
fn killed_after(scene: &Scene, run: &str, lines: usize) {
    let mut running = scene.bookend.spawn(&["rollback", "--end-sessions"]);
    while !running.ended() && records(scene, run) < lines {
        std::thread::sleep(Duration::from_micros(200));
    }
    if !running.ended() {
        running.signal(Signal::SIGKILL);
    }
}

/// Where exactly the process is when it is killed is up to chance; what is promised holds
/// wherever it is.
#[test]
fn a_rollback_killed_after_any_record_is_finished_or_undone_by_the_next() {
    let scene = Scene::new();
    let before = scene.content(scene.name());
    let whole = {
        let run = scene.migrate("ALTER TABLE users ADD email text");
        let _ = scene.rollback(&[]).expect_code(0);
        scene.drop_kept();
        records(&scene, run["run"].as_str().unwrap())
    };
    assert!(whole > 10, "{whole}");
    for lines in 1..=whole {
        let run = scene.migrate("ALTER TABLE users ADD email text");
        let run = run["run"].as_str().unwrap();
        scene.shop.psql("INSERT INTO orders (total) VALUES (1)");
        let failed = scene.content(scene.name());
        killed_after(&scene, run, lines);
        let status = scene.bookend.succeed(&["status", run, "--json"]).json();
        let state = status["state"].as_str().unwrap();
        assert!(
            ["completed", "rolled_back", "interrupted"].contains(&state),
            "{status:#}"
        );
        if state == "interrupted" {
            let advice = status["advice"].to_string();
            assert!(advice.contains("bookend resume"), "{status:#}");
        }
        // Never a mixture: the name has the state before or the failed one.
        let swapped = scene
            .databases()
            .iter()
            .any(|name| name.contains("_failed_"));
        let told = match (lines % 3, state) {
            (0, "interrupted") => resumed(&scene, run),
            (1, "interrupted") => given_up(&scene, run, swapped, &failed),
            _ => {
                let told = scene.rollback(&["--end-sessions"]);
                let told = told.expect_code(0).json();
                assert_eq!(told["nothing_to_do"], swapped, "after {lines}: {told:#}");
                told
            }
        };
        scene.is_rolled_back(&told, &before, &failed);
        let resumed = scene.bookend.succeed(&["resume", run]);
        assert!(resumed.stdout.contains("nothing to do"), "{resumed}");
        let again = scene.rollback(&[]).expect_code(0).json();
        assert_eq!(again["nothing_to_do"], true);
        scene.drop_kept();
    }
}

/// `resume` finishes what was begun, with the options that it was begun with.
fn resumed(scene: &Scene, run: &str) -> Value {
    let resumed = scene.bookend.succeed(&["resume", run, "--json"]).json();
    assert_eq!(resumed["state"], "rolled_back", "{resumed:#}");
    scene.rollback(&[]).expect_code(0).json()
}

/// `abort` undoes it, unless the database has changed places already.
fn given_up(scene: &Scene, run: &str, swapped: bool, failed: &str) -> Value {
    let aborted = scene.bookend.run(&["abort", run, "--json"]);
    if swapped {
        let aborted = aborted.expect_code(4).json();
        assert_eq!(aborted["error"]["code"], "half-rolled-back", "{aborted:#}");
        return resumed(scene, run);
    }
    let aborted = aborted.expect_code(0).json();
    assert_eq!(aborted["state"], "completed", "{aborted:#}");
    scene.is_not_rolled_back(failed);
    scene.rollback(&["--end-sessions"]).expect_code(0).json()
}

#[test]
fn a_crash_while_connections_are_held_off_is_told_and_they_are_allowed_again() {
    let scene = Scene::new();
    let before = scene.content(scene.name());
    let run = scene.migrate("ALTER TABLE users ADD email text");
    let run = run["run"].as_str().unwrap().to_owned();
    let failed = scene.content(scene.name());
    let begun = || {
        let path = scene.bookend.store().join("runs").join(&run);
        let text = std::fs::read_to_string(path.join("rollback.jsonl")).unwrap_or_default();
        text.contains("\"about_to\"") && text.contains("hold_off")
    };
    let mut running = scene.bookend.spawn(&["rollback"]);
    while !running.ended() && !begun() {
        std::thread::sleep(Duration::from_micros(100));
    }
    running.signal(Signal::SIGKILL);
    drop(running);
    // As the crash leaves it if it comes right after the act.
    let name = scene.name();
    scene.server.psql(
        "postgres",
        &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"),
    );
    let status = scene.bookend.succeed(&["status", "--json"]).json();
    assert!(
        status["advice"]
            .to_string()
            .contains("kept from connecting"),
        "{status:#}"
    );
    let told = scene.rollback(&[]).expect_code(0).json();
    assert_eq!(step(&told, "sessions")["state"], "ok");
    scene.is_rolled_back(&told, &before, &failed);
}

#[test]
fn an_interrupted_rollback_lets_everybody_in_again() {
    let scene = Scene::new();
    let run = scene.migrate("ALTER TABLE users ADD email text");
    let run = run["run"].as_str().unwrap().to_owned();
    let migrated = scene.content(scene.name());
    let mut running = scene.bookend.spawn(&["rollback"]);
    while !running.ended() && records(&scene, &run) < 4 {
        std::thread::sleep(Duration::from_micros(200));
    }
    running.signal(Signal::SIGINT);
    let ended = running.wait();
    if ended.code == Some(0) {
        return; // It was too late to stop.
    }
    assert_eq!(ended.code, Some(130), "{ended}");
    scene.is_not_rolled_back(&migrated);
}

#[test]
fn a_server_that_goes_away_in_the_middle_is_put_right_by_the_next_rollback() {
    let scene = Scene::new();
    let before = scene.content(scene.name());
    let run = scene.migrate("ALTER TABLE users ADD email text");
    let run = run["run"].as_str().unwrap().to_owned();
    let failed = scene.content(scene.name());
    let mut running = scene.bookend.spawn(&["rollback"]);
    while !running.ended() && records(&scene, &run) < 4 {
        std::thread::sleep(Duration::from_micros(200));
    }
    // Every session of bookend's is lost at once, as when the server restarts.
    let sql = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bookend {run}'"
    );
    scene.server.psql("postgres", &sql);
    let _ = running.wait();
    let told = scene.rollback(&[]).expect_code(0).json();
    scene.is_rolled_back(&told, &before, &failed);
}
