//! Real PostgreSQL servers, one a test binary and version, or one of a test's own.

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::certificates::Certificates;
use super::database::TestDatabase;
pub use super::watchdog::Stop;
use super::watchdog::{Watchdog, as_server_user, give_to_server_user};

/// Password of the superuser `postgres` over TCP (the socket asks for none).
pub const PASSWORD: &str = "test-postgres";

/// Which PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// Debian's 15: TLS, ICU and contrib. Only for `tests/debian.rs`.
    V15,
    /// 16 of `make servers`.
    V16,
    /// 18 of `make servers`.
    V18,
}

impl Version {
    /// The major version number.
    pub fn major(self) -> u32 {
        match self {
            Self::V15 => 15,
            Self::V16 => 16,
            Self::V18 => 18,
        }
    }

    /// The folder of its programs. Fails the test where they are not installed.
    pub fn bin(self) -> PathBuf {
        let (prefix, remedy) = if self == Self::V15 {
            let remedy = "apt-get install postgresql-15 postgresql-contrib";
            (PathBuf::from("/usr/lib/postgresql/15"), remedy)
        } else {
            let name = format!("postgres-{}", self.major());
            (cache().join(name), "make servers")
        };
        // Resolved: the user that servers run as may not pass the checkout's own folders.
        let Ok(bin) = prefix.join("bin").canonicalize() else {
            panic!(
                "no PostgreSQL {} in {}: {remedy}",
                self.major(),
                prefix.display()
            );
        };
        bin
    }

    /// One of its programs.
    pub fn tool(self, name: &str) -> PathBuf {
        self.bin().join(name)
    }
}

/// Where `make servers` put things.
fn cache() -> PathBuf {
    std::env::var_os("BOOKEND_TEST_SERVERS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache"),
        PathBuf::from,
    )
}

/// What a special server has.
#[derive(Default)]
pub struct ServerOptions<'a> {
    /// Lines for `postgresql.conf`; later ones win over the harness's own.
    pub settings: Vec<String>,
    /// Lines for `pg_hba.conf`, tried before the harness's own.
    pub access: Vec<String>,
    /// Switches TLS on (Debian's 15 only: the others are built without).
    pub tls: Option<&'a Certificates>,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    version: Version,
    port: u16,
    folder: PathBuf,
    watchdog: Mutex<Watchdog>,
}

