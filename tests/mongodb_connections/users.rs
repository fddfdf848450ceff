//! Users: where they are defined, what is in their names, what they lack.

use bson::{Document, doc};

use super::common::mongo::commands;
use super::common::{Deployment, Mongo};
use super::{bookend, fill};

/// Everything that means something in a URL, a shell, YAML or JSON.
const USER: &str = "ow/n:er d@%&é\"";
const PASSWORD: &str = "p:a/s@s%2F\"é{}$ '#?&=\\";

/// A server with a user in the database itself.
fn guarded(database: &str) -> &'static Mongo {
    let server = Mongo::shared(Deployment::Guarded);
    fill(server, database, "todos", 20);
    fill(server, database, "secret", 20);
    server.with(|client| async move {
        let root = doc! { "role": "root", "db": "admin" };
        let users = vec![
            doc! { "createUser": USER, "pwd": PASSWORD, "roles": [root] },
            doc! { "createUser": "reader", "pwd": "reader", "roles": ["read"] },
            doc! { "createUser": "nothing", "pwd": "nothing", "roles": [] },
            doc! { "createRole": "some", "roles": [], "privileges": [
            { "resource": { "db": database, "collection": "todos" },
              "actions": ["find", "listIndexes", "collStats", "dbStats"] },
            { "resource": { "db": database, "collection": "" },
              "actions": ["listCollections", "dbStats"] }] },
            doc! { "createUser": "partial", "pwd": "partial", "roles": ["some"] },
        ];
        commands(&client, database, users).await;
    });
    server
}

#[test]
fn users_of_the_source_log_in_for_the_copy_whatever_is_in_their_names() {
    let server = guarded("defined");
    let url = server.url_of((USER, PASSWORD), "defined", "");
    let bookend = bookend();
    let made = bookend
        .succeed(&["--json", "backup", &url, "--prove"])
        .json();
    assert_eq!(made["proof"], "identical", "{made}");
    bookend.succeed(&["restore", "latest", "--into", "defined_back", "--on", &url]);
    // The URL that a program is given for the copy works as it stands.
    let program = std::env::current_exe().unwrap();
    let copy = url.replacen("/defined?", "/defined_back?", 1) + "&authSource=defined";
    let _ = bookend
        .run(&[
            "run",
            &copy,
            "--no-rehearsal",
            "a test",
            "--",
            program.to_str().unwrap(),
            "--ignored",
            "--exact",
            "users::ping_program",
        ])
        .expect_code(0);
    server.with(|client| async move {
        client.database("defined_back").drop().await.unwrap();
    });
}

/// What `users_of_the_source_log_in_…` runs as COMMAND.
#[test]
#[ignore = "a program, not a test"]
fn ping_program() {
    let url = std::env::var("MONGODB_URI").unwrap();
    super::common::mongo::with_client(&url, |client| async move {
        let todos = client
            .default_database()
            .unwrap()
            .collection::<Document>("todos");
        assert_eq!(todos.count_documents(doc! {}).await.unwrap(), 20);
    });
}

#[test]
fn what_a_user_may_not_do_is_named() {
    let server = guarded("refused");
    let refused = |user: &str, password: &str, words: &[&str]| {
        let bookend = bookend();
        let url = server.url_of((user, password), "refused", "");
        let mut output = bookend.run(&["backup", &url]).expect_code(7);
        for words in words {
            output = output.expect_stderr(words);
        }
        assert!(bookend.archives().is_empty(), "{output}");
    };
    refused(
        "reader",
        "wrong",
        &["did not accept the password of reader"],
    );
    refused(
        "nobody",
        "wrong",
        &["did not accept the password of nobody"],
    );
    let collections = "the collections of refused could not be listed: nothing may not do that";
    refused("nothing", "nothing", &[collections, "bookend doctor"]);
    refused("partial", "partial", &["secret", "partial may not do that"]);

    let bookend = bookend();
    let bare = server.url_of(("", ""), "refused", "").replace(":@", "");
    let _ = bookend
        .run(&["backup", &bare])
        .expect_code(7)
        .expect_stderr("asks for the password of any user, and none was given");
    let half = bare.replace("//", "//reader@");
    let _ = bookend
        .run(&["backup", &half])
        .expect_code(7)
        .expect_stderr("asks for the password of reader, and none was given");
}

#[test]
fn without_the_oplog_nothing_is_claimed_and_no_migration_starts() {
    let server = guarded("unseen");
    let url = server.url_of(("reader", "reader"), "unseen", "");
    let bookend = bookend();
    let told = bookend.succeed(&["--json", "backup", &url]);
    assert_eq!(told.json()["consistent"], serde_json::Value::Null, "{told}");
    let grant = "use unseen; db.grantRolesToUser(\"reader\", [{role: \"read\", db: \"local\"}])";
    assert!(told.stderr.contains(grant), "{told}");
    // Runs keep each other off in a database of their own.
    server.with(|client| async move {
        let role = doc! { "role": "readWrite", "db": "bookend" };
        let grant = doc! { "grantRolesToUser": "reader", "roles": [role] };
        commands(&client, "unseen", vec![grant]).await;
    });
    let before = bookend.archives().len();
    let marker = bookend.work().join("ran");
    let script = format!("touch {}", marker.display());
    let words = [
        "run",
        &url,
        "--no-proof",
        "a test",
        "--no-rehearsal",
        "a test",
        "--",
        "sh",
        "-c",
        &script,
    ];
    let _ = bookend
        .run(&words)
        .expect_code(4)
        .expect_stderr("--accept-writes");
    assert!(!marker.exists());
    assert!(bookend.archives().len() >= before);
    // What is said to help does help.
    server.with(|client| async move {
        let role = doc! { "role": "read", "db": "local" };
        let grant = doc! { "grantRolesToUser": "reader", "roles": [role] };
        commands(&client, "unseen", vec![grant]).await;
    });
    let told = bookend.succeed(&["--json", "backup", &url]);
    assert_eq!(told.json()["consistent"], true, "{told}");
}

#[test]
fn a_copy_needs_a_right_that_doctor_names() {
    let server = guarded("uncopied");
    let url = server.url_of(("reader", "reader"), "uncopied", "");
    let bookend = bookend();
    bookend.succeed(&["backup", &url]);
    let refused = bookend.run(&["restore", "latest", "--into", "uncopied_back", "--on", &url]);
    let _ = refused
        .expect_code(7)
        .expect_stderr("uncopied_back could not be created: reader may not do that");
    assert!(!server.databases().contains(&"uncopied_back".to_owned()));
    let told = bookend.run(&["doctor", &url]);
    let roles = "[{role: \"readWriteAnyDatabase\", db: \"admin\"}, \
                 {role: \"dbAdminAnyDatabase\", db: \"admin\"}]";
    let said = format!("{}{}", told.stdout, told.stderr);
    assert!(
        said.contains(&format!(
            "use uncopied; db.grantRolesToUser(\"reader\", {roles})"
        )),
        "{told}"
    );
    server.with(|client| async move {
        let roles = ["readWriteAnyDatabase", "dbAdminAnyDatabase"]
            .map(|role| doc! { "role": role, "db": "admin" });
        let grant = doc! { "grantRolesToUser": "reader", "roles": roles.to_vec() };
        commands(&client, "uncopied", vec![grant]).await;
    });
    let again = bookend.run(&["backup", &url, "--prove"]).expect_code(0);
    assert!(again.stdout.contains("identical"), "{again}");
}
