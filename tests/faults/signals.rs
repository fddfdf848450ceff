//! SIGINT and SIGTERM: what was begun is ended, what was made is gone, JSON stays one document.

use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::common::{Output, Running};
use super::scene::{DUMP_AT_ONCE, SLOW_TO_LOAD, SMALL, Scene, big, expect, wait_for_file};

const SIGNALS: [(Signal, i32, &str); 2] = [
    (Signal::SIGINT, 130, "SIGINT"),
    (Signal::SIGTERM, 143, "SIGTERM"),
];

/// Interrupts, and looks at how it ended.
fn interrupt(running: Running, (signal, exit, name): (Signal, i32, &str)) -> Output {
    let began = std::time::Instant::now();
    running.signal(signal);
    let output = running.wait();
    expect(&output, exit, "interrupted", &[name]);
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "{:?}",
        began.elapsed()
    );
    output
}

/// A tool that says it began, and hangs when its arguments match. By then whatever else was
/// under way beside it is over.
fn hanging(scene: &Scene, tool: &str, when: &str) -> (String, PathBuf) {
    let body = format!(
        "case \"$*\" in {when}) sleep 1; : >\"$HERE/began\"; sleep 60;; esac\nexec \"$REAL\" \"$@\""
    );
    let tools = scene.fake(tool, &body);
    let began = PathBuf::from(&tools).join("began");
    (tools, began)
}

#[test]
fn a_backup_is_interrupted_while_pg_dump_runs() {
    let scene = Scene::small("stop_dump");
    for signal in SIGNALS {
        for when in ["*", "*--data-only*"] {
            let (tools, began) = hanging(&scene, "pg_dump", when);
            let running = scene.bookend.spawn(&[
                "backup",
                "--json",
                "--compress",
                "zstd:19",
                "--tool-dir",
                &tools,
            ]);
            wait_for_file(&began);
            interrupt(running, signal);
            assert!(scene.bookend.archives().is_empty());
        }
    }
    scene.is_untouched();
}

#[test]
fn a_backup_is_interrupted_while_rows_are_read() {
    let scene = Scene::with("stop_rows", &big("filled", 30));
    for signal in SIGNALS {
        // Thorough compression keeps the rows coming long enough to be seen.
        let tools = scene.fake("pg_dump", DUMP_AT_ONCE);
        let running = scene.bookend.spawn(&[
            "backup",
            "--json",
            "--compress",
            "zstd:19",
            "--tool-dir",
            &tools,
        ]);
        wait_for_file(&PathBuf::from(&tools).join("ended"));
        scene.wait_for_statement("COPY %");
        interrupt(running, signal);
        assert!(scene.bookend.archives().is_empty());
    }
    // Nobody of ours is still there.
    scene.wait_until("SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name LIKE 'bookend%' AND datname LIKE 'stop_rows%'");
    scene.is_untouched();
}

#[test]
fn a_restore_and_a_proof_are_interrupted_at_each_stage_and_drop_their_copy() {
    let scene = Scene::with("stop_restore", &format!("{SMALL}{SLOW_TO_LOAD}"));
    scene.archive();
    let name = format!("{}_back", scene.database.name());
    let commands = [
        vec!["restore", "latest", "--into", &name, "--json"],
        vec!["verify", "latest", "--prove", "--json"],
    ];
    for (command, signal) in commands.iter().zip(SIGNALS) {
        for (tool, when) in [("pg_restore", "*"), ("pg_dump", "*")] {
            let (tools, began) = hanging(&scene, tool, when);
            if tool == "pg_dump" {
                // The comparison comes after all the rows: quick ones will do.
                continue;
            }
            let mut words = command.clone();
            words.extend(["--tool-dir", &tools]);
            let running = scene.bookend.spawn(&words);
            wait_for_file(&began);
            interrupt(running, signal);
        }
        let running = scene.bookend.spawn(command);
        scene.wait_for_statement("COPY %");
        interrupt(running, signal);
        assert_eq!(scene.copies(), Vec::<String>::new());
    }
    let found = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
    assert_eq!(scene.server.psql("postgres", &found).trim(), "0");
    nothing_is_owed(&scene);
    scene.is_untouched();
}

#[test]
fn a_comparison_is_interrupted_and_drops_its_copy() {
    let scene = Scene::small("stop_compare");
    scene.archive();
    for signal in SIGNALS {
        let (tools, began) = hanging(&scene, "pg_dump", "*");
        let running = scene.bookend.spawn(&[
            "verify",
            "latest",
            "--prove",
            "--json",
            "--tool-dir",
            &tools,
        ]);
        wait_for_file(&began);
        interrupt(running, signal);
    }
    nothing_is_owed(&scene);
    scene.is_untouched();
}

