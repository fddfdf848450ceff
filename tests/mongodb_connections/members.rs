//! Replica sets: several hosts, read preferences, write concerns, DNS records.

use bson::{Document, doc};

use super::common::mongo::commands;
use super::common::{Deployment, Mongo};
use super::dns::{CLUSTER, resolving};
use super::{bookend, fill, folders, proven};

#[test]
fn a_set_of_several_members_is_found_and_read_where_it_is_told() {
    let first = Mongo::start(Deployment::ReplicaSet);
    let second = first.join();
    fill(&first, "shop", "todos", 200);
    first.with(|client| async move {
        let flush = doc! { "insert": "todos", "documents": [{ "_id": "last" }],
        "writeConcern": { "w": 2 } };
        commands(&client, "shop", vec![flush]).await;
    });
    let (one, two) = (first.port(), second.port());
    let url = |hosts: &str, options: &str| format!("mongodb://{hosts}/shop?{options}");
    let both = format!("127.0.0.1:{two},127.0.0.1:{one}");
    // The secondary is named first, or another host does not answer.
    for hosts in [both.clone(), format!("127.0.0.1:1,127.0.0.1:{one}")] {
        let made = proven(&url(&hosts, "replicaSet=rs0"));
        assert_eq!(made["consistent"], true, "{made}");
    }
    // Whoever answers has a delay of its own: nothing is claimed.
    for preference in ["secondary", "secondaryPreferred", "nearest"] {
        let told = bookend().succeed(&[
            "--json",
            "backup",
            &url(
                &both,
                &format!("replicaSet=rs0&readPreference={preference}"),
            ),
            "--prove",
        ]);
        let made = told.json();
        assert_eq!(made["proof"], "identical", "{made}");
        assert_eq!(made["consistent"], serde_json::Value::Null, "{made}");
        assert!(told.stderr.contains("readPreference"), "{told}");
    }
    // One secondary by itself has one state.
    let alone = url(&format!("127.0.0.1:{two}"), "directConnection=true");
    let made = bookend().succeed(&["--json", "backup", &alone]).json();
    assert_eq!(made["consistent"], true, "{made}");
    let wrong = url(&both, "replicaSet=other&serverSelectionTimeoutMS=500");
    let _ = bookend().run(&["backup", &wrong]).expect_code(7);
}

#[test]
fn a_write_concern_of_the_url_does_not_lose_documents() {
    let server = Mongo::shared(Deployment::ReplicaSet);
    fill(server, "unheard", "todos", 3000);
    proven(&(server.url("unheard") + "&w=0"));
    proven(
        &(server.url("unheard") + "&w=1&journal=false&compressors=zlib&readConcernLevel=snapshot"),
    );
}

#[test]
fn a_server_that_is_away_is_named() {
    let url = "mongodb://127.0.0.1:1/shop?serverSelectionTimeoutMS=300";
    let output = bookend().run(&["backup", url]).expect_code(7);
    let output = output.expect_stderr("cannot reach 127.0.0.1:1");
    assert!(
        output.stderr.contains("Connection refused (os error 111)"),
        "{output}"
    );
    assert!(!output.stderr.contains("Topology"), "{output}");
}

/// The user is defined where the DNS record says, also when the URL names another database.
#[test]
fn a_dns_record_says_where_the_user_is_defined() {
    let server = Mongo::shared(Deployment::Guarded);
    fill(server, "named", "todos", 20);
    let (user, password) = super::common::mongo::ROOT;
    let url = server.url_of((user, password), "named", "");
    let (start, _) = url.split_once("127.0.0.1").unwrap();
    let start = start.replace("mongodb://", "mongodb+srv://");
    let url = format!("{start}{CLUSTER}/named?tls=false");
    let run = |arguments: &[&str]| {
        let bookend = super::common::Bookend::new().path(&folders());
        resolving(&bookend, server.port(), arguments)
    };
    let made = run(&["--json", "backup", &url, "--prove"]);
    let made = made.expect_code(0).json();
    assert_eq!(made["proof"], "identical", "{made}");
    let program = std::env::current_exe().unwrap();
    // COMMAND asks for the same names.
    let ran = run(&[
        "run",
        &url,
        "--no-rehearsal",
        "a test",
        "--",
        program.to_str().unwrap(),
        "--ignored",
        "--exact",
        "members::srv_program",
    ]);
    let _ = ran.expect_code(0);
    server.with(|client| async move { client.database("named").drop().await.unwrap() });
}

/// What `a_dns_record_…` runs as COMMAND.
#[test]
#[ignore = "a program, not a test"]
fn srv_program() {
    let url = std::env::var("MONGODB_URI").unwrap();
    super::common::mongo::with_client(&url, |client| async move {
        let todos = client
            .default_database()
            .unwrap()
            .collection::<Document>("todos");
        assert_eq!(todos.count_documents(doc! {}).await.unwrap(), 20);
    });
}
