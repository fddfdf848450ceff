//! A real mongod of a test's own, and commands to it.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bson::{Document, RawDocumentBuf, doc};
use mongodb::Client;
use tokio::runtime::Runtime;

/// Keeps the server: when the test process is gone, however it went, its pipe closes, the
/// server is ended and its folder removed. Tests with many collections need many files.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
folder=$1; shift
ulimit -n 8192 2>/dev/null
"$@" --dbpath "$folder/data" --logpath "$folder/log" --bind_ip 127.0.0.1 \
    --unixSocketPrefix "$folder" --wiredTigerCacheSizeGB 0.25 >/dev/null 2>&1 &
server=$!
read -r order
kill -KILL "$server" 2>/dev/null
wait "$server" 2>/dev/null
rm -rf "$folder"
"#;

/// A running server; it ends when dropped.
#[derive(Debug)]
pub struct Mongod {
    port: u16,
    folder: PathBuf,
    keeper: Child,
    runtime: Runtime,
    client: Client,
}

impl Mongod {
    /// One without replication.
    pub fn standalone() -> Self {
        Self::start(&[])
    }

    /// A replica set of one member, ready to be written to.
    pub fn replica_set() -> Self {
        let server = Self::start(&["--replSet", "rs0"]);
        let host = format!("127.0.0.1:{}", server.port);
        let members = doc! { "_id": "rs0", "members": [ { "_id": 0, "host": host } ] };
        server.run("admin", doc! { "replSetInitiate": members });
        wait_until("the replica set has a primary", || {
            let said = server.run("admin", doc! { "hello": 1 });
            said.get_bool("isWritablePrimary").is_ok_and(|yes| yes)
        });
        server
    }

    /// With further options for mongod.
    pub fn start(options: &[&str]) -> Self {
        let mongod = tool("mongodb-6.0", "mongod");
        let folder = tempfile::Builder::new()
            .prefix("bookend-mongod-")
            .tempdir()
            .expect("a temporary folder")
            .keep();
        std::fs::create_dir(folder.join("data")).expect("a folder of our own");
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("the system has a free port")
            .port();
        let keeper = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "watchdog"])
            .arg(&folder)
            .arg(mongod)
            .args(["--port", &port.to_string()])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("/bin/sh runs");
        wait_until("mongod listens", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        let runtime = Runtime::new().expect("a runtime");
        let url = format!("mongodb://127.0.0.1:{port}/?directConnection=true");
        let client = runtime
            .block_on(Client::with_uri_str(url))
            .expect("a client of a URL");
        Self {
            port,
            folder,
            keeper,
            runtime,
            client,
        }
    }

    /// A URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!(
            "mongodb://127.0.0.1:{}/{database}?directConnection=true",
            self.port
        )
    }

    /// What a command answers; panics if the server refuses it.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "commands are written where they are sent"
    )]
    pub fn run(&self, database: &str, command: Document) -> Document {
        let answer = self.try_run(database, command.clone());
        answer.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// What a command answers.
    pub fn try_run(
        &self,
        database: &str,
        command: Document,
    ) -> Result<Document, mongodb::error::Error> {
        let database = self.client.database(database);
        let answer = database.run_command(command).into_future();
        self.runtime.block_on(answer)
    }

    /// All documents of a command's cursor, raw.
    pub fn documents(&self, database: &str, command: Document) -> Vec<RawDocumentBuf> {
        let database = self.client.database(database);
        self.runtime.block_on(async {
            let cursor = database.run_cursor_command(command).await;
            let mut cursor = cursor.expect("a cursor");
            let mut documents = Vec::new();
            while cursor.advance().await.expect("more of it") {
                documents.push(cursor.current().to_owned());
            }
            documents
        })
    }

    /// Everything that the server logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Mongod {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// One of the vendor's tools, `mongodump` or `mongorestore`.
pub fn vendor_tool(name: &str) -> PathBuf {
    tool("mongodb-tools", name)
}

fn tool(package: &str, name: &str) -> PathBuf {
    let cache = std::env::var_os("BOOKEND_TEST_SERVERS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache"),
        PathBuf::from,
    );
    let found = cache.join(package).join("bin").join(name).canonicalize();
    found.unwrap_or_else(|_| panic!("no {name} in {}: make servers", cache.display()))
}

fn wait_until(what: &str, mut ready: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !ready() {
        assert!(Instant::now() < deadline, "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