/// A slow statement of post-data: a view that takes its time to be filled.
#[test]
fn a_restore_is_interrupted_in_post_data() {
    let sql = format!(
        "{SMALL} CREATE MATERIALIZED VIEW slow AS SELECT pg_sleep(CASE WHEN current_database() LIKE '%bookend%'
            THEN 30 ELSE 0 END)::text AS x;"
    );
    let scene = Scene::with("stop_post", &sql);
    scene.archive();
    for signal in SIGNALS {
        let running = scene
            .bookend
            .spawn(&["verify", "latest", "--prove", "--json"]);
        scene.wait_for_statement("REFRESH %");
        interrupt(running, signal);
    }
    nothing_is_owed(&scene);
    scene.is_untouched();
}

#[test]
fn a_run_is_interrupted_before_and_during_its_command() {
    let scene = Scene::small("stop_run");
    let (tools, began) = hanging(&scene, "pg_dump", "*");
    let marker = scene.bookend.work().join("started");
    let migration = ["--", "sh", "-c", "echo begun; : >started; sleep 60"];
    let mut words = vec!["run", "--json", "--tool-dir", &tools];
    words.extend(migration);
    let running = scene.bookend.spawn(&words);
    wait_for_file(&began);
    let output = interrupted_run(running, Signal::SIGINT, 130);
    assert!(!marker.exists(), "{output}");
    let (tools, began) = hanging(&scene, "pg_restore", "*");
    let mut words = vec!["run", "--json", "--tool-dir", &tools];
    words.extend(migration);
    let running = scene.bookend.spawn(&words);
    wait_for_file(&began);
    let output = interrupted_run(running, Signal::SIGTERM, 143);
    assert!(!marker.exists(), "{output}");
    let mut words = vec!["run", "--json"];
    words.extend(migration);
    let running = scene.bookend.spawn(&words);
    wait_for_file(&marker);
    let output = interrupted_run(running, Signal::SIGINT, 130);
    assert_ne!(output.json()["state"], "completed", "{output}");
    eprintln!("{output}");
    let status = scene.bookend.succeed(&["status", "--json"]);
    eprintln!("{status}");
    assert_eq!(
        status.json()["left_behind"].as_array().unwrap().len(),
        0,
        "{status}"
    );
    scene.is_untouched();
}

fn interrupted_run(running: Running, signal: Signal, exit: i32) -> Output {
    running.signal(signal);
    let output = running.wait();
    assert_eq!(output.code, Some(exit), "{output}");
    assert_eq!(output.json()["ok"], false, "{output}");
    output
}

/// The second signal ends at once; the copy is left, and told.
#[test]
fn a_second_signal_ends_at_once_and_status_tells_what_is_left() {
    let scene = Scene::small("stop_twice");
    scene.archive();
    let (tools, began) = hanging(&scene, "pg_restore", "*");
    let script = std::fs::read_to_string(PathBuf::from(&tools).join("pg_restore")).unwrap();
    // One that does not want to end.
    let stubborn = script.replace("sleep 60", "trap '' TERM INT; sleep 20 & wait; sleep 20");
    std::fs::write(PathBuf::from(&tools).join("pg_restore"), stubborn).unwrap();
    let running = scene.bookend.spawn(&[
        "verify",
        "latest",
        "--prove",
        "--json",
        "--tool-dir",
        &tools,
    ]);
    wait_for_file(&began);
    running.signal(Signal::SIGINT);
    std::thread::sleep(Duration::from_millis(300));
    running.signal(Signal::SIGINT);
    let output = running.wait();
    expect(&output, 130, "interrupted", &["another signal"]);
    let status = scene.bookend.succeed(&["status", "--json"]).json();
    let left = status["left_behind"].as_array().unwrap();
    assert_eq!(left.len(), 1, "{status}");
    scene
        .bookend
        .succeed(&["copies", "drop", left[0]["name"].as_str().unwrap()]);
    nothing_is_owed(&scene);
    scene.is_untouched();
}

/// What was announced in the store's record is settled there.
fn nothing_is_owed(scene: &Scene) {
    let status = scene.bookend.succeed(&["status", "--json"]);
    let left = status.json()["left_behind"].as_array().unwrap().len();
    assert_eq!(left, 0, "{status}");
}
