//! One point in time, or not: oplogs that roll over, snapshots that grow too old, collections
//! that go away while they are read. The server is told where to stop, so nothing here depends
//! on who is faster.

use std::time::{Duration, Instant};

use bson::{Document, Timestamp, doc};

use super::common::mongo::{commands, with_client};
use super::common::{Bookend, Deployment, Mongo, Output};
use super::scene::{ask, bookend, drop_all, expect, fake, fill, is_tidy};

/// Where a reader waits once it has its snapshot.
const STOP: &str = "waitInFindBeforeMakingBatch";

const PATIENCE: Duration = Duration::from_secs(60);

/// A server with little memory of what was, that can be stopped in the middle.
fn forgetful() -> Mongo {
    let arguments = [
        "--oplogSize=1",
        "--syncdelay=1",
        "--setParameter=minSnapshotHistoryWindowInSeconds=1",
        "--setParameter=enableTestCommands=1",
    ];
    Mongo::start_with(Deployment::ReplicaSet, &arguments, "")
}

/// Stops the second reader of a collection (the first only looks whether it may read); off
/// when dropped.
pub struct Stop<'a>(&'a Mongo);

impl<'a> Stop<'a> {
    pub fn at(server: &'a Mongo, namespace: &str) -> Self {
        let on = doc! { "configureFailPoint": STOP, "mode": { "skip": 1 },
        "data": { "nss": namespace, "shouldCheckForInterrupt": true } };
        ask(server, "admin", on);
        Self(server)
    }

    pub fn wait_for_a_reader(&self) {
        wait_until("a reader waits", || {
            let answer = ask(
                self.0,
                "admin",
                doc! { "currentOp": 1, "failpointMsg": STOP },
            );
            !answer.get_array("inprog").unwrap().is_empty()
        });
    }
}

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        ask(
            self.0,
            "admin",
            doc! { "configureFailPoint": STOP, "mode": "off" },
        );
    }
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// `backup --consistent`, with this done while it reads `DATABASE.a`.
fn meanwhile(server: &Mongo, database: &str, work: impl FnOnce()) -> (Bookend, Output) {
    let bookend = bookend();
    let stop = Stop::at(server, &format!("{database}.a"));
    let url = server.url(database);
    let running = bookend.spawn(&["backup", &url, "--consistent", "--jobs", "1", "--json"]);
    stop.wait_for_a_reader();
    work();
    drop(stop);
    let output = running.wait();
    (bookend, output)
}

/// Until nobody can read at `time` any more.
fn grow_too_old(server: &Mongo, time: Timestamp) {
    wait_until("the snapshot grows too old", || {
        ask(
            server,
            "other",
            doc! { "insert": "noise", "documents": [{}] },
        );
        server.with(|client| async move {
            let read = doc! { "find": "noise", "limit": 1,
            "readConcern": { "level": "snapshot", "atClusterTime": time } };
            let read = client.database("other").run_command(read).await;
            read.is_err_and(|error| error.to_string().contains("older than the oldest"))
        })
    });
}

#[test]
fn a_snapshot_that_is_lost_fails_by_name() {
    let server = forgetful();
    ask(&server, "other", doc! { "create": "noise" });
    for database in ["window", "dropped", "renamed", "rolled"] {
        for collection in ["a", "b"] {
            fill(&server, database, collection, 300);
        }
    }
    // The second collection is read when the snapshot is no more.
    let (bookend, output) = meanwhile(&server, "window", || {
        let now = ask(&server, "admin", doc! { "ping": 1 });
        grow_too_old(&server, now.get_timestamp("operationTime").unwrap());
    });
    let advice = "minSnapshotHistoryWindowInSeconds";
    expect(&output, 1, "server-refused", &["could not be read", advice]);
    assert!(bookend.archives().is_empty());
    is_tidy(&bookend);

    // Read as empty, without an error: the oplog knows better.
    let (bookend, output) = meanwhile(&server, "dropped", || {
        ask(&server, "dropped", doc! { "drop": "b" });
    });
    expect(
        &output,
        1,
        "moved",
        &["b of dropped was created, dropped or redefined"],
    );
    assert!(bookend.archives().is_empty());
    is_tidy(&bookend);

    let (bookend, output) = meanwhile(&server, "renamed", || {
        ask(
            &server,
            "admin",
            doc! { "renameCollection": "renamed.b", "to": "renamed.c" },
        );
    });
    expect(
        &output,
        1,
        "moved",
        &["renamed was created, dropped or redefined"],
    );
    assert!(bookend.archives().is_empty());

    an_oplog_that_rolls_over_leaves_it_unknown(&server);
}

