//! What a rehearsal on a clone is like.

use super::common::Bookend;
use super::{IDLE, Scene, proof_lines, server, shop, sql, step};

/// All of a database that its template does not hand on, and its rows.
const PORTRAIT: &str = "psql -qAtX >> portrait <<'SQL'
    SELECT pg_get_userbyid(datdba), datconnlimit, datallowconn, datistemplate, datacl, encoding,
           datcollate, datctype
      FROM pg_database WHERE datname = current_database();
    SELECT r.rolname, s.setconfig FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole
      WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
      ORDER BY 1;
    SELECT regexp_replace(shobj_description(oid, 'pg_database'), E'\\n?bookend: .*', '')
      FROM pg_database WHERE datname = current_database();
    SELECT count(*), sum(hashtext(o::text)) FROM orders o;
    SELECT count(*) FROM pg_stats WHERE schemaname = 'public';
    SELECT last_value FROM orders_id_seq;
SQL
echo end >> portrait";

fn portrait(scene: &Scene, options: &[&str]) -> String {
    let _ = std::fs::remove_file(scene.bookend.work().join("portrait"));
    let _ = scene
        .rehearse(options, &["sh", "-c", PORTRAIT])
        .expect_code(0);
    std::fs::read_to_string(scene.bookend.work().join("portrait")).unwrap()
}

#[test]
fn the_next_rehearsal_of_an_archive_clones_the_template_and_says_so() {
    let scene = Scene::new();
    let first = scene.rehearse(&["--template"], &IDLE).expect_code(0).json();
    let name = step(&first, "proof")["template"]["name"].as_str().unwrap();
    assert_eq!(step(&first, "proof")["template"]["read"], true);
    assert!(
        proof_lines(&first).contains("identical: 2 tables"),
        "{first:#}"
    );
    let announced = step(&first, "preflight")["lines"].to_string();
    assert!(
        announced.contains("--template keeps a second copy"),
        "{announced}"
    );
    assert_eq!(scene.made(), [name]);
    for options in [&[][..], &["--template"]] {
        let next = scene.rehearse(options, &IDLE).expect_code(0).json();
        let proof = step(&next, "proof");
        assert_eq!(proof["verdict"], "identical");
        assert_eq!(proof["template"]["name"], name);
        assert_eq!(proof["template"]["read"], false);
        assert_eq!(
            proof["template"]["proven_at"],
            step(&first, "proof")["template"]["proven_at"]
        );
        let lines = proof_lines(&next);
        assert!(
            lines.contains(&format!(
                "identical: cloned from template {name}, proven 20"
            )) && lines.contains("; not read again"),
            "{lines}"
        );
        assert_eq!(
            next["rehearsals"][0]["difference"]["same"], true,
            "{next:#}"
        );
        assert_eq!(scene.made(), [name]);
        let told = scene.status();
        assert_eq!(told["left_behind"].as_array().unwrap().len(), 0, "{told:#}");
        let run = next["run"].as_str().unwrap();
        let journal = scene
            .bookend
            .store()
            .join("runs")
            .join(run)
            .join("journal.jsonl");
        let journal = std::fs::read_to_string(journal).unwrap();
        assert!(
            journal.contains(&format!("\"template\":{{\"name\":\"{name}\"")),
            "{journal}"
        );
    }
}

#[test]
fn a_clone_is_what_a_restored_copy_is() {
    let scene = Scene::new();
    let restored = portrait(&scene, &[]);
    assert!(restored.contains("the shop's own words"), "{restored}");
    assert!(restored.contains("statement_timeout=11s"), "{restored}");
    assert!(restored.contains("template_reader=Tc"), "{restored}");
    assert_eq!(portrait(&scene, &["--template"]), restored);
    assert_eq!(scene.made().len(), 1);
    assert_eq!(portrait(&scene, &[]), restored);
}

