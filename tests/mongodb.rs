//! MongoDB end to end: real servers, real tools.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use bson::{Binary, Bson, Decimal128, Document, RawDocumentBuf, Timestamp, doc};
use common::mongo::{commands, mongo_tools, with_client};
use common::{Bookend, Deployment, Mongo};
use mongodb::Client;

/// With MongoDB's tools in `PATH`.
fn bookend() -> Bookend {
    Bookend::new().path(&[mongo_tools(), "/usr/bin".into(), "/bin".into()])
}

/// Every kind of collection, of index and of value.
async fn make_nasty(client: &Client, name: &str, at_replica_set: bool) {
    let old = bson::DateTime::from_millis(0);
    let mut definitions = vec![
        doc! { "create": "capped", "capped": true, "size": 8192, "max": 10 },
        doc! { "create": "german", "collation": { "locale": "de", "strength": 2 } },
        doc! { "create": "clustered", "clusteredIndex": { "key": { "_id": 1 }, "unique": true } },
        doc! { "create": "series", "timeseries": { "timeField": "t", "metaField": "m" },
        "expireAfterSeconds": 1_000_000_000_i64 },
        doc! { "create": "valid", "validator": { "$jsonSchema": { "bsonType": "object",
        "required": ["z", "a"], "properties": { "z": { "bsonType": "int" }, "a": {} } } } },
        doc! { "create": "empty" },
        doc! { "create": "old", "idIndex": { "v": 1, "key": { "_id": 1 }, "name": "_id_" } },
        doc! { "create": "view", "viewOn": "words", "pipeline": [
        { "$match": { "z": 1, "a": 2 } }, { "$sort": { "z": 1, "a": 1, "m": -1 } }] },
        doc! { "insert": "capped", "documents": [{ "_id": 1 }, { "_id": 2 }] },
        doc! { "insert": "german", "documents": [{ "_id": "Ä", "x": 1 }] },
        doc! { "insert": "clustered", "documents": [{ "_id": 1 }, { "_id": 2 }] },
        doc! { "insert": "series", "documents": [
        { "t": old, "m": { "b": 1, "a": 2 }, "v": 1.5 }, { "t": old, "m": { "b": 1, "a": 3 } }] },
        doc! { "insert": "valid", "documents": [{ "_id": 1, "wrong": true }],
        "bypassDocumentValidation": true },
        doc! { "insert": "old", "documents": [{ "a": 1 }] },
        doc! { "createIndexes": "old", "indexes": [{ "v": 1, "key": { "a": 1 }, "name": "a" }] },
        doc! { "createIndexes": "german", "indexes": [
        { "key": { "x": 1 }, "name": "german" },
        { "key": { "x": 1 }, "name": "simple", "collation": { "locale": "simple" } }] },
        doc! { "insert": "system.js", "documents": [{ "_id": "f", "value": 1 }] },
        doc! { "insert": "expiring", "documents": [
        { "_id": 1, "e": bson::DateTime::from_millis(4_000_000_000_000) }, { "_id": 2 }] },
        doc! { "createIndexes": "expiring", "indexes": [
        { "key": { "e": 1 }, "name": "e", "expireAfterSeconds": 5 }] },
    ];
    for odd in [
        "line\nfeed",
        "sp ace",
        "dots.in.it",
        "st*r\\",
        "größe✓",
        &"l".repeat(150),
    ] {
        definitions.push(doc! { "insert": odd, "documents": [{ "_id": 1 }] });
    }
    definitions.extend(indexed());
    if at_replica_set {
        definitions
            .push(doc! { "create": "pre", "changeStreamPreAndPostImages": { "enabled": true } });
    }
    commands(client, name, definitions).await;
    values(client, name).await;
}

