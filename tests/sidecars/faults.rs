//! Full disks and crashes in the middle.

use std::fs::{self, File};
use std::process::Command;

use nix::sys::signal::Signal;

use crate::common::Output;
use crate::scene::{Scene, noise, partials, same, tree, wait_for};

/// `bookend` under a limit of its files' size: for a process the same as a full disk.
fn without_room(scene: &Scene, words: &[&str]) -> Output {
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_bookend");
    command
        .args(["-c", "ulimit -f 512; exec \"$0\" \"$@\"", program])
        .args(words);
    scene.bookend.spawn_command(command).wait()
}

#[test]
fn a_store_without_room_for_the_files_leaves_no_archive() {
    let scene = Scene::new("full_store");
    let told = without_room(&scene, &["backup", "--files", "media", "--json"]).expect_code(1);
    let error = &told.json()["error"];
    assert_eq!(error["code"], "archive-io", "{told}");
    assert!(
        error["message"].as_str().unwrap().contains("files/0001/"),
        "{told}"
    );
    assert!(scene.bookend.archives().is_empty());
    assert_eq!(partials(&scene.bookend.store()), Vec::<String>::new());
}

#[test]
fn a_disk_without_room_for_the_files_leaves_no_folder_and_no_database() {
    let scene = Scene::new("full_folder");
    scene.backup(&["--files", "media"]);
    let into = scene.beside("back");
    let told =
        without_room(&scene, &["restore", "latest", "--into", &into, "--json"]).expect_code(1);
    let error = &told.json()["error"];
    assert_eq!(error["code"], "files-not-written", "{told}");
    assert!(
        error["causes"].to_string().contains("media/noise"),
        "{told}"
    );
    assert!(
        error["hint"].as_str().unwrap().contains("--files-into"),
        "{told}"
    );
    assert!(!scene.exists(&into));
    let work = fs::read_dir(scene.bookend.work()).unwrap().count();
    assert_eq!(work, 2, "media and backups");
    scene
        .bookend
        .succeed(&["restore", "latest", "--into", &into]);
}

/// A file so large that there is a middle; it takes no room.
fn hole(scene: &Scene, megabytes: u64) {
    let file = File::create(scene.media().join("hole")).unwrap();
    file.set_len(megabytes << 20).unwrap();
}

#[test]
fn a_backup_killed_among_the_files_leaves_no_archive() {
    let scene = Scene::new("kill_backup");
    hole(&scene, 4000);
    let words = ["backup", "--files", "media", "--compress", "none", "-q"];
    let running = scene.bookend.spawn(&words);
    wait_for("an archive that grows", || {
        let partial = partials(&scene.bookend.store())
            .into_iter()
            .find(|name| name.contains(".tar"))?;
        let facts = fs::metadata(scene.bookend.store().join(partial)).ok()?;
        (facts.len() > 8 << 20).then_some(())
    });
    running.signal(Signal::SIGKILL);
    drop(running);
    assert!(scene.bookend.archives().is_empty());
    let status = scene.bookend.succeed(&["status", "--json"]).json();
    assert_eq!(status["left_behind"][0]["kind"], "file", "{status}");
    // The next one removes what was left.
    fs::remove_file(scene.media().join("hole")).unwrap();
    scene.backup(&["--files", "media"]);
    assert_eq!(partials(&scene.bookend.store()), Vec::<String>::new());
}

#[test]
fn a_restore_killed_among_the_files_leaves_no_folder_under_its_name() {
    let scene = Scene::new("kill_restore");
    hole(&scene, 300);
    fs::write(scene.media().join("a-first"), noise(100)).unwrap();
    scene.backup(&["--files", "media"]);
    let into = scene.beside("back");
    let words = ["restore", "latest", "--into", &into, "-q"];
    let running = scene.bookend.spawn(&words);
    let work = scene.bookend.work();
    wait_for("a folder that is filled", || {
        let partial = partials(&work).into_iter().next()?;
        let file = work.join(partial).join("media/hole");
        file.exists().then_some(())
    });
    running.signal(Signal::SIGKILL);
    drop(running);
    assert!(!work.join(format!("{into}.files")).exists());
    assert!(!scene.exists(&into));
    // What lies around there is told, and how to get rid of it.
    let status = scene.bookend.succeed(&["status", "--json"]).json();
    let left = &status["left_behind"][0];
    assert_eq!(left["kind"], "file", "{status}");
    let path = left["name"].as_str().unwrap();
    assert!(path.starts_with(work.to_str().unwrap()), "{status}");
    assert!(left["advice"].as_str().unwrap().contains("rm -r"), "{left}");
    fs::remove_dir_all(path).unwrap();
    scene.bookend.succeed(&words);
    let status = scene.bookend.succeed(&["status", "--json"]).json();
    assert_eq!(
        status["left_behind"].as_array().unwrap().len(),
        0,
        "{status}"
    );
    let folder = work.join(format!("{into}.files"));
    same(&tree(&scene.media()), &tree(&folder.join("media")));
}

#[test]
fn an_interrupted_restore_takes_everything_back() {
    let scene = Scene::new("signal");
    hole(&scene, 300);
    scene.backup(&["--files", "media"]);
    let into = scene.beside("back");
    let running = scene
        .bookend
        .spawn(&["restore", "latest", "--into", &into, "-q"]);
    let work = scene.bookend.work();
    wait_for("a folder that is filled", || {
        partials(&work).into_iter().next()
    });
    running.signal(Signal::SIGTERM);
    let _ = running.wait().expect_code(143);
    assert_eq!(fs::read_dir(&work).unwrap().count(), 2, "media and backups");
    assert!(!scene.exists(&into));
}