#[test]
fn a_migration_that_loses_rows_on_a_clone_leaves_the_template_as_it_was() {
    let (scene, name) = Scene::with_template();
    let before = portrait(&scene, &[]);
    let lossy = sql("DELETE FROM orders; ALTER TABLE users DROP COLUMN name CASCADE");
    let ran = scene.rehearse(&["--allow-loss", "public.*"], &lossy);
    let document = ran.expect_code(0).json();
    assert_eq!(document["rehearsals"][0]["difference"]["loss"], true);
    assert_eq!(step(&document, "proof")["template"]["name"], name);
    let again = scene.rehearse(&[], &IDLE).expect_code(0).json();
    assert_eq!(step(&again, "proof")["template"]["name"], name);
    // Held against the facts of the proof: every fingerprint is the same.
    assert_eq!(
        again["rehearsals"][0]["difference"]["same"], true,
        "{again:#}"
    );
    assert_eq!(portrait(&scene, &[]), before);
}

#[test]
fn the_list_says_template_and_dropping_one_makes_the_next_rehearsal_restore() {
    let (scene, name) = Scene::with_template();
    let listed = scene.copies_list();
    let line = listed.lines().find(|line| line.contains(&name)).unwrap();
    assert!(
        line.contains("staging")
            && line.contains(&format!("template of {}", scene.archive))
            && line.contains("expires"),
        "{line}"
    );
    let _ = scene.drop_copy(&name).expect_code(0);
    assert!(scene.made().is_empty());
    let next = scene.rehearse(&[], &IDLE).expect_code(0).json();
    assert!(step(&next, "proof")["template"].is_null(), "{next:#}");
    assert!(
        proof_lines(&next).contains("identical: 2 tables"),
        "{next:#}"
    );
}

#[test]
fn a_template_that_somebody_marked_as_one_is_dropped_all_the_same() {
    let (scene, name) = Scene::with_template();
    server().psql(
        "postgres",
        &format!("ALTER DATABASE {name} IS_TEMPLATE true"),
    );
    let _ = scene.drop_copy(&name).expect_code(0);
    assert!(scene.made().is_empty());
}

#[test]
fn nobody_but_its_owner_may_clone_a_template() {
    let (_scene, name) = Scene::with_template();
    server().psql(
        "postgres",
        "DO $$ BEGIN CREATE ROLE template_thief CREATEDB; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
    );
    let stolen = format!("SET ROLE template_thief; CREATE DATABASE {name}_stolen TEMPLATE {name}");
    let refused = server().try_psql("postgres", &stolen.replace("; CREATE", ";\nCREATE"));
    assert!(refused.is_err(), "{refused:?}");
}

#[test]
fn a_run_keeps_a_template_of_its_before_archive_for_later_rehearsals() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let url = shop.url();
    let command = sql("ALTER TABLE users ADD email text");
    let mut words = vec!["run", "--json", &url, "--template", "--keep-copy", "--"];
    words.extend(command);
    let document = bookend.run(&words).expect_code(0).json();
    assert_eq!(document["state"], "completed");
    assert_eq!(document["as_rehearsed"], true);
    let name = step(&document, "proof")["template"]["name"]
        .as_str()
        .unwrap();
    let archive = document["archives"][0]["id"].as_str().unwrap();
    let mut words = vec!["rehearse", "--json", archive, "--prove-on", &url, "--"];
    words.extend(command);
    let next = bookend.run(&words).expect_code(0).json();
    assert_eq!(step(&next, "proof")["template"]["name"], name);
    let listed = bookend
        .succeed(&["copies", "list", "--json", "--on", &url])
        .json();
    let copies = listed["copies"].as_array().unwrap();
    let ours = copies.iter().filter(|copy| copy["archive"] == archive);
    let names: Vec<_> = ours
        .map(|copy| copy["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names.len(), 2, "the template and the kept copy: {listed:#}");
    for name in names {
        bookend.succeed(&["copies", "drop", &name, "--on", &url]);
    }
}