impl Server {
    /// The server of this version that the whole test binary shares.
    pub fn shared(version: Version) -> &'static Self {
        static SERVERS: [OnceLock<Server>; 3] = [const { OnceLock::new() }; 3];
        let slot = match version {
            Version::V15 => 0,
            Version::V16 => 1,
            Version::V18 => 2,
        };
        SERVERS[slot].get_or_init(|| Self::start(version, &ServerOptions::default()))
    }

    /// A server of a test's own; it ends when dropped.
    pub fn start(version: Version, options: &ServerOptions) -> Self {
        let server = Self::empty(version);
        let folder = &server.folder;
        let password = folder.join("password");
        std::fs::write(&password, PASSWORD).expect("a file in the server's folder");
        give_to_server_user(&password);
        let mut initdb = as_server_user(Command::new(version.tool("initdb")));
        initdb
            .args(["--no-sync", "--no-instructions", "--username=postgres"])
            .args(["--encoding=UTF8", "--locale=C.UTF-8"])
            .args(["--auth-local=trust", "--auth-host=scram-sha-256"])
            .arg(format!("--pwfile={}", password.display()))
            .arg("--pgdata")
            .arg(folder.join("data"));
        succeed(initdb);
        write_configuration(folder, options);
        server.launched()
    }

    /// A hot standby of `primary`, streaming from it.
    pub fn standby_of(primary: &Self) -> Self {
        let server = Self::empty(primary.version);
        let mut base = as_server_user(Command::new(primary.tool("pg_basebackup")));
        base.args(["--checkpoint=fast", "--no-sync", "--write-recovery-conf"])
            .arg("--username=postgres")
            .arg(format!("--host={}", primary.socket_folder().display()))
            .arg(format!("--port={}", primary.port))
            .arg("--pgdata")
            .arg(server.folder.join("data"));
        succeed(base);
        server.launched()
    }

    /// A folder with its watchdog and no data yet.
    fn empty(version: Version) -> Self {
        // First, since it fails the test where there is no such server.
        let pg_ctl = version.tool("pg_ctl");
        let folder = server_folder();
        let watchdog = Mutex::new(Watchdog::of(&pg_ctl, &folder));
        Self {
            version,
            port: 0,
            folder,
            watchdog,
        }
    }

    fn launched(mut self) -> Self {
        // Between choosing a port and the server's binding it, somebody else may take it.
        for _ in 0..5 {
            self.port = free_port();
            if self.try_start() {
                return self;
            }
            if !self.log().contains("could not bind") {
                break;
            }
        }
        let (major, log) = (self.version.major(), self.log());
        panic!("PostgreSQL {major} did not start:\n{log}");
    }

    fn try_start(&self) -> bool {
        let options = format!(
            "-c port={} -c unix_socket_directories={}",
            self.port,
            self.folder.display()
        );
        self.keeper().start(&options)
    }

    fn keeper(&self) -> MutexGuard<'_, Watchdog> {
        // A failed order is a failed test; the next one may still try.
        self.watchdog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops the server; its data stays for [`Server::start_again`].
    pub fn stop(&self, how: Stop) {
        self.keeper().stop(how);
    }

    /// Starts a stopped server again, on the same port.
    pub fn start_again(&self) {
        // A backend that outlives a crashed postmaster holds the shared memory for a moment.
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.try_start() {
            let log = self.log();
            assert!(Instant::now() < deadline, "no second start:\n{log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until this standby has replayed what `primary` has written so far.
    pub fn catch_up_with(&self, primary: &Self) {
        let wanted = primary.psql("postgres", "SELECT pg_current_wal_lsn()");
        let question = format!(
            "SELECT coalesce(pg_last_wal_replay_lsn() >= '{}', false)",
            wanted.trim()
        );
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.psql("postgres", &question).trim() != "t" {
            assert!(
                Instant::now() < deadline,
                "the standby does not catch up:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A database of a test's own, dropped with the value. `name` is the beginning of its name.
    pub fn database(&self, name: &str) -> TestDatabase<'_> {
        TestDatabase::create(self, name)
    }

    /// A database with exactly this name, dropped with the value.
    pub fn database_named(&self, name: &str) -> TestDatabase<'_> {
        TestDatabase::create_named(self, name, "")
    }

    /// A URL over TCP for the superuser, password included.
    pub fn url(&self, database: &str) -> String {
        self.url_of("postgres", PASSWORD, database)
    }

    /// A URL over TCP for any role.
    pub fn url_of(&self, user: &str, password: &str, database: &str) -> String {
        let [user, password, database] =
            [user, password, database].map(|part| utf8_percent_encode(part, NON_ALPHANUMERIC));
        format!(
            "postgres://{user}:{password}@127.0.0.1:{}/{database}",
            self.port
        )
    }

    /// A URL through the unix socket, where no password is asked.
    pub fn socket_url(&self, database: &str) -> String {
        let folder = self.socket_folder();
        let folder = utf8_percent_encode(folder.to_str().expect("UTF-8"), NON_ALPHANUMERIC);
        let database = utf8_percent_encode(database, NON_ALPHANUMERIC);
        format!(
            "postgres://postgres@/{database}?host={folder}&port={}",
            self.port
        )
    }

    /// What the SQL prints, unaligned and without headers. Panics on the first error.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        match self.try_psql(database, sql) {
            Ok(text) => text,
            Err(text) => panic!("psql on {database}: {text}"),
        }
    }

    /// What the SQL prints, or what psql said about the first error.
    pub fn try_psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut child = as_server_user(Command::new(self.tool("psql")))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-"])
            .env("PGHOST", self.socket_folder())
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", "postgres")
            .env("PGDATABASE", "postgres")
            // A name with `=` in it is taken for a connection string unless it is in one.
            .arg(format!(
                "dbname='{}'",
                database.replace('\\', r"\\").replace('\'', r"\'")
            ))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("psql runs");
        let mut stdin = child.stdin.take().expect("piped");
        let sql = sql.to_owned();
        // psql leaves at an error without reading the rest: a broken pipe then is no news.
        let feeding = std::thread::spawn(move || drop(stdin.write_all(sql.as_bytes())));
        let done = child.wait_with_output().expect("psql ends");
        feeding.join().expect("writing does not panic");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if done.status.success() {
            Ok(text(&done.stdout))
        } else {
            Err(text(&done.stderr))
        }
    }

    /// The version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of the unix socket.
    pub fn socket_folder(&self) -> PathBuf {
        self.folder.clone()
    }

    /// One of the server's own programs.
    pub fn tool(&self, name: &str) -> PathBuf {
        self.version.tool(name)
    }

    /// Everything that the server logged.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.folder.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// A new folder that the server's user owns and can reach, with a short path: a socket's
/// path has at most 107 bytes.
fn server_folder() -> PathBuf {
    let short = std::env::temp_dir();
    let usable = short.as_os_str().len() < 60 && passable(&short);
    let parent = if usable { short } else { PathBuf::from("/tmp") };
    let folder = tempfile::Builder::new()
        .prefix("bookend-server-")
        .tempdir_in(parent)
        .expect("a temporary folder")
        .keep();
    give_to_server_user(&folder);
    folder
}

fn passable(folder: &Path) -> bool {
    !nix::unistd::geteuid().is_root()
        || folder.ancestors().all(|above| {
            above
                .metadata()
                .is_ok_and(|data| data.permissions().mode() & 0o001 != 0)
        })
}

pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the system has a free port");
    listener.local_addr().expect("a bound socket").port()
}

fn write_configuration(folder: &Path, options: &ServerOptions) {
    let data = folder.join("data");
    let mut settings = String::from(
        "listen_addresses = '127.0.0.1'\nfsync = off\nfull_page_writes = off\n\
         max_connections = 200\nshared_buffers = 32MB\n\
         max_prepared_transactions = 10\nmax_wal_size = 256MB\n",
    );
    if let Some(certificates) = options.tls {
        settings += "ssl = on\nssl_cert_file = 'server.crt'\nssl_key_file = 'server.key'\n\
                     ssl_ca_file = 'ca.crt'\n";
        certificates.write_server_files(&data);
        for name in ["server.crt", "server.key", "ca.crt"] {
            give_to_server_user(&data.join(name));
        }
    }
    for line in &options.settings {
        settings.push_str(line);
        settings.push('\n');
    }
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(data.join("postgresql.conf"))
        .expect("initdb wrote it");
    file.write_all(settings.as_bytes())
        .expect("room for settings");
    let access = data.join("pg_hba.conf");
    let own = std::fs::read_to_string(&access).expect("initdb wrote it");
    std::fs::write(&access, options.access.join("\n") + "\n" + &own).expect("room for rules");
}

fn succeed(mut command: Command) {
    let done = command.output().expect("the program runs");
    assert!(
        done.status.success(),
        "{command:?}:\n{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}
