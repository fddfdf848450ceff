//! `bookend report` and `bookend bundle` of real runs on real servers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod common;

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Bookend, Output, PASSWORD, Server, TestDatabase, Version};
use serde_json::Value;

fn shop() -> TestDatabase<'static> {
    let shop = Server::shared(Version::V16).database("shop");
    shop.psql(
        "CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL);
         CREATE TABLE \"x<script>|`\" (id serial PRIMARY KEY, total int);
         INSERT INTO users (name) SELECT 'user ' || i FROM generate_series(1, 300) i;
         INSERT INTO \"x<script>|`\" (total) SELECT i FROM generate_series(1, 900) i;",
    );
    shop
}

fn bookend() -> Bookend {
    Bookend::new().env("PGPASSWORD", PASSWORD)
}

/// A run whose migration is a file of SQL.
fn migrate(bookend: &Bookend, shop: &TestDatabase<'_>, sql: &str, options: &[&str]) -> Output {
    let file = bookend.write("up.sql", sql);
    let url = shop.url();
    let mut arguments = vec!["run", &url, "--json", "--migration-files", "up.sql"];
    arguments.extend(options);
    let psql = ["--", "psql", "-qv", "ON_ERROR_STOP=1", "-f"];
    arguments.extend(psql);
    arguments.push(file.to_str().unwrap());
    bookend.run(&arguments)
}

const LOSSY: [&str; 2] = ["--allow-loss", "*"];
const UP: &str = "ALTER TABLE users ADD email text; DELETE FROM \"x<script>|`\" WHERE id > 800;";

fn bundle(bookend: &Bookend, arguments: &[&str]) -> (PathBuf, Value) {
    let made = bookend.succeed(&[&["bundle", "--json"], arguments].concat());
    let document = made.json();
    let path = bookend.work().join(document["bundle"].as_str().unwrap());
    (path, document)
}

fn extracted(bookend: &Bookend, path: &Path) -> PathBuf {
    let folder = bookend.work().join("inside");
    std::fs::create_dir(&folder).unwrap();
    let tar = Command::new("tar")
        .args(["-xf", path.to_str().unwrap(), "-C"])
        .arg(&folder)
        .status()
        .unwrap();
    assert!(tar.success());
    folder
}

fn tree(xml: &str) -> roxmltree::Document<'_> {
    let options = roxmltree::ParsingOptions {
        allow_dtd: true,
        ..Default::default()
    };
    roxmltree::Document::parse_with_options(xml, options).unwrap()
}

