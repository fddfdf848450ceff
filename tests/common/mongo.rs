//! Real MongoDB servers: a replica set of one member, or a standalone.

use std::future::Future;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use bson::{Document, doc};
use mongodb::Client;

use super::server::free_port;

/// What kind of deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deployment {
    /// A replica set with one member.
    ReplicaSet,
    /// No replica set.
    Standalone,
    /// A replica set that asks for users; [`ROOT`] may do everything.
    Guarded,
}

/// User and password of a guarded server.
pub const ROOT: (&str, &str) = ("root", "s3cr:t/@%é");

/// `$1` is the server's folder, the rest is mongod with its arguments. The kernel closes the
/// pipe when the test process is gone, however it went.
const KEEPER: &str = r#"
trap '' INT TERM HUP
folder=$1; shift
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -H -n)"
"$@" >/dev/null 2>&1 </dev/null &
pid=$!
while read -r order; do
    case $order in
        AGAIN) wait "$pid"; "$@" >/dev/null 2>&1 </dev/null & pid=$! ;;
        *) kill -"$order" "$pid" ;;
    esac
done
kill -KILL "$pid" 2>/dev/null
wait "$pid"
rm -rf "$folder"
"#;

/// A running server; it ends with the value, or with the test process.
pub struct Mongo {
    port: u16,
    deployment: Deployment,
    options: String,
    folder: PathBuf,
    keeper: Child,
    orders: Option<ChildStdin>,
}

/// Where `make servers` put things.
fn part(name: &str) -> PathBuf {
    let cache = std::env::var_os("BOOKEND_TEST_SERVERS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache"),
        PathBuf::from,
    );
    let folder = cache.join(name).join("bin");
    folder
        .canonicalize()
        .unwrap_or_else(|_| panic!("no {}: make servers", folder.display()))
}

/// The folder of `mongodump` and `mongorestore`.
pub fn mongo_tools() -> PathBuf {
    part("mongodb-tools")
}

/// The folder of `mongod`.
pub fn mongod_folder() -> PathBuf {
    part("mongodb-6.0")
}

