//! Sidecar files on a real PostgreSQL server: what travels with an archive, what comes back, and
//! what happens when something goes wrong on the way. Both engines: tests/conformance.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod common;

#[path = "sidecars/brackets.rs"]
mod brackets;
#[path = "sidecars/faults.rs"]
mod faults;
#[path = "sidecars/hostile.rs"]
mod hostile;
#[path = "sidecars/scene.rs"]
mod scene;
#[path = "sidecars/stock.rs"]
mod stock;

use scene::{Scene, tree};
use serde_json::{Value, json};

#[test]
fn files_come_back_as_they_were_beside_the_database() {
    let scene = Scene::new("round");
    let taken = scene.backup(&["--files", "media"]);
    assert_eq!(taken["consistent"], true);
    let files = &taken["files"][0];
    assert_eq!(
        (&files["path"], &files["name"]),
        (&json!("media"), &json!("media"))
    );
    let original = tree(&scene.media());
    let regular = original.values().filter(|fact| fact.is_file());
    assert_eq!(files["files"], regular.count(), "{files}");
    assert_eq!(files["left_out"], 2);
    let notes = taken["notes"].to_string();
    assert!(notes.contains("media/fifo: a pipe is left out"), "{notes}");
    assert!(
        notes.contains("media/socket: a socket is left out"),
        "{notes}"
    );

    let listed = scene.bookend.succeed(&["list", "--json"]).json();
    assert_eq!(listed["archives"][0]["files"][0]["bytes"], files["bytes"]);
    let shown = scene.bookend.succeed(&["show", "latest"]);
    assert!(shown.stdout.contains("files        media · "), "{shown}");
    let checked = scene
        .bookend
        .succeed(&["verify", "latest", "--json"])
        .json();
    assert_eq!(checked["verdict"], "intact");

    let into = scene.beside("back");
    let restored = scene
        .bookend
        .succeed(&["restore", "latest", "--into", &into, "--json"]);
    assert!(
        restored.stderr.contains("lead out of their folder"),
        "{restored}"
    );
    let restored = restored.json();
    assert_eq!(restored["verdict"], "identical");
    assert_eq!(restored["files"]["folder"], format!("{into}.files"));
    assert_eq!(restored["files"]["files"], files["files"]);
    assert_eq!(restored["files"]["bytes"], files["bytes"]);
    let folder = scene.bookend.work().join(format!("{into}.files"));
    scene::same(&original, &tree(&folder.join("media")));
    assert_eq!(scene::partials(&scene.bookend.work()), Vec::<String>::new());
}

/// Names of people's files are in the archive's own names nowhere.
#[test]
fn members_are_numbered_and_cut_into_chunks() {
    let scene = Scene::new("members");
    let taken = scene.backup(&["--files", "media"]);
    let path = scene.path(&taken);
    let mut archive = tar::Archive::new(std::fs::File::open(path).unwrap());
    let names: Vec<String> = archive
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().display().to_string())
        .collect();
    let files: Vec<_> = names
        .iter()
        .filter(|name| name.starts_with("files/"))
        .collect();
    assert!(files.len() > 3, "{names:?}");
    for (number, name) in (1..).zip(files) {
        assert_eq!(*name, format!("files/0001/{number:04}.tar.zst"));
    }
    assert!(names.contains(&"listings/0001/0001.jsonl.zst".to_owned()));
    assert!(names.contains(&"restore_files.sh".to_owned()));
    assert!(
        !names.iter().any(|name| name.contains("noise")),
        "{names:?}"
    );
}

