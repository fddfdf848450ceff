//! A migration's archives hold the files too; a rollback leaves them where they are.

use serde_json::json;

use crate::scene::{Scene, same, tree};

#[test]
fn both_archives_of_a_run_hold_the_files_and_a_rollback_says_how_to_get_them() {
    let scene = Scene::new("run");
    scene.bookend.write(
        "bookend.toml",
        "[target.shop]\nurl = \"env:DATABASE_URL\"\nfiles = [\"media\"]\n",
    );
    let before = tree(&scene.media());
    let command = "psql -qc 'DELETE FROM uploads WHERE id > 100' && echo new >media/a.txt";
    let ran = scene.bookend.run(&[
        "run",
        "shop",
        "--no-rehearsal",
        "a test",
        "--json",
        "--",
        "sh",
        "-c",
        command,
    ]);
    let ran = ran.expect_code(0).json();
    assert_eq!(ran["state"], "completed", "{ran:#}");
    let archives = ran["archives"].as_array().unwrap();
    let [first, last] = [0, 1].map(|n| archives[n]["id"].as_str().unwrap());
    for id in [first, last] {
        let shown = scene.bookend.succeed(&["show", id, "--json"]).json();
        assert_eq!(shown["files"][0]["name"], "media", "{shown}");
    }
    let step = ran["steps"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["step"] == "before");
    let lines = step.unwrap()["lines"].to_string();
    assert!(lines.contains("files media · "), "{lines}");
    let changed = scene.bookend.run(&["diff", first, last]).expect_code(3);
    assert!(changed.stdout.contains("~media/a.txt"), "{changed}");
    let bundle = ran["bundle"].as_str().unwrap();
    let checked = scene.bookend.succeed(&["verify", bundle, "--json"]).json();
    assert_eq!(
        (&checked["verdict"], &checked["archives"]),
        (&json!("intact"), &json!(2))
    );

    let rolled = scene.bookend.succeed(&["rollback", "--end-sessions"]);
    assert!(
        rolled
            .stdout
            .contains("its files (media) were left as they are"),
        "{rolled}"
    );
    let line = rolled
        .stdout
        .lines()
        .find(|line| line.contains("--only-files"))
        .unwrap();
    assert_eq!(
        std::fs::read(scene.media().join("a.txt")).unwrap(),
        b"new\n"
    );
    // The command as it was printed.
    let words: Vec<String> = line
        .split_whitespace()
        .skip(1)
        .map(|word| word.replace("DIR", "old"))
        .collect();
    scene.bookend.succeed(&words);
    same(&before, &tree(&scene.bookend.work().join("old/media")));
    let again = scene.bookend.succeed(&["rollback", "--json"]).json();
    assert_eq!(
        again["targets"][0]["files"]["names"],
        json!(["media"]),
        "{again}"
    );
    scene.psql("DROP TABLE uploads");
    let kept = again["targets"][0]["kept_as"].as_str().unwrap();
    scene.drop_database(kept);
}

#[test]
fn a_rehearsal_takes_the_files_along() {
    let scene = Scene::new("rehearse");
    scene.bookend.write(
        "bookend.toml",
        "[target.shop]\nurl = \"env:DATABASE_URL\"\nfiles = [\"media\"]\n",
    );
    let command = [
        "rehearse",
        "shop",
        "--json",
        "--",
        "psql",
        "-qc",
        "ALTER TABLE uploads ADD COLUMN x int",
    ];
    let ran = scene.bookend.run(&command).expect_code(0).json();
    let id = ran["archives"][0]["id"].as_str().unwrap();
    let shown = scene.bookend.succeed(&["show", id, "--json"]).json();
    assert_eq!(shown["files"][0]["name"], "media", "{shown}");
}
