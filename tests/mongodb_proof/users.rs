//! Users and roles: in the archive as facts, never with passwords; shown, compared, and not
//! restored.

use bson::doc;

use crate::bookend;
use crate::common::mongo::commands;
use crate::common::{Deployment, Mongo};

#[test]
fn users_and_roles_are_facts_of_an_archive_and_no_passwords_are() {
    let server = Mongo::shared(Deployment::Guarded);
    server.with(|client| async move {
        let all = vec![
            doc! { "insert": "todo", "documents": [{ "_id": 1 }] },
            doc! { "createRole": "clerk", "roles": ["read"], "privileges": [
                { "resource": { "db": "shop", "collection": "todo" }, "actions": ["insert", "find"] }],
                "authenticationRestrictions": [{ "clientSource": ["127.0.0.1"] }] },
            doc! { "createUser": "app", "pwd": "c4nary-s3cret", "roles": ["clerk", { "role": "read", "db": "other" }],
                "authenticationRestrictions": [{ "serverAddress": ["127.0.0.1", "::1"] }] },
            doc! { "createUser": "plain", "pwd": "c4nary-s3cret", "roles": [] },
        ];
        commands(&client, "shop", all).await;
    });
    let (bookend, url) = (bookend(), server.url("shop"));
    let made = bookend.succeed(&["backup", &url, "--prove", "--tag", "one"]);
    assert!(
        made.stderr.contains("users app, plain and roles clerk"),
        "{made}"
    );
    let shown = bookend.succeed(&["show", "latest"]);
    for line in [
        "Roles, which a restore does not create",
        "db.createRole({role: \"clerk\", privileges: [{resource: {\"db\":\"shop\",\"collection\":\"todo\"}, \
         actions: [\"find\", \"insert\"]}], roles: [\"read\"], authenticationRestrictions: [{\"clientSource\":[\"127.0.0.1\"]}]})",
        "Users, which a restore does not create",
        "db.createUser({user: \"app\", pwd: passwordPrompt(), roles: [\"clerk\", {role: \"read\", db: \"other\"}], \
         authenticationRestrictions: [{\"serverAddress\":[\"127.0.0.1\",\"::1\"]}]})",
        "db.createUser({user: \"plain\", pwd: passwordPrompt(), roles: []})",
    ] {
        assert!(shown.stdout.contains(line), "no {line} in {shown}");
    }
    let facts = bookend.succeed(&["show", "latest", "--json"]).json();
    assert_eq!(facts["database"]["users"][0]["name"], "app");
    assert_eq!(facts["database"]["users"][0]["roles"][0]["role"], "clerk");
    assert_eq!(
        facts["database"]["roles"][0]["privileges"][0]["actions"][0],
        "find"
    );
    let archive = std::fs::read(&bookend.archives()[0]).unwrap();
    for secret in ["c4nary", "storedKey", "SCRAM-SHA-256\":{"] {
        assert!(
            memchr::memmem::find(&archive, secret.as_bytes()).is_none(),
            "{secret}"
        );
    }
    bookend.succeed(&["restore", "latest", "--into", "elsewhere", "--on", &url]);
    server.with(|client| async move {
        let elsewhere = client.database("elsewhere");
        let users = elsewhere
            .run_command(doc! { "usersInfo": 1 })
            .await
            .unwrap();
        assert_eq!(users.get_array("users").unwrap().len(), 0);
        elsewhere.drop().await.unwrap();
        commands(
            &client,
            "shop",
            vec![
                doc! { "grantRolesToUser": "plain", "roles": ["clerk"] },
                doc! { "dropUser": "app" },
            ],
        )
        .await;
    });
    bookend.succeed(&["backup", &url, "--tag", "two"]);
    let archives = bookend.archives();
    let paths: Vec<&str> = archives.iter().map(|path| path.to_str().unwrap()).collect();
    let told = bookend.run(&["diff", paths[0], paths[1]]).expect_code(3);
    assert!(
        told.stdout.contains("user app: clerk@shop")
            || told.stdout.contains("user app: read@other"),
        "{told}"
    );
    assert!(
        told.stdout.contains("user plain: ") && told.stdout.contains("→ clerk@shop"),
        "{told}"
    );
    server.with(|client| async move {
        let both = vec![doc! { "dropUser": "plain" }, doc! { "dropRole": "clerk" }];
        commands(&client, "shop", both).await;
        client.database("shop").drop().await.unwrap();
    });
}

#[test]
fn users_that_may_not_be_read_are_said_to_be_missing_and_how_to_read_them() {
    let server = Mongo::shared(Deployment::Guarded);
    server.with(|client| async move {
        let all = vec![
            doc! { "insert": "c", "documents": [{ "_id": 1 }] },
            doc! { "createUser": "reader", "pwd": "reader", "roles": ["read"] },
        ];
        commands(&client, "readonly", all).await;
    });
    let bookend = bookend();
    let url = server.url_of(("reader", "reader"), "readonly", "");
    let made = bookend.succeed(&["backup", &url]);
    assert!(
        made.stderr
            .contains("users of the database could not be read"),
        "{made}"
    );
    assert!(made.stderr.contains("userAdmin"), "{made}");
    let facts = bookend.succeed(&["show", "latest", "--json"]).json();
    assert!(facts["database"].get("users").is_none(), "{facts}");
    server.with(|client| async move {
        commands(&client, "readonly", vec![doc! { "dropUser": "reader" }]).await;
        client.database("readonly").drop().await.unwrap();
    });
}
