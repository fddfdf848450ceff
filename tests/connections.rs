//! Connecting to real servers: the same answer as psql's, and errors that say what is wrong.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::path::Path;
use std::process::Command;

use bookend::connection::postgres::Session;
use bookend::connection::{ConnectionError, Environment, Target};
use common::{PASSWORD, Server, Version};

/// Every character that somewhere means something.
const HARD: &str = "p@ss:w/rd?#[]%&=+ ;'\"\\$(id)`x`{url}é字";

fn environment(home: &Path) -> Environment {
    Environment::empty().with("HOME", home.to_str().unwrap())
}

async fn connect(text: &str, env: &Environment) -> Result<Session, ConnectionError> {
    Target::parse(text, env)?
        .postgres()?
        .connect("bookend test")
        .await
}

async fn value(session: &Session, question: &str) -> String {
    session.query_one(question, &[]).await.unwrap().get(0)
}

fn private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

const WHO: &str = "SELECT current_user || ' on ' || current_database()";

/// What psql answers to the same text in the same environment.
fn psql(server: &Server, text: &str, env: &Environment) -> Option<String> {
    let done = Command::new(server.tool("psql"))
        .args(["-X", "-w", "-A", "-t", "-c", WHO, text])
        .env_clear()
        .envs(env.iter())
        .output()
        .unwrap();
    let answer = String::from_utf8_lossy(&done.stdout)
        .trim_end_matches('\n')
        .to_owned();
    done.status.success().then_some(answer)
}

async fn bookend(text: &str, env: &Environment) -> Option<String> {
    let session = connect(text, env).await.ok()?;
    Some(value(&session, WHO).await)
}

/// A text with `TCP` (a whole URL), `PORT`, `PW` (a password), `SOCKET` (a folder), `HOME`;
/// the variables beside it; and whether a session comes of it.
type Case = (&'static str, &'static [(&'static str, &'static str)], bool);

const AGREED: &[Case] = &[
    ("TCP", &[], true),
    (
        "postgresql://postgres:PW@localhost:PORT/agreed?sslmode=disable",
        &[],
        true,
    ),
    (
        "postgres://postgres:wrong@127.0.0.1:PORT/agreed",
        &[],
        false,
    ),
    ("postgres://postgres@127.0.0.1:PORT/agreed", &[], false),
    (
        "postgres://postgres@127.0.0.1:PORT/agreed",
        &[("PGPASSWORD", "PW")],
        true,
    ),
    ("postgres://postgres:PW@127.0.0.1:PORT/absent", &[], false),
    ("postgres://absent:PW@127.0.0.1:PORT/agreed", &[], false),
    ("postgres://postgres:PW@127.0.0.1:1/agreed", &[], false),
    (
        "postgres://postgres:PW@no-such-host.invalid:PORT/agreed",
        &[],
        false,
    ),
    (
        "postgres://postgres@/agreed?host=SOCKET&port=PORT",
        &[],
        true,
    ),
    ("postgres://postgres@:PORT/agreed?host=SOCKET", &[], true),
    (
        "host=SOCKET port=PORT user=postgres dbname=agreed",
        &[],
        true,
    ),
    ("host=SOCKET port=1 user=postgres dbname=agreed", &[], false),
    (
        "host = SOCKET port= PORT user='postgres' dbname = 'agreed'",
        &[],
        true,
    ),
    (
        "host=SOCKET port=PORT user=postgres dbname='agreed",
        &[],
        false,
    ),
    (
        "postgres:///",
        &[
            ("PGHOST", "SOCKET"),
            ("PGPORT", "PORT"),
            ("PGUSER", "postgres"),
            ("PGDATABASE", "agreed"),
        ],
        true,
    ),
    (
        "postgres://postgres:PW@127.0.0.1:1,127.0.0.1:PORT/agreed",
        &[],
        true,
    ),
    (
        "postgres://postgres:wrong@127.0.0.1:PORT,127.0.0.1:PORT/agreed",
        &[],
        false,
    ),
    ("TCP?target_session_attrs=read-write", &[], true),
    ("TCP?target_session_attrs=primary", &[], true),
    ("TCP?target_session_attrs=prefer-standby", &[], true),
    ("TCP?target_session_attrs=standby", &[], false),
    ("TCP?target_session_attrs=read-only", &[], false),
    (
        "TCP?target_session_attrs=read-only",
        &[("PGOPTIONS", "-c default_transaction_read_only=on")],
        true,
    ),
    (
        "hostaddr=127.0.0.1 port=PORT user=postgres password=PW dbname=agreed",
        &[],
        true,
    ),
    (
        "host=anything hostaddr=127.0.0.1 port=PORT user=postgres password=PW dbname=agreed",
        &[],
        true,
    ),
    (
        "host=a,b hostaddr=127.0.0.1 port=PORT user=postgres password=PW dbname=agreed",
        &[],
        false,
    ),
    ("TCP?sslmode=prefer", &[], true),
    ("TCP?sslmode=allow", &[], true),
    ("TCP?sslmode=require", &[], false),
    ("TCP?sslmode=verify-full", &[], false),
    ("TCP?channel_binding=require", &[], false),
    (
        "postgres://postgres@/agreed?host=SOCKET&port=PORT&sslmode=prefer",
        &[],
        true,
    ),
    ("TCP?options=-c%20search_path%3Dx", &[], true),
    ("TCP?options=-c%20nonsense%3Dx", &[], false),
    ("TCP?connect_timeout=5", &[], true),
    ("TCP?connect_timeout=x", &[], false),
    ("TCP?uzer=x", &[], false),
    ("postgres://postgres:PW@127.0.0.1:PORT/agr%65ed", &[], true),
    ("TCP%", &[], false),
    ("postgres://postgres:PW@127.0.0.1:0/agreed", &[], false),
    ("postgres://postgres:PW@127.0.0.1:99999/agreed", &[], false),
    ("service=here", &[("PGSERVICEFILE", "HOME/services")], true),
    (
        "postgres://?service=here",
        &[("PGSERVICEFILE", "HOME/services")],
        true,
    ),
    (
        "postgres:///agreed",
        &[("PGSERVICEFILE", "HOME/services"), ("PGSERVICE", "here")],
        true,
    ),
    (
        "postgres://other-user@/agreed",
        &[("PGSERVICEFILE", "HOME/services"), ("PGSERVICE", "here")],
        false,
    ),
    (
        "service=absent",
        &[("PGSERVICEFILE", "HOME/services")],
        false,
    ),
    (
        "service=wrong",
        &[("PGSERVICEFILE", "HOME/services")],
        false,
    ),
    (
        "service=here",
        &[("PGSERVICEFILE", "HOME/no-such-file")],
        false,
    ),
    ("service=systemwide", &[("PGSYSCONFDIR", "HOME")], true),
    (
        "postgres://from_file@127.0.0.1:PORT/agreed",
        &[("PGPASSFILE", "HOME/passwords")],
        true,
    ),
    (
        "postgres://from_file@localhost:PORT/agreed",
        &[("PGPASSFILE", "HOME/passwords")],
        false,
    ),
    (
        "postgres://from_file@127.0.0.1:PORT/agreed",
        &[("PGPASSFILE", "HOME/public-passwords")],
        false,
    ),
    (
        "host=127.0.0.1 port=PORT user=from_file dbname=agreed passfile=HOME/passwords",
        &[],
        true,
    ),
];

