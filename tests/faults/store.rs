//! Stores that cannot take an archive.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::common::namespace::{expect_allowed, unshare};
use super::scene::{Scene, big, expect, partials};

/// `bookend` under a limit of its files' size: for a process the same as a full disk, and for
/// any user to try.
#[test]
fn a_store_without_room_leaves_nothing_behind() {
    let scene = Scene::with("full", &big("filled", 8));
    for compress in ["zstd", "none"] {
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                "ulimit -f 128; exec \"$0\" \"$@\"",
                env!("CARGO_BIN_EXE_bookend"),
            ])
            .args(["backup", "--json", "--compress", compress]);
        let output = scene.bookend.spawn_command(command).wait();
        expect(&output, 1, "archive-io", &["--store", "too large"]);
        assert!(scene.bookend.archives().is_empty());
        scene.is_untouched();
    }
}

/// A real full disk.
#[test]
fn a_full_disk_is_named_with_what_to_do() {
    let scene = Scene::with("fuller", &big("filled", 8));
    let disk = scene.bookend.home().join("disk");
    std::fs::create_dir(&disk).unwrap();
    // A mount of its own name space: it is gone with the process.
    let script = "mount -t tmpfs -o size=256k none \"$1\" || exit 99; shift; exec \"$@\"";
    let mut command = unshare(&[]);
    command
        .args(["sh", "-c", script, "sh"])
        .arg(&disk)
        .arg(env!("CARGO_BIN_EXE_bookend"))
        .args(["backup", "--json", "--compress", "none", "--store"])
        .arg(disk.join("store"));
    let output = scene.bookend.spawn_command(command).wait();
    expect_allowed(&output);
    expect(
        &output,
        1,
        "archive-io",
        &["No space left on device", "--store DIR"],
    );
    scene.is_untouched();
}

#[test]
fn a_store_that_cannot_be_written_is_named_before_anything_is_read() {
    let scene = Scene::small("readonly");
    let file = scene.bookend.write("file", "");
    let below = file.join("store");
    let output = scene
        .bookend
        .run(&["backup", "--json", "--store", below.to_str().unwrap()]);
    expect(&output, 1, "store-io", &[below.to_str().unwrap()]);
    if !nix::unistd::geteuid().is_root() {
        let closed = scene.bookend.work().join("closed");
        std::fs::create_dir(&closed).unwrap();
        std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o500)).unwrap();
        let output = scene
            .bookend
            .run(&["backup", "--json", "--store", closed.to_str().unwrap()]);
        expect(&output, 1, "store-io", &["closed", "--store DIR"]);
    }
    let output = scene
        .bookend
        .run(&["backup", "--json", "--store", "/proc/nowhere"]);
    assert_eq!(output.code, Some(1), "{output}");
    scene.is_untouched();
}

/// Nothing of one backup disturbs another that is under way.
#[test]
fn two_backups_at_once_get_two_names() {
    let scene = Scene::small("twice");
    let running = [(); 3].map(|()| scene.bookend.spawn(&["backup", "--json"]));
    let mut ids: Vec<String> = running
        .into_iter()
        .map(|one| {
            one.wait().expect_code(0).json()["id"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    assert_eq!(scene.bookend.archives().len(), 3);
    assert!(partials(&scene.bookend).is_empty());
    scene.is_untouched();
}

/// Somebody removes the store while a backup writes into it.
#[test]
fn a_store_that_is_removed_meanwhile_is_no_success() {
    let scene = Scene::small("removed");
    let tools = scene.fake(
        "pg_dump",
        "rm -rf \"$HERE/../../work/backups\"\nexec \"$REAL\" \"$@\"",
    );
    let output = scene
        .bookend
        .run(&["backup", "--json", "--tool-dir", &tools]);
    assert_eq!(output.code, Some(1), "{output}");
    eprintln!("{output}");
    assert!(scene.bookend.archives().is_empty());
    scene.is_untouched();
}
