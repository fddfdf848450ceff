//! A hermetic runner of the `bookend` program: own HOME, TMPDIR and working folder (so the
//! default store is its own too), and nothing of the caller's environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::server::Version;

/// Longer than any command of a test takes; what hangs fails instead.
const PATIENCE: Duration = Duration::from_secs(180);

/// Runs the program.
pub struct Bookend {
    folder: tempfile::TempDir,
    environment: BTreeMap<OsString, OsString>,
}

impl Bookend {
    /// With the tools of PostgreSQL 18, which serve every older server, in `PATH`.
    pub fn new() -> Self {
        Self::with_tools(Version::V18)
    }

    /// With the tools of this version in `PATH`.
    pub fn with_tools(version: Version) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["home", "tmp", "work"] {
            std::fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        let bookend = Self {
            folder,
            environment: BTreeMap::new(),
        };
        let (home, tmp) = (bookend.home(), bookend.tmp());
        bookend
            .env("HOME", home)
            .env("TMPDIR", tmp)
            .env("LANG", "C.UTF-8")
            // A machine that is busy with other tests may keep a server from answering.
            .env("PGCONNECT_TIMEOUT", "120")
            .path(&[version.bin(), "/usr/bin".into(), "/bin".into()])
    }

    /// Takes a variable out of the program's environment.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.environment.remove(std::ffi::OsStr::new(name));
        self
    }

    /// Sets a variable of the program's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// Sets `PATH` as a whole.
    #[must_use]
    pub fn path(self, folders: &[PathBuf]) -> Self {
        let path = std::env::join_paths(folders).expect("no colons in it");
        self.env("PATH", path)
    }

    /// The program's home folder.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The program's folder for temporary files; empty again when it behaved.
    pub fn tmp(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    /// The program's working folder, where `bookend.toml` would be.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// The default store.
    pub fn store(&self) -> PathBuf {
        self.work().join("backups")
    }

    /// The complete archives in the default store, by name; bundles are none.
    pub fn archives(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.store()) else {
            return Vec::new();
        };
        let mut archives: Vec<PathBuf> = entries
            .map(|entry| entry.expect("a readable folder").path())
            .filter(|path| path.extension().is_some_and(|end| end == "tar"))
            .filter(|path| !path.to_string_lossy().contains(".bundle"))
            .collect();
        archives.sort();
        archives
    }

    /// Writes a file into the working folder.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.work().join(name);
        std::fs::write(&path, text).expect("room for it");
        path
    }

    /// Runs to the end.
    pub fn run<A: AsRef<str>>(&self, arguments: &[A]) -> Output {
        self.spawn(arguments).wait()
    }

    /// Runs to the end and fails the test unless the exit code is 0.
    pub fn succeed<A: AsRef<str>>(&self, arguments: &[A]) -> Output {
        self.run(arguments).expect_code(0)
    }

    /// Starts it and comes back at once.
    pub fn spawn<A: AsRef<str>>(&self, arguments: &[A]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bookend"));
        command.args(arguments.iter().map(AsRef::as_ref));
        self.spawn_command(command)
    }

    /// Starts any program in the same environment (a wrapper around `bookend`, `restore.sh`).
    pub fn spawn_command(&self, mut command: Command) -> Running {
        let mut child = command
            .env_clear()
            .envs(&self.environment)
            .current_dir(self.work())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdout = Stream::follow(child.stdout.take().expect("piped"));
        let stderr = Stream::follow(child.stderr.take().expect("piped"));
        Running {
            child,
            stdout,
            stderr,
            began: Instant::now(),
        }
    }
}

impl Default for Bookend {
    fn default() -> Self {
        Self::new()
    }
}

/// The program while it runs; killed when dropped.
pub struct Running {
    child: Child,
    stdout: Stream,
    stderr: Stream,
    began: Instant,
}