#[tokio::test]
async fn bookend_and_psql_agree() {
    let server = Server::shared(Version::V16);
    let _database = server.database_named("agreed");
    server.psql(
        "postgres",
        "CREATE ROLE from_file LOGIN PASSWORD 'pass:word\\'",
    );
    let home = tempfile::tempdir().unwrap();
    let socket = server.socket_folder();
    let fill = |text: &str| {
        text.replace("TCP", "postgres://postgres:PW@127.0.0.1:PORT/agreed")
            .replace("PORT", &server.port().to_string())
            .replace("PW", PASSWORD)
            .replace("SOCKET", socket.to_str().unwrap())
            .replace("HOME", home.path().to_str().unwrap())
    };
    let at = |name: &str| home.path().join(name);
    let service = fill("host=SOCKET\nport=PORT\nuser=postgres\ndbname=agreed\n");
    std::fs::write(
        at("services"),
        format!("[here]\n{service}[wrong]\nnonsense=1\n"),
    )
    .unwrap();
    std::fs::write(at("pg_service.conf"), format!("[systemwide]\n{service}")).unwrap();
    private(
        &at("passwords"),
        &fill("127.0.0.1:PORT:agreed:from_file:pass\\:word\\\\\n"),
    );
    std::fs::write(at("public-passwords"), "*:*:*:*:pass\\:word\\\\\n").unwrap();
    for (text, variables, fine) in AGREED {
        let mut env = environment(home.path());
        for (name, value) in *variables {
            // "PW" in a variable's value only, so that PGPASSWORD itself stays a name.
            env = env.with(
                *name,
                if *value == "PW" {
                    PASSWORD.to_owned()
                } else {
                    fill(value)
                },
            );
        }
        let text = fill(text);
        let (theirs, ours) = (psql(server, &text, &env), bookend(&text, &env).await);
        assert_eq!(theirs.is_some(), *fine, "psql: {text} {variables:?}");
        assert_eq!(ours, theirs, "bookend: {text} {variables:?}");
    }
    server.psql("postgres", "DROP ROLE from_file");
}

#[tokio::test]
async fn names_and_passwords_may_hold_every_character() {
    let server = Server::shared(Version::V16);
    let database = server.database_named(HARD);
    let role = HARD.replace('"', "\"\"");
    let password = HARD.replace('\'', "''");
    server.psql(
        "postgres",
        &format!("CREATE ROLE \"{role}\" LOGIN PASSWORD '{password}'"),
    );
    let home = tempfile::tempdir().unwrap();
    let session = connect(&server.url_of(HARD, HARD, HARD), &environment(home.path()))
        .await
        .unwrap();
    assert_eq!(
        value(&session, "SELECT current_database()::text").await,
        HARD
    );
    assert_eq!(value(&session, "SELECT current_user::text").await, HARD);
    // A tool gets there with nothing but its variables.
    let target =
        Target::parse(&server.url_of(HARD, HARD, HARD), &environment(home.path())).unwrap();
    let done = Command::new(server.tool("psql"))
        .args(["-X", "-w", "-A", "-t", "-c", "SELECT current_database()"])
        .env_clear()
        .envs(
            target
                .tool_environment("bookend test")
                .iter()
                .map(|(name, value)| (name, value.expose())),
        )
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&done.stdout).trim_end(),
        HARD,
        "{done:?}"
    );
    drop(session);
    drop(database);
    server.psql("postgres", &format!("DROP ROLE \"{role}\""));
}

