//! kill -9 at each moment between the proof and the rehearsal: `status` explains what is left,
//! `abort` cleans it, and the next run works.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;

use super::common::{Bookend, Running};
use super::{IDLE, Scene, server, shop, sql, step};

/// Moments of a rehearsal with a template, by what the store's records say.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// The copy that is to be the template is announced.
    Building,
    /// It is proven, and about to be closed.
    Proven,
    /// It is closed.
    Closed,
    /// The clone is announced.
    Cloning,
    /// The proof is over.
    Cloned,
    /// COMMAND is at work on the clone.
    Rehearsing,
}

impl Moment {
    const ALL: [Self; 6] = [
        Self::Building,
        Self::Proven,
        Self::Closed,
        Self::Cloning,
        Self::Cloned,
        Self::Rehearsing,
    ];

    fn has_come(self, store: &Store) -> bool {
        let ledger = fs::read_to_string(store.0.join("databases.jsonl")).unwrap_or_default();
        let announced = ledger.matches("\"event\":\"announced\"").count();
        match self {
            Self::Building => announced >= 1,
            Self::Proven => fs::read_dir(store.0.join("templates"))
                .is_ok_and(|mut entries| entries.any(|entry| is_json(&entry.unwrap().path()))),
            Self::Closed => ledger.contains("kept as a template"),
            Self::Cloning => announced >= 2,
            Self::Cloned => store.journal().contains("\"done\":{\"proof\""),
            Self::Rehearsing => store.journal().contains("\"started\""),
        }
    }
}

fn is_json(path: &std::path::Path) -> bool {
    path.extension().is_some_and(|end| end == "json")
}

struct Store(PathBuf);

impl Store {
    fn journal(&self) -> String {
        let runs = fs::read_dir(self.0.join("runs")).into_iter().flatten();
        let newest = runs.map(|entry| entry.unwrap().path()).max();
        newest
            .and_then(|run| fs::read_to_string(run.join("journal.jsonl")).ok())
            .unwrap_or_default()
    }
}

fn kill_at(bookend: &Bookend, running: Running, moment: Moment) {
    let store = Store(bookend.store());
    let begun = Instant::now();
    while !moment.has_come(&store) {
        assert!(
            begun.elapsed() < Duration::from_secs(90),
            "never {moment:?}"
        );
        std::thread::sleep(Duration::from_micros(300));
    }
    running.signal(Signal::SIGKILL);
    drop(running);
}

const WAITING: [&str; 3] = [
    "sh",
    "-c",
    "psql -qXc SELECT; while [ ! -e go ]; do sleep 0.05; done",
];

#[test]
fn a_rehearsal_that_is_killed_leaves_what_status_explains_and_abort_cleans() {
    for moment in Moment::ALL {
        let scene = Scene::new();
        let words = scene.words(&["--template"], &WAITING);
        kill_at(&scene.bookend, scene.bookend.spawn(&words), moment);
        let told = scene.status();
        assert_eq!(told["state"], "interrupted", "{moment:?}: {told:#}");
        for left in told["left_behind"].as_array().unwrap() {
            assert_eq!(left["run"], told["run"], "{moment:?}: {told:#}");
            let advice = left["advice"].as_str().unwrap();
            assert!(
                advice.contains("bookend copies drop"),
                "{moment:?}: {advice}"
            );
        }
        let mut environment = vec!["abort".to_owned()];
        environment.push(told["run"].as_str().unwrap().to_owned());
        let on = server().url("postgres");
        let ran = scene.bookend.run(&environment);
        assert_eq!(ran.code, Some(0), "{moment:?}: {ran}");
        // The journal has no password: what abort could not reach is still named.
        let told = scene.status();
        for left in told["left_behind"].as_array().unwrap() {
            let name = left["name"].as_str().unwrap();
            let dropped = scene.bookend.run(&["copies", "drop", name, "--on", &on]);
            assert_eq!(dropped.code, Some(0), "{moment:?}: {dropped}");
        }
        let told = scene.status();
        assert_eq!(told["left_behind"].as_array().unwrap().len(), 0, "{told:#}");
        // What is still there is a template, whole and listed as such.
        let listed = scene.copies_list();
        for name in scene.made() {
            let line = listed.lines().find(|line| line.contains(&name));
            assert!(
                line.is_some_and(|line| line.contains("template of")),
                "{moment:?}: {name} in {listed}"
            );
        }
        let next = scene.rehearse(&["--template"], &IDLE).expect_code(0).json();
        assert_eq!(next["state"], "completed", "{moment:?}: {next:#}");
        assert_eq!(scene.made().len(), 1, "{moment:?}");
    }
}

