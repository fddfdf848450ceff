//! Several targets: each proven before the first is swapped; a crash between two is finished.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use bookend::connection::{Environment, Target};
use bookend::operation::rollback::{
    DIARY, Diary, Exported, Options, StepTold, Subject, Watch, drive, read,
};
use bookend::operation::{Engines, OperationError, Proof, Workspace};
use bookend::process::ToolBox;
use bookend::progress::Silent;
use bookend::store::{RunFolder, Store};

use super::Scene;
use super::common::Version;

const RUN: &str = "20261120T043512Z-two";

struct Unwatched;

impl Watch for Unwatched {
    fn told(&self, _step: &StepTold) {}
    fn proven(&self, _proof: &Proof) -> String {
        String::new()
    }
    fn exported(&self, _exported: &Exported) -> Vec<String> {
        Vec::new()
    }
}

/// Two shops in one store, each with an archive and a change since.
struct Two {
    first: Scene,
    second: Scene,
    before: [String; 2],
    failed: [String; 2],
    ws: Workspace,
    subjects: Vec<Subject>,
    folder: RunFolder,
}

impl Two {
    fn new() -> Self {
        let (first, second) = (Scene::named("one"), Scene::named("two"));
        let subjects = [&first, &second].map(|scene| subject(scene, &first));
        let content = || [&first, &second].map(|scene| scene.content(scene.name()));
        let before = content();
        for scene in [&first, &second] {
            scene
                .shop
                .psql("ALTER TABLE users ADD email text; DELETE FROM orders WHERE id < 10");
        }
        let failed = content();
        let store = Arc::new(Store::open(&first.bookend.store()).unwrap());
        let folder = store.new_run(RUN).unwrap();
        let ws = Workspace {
            store,
            tools: ToolBox::new(vec![Version::V18.bin()]),
            engines: Engines::default(),
            jobs: 2,
            lock_timeout: std::time::Duration::from_secs(20),
            progress: Arc::new(Silent),
            cancel: tokio_util::sync::CancellationToken::new(),
            run: RUN.to_owned(),
        };
        Self {
            before,
            failed,
            ws,
            subjects: subjects.into(),
            folder,
            first,
            second,
        }
    }

    fn drive(&self, subjects: &[Subject]) -> Result<Vec<Option<String>>, OperationError> {
        let past = read(&self.folder.lines(DIARY).unwrap()).unwrap();
        let diary = Diary::new(self.folder.journal(DIARY).unwrap(), past);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let ended = runtime.block_on(drive(
            &self.ws,
            subjects.to_vec(),
            Options::default(),
            (&diary, &Unwatched),
        ));
        ended.map(|ended| ended.kept_as)
    }
}

/// Archives of both lie in the store of the first.
fn subject(scene: &Scene, first: &Scene) -> Subject {
    let store = first.bookend.store().display().to_string();
    let words = ["backup", "--json", "--store", &store, &scene.shop.url()];
    let made = first.bookend.succeed(&words).json();
    let environment = Environment::default();
    Subject {
        target: Target::parse(&scene.shop.url(), &environment).unwrap(),
        before: PathBuf::from(made["archive"].as_str().unwrap()),
        after: None,
    }
}

#[test]
fn none_is_swapped_while_one_cannot_be() {
    let two = Two::new();
    let mut stranger = Command::new(two.first.server.tool("psql"))
        .args(["-qAt", &two.second.shop.url()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let there = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}'",
        two.second.name()
    );
    while two.first.server.psql("postgres", &there).trim() == "0" {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let refused = two.drive(&two.subjects);
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("others are connected")
    );
    two.first.is_not_rolled_back(&two.failed[0]);
    two.second.is_not_rolled_back(&two.failed[1]);
}

#[test]
fn a_crash_between_two_is_finished_by_the_next_rollback() {
    let two = Two::new();
    // The first alone, and the end is not recorded: as a crash right after its swap leaves it.
    let kept = two.drive(&two.subjects[..1]).unwrap();
    let lines = two.folder.lines(DIARY).unwrap();
    let cut = lines
        .iter()
        .position(|line| line.contains("\"ended\""))
        .unwrap();
    let path = two.folder.path().join(DIARY);
    std::fs::write(&path, lines[..cut].join("\n") + "\n").unwrap();
    assert_eq!(two.second.content(two.second.name()), two.failed[1]);
    let both = two.drive(&two.subjects).unwrap();
    assert_eq!(both[0], kept[0]);
    for (index, scene) in [&two.first, &two.second].into_iter().enumerate() {
        assert_eq!(scene.content(scene.name()), two.before[index]);
        let kept = both[index].as_deref().unwrap();
        assert_eq!(scene.content(kept), two.failed[index]);
        assert_eq!(scene.databases(), [scene.name(), kept]);
    }
}
