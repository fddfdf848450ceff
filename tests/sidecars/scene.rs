//! A database, a folder with everything that is hard about files, and how two trees are compared.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use crate::common::{Bookend, Server, TestDatabase, Version};

const PATIENCE: Duration = Duration::from_secs(60);

/// A database, and the program in a working folder with `media` in it.
pub struct Scene {
    pub bookend: Bookend,
    server: &'static Server,
    database: TestDatabase<'static>,
}

impl Scene {
    pub fn new(name: &str) -> Self {
        let server = Server::shared(Version::V16);
        let database = server.database(&format!("files_{name}"));
        database.psql(
            "CREATE TABLE uploads (id int PRIMARY KEY, path text);
             INSERT INTO uploads SELECT n, 'media/' || n FROM generate_series(1, 200) n;",
        );
        let bookend = Bookend::new().env("DATABASE_URL", database.url());
        let scene = Self {
            bookend,
            server,
            database,
        };
        fill(&scene.media());
        scene
    }

    pub fn media(&self) -> PathBuf {
        self.bookend.work().join("media")
    }

    pub fn backup(&self, options: &[&str]) -> Value {
        let words = [&["backup", "--json"], options].concat();
        self.bookend.succeed(&words).json()
    }

    pub fn psql(&self, sql: &str) {
        self.database.psql(sql);
    }

    pub fn path(&self, taken: &Value) -> PathBuf {
        self.bookend.work().join(taken["archive"].as_str().unwrap())
    }

    /// The id of the archive with this tag.
    pub fn tagged(&self, tag: &str) -> String {
        let archives = self.bookend.archives();
        let stems = archives
            .iter()
            .map(|path| path.file_stem().unwrap().to_string_lossy());
        stems
            .into_iter()
            .find(|id| id.ends_with(tag))
            .unwrap()
            .into_owned()
    }

    /// A name beside the database's; what is made under it goes with the scene.
    pub fn beside(&self, what: &str) -> String {
        format!("{}_{what}", self.database.name())
    }

    pub fn drop_database(&self, name: &str) {
        let sql = format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)");
        self.server.psql("postgres", &sql);
    }

    pub fn exists(&self, database: &str) -> bool {
        let sql = format!("SELECT count(*) FROM pg_database WHERE datname = '{database}'");
        self.server.psql("postgres", &sql).trim() == "1"
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.drop_database(&self.beside("back"));
    }
}

/// Bytes that no compression makes smaller.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let words = std::iter::repeat_with(&mut next).take(length / 8 + 1);
    words.flatten().take(length).collect()
}

fn fill(media: &Path) {
    for folder in ["empty", "deep/er", "closed"] {
        fs::create_dir_all(media.join(folder)).unwrap();
    }
    let long = "n".repeat(250);
    for (name, content) in [
        (&b"a.txt"[..], &b"hello"[..]),
        (b"-rf", b"a leading dash"),
        (b"--", b""),
        (b"two\nlines", b"a line feed"),
        (b"not-\xff\xfe-utf8", b"bytes"),
        (b" .blanks . ", b" "),
        (b".hidden", b"also"),
        (long.as_bytes(), b"long"),
        (b"deep/er/x", b"deep"),
        (b"closed/in", b"in a folder that nobody may write"),
        (b"run.sh", b"#!/bin/sh\n"),
        (b"noise", &noise(5 << 20)),
    ] {
        fs::write(media.join(OsStr::from_bytes(name)), content).unwrap();
    }
    fs::hard_link(media.join("a.txt"), media.join("hard")).unwrap();
    for (link, target) in [
        ("link", "a.txt"),
        ("broken", "no/such"),
        ("absolute", "/etc/hostname"),
        ("odd", "./deep//er/../er/x"),
    ] {
        symlink(target, media.join(link)).unwrap();
    }
    symlink("t/".repeat(100), media.join("far")).unwrap();
    drop(std::os::unix::net::UnixListener::bind(media.join("socket")).unwrap());
    nix::unistd::mkfifo(&media.join("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let old = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_007, 123_456_789);
    File::open(media.join("a.txt"))
        .unwrap()
        .set_times(FileTimes::new().set_modified(old))
        .unwrap();
    for (name, mode) in [
        ("run.sh", 0o755),
        ("a.txt", 0o640),
        ("closed", 0o555),
        ("", 0o750),
    ] {
        fs::set_permissions(media.join(name), Permissions::from_mode(mode)).unwrap();
    }
}

/// What is to be the same of one file, folder or link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    kind: &'static str,
    mode: u32,
    time: (i64, i64),
    content: Vec<u8>,
}

impl Fact {
    pub fn is_file(&self) -> bool {
        self.kind == "file"
    }
}

pub type Tree = BTreeMap<Vec<u8>, Fact>;

/// Everything below a folder, and the folder itself, but what an archive does not hold.
pub fn tree(folder: &Path) -> Tree {
    let mut found = Tree::new();
    add(folder, folder, &mut found);
    found
}

fn add(root: &Path, path: &Path, found: &mut Tree) {
    let facts = fs::symlink_metadata(path).unwrap();
    let (kind, content) = if facts.is_file() {
        ("file", fs::read(path).unwrap())
    } else if facts.is_symlink() {
        let target = fs::read_link(path).unwrap();
        ("link", target.into_os_string().as_bytes().to_vec())
    } else if facts.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            add(root, &entry.unwrap().path(), found);
        }
        ("folder", Vec::new())
    } else {
        return;
    };
    let name = path
        .strip_prefix(root)
        .unwrap()
        .as_os_str()
        .as_bytes()
        .to_vec();
    let fact = Fact {
        kind,
        mode: if kind == "link" {
            0
        } else {
            facts.mode() & 0o7777
        },
        time: (facts.mtime(), facts.mtime_nsec()),
        content,
    };
    found.insert(name, fact);
}

/// Fails the test unless two trees are the same.
pub fn same(expected: &Tree, found: &Tree) {
    let names = |tree: &Tree| -> Vec<String> {
        tree.keys()
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect()
    };
    assert_eq!(names(expected), names(found));
    for (name, fact) in expected {
        let other = &found[name];
        let name = String::from_utf8_lossy(name);
        let facts = |fact: &Fact| (fact.kind, fact.mode, fact.time, fact.content.len());
        assert_eq!(facts(fact), facts(other), "{name}");
        assert!(fact.content == other.content, "{name}");
    }
}

/// Half-written things in a folder.
pub fn partials(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.ends_with(".partial")).collect()
}

/// Waits until something is there.
pub fn wait_for<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "never came: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
