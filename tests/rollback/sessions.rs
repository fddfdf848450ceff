//! Sessions in the way are told, and ended only when that was asked for.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{LOSSY, Scene, step};

/// A session of somebody else's.
struct Stranger(Child);

impl Stranger {
    fn of(scene: &Scene) -> Self {
        let psql = Command::new(scene.server.tool("psql"))
            .args(["-qAt", &scene.shop.url()])
            .env("PGAPPNAME", "stranger")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        let stranger = Self(psql);
        while !Self::is_there(scene) {
            assert!(begun.elapsed() < Duration::from_secs(30));
            std::thread::sleep(Duration::from_millis(10));
        }
        stranger
    }

    fn is_there(scene: &Scene) -> bool {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stranger' AND datname = '{}'",
            scene.name()
        );
        scene.server.psql("postgres", &sql).trim() != "0"
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_session_in_the_way_is_told_and_everybody_may_connect_again() {
    let scene = Scene::new();
    scene.migrate(LOSSY);
    let _stranger = Stranger::of(&scene);
    for options in [&[][..], &["--discard-writes"]] {
        let refused = scene.rollback(options).expect_code(4);
        let told = refused.json();
        assert_eq!(told["error"]["code"], "in-the-way", "{refused}");
        let causes = told["error"]["causes"].to_string();
        assert!(
            causes.contains("application stranger") && causes.contains("user postgres"),
            "{causes}"
        );
        assert!(Stranger::is_there(&scene));
        assert!(scene.takes_connections());
        assert_eq!(scene.databases(), [scene.name()]);
    }
}

#[test]
fn sessions_are_ended_when_that_is_asked_for() {
    let scene = Scene::new();
    let before = scene.content(scene.name());
    scene.migrate("ALTER TABLE users ADD email text");
    let failed = scene.content(scene.name());
    let _stranger = Stranger::of(&scene);
    let told = scene.rollback(&["--end-sessions"]).expect_code(0).json();
    let lines = step(&told, "sessions")["lines"].to_string();
    assert!(
        lines.contains("ended: pid") && lines.contains("stranger"),
        "{lines}"
    );
    assert!(!Stranger::is_there(&scene));
    scene.is_rolled_back(&told, &before, &failed);
}

/// An application that connects again as soon as it can, and writes all the time.
#[test]
fn an_application_that_comes_back_loses_nothing_that_is_not_in_the_kept_database() {
    let scene = Scene::new();
    let before = scene.content(scene.name());
    scene.migrate("CREATE TABLE noise (at timestamptz)");
    let line = format!(
        "while [ ! -e stop ]; do psql -qc \"INSERT INTO noise SELECT now() FROM generate_series(1, 3)\" '{}' 2>/dev/null; done",
        scene.shop.url()
    );
    let mut command = Command::new("sh");
    command.args(["-c", &line]);
    let noise = scene.bookend.spawn_command(command);
    let outcome = scene.rollback(&["--end-sessions"]);
    std::fs::write(scene.bookend.work().join("stop"), "").unwrap();
    drop(noise);
    let told = outcome.expect_code(0).json();
    let kept = told["targets"][0]["kept_as"].as_str().unwrap();
    let count = |database: &str| {
        let sql = "SELECT count(*) FROM noise";
        scene.server.psql(database, sql).trim().to_owned()
    };
    // The archive has exactly what the kept database has: nothing was written in between.
    if let Some(archive) = step(&told, "export")["archive"].as_str() {
        let copy = format!("{}_exported", scene.name());
        scene
            .bookend
            .succeed(&["restore", archive, "--into", &copy]);
        assert_eq!(count(&copy), count(kept));
    }
    assert_eq!(scene.content(scene.name()), before);
}

#[test]
fn a_prepared_transaction_is_in_the_way_whatever_is_asked_for() {
    let scene = Scene::new();
    scene.migrate("ALTER TABLE users ADD email text");
    let migrated = scene.content(scene.name());
    let gid = format!("{}_gid", scene.name());
    scene.shop.psql(&format!(
        "BEGIN; DELETE FROM orders; PREPARE TRANSACTION '{gid}'"
    ));
    let refused = scene.rollback(&["--end-sessions"]).expect_code(4);
    assert!(refused.stdout.contains(&gid), "{refused}");
    scene.shop.psql(&format!("ROLLBACK PREPARED '{gid}'"));
    scene.is_not_rolled_back(&migrated);
}
