//! A pooler in front of the server is recognised, whatever its mode, and nothing is done through
//! it. Run by `make test-debian`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod common;

use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Bookend, Output, PASSWORD, Server, TestDatabase, Version};

/// The pooler refuses to be root.
const NOBODY: u32 = 65534;

/// A running pooler in front of the shared server; it ends with the value.
struct Pooler {
    port: u16,
    process: Child,
    _folder: tempfile::TempDir,
}

impl Pooler {
    fn start(mode: &str, more: &str) -> Self {
        let server = Server::shared(Version::V16);
        let folder = tempfile::tempdir().unwrap();
        let port = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        };
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={} user=postgres password={PASSWORD}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = any\npool_mode = {mode}\nmax_client_conn = 200\n\
             default_pool_size = 20\n{more}\n",
            server.port()
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, settings).unwrap();
        let mut command = Command::new("/usr/sbin/pgbouncer");
        if nix::unistd::geteuid().is_root() {
            std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
            chown(&file, Some(NOBODY), Some(NOBODY)).unwrap();
            command.uid(NOBODY).gid(NOBODY);
        }
        let process = command
            .arg(&file)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("apt-get install pgbouncer");
        let pooler = Self {
            port,
            process,
            _folder: folder,
        };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "no pooler");
            std::thread::sleep(Duration::from_millis(20));
        }
        pooler
    }

    fn url(&self, database: &TestDatabase<'_>) -> String {
        format!(
            "postgres://postgres@127.0.0.1:{}/{}",
            self.port,
            database.name()
        )
    }

    /// What a person is told to do: connect to the server's own port.
    fn is_refused(&self, output: &Output, why: &str) {
        assert_eq!(output.code, Some(7), "{output}");
        let error = &output.json()["error"];
        assert_eq!(error["code"], "pooler", "{output}");
        assert!(error["message"].to_string().contains(why), "{output}");
        let (direct, own) = (
            format!("127.0.0.1:{}", Server::shared(Version::V16).port()),
            format!("127.0.0.1:{}", self.port),
        );
        let hint = error["hint"].to_string();
        assert!(
            hint.contains(&format!("{direct} in place of {own}")),
            "{output}"
        );
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn filled() -> TestDatabase<'static> {
    let database = Server::shared(Version::V16).database("pooled");
    database.psql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS n");
    database
}

const SHARES: &str = "it gives no client a session of its own";

#[test]
fn a_pooler_that_shares_sessions_is_refused_by_every_command_with_the_direct_port() {
    let database = filled();
    let bookend = Bookend::new();
    bookend.succeed(&["backup", "-q", &database.url()]);
    let archive = bookend.archives().remove(0);
    let archive = archive.to_str().unwrap();
    for mode in ["transaction", "statement"] {
        let pooler = Pooler::start(mode, "");
        let url = pooler.url(&database);
        for words in [
            vec!["backup", "--json", &url],
            vec!["run", "--json", &url, "--", "touch", "started"],
            vec![
                "restore", "--json", archive, "--into", "beside", "--on", &url,
            ],
            vec!["verify", "--json", archive, "--prove", "--prove-on", &url],
        ] {
            pooler.is_refused(&bookend.run(&words), SHARES);
        }
    }
    assert!(!bookend.work().join("started").exists());
    assert_eq!(bookend.archives().len(), 1);
    // Nothing was set in a session that is an application's next.
    let pooler = Pooler::start("transaction", "default_pool_size = 1");
    pooler.is_refused(
        &bookend.run(&["backup", "--json", &pooler.url(&database)]),
        SHARES,
    );
    let psql = Command::new(Version::V16.tool("psql"))
        .args([
            "-XAtc",
            "SHOW row_security; SHOW bytea_output; SHOW datestyle",
        ])
        .arg(pooler.url(&database))
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&psql.stdout),
        "on\nhex\nISO, MDY\n",
        "{psql:?}"
    );
}

/// Others use the pooler meanwhile: sessions then change hands in any order.
#[test]
fn a_pooler_in_transaction_mode_is_recognised_under_load() {
    let database = filled();
    let pooler = Pooler::start("transaction", "server_round_robin = 1");
    let url = pooler.url(&database);
    let load: Vec<Child> = (0..6)
        .map(|_| {
            Command::new("sh")
                .args([
                    "-c",
                    "while :; do echo 'SELECT count(*) FROM t;'; done | \"$0\" -qXAt \"$1\"",
                ])
                .arg(Version::V16.tool("psql"))
                .arg(&url)
                .process_group(0)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    let bookend = Bookend::new();
    let outputs: Vec<Output> = (0..8)
        .map(|_| bookend.run(&["backup", "--json", &url]))
        .collect();
    for mut child in load {
        let group = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
        let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
        let _ = child.wait();
    }
    for output in outputs {
        pooler.is_refused(&output, SHARES);
    }
}

/// In session mode sessions are kept, but not what the vendor's tools need.
#[test]
fn a_pooler_in_session_mode_is_refused_for_what_it_does_not_pass_on() {
    let database = filled();
    let bookend = Bookend::new();
    for more in ["", "ignore_startup_parameters = options"] {
        let pooler = Pooler::start("session", more);
        let output = bookend.run(&["backup", "--json", &pooler.url(&database)]);
        pooler.is_refused(&output, "PGOPTIONS");
        assert!(!output.stdout.contains(SHARES), "{output}");
    }
    let pooler = Pooler::start("session", "");
    let url = pooler.url(&database) + "?options=-c%20statement_timeout%3D0";
    let output = bookend.run(&["backup", "--json", &url]).expect_code(7);
    assert_eq!(output.json()["error"]["code"], "pooler", "{output}");
}

#[test]
fn a_direct_connection_is_never_taken_for_a_pooler() {
    let database = filled();
    let bookend = Bookend::new();
    let url = database.url();
    // Sessions come and go all the time, as they would through a pooler.
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    database.psql("SELECT count(*) FROM t");
                }
            });
        }
        for _ in 0..5 {
            let arguments = ["backup", "--json", "--jobs", "8", "--prove", &url];
            let output = bookend.run(&arguments);
            if output.code != Some(0) {
                over.store(true, std::sync::atomic::Ordering::Relaxed);
            }
            assert_eq!(output.code, Some(0), "{output}");
        }
        over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
