//! The database is as before, and the failed one is kept whole.

use super::common::{Bookend, Server, TestDatabase, Version};
use super::{LOSSY, SHOP, Scene, step};

#[test]
fn the_state_before_is_back_and_the_failed_database_is_kept() {
    let scene = Scene::new();
    let before = scene.content(scene.name());
    let run = scene.migrate(LOSSY);
    assert_eq!(run["state"], "completed", "{run:#}");
    let failed = scene
        .server
        .psql(scene.name(), "SELECT count(*) FROM users");
    let told = scene.rollback(&[]).expect_code(0).json();
    assert_eq!(told["run"], run["run"]);
    let kept = told["targets"][0]["kept_as"].as_str().unwrap();
    assert!(
        kept.starts_with(&format!("{}_failed_20", scene.name())),
        "{kept}"
    );
    let in_kept = scene.server.psql(kept, "SELECT count(*) FROM users");
    assert_eq!(in_kept, failed);
    assert_eq!(
        scene
            .server
            .psql(kept, "SELECT count(*) FROM orders")
            .trim(),
        "500"
    );
    assert_eq!(scene.content(scene.name()), before);
    assert!(scene.takes_connections());
    // The after-backup has all of it: nothing is exported.
    let export = step(&told, "export");
    assert!(
        export["lines"][0]
            .as_str()
            .unwrap()
            .starts_with("nothing was written"),
        "{told:#}"
    );
    assert_eq!(scene.bookend.archives().len(), 2);
    // Again: nothing to do.
    let again = scene.rollback(&[]).expect_code(0).json();
    assert_eq!(again["nothing_to_do"], true);
    assert_eq!(again["targets"][0]["kept_as"], kept);
    let status = scene.bookend.succeed(&["status", "--json"]).json();
    assert_eq!(status["state"], "rolled_back", "{status:#}");
    assert_eq!(scene.databases().len(), 2);
}

#[test]
fn what_others_wrote_since_the_after_backup_is_in_the_store() {
    let scene = Scene::new();
    let before = scene.content(scene.name());
    scene.migrate("ALTER TABLE users ADD email text");
    scene
        .shop
        .psql("INSERT INTO orders (buyer, total) SELECT 1, 7 FROM generate_series(1, 12)");
    let failed = scene.content(scene.name());
    let told = scene.rollback(&[]).expect_code(0).json();
    let export = step(&told, "export");
    let lines = export["lines"].to_string();
    assert!(
        lines.contains("public.orders") && lines.contains("+12 rows"),
        "{lines}"
    );
    // Those of before are looked for, and found.
    assert!(!lines.contains("lost"), "{lines}");
    let archive = export["archive"].as_str().unwrap().to_owned();
    assert!(archive.contains("before-rollback"), "{archive}");
    scene.is_rolled_back(&told, &before, &failed);
    let copy = format!("{}_exported", scene.name());
    scene
        .bookend
        .succeed(&["restore", &archive, "--into", &copy]);
    assert_eq!(scene.content(&copy), failed);
}

#[test]
fn writes_may_be_left_to_the_kept_database() {
    let scene = Scene::new();
    let before = scene.content(scene.name());
    scene.migrate("ALTER TABLE users ADD email text");
    scene.shop.psql("DELETE FROM orders WHERE id = 7");
    let failed = scene.content(scene.name());
    let told = scene.rollback(&["--discard-writes"]).expect_code(0).json();
    assert_eq!(step(&told, "export")["state"], "skipped");
    scene.is_rolled_back(&told, &before, &failed);
}

#[test]
fn a_migration_that_failed_half_way_is_rolled_back_without_an_after_backup() {
    let scene = Scene::new();
    let before = scene.content(scene.name());
    let run = scene.migrate("ALTER TABLE users ADD email text; COMMIT; SELECT 1 / 0");
    assert_eq!(run["state"], "migration_failed", "{run:#}");
    let failed = scene.content(scene.name());
    assert_ne!(before, failed);
    let told = scene.rollback(&[]).expect_code(0).json();
    let export = step(&told, "export");
    assert!(
        export["lines"].to_string().contains("cannot be told apart"),
        "{told:#}"
    );
    scene.is_rolled_back(&told, &before, &failed);
}

#[test]
fn a_database_that_the_migration_dropped_is_back() {
    let scene = Scene::new();
    let before = scene.content(scene.name());
    let drop = format!("psql -qd postgres -c 'DROP DATABASE {}'", scene.name());
    let words = [
        "run",
        "--no-rehearsal",
        "x",
        "--accept-writes",
        "x",
        "--",
        "sh",
        "-c",
        &drop,
    ];
    let _ = scene.bookend.run(&words);
    assert!(scene.databases().is_empty());
    let told = scene.rollback(&[]).expect_code(0).json();
    assert_eq!(told["state"], "rolled_back", "{told:#}");
    assert_eq!(scene.databases(), [scene.name()]);
    assert_eq!(scene.content(scene.name()), before);
}