#[tokio::test]
async fn errors_say_what_is_wrong_and_never_the_password() {
    let server = Server::shared(Version::V16);
    let database = server.database("errors");
    server.psql("postgres", "CREATE ROLE barred LOGIN PASSWORD 'canary'");
    server.psql(
        "postgres",
        &format!("REVOKE CONNECT ON DATABASE {} FROM PUBLIC", database.name()),
    );
    let home = tempfile::tempdir().unwrap();
    let env = environment(home.path());
    let port = server.port();
    let name = database.name();
    let expect = async |text: String, matches: fn(&ConnectionError) -> bool| {
        let error = connect(&text, &env)
            .await
            .err()
            .unwrap_or_else(|| panic!("{text} connects"));
        assert!(matches(&error), "{text}: {error:?}");
        assert!(
            !format!("{error} {error:?}").contains("canary"),
            "{error:?}"
        );
    };
    expect(server.url_of("postgres", "canary", name), |e| {
        matches!(e, ConnectionError::WrongPassword { .. })
    })
    .await;
    expect(
        format!("postgres://postgres@127.0.0.1:{port}/{name}"),
        |e| matches!(e, ConnectionError::NoPassword { .. }),
    )
    .await;
    expect(server.url("no such database"), |e| {
        matches!(e, ConnectionError::UnknownDatabase { database, .. } if database == "no such database")
    })
    .await;
    expect(server.url_of("barred", "canary", name), |e| {
        matches!(e, ConnectionError::NotAllowed { .. })
    })
    .await;
    expect(format!("postgres://u:canary@127.0.0.1:1/{name}"), |e| {
        matches!(e, ConnectionError::Unreachable { source, .. }
            if source.kind() == std::io::ErrorKind::ConnectionRefused)
    })
    .await;
    expect("postgres://u:canary@/d?host=/nonexistent".to_owned(), |e| {
        matches!(e, ConnectionError::Unreachable { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    })
    .await;
    expect(server.url(name) + "?sslmode=require", |e| {
        matches!(e, ConnectionError::Tls { .. })
    })
    .await;
    server.psql("postgres", "DROP ROLE barred");
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_after_connect_timeout() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let text = format!("postgres://u@127.0.0.1:{port}/d?connect_timeout=2");
    let error = connect(&text, &Environment::empty()).await.err().unwrap();
    assert!(
        matches!(&error, ConnectionError::Unreachable { source, .. }
            if source.kind() == std::io::ErrorKind::TimedOut),
        "{error:?}"
    );
}

/// A host that drops what is sent to it, on this machine: nobody accepts, and the system has no
/// room for another connection that is not accepted.
struct BlackHole {
    port: u16,
    _listener: tokio::net::TcpListener,
    _waiting: Vec<std::net::TcpStream>,
}

impl BlackHole {
    fn open() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        let short = std::time::Duration::from_millis(500);
        while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, short) {
            waiting.push(stream);
            assert!(waiting.len() < 100, "the queue is never full");
        }
        Self {
            port: address.port(),
            _listener: listener,
            _waiting: waiting,
        }
    }
}

/// Without `connect_timeout`; the system alone would go on trying for minutes.
#[tokio::test]
async fn a_host_that_drops_packets_is_given_up_and_named() {
    let hole = BlackHole::open();
    let text = format!("postgres://u@127.0.0.1:{}/d", hole.port);
    let began = std::time::Instant::now();
    let home = tempfile::tempdir().unwrap();
    let bookend = common::Bookend::new().without("PGCONNECT_TIMEOUT");
    // Both at once: each waits its own time.
    let running = bookend.spawn(&["backup", "--json", &text]);
    let (env, impatient) = (
        environment(home.path()),
        text.clone() + "?connect_timeout=2",
    );
    let short = connect(&impatient, &env);
    let error = short.await.err().unwrap();
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    assert!(
        matches!(&error, ConnectionError::Unreachable { source, .. }
            if source.kind() == std::io::ErrorKind::TimedOut),
        "{error:?}"
    );
    let output = running.wait().expect_code(7);
    assert!(
        (15..60).contains(&output.took.as_secs()),
        "{:?}",
        output.took
    );
    let error = &output.json()["error"];
    assert_eq!(error["code"], "unreachable", "{output}");
    assert!(
        error["causes"].to_string().contains("connect_timeout"),
        "{output}"
    );
    assert!(
        error["hint"].to_string().contains("PGCONNECT_TIMEOUT"),
        "{output}"
    );
}
