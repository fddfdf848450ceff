//! Templates that something is off about: the archive is restored as usual, and it is said why.

use super::{IDLE, Scene, proof_lines, server, step};

/// The next rehearsal goes well, and restores because of `why`.
fn restores(scene: &Scene, name: &str, why: &str) {
    let next = scene.rehearse(&[], &IDLE).expect_code(0).json();
    assert!(step(&next, "proof")["template"].is_null(), "{next:#}");
    let lines = proof_lines(&next);
    assert!(lines.contains("identical: 2 tables"), "{lines}");
    assert!(
        lines.contains(&format!("template {name}")) && lines.contains(why),
        "no {why:?} in {lines}"
    );
}

fn admin(statements: &[&str]) {
    for statement in statements {
        server().psql("postgres", statement);
    }
}

#[test]
fn one_that_a_superuser_opened_wrote_to_and_closed_again() {
    let (scene, name) = Scene::with_template();
    admin(&[&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")]);
    restores(&scene, &name, "it lets sessions in");
    server().psql(&name, "DELETE FROM orders WHERE id = 7");
    admin(&[&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")]);
    restores(&scene, &name, "it was altered after it was closed");
    let _ = scene.drop_copy(&name).expect_code(0);
}

#[test]
fn one_that_was_opened_behind_the_commands_back_in_the_catalog_itself() {
    let (scene, name) = Scene::with_template();
    for open in ["true", "false"] {
        admin(&[&format!(
            "UPDATE pg_database SET datallowconn = {open} WHERE datname = '{name}'"
        )]);
    }
    restores(&scene, &name, "it was altered after it was closed");
}

#[test]
fn one_that_was_made_anew_under_its_name_with_its_mark() {
    let (scene, name) = Scene::with_template();
    let comment = server().psql(
        "postgres",
        &format!("SELECT quote_literal(shobj_description(oid, 'pg_database')) FROM pg_database WHERE datname = '{name}'"),
    );
    admin(&[
        &format!("DROP DATABASE {name}"),
        &format!("CREATE DATABASE {name}"),
        &format!("COMMENT ON DATABASE {name} IS {}", comment.trim_end()),
        &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"),
    ]);
    restores(&scene, &name, "another database has its name now");
    // Not bookend's: it is left alone.
    let _ = scene.drop_copy(&name).expect_code(4);
}

#[test]
fn one_whose_mark_is_gone_or_says_something_else() {
    let (scene, name) = Scene::with_template();
    let marked = |from: &str, to: &str| {
        format!(
            "DO $do$ BEGIN EXECUTE format('COMMENT ON DATABASE {name} IS %L', (SELECT
               replace(shobj_description(oid, 'pg_database'), '{from}', '{to}')
               FROM pg_database WHERE datname = '{name}')); END $do$"
        )
    };
    admin(&[&marked("\"staging\"", "\"provenance\"")]);
    restores(&scene, &name, "it is not marked as a template");
    admin(&[
        &marked("\"provenance\"", "\"staging\""),
        &marked("\"oid\":", "\"oid\":1"),
    ]);
    restores(&scene, &name, "its mark was made for another database");
    admin(&[&format!("COMMENT ON DATABASE {name} IS NULL")]);
    restores(&scene, &name, "it carries no mark of bookend any more");
}

#[test]
fn one_that_went_to_another_role() {
    let (scene, name) = Scene::with_template();
    admin(&[&format!("ALTER DATABASE {name} OWNER TO template_reader")]);
    restores(&scene, &name, "it belongs to another role");
}

#[test]
fn one_whose_archive_came_out_different_in_a_later_proof() {
    let (scene, name) = Scene::with_template();
    let receipt = scene
        .bookend
        .store()
        .join(format!("{}.tar.proof.json", scene.archive));
    let text = std::fs::read_to_string(&receipt).unwrap();
    let changed = text.replace("\"verdict\": \"identical\"", "\"verdict\": \"different\"");
    assert_ne!(text, changed);
    std::fs::write(&receipt, changed).unwrap();
    restores(
        &scene,
        &name,
        "a later proof of its archive came out different",
    );
}

#[test]
fn one_that_nothing_in_the_store_vouches_for_is_none() {
    let (scene, name) = Scene::with_template();
    let record = scene
        .bookend
        .store()
        .join("templates")
        .join(format!("{name}.json"));
    std::fs::remove_file(record).unwrap();
    let next = scene.rehearse(&[], &IDLE).expect_code(0).json();
    assert!(step(&next, "proof")["template"].is_null(), "{next:#}");
}

#[test]
fn one_that_expired_is_dropped_and_one_that_was_dropped_by_hand_is_forgotten() {
    let (scene, name) = Scene::with_template();
    admin(&[&format!(
        "DO $do$ BEGIN EXECUTE format('COMMENT ON DATABASE {name} IS %L', (SELECT
           regexp_replace(shobj_description(oid, 'pg_database'), '\"expires\":\"20[0-9][0-9]', '\"expires\":\"2001')
           FROM pg_database WHERE datname = '{name}')); END $do$"
    )]);
    restores(&scene, &name, "expired at 2001-");
    assert!(scene.made().is_empty());
    let document = scene.rehearse(&["--template"], &IDLE).expect_code(0).json();
    let name = step(&document, "proof")["template"]["name"]
        .as_str()
        .unwrap();
    admin(&[&format!("DROP DATABASE {name}")]);
    restores(&scene, name, "is gone");
    let next = scene.rehearse(&[], &IDLE).expect_code(0).json();
    assert!(!proof_lines(&next).contains("template"), "{next:#}");
}