fn indexed() -> Vec<Document> {
    let words = (0..50).map(|n| {
        doc! { "_id": n, "text": format!("word {n}"), "flat": [n, n], "hash": n, "many": [n],
        "place": { "type": "Point", "coordinates": [n, n] }, "wild": { "x": n } }
    });
    vec![
        doc! { "insert": "words", "documents": words.collect::<Vec<_>>() },
        doc! { "createIndexes": "words", "indexes": [
        { "key": { "text": "text" }, "name": "text", "weights": { "text": 5 },
            "default_language": "german" },
        { "key": { "place": "2dsphere" }, "name": "sphere" },
        { "key": { "flat": "2d" }, "name": "flat", "bits": 20 },
        { "key": { "hash": "hashed" }, "name": "hashed" },
        { "key": { "wild.$**": 1 }, "name": "wild" },
        { "key": { "hash": 1, "many": -1 }, "name": "partial", "unique": true,
            "partialFilterExpression": { "hash": { "$gt": 5 } } },
        { "key": { "many": 1 }, "name": "hidden", "hidden": true, "sparse": true }] },
    ]
}

async fn values(client: &Client, name: &str) {
    let types = doc! { "_id": 1, "z": 1.5, "text": "nul\0", "nested": { "b": 1, "a": 2 },
    "list": [1, "x", Bson::Null], "binary": Binary { subtype: bson::spec::BinarySubtype::Uuid,
        bytes: vec![7; 16] }, "yes": true, "date": bson::DateTime::from_millis(-5_000_000_000_000),
    "null": Bson::Null, "code": Bson::JavaScriptCode("f()".into()), "int": 5,
    "stamp": Timestamp { time: 5, increment: 6 }, "long": 5_i64,
    "decimal": "1.20".parse::<Decimal128>().unwrap(), "min": Bson::MinKey, "max": Bson::MaxKey,
    "undefined": Bson::Undefined, "symbol": Bson::Symbol("s".into()), "nan": f64::NAN,
    "minus": -0.0, "re": Bson::RegularExpression(bson::Regex { pattern: bson::cstr!("a.*").into(), options: bson::cstr!("i").into() }) };
    let database = client.database(name);
    database
        .run_command(doc! { "insert": "types", "documents": [types] })
        .await
        .unwrap();
    // Text that is not UTF-8, and a name that comes twice.
    let broken = b"\x29\0\0\0\x10_id\0\x02\0\0\0\x02bad\0\x03\0\0\0\xff\xfe\0\x10d\0\x01\0\0\0\x10d\0\x02\0\0\0\0";
    let mut broken = broken.to_vec();
    broken[0] = u8::try_from(broken.len()).unwrap();
    let broken = RawDocumentBuf::from_bytes(broken).unwrap();
    let collection = database.collection::<RawDocumentBuf>("types");
    collection.insert_one(broken).await.unwrap();
    let mut deep = doc! {};
    for _ in 0..170 {
        deep = doc! { "d": deep };
    }
    let empty = Timestamp {
        time: 0,
        increment: 0,
    };
    commands(
        client,
        name,
        vec![
            doc! { "insert": "types", "documents": [{ "_id": 3, "deep": deep }] },
            doc! { "insert": "types", "documents": [{ "_id": 4, "a": 1, "empty": 1, "b": 2 }] },
            doc! { "update": "types", "updates": [{ "q": { "_id": 4 },
            "u": { "$set": { "empty": empty } } }] },
        ],
    )
    .await;
}

#[test]
fn everything_that_mongodb_can_hold_comes_back_identical() {
    for deployment in [Deployment::ReplicaSet, Deployment::Standalone] {
        let server = Mongo::shared(deployment);
        let name = "nasty";
        server.with(|client| async move {
            make_nasty(&client, name, deployment == Deployment::ReplicaSet).await;
            commands(&client, "nastyother", vec![doc! { "create": "x" }]).await;
        });
        let bookend = bookend();
        let made = bookend
            .succeed(&["--json", "backup", &server.url(name), "--prove"])
            .json();
        assert_eq!(made["proof"], "identical", "{made}");
        assert_eq!(made["consistent"], true, "{made}");
        let left = |name: &String| name.starts_with("nasty_bookend_");
        assert!(!server.databases().iter().any(left));
        let archive = made["archive"].as_str().unwrap();
        let restored = bookend
            .succeed(&[
                "--json",
                "restore",
                archive,
                "--into",
                "again",
                "--on",
                &server.url(name),
            ])
            .json();
        assert_eq!(restored["verdict"], "identical", "{restored}");
        server.with(|client| async move {
            let again = client.database("again");
            let expiring = again.run_command(doc! { "listIndexes": "expiring" });
            assert!(
                expiring
                    .await
                    .unwrap()
                    .to_string()
                    .contains("expireAfterSeconds")
            );
        });
        let _ = bookend
            .run(&[
                "restore",
                archive,
                "--into",
                "AGAIN",
                "--on",
                &server.url(name),
            ])
            .expect_code(4)
            .expect_stderr("exists already");
        let _ = bookend
            .run(&["copies", "drop", "again", "--on", &server.url(name)])
            .expect_code(4);
        server.with(|client| async move {
            for name in ["nasty", "nastyother", "again"] {
                client.database(name).drop().await.unwrap();
            }
        });
        assert_eq!(std::fs::read_dir(bookend.tmp()).unwrap().count(), 0);
    }
}

