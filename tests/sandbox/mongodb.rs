//! The same for MongoDB.

use bson::doc;
use nix::sys::signal::Signal;

use super::common::mongo::{commands, mongo_tools, mongod_folder};
use super::common::{Bookend, Deployment, Mongo};
use super::lodging::{Lodging, left_behind, wait};

const PROOF: [&str; 5] = ["verify", "latest", "--prove", "--prove-on", "sandbox"];

fn bookend(lodging: &Lodging) -> Bookend {
    let path = [
        mongo_tools(),
        mongod_folder(),
        "/usr/bin".into(),
        "/bin".into(),
    ];
    lodging.furnish(Bookend::new().path(&path), "")
}

fn fill(server: &Mongo, name: &'static str) {
    let documents: Vec<_> = (0..5000)
        .map(|i| doc! { "_id": i, "old": bson::DateTime::from_millis(i) })
        .collect();
    server.with(|client| async move {
        let definitions = vec![
            doc! { "insert": "things", "documents": documents },
            // Old documents stay: nothing may be deleted by its age in a copy.
            doc! { "createIndexes": "kept", "indexes": [
            { "key": { "old": 1 }, "name": "old", "expireAfterSeconds": 4_000_000 }] },
            doc! { "create": "some", "viewOn": "things", "pipeline": [{ "$match": { "_id": 1 } }] },
        ];
        commands(&client, name, definitions).await;
    });
}

#[test]
fn an_archive_is_proven_with_its_own_server_gone() {
    for deployment in [Deployment::ReplicaSet, Deployment::Guarded] {
        let mut server = Mongo::start(deployment);
        fill(&server, "shop");
        let lodging = Lodging::new();
        let bookend = bookend(&lodging);
        bookend.succeed(&["backup", &server.url("shop")]);
        server.kill();
        let watch = lodging.watch();
        let proof = bookend.succeed(&[&PROOF[..], &["--json"]].concat());
        let json = proof.json();
        assert_eq!(json["verdict"], "identical", "{json}");
        assert_eq!(json["sandbox"]["server"], "MongoDB 6.0.5", "{json}");
        watch.nowhere_else(&bookend, &proof);
        lodging.is_empty();
        assert!(left_behind(&bookend).is_empty());
    }
}

#[test]
fn without_a_mongod_it_says_what_to_install() {
    let server = Mongo::shared(Deployment::Standalone);
    fill(server, "homeless");
    let lodging = Lodging::new();
    let bookend = bookend(&lodging).path(&[mongo_tools(), "/usr/bin".into(), "/bin".into()]);
    bookend.succeed(&["backup", &server.url("homeless")]);
    let failed = bookend.run(&PROOF).expect_code(6);
    assert!(failed.stderr.contains("mongod was not found"), "{failed}");
    assert!(failed.stderr.contains("mongodb-org-server"), "{failed}");
    lodging.is_empty();
}

#[test]
fn after_kill_9_and_after_ctrl_c_nothing_stays() {
    let server = Mongo::shared(Deployment::Standalone);
    fill(server, "crashing");
    let lodging = Lodging::new();
    let bookend = bookend(&lodging);
    bookend.succeed(&["backup", &server.url("crashing")]);
    let running = bookend.spawn(&PROOF);
    lodging.wait_for("mongod");
    running.signal(Signal::SIGKILL);
    let _ = running.wait();
    wait("the server ends", || lodging.processes().is_empty());
    wait("its folder goes", || lodging.sandboxes().is_empty());
    assert_eq!(left_behind(&bookend)[0]["kind"], "sandbox");
    let running = bookend.spawn(&PROOF);
    lodging.wait_for("mongod");
    running.signal(Signal::SIGINT);
    let ended = running.wait();
    assert_eq!(ended.code, Some(130), "{ended}");
    lodging.is_empty();
    assert!(left_behind(&bookend).is_empty());
}
