//! What stock tools make of the files in an archive.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::scene::{Scene, same, tree};

/// `tar`, `zstd` or `gzip`, and a shell.
#[test]
fn stock_tools_get_the_same_files_out() {
    let scene = Scene::new("stock");
    for compress in ["zstd", "gzip", "none"] {
        let taken = scene.backup(&["--files", "media", "--compress", compress]);
        let unpacked = scene.bookend.work().join(format!("unpacked {compress}"));
        std::fs::create_dir(&unpacked).unwrap();
        let mut tar = Command::new("tar");
        tar.arg("-xf")
            .arg(scene.path(&taken))
            .arg("-C")
            .arg(&unpacked);
        let _ = scene.bookend.spawn_command(tar).wait().expect_code(0);
        let readme = std::fs::read_to_string(unpacked.join("RESTORE.md")).unwrap();
        assert!(
            readme.contains("sh restore_files.sh NEW_FOLDER"),
            "{readme}"
        );
        let restore = std::fs::read_to_string(unpacked.join("restore.sh")).unwrap();
        assert!(restore.contains("restore_files.sh"), "{restore}");

        let script = unpacked.join("restore_files.sh");
        let into = format!("out of {compress}");
        let run = |folder: &str| {
            let mut shell = Command::new("sh");
            shell.arg(&script).arg(folder);
            scene.bookend.spawn_command(shell).wait()
        };
        let done = run(&into).expect_code(0);
        assert!(done.stdout.contains("done"), "{done}");
        let out = scene.bookend.work().join(&into);
        same(&tree(&scene.media()), &tree(&out.join("media")));
        let mode = std::fs::metadata(&out).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let _ = run(&into).expect_code(4).expect_stderr("is there already");

        // A chunk that is damaged is no success.
        let chunk = std::fs::read_dir(unpacked.join("files/0001")).unwrap();
        let chunk = chunk.map(|entry| entry.unwrap().path()).min().unwrap();
        let bytes = std::fs::read(&chunk).unwrap();
        std::fs::write(&chunk, &bytes[..bytes.len() / 2]).unwrap();
        assert_ne!(run("damaged").code, Some(0));
        let _ = std::fs::remove_dir_all(scene.bookend.work().join("damaged"));
    }
}

/// The line that `RESTORE.md` gives for by hand.
#[test]
fn the_command_of_restore_md_works_as_it_stands() {
    let scene = Scene::new("by_hand");
    let taken = scene.backup(&["--files", "media"]);
    let unpacked = scene.bookend.work().join("unpacked");
    std::fs::create_dir_all(unpacked.join("NEW_FOLDER")).unwrap();
    let archive = std::fs::File::open(scene.path(&taken)).unwrap();
    tar::Archive::new(archive).unpack(&unpacked).unwrap();
    let readme = std::fs::read_to_string(unpacked.join("RESTORE.md")).unwrap();
    let line = readme
        .lines()
        .find(|line| line.starts_with("ls files/0001"))
        .unwrap();
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("cd unpacked && {line}"));
    let _ = scene.bookend.spawn_command(shell).wait().expect_code(0);
    same(
        &tree(&scene.media()),
        &tree(&unpacked.join("NEW_FOLDER/media")),
    );
}
