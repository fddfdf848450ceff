//! What a sandbox cannot be made of is named before anything is restored.

use std::path::Path;
use std::process::Command;

use super::common::{Bookend, Server, Version};
use super::lodging::{Lodging, left_behind, open};

const PROOF: [&str; 5] = ["verify", "latest", "--prove", "--prove-on", "sandbox"];

#[test]
fn without_the_archives_version_it_says_what_to_install() {
    let server = Server::shared(Version::V16);
    let shop = server.database("no_binaries");
    let lodging = Lodging::new();
    // Programs of 18 read a server of 16, and are no server of 16.
    let bookend = lodging.furnish(Bookend::with_tools(Version::V18), "");
    bookend.succeed(&["backup", &shop.url()]);
    let failed = bookend.run(&PROOF).expect_code(6);
    assert!(
        failed.stderr.contains("initdb 16 was not found, only"),
        "{failed}"
    );
    assert!(failed.stderr.contains("postgresql-16"), "{failed}");
    let given = Version::V16.bin().display().to_string();
    let found = bookend.succeed(&[&PROOF[..], &["--tool-dir", &given]].concat());
    assert!(
        found.stdout.contains("a sandbox of PostgreSQL 16"),
        "{found}"
    );
    lodging.is_empty();
    assert!(left_behind(&bookend).is_empty());
}

/// An installation of PostgreSQL 16 without the extension `vector`.
fn without_vector(folder: &Path) {
    let bin = Version::V16.bin();
    // The wheel's programs find their libraries three folders up.
    let script = "cp -R \"$1/bin\" \"$1/share\" \"$2\" && ln -s \"$1/lib\" \"$2/lib\" &&
        for libs in \"$1\"/../../*.libs; do ln -s \"$libs\" \"$2/../..\"; done &&
        find \"$2/share\" -name 'vector*' -delete";
    let made = Command::new("/bin/sh")
        .args(["-c", script, "sh"])
        .args([bin.parent().unwrap(), folder])
        .status();
    assert!(made.unwrap().success());
}

#[test]
fn a_missing_extension_is_named_with_its_package() {
    let server = Server::shared(Version::V16);
    let shop = server.database("no_extension");
    shop.psql(
        "CREATE EXTENSION vector; CREATE TABLE t (v vector(3)); INSERT INTO t VALUES ('[1,2,3]')",
    );
    let lodging = Lodging::new();
    let installation = tempfile::Builder::new().tempdir_in("/tmp").unwrap();
    open(installation.path());
    let prefix = installation.path().join("python/server");
    std::fs::create_dir_all(&prefix).unwrap();
    without_vector(&prefix);
    let bookend = lodging.furnish(Bookend::with_tools(Version::V16), "");
    bookend.succeed(&["backup", &shop.url()]);
    let given = prefix.join("bin").display().to_string();
    let failed = bookend.run(&[&PROOF[..], &["--tool-dir", &given]].concat());
    let failed = failed.expect_code(4);
    assert!(failed.stderr.contains("extension vector"), "{failed}");
    assert!(failed.stderr.contains("postgresql-16-pgvector"), "{failed}");
    lodging.is_empty();
    assert!(left_behind(&bookend).is_empty());
    // With it, the rows are the same.
    bookend.succeed(&PROOF);
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let server = Server::shared(Version::V16);
    let shop = server.database("no_folder");
    let bookend = Bookend::with_tools(Version::V16);
    bookend.write("bookend.toml", "sandbox_dir = \"/nowhere/at/all\"\n");
    bookend.succeed(&["backup", &shop.url()]);
    let failed = bookend.run(&PROOF).expect_code(4);
    assert!(failed.stderr.contains("/nowhere/at/all"), "{failed}");
    assert!(failed.stderr.contains("sandbox_dir"), "{failed}");
}
