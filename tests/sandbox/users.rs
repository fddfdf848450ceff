//! Who the server runs as, and where its folder goes, for root and for everybody else.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

use super::common::{Bookend, Server, Version};
use super::lodging::{Lodging, wait};

const PROOF: [&str; 5] = ["verify", "latest", "--prove", "--prove-on", "sandbox"];

#[test]
fn the_folder_is_closed_and_the_server_is_never_root() {
    let server = Server::shared(Version::V16);
    let shop = server.database("users");
    shop.psql("CREATE TABLE t AS SELECT i FROM generate_series(1, 200000) i");
    let lodging = Lodging::new();
    let bookend = lodging.furnish(Bookend::with_tools(Version::V16), "");
    bookend.succeed(&["backup", &shop.url()]);
    let running = bookend.spawn(&PROOF);
    lodging.wait_for("postgres");
    let folder = lodging.sandboxes().remove(0);
    let about = std::fs::metadata(&folder).unwrap();
    assert_eq!(about.permissions().mode() & 0o777, 0o700);
    assert_ne!(about.uid(), 0);
    for (pid, line) in lodging.processes() {
        let owner = std::fs::metadata(format!("/proc/{pid}"));
        assert!(owner.is_ok_and(|about| about.uid() != 0), "{line}");
    }
    let ended = running.wait();
    assert_eq!(ended.code, Some(0), "{ended}");
}

fn give(folder: &Path, user: u32) {
    let _ = std::os::unix::fs::lchown(folder, Some(user), Some(user));
    if folder.is_dir() {
        for entry in std::fs::read_dir(folder).unwrap() {
            give(&entry.unwrap().path(), user);
        }
    }
}

/// As root a sandbox goes to a folder for temporary files, since the store is closed to the
/// server's user. As anybody else it goes into the store.
#[test]
fn without_a_word_the_folder_goes_where_its_user_can_reach_it() {
    let server = Server::shared(Version::V16);
    let shop = server.database("normal");
    shop.psql("CREATE TABLE t AS SELECT i FROM generate_series(1, 100) i");
    let bookend = Bookend::with_tools(Version::V16);
    bookend.succeed(&["backup", &shop.url()]);
    let root = nix::unistd::geteuid().is_root();
    let proof = bookend.succeed(&PROOF);
    let inside = format!("in {}", bookend.store().join("sandboxes").display());
    assert_eq!(proof.stderr.contains(&inside), !root, "{proof}");
    if !root {
        return;
    }
    give(bookend.work().parent().unwrap(), 65534);
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(env!("CARGO_BIN_EXE_bookend"))
        .args(PROOF);
    let proof = bookend.spawn_command(command).wait().expect_code(0);
    assert!(proof.stderr.contains(&inside), "{proof}");
    wait("nothing is left", || {
        std::fs::read_dir(bookend.store().join("sandboxes"))
            .unwrap()
            .count()
            == 0
    });
}