fn an_oplog_that_rolls_over_leaves_it_unknown(server: &Mongo) {
    let bookend = bookend();
    let url = server.url("rolled");
    let program = std::env::current_exe().unwrap();
    let does = format!(
        "URL='{url}' '{}' --ignored --exact moments::rolling_program >&2 || exit 1\n\
         exec \"$REAL\" \"$@\"",
        program.display()
    );
    let tools = fake(&bookend, "mongodump", &does);
    let output = bookend.succeed(&["backup", &url, "--json", "--tool-dir", &tools]);
    assert_eq!(
        output.json()["consistent"],
        serde_json::Value::Null,
        "{output}"
    );
    assert!(output.stderr.contains("the oplog is too small"), "{output}");
    let run = [
        "run",
        &url,
        "--no-rehearsal",
        "a test",
        "--tool-dir",
        &tools,
        "--json",
        "--",
        "true",
    ];
    let output = bookend.run(&run);
    assert_eq!(output.code, Some(4), "{output}");
    assert!(output.stdout.contains("--accept-writes"), "{output}");

    // Nobody knows then whether a collection was dropped either.
    let (bookend, output) = meanwhile(server, "rolled", || roll_over(&server.url("rolled")));
    // The snapshot may be lost first, or what the oplog would have told.
    assert!(matches!(output.code, Some(1 | 4)), "{output}");
    assert!(bookend.archives().is_empty());
}

/// Writes until the oplog has forgotten all that it holds now.
fn roll_over(url: &str) {
    with_client(url, |client| async move {
        let local = client.database("local");
        let oplog = local.collection::<Document>("oplog.rs");
        let first = || oplog.find_one(doc! {}).sort(doc! { "$natural": 1 });
        let last = oplog
            .find_one(doc! {})
            .sort(doc! { "$natural": -1 })
            .await
            .unwrap();
        let last = last.unwrap().get_timestamp("ts").unwrap();
        let began = Instant::now();
        let pad = "x".repeat(900_000);
        while first().await.unwrap().unwrap().get_timestamp("ts").unwrap() <= last {
            assert!(began.elapsed() < PATIENCE, "the oplog does not roll over");
            let noise = doc! { "insert": "noise", "documents": [{ "pad": &pad }] };
            commands(&client, "other", vec![noise]).await;
        }
    });
}

/// What `an_oplog_that_rolls_over_…` runs in the middle of a dump.
#[test]
#[ignore = "a program, not a test"]
fn rolling_program() {
    roll_over(&std::env::var("URL").unwrap());
}

#[test]
fn what_a_snapshot_cannot_hold_is_said_before_anything_is_read() {
    let set = Mongo::shared(Deployment::ReplicaSet);
    ask(
        set,
        "capped",
        doc! { "create": "log", "capped": true, "size": 4096 },
    );
    fill(set, "capped", "todos", 10);
    let standalone = Mongo::shared(Deployment::Standalone);
    fill(standalone, "alone", "todos", 10);
    for (url, words) in [
        (
            set.url("capped"),
            [
                "capped collections cannot be read at a snapshot: log",
                "--exclude-data",
            ],
        ),
        (
            standalone.url("alone"),
            ["is no replica set", "without --consistent"],
        ),
    ] {
        let bookend = bookend();
        let output = bookend.run(&["backup", &url, "--consistent", "--json"]);
        expect(&output, 4, "unsupported", &words);
        assert!(bookend.archives().is_empty());
        let run = [
            "run",
            &url,
            "--consistent",
            "--no-rehearsal",
            "a test",
            "--json",
            "--",
            "true",
        ];
        let output = bookend.run(&run);
        assert_eq!(output.code, Some(4), "{output}");
        assert!(output.stdout.contains(words[0]), "{output}");
        is_tidy(&bookend);
    }
    let bookend = bookend();
    let url = set.url("capped");
    let without = [
        "backup",
        &url,
        "--consistent",
        "--exclude-data",
        "log",
        "--json",
    ];
    assert_eq!(bookend.succeed(&without).json()["consistent"], true);
    drop_all(set, &["capped"]);
    drop_all(standalone, &["alone"]);
}