#[test]
fn no_database_is_no_backup_and_an_empty_one_is() {
    let server = Mongo::shared(Deployment::Standalone);
    let bookend = bookend();
    let _ = bookend
        .run(&["backup", &server.url("nowhere")])
        .expect_code(7)
        .expect_stderr("no database \"nowhere\"");
    assert!(bookend.archives().is_empty());
    server.with(|client| async move {
        commands(&client, "hollow", vec![doc! { "create": "nothing" }]).await;
    });
    let _ = bookend
        .run(&["backup", &server.url("hollow"), "--prove"])
        .expect_code(0)
        .expect_stderr("the database is empty");
}

/// Money moves between two collections: their sum is always the same.
async fn move_money(client: &Client, name: &str, round: i32) {
    let mut session = client.start_session().await.unwrap();
    session.start_transaction().await.unwrap();
    let (from, to) = (client.database(name), client.database(name));
    let id = (round * 7919) % 3000;
    let (left, right) = (
        from.collection::<Document>("left"),
        to.collection::<Document>("right"),
    );
    left.update_one(doc! { "_id": id }, doc! { "$inc": { "v": -1 } })
        .session(&mut session)
        .await
        .unwrap();
    right
        .update_one(doc! { "_id": 2999 - id }, doc! { "$inc": { "v": 1 } })
        .session(&mut session)
        .await
        .unwrap();
    session.commit_transaction().await.unwrap();
}

async fn money(client: &Client, name: &str) -> i64 {
    let mut sum = 0;
    for collection in ["left", "right"] {
        let group = doc! { "$group": { "_id": Bson::Null, "n": { "$sum": { "$toLong": "$v" } } } };
        let collection = client.database(name).collection::<Document>(collection);
        let mut cursor = collection.aggregate([group]).await.unwrap();
        while cursor.advance().await.unwrap() {
            sum += cursor.deserialize_current().unwrap().get_i64("n").unwrap();
        }
    }
    sum
}

#[test]
fn writes_are_seen_and_consistent_is_one_point_in_time() {
    let server = Mongo::shared(Deployment::ReplicaSet);
    let url = server.url("money");
    server.with(|client| async move {
        for side in ["left", "right"] {
            let all = (0..3000).map(|n| doc! { "_id": n, "v": 100, "pad": "x".repeat(2000) });
            let side = client.database("money").collection::<Document>(side);
            side.insert_many(all).await.unwrap();
        }
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let (busy, ended) = (client.clone(), stop.clone());
        let writer = tokio::spawn(async move {
            let mut round = 0;
            while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                move_money(&busy, "money", round).await;
                round += 1;
            }
        });
        let backups = tokio::task::spawn_blocking(move || {
            let bookend = bookend();
            let fuzzy = bookend.succeed(&["--json", "backup", &url]).json();
            assert_eq!(fuzzy["consistent"], false, "{fuzzy}");
            let _ = bookend
                .run(&["run", &url, "--no-rehearsal", "a test", "--", "true"])
                .expect_code(4)
                .expect_stderr("--consistent");
            let exact = bookend
                .succeed(&["--json", "backup", &url, "--consistent"])
                .json();
            assert_eq!(exact["consistent"], true, "{exact}");
            let archive = exact["archive"].as_str().unwrap();
            bookend.succeed(&["restore", archive, "--into", "moneyback", "--on", &url]);
        });
        backups.await.unwrap();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        writer.await.unwrap();
        assert_eq!(money(&client, "moneyback").await, 600_000);
        client.database("moneyback").drop().await.unwrap();
        client.database("money").drop().await.unwrap();
    });
}

