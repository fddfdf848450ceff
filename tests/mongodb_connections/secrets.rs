//! A password is looked for everywhere it must not be.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bson::doc;

use super::common::bookend::command_lines_of_all_processes;
use super::common::mongo::commands;
use super::common::{Bookend, Deployment, Mongo, Output};
use super::{bookend, fill};

const CANARY: &str = "c4nary:W0rt/sp@tz";

#[test]
fn a_password_is_nowhere_but_where_it_must_be() {
    let server = Mongo::shared(Deployment::Guarded);
    fill(server, "canary", "todos", 3000);
    server.with(|client| async move {
        let root = doc! { "role": "root", "db": "admin" };
        let user = doc! { "createUser": "canary", "pwd": CANARY, "roles": [root] };
        commands(&client, "canary", vec![user]).await;
    });
    let url = server.url_of(("canary", CANARY), "canary", "");
    let encoded = url.split(['@', ':']).nth(2).unwrap().to_owned();
    let needles = [CANARY.to_owned(), encoded, "W0rt".to_owned()];
    let bookend = bookend().env("MONGODB_URI", &url);
    let watch = Watch::begin();
    let mut outputs: Vec<Output> = [
        vec!["doctor", "-v"],
        vec!["backup", "--prove", "-v", "--progress", "plain"],
        vec!["backup", "--consistent", "--json", "--progress", "json"],
        vec!["verify", "latest", "--prove", "-v"],
        vec!["restore", "latest", "--into", "canary_back", "-v"],
        vec![
            "run",
            "-v",
            "--no-rehearsal",
            "a test",
            "--env",
            "MINE={url}",
            "--",
            "sh",
            "-c",
            "echo \"$MINE\"",
        ],
        vec!["list", "-v"],
        vec!["show", "latest"],
        vec!["copies", "list", "-v"],
        vec!["status", "-v"],
    ]
    .iter()
    .map(|words| bookend.succeed(words))
    .collect();
    // And when things go wrong.
    let bookend = bookend
        .env(
            "BROKEN",
            url.replace("/canary?", "/nowhere?") + "&authSource=canary",
        )
        .env("GARBLED", format!("{url}&what=%zz"))
        .env("TWICE", url.replacen("%40", "@", 1))
        .env("WRONG", url.replace("tz@", "tzW0rt@"));
    for words in [
        vec!["backup", "-v", "env:BROKEN"],
        vec!["backup", "--json", "env:GARBLED"],
        vec!["backup", "env:TWICE"],
        vec!["backup", "-v", "env:WRONG"],
        vec!["restore", "latest", "--into", "canary_back", "--json"],
        vec![
            "run",
            "--json",
            "--no-rehearsal",
            "a test",
            "--",
            "sh",
            "-c",
            "exit 3",
        ],
        vec!["backup", "--lock-timeout", "nonsense"],
    ] {
        let output = bookend.run(&words);
        assert_ne!(output.code, Some(0), "{words:?} {output}");
        outputs.push(output);
    }
    let lines = watch.end();
    for tool in ["mongodump", "mongorestore"] {
        let ran = |line: &String| line.contains(tool) && line.contains("--config=");
        assert!(lines.iter().any(ran), "{tool} was not seen: {lines:?}");
    }
    server.with(|client| async move { client.database("canary_back").drop().await.unwrap() });
    nowhere(&needles, &bookend, &outputs, &lines);
}

fn nowhere(needles: &[String], bookend: &Bookend, outputs: &[Output], lines: &BTreeSet<String>) {
    assert_eq!(files_below(&bookend.tmp()), Vec::<PathBuf>::new());
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
            let found = memchr::memmem::find(&bytes, needle.as_bytes()).is_some();
            assert!(!found, "{needle} in {}", path.display());
            files += 1;
        }
        assert!(files > 5, "only {files} files");
    }
}

/// All files in a folder and below.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
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
                std::thread::sleep(Duration::from_millis(2));
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