fn keys(document: &Value) -> BTreeSet<&str> {
    document
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn a_run_that_was_rolled_back_is_reported_as_that_and_the_way_back_no_more() {
    let (shop, bookend) = (shop(), bookend());
    let _ = migrate(&bookend, &shop, UP, &LOSSY).expect_code(0);
    let before = bookend.succeed(&["report", "--format", "html"]).stdout;
    assert!(before.contains("rollback 20"), "{before}");
    let before = bookend.succeed(&["report", "--format", "md"]).stdout;
    assert!(before.contains("The way back"), "{before}");
    bookend.succeed(&["rollback"]);
    assert_eq!(
        bookend.succeed(&["report", "--json"]).json()["state"],
        "rolled_back"
    );
    for format in ["html", "md"] {
        let told = bookend.succeed(&["report", "--format", format]).stdout;
        assert!(told.contains("rolled back"), "{told}");
        assert!(!told.contains("as rehearsed in"), "{told}");
        assert!(!told.contains("way back"), "{told}");
    }
    // The kept database goes with the test.
    let kept = shop.server().psql(
        "postgres",
        &format!(
            "SELECT datname FROM pg_database WHERE datname LIKE '{}_failed%'",
            shop.name()
        ),
    );
    let drop = format!("DROP DATABASE \"{}\"", kept.trim());
    shop.server().psql("postgres", &drop);
}

#[test]
fn a_run_is_shown_in_every_form() {
    let (shop, bookend) = (shop(), bookend());
    let ran = migrate(&bookend, &shop, UP, &LOSSY).expect_code(0).json();

    let told = bookend.succeed(&["report", "--json"]).json();
    let mut shown = keys(&told);
    assert!(shown.remove("stopped_by"));
    assert_eq!(shown, keys(&ran));
    assert_eq!(told["state"], "completed");

    let text = bookend.succeed(&["report"]).stdout;
    assert!(text.contains("completed in"), "{text}");
    let page = bookend.succeed(&["report", "--format", "html"]).stdout;
    let page = tree(&page);
    let words: String = page.descendants().filter_map(|n| n.text()).collect();
    assert!(words.contains("public.\"x<script>|`\""), "{words}");
    assert!(words.contains("900 → 800"), "{words}");
    assert!(!page.descendants().any(|node| node.has_tag_name("script")));

    let run = ran["run"].as_str().unwrap();
    let asked = ["report", &run[..18], "--output", "junit.xml"];
    let said = bookend.succeed(&asked);
    assert_eq!(said.stdout, "");
    let xml = std::fs::read_to_string(bookend.work().join("junit.xml")).unwrap();
    let failures: Vec<String> = tree(&xml)
        .descendants()
        .filter(|node| node.has_tag_name("failure"))
        .filter_map(|node| Some(node.parent()?.attribute("name")?.to_owned()))
        .collect();
    assert_eq!(failures, [""; 0]);

    let comment = bookend.succeed(&["report", "--format", "md"]).stdout;
    assert!(comment.contains("> [!WARNING]"), "{comment}");
    assert!(
        comment.contains("``public.\"x<script>\\|`\"``"),
        "{comment}"
    );
    let _ = bookend
        .run(&["report", "--json", "--format", "html"])
        .expect_code(2);
    let _ = bookend.run(&["report", "nothing"]).expect_code(2);
}

#[test]
fn a_bundle_holds_everything_and_stock_tar_gets_at_it() {
    let (shop, bookend) = (shop(), bookend());
    std::fs::create_dir_all(bookend.work().join("db/sub")).unwrap();
    bookend.write("db/0001 init.sql", "SELECT 1;");
    bookend.write("db/.env", "SECRET=c4nary");
    symlink("/etc/passwd", bookend.work().join("db/passwd")).unwrap();
    let options = [&LOSSY[..], &["--migration-files", "db"]].concat();
    let _ = migrate(&bookend, &shop, UP, &options).expect_code(0);
    let (path, document) = bundle(&bookend, &[]);
    assert_eq!(document["state"], "completed");
    let missing = document["missing"].to_string();
    assert!(
        missing.contains("hidden") && missing.contains("links are not followed"),
        "{missing}"
    );
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let verified = bookend.succeed(&["verify", path.to_str().unwrap(), "--json"]);
    let verified = verified.json();
    assert_eq!(verified["verdict"], "intact");
    assert_eq!(verified["archives"], 2);
    assert_eq!(verified["rows"], 1200 + 1100);

    let inside = extracted(&bookend, &path);
    for archive in bookend.archives() {
        let name = archive.file_name().unwrap();
        let theirs = std::fs::read(inside.join("archives").join(name)).unwrap();
        assert_eq!(theirs, std::fs::read(&archive).unwrap());
    }
    assert_eq!(
        std::fs::read_dir(inside.join("archives")).unwrap().count(),
        2
    );
    assert_eq!(std::fs::read_dir(inside.join("proofs")).unwrap().count(), 1);
    for name in ["up.sql", "db/0001_init.sql"] {
        assert!(inside.join("migration").join(name).is_file(), "{name}");
    }
    for name in [
        "README.md",
        "COMMAND.txt",
        "report.html",
        "report.md",
        "report.json",
        "journal.jsonl",
    ] {
        let text = std::fs::read_to_string(inside.join(name)).unwrap();
        assert!(!text.is_empty() && !text.contains(PASSWORD), "{name}");
    }
    let command = std::fs::read_to_string(inside.join("COMMAND.txt")).unwrap();
    assert!(command.contains("psql -qv ON_ERROR_STOP=1 -f"), "{command}");

    let before = std::fs::read_dir(inside.join("archives")).unwrap();
    let before = before
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().ends_with("-before.tar"))
        .unwrap();
    let proven = bookend.succeed(&["verify", "--prove", before.to_str().unwrap(), "--json"]);
    assert_eq!(proven.json()["verdict"], "identical");

    // Not an archive, and never overwritten.
    let listed = bookend.succeed(&["list", "--json"]).json();
    assert_eq!(listed["archives"].as_array().unwrap().len(), 2);
    let (second, _) = bundle(&bookend, &[]);
    assert!(
        second.to_string_lossy().ends_with(".bundle-3.tar"),
        "{second:?}"
    );
    bookend.succeed(&["verify", second.to_str().unwrap()]);
    let _ = bookend
        .run(&["restore", path.to_str().unwrap(), "--into", "nothing"])
        .expect_code(2)
        .expect_stderr("it is a bundle");
    let _ = bookend
        .run(&["verify", "--prove", path.to_str().unwrap()])
        .expect_code(2);
}