#[test]
fn passwords_stay_out_of_sight_and_users_log_in_where_they_are_defined() {
    let server = Mongo::shared(Deployment::Guarded);
    server.with(|client| async move {
        commands(
            &client,
            "shop",
            vec![
                doc! { "insert": "todo", "documents": [{ "_id": 1 }] },
                doc! { "insert": "hidden", "documents": [{ "_id": 1 }] },
                doc! { "createUser": "owner", "pwd": "p@ss/word", "roles": [
                { "role": "root", "db": "admin" }] },
                doc! { "createUser": "reader", "pwd": "reader", "roles": ["read"] },
                doc! { "createRole": "some", "roles": [], "privileges": [
                { "resource": { "db": "shop", "collection": "todo" },
                  "actions": ["find", "listIndexes", "collStats", "dbStats"] },
                { "resource": { "db": "shop", "collection": "" },
                  "actions": ["listCollections", "dbStats"] }] },
                doc! { "createUser": "partial", "pwd": "partial", "roles": ["some"] },
            ],
        )
        .await;
    });
    let bookend = bookend();
    let owner = server.url_of(
        ("owner", "p@ss/word"),
        "shop",
        "&serverSelectionTimeoutMS=5000",
    );
    let made = bookend
        .succeed(&["--json", "backup", &owner, "--prove"])
        .json();
    assert_eq!(made["proof"], "identical", "{made}");
    let wrong = server.url_of(("owner", "wrong"), "shop", "");
    let _ = bookend
        .run(&["backup", &wrong])
        .expect_code(7)
        .expect_stderr("password");
    let reader = server.url_of(("reader", "reader"), "shop", "");
    let told = bookend.succeed(&["--json", "backup", &reader]);
    assert_eq!(told.json()["consistent"], serde_json::Value::Null, "{told}");
    assert!(told.stderr.contains("grantRolesToUser"), "{told}");
    let partial = server.url_of(("partial", "partial"), "shop", "");
    let refused = bookend.run(&["backup", &partial]);
    assert_ne!(refused.code, Some(0), "{refused}");
    assert!(refused.stderr.contains("hidden"), "{refused}");
    assert_eq!(bookend.archives().len(), 2);
}

#[test]
fn a_migration_is_bracketed() {
    let server = Mongo::shared(Deployment::ReplicaSet);
    server.with(|client| async move {
        let todos = (0..20).map(|n| doc! { "_id": n, "title": format!("todo {n}") });
        let collection = client.database("bracket").collection::<Document>("todos");
        collection.insert_many(todos).await.unwrap();
    });
    let program = std::env::current_exe().unwrap();
    let program = program.to_str().unwrap();
    let ran = bookend().succeed(&[
        "run",
        &server.url("bracket"),
        "--",
        program,
        "--ignored",
        "--exact",
        "migration_program",
    ]);
    assert!(ran.stdout.contains("title → name (same values)"), "{ran}");
    assert!(ran.stdout.contains("reviewers: added"), "{ran}");
    assert!(ran.stdout.contains("as rehearsed"), "{ran}");
    server.with(|client| async move { client.database("bracket").drop().await.unwrap() });
}

/// What `a_migration_is_bracketed` runs as COMMAND.
#[test]
#[ignore = "a program, not a test"]
fn migration_program() {
    let url = std::env::var("MONGODB_URI").unwrap();
    with_client(&url, |client| async move {
        let database = client.default_database().unwrap();
        let todos = database.collection::<Document>("todos");
        let rename = doc! { "$rename": { "title": "name" } };
        todos.update_many(doc! {}, rename).await.unwrap();
        let reviewers = database.collection::<Document>("reviewers");
        reviewers.insert_one(doc! { "_id": 1 }).await.unwrap();
    });
}

