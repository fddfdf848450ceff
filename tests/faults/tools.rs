//! Vendors' tools that are missing, too old, or do not do their work.

use std::path::Path;

use super::common::{Bookend, Server, Version};
use super::scene::{Scene, expect, script};

/// Where bookend looks besides `PATH`: a machine with a PostgreSQL 18 of its own there cannot
/// be made to miss it.
fn installed_anyway() -> bool {
    std::fs::read_dir("/usr/lib/postgresql").is_ok_and(|versions| {
        versions
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
            .any(|major| major >= 18)
    }) || Path::new("/usr/bin/pg_dump").exists() && !Path::new("/usr/lib/postgresql").exists()
}

#[test]
fn a_missing_pg_dump_is_told_with_the_package() {
    let server = Server::shared(Version::V18);
    let database = server.database("toolless");
    let bookend = Bookend::new().path(&["/nonexistent".into()]);
    let output = bookend.run(&["backup", "--json", &database.url()]);
    if installed_anyway() {
        assert_eq!(output.code, Some(0), "{output}");
        return;
    }
    assert_eq!(output.code, Some(6), "{output}");
    let hint = output.json()["error"]["hint"].as_str().unwrap().to_owned();
    assert!(
        hint.contains("postgresql-client-18") && hint.contains("--tool-dir"),
        "{hint}"
    );
    assert!(bookend.archives().is_empty());
}

#[test]
fn a_pg_dump_older_than_the_server_is_refused_by_version() {
    let server = Server::shared(Version::V18);
    let database = server.database("modern");
    let old = Version::V16.bin();
    let bookend = Bookend::with_tools(Version::V16);
    let output = bookend.run(&[
        "backup",
        "--json",
        "--tool-dir",
        old.to_str().unwrap(),
        &database.url(),
    ]);
    if installed_anyway() {
        assert_eq!(output.code, Some(0), "{output}");
        return;
    }
    expect(
        &output,
        6,
        "tool-too-old",
        &["pg_dump 16", "18", "postgresql-client-18"],
    );
    assert!(bookend.archives().is_empty());
}

#[test]
fn something_else_called_pg_dump_is_not_used() {
    let scene = Scene::small("impostor");
    for body in ["echo I am something else", "exit 3", "kill -KILL $$"] {
        let tools = script(&scene.bookend, "pg_dump", body);
        let output = scene
            .bookend
            .run(&["backup", "--json", "--tool-dir", &tools]);
        // The next one is: a broken installation must not keep a working one from being found.
        assert_eq!(output.code, Some(0), "{output}");
    }
    scene.is_untouched();
}

#[test]
fn a_pg_dump_that_fails_in_any_way_leaves_no_archive() {
    let scene = Scene::small("failing");
    for (body, code, words) in [
        (
            "head -c 300 /dev/zero",
            "garbled",
            vec!["pg_dump", "doctor"],
        ),
        (
            "echo 'pg_dump: warning: nothing today'",
            "garbled",
            vec!["pg_dump"],
        ),
        (":", "garbled", vec!["pg_dump"]),
        ("exec >&-; exit 0", "garbled", vec!["pg_dump"]),
        ("\"$REAL\" \"$@\" | head -c 300", "garbled", vec!["pg_dump"]),
        (
            "echo 'disk on fire' >&2; exit 1",
            "tool-failed",
            vec!["disk on fire", "exit code 1"],
        ),
        (
            "\"$REAL\" \"$@\" | head -c 300; kill -KILL $$",
            "tool-failed",
            vec!["SIGKILL"],
        ),
        ("kill -SEGV $$", "tool-failed", vec!["SIGSEGV"]),
        ("exec \"$REAL\" --nonsense", "tool-failed", vec!["nonsense"]),
    ] {
        let tools = scene.fake("pg_dump", body);
        let output = scene
            .bookend
            .run(&["backup", "--json", "--tool-dir", &tools]);
        eprintln!("--- {body}");
        expect(&output, 1, code, &words);
        assert!(scene.bookend.archives().is_empty(), "{body}");
    }
    scene.is_untouched();
}

/// Between the definitions and the large objects pg_dump runs twice; the second may fail too.
#[test]
fn a_pg_dump_that_fails_at_the_large_objects_leaves_no_archive() {
    let scene = Scene::small("objects");
    for body in [
        "\"$REAL\" \"$@\" | head -c 200; exit 0",
        "\"$REAL\" \"$@\" | head -c 200; kill -KILL $$",
        "exit 0",
    ] {
        let body = format!("case \"$*\" in *--data-only*) {body};; esac\nexec \"$REAL\" \"$@\"");
        let tools = scene.fake("pg_dump", &body);
        let output = scene
            .bookend
            .run(&["backup", "--json", "--tool-dir", &tools]);
        eprintln!("{output}");
        assert_eq!(output.code, Some(1), "{output}");
        assert!(output.stderr.contains("pg_dump"), "{output}");
        assert!(scene.bookend.archives().is_empty(), "{body}");
    }
    scene.is_untouched();
}

#[test]
fn a_pg_restore_that_fails_leaves_no_database() {
    let scene = Scene::small("unrestored");
    scene.archive();
    for body in [
        "echo 'pg_restore: error: disk on fire' >&2; exit 1",
        "kill -KILL $$",
        "cat >/dev/null; exit 0",
        "exit 0",
    ] {
        let tools = scene.fake("pg_restore", body);
        eprintln!("--- {body}");
        let output = scene.bookend.run(&[
            "restore",
            "latest",
            "--into",
            "never",
            "--json",
            "--tool-dir",
            &tools,
        ]);
        eprintln!("{output}");
        assert!(matches!(output.code, Some(1 | 3)), "{output}");
        if body.contains("fire") {
            assert!(output.stderr.contains("disk on fire"), "{output}");
        }
        let output = scene.bookend.run(&[
            "verify",
            "latest",
            "--prove",
            "--json",
            "--tool-dir",
            &tools,
        ]);
        assert!(matches!(output.code, Some(1 | 3)), "{output}");
        assert_ne!(output.json()["verdict"], "identical", "{output}");
    }
    assert_eq!(
        scene
            .server
            .psql(
                "postgres",
                "SELECT count(*) FROM pg_database WHERE datname = 'never'"
            )
            .trim(),
        "0"
    );
    scene.is_untouched();
}
