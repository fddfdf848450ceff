use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::*;
use crate::archive::{Archive, ArchiveSink, Compression, Digest, ManifestExtra, WriteOptions};
use crate::engine::{CopyKind, Ledger as _, MadeDatabase};
use crate::snapshot::{DatabaseFacts, LargeObjects, ServerFacts, Snapshot, WriteRecord};

struct Home {
    store: Store,
    _folder: tempfile::TempDir,
}

fn home() -> Home {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("backups")).unwrap();
    Home {
        store,
        _folder: folder,
    }
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000 + second, 0).unwrap()
}

fn snapshot() -> Snapshot {
    Snapshot {
        engine: "postgresql".to_owned(),
        taken_at: at(0),
        read_until: None,
        consistent: Some(true),
        server: ServerFacts::default(),
        database: DatabaseFacts::default(),
        objects: Vec::new(),
        streams: Vec::new(),
        large_objects: LargeObjects::default(),
        extensions: Vec::new(),
        prerequisites: Vec::new(),
        schema: Vec::new(),
        record: WriteRecord::default(),
        notes: Vec::new(),
        secrets_seen: Vec::new(),
    }
}

fn write(pending: &Pending, target: &str, created: DateTime<Utc>) {
    let options = WriteOptions {
        compression: Compression::default(),
        created,
        engine: "postgresql".to_owned(),
        database: "shop".to_owned(),
    };
    let extra = ManifestExtra {
        id: pending.id().to_owned(),
        tag: None,
        target_label: target.to_owned(),
        files: Vec::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let sink = ArchiveSink::new(pending.file().unwrap(), options).unwrap();
        sink.finish(&snapshot(), extra).await.unwrap();
    });
}

fn publish(store: &Store, target: &str, second: i64) -> PathBuf {
    let pending = store.begin(&archive_id(target, at(second), None)).unwrap();
    write(&pending, target, at(second));
    store.publish(pending).unwrap()
}