impl Running {
    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until stderr holds this text; fails the test if the program ends without it.
    pub fn wait_for_stderr(&self, text: &str) {
        self.stderr.wait_for(text, self.began + PATIENCE);
    }

    /// Waits until stdout holds this text.
    pub fn wait_for_stdout(&self, text: &str) {
        self.stdout.wait_for(text, self.began + PATIENCE);
    }

    /// Sends a signal: `SIGINT`, `SIGTERM`, `SIGKILL`, `SIGSTOP` …
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        kill(Pid::from_raw(pid), signal).expect("the program still runs");
    }

    /// True when it has ended.
    pub fn ended(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_some()
    }

    /// Waits for its end, and for the end of everything that holds its output.
    pub fn wait(mut self) -> Output {
        let status = self.exit_status();
        let output = |stream: &mut Stream| String::from_utf8_lossy(&stream.finish()).into_owned();
        let (stdout, stderr) = (output(&mut self.stdout), output(&mut self.stderr));
        Output {
            code: status.code(),
            status,
            stdout,
            stderr,
            took: self.began.elapsed(),
        }
    }

    fn exit_status(&mut self) -> ExitStatus {
        while self.began.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                return status;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        panic!(
            "still running after {PATIENCE:?}; stderr so far:\n{}",
            self.stderr.so_far()
        );
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a run left.
#[derive(Debug)]
pub struct Output {
    /// The exit code; none after a signal.
    pub code: Option<i32>,
    /// The whole status.
    pub status: ExitStatus,
    /// All of stdout.
    pub stdout: String,
    /// All of stderr.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl Output {
    /// Stdout as the one JSON document that `--json` promises.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self}"))
    }

    /// Fails the test unless this is the exit code.
    #[must_use]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Fails the test unless stderr holds this text.
    #[must_use]
    pub fn expect_stderr(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no {text:?} on stderr; {self}");
        self
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            status,
            stdout,
            stderr,
            ..
        } = self;
        write!(
            f,
            "{status}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---"
        )
    }
}

/// One output of a running program, read while it runs.
struct Stream {
    shared: Arc<(Mutex<Collected>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Collected {
    bytes: Vec<u8>,
    ended: bool,
}

impl Stream {
    fn follow(mut from: impl Read + Send + 'static) -> Self {
        let shared = Arc::new((Mutex::new(Collected::default()), Condvar::new()));
        let (lock, grown) = (Arc::clone(&shared), Arc::clone(&shared));
        let reader = std::thread::spawn(move || {
            let mut block = [0; 8192];
            loop {
                let count = from.read(&mut block).unwrap_or(0);
                let mut collected = lock.0.lock().expect("no panic before");
                collected.bytes.extend_from_slice(&block[..count]);
                collected.ended = count == 0;
                grown.1.notify_all();
                if count == 0 {
                    break;
                }
            }
        });
        Self {
            shared,
            reader: Some(reader),
        }
    }

    fn so_far(&self) -> String {
        let collected = self.shared.0.lock().expect("no panic before");
        String::from_utf8_lossy(&collected.bytes).into_owned()
    }

    fn wait_for(&self, text: &str, deadline: Instant) {
        let mut collected = self.shared.0.lock().expect("no panic before");
        loop {
            let so_far = String::from_utf8_lossy(&collected.bytes);
            if so_far.contains(text) {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !collected.ended && !left.is_zero(),
                "never said {text:?}:\n{so_far}"
            );
            collected = self
                .shared
                .1
                .wait_timeout(collected, left)
                .expect("no panic before")
                .0;
        }
    }

    fn finish(&mut self) -> Vec<u8> {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("reading does not panic");
        }
        std::mem::take(&mut self.shared.0.lock().expect("no panic before").bytes)
    }
}

/// The lines of `/proc/*/cmdline` of this process's descendants, for canaries in arguments.
pub fn command_lines_of_all_processes() -> Vec<String> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| std::fs::read(Path::new(&entry.path()).join("cmdline")).ok())
        .map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "))
        .collect()
}
