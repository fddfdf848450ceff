//! Tools that are missing, too old, killed, or end before their time.

use super::common::mongo::mongo_tools;
use super::common::{Bookend, Deployment, Mongo};
use super::scene::{bookend, copies, drop_all, expect, fake, fill, is_tidy};

/// A folder with one of the real tools only.
fn only(bookend: &Bookend, name: &str) -> std::path::PathBuf {
    let folder = bookend.home().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink(mongo_tools().join(name), folder.join(name)).unwrap();
    folder
}

#[test]
fn a_missing_tool_is_named_with_what_to_do() {
    let server = Mongo::shared(Deployment::Standalone);
    fill(server, "toolless", "c", 10);
    let url = server.url("toolless");
    let with = bookend();
    let restoring = only(&with, "mongorestore");
    let dumping = only(&with, "mongodump");
    let hint = "install MongoDB's database tools";
    let without = with.path(&[restoring, "/usr/bin".into(), "/bin".into()]);
    let output = without.run(&["backup", &url, "--json"]);
    expect(
        &output,
        6,
        "tool-missing",
        &["mongodump", "looked in", hint],
    );
    assert!(without.archives().is_empty());
    let without = without.path(&[dumping, "/usr/bin".into(), "/bin".into()]);
    without.succeed(&["backup", &url]);
    for words in [
        vec![
            "restore", "latest", "--into", "never", "--on", &url, "--json",
        ],
        vec!["verify", "latest", "--prove", "--prove-on", &url, "--json"],
    ] {
        let output = without.run(&words);
        expect(&output, 6, "tool-missing", &["mongorestore", hint]);
    }
    assert!(!server.databases().contains(&"never".to_owned()));
    is_tidy(&without);
    drop_all(server, &["toolless"]);
}

#[test]
fn a_tool_that_is_too_old_is_refused_before_anything_is_made() {
    let server = Mongo::shared(Deployment::Standalone);
    fill(server, "oldtool", "c", 10);
    let url = server.url("oldtool");
    let bookend = bookend();
    bookend.succeed(&["backup", &url]);
    let archive = bookend.archives().remove(0);
    let archive = archive.to_str().unwrap();
    for (name, version, code) in [
        (
            "mongorestore",
            "mongorestore version: r4.0.28",
            "tool-too-old",
        ),
        (
            "mongorestore",
            "mongorestore version: 4.2.1",
            "tool-too-old",
        ),
        ("mongorestore", "built by nobody", "tool-unusable"),
        ("mongodump", "mongodump version: r3.6.8", "tool-too-old"),
    ] {
        let tools = fake(&bookend, name, "exit 1");
        let script = format!("#!/bin/sh\necho '{version}'\n");
        std::fs::write(std::path::Path::new(&tools).join(name), script).unwrap();
        let words = match name {
            "mongodump" => vec!["backup", &url, "--json"],
            _ => vec![
                "restore", archive, "--into", "never", "--on", &url, "--json",
            ],
        };
        let old = Bookend::new().path(&[tools.into(), "/usr/bin".into(), "/bin".into()]);
        let output = old.run(&words);
        assert!(old.archives().is_empty());
        expect(&output, 6, code, &[name]);
    }
    assert!(!server.databases().contains(&"never".to_owned()));
    drop_all(server, &["oldtool"]);
}

/// Killed in the middle, by somebody or for want of memory, with bytes already gone through.
#[test]
fn a_tool_that_is_killed_half_way_leaves_nothing() {
    let server = Mongo::shared(Deployment::Standalone);
    fill(server, "killed", "c", 3000);
    let url = server.url("killed");
    let bookend = bookend();
    let tools = fake(
        &bookend,
        "mongodump",
        "\"$REAL\" \"$@\" | head -c 1000000; kill -KILL $$",
    );
    let output = bookend.run(&["backup", &url, "--json", "--tool-dir", &tools]);
    expect(
        &output,
        1,
        "tool-failed",
        &["mongodump", "SIGKILL", "dmesg"],
    );
    assert!(bookend.archives().is_empty());
    bookend.succeed(&["backup", &url]);
    let tools = fake(
        &bookend,
        "mongorestore",
        "head -c 1000000 | \"$REAL\" \"$@\"; kill -KILL $$",
    );
    let words = [
        "restore",
        "latest",
        "--into",
        "never",
        "--on",
        &url,
        "--json",
        "--tool-dir",
        &tools,
    ];
    let output = bookend.run(&words);
    expect(&output, 1, "tool-failed", &["mongorestore", "SIGKILL"]);
    assert!(!server.databases().contains(&"never".to_owned()));
    let prove = [
        "verify",
        "latest",
        "--prove",
        "--prove-on",
        &url,
        "--json",
        "--tool-dir",
        &tools,
    ];
    assert_eq!(bookend.run(&prove).code, Some(1));
    assert!(copies(server, "killed").is_empty());
    is_tidy(&bookend);
    drop_all(server, &["killed"]);
}

/// It says that all went well, and half of the documents are not there.
#[test]
fn a_tool_that_closes_its_pipe_and_calls_it_a_success_is_found_out() {
    let server = Mongo::shared(Deployment::Standalone);
    fill(server, "closing", "c", 3000);
    let url = server.url("closing");
    let bookend = bookend();
    for body in [
        "\"$REAL\" \"$@\" | head -c 1000000",
        "\"$REAL\" \"$@\" | head -c 300",
        "exit 0",
    ] {
        let tools = fake(&bookend, "mongodump", body);
        let output = bookend.run(&["backup", &url, "--json", "--tool-dir", &tools]);
        expect(&output, 1, "garbled", &["mongodump", "--tool-dir DIR"]);
        assert!(bookend.archives().is_empty());
    }
    bookend.succeed(&["backup", &url]);
    for body in [
        "head -c 1000000 >/dev/null",
        "exec <&-; sleep 0.2; exit 0",
        "cat >/dev/null",
    ] {
        let tools = fake(&bookend, "mongorestore", body);
        let words = [
            "restore",
            "latest",
            "--into",
            "never",
            "--on",
            &url,
            "--json",
            "--tool-dir",
            &tools,
        ];
        let output = bookend.run(&words);
        assert_eq!(output.code, Some(1), "{output}");
        assert!(!server.databases().contains(&"never".to_owned()));
    }
    is_tidy(&bookend);
    drop_all(server, &["closing"]);
}