#[test]
fn a_server_that_dies_leaves_no_archive() {
    let mut server = Mongo::start(Deployment::Standalone);
    server.with(|client| async move {
        let pad = Binary {
            subtype: bson::spec::BinarySubtype::Generic,
            bytes: vec![7; 1 << 20],
        };
        let all = (0..200).map(|n| doc! { "_id": n, "pad": pad.clone() });
        client
            .database("large")
            .collection::<Document>("c")
            .insert_many(all)
            .await
            .unwrap();
    });
    let bookend = bookend();
    let running = bookend.spawn(&["--progress", "json", "backup", &server.url("large")]);
    running.wait_for_stderr("\"event\":\"progress\"");
    server.kill();
    let ended = running.wait();
    assert_ne!(ended.code, Some(0), "{ended}");
    assert!(bookend.archives().is_empty());
}

/// A tool that says its version and then does this.
fn fake_dump(bookend: &Bookend, version: &str, does: &str) -> String {
    let folder = bookend.work().join("tools");
    std::fs::create_dir_all(&folder).unwrap();
    let real = mongo_tools().join("mongodump");
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'mongodump version: {version}'; exit 0; fi\n\
         real='{}'\n{does}\n",
        real.display()
    );
    let path = folder.join("mongodump");
    std::fs::write(&path, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&path, mode).unwrap();
    folder.to_str().unwrap().to_owned()
}

#[test]
fn a_tool_that_fails_in_any_way_leaves_no_archive() {
    let server = Mongo::shared(Deployment::Standalone);
    server.with(|client| async move {
        let all = (0..500).map(|n| doc! { "_id": n, "pad": "x".repeat(1000) });
        client
            .database("faults")
            .collection::<Document>("c")
            .insert_many(all)
            .await
            .unwrap();
    });
    let url = server.url("faults");
    for (version, does, code, words) in [
        ("100.7.0", "\"$real\" \"$@\"; exit 1", 1, "exit code 1"),
        ("100.7.0", "exit 0", 1, "it is empty"),
        ("100.7.0", "\"$real\" \"$@\" | head -c 100000", 1, "cut"),
        ("100.7.0", "kill -KILL $$", 1, "SIGKILL"),
        // Whole and well by all that the tool says, with documents left out.
        (
            "100.7.0",
            "\"$real\" \"$1\" --db=faults --archive --collection=c '--query={\"_id\":{\"$gt\":9}}'",
            1,
            "490 documents came, the server has 500",
        ),
        ("9.1", "exit 0", 6, "too old"),
    ] {
        let bookend = bookend().path(&["/usr/bin".into(), "/bin".into()]);
        let tools = fake_dump(&bookend, version, does);
        let ended = bookend.run(&["--tool-dir", &tools, "backup", &url]);
        let ended = ended.expect_code(code).expect_stderr(words);
        assert!(bookend.archives().is_empty(), "{ended}");
    }
    server.with(|client| async move { client.database("faults").drop().await.unwrap() });
}

#[test]
fn collections_that_go_or_come_during_a_backup_are_named() {
    let server = Mongo::shared(Deployment::Standalone);
    let prepare = || {
        server.with(|client| async move {
            client.database("moving").drop().await.unwrap();
            let rows = doc! { "insert": "stays", "documents": [{ "_id": 1 }] };
            let goes = doc! { "insert": "goes", "documents": [{ "_id": 1 }] };
            commands(&client, "moving", vec![rows, goes]).await;
        });
    };
    let url = server.url("moving");
    let program = std::env::current_exe().unwrap();
    for (change, code, words) in [
        ("drop", 1, "goes of moving was dropped or renamed"),
        ("rename", 1, "goes of moving was dropped or renamed"),
        ("again", 1, "goes of moving was dropped and made again"),
        (
            "create",
            0,
            "created, dropped or redefined during the backup: new",
        ),
        (
            "index",
            0,
            "created, dropped or redefined during the backup: stays",
        ),
    ] {
        prepare();
        let bookend = bookend();
        let does = format!(
            "'{}' --ignored --exact definition_program >&2; \"$real\" \"$@\"",
            program.display()
        );
        let does =
            format!("CHANGE={change} URL='{url}' {does}").replace("; \"$real\"", "\n\"$real\"");
        let tools = fake_dump(&bookend, "100.7.0", &does);
        let _ = bookend
            .run(&["--tool-dir", &tools, "backup", &url])
            .expect_code(code)
            .expect_stderr(words);
    }
    server.with(|client| async move { client.database("moving").drop().await.unwrap() });
}