impl Mongo {
    /// The server of its kind that the whole test binary shares.
    pub fn shared(deployment: Deployment) -> &'static Self {
        static SERVERS: [OnceLock<Mongo>; 3] = [const { OnceLock::new() }; 3];
        let slot = match deployment {
            Deployment::ReplicaSet => 0,
            Deployment::Standalone => 1,
            Deployment::Guarded => 2,
        };
        SERVERS[slot].get_or_init(|| Self::start(deployment))
    }

    /// A server of a test's own.
    pub fn start(deployment: Deployment) -> Self {
        Self::start_with(deployment, &[], "")
    }

    /// A server of a test's own with more arguments, and options that every URL of it needs
    /// (each with its `&`).
    pub fn start_with(deployment: Deployment, more: &[&str], options: &str) -> Self {
        let server = Self::launch(deployment, more, options);
        server.wait_until_writable();
        server
    }

    /// A second member of this replica set: it holds the data and never becomes the primary.
    pub fn join(&self) -> Self {
        let member = Self::launch(self.deployment, &[], "");
        let host = format!("127.0.0.1:{}", member.port);
        self.with(|client| async move {
            let admin = client.database("admin");
            let get = doc! { "replSetGetConfig": 1 };
            let answer = admin.run_command(get).await.expect("a configuration");
            let mut set = answer.get_document("config").expect("it").clone();
            let version = set.get_i32("version").expect("a version");
            set.insert("version", version + 1);
            let members = set.get_array_mut("members").expect("members");
            members.push(bson::Bson::Document(
                doc! { "_id": 1, "host": host, "priority": 0, "votes": 0 },
            ));
            let reconfigure = doc! { "replSetReconfig": set };
            admin.run_command(reconfigure).await.expect("a new member");
        });
        member.wait_for("secondary");
        member
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn launch(deployment: Deployment, more: &[&str], options: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("bookend-mongo-")
            .tempdir()
            .expect("a temporary folder")
            .keep();
        let port = free_port();
        let mut keeper = Command::new("/bin/sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&folder)
            .args(arguments(deployment, &folder, port))
            .args(more)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("/bin/sh runs");
        let orders = keeper.stdin.take();
        Self {
            port,
            deployment,
            options: options.to_owned(),
            folder,
            keeper,
            orders,
        }
    }

    /// Waits until the server answers, and says of itself that it is this.
    fn wait_for(&self, role: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        self.bare(|client| async move {
            let admin = client.database("admin");
            loop {
                let hello = admin.run_command(doc! { "hello": 1 }).await;
                if hello.is_ok_and(|hello| hello.get_bool(role).unwrap_or(false)) {
                    break;
                }
                assert!(Instant::now() < deadline, "mongod does not become {role}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
    }

    fn wait_until_writable(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        self.bare(|client| async move {
            let admin = client.database("admin");
            while admin.run_command(doc! { "ping": 1 }).await.is_err() {
                assert!(Instant::now() < deadline, "mongod does not answer");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            if self.deployment != Deployment::Standalone {
                let member = doc! { "_id": 0, "host": format!("127.0.0.1:{}", self.port) };
                let set = doc! { "_id": "rs0", "members": [member] };
                let _ = admin.run_command(doc! { "replSetInitiate": set }).await;
            }
        });
        self.wait_for("isWritablePrimary");
        self.bare(|client| async move {
            let admin = client.database("admin");
            if self.deployment == Deployment::Guarded {
                let (user, password) = ROOT;
                admin
                    .run_command(doc! { "createUser": user, "pwd": password, "roles": ["root"] })
                    .await
                    .expect("the first user");
            }
        });
    }

    /// A URL of a database, with the password where one is needed.
    pub fn url(&self, database: &str) -> String {
        if self.deployment == Deployment::Guarded {
            return self.url_of(ROOT, database, "&authSource=admin");
        }
        format!(
            "mongodb://127.0.0.1:{}/{database}?directConnection=true{}",
            self.port, self.options
        )
    }

    /// A URL for any user.
    pub fn url_of(&self, (user, password): (&str, &str), database: &str, options: &str) -> String {
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
                .to_string()
        };
        format!(
            "mongodb://{}:{}@127.0.0.1:{}/{database}?directConnection=true{options}",
            encode(user),
            encode(password),
            self.port
        )
    }

    /// Does something with a client of the shared server's own.
    pub fn with<'a, T, F: Future<Output = T>>(&'a self, work: impl FnOnce(Client) -> F + 'a) -> T {
        with_client(&self.url("admin"), work)
    }

    fn bare<'a, T, F: Future<Output = T>>(&'a self, work: impl FnOnce(Client) -> F + 'a) -> T {
        let (port, options) = (self.port, &self.options);
        let url = format!("mongodb://127.0.0.1:{port}/?directConnection=true{options}");
        with_client(&url, work)
    }

    /// Names of the databases that people made.
    pub fn databases(&self) -> Vec<String> {
        let mut names = self
            .with(|client| async move { client.list_database_names().await.expect("their names") });
        names.retain(|name| !["admin", "config", "local"].contains(&name.as_str()));
        names
    }

    /// Kills the server.
    pub fn kill(&mut self) {
        self.order("KILL");
    }

    /// Kills the server and starts it again, on the same port with the same data.
    pub fn restart(&mut self) {
        self.order("KILL");
        self.order("AGAIN");
        self.wait_for("isWritablePrimary");
    }

    fn order(&mut self, order: &str) {
        let orders = self.orders.as_mut().expect("open until dropped");
        writeln!(orders, "{order}").expect("the keeper listens");
    }
}

fn arguments(deployment: Deployment, folder: &Path, port: u16) -> Vec<String> {
    let mongod = part("mongodb-6.0").join("mongod");
    let data = folder.display().to_string();
    let mut arguments = vec![
        mongod.display().to_string(),
        format!("--dbpath={data}"),
        format!("--port={port}"),
        format!("--logpath={data}/log"),
        "--bind_ip=127.0.0.1".to_owned(),
        "--nounixsocket".to_owned(),
        "--wiredTigerCacheSizeGB=0.25".to_owned(),
        "--setParameter=diagnosticDataCollectionEnabled=false".to_owned(),
        // Documents expire at once, or as soon as they wrongly may.
        "--setParameter=ttlMonitorSleepSecs=1".to_owned(),
    ];
    if deployment != Deployment::Standalone {
        arguments.push("--replSet=rs0".to_owned());
    }
    if deployment == Deployment::Guarded {
        let key = folder.join("key");
        std::fs::write(&key, "bookendbookend").expect("room for it");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&key, mode).expect("our own file");
        arguments.push(format!("--keyFile={}", key.display()));
    }
    arguments
}

impl Drop for Mongo {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.keeper.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Does something with a client on a runtime of its own.
pub fn with_client<T, F: Future<Output = T>>(url: &str, work: impl FnOnce(Client) -> F) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let client = Client::with_uri_str(url).await.expect("a URL");
        work(client).await
    })
}

/// Runs commands on a database, one after the other.
pub async fn commands(client: &Client, database: &str, commands: Vec<Document>) {
    for command in commands {
        let shown = command.to_string();
        if let Err(error) = client.database(database).run_command(command).await {
            panic!("{shown}: {error}");
        }
    }
}
