//! A copy that a migration command is to work on: reachable by any driver, until it is closed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bookend::connection::Target;
use bookend::engine::SandboxUse;
use bookend::operation::{Engines, OperationError, Place, SandboxOptions, Workspace, prove};
use bookend::process::ToolBox;
use bookend::progress::Silent;
use bookend::store::Store;
use bson::doc;
use tokio_util::sync::CancellationToken;

use super::common::mongo::{commands, mongo_tools, mongod_folder, with_client};
use super::common::server::Stop;
use super::common::{Bookend, Deployment, Mongo, Server, ServerOptions, Version};
use super::lodging::{Lodging, left_behind};

fn workspace(store: &Path, tools: Vec<PathBuf>) -> Workspace {
    Workspace {
        store: Arc::new(Store::open(store).unwrap()),
        tools: ToolBox::new(tools),
        engines: Engines::default(),
        jobs: 2,
        lock_timeout: Duration::from_secs(5),
        progress: Arc::new(Silent),
        cancel: CancellationToken::new(),
        run: "rehearsing".to_owned(),
    }
}

fn place(lodging: &Lodging) -> Place {
    Place::Sandbox(SandboxOptions {
        purpose: SandboxUse::Rehearsal,
        folder: Some(lodging.folder()),
    })
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

/// What psql prints, or what it says about why it does not.
fn psql(target: &Target, password: &str, sql: &str) -> Result<String, String> {
    let done = std::process::Command::new(Version::V16.tool("psql"))
        .args(["-XAtc", sql])
        .env("PGHOST", target.host())
        .env("PGPORT", target.port().to_string())
        .env("PGUSER", target.user())
        .env("PGDATABASE", target.database())
        .env("PGPASSWORD", password)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if done.status.success() {
        Ok(text(&done.stdout))
    } else {
        Err(text(&done.stderr))
    }
}

#[test]
fn a_proven_copy_stays_until_it_is_dismissed_and_takes_tcp() {
    let server = Server::shared(Version::V16);
    let shop = server.database("rehearsed");
    shop.psql("CREATE TABLE t AS SELECT i FROM generate_series(1, 100) i");
    let (lodging, bookend) = (Lodging::new(), Bookend::with_tools(Version::V16));
    bookend.succeed(&["backup", &shop.url()]);
    let archive = bookend.archives().remove(0);
    let ws = workspace(&bookend.store(), vec![Version::V16.bin()]);
    runtime().block_on(async {
        let proof = prove(&ws, &archive, &place(&lodging)).await.unwrap();
        let target = proof.copy.target.clone();
        assert_eq!(target.host(), "127.0.0.1");
        // The archive's reader: what a migration makes belongs to the same role as there.
        assert_eq!(target.user(), "postgres");
        let password = target.password().unwrap().expose().to_owned();
        let done = psql(
            &target,
            &password,
            "ALTER TABLE t ADD n int; SELECT count(*) FROM t",
        );
        assert_eq!(done.as_deref(), Ok("ALTER TABLE\n100\n"));
        let refused = psql(&target, "another", "SELECT 1").unwrap_err();
        assert!(
            refused.contains("password authentication failed"),
            "{refused}"
        );
        let engine = ws.engines.named("postgresql").unwrap();
        proof.dismiss(&ws, engine.as_ref()).await.unwrap();
    });
    lodging.is_empty();
    assert!(ws.store.unsettled().unwrap().is_empty());
    assert!(ws.store.unsettled_sandboxes().unwrap().is_empty());
}

#[test]
fn a_migration_finds_transactions_in_the_copy() {
    let server = Mongo::shared(Deployment::ReplicaSet);
    server.with(|client| async move {
        commands(
            &client,
            "moves",
            vec![doc! { "insert": "t", "documents": [{ "_id": 1 }] }],
        )
        .await;
    });
    let lodging = Lodging::new();
    let bookend = Bookend::new().path(&[mongo_tools(), "/usr/bin".into(), "/bin".into()]);
    bookend.succeed(&["backup", &server.url("moves")]);
    let archive = bookend.archives().remove(0);
    let ws = workspace(&bookend.store(), vec![mongo_tools(), mongod_folder()]);
    let runtime = runtime();
    let proof = runtime.block_on(async { prove(&ws, &archive, &place(&lodging)).await.unwrap() });
    let target = proof.copy.target.clone();
    with_client(target.secret_url().expose(), |client| async move {
        let mut session = client.start_session().await.unwrap();
        session.start_transaction().await.unwrap();
        let things = client
            .database(target.database())
            .collection::<bson::Document>("t");
        let done = things.insert_one(doc! { "_id": 2 }).session(&mut session);
        done.await.unwrap();
        session.commit_transaction().await.unwrap();
    });
    runtime.block_on(async {
        let engine = ws.engines.named("mongodb").unwrap();
        proof.dismiss(&ws, engine.as_ref()).await.unwrap();
    });
    lodging.is_empty();
    assert!(ws.store.unsettled().unwrap().is_empty());
}

#[test]
fn a_proof_that_is_dropped_takes_its_server_with_it() {
    let server = Server::shared(Version::V16);
    let shop = server.database("dropped");
    let (lodging, bookend) = (Lodging::new(), Bookend::with_tools(Version::V16));
    bookend.succeed(&["backup", &shop.url()]);
    let archive = bookend.archives().remove(0);
    let ws = workspace(&bookend.store(), vec![Version::V16.bin()]);
    runtime().block_on(async {
        drop(prove(&ws, &archive, &place(&lodging)).await.unwrap());
    });
    super::lodging::wait("nothing runs", || lodging.processes().is_empty());
}

#[test]
fn a_folder_without_room_is_refused_before_anything_starts() {
    let server = Server::shared(Version::V16);
    let shop = server.database("roomless");
    let bookend = Bookend::with_tools(Version::V16);
    bookend.succeed(&["backup", &shop.url()]);
    let archive = bookend.archives().remove(0);
    let ws = workspace(&bookend.store(), vec![Version::V16.bin()]);
    // /proc and /sys have no room at all.
    let folder = SandboxOptions {
        folder: Some("/sys".into()),
        ..SandboxOptions::default()
    };
    let failed = runtime().block_on(prove(&ws, &archive, &Place::Sandbox(folder)));
    assert!(
        matches!(
            failed,
            Err(OperationError::SpaceShort { free: 0, .. } | OperationError::NoSandboxFolder { .. })
        ),
        "{failed:?}"
    );
    assert!(ws.store.unsettled_sandboxes().unwrap().is_empty());
}

#[test]
fn an_archive_is_rehearsed_in_a_sandbox_unless_somebody_says_otherwise() {
    let server = Server::start(Version::V16, &ServerOptions::default());
    server.psql(
        "postgres",
        "CREATE ROLE app; CREATE DATABASE shop; \\c shop
         CREATE TABLE t AS SELECT i FROM generate_series(1, 100) i; ALTER TABLE t OWNER TO app",
    );
    let lodging = Lodging::new();
    let bookend = lodging.furnish(Bookend::with_tools(Version::V16), "");
    bookend.succeed(&["backup", &server.url("shop")]);
    server.stop(Stop::Fast);
    let archive = bookend.archives().remove(0);
    let id = archive.file_stem().unwrap().to_str().unwrap();
    let rehearse = |more: &[&str], sql: &str| {
        let words = [
            &["rehearse", id, "--json"],
            more,
            &["--", "psql", "-qc", sql],
        ]
        .concat();
        bookend.run(&words)
    };
    let went_well = rehearse(&[], "ALTER TABLE t ADD n int")
        .expect_code(0)
        .json();
    assert_eq!(went_well["state"], "completed", "{went_well}");
    let told = went_well.to_string();
    assert!(told.contains("in a sandbox of PostgreSQL 16"), "{told}");
    assert!(told.contains("+1 column"), "{told}");
    lodging.is_empty();
    let lost = rehearse(&[], "DELETE FROM t WHERE i < 10")
        .expect_code(4)
        .json();
    assert_eq!(lost["state"], "loss_refused", "{lost}");
    let failed = rehearse(&[], "SELECT 1 / 0").expect_code(5);
    assert_eq!(failed.json()["state"], "rehearsal_failed", "{failed}");
    let kept = rehearse(&["--keep-copy"], "SELECT 1").expect_code(2);
    assert!(kept.stdout.contains("--prove-on TARGET"), "{kept}");
    lodging.is_empty();
    assert!(left_behind(&bookend).is_empty());
}

#[test]
fn a_rehearsal_that_is_killed_is_given_up_with_its_sandbox() {
    let server = Server::shared(Version::V16);
    let shop = server.database("killed");
    shop.psql("CREATE TABLE t AS SELECT i FROM generate_series(1, 100) i");
    let lodging = Lodging::new();
    let bookend = lodging.furnish(Bookend::with_tools(Version::V16), "");
    let go = bookend.work().join("go");
    let line = format!("touch {}; sleep 100", go.display());
    let words = [
        "rehearse",
        &shop.url(),
        "--prove-on",
        "sandbox",
        "--",
        "sh",
        "-c",
        &line,
    ];
    let running = bookend.spawn(&words);
    super::lodging::wait("COMMAND runs", || go.exists());
    running.signal(nix::sys::signal::Signal::SIGKILL);
    drop(running);
    super::lodging::wait("the server ends", || lodging.processes().is_empty());
    let status = bookend.succeed(&["status", "--json"]).json();
    assert_eq!(status["state"], "interrupted", "{status}");
    bookend.succeed(&["abort"]);
    lodging.is_empty();
    assert!(left_behind(&bookend).is_empty());
}
