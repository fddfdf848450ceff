//! What is seen of a database while somebody else works on it, on real servers.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bookend::bracket::target_proof::{Marks, Sight, Watched, watch};
use bookend::connection::{Environment, Target};
use bookend::engine::{Engine, Observed, for_kind};
use bookend::operation::{Quiet, Workspace, quiet, read};
use bson::doc;
use common::mongo::mongo_tools;
use common::{Deployment, Mongo, Server, TestDatabase, Version, workspace};
use tokio_util::sync::CancellationToken;

fn target(url: &str) -> Target {
    Target::parse(url, &Environment::empty()).unwrap()
}

fn engine(target: &Target) -> Arc<dyn Engine> {
    for_kind(target.engine()).unwrap()
}

/// What is seen of `on` while `work` is done.
async fn observed(ws: &Workspace, on: &Target, work: impl AsyncFnOnce()) -> Observed {
    let mut observer = engine(on).observe(&ws.context(), on).await.unwrap();
    observer.look().await.unwrap();
    work().await;
    observer.finish().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_visit_between_two_looks_is_counted_by_the_server() {
    for version in [Version::V16, Version::V18] {
        let database = Server::shared(version).database("visited");
        let folder = tempfile::tempdir().unwrap();
        let ws = workspace(&folder, version.bin());
        let on = target(&database.url());
        // A backup's sessions before the watch are not counted.
        read(&ws, &on, false, None).await.unwrap();
        let seen = observed(&ws, &on, async || {}).await;
        assert_eq!(seen.used(), Some(false), "{seen:?}");
        let seen = observed(&ws, &on, async || drop(database.psql("SELECT 1"))).await;
        assert_eq!(seen.used(), Some(true), "{seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_and_statements_are_timed_at_least() {
    let version = Version::V16;
    let database = Server::shared(version).database("held");
    database.psql("CREATE TABLE orders (id int); CREATE TABLE \"A b\" (id int)");
    let folder = tempfile::tempdir().unwrap();
    let ws = workspace(&folder, version.bin());
    let on = target(&database.url());
    let mut observer = engine(&on).observe(&ws.context(), &on).await.unwrap();
    let mut held = psql(
        &database.server().url(database.name()),
        "BEGIN; ALTER TABLE orders ADD x int; LOCK TABLE \"A b\" IN SHARE MODE; CREATE TABLE n (i int); SELECT pg_sleep(600)",
        "",
    );
    // Both locks are there with the sleep.
    loop {
        let there = observer.look().await.unwrap();
        let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'
                        AND datname = current_database()";
        if !there.is_empty() && database.psql(sleeping).trim() == "1" {
            break;
        }
    }
    observer.look().await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let there = observer.look().await.unwrap();
    let holder = there.iter().find(|session| session.writing).unwrap();
    assert!(observer.end(holder).await.unwrap());
    held.wait().unwrap();
    let seen = observer.finish().await.unwrap();
    let of = |name: &str| seen.held.iter().find(|one| one.object == name).unwrap();
    assert!(of("public.orders").reads_blocked_ms >= 300, "{seen:?}");
    assert!(of("public.\"A b\"").writes_blocked_ms >= 300, "{seen:?}");
    assert_eq!(of("public.\"A b\"").reads_blocked_ms, 0);
    assert!(!seen.held.iter().any(|one| one.object == "public.n"));
    let longest = seen.longest.unwrap();
    // What psql sends at once is one statement to the server.
    assert!(
        longest.ms >= 300 && longest.command == "BEGIN",
        "{longest:?}"
    );
}

/// A COMMAND of its own session that leaves bookend's hands.
fn psql(url: &str, sql: &str, name: &str) -> Child {
    Command::new("setsid")
        .arg(Version::V16.tool("psql"))
        .args(["-X", "-q", "-c", sql, url])
        .env("PGAPPNAME", name)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What is seen while `command` runs, stopped as soon as it is seen on the original.
async fn sight(copy: &TestDatabase<'_>, original: &TestDatabase<'_>, command: Child) -> Sight {
    let folder = tempfile::tempdir().unwrap();
    let ws = workspace(&folder, Version::V16.bin());
    let (copy, original) = (target(&copy.url()), target(&original.url()));
    let engine = engine(&copy);
    let (_tell, pid) = tokio::sync::watch::channel(Some(command.id()));
    let marks = Marks {
        session_name: "bookend test rehearsal".to_owned(),
        environment: "BOOKEND_RUN=watching".to_owned(),
        pid,
    };
    let watched = Watched {
        copy: engine.observe(&ws.context(), &copy).await.unwrap(),
        port: original.port(),
        original: Some(engine.observe(&ws.context(), &original).await.unwrap()),
    };
    let (over, trespass) = (CancellationToken::new(), CancellationToken::new());
    let ending = async {
        let patience = tokio::time::sleep(Duration::from_millis(1500));
        tokio::select! {
            () = trespass.cancelled() => {}
            () = patience => {}
        }
        over.cancel();
    };
    let (sights, ()) = tokio::join!(watch(vec![watched], &marks, &over, &trespass), ending);
    let mut command = command;
    command.kill().ok();
    command.wait().unwrap();
    sights.unwrap().remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_on_the_original_is_known_by_its_socket_and_ended() {
    let server = Server::shared(Version::V16);
    let (copy, original) = (server.database("copy"), server.database("original"));
    // Not there from the first look on: it sleeps in its own shell first.
    let shell = format!(
        "sleep 0.4; exec '{}' -X -q -c 'SELECT pg_sleep(600)' '{}'",
        Version::V16.tool("psql").display(),
        original.url()
    );
    let command = Command::new("setsid")
        .args(["sh", "-c", &shell])
        .env("PGAPPNAME", "harmless")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let seen = sight(&copy, &original, command).await;
    assert_eq!(seen.copy.used(), Some(false), "{seen:?}");
    let [(session, ended)] = seen.trespassers.as_slice() else {
        panic!("{seen:?}")
    };
    assert!(*ended && session.application == "harmless", "{seen:?}");
    assert!(seen.strangers.is_empty(), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_known_by_its_session_name_and_others_are_left_alone() {
    let server = Server::shared(Version::V16);
    let (copy, original) = (server.database("copy"), server.database("original"));
    let url = original.url();
    let stranger = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        psql(&url, "SELECT pg_sleep(600)", "somebody")
    });
    let mut idle = Command::new("sleep").arg("60").spawn().unwrap();
    let command = Command::new("sleep").arg("60").spawn().unwrap();
    let seen = sight(&copy, &original, command).await;
    idle.kill().unwrap();
    idle.wait().unwrap();
    let mut stranger = stranger.join().unwrap();
    assert!(seen.trespassers.is_empty(), "{seen:?}");
    assert_eq!(seen.strangers[0].application, "somebody", "{seen:?}");
    assert!(stranger.try_wait().unwrap().is_none(), "it was ended");
    stranger.kill().unwrap();
    stranger.wait().unwrap();

    let url = original.url();
    let named = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        psql(&url, "SELECT pg_sleep(600)", "bookend test rehearsal")
    });
    let command = Command::new("sleep").arg("60").spawn().unwrap();
    let seen = sight(&copy, &original, command).await;
    named.join().unwrap().wait().unwrap();
    assert!(seen.trespassers[0].1, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_means_the_same_content_and_nobody_in_the_middle_of_a_write() {
    let database = Server::shared(Version::V16).database("quiet");
    database.psql("CREATE TABLE t (id serial PRIMARY KEY, a text); INSERT INTO t (a) VALUES ('x')");
    let folder = tempfile::tempdir().unwrap();
    let ws = workspace(&folder, Version::V16.bin());
    let on = target(&database.url());
    let before = Arc::new(read(&ws, &on, false, None).await.unwrap());
    let now = async || quiet(&ws, &on, &before).await.unwrap().quiet;
    assert_eq!(now().await, Quiet::Quiet);
    let mut open = psql(
        &database.url(),
        "BEGIN; INSERT INTO t (id, a) VALUES (7, 'y'); SELECT pg_sleep(600)",
        "writer",
    );
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'
                    AND datname = current_database()";
    while database.psql(sleeping).trim() == "0" {}
    let Quiet::Written {
        difference,
        writers,
    } = now().await
    else {
        panic!("a transaction is open")
    };
    assert!(difference.same);
    assert_eq!(writers[0].application, "writer");
    open.kill().unwrap();
    open.wait().unwrap();
    database.psql(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    assert_eq!(now().await, Quiet::Quiet);
    // A sequence moves without a transaction's leaving a trace in any row.
    database.psql("SELECT nextval('t_id_seq')");
    let Quiet::Written { difference, .. } = now().await else {
        panic!("a sequence moved")
    };
    assert_eq!(difference.objects[0].object, "public.t_id_seq");
}

#[test]
fn a_visit_to_a_database_of_mongodb_is_counted() {
    let server = Mongo::shared(Deployment::ReplicaSet);
    server.with(|client| async move {
        let all = client.database("visited").collection("c");
        all.insert_one(doc! { "a": 1 }).await.unwrap();
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(visits(&server.url("visited")));
}

async fn visits(url: &str) {
    let folder = tempfile::tempdir().unwrap();
    let ws = workspace(&folder, mongo_tools());
    let on = target(url);
    read(&ws, &on, false, None).await.unwrap();
    let seen = observed(&ws, &on, async || {}).await;
    assert_eq!(seen.used(), Some(false), "{seen:?}");
    let client = mongodb::Client::with_uri_str(url).await.unwrap();
    let seen = observed(&ws, &on, async || {
        let all = client.database("visited").collection("c");
        all.insert_one(doc! { "a": 2 }).await.unwrap();
    })
    .await;
    assert_eq!(seen.used(), Some(true), "{seen:?}");
}