#[test]
fn a_run_that_is_killed_after_its_template_was_closed_is_resumed_from_the_template() {
    let shop = shop(server());
    let url = shop.url();
    let bookend = Bookend::new().env("DATABASE_URL", url.as_str());
    let command = sql("ALTER TABLE users ADD email text");
    let mut words = vec!["run", "--json", "--template", "--"];
    words.extend(command);
    kill_at(&bookend, bookend.spawn(&words), Moment::Cloned);
    let document = bookend.run(&["resume", "--json"]).expect_code(0).json();
    assert_eq!(document["state"], "completed", "{document:#}");
    let template = &step(&document, "proof")["template"];
    assert_eq!(template["read"], false, "{document:#}");
    assert_eq!(document["as_rehearsed"], true);
    bookend.succeed(&["copies", "drop", template["name"].as_str().unwrap()]);
    let told = bookend.succeed(&["status", "--json"]).json();
    assert_eq!(told["left_behind"].as_array().unwrap().len(), 0, "{told:#}");
}

#[test]
fn a_clone_that_nobody_could_mark_is_dropped_by_what_it_holds() {
    let (scene, template) = Scene::with_template();
    let contents = server().psql(
        "postgres",
        &format!(
            "SELECT substring(shobj_description(oid, 'pg_database') FROM '\"contents\":\"([0-9a-f]+)\"')
               FROM pg_database WHERE datname = '{template}'"
        ),
    );
    let unmarked = |suffix: &str, contents: &str| {
        let name = format!("{}_bookend_{suffix}", scene.shop.name());
        let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
        server().psql("postgres", &sql);
        let line = json!({"event": "announced", "database": {
            "name": name, "kind": "disposable", "engine": "postgresql",
            "server": "postgres://postgres@127.0.0.1/postgres", "identity": null,
            "run": "gone", "made": "2026-11-20T04:35:12Z", "contents": contents,
        }});
        let ledger = scene.bookend.store().join("databases.jsonl");
        let mut text = fs::read_to_string(&ledger).unwrap();
        text.push_str(&format!("{line}\n"));
        fs::write(ledger, text).unwrap();
        name
    };
    let other = unmarked("aaaaaaaaaaaa", "0123456789abcdef0123456789abcdef");
    let _ = scene
        .drop_copy(&other)
        .expect_code(4)
        .expect_stderr("it is not empty");
    let clone = unmarked("bbbbbbbbbbbb", contents.trim());
    let _ = scene.drop_copy(&clone).expect_code(0);
    let made = scene.made();
    assert!(made.contains(&other) && made.contains(&template) && !made.contains(&clone));
}

#[test]
fn a_signal_while_the_template_is_cloned_leaves_nothing_but_the_template_or_nothing() {
    let (scene, template) = Scene::with_template();
    let words = scene.words(&[], &WAITING);
    let ledger = scene.bookend.store().join("databases.jsonl");
    let before = fs::read_to_string(&ledger).unwrap();
    let running = scene.bookend.spawn(&words);
    let begun = Instant::now();
    while fs::read_to_string(&ledger).unwrap() == before {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "nothing is announced"
        );
        std::thread::sleep(Duration::from_micros(300));
    }
    running.signal(Signal::SIGINT);
    let _ = running.wait().expect_code(130);
    assert_eq!(scene.made(), [template.as_str()]);
    assert_eq!(scene.status()["left_behind"].as_array().unwrap().len(), 0);
}