/// What `collections_that_go_or_come_during_a_backup_are_named` runs in the middle of one.
#[test]
#[ignore = "a program, not a test"]
fn definition_program() {
    let url = std::env::var("URL").unwrap();
    let change = std::env::var("CHANGE").unwrap();
    with_client(&url, |client| async move {
        let (drop, make) = (doc! { "drop": "goes" }, doc! { "create": "goes" });
        let all = match change.as_str() {
            "drop" => vec![drop],
            "again" => vec![drop, make],
            "create" => vec![doc! { "create": "new" }],
            "index" => vec![doc! { "createIndexes": "stays", "indexes": [
            { "key": { "x": 1 }, "name": "x" }] }],
            _ => {
                let admin = client.database("admin");
                let command = doc! { "renameCollection": "moving.goes", "to": "moving.gone" };
                admin.run_command(command).await.unwrap();
                Vec::new()
            }
        };
        commands(&client, "moving", all).await;
    });
}

#[test]
fn the_archive_restores_with_stock_tools_alone() {
    let server = Mongo::shared(Deployment::Standalone);
    server.with(|client| async move {
        commands(
            &client,
            "stock",
            vec![
                doc! { "insert": "c", "documents": [{ "_id": 1 }, { "_id": 2 }] },
                doc! { "createIndexes": "c", "indexes": [{ "key": { "x": 1 }, "name": "x" }] },
            ],
        )
        .await;
    });
    let bookend = bookend().env("MONGODB_URI", server.url(""));
    bookend.succeed(&["backup", &server.url("stock")]);
    let unpacked = bookend.work().join("unpacked");
    std::fs::create_dir(&unpacked).unwrap();
    let archive = std::fs::File::open(&bookend.archives()[0]).unwrap();
    tar::Archive::new(archive).unpack(&unpacked).unwrap();
    let mut script = std::process::Command::new("/bin/sh");
    script.arg(unpacked.join("restore.sh")).arg("stockagain");
    let ended = bookend.spawn_command(script).wait().expect_code(0);
    assert!(ended.stdout.contains("done: stockagain"), "{ended}");
    let readme = std::fs::read_to_string(unpacked.join("RESTORE.md")).unwrap();
    assert!(readme.contains("What stock tools leave wrong"));
    server.with(|client| async move {
        let again = client.database("stockagain");
        let found = again
            .collection::<Document>("c")
            .count_documents(doc! {})
            .await
            .unwrap();
        assert_eq!(found, 2);
        again.drop().await.unwrap();
        client.database("stock").drop().await.unwrap();
    });
}

#[test]
fn a_restore_tool_that_fails_leaves_no_copy() {
    let server = Mongo::shared(Deployment::Standalone);
    server.with(|client| async move {
        let all = (0..500).map(|n| doc! { "_id": n, "pad": "x".repeat(1000) });
        client
            .database("undone")
            .collection::<Document>("c")
            .insert_many(all)
            .await
            .unwrap();
    });
    let url = server.url("undone");
    for (does, words) in [
        ("\"$real\" \"$@\"; exit 1", "exit code 1"),
        ("exit 0", "writing to mongorestore failed"),
        ("kill -KILL $$", "SIGKILL"),
        ("cat >/dev/null", "0 documents instead of 500"),
    ] {
        let bookend = bookend();
        bookend.succeed(&["backup", &url]);
        let tools = fake_dump(&bookend, "100.7.0", "exit 1");
        let path = std::path::Path::new(&tools);
        let script = std::fs::read_to_string(path.join("mongodump")).unwrap();
        let script = script
            .replace("mongodump", "mongorestore")
            .replace("\nexit 1\n", &format!("\n{does}\n"));
        std::fs::write(path.join("mongorestore"), script).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(path.join("mongorestore"), mode).unwrap();
        let _ = bookend
            .run(&[
                "--tool-dir",
                &tools,
                "restore",
                "latest",
                "--into",
                "half",
                "--on",
                &url,
            ])
            .expect_code(1)
            .expect_stderr(words);
        assert!(!server.databases().contains(&"half".to_owned()));
        assert_eq!(std::fs::read_dir(bookend.tmp()).unwrap().count(), 0);
    }
    server.with(|client| async move { client.database("undone").drop().await.unwrap() });
}