fn files(store: &Store) -> Vec<String> {
    let entries = fs::read_dir(store.dir()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name != ".lock").collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn an_archive_has_its_name_only_once_it_is_published() {
    let home = home();
    let pending = home.store.begin("shop-1").unwrap();
    assert_eq!(files(&home.store), [".shop-1.tar.partial"]);
    assert_eq!(home.store.list().unwrap(), Listing::default());
    write(&pending, "shop", at(0));
    let path = home.store.publish(pending).unwrap();
    assert_eq!(files(&home.store), ["shop-1.tar"]);
    assert_eq!((mode(&path), mode(home.store.dir())), (0o600, 0o700));
    assert_eq!(Archive::open(&path).unwrap().id(), "shop-1");
    assert!(!home.store.is_open_to_others().unwrap());
}

#[test]
fn a_folder_that_is_only_a_store_is_closed_to_others_and_no_other_folder() {
    use std::fs::{Permissions, set_permissions};
    let home = home();
    let open = Permissions::from_mode(0o755);
    set_permissions(home.store.dir(), open.clone()).unwrap();
    std::fs::write(home.store.dir().join(".gitkeep"), "").unwrap();
    drop(home.store.begin("shop-1").unwrap());
    assert_eq!(mode(home.store.dir()), 0o700);
    set_permissions(home.store.dir(), open).unwrap();
    std::fs::write(home.store.dir().join("notes.txt"), "").unwrap();
    drop(home.store.begin("shop-2").unwrap());
    assert_eq!(mode(home.store.dir()), 0o755);
}

#[test]
fn an_archive_that_is_given_up_leaves_nothing() {
    let home = home();
    drop(home.store.begin("shop-1").unwrap());
    assert_eq!(files(&home.store), Vec::<String>::new());
}

#[test]
fn ids_of_the_same_second_are_numbered() {
    let home = home();
    let first = home.store.begin("shop-1").unwrap();
    let second = home.store.begin("shop-1").unwrap();
    assert_eq!((first.id(), second.id()), ("shop-1", "shop-1-2"));
    write(&first, "shop", at(0));
    home.store.publish(first).unwrap();
    drop(second);
    assert_eq!(home.store.begin("shop-1").unwrap().id(), "shop-1-2");
}

#[test]
fn publishing_never_overwrites() {
    let home = home();
    let pending = home.store.begin("shop-1").unwrap();
    write(&pending, "shop", at(0));
    fs::write(home.store.dir().join("shop-1.tar"), "precious").unwrap();
    let path = home.store.publish(pending).unwrap();
    assert_eq!(path.file_name().unwrap(), "shop-1-2.tar");
    assert_eq!(
        fs::read(home.store.dir().join("shop-1.tar")).unwrap(),
        b"precious"
    );
}

#[test]
fn names_that_could_escape_are_refused() {
    let home = home();
    for bad in [
        "",
        "..",
        ".hidden",
        "a/b",
        "../x",
        "a b",
        "a\n",
        "ü",
        "/etc/passwd",
    ] {
        assert!(
            matches!(home.store.begin(bad), Err(StoreError::BadName { .. })),
            "{bad}"
        );
        assert!(home.store.lock(bad, "me").is_err());
        assert!(home.store.new_run(bad).is_err());
    }
    for bad in ["../x", "/x", "a/../../x", ""] {
        assert!(matches!(
            home.store.write_atomic(bad, b""),
            Err(StoreError::BadName { .. })
        ));
    }
}

#[test]
fn ids_are_safe_whatever_the_label() {
    assert_eq!(
        archive_id("shop", at(0), Some("before")),
        "shop-20261118T110640Z-before"
    );
    for label in [
        "../../etc",
        "a b",
        "",
        "...",
        "$(x)",
        "日本",
        &"x".repeat(300),
    ] {
        let home = home();
        let id = archive_id(label, at(0), Some("a/b"));
        assert!(home.store.begin(&id).is_ok(), "{id}");
    }
}

#[test]
fn leftovers_of_a_crash_are_told_from_work_in_progress() {
    let home = home();
    let working = home.store.begin("working").unwrap();
    let crashed = home.store.dir().join(".crashed.tar.partial");
    fs::write(&crashed, "half").unwrap();
    let run = home.store.new_run("r1").unwrap();
    fs::write(run.path().join(".state.json.77.partial"), "{").unwrap();
    let found = home.store.leftovers().unwrap();
    assert_eq!(found.len(), 2);
    assert!(found.contains(&Leftover {
        path: crashed.clone(),
        bytes: 4,
        outside: false,
    }));
    assert_eq!(home.store.remove_leftovers().unwrap(), found);
    assert_eq!(home.store.leftovers().unwrap(), []);
    assert!(!crashed.exists() && working.path().exists());
}

#[test]
fn a_store_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for dir in [file.clone(), file.join("below")] {
        let error = Store::open(&dir).unwrap_err();
        assert!(error.to_string().contains(dir.to_str().unwrap()), "{error}");
    }
}

#[test]
fn archives_are_listed_oldest_first_and_broken_ones_apart() {
    let home = home();
    publish(&home.store, "shop", 20);
    publish(&home.store, "blog", 10);
    fs::write(home.store.dir().join("broken.tar"), "nonsense").unwrap();
    fs::write(home.store.dir().join("other.txt"), "").unwrap();
    fs::write(home.store.dir().join("x.bundle.tar"), "").unwrap();
    let listing = home.store.list().unwrap();
    let targets: Vec<_> = listing.archives.iter().map(|a| a.target.as_str()).collect();
    assert_eq!(targets, ["blog", "shop"]);
    assert_eq!(listing.broken.len(), 1);
    assert!(listing.broken[0].problem.contains("not an archive"));
    assert!(listing.archives[0].bytes_stored > 0);
}

