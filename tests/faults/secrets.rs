//! A password is looked for everywhere it must not be.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::common::bookend::command_lines_of_all_processes;
use super::common::{Bookend, Output, Server, Version};
use super::scene::{SMALL, files_below};

const CANARY: &str = "c4nary:W0rt/sp@tz";

#[test]
fn a_password_is_nowhere_but_in_environments() {
    let server = Server::shared(Version::V16);
    server.psql(
        "postgres",
        &format!("CREATE ROLE canary SUPERUSER LOGIN PASSWORD '{CANARY}'"),
    );
    let database = server.database("canary");
    database.psql(SMALL);
    let url = server.url_of("canary", CANARY, database.name());
    let encoded = url.split(['@', ':']).nth(2).unwrap().to_owned();
    let needles = [
        CANARY.to_owned(),
        encoded,
        "c4nary%3AW0rt".to_owned(),
        "W0rt".to_owned(),
    ];
    let bookend = Bookend::new()
        .env("DATABASE_URL", &url)
        .env("OTHER_URL", &url);
    let watch = Watch::begin();
    let mut outputs = vec![
        bookend.run(&["doctor", "-v"]),
        bookend.run(&["backup", "--prove", "-v", "--progress", "plain"]),
        bookend.run(&["backup", "--json", "--progress", "json"]),
        bookend.run(&["verify", "latest", "--prove", "-v"]),
        bookend.run(&["restore", "latest", "--into", "canary_back", "-v"]),
        bookend.run(&[
            "run",
            "-v",
            "--env",
            "MINE={url}",
            "--",
            "psql",
            "-qXc",
            "CREATE TABLE new (n int)",
        ]),
        bookend.run(&["list", "-v"]),
        bookend.run(&["show", "latest"]),
        bookend.run(&["copies", "list", "-v"]),
        bookend.run(&["status", "-v"]),
    ];
    for output in &outputs {
        assert_eq!(output.code, Some(0), "{output}");
    }
    // And when things go wrong.
    let broken = format!("{url}_nowhere");
    let bookend = bookend
        .env("BROKEN_URL", &broken)
        .env("GARBLED_URL", format!("{url}?what=%zz"));
    for words in [
        vec!["backup", "-v", "env:BROKEN_URL"],
        vec!["backup", "--json", "env:GARBLED_URL"],
        vec!["restore", "latest", "--into", "canary_back", "--json"],
        vec!["run", "--json", "--", "sh", "-c", "exit 3"],
        vec![
            "backup",
            "--tool-dir",
            "/nowhere",
            "--lock-timeout",
            "nonsense",
        ],
    ] {
        let output = bookend.run(&words);
        assert_ne!(output.code, Some(0), "{output}");
        outputs.push(output);
    }
    let lines = watch.end();
    assert!(
        lines.iter().any(|line| line.contains("pg_restore")),
        "{lines:?}"
    );
    server.psql("postgres", "DROP DATABASE canary_back");
    nowhere(&needles, &bookend, &outputs, &lines);
}

fn nowhere(needles: &[String], bookend: &Bookend, outputs: &[Output], lines: &BTreeSet<String>) {
    for needle in needles {
        for line in lines {
            assert!(!line.contains(needle), "{needle} on a command line: {line}");
        }
        for output in outputs {
            let said = format!("{}{}", output.stdout, output.stderr);
            assert!(!said.contains(needle), "{needle} in {output}");
        }
        let mut files = 0;
        for path in files_below(bookend.work().parent().unwrap()) {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes
                .windows(needle.len())
                .any(|window| window == needle.as_bytes());
            assert!(!found, "{needle} in {}", path.display());
            files += 1;
        }
        assert!(files > 5, "only {files} files");
    }
}

/// Looks at all command lines again and again.
struct Watch {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<BTreeSet<String>>,
}

impl Watch {
    fn begin() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut seen = BTreeSet::new();
            while !stopped.load(Ordering::SeqCst) {
                seen.extend(command_lines_of_all_processes());
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            seen
        });
        Self { stop, thread }
    }

    fn end(self) -> BTreeSet<String> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}
