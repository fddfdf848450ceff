//! A clock that is set back an hour in the middle of a run. Run by `make test-debian`, which
//! installs libfaketime.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod common;

use common::{Bookend, Server, Version};

/// The library that tells programs another time.
fn library() -> String {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let mut found = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    let found = found.find(|path| path.exists());
    found
        .expect("apt-get install faketime")
        .to_str()
        .unwrap()
        .to_owned()
}

#[test]
fn a_clock_that_is_set_back_leaves_durations_order_and_latest_right() {
    let server = Server::shared(Version::V16);
    let shop = server.database("clock");
    shop.psql("CREATE TABLE users AS SELECT n AS id FROM generate_series(1, 100) n");
    let bookend = Bookend::new();
    let clock = bookend.write("clock", "+0\n");
    let url = shop.url();
    let bookend = bookend
        .env("DATABASE_URL", url.clone())
        .env("LD_PRELOAD", library())
        .env("FAKETIME_TIMESTAMP_FILE", clock)
        .env("FAKETIME_NO_CACHE", "1")
        // Nobody sets that one.
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let run = |column: &str| {
        let line = format!("psql -qc 'ALTER TABLE users ADD {column} text'; echo -1h > clock");
        bookend.run(&["run", "--json", &url, "--", "sh", "-c", &line])
    };
    let first = run("email").expect_code(0);
    let took = first.took.as_secs_f64();
    let first = first.json();
    assert_eq!(
        (&first["state"], &first["as_rehearsed"]),
        (&"completed".into(), &true.into())
    );
    let seconds = first["seconds"].as_f64().unwrap();
    assert!(seconds > 0.0 && seconds < took + 1.0, "{first:#}");
    for step in first["steps"].as_array().unwrap() {
        let seconds = step["seconds"].as_f64().unwrap_or(0.0);
        assert!((0.0..took + 1.0).contains(&seconds), "{step:#}");
    }
    let id = |document: &serde_json::Value, step: &str| {
        let mut archives = document["archives"].as_array().unwrap().iter();
        let archive = archives.find(|archive| archive["step"] == step).unwrap();
        archive["id"].as_str().unwrap().to_owned()
    };
    let latest = || {
        let shown = bookend.succeed(&["show", "latest", "--json"]).json();
        shown["id"].as_str().unwrap().to_owned()
    };
    assert!(id(&first, "before") < id(&first, "after"), "{first:#}");
    assert_eq!(latest(), id(&first, "after"));
    // An hour behind the first one, and still the newest.
    let second = run("phone").expect_code(0);
    let second = second.json();
    assert!(
        first["run"].as_str() < second["run"].as_str(),
        "{first:#} {second:#}"
    );
    assert!(
        second.to_string().contains("this machine's clock"),
        "{second:#}"
    );
    let status = bookend.succeed(&["status", "--json"]).json();
    assert_eq!(status["run"], second["run"], "{status:#}");
    assert_eq!(latest(), id(&second, "after"));
    let listed = bookend.succeed(&["list", "--json"]).json();
    let listed = listed["archives"].as_array().unwrap().iter();
    let listed: Vec<&str> = listed
        .map(|archive| archive["id"].as_str().unwrap())
        .collect();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    assert!(
        listed == sorted || listed.iter().rev().eq(sorted.iter()),
        "{listed:?}"
    );
    // The way back is that of the newest run.
    let back = bookend.succeed(&["rollback", "--json"]).json();
    assert_eq!(back["run"], second["run"], "{back:#}");
    shop.psql("SELECT email FROM users");
    assert!(shop.try_psql("SELECT phone FROM users").is_err());
}