#[test]
fn words_select_archives() {
    let home = home();
    let store = &home.store;
    let old = publish(store, "shop", 0);
    let new = publish(store, "shop", 1);
    let blog = publish(store, "blog", 2);
    let id = archive_id("shop", at(0), None);
    for (word, means) in [
        ("latest", &blog),
        ("latest:shop", &new),
        ("blog", &blog),
        (id.as_str(), &old),
        (&format!("{id}.tar"), &old),
        (old.to_str().unwrap(), &old),
    ] {
        assert_eq!(&store.select(word).unwrap().path, means, "{word}");
    }
    let ambiguous = store.select("shop");
    assert!(
        matches!(ambiguous, Err(StoreError::Ambiguous { candidates, .. }) if candidates.len() == 2)
    );
    for word in ["nope", "latest:nope", "", "/nowhere/x.tar"] {
        let Err(StoreError::NoSuchArchive { there, .. }) = store.select(word) else {
            panic!("{word}")
        };
        assert_eq!(there.len(), 3);
    }
}

#[test]
fn an_id_that_begins_another_is_found_by_itself() {
    let home = home();
    for _ in 0..2 {
        publish(&home.store, "shop", 0);
    }
    let id = archive_id("shop", at(0), None);
    assert_eq!(home.store.select(&id).unwrap().id, id);
}

#[test]
fn a_damaged_archive_is_still_located() {
    let home = home();
    let path = home.store.dir().join("broken.tar");
    fs::write(&path, "nonsense").unwrap();
    assert_eq!(home.store.locate("brok").unwrap(), path);
    assert!(matches!(
        home.store.select("brok"),
        Err(StoreError::Archive(_))
    ));
}

fn receipt(archive: &Path) -> Receipt {
    Receipt {
        archive: "shop-1".to_owned(),
        manifest_sha256: Archive::open(archive).unwrap().manifest_sha256(),
        proven_at: at(60),
        server_version: "16.14".to_owned(),
        server_identity: None,
        bookend: "0.1.0".to_owned(),
        verdict: Verdict::Identical,
        differences: Vec::new(),
        objects: Vec::new(),
        not_compared: vec!["statistics".to_owned()],
        sandbox: None,
    }
}

#[test]
fn a_receipt_lies_beside_its_archive_and_shows_in_the_list() {
    let home = home();
    let path = publish(&home.store, "shop", 0);
    assert_eq!(home.store.receipt(&path).unwrap(), None);
    let receipt = receipt(&path);
    let written = home.store.write_receipt(&path, &receipt).unwrap();
    assert_eq!(
        written.to_str().unwrap(),
        format!("{}.proof.json", path.display())
    );
    assert_eq!(mode(&written), 0o600);
    assert_eq!(home.store.receipt(&path).unwrap(), Some(receipt));
    assert_eq!(
        home.store.list().unwrap().archives[0].proof,
        Some(Verdict::Identical)
    );
    assert_eq!(home.store.leftovers().unwrap(), []);
}

#[test]
fn a_receipt_of_another_archive_proves_nothing() {
    let home = home();
    let path = publish(&home.store, "shop", 0);
    let mut receipt = receipt(&path);
    receipt.manifest_sha256 = Digest::of(b"another");
    home.store.write_receipt(&path, &receipt).unwrap();
    assert_eq!(home.store.list().unwrap().archives[0].proof, None);
    fs::write(format!("{}.proof.json", path.display()), "{").unwrap();
    assert_eq!(home.store.list().unwrap().archives[0].proof, None);
    assert!(matches!(
        home.store.receipt(&path),
        Err(StoreError::BadReceipt { .. })
    ));
}

fn made(name: &str) -> MadeDatabase {
    MadeDatabase {
        name: name.to_owned(),
        kind: CopyKind::Disposable,
        engine: "postgresql".to_owned(),
        server: "postgresql://postgres@localhost".to_owned(),
        identity: None,
        run: "r".to_owned(),
        made: at(0),
        contents: None,
    }
}

