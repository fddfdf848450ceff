//! The process that ends a server when the test process is gone, however it went.
//!
//! A `static` is never dropped and a killed process runs no code, but the kernel closes its
//! pipes. So a shell keeps the server: it starts and stops it as it is told on a pipe that
//! only the test process holds, and when that closes it stops the server and removes its
//! folder.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Servers refuse to run as root, so root starts them as `nobody` (`initdb` wants an entry
/// in `/etc/passwd`).
const SERVER_UID: u32 = 65534;

/// `$1` is `pg_ctl`, `$2` the server's folder. Every order is answered with one word.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
trap : PIPE # the test process may be gone when an order is answered
pg_ctl=$1 folder=$2 data=$2/data
while read -r order rest; do
    case $order in
        start) "$pg_ctl" start -s -w -t 60 -D "$data" -l "$folder/log" -o "$rest" ;;
        stop) "$pg_ctl" stop -s -w -m "$rest" -D "$data" ;;
        crash) kill -KILL "$(head -n 1 "$data/postmaster.pid")" ;;
    esac && echo done || echo failed
done
[ ! -e "$data/postmaster.pid" ] || "$pg_ctl" stop -s -w -m immediate -D "$data"
cd /
# Something that the test process began may still be writing into the folder.
for _ in 1 2 3 4 5; do rm -rf "$folder" && break; sleep 1; done
"#;

/// How a server is stopped while its folder stays.
#[derive(Clone, Copy, Debug)]
pub enum Stop {
    /// Sessions are told and ended, data is written out.
    Fast,
    /// Sessions are cut, recovery follows at the next start.
    Immediate,
    /// `kill -9` of the postmaster.
    Crash,
}

/// The keeper of one server and its folder.
#[derive(Debug)]
pub struct Watchdog {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Watchdog {
    /// Watches over `folder`, whether there is a server in it yet or not.
    pub fn of(pg_ctl: &Path, folder: &Path) -> Self {
        let mut child = as_server_user(Command::new("/bin/sh"))
            .args(["-c", SCRIPT, "watchdog"])
            .arg(pg_ctl)
            .arg(folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("/bin/sh runs");
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        Self {
            child,
            orders,
            answers,
        }
    }

    /// Starts the server; true when it takes connections, false when its log says why not.
    pub fn start(&mut self, options: &str) -> bool {
        self.order(&format!("start {options}"))
    }

    /// Stops the server and keeps its folder.
    pub fn stop(&mut self, how: Stop) {
        let order = match how {
            Stop::Fast => "stop fast",
            Stop::Immediate => "stop immediate",
            Stop::Crash => "crash",
        };
        assert!(self.order(order), "{order} failed");
    }

    fn order(&mut self, order: &str) -> bool {
        let orders = self.orders.as_mut().expect("open until dropped");
        writeln!(orders, "{order}").expect("the watchdog listens");
        let mut answer = String::new();
        let read = self.answers.read_line(&mut answer);
        read.expect("the watchdog answers");
        answer.trim() == "done"
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.child.wait();
    }
}

/// A command that runs as the user servers run as, with nothing of the caller's environment.
pub fn as_server_user(mut command: Command) -> Command {
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .current_dir("/");
    if nix::unistd::geteuid().is_root() {
        command.uid(SERVER_UID).gid(SERVER_UID);
    }
    command
}

/// Gives a file or folder to the user that servers run as.
pub fn give_to_server_user(path: &Path) {
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(path, Some(SERVER_UID), Some(SERVER_UID)).expect("root may chown");
    }
}