#[test]
fn a_damaged_bundle_is_named_with_what_is_hit() {
    let (shop, bookend) = (shop(), bookend());
    let _ = migrate(&bookend, &shop, UP, &LOSSY).expect_code(0);
    let (path, document) = bundle(&bookend, &[]);
    let whole = std::fs::read(&path).unwrap();
    for member in document["members"].as_array().unwrap() {
        let (offset, bytes) = (&member["offset"], member["bytes"].as_u64().unwrap());
        if bytes == 0 {
            continue;
        }
        let at = usize::try_from(offset.as_u64().unwrap() + 512 + bytes / 2).unwrap();
        let mut changed = whole.clone();
        changed[at] ^= 1;
        std::fs::write(&path, changed).unwrap();
        let verified = bookend.run(&["verify", path.to_str().unwrap(), "--json"]);
        let verified = verified.expect_code(3).json();
        assert_eq!(verified["verdict"], "damaged");
        let told = verified["differences"][0]["member"].as_str().unwrap();
        assert_eq!(told, member["name"].as_str().unwrap());
    }
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let cut = bookend.run(&["verify", path.to_str().unwrap(), "--json"]);
    assert_eq!(cut.expect_code(3).json()["verdict"], "damaged");
}

#[test]
fn a_bundle_of_a_failed_run_says_what_is_missing() {
    let (shop, bookend) = (shop(), bookend());
    let _ = migrate(
        &bookend,
        &shop,
        "DELETE FROM users; SELECT 1/0;",
        &["--no-rehearsal", "tried before"],
    )
    .expect_code(5);
    let (path, document) = bundle(&bookend, &["--output", "failed.bundle.tar"]);
    assert_eq!(path, bookend.work().join("failed.bundle.tar"));
    assert_eq!(document["state"], "migration_failed");
    let missing = document["missing"].to_string();
    assert!(
        missing.contains("it was not made: the run is migration failed"),
        "{missing}"
    );
    let checked = bookend.succeed(&["verify", "failed.bundle.tar"]);
    assert!(checked.stdout.contains("1 archive"), "{checked}");
    assert!(
        checked.stdout.contains("without the after-archive"),
        "{checked}"
    );
    let _ = bookend
        .run(&["bundle", "--output", "failed.bundle.tar"])
        .expect_code(4)
        .expect_stderr("nothing is overwritten");

    let archive = bookend
        .archives()
        .into_iter()
        .find(|path| path.to_string_lossy().ends_with("-before.tar"))
        .unwrap();
    std::fs::remove_file(archive).unwrap();
    let (path, document) = bundle(&bookend, &[]);
    let missing = document["missing"].to_string();
    assert!(missing.contains("is not there any more"), "{missing}");
    bookend.succeed(&["verify", path.to_str().unwrap()]);
}

#[test]
fn a_run_bundles_itself_and_the_report_inside_says_how_it_ended() {
    let (shop, bookend) = (shop(), bookend());
    let ran = migrate(&bookend, &shop, UP, &["--allow-loss", "*"]);
    let ran = ran.expect_code(0).json();
    let path = bookend.work().join(ran["bundle"].as_str().unwrap());
    assert_eq!(
        bookend.succeed(&["report", "--json"]).json()["bundle"],
        ran["bundle"]
    );
    let inside = extracted(&bookend, &path);
    assert!(inside.join("migration/up.sql").is_file());
    let report = std::fs::read_to_string(inside.join("report.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["state"], "completed");
    assert_eq!(report["rehearsals"][0]["losses"][0]["allowed"], "*");
    let page = std::fs::read_to_string(inside.join("report.html")).unwrap();
    assert!(page.contains("completed as rehearsed"), "{page}");
    let verified = bookend.succeed(&["verify", path.to_str().unwrap(), "--json"]);
    assert_eq!(verified.json()["verdict"], "intact");
}

#[test]
fn a_full_disk_leaves_no_bundle_and_no_part_of_one() {
    let (shop, bookend) = (shop(), bookend());
    let _ = migrate(&bookend, &shop, UP, &LOSSY).expect_code(0);
    let before = files(&bookend);
    let size = bookend
        .archives()
        .iter()
        .map(|path| path.metadata().unwrap().len())
        .max();
    // Blocks of 512 bytes: room for one archive and not for both.
    let limit = size.unwrap() / 512 + 8;
    for output in [&[][..], &["--output", "out.bundle.tar"]] {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("ulimit -f {limit}; exec \"$0\" \"$@\"")])
            .args([env!("CARGO_BIN_EXE_bookend"), "bundle", "--json"])
            .args(output);
        let ran = bookend.spawn_command(command).wait().expect_code(1);
        assert_eq!(ran.json()["error"]["code"], "archive-io", "{ran}");
        assert_eq!(files(&bookend), before);
    }
}

/// Everything in the store and the working folder but locks.
fn files(bookend: &Bookend) -> BTreeSet<String> {
    let folders = [bookend.store(), bookend.work()];
    let entries = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap());
    entries
        .map(|entry| entry.unwrap().path().display().to_string())
        .collect()
}
