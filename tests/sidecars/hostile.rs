//! Archives that were made to write elsewhere, and damaged ones.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bookend::archive::{
    Archive, ArchiveSink, Compression, Entry, EntryKind, ManifestExtra, Moment, WriteOptions,
};
use chrono::Utc;
use serde_json::json;
use tokio::runtime::Handle;

use crate::scene::{Scene, partials};

fn entry(path: &str, kind: EntryKind) -> Entry {
    Entry {
        path: path.as_bytes().to_vec(),
        kind,
        mode: 0o755,
        uid: 0,
        gid: 0,
        mtime: Moment::default(),
    }
}

fn link(path: &str, target: &[u8]) -> Entry {
    entry(path, EntryKind::Link(target.to_vec()))
}

fn folder(path: &str) -> Entry {
    entry(path, EntryKind::Folder)
}

fn file(path: &str) -> Entry {
    entry(path, EntryKind::File(3))
}

/// An archive like that one, with these entries in place of its files; all digests are right.
fn forged(like: &Path, to: &Path, entries: Vec<Entry>) {
    let snapshot = Archive::open(like).unwrap().manifest().snapshot.clone();
    let snapshot = bookend::snapshot::Snapshot {
        streams: Vec::new(),
        ..snapshot
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async {
        let options = WriteOptions {
            compression: Compression::default(),
            created: Utc::now(),
            engine: snapshot.engine.clone(),
            database: "shop".to_owned(),
        };
        let sink = ArchiveSink::new(fs::File::create(to).unwrap(), options).unwrap();
        let (writing, handle) = (Arc::clone(&sink), Handle::current());
        let written = tokio::task::spawn_blocking(move || {
            let mut tree = writing.sidecar(1, ("media", "media"), handle);
            for entry in entries {
                let length = match entry.kind {
                    EntryKind::File(bytes) => usize::try_from(bytes).unwrap(),
                    EntryKind::Folder | EntryKind::Link(_) => 0,
                };
                tree.begin(entry).unwrap();
                tree.content(&vec![b'x'; length]).unwrap();
                tree.end().unwrap();
            }
            tree.finish().unwrap()
        });
        let extra = ManifestExtra {
            id: "forged".to_owned(),
            tag: None,
            target_label: "shop".to_owned(),
            files: vec![written.await.unwrap()],
        };
        sink.finish(&snapshot, extra).await.unwrap();
    });
}

/// Tars that would write into the folder `victim`, and where each does it.
fn attacks(victim: &Path) -> Vec<(&'static str, Vec<Entry>)> {
    let absolute = victim.join("new").to_str().unwrap().to_owned();
    let victim_path = victim.to_str().unwrap().as_bytes();
    vec![
        ("absolute", vec![folder("media"), file(&absolute)]),
        ("up", vec![folder("media"), file("media/../../victim/new")]),
        (
            "beside",
            vec![folder("media"), folder("victim"), file("victim/new")],
        ),
        (
            "a link",
            vec![
                folder("media"),
                link("media/l", victim_path),
                file("media/l/new"),
            ],
        ),
        (
            "a relative link",
            vec![
                folder("media"),
                link("media/l", b"../../victim"),
                file("media/l/new"),
            ],
        ),
        (
            "over a link",
            vec![
                folder("media"),
                link("media/l", victim.join("kept").to_str().unwrap().as_bytes()),
                file("media/l"),
            ],
        ),
        (
            "a linked root",
            vec![link("media", victim_path), file("media/new")],
        ),
        (
            "a linked folder",
            vec![
                folder("media"),
                link("media/l", victim_path),
                folder("media/l"),
                file("media/l/new"),
            ],
        ),
    ]
}

#[test]
fn nothing_is_ever_written_outside_the_folder() {
    let scene = Scene::new("outside");
    let taken = scene.backup(&[]);
    let work = scene.bookend.work();
    let victim = work.join("victim");
    fs::create_dir(&victim).unwrap();
    fs::write(victim.join("kept"), "kept").unwrap();
    for (name, entries) in attacks(&victim) {
        let archive = work.join("forged.tar");
        forged(&scene.path(&taken), &archive, entries);
        let words = [
            "restore",
            archive.to_str().unwrap(),
            "--only-files",
            "--files-into",
            "out",
            "--json",
        ];
        let told = scene.bookend.run(&words);
        assert_eq!(told.code, Some(3), "{name}: {told}");
        assert!(
            told.stderr.contains("files/media") || told.stdout.contains("files/media"),
            "{name}: {told}"
        );
        let verified = scene
            .bookend
            .run(&["verify", archive.to_str().unwrap(), "--json"]);
        let found = verified.expect_code(3).json();
        assert_eq!(
            found["differences"][0]["object"], "files/media",
            "{name}: {found}"
        );
        assert!(!work.join("out").exists(), "{name}");
        assert_eq!(partials(&work), Vec::<String>::new(), "{name}");
        assert_eq!(fs::read_dir(&victim).unwrap().count(), 1, "{name}");
        assert_eq!(fs::read(victim.join("kept")).unwrap(), b"kept", "{name}");
    }
    // The same with nothing wrong, so that it is the entries that were refused.
    let archive = work.join("forged.tar");
    forged(
        &scene.path(&taken),
        &archive,
        vec![
            folder("media"),
            link("media/l", victim.to_str().unwrap().as_bytes()),
            file("media/m"),
        ],
    );
    let words = [
        "restore",
        archive.to_str().unwrap(),
        "--only-files",
        "--files-into",
        "out",
    ];
    scene.bookend.succeed(&words);
    assert_eq!(fs::read(work.join("out/media/m")).unwrap(), b"xxx");
}

#[test]
fn a_damaged_chunk_is_named_and_nothing_is_made_of_it() {
    let scene = Scene::new("damaged");
    let path = scene.path(&scene.backup(&["--files", "media"]));
    let opened = Archive::open(&path).unwrap();
    let members = opened.manifest().members.iter();
    let places: Vec<(String, u64)> = members
        .filter(|one| one.name.starts_with("files/") || one.name.starts_with("listings/"))
        .map(|one| (one.name.clone(), one.offset + 512 + one.stored / 2))
        .collect();
    assert!(places.len() > 3, "{places:?}");
    let whole = fs::read(&path).unwrap();
    let into = scene.beside("back");
    for (name, at) in places {
        let mut bytes = whole.clone();
        bytes[usize::try_from(at).unwrap()] ^= 1;
        fs::write(&path, bytes).unwrap();
        let found = scene
            .bookend
            .run(&["verify", "latest", "--json"])
            .expect_code(3)
            .json();
        let difference = &found["differences"][0];
        assert_eq!(difference["object"], "files/media", "{found}");
        assert_eq!(difference["member"], json!(name), "{found}");
        assert_eq!(found["differences"].as_array().unwrap().len(), 1, "{found}");
        if name.starts_with("listings/") {
            continue;
        }
        let told = scene
            .bookend
            .run(&["restore", "latest", "--into", &into])
            .expect_code(3);
        assert!(told.stderr.contains(&name), "{told}");
        assert!(!scene.exists(&into), "{told}");
        let left = fs::read_dir(scene.bookend.work()).unwrap().count();
        assert_eq!(left, 2, "media and backups");
    }
}