#[test]
fn databases_are_unsettled_until_they_are_settled() {
    let home = home();
    let ledger = home.store.ledger().unwrap();
    for name in ["a", "b", "c"] {
        ledger.announce(&made(name)).unwrap();
    }
    ledger.settle("b", "dropped").unwrap();
    assert_eq!(home.store.unsettled().unwrap(), [made("a"), made("c")]);
    assert_eq!(mode(&home.store.dir().join("databases.jsonl")), 0o600);
}

#[test]
fn a_torn_last_line_is_ignored_and_overwritten() {
    let home = home();
    let ledger = home.store.ledger().unwrap();
    ledger.announce(&made("a")).unwrap();
    let path = home.store.dir().join("databases.jsonl");
    let torn = "{\"event\":\"announced\",\"database\":{\"name\":\"".to_owned() + &"x".repeat(9000);
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(torn.as_bytes()).unwrap();
    assert_eq!(ledger.unsettled().unwrap(), [made("a")]);
    ledger.announce(&made("b")).unwrap();
    assert_eq!(ledger.unsettled().unwrap(), [made("a"), made("b")]);
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
}

#[test]
fn a_log_that_is_all_torn_starts_over() {
    let home = home();
    let path = home.store.dir().join("log");
    fs::write(&path, "no end").unwrap();
    let log = DurableLog::open(&path).unwrap();
    log.append("first").unwrap();
    assert_eq!(DurableLog::lines(&path).unwrap(), ["first"]);
    assert!(log.append("two\nlines").is_err());
    assert!(
        DurableLog::lines(&home.store.dir().join("none"))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn lines_appended_at_once_do_not_mix() {
    let home = home();
    let path = home.store.dir().join("log");
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                let log = DurableLog::open(path).unwrap();
                for line in 0..25 {
                    log.append(&format!("{writer} {line} {}", "x".repeat(500)))
                        .unwrap();
                }
            });
        }
    });
    let lines = DurableLog::lines(&path).unwrap();
    assert_eq!(lines.len(), 100);
    assert!(
        lines
            .iter()
            .all(|line| line.len() > 500 && line.len() < 510)
    );
}

#[test]
fn a_lock_has_one_holder_who_is_named() {
    let home = home();
    let lock = home.store.lock("run-shop", "run 1 (process 4711)").unwrap();
    let busy = home.store.lock("run-shop", "run 2").unwrap_err();
    assert_eq!(
        busy.to_string(),
        "run-shop is in use by run 1 (process 4711)"
    );
    home.store.lock("run-blog", "run 3").unwrap();
    drop(lock);
    home.store.lock("run-shop", "run 2").unwrap();
}

#[test]
fn runs_have_a_folder_with_a_journal() {
    let home = home();
    assert!(home.store.runs().unwrap().is_empty());
    let run = home.store.new_run("20261120T043512Z-shop").unwrap();
    assert_eq!(mode(run.path()), 0o700);
    run.journal("journal.jsonl").unwrap().append("{}").unwrap();
    run.journal("journal.jsonl")
        .unwrap()
        .append("{\"a\":1}")
        .unwrap();
    assert_eq!(run.lines("journal.jsonl").unwrap(), ["{}", "{\"a\":1}"]);
    run.output("command.log")
        .unwrap()
        .write_all(b"hello")
        .unwrap();
    let report = run.write("report.json", b"{}").unwrap();
    assert_eq!(mode(&report), 0o600);
    assert!(run.journal("../x").is_err());
    assert!(home.store.new_run("20261120T043512Z-shop").is_err());
    assert_eq!(home.store.runs().unwrap(), ["20261120T043512Z-shop"]);
    let found = home.store.run("20261120T043512Z-shop").unwrap().unwrap();
    assert_eq!(found.path(), run.path());
    assert!(home.store.run("none").unwrap().is_none());
}