/// Settings, owner, grants, comment and limit, as `pg_dumpall` and `\l+` would show them.
fn database_level(server: &Server, name: &str) -> String {
    server.psql(
        "postgres",
        &format!(
            "SELECT pg_get_userbyid(datdba), datacl, datconnlimit, datallowconn,
                    split_part(shobj_description(oid, 'pg_database'), E'\\nbookend: ', 1),
                    (SELECT array_agg((setrole::regrole::text, setconfig)::text ORDER BY setrole)
                       FROM pg_db_role_setting WHERE setdatabase = d.oid)
               FROM pg_database d WHERE datname = '{name}'"
        ),
    )
}

#[test]
fn settings_owner_grants_comment_and_limit_are_as_they_were() {
    let server = Server::shared(Version::V16);
    server.psql(
        "postgres",
        "DROP ROLE IF EXISTS roll_owner; DROP ROLE IF EXISTS roll_app;
         CREATE ROLE roll_owner LOGIN CREATEDB PASSWORD 'own'; CREATE ROLE roll_app",
    );
    let shop = TestDatabase::create_named(server, "roll \"owned\" Shop", "OWNER roll_owner");
    let name = shop.name().to_owned();
    let quoted = "\"roll \"\"owned\"\" Shop\"";
    shop.psql(&format!(
        "ALTER DATABASE {quoted} CONNECTION LIMIT 17; COMMENT ON DATABASE {quoted} IS 'it''s ours';
         ALTER DATABASE {quoted} SET search_path TO '$user', public; ALTER DATABASE {quoted} SET statement_timeout TO '5min';
         REVOKE CONNECT ON DATABASE {quoted} FROM PUBLIC; GRANT CONNECT ON DATABASE {quoted} TO roll_app;
         SET ROLE roll_owner; CREATE SCHEMA own; CREATE TABLE own.t (x int); INSERT INTO own.t VALUES (1);"
    ));
    let url = server.url_of("roll_owner", "own", &name);
    let bookend = Bookend::new().env("DATABASE_URL", url);
    let before = database_level(server, &name);
    let migration = format!(
        "ALTER DATABASE {quoted} SET statement_timeout TO '9min'; ALTER DATABASE {quoted} CONNECTION LIMIT 5;
         COMMENT ON DATABASE {quoted} IS 'worse'; INSERT INTO own.t VALUES (2)"
    );
    bookend.succeed(&[
        "run",
        "--no-rehearsal",
        "x",
        "--accept-writes",
        "x",
        "--",
        "psql",
        "-qc",
        &migration,
    ]);
    let failed = database_level(server, &name);
    let told = bookend.succeed(&["rollback", "--json"]).json();
    assert_eq!(database_level(server, &name), before);
    let kept = told["targets"][0]["kept_as"].as_str().unwrap();
    assert_eq!(database_level(server, kept), failed);
    assert_eq!(server.psql(&name, "SELECT count(*) FROM own.t").trim(), "1");
    assert_eq!(server.psql(kept, "SELECT count(*) FROM own.t").trim(), "2");
    let drop = kept.replace('"', "\"\"");
    server.psql("postgres", &format!("DROP DATABASE \"{drop}\""));
    drop_roles(shop);
}

fn drop_roles(shop: TestDatabase) {
    let server = shop.server();
    drop(shop);
    server.psql("postgres", "DROP ROLE roll_owner; DROP ROLE roll_app");
}

#[test]
fn a_name_that_leaves_no_room_is_cut_for_the_kept_database() {
    let server = Server::shared(Version::V16);
    let name = format!("{}é", "roll".repeat(15));
    let shop = server.database_named(&name);
    shop.psql(SHOP);
    let scene = Scene::of(server, shop, None);
    scene.migrate(LOSSY);
    let told = scene.rollback(&[]).expect_code(0).json();
    let kept = told["targets"][0]["kept_as"].as_str().unwrap();
    assert!(kept.len() <= 63 && kept.contains("_failed_"), "{kept}");
    let orders = scene.server.psql(kept, "SELECT count(*) FROM orders");
    assert_eq!(orders.trim(), "500");
    server.psql("postgres", &format!("DROP DATABASE \"{kept}\""));
}

#[test]
fn the_newest_server_is_rolled_back_too() {
    let server = Server::shared(Version::V18);
    let shop = server.database("newest");
    shop.psql(SHOP);
    let scene = Scene::of(server, shop, None);
    let before = scene.content(scene.name());
    scene.migrate("ALTER TABLE users ADD email text");
    scene.shop.psql("INSERT INTO orders (total) VALUES (1)");
    let failed = scene.content(scene.name());
    let told = scene.rollback(&[]).expect_code(0).json();
    scene.is_rolled_back(&told, &before, &failed);
}

#[test]
fn the_screen_tells_the_steps_and_where_things_are() {
    let scene = Scene::new();
    scene.migrate(LOSSY);
    let told = scene.bookend.succeed(&["rollback"]);
    let text = &told.stdout;
    for word in [
        "rollback of run ",
        "  proof ",
        "  sessions ",
        "  export ",
        "  swap ",
        "rolled back in ",
    ] {
        assert!(text.contains(word), "{word}: {told}");
    }
    assert!(text.contains("what failed is kept as"), "{told}");
}
