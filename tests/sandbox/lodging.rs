//! A place for private servers of one test, and looking at what is in it.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::common::{Bookend, Output};

/// A folder that every user may pass, named as `sandbox_dir`.
pub struct Lodging(tempfile::TempDir);

impl Lodging {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("lodging-")
            .tempdir_in("/tmp")
            .unwrap();
        // Like /tmp itself.
        let mode = std::fs::Permissions::from_mode(0o1777);
        std::fs::set_permissions(folder.path(), mode).unwrap();
        Self(folder)
    }

    pub fn folder(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap()
    }

    /// The program with `bookend.toml`: this folder, and more.
    pub fn furnish(&self, bookend: Bookend, more: &str) -> Bookend {
        let folder = self.folder().display().to_string();
        bookend.write("bookend.toml", &format!("sandbox_dir = {folder:?}\n{more}"));
        bookend
    }

    /// A folder that a test's own server can use, and that is none of a sandbox's.
    pub fn for_servers(&self, name: &str) -> PathBuf {
        let folder = self.folder().join(format!(".{name}"));
        std::fs::create_dir(&folder).unwrap();
        if nix::unistd::geteuid().is_root() {
            std::os::unix::fs::chown(&folder, Some(65534), Some(65534)).unwrap();
        }
        folder
    }

    /// Folders of sandboxes that are there now.
    pub fn sandboxes(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| !path.file_name().unwrap().to_string_lossy().starts_with('.'));
        paths
    }

    /// Nothing is there and nothing runs that was.
    pub fn is_empty(&self) {
        assert_eq!(self.sandboxes(), Vec::<PathBuf>::new());
        // What was killed is gone a moment later.
        wait("nothing runs", || self.processes().is_empty());
    }

    /// Process ids and command lines that name this folder.
    pub fn processes(&self) -> Vec<(i32, String)> {
        let folder = self.0.path().to_string_lossy().into_owned();
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        entries
            .filter_map(|entry| {
                let pid = entry.file_name().to_str()?.parse().ok()?;
                let line = std::fs::read(entry.path().join("cmdline")).ok()?;
                let line = String::from_utf8_lossy(&line).replace('\0', " ");
                let works_in = std::fs::read_link(entry.path().join("cwd"));
                let inside = works_in.is_ok_and(|cwd| cwd.starts_with(self.0.path()));
                (inside || line.contains(&folder)).then_some((pid, line))
            })
            .collect()
    }

    /// Waits until a server of this kind runs here.
    pub fn wait_for(&self, program: &str) {
        wait("a server runs", || {
            self.processes().iter().any(|(_, line)| {
                let first = line.split(' ').next().unwrap_or_default();
                Path::new(first)
                    .file_name()
                    .is_some_and(|name| name == program)
            })
        });
    }

    /// Collects secrets and command lines until it is asked.
    pub fn watch(&self) -> Watch {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, folder) = (Arc::clone(&stop), self.folder());
        let thread = std::thread::spawn(move || {
            let (mut secrets, mut lines) = (BTreeSet::new(), BTreeSet::new());
            while !stopped.load(Ordering::SeqCst) {
                lines.extend(super::common::bookend::command_lines_of_all_processes());
                secrets.extend(secrets_in(&folder));
                std::thread::sleep(Duration::from_millis(2));
            }
            (secrets, lines)
        });
        Watch { stop, thread }
    }
}

fn secrets_in(folder: &Path) -> Vec<String> {
    let below = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = below.flat_map(|one| {
        std::fs::read_dir(one.path())
            .into_iter()
            .flatten()
            .flatten()
    });
    files
        .filter(|file| file.file_name().to_string_lossy().starts_with(".secret"))
        .filter_map(|file| std::fs::read_to_string(file.path()).ok())
        .filter(|text| text.len() > 20)
        .collect()
}

/// What was seen while a program ran.
pub struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(BTreeSet<String>, BTreeSet<String>)>,
}

impl Watch {
    /// The secrets were on no command line, in no output and in no file.
    pub fn nowhere_else(self, bookend: &Bookend, output: &Output) {
        self.stop.store(true, Ordering::SeqCst);
        let (secrets, lines) = self.thread.join().unwrap();
        assert!(!secrets.is_empty(), "no secret was seen");
        assert!(lines.iter().any(|line| line.contains("bookend-keeper")));
        let mut files = vec![bookend.work(), bookend.tmp()];
        while let Some(path) = files.pop() {
            if path.is_dir() {
                files.extend(
                    std::fs::read_dir(path)
                        .unwrap()
                        .map(|entry| entry.unwrap().path()),
                );
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(
                secrets.iter().all(|secret| !text.contains(secret)),
                "{}",
                path.display()
            );
        }
        for secret in &secrets {
            assert!(lines.iter().all(|line| !line.contains(secret)), "{lines:?}");
            assert!(!format!("{output}").contains(secret), "{output}");
        }
    }
}

/// What `status` says was left behind.
pub fn left_behind(bookend: &Bookend) -> Vec<Value> {
    let status = bookend.succeed(&["status", "--json"]).json();
    status["left_behind"].as_array().unwrap().clone()
}

pub fn open(folder: &Path) {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}

pub fn wait(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
