//! `kill -9` at any moment: the next command works, `status` tells what was left, `copies
//! drop` takes it away.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::scene::{SMALL, Scene, archives_are_whole, partials, wait_for_file};

/// What a killed program may leave is told, and taken away with the words that it is told with.
fn clean_up(scene: &Scene) {
    archives_are_whole(&scene.bookend);
    let status = scene.bookend.succeed(&["status", "--json"]).json();
    let left = status["left_behind"].as_array().expect("a list").clone();
    let names = |kind: &str| -> Vec<String> {
        let of_kind = left.iter().filter(|one| one["kind"] == kind);
        of_kind
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect()
    };
    for partial in partials(&scene.bookend) {
        let told = names("file").iter().any(|name| {
            partial.ends_with(name) || partial.to_string_lossy().ends_with(name.as_str())
        });
        assert!(told, "{} is not told: {status}", partial.display());
        std::fs::remove_file(&partial).unwrap();
    }
    for copy in scene.copies() {
        assert!(
            names("database").contains(&copy),
            "{copy} is not told: {status}"
        );
    }
    scene.bookend.succeed(&["copies", "list"]);
    for name in names("database") {
        scene.bookend.succeed(&["copies", "drop", &name]);
    }
    let status = scene.bookend.succeed(&["status", "--json"]);
    assert_eq!(
        status.json()["left_behind"].as_array().unwrap().len(),
        0,
        "{status}"
    );
    // Temporary files of a killed process may stay; only these.
    for file in super::scene::files_below(&scene.bookend.tmp()) {
        std::fs::remove_file(file).unwrap();
    }
}

/// Kills at moments spread over the time that the command takes.
fn killed_all_along(scene: &Scene, words: &[&str], times: u32) {
    let began = Instant::now();
    scene.bookend.succeed(words);
    let whole = began.elapsed();
    for step in 0..times {
        let running = scene.bookend.spawn(words);
        std::thread::sleep(whole * step / times + Duration::from_millis(10));
        running.signal(Signal::SIGKILL);
        let _ = running.wait();
        clean_up(scene);
    }
    scene.bookend.succeed(words);
    clean_up(scene);
}

#[test]
fn a_backup_killed_at_any_moment() {
    let scene = Scene::small("kill_backup");
    killed_all_along(&scene, &["backup", "-q"], 10);
    scene.is_untouched();
}

#[test]
fn a_proof_killed_at_any_moment() {
    let scene = Scene::small("kill_proof");
    scene.archive();
    killed_all_along(&scene, &["verify", "latest", "--prove", "-q"], 14);
    scene.is_untouched();
}

#[test]
fn a_restore_killed_at_any_moment() {
    let scene = Scene::small("kill_restore");
    scene.archive();
    let name = format!("{}_back", scene.database.name());
    let drop = format!("DROP DATABASE IF EXISTS {name}");
    let words = ["restore", "latest", "--into", &name, "-q"];
    let began = Instant::now();
    scene.bookend.succeed(&words);
    let whole = began.elapsed();
    scene.server.psql("postgres", &drop);
    for step in 0..14 {
        let running = scene.bookend.spawn(&words);
        std::thread::sleep(whole * step / 13 + Duration::from_millis(5));
        if step < 13 {
            running.signal(Signal::SIGKILL);
        }
        let _ = running.wait();
        // Under the asked name there is the whole of it or nothing.
        let sql = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
        if scene.server.psql("postgres", &sql).trim() == "1" {
            assert_eq!(
                scene
                    .server
                    .psql(&name, "SELECT count(*) FROM orders")
                    .trim(),
                "2000"
            );
            scene.server.psql("postgres", &drop);
        }
        clean_up(&scene);
    }
    scene.is_untouched();
}

/// The server does not see that the program is gone while it works on a statement.
#[test]
fn a_copy_that_the_server_still_works_on_can_be_dropped() {
    let sql = format!(
        "{SMALL} CREATE MATERIALIZED VIEW slow AS SELECT pg_sleep(CASE WHEN current_database() LIKE '%bookend%'
            THEN 60 ELSE 0 END)::text AS x;"
    );
    let scene = Scene::with("kill_busy", &sql);
    scene.archive();
    let running = scene.bookend.spawn(&["verify", "latest", "--prove", "-q"]);
    scene.wait_for_statement("REFRESH %");
    // While it runs, its copy is nothing that was left behind, and nothing to drop.
    let status = scene.bookend.succeed(&["status", "--json"]).json();
    assert_eq!(
        status["left_behind"].as_array().unwrap().len(),
        0,
        "{status}"
    );
    let copy = scene.copies().pop().unwrap();
    let refused = scene.bookend.run(&["copies", "drop", &copy]).expect_code(4);
    let _ = refused.expect_stderr("a command that runs now");
    running.signal(Signal::SIGKILL);
    let _ = running.wait();
    clean_up(&scene);
    scene.is_untouched();
}

#[test]
fn a_run_killed_in_its_command_is_told_as_unknown_and_never_done_again() {
    let scene = Scene::with("kill_run", SMALL);
    let marker = scene.bookend.work().join("started");
    let words = [
        "run",
        "--json",
        "--no-rehearsal",
        "it is the target that matters here",
        "--",
        "sh",
        "-c",
        "echo x >>started; sleep 30",
    ];
    let running = scene.bookend.spawn(&words);
    wait_for_file(&marker);
    while std::fs::read(&marker).unwrap().is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    running.signal(Signal::SIGKILL);
    let pid = running.pid();
    drop(running);
    let status = scene.bookend.succeed(&["status", "--json"]);
    eprintln!("{status}");
    let state = status.json();
    let state = state["runs"][0]["state"]
        .as_str()
        .or(state["state"].as_str())
        .unwrap();
    assert!(
        ["interrupted", "migration_unknown"].contains(&state),
        "{pid} {status}"
    );
    assert_eq!(std::fs::read_to_string(&marker).unwrap().lines().count(), 1);
    clean_up(&scene);
    scene.is_untouched();
}
