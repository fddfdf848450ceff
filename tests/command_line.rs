//! What can be said about a command line without any server: exit codes, the one JSON
//! document, streams, secrets.

mod common;

use std::process::Command;

use common::Bookend;

/// A URL that nobody answers at: port 1 of this machine.
const NOBODY: &str = "postgres://ada:c4n%40ry@127.0.0.1:1/shop";

#[test]
fn without_a_command_the_commands_are_listed() {
    let output = Bookend::new().run::<&str>(&[]).expect_code(2);
    assert!(output.stdout.contains("Usage: bookend"), "{output}");
}

#[test]
fn help_and_version_are_results() {
    let bookend = Bookend::new();
    let help = bookend.succeed(&["backup", "--help"]);
    assert!(
        help.stdout.contains("Examples:") && help.stderr.is_empty(),
        "{help}"
    );
    let version = bookend.succeed(&["--version", "--json"]).json();
    assert_eq!(version["ok"], true);
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(bookend.succeed(&["--help", "--json"]).json()["ok"], true);
}

#[test]
fn with_json_a_wrong_command_line_is_one_document_too() {
    for arguments in [
        &["--json"][..],
        &["--json", "bakcup"],
        &["verify", "--json"],
        &["backup", "--compress", "lz4", "--json"],
        &["restore", "latest", "--json", "--into"],
    ] {
        let output = Bookend::new().run(arguments).expect_code(2);
        let document = output.json();
        assert_eq!(document["ok"], false, "{output}");
        assert_eq!(document["error"]["code"], "usage", "{output}");
        assert_eq!(output.stdout.lines().count(), 1, "{output}");
    }
}

#[test]
fn a_target_is_asked_for_where_none_can_be_chosen() {
    let output = Bookend::new().run(&["backup"]).expect_code(2);
    assert!(output.stderr.starts_with("error: no target"), "{output}");
    assert!(output.stderr.contains("\nhint: "), "{output}");
}

#[test]
fn a_url_without_a_database_is_a_wrong_command_line() {
    let output = Bookend::new()
        .run(&["backup", "postgres://ada@127.0.0.1/"])
        .expect_code(2);
    assert!(output.stderr.contains("names no database"), "{output}");
}

#[test]
fn a_server_that_cannot_be_reached_is_exit_7() {
    for arguments in [
        &["backup", NOBODY][..],
        &["backup", NOBODY, "--json", "-v"],
        &["doctor", NOBODY],
        &["doctor", NOBODY, "--json"],
        &["copies", "list", "--on", NOBODY],
        &["copies", "drop", "bookend_1", "--on", NOBODY],
    ] {
        let output = Bookend::new().run(arguments).expect_code(7);
        if arguments.contains(&"--json") {
            assert_eq!(output.json()["ok"], false, "{output}");
        }
        for canary in ["c4n@ry", "c4n%40ry"] {
            assert!(!format!("{output}").contains(canary), "{output}");
        }
    }
}

#[test]
fn the_target_that_was_chosen_is_told_without_its_password() {
    let bookend = Bookend::new().env("DATABASE_URL", NOBODY);
    let output = bookend.run(&["backup"]).expect_code(7);
    assert!(
        output
            .stderr
            .contains("note: target postgres://ada@127.0.0.1:1/shop (from DATABASE_URL)"),
        "{output}"
    );
    let quiet = bookend.run(&["backup", "-q"]).expect_code(7);
    assert!(!quiet.stderr.contains("note:"), "{quiet}");
    assert!(quiet.stderr.contains("error:"), "{quiet}");
}

#[test]
fn names_of_the_configuration_are_targets() {
    let bookend = Bookend::new();
    bookend.write(
        "bookend.toml",
        "store = \"kept\"\n[target.shop]\nurl = \"postgres://ada@127.0.0.1:1/shop\"\n",
    );
    let output = bookend.run(&["backup", "shop"]).expect_code(7);
    assert!(output.stderr.contains("127.0.0.1:1"), "{output}");
    assert!(bookend.work().join("kept").is_dir());
    let _ = bookend
        .run(&["backup", "shpo"])
        .expect_code(2)
        .expect_stderr("hint: did you mean shop?");
}

#[test]
fn a_wrong_configuration_is_exit_2_whatever_the_command() {
    let bookend = Bookend::new();
    bookend.write("bookend.toml", "stroe = \"kept\"\n");
    let output = bookend.run(&["list", "--json"]).expect_code(2);
    assert_eq!(output.json()["error"]["code"], "config-unknown-key");
    assert!(
        output.json()["error"]["hint"]
            .as_str()
            .unwrap()
            .contains("store"),
        "{output}"
    );
}

#[test]
fn an_empty_store_is_listed_as_such() {
    let bookend = Bookend::new();
    let text = bookend.succeed(&["list"]);
    assert_eq!(text.stdout, "no archives in backups\n");
    let document = bookend.succeed(&["list", "--json"]).json();
    assert_eq!(document, serde_json::json!({"ok": true, "archives": []}));
}

#[test]
fn an_archive_that_is_not_there_is_exit_2() {
    for arguments in [
        &["verify", "latest"][..],
        &["show", "latest:shop"],
        &["restore", "shop-2026", "--into", "copy"],
        &["diff", "a.tar", "b.tar"],
        &["verify", "./missing.tar"],
    ] {
        let output = Bookend::new().run(arguments).expect_code(2);
        assert!(
            output.stderr.starts_with("error: no archive is called")
                || output.stderr.starts_with("error: there is no file"),
            "{output}"
        );
    }
}

#[test]
fn what_is_no_archive_is_told_so() {
    let bookend = Bookend::new();
    bookend.write("notes.tar", "not a tar at all");
    let _ = bookend
        .run(&["verify", "./notes.tar"])
        .expect_code(2)
        .expect_stderr("is not an archive of bookend");
}

#[test]
fn a_store_that_cannot_be_used_is_told() {
    let bookend = Bookend::new();
    bookend.write("file", "in the way");
    let inside = bookend.run(&["backup", NOBODY, "--store", "file/backups"]);
    let inside = inside.expect_code(1);
    assert!(inside.stderr.contains("file/backups"), "{inside}");
    let itself = bookend.run(&["list", "--store", "file"]).expect_code(1);
    assert!(itself.stderr.starts_with("error: "), "{itself}");
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure_and_a_reader_who_left_is_not() {
    let bookend = Bookend::new();
    let shell = |script: &str| {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_bookend")]);
        bookend.spawn_command(command).wait()
    };
    let full = shell("\"$0\" list > /dev/full").expect_code(1);
    assert!(
        full.stderr.contains("could not be written to stdout"),
        "{full}"
    );
    let left = shell("{ \"$0\" --help; echo $? >&2; } | true");
    assert_eq!(left.stderr.trim(), "0", "{left}");
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let bookend = Bookend::new();
    let plain = bookend.run(&["backup"]).expect_code(2);
    assert!(!plain.stderr.contains('\u{1b}'), "{plain}");
    let coloured = bookend.run(&["backup", "--color", "always"]).expect_code(2);
    assert!(
        coloured.stderr.contains("\u{1b}[1;31merror:\u{1b}[0m"),
        "{coloured}"
    );
}
