//! What happens to a run whose bundle is not made.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::common::{Bookend, Running};
use super::{arguments, server, shop, sql, status, step};

const COMMAND: &str = "ALTER TABLE users ADD email text";

/// A file of the migration that takes a while to copy, and no room.
fn long_file(bookend: &Bookend) -> String {
    let path = bookend.work().join("long.sql");
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(400 << 20).unwrap();
    path.to_str().unwrap().to_owned()
}

fn half_written(store: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(store).into_iter().flatten().flatten();
    let mut paths = entries.map(|entry| entry.path());
    paths.find(|path| {
        path.to_string_lossy().contains(".bundle") && path.to_string_lossy().ends_with(".partial")
    })
}

fn kill_while_bundling(bookend: &Bookend, mut running: Running) -> PathBuf {
    let began = Instant::now();
    let found = loop {
        if let Some(found) = half_written(&bookend.store()) {
            break found;
        }
        assert!(!running.ended(), "no bundle was begun: {}", running.wait());
        assert!(began.elapsed() < Duration::from_secs(120), "no bundle");
        std::thread::sleep(Duration::from_millis(1));
    };
    running.signal(Signal::SIGKILL);
    drop(running);
    assert!(found.exists(), "it was made before it could be killed");
    found
}

fn bundles(bookend: &Bookend) -> usize {
    let entries = std::fs::read_dir(bookend.store()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| !name.starts_with('.') && name.contains(".bundle"))
        .count()
}

#[test]
fn a_crash_while_bundling_is_told_as_that_and_resume_makes_the_bundle() {
    let shop = shop(server());
    let url = shop.url();
    let bookend = Bookend::new().env("DATABASE_URL", url.clone());
    let long = long_file(&bookend);
    let options = ["--migration-files", &long];
    let running = bookend.spawn(&arguments(&url, &options, &sql(COMMAND)));
    let half = kill_while_bundling(&bookend, running);
    let told = status(&bookend);
    assert_eq!(told["state"], "interrupted", "{told:#}");
    assert_eq!(step(&told, "bundle")["state"], "unknown", "{told:#}");
    assert!(
        told["advice"].to_string().contains("the migration stands"),
        "{told:#}"
    );
    let left = &told["left_behind"][0];
    assert_eq!(
        left["name"].as_str(),
        half.to_str().map(|path| {
            path.strip_prefix(bookend.work().to_str().unwrap())
                .unwrap()
                .trim_start_matches('/')
        })
    );
    assert_eq!(
        (&left["kind"], &left["run"]),
        (&"file".into(), &told["run"])
    );
    let advice = left["advice"].as_str().unwrap();
    assert!(
        advice.contains("of a bundle that was never finished"),
        "{advice}"
    );
    assert!(!advice.contains("of a backup"), "{advice}");
    assert_eq!(bundles(&bookend), 0);
    let ended = bookend.run(&["resume", "--json"]).expect_code(0);
    assert_eq!(ended.json()["state"], "completed", "{ended}");
    let bundle = ended.json()["bundle"].as_str().unwrap().to_owned();
    bookend.succeed(&["verify", "-q", &bundle]);
    let again = bookend.run(&["resume"]).expect_code(0);
    assert!(again.stdout.contains("nothing to do"), "{again}");
    assert_eq!(status(&bookend)["left_behind"], serde_json::json!([]));
}

#[test]
fn a_crash_of_the_command_bundle_leaves_a_half_written_file_that_is_told() {
    let shop = shop(server());
    let url = shop.url();
    let bookend = Bookend::new().env("DATABASE_URL", url.clone());
    bookend.succeed(&arguments(&url, &[], &sql(COMMAND)));
    let (made, long) = (bundles(&bookend), long_file(&bookend));
    let running = bookend.spawn(&["bundle", "latest", "--migration-files", &long]);
    let half = kill_while_bundling(&bookend, running);
    assert_eq!(bundles(&bookend), made);
    let told = status(&bookend);
    assert_eq!(told["state"], "completed");
    let advice = told["left_behind"][0]["advice"].as_str().unwrap();
    assert!(
        advice.contains("of a bundle that was never finished"),
        "{advice}"
    );
    let again = format!(
        "bookend bundle {} makes it anew",
        told["run"].as_str().unwrap()
    );
    assert!(advice.contains(&again), "{advice}");
    // As it says; it takes the half-written one away.
    bookend.succeed(&["bundle", told["run"].as_str().unwrap()]);
    assert!(!half.exists());
    assert_eq!(bundles(&bookend), made + 1);
    assert_eq!(status(&bookend)["left_behind"], serde_json::json!([]));
}

/// A store that takes everything but the bundle: files of at most a megabyte.
#[test]
fn a_bundle_that_cannot_be_made_is_told_with_its_cause_and_hides_nothing_else() {
    let shop = shop(server());
    let url = shop.url();
    let bookend = Bookend::new().env("DATABASE_URL", url.clone());
    let long = long_file(&bookend);
    // It loses on the target what it did not lose on the copy.
    let line = "if [ -e tried ]; then psql -qc 'DELETE FROM orders'; else touch tried; \
                psql -qXc SELECT; fi";
    let options = ["--json", "--migration-files", &long];
    let command = ["sh", "-c", line];
    let mut limited = std::process::Command::new("sh");
    limited
        .args(["-c", "ulimit -f 2048; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_bookend"))
        .args(arguments(&url, &options, &command));
    let ran = bookend.spawn_command(limited).wait().expect_code(3);
    let told = ran.json();
    assert_eq!(told["state"], "completed", "{ran}");
    assert_eq!(told["error"]["code"], "lost-more", "{ran}");
    assert_eq!(step(&told, "bundle")["state"], "failed", "{ran}");
    let advice = told["advice"].to_string();
    assert!(advice.contains("the bundle was not made ("), "{advice}");
    assert!(advice.contains("too large"), "{advice}");
    assert_eq!(bundles(&bookend), 0);
    assert_eq!(status(&bookend)["left_behind"], serde_json::json!([]));
    // As it says, once there is room.
    bookend.succeed(&["bundle", told["run"].as_str().unwrap()]);
    assert_eq!(bundles(&bookend), 1);
}
