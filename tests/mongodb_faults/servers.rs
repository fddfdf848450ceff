//! Servers that die in the middle.

use bson::{Binary, Document, doc};

use super::common::{Bookend, Deployment, Mongo, Running};
use super::moments::Stop;
use super::scene::{bookend, fake, is_tidy};

/// Enough that nothing is over before the server is killed.
fn large() -> Mongo {
    let arguments = ["--setParameter=enableTestCommands=1"];
    let server = Mongo::start_with(Deployment::ReplicaSet, &arguments, "");
    server.with(|client| async move {
        let bytes = vec![7; 1 << 20];
        let subtype = bson::spec::BinarySubtype::Generic;
        let pad = Binary { subtype, bytes };
        let all = (0..120).map(|n| doc! { "_id": n, "pad": pad.clone() });
        let large = client.database("large").collection::<Document>("c");
        large.insert_many(all).await.unwrap();
    });
    server
}

/// A tool that lets some bytes through, and the rest when it is told.
const HALF_WAY: &str = "mkfifo \"$HERE/go\"\n\
    { head -c 40000000; : >\"$HERE/here\"; read -r _ <\"$HERE/go\"; cat; } | \"$REAL\" \"$@\"";

fn kill_in_the_middle(server: &mut Mongo, tools: &str, running: Running) -> super::common::Output {
    let tools = std::path::Path::new(tools);
    while !tools.join("here").exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    server.kill();
    std::fs::write(tools.join("go"), "go\n").unwrap();
    running.wait()
}

/// The way out is named, and nothing looks like what it is not.
fn judge(bookend: &Bookend, output: &super::common::Output) {
    assert!(matches!(output.code, Some(1 | 7)), "{output}");
    assert!(!output.stderr.contains("Topology"), "{output}");
    is_tidy(bookend);
}

#[test]
fn a_server_that_dies_under_the_tools_leaves_nothing_that_looks_whole() {
    let mut server = large();
    let bookend = bookend();
    let url = server.url("large") + "&serverSelectionTimeoutMS=2000";
    bookend.succeed(&["backup", &url]);
    let archive = bookend.archives().remove(0);
    let archive = archive.to_str().unwrap();
    let tools = fake(&bookend, "mongorestore", HALF_WAY);
    let words = [
        "restore",
        archive,
        "--into",
        "half",
        "--on",
        &url,
        "--tool-dir",
        &tools,
    ];
    let running = bookend.spawn(&words);
    let output = kill_in_the_middle(&mut server, &tools, running);
    judge(&bookend, &output);
    // What may be left on that server is remembered.
    assert!(output.stderr.contains("half"), "{output}");
    let status = bookend.run(&["status"]);
    assert!(status.stdout.contains("half"), "{status}");
    // And the archive is what it was.
    bookend.succeed(&["verify", archive]);
}

#[test]
fn a_server_that_dies_under_a_reader_at_a_snapshot_is_named() {
    let mut server = large();
    let bookend = bookend();
    let url = server.url("large") + "&serverSelectionTimeoutMS=2000";
    let stop = Stop::at(&server, "large.c");
    let running = bookend.spawn(&["backup", &url, "--consistent"]);
    stop.wait_for_a_reader();
    // It goes with the server.
    std::mem::forget(stop);
    server.kill();
    let output = running.wait();
    judge(&bookend, &output);
    assert!(bookend.archives().is_empty(), "{output}");
}