#[test]
fn paths_of_the_configuration_count_from_its_folder_and_the_command_line_adds_to_them() {
    let scene = Scene::new("config");
    let folder = scene.bookend.work().join("conf");
    std::fs::create_dir_all(folder.join("uploads")).unwrap();
    std::fs::write(folder.join("uploads/a"), "a").unwrap();
    std::fs::write(
        folder.join("bookend.toml"),
        "[target.shop]\nurl = \"env:DATABASE_URL\"\nfiles = [\"uploads\"]\n",
    )
    .unwrap();
    scene.bookend.write("settings.ini", "x = 1\n");
    let words = [
        "backup",
        "shop",
        "--config",
        "conf/bookend.toml",
        "--json",
        "--files",
        "settings.ini",
    ];
    let taken = scene.bookend.succeed(&words).json();
    let paths: Vec<&Value> = taken["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["path"])
        .collect();
    assert_eq!(paths, [&json!("conf/uploads"), &json!("settings.ini")]);
    let into = [
        "restore",
        "latest",
        "--only-files",
        "--files-into",
        "out",
        "-q",
    ];
    scene.bookend.succeed(&into);
    let out = scene.bookend.work().join("out");
    assert_eq!(std::fs::read(out.join("uploads/a")).unwrap(), b"a");
    assert_eq!(std::fs::read(out.join("settings.ini")).unwrap(), b"x = 1\n");
}

#[test]
fn a_path_that_is_not_there_is_exit_2_before_anything_is_done() {
    let scene = Scene::new("missing");
    let told = scene
        .bookend
        .run(&["backup", "--files", "media", "--files", "no/such", "--json"])
        .expect_code(2);
    let error = &told.json()["error"];
    assert_eq!(error["code"], "files-missing");
    assert!(
        error["message"].as_str().unwrap().contains("no/such"),
        "{error}"
    );
    assert!(!scene.bookend.store().exists());
    scene.bookend.write(
        "bookend.toml",
        "[target.shop]\nurl = \"env:DATABASE_URL\"\nfiles = [\"gone\"]\n",
    );
    for words in [
        &["run", "shop", "--no-rehearsal", "a test", "--", "true"][..],
        &["rehearse", "shop", "--", "true"],
        &["backup", "shop"],
    ] {
        let told = scene.bookend.run(words).expect_code(2);
        assert!(told.stderr.contains("gone cannot be taken along"), "{told}");
    }
    assert!(scene.bookend.archives().is_empty());
    let status = scene.bookend.succeed(&["status", "--json"]).json();
    assert_eq!(status["runs"], json!([]), "no run was begun");
}

#[test]
fn a_folder_that_is_there_is_exit_4_and_files_can_stay_in_the_archive() {
    let scene = Scene::new("taken");
    scene.backup(&["--files", "media"]);
    let into = scene.beside("back");
    let folder = scene.bookend.work().join(format!("{into}.files"));
    std::fs::create_dir(&folder).unwrap();
    let words = ["restore", "latest", "--into", &into, "--json"];
    let told = scene.bookend.run(&words).expect_code(4);
    let error = &told.json()["error"];
    assert_eq!(error["code"], "files-taken");
    assert!(
        error["hint"].as_str().unwrap().contains("--files-into"),
        "{error}"
    );
    assert!(!scene.exists(&into), "nothing was made");
    let left = scene
        .bookend
        .succeed(&[&words[..], &["--no-files"]].concat());
    assert_eq!(left.json()["files"], Value::Null);
    assert!(scene.exists(&into));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn files_alone_need_no_server() {
    let scene = Scene::new("alone");
    let taken = scene.backup(&["--files", "media"]);
    let nowhere = scene.path(&taken);
    let away = common::Bookend::new().path(&[]);
    let words = [
        "restore",
        nowhere.to_str().unwrap(),
        "--only-files",
        "--json",
    ];
    let done = away.succeed(&words).json();
    assert_eq!(
        (&done["database"], &done["verdict"]),
        (&Value::Null, &Value::Null)
    );
    let folder = format!("{}.files", taken["id"].as_str().unwrap());
    assert_eq!(done["files"]["folder"], folder);
    scene::same(
        &tree(&scene.media()),
        &tree(&away.work().join(folder).join("media")),
    );
    let again = away.run(&words).expect_code(4);
    assert!(again.stdout.contains("files-taken"), "{again}");
}

#[test]
fn files_that_no_archive_holds_cannot_be_asked_for() {
    let scene = Scene::new("none");
    let taken = scene.backup(&[]);
    assert_eq!(taken["files"], json!([]));
    for words in [
        &["restore", "latest", "--only-files"][..],
        &["restore", "latest", "--into", "x", "--files-into", "y"],
    ] {
        let told = scene.bookend.run(words).expect_code(2);
        assert!(told.stderr.contains("no files travel with"), "{told}");
    }
    let _ = scene.bookend.run(&["restore", "latest"]).expect_code(2);
    let both = ["restore", "latest", "--into", "x", "--only-files"];
    let _ = scene.bookend.run(&both).expect_code(2);
}

#[test]
fn two_archives_tell_which_files_changed() {
    let scene = Scene::new("diff");
    scene.backup(&["--files", "media", "--tag", "a"]);
    std::fs::write(scene.media().join("a.txt"), "other").unwrap();
    std::fs::write(scene.media().join("new.txt"), "new").unwrap();
    std::fs::remove_file(scene.media().join("deep/er/x")).unwrap();
    scene.backup(&["--files", "media", "--tag", "b"]);
    scene.backup(&["--tag", "c"]);
    let [a, b, c] = ["-a", "-b", "-c"].map(|tag| scene.tagged(tag));
    let told = scene
        .bookend
        .run(&["diff", &a, &b, "--json"])
        .expect_code(3)
        .json();
    assert_eq!(
        (&told["same"], &told["loss"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(told["objects"], json!([]));
    let change = &told["files"][0];
    let counts = ["added", "removed", "changed"].map(|key| change[key].as_u64().unwrap());
    // The hard link is the same file.
    assert_eq!(counts, [1, 1, 2], "{change}");
    let text = scene.bookend.run(&["diff", &a, &b]).expect_code(3);
    assert!(text.stdout.starts_with("the databases are the same"));
    assert!(
        text.stdout.contains("files/media: changed (+1 -1 ~2)"),
        "{text}"
    );
    assert!(text.stdout.contains("+media/new.txt"), "{text}");
    let gone = scene.bookend.run(&["diff", &b, &c]).expect_code(3);
    assert!(gone.stdout.contains("files/media: removed"), "{gone}");
    scene.bookend.succeed(&["diff", &b, &c, "--schema"]);
    let _ = scene
        .bookend
        .run(&["diff", &a, &b, "--data"])
        .expect_code(3);
    scene.bookend.succeed(&["diff", &a, &a]);
}

#[test]
fn a_proof_says_that_it_is_not_about_the_files() {
    let scene = Scene::new("proof");
    scene.backup(&["--files", "media"]);
    let proven = scene
        .bookend
        .succeed(&["verify", "latest", "--prove", "--json"])
        .json();
    assert_eq!(proven["verdict"], "identical");
    let not_compared = proven["not_compared"].as_array().unwrap();
    assert!(not_compared.contains(&json!("files")), "{proven}");
    scene.backup(&["--tag", "bare"]);
    let bare = scene.tagged("-bare");
    let proven = scene
        .bookend
        .succeed(&["verify", &bare, "--prove", "--json"])
        .json();
    assert!(
        !proven["not_compared"].to_string().contains("\"files\""),
        "{proven}"
    );
}
