//! Brackets that go through, and those that never let the migration begin.

use super::common::{Bookend, Server, Version};
use super::{
    IDLE, UNREHEARSED, arguments, bracket_json, copies, server, sh, shop, sql, status, step,
};

#[test]
fn a_migration_is_bracketed_and_the_difference_told() {
    for version in [Version::V16, Version::V18] {
        let shop = shop(Server::shared(version));
        let bookend = Bookend::new();
        let command = sql(
            "ALTER TABLE users RENAME name TO full_name; CREATE INDEX ON orders (buyer);
             DELETE FROM orders WHERE id <= 5",
        );
        let ran = bookend
            .run(&arguments(
                &shop.url(),
                &["--allow-loss", "public.orders"],
                &command,
            ))
            .expect_code(0);
        for line in [
            "  proof ",
            "identical: 2 tables, 2,500 rows, 2 sequences",
            "  rehearsal ",
            "exit 0 on shop",
            "quiet: no write to shop",
            "as rehearsed",
            ".bundle.tar · ",
            "public.users: column name → full_name (same values)",
            "+1 index",
            "-5 rows",
            "lost: public.orders",
            "Undo: bookend rollback ",
        ] {
            assert!(ran.stdout.contains(line), "no {line:?} in {ran}");
        }
        assert_eq!(bookend.archives().len(), 2);
        assert_eq!(copies(&shop), "");
        let told = status(&bookend);
        assert_eq!(told["state"], "completed");
        assert_eq!(told["left_behind"].as_array().unwrap().len(), 0);
    }
}

#[test]
fn with_json_stdout_holds_one_document_and_the_output_goes_to_stderr_and_the_log() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let ran = bracket_json(
        &bookend,
        &shop.url(),
        &[],
        &sh("psql -qXc SELECT; echo to stdout; echo to stderr >&2"),
    );
    let ran = ran
        .expect_code(0)
        .expect_stderr("to stdout")
        .expect_stderr("to stderr");
    let document = ran.json();
    assert_eq!(document["ok"], true);
    assert_eq!(document["state"], "completed");
    assert_eq!(document["archives"].as_array().unwrap().len(), 2);
    assert_eq!(document["archives"][0]["proof"], "identical");
    assert!(
        document["bundle"]
            .as_str()
            .unwrap()
            .ends_with(".bundle.tar")
    );
    assert_eq!(step(&document, "migration")["exit_code"], 0);
    assert_eq!(step(&document, "rehearsal")["state"], "ok");
    let log = step(&document, "migration")["log"].as_str().unwrap();
    let log = std::fs::read_to_string(bookend.work().join(log)).unwrap();
    assert!(
        log.contains("to stdout") && log.contains("to stderr"),
        "{log}"
    );
    let report = bookend.work().join(document["report"].as_str().unwrap());
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(kept["run"], document["run"]);
}

#[test]
fn a_copy_that_differs_keeps_the_command_from_starting() {
    let shop = shop(server());
    // Restoring a materialized view runs its query, and this one changes what was restored.
    shop.psql(&format!(
        "CREATE FUNCTION tamper() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
           IF current_database() <> '{}' THEN DELETE FROM public.orders WHERE id = 7; END IF;
           RETURN 1; END $$;
         CREATE MATERIALIZED VIEW tampering AS SELECT tamper()",
        shop.name()
    ));
    let bookend = Bookend::new();
    let ran = bracket_json(&bookend, &shop.url(), &[], &sh("touch started")).expect_code(3);
    let document = ran.json();
    assert_eq!(document["state"], "proof_failed");
    assert_eq!(step(&document, "proof")["verdict"], "different");
    assert_eq!(
        step(&document, "proof")["differences"][0]["object"],
        "public.orders"
    );
    assert_eq!(step(&document, "migration")["state"], "skipped");
    assert!(!bookend.work().join("started").exists());
    assert_eq!(copies(&shop), "");
    let waived = ["--no-proof", "seen and known"];
    let ran = bracket_json(&bookend, &shop.url(), &waived, &sh("touch started")).expect_code(0);
    assert!(bookend.work().join("started").exists());
    let document = ran.json();
    assert_eq!(step(&document, "proof")["reason"], "seen and known");
    assert_eq!(document["waived"][0]["flag"], "--no-proof");
}

#[test]
fn mistakes_on_the_command_line_are_found_before_anything_is_done() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let url = shop.url();
    let cases: [(&[&str], &[&str]); 7] = [
        (&["--no-proof", " "], &IDLE),
        (&["--accept-writes", ""], &IDLE),
        (&["--env", "X={databse}"], &IDLE),
        (&["--env", "not a name=1"], &IDLE),
        (&[], &["psql", "{url}"]),
        (&[], &["no-such-program-anywhere"]),
        (&["--pause"], &IDLE),
    ];
    for (options, command) in cases {
        let ran = bracket_json(&bookend, &url, options, command).expect_code(2);
        assert_eq!(ran.json()["ok"], false, "{ran}");
    }
    let _ = bookend
        .run(&["run", &url])
        .expect_code(2)
        .expect_stderr("no COMMAND");
    assert!(bookend.archives().is_empty());
    assert!(status(&bookend)["run"].is_null());
}

#[test]
fn a_target_that_cannot_be_reached_is_no_run() {
    let bookend = Bookend::new();
    let url = server().url("no_such_database");
    let ran = bracket_json(&bookend, &url, &[], &IDLE).expect_code(7);
    assert_eq!(ran.json()["ok"], false);
    assert!(status(&bookend)["run"].is_null());
}

#[test]
fn no_rehearsal_with_a_reason_is_accepted_and_recorded() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let options = ["--no-rehearsal", "tried on staging"];
    let ran = bracket_json(&bookend, &shop.url(), &options, &IDLE).expect_code(0);
    assert_eq!(step(&ran.json(), "rehearsal")["reason"], "tried on staging");
}

#[test]
fn a_second_run_of_the_same_target_is_refused_while_the_first_is_under_way() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let url = shop.url();
    let first = bookend.spawn(&arguments(
        &url,
        &UNREHEARSED,
        &sh("echo here; while [ ! -e go ]; do sleep 0.05; done"),
    ));
    first.wait_for_stderr("here");
    let second = bracket_json(&bookend, &url, &[], &IDLE).expect_code(4);
    assert_eq!(second.json()["error"]["code"], "busy");
    assert_eq!(status(&bookend)["state"], "running");
    assert_eq!(step(&status(&bookend), "migration")["state"], "running");
    bookend.write("go", "");
    let _ = first.wait().expect_code(0);
    assert_eq!(status(&bookend)["state"], "completed");
}

#[test]
fn status_where_nothing_has_run_says_so_and_makes_nothing() {
    let bookend = Bookend::new();
    let told = bookend.succeed(&["status"]);
    assert_eq!(told.stdout, "nothing has run\n");
    assert!(!bookend.store().exists());
    let document = status(&bookend);
    for key in [
        "run", "state", "targets", "steps", "archives", "report", "bundle",
    ] {
        assert!(document.get(key).is_some(), "{key}");
    }
}
