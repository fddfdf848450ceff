//! COMMAND on the proven copy: what is refused there never reaches the target.

use super::common::Bookend;
use super::{IDLE, bracket_json, copies, server, sh, shop, sql, status, step};

#[test]
fn a_command_that_fails_half_way_fails_on_the_copy_only() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let command = sh("psql -qc 'ALTER TABLE users ADD email text' && exit 3");
    let ran = bracket_json(&bookend, &shop.url(), &[], &command).expect_code(5);
    let document = ran.json();
    assert_eq!(document["state"], "rehearsal_failed");
    assert_eq!(step(&document, "rehearsal")["exit_code"], 3);
    assert_eq!(step(&document, "migration")["state"], "skipped");
    let columns =
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 'users'::regclass AND attnum > 0";
    assert_eq!(shop.psql(columns).trim(), "2");
    assert_eq!(copies(&shop), "");
}

#[test]
fn rows_that_are_gone_are_refused_and_each_loss_says_how_to_allow_it() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let command = sql("DELETE FROM orders WHERE id <= 5; ALTER TABLE users DROP COLUMN name");
    let ran = bracket_json(&bookend, &shop.url(), &[], &command).expect_code(4);
    let document = ran.json();
    assert_eq!(document["state"], "loss_refused");
    assert_eq!(document["error"]["code"], "loss");
    let causes = document["error"]["causes"].to_string();
    for flag in [
        "--allow-loss public.orders",
        "--allow-loss public.users.name",
    ] {
        assert!(causes.contains(flag), "no {flag} in {causes}");
    }
    assert_eq!(document["rehearsals"][0]["difference"]["loss"], true);
    assert_eq!(shop.psql("SELECT count(*) FROM orders").trim(), "2000");
    assert_eq!(copies(&shop), "");
    let half = ["--allow-loss", "public.orders"];
    let _ = bracket_json(&bookend, &shop.url(), &half, &command).expect_code(4);
    let all = [
        "--allow-loss",
        "public.orders",
        "--allow-loss",
        "public.users.*",
    ];
    let ran = bracket_json(&bookend, &shop.url(), &all, &command).expect_code(0);
    let document = ran.json();
    assert_eq!(document["as_rehearsed"], true);
    assert_eq!(document["differences"][0]["loss"], true);
    assert_eq!(shop.psql("SELECT count(*) FROM orders").trim(), "1995");
}

#[test]
fn definitions_that_are_gone_are_refused_until_they_are_named() {
    let shop = shop(server());
    let bookend = Bookend::new();
    shop.psql("CREATE INDEX by_total ON orders (total)");
    let command = sql("ALTER TABLE orders DROP CONSTRAINT orders_buyer_fkey;
         DROP INDEX by_total; ALTER TABLE users ALTER name DROP NOT NULL");
    let ran = bracket_json(&bookend, &shop.url(), &[], &command).expect_code(4);
    let document = ran.json();
    assert_eq!(document["state"], "loss_refused");
    let message = document["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("COMMAND lost definitions"), "{message}");
    let causes = document["error"]["causes"].to_string();
    for flag in [
        "--allow-loss 'public.orders constraint orders_buyer_fkey'",
        "--allow-loss 'public.orders index by_total'",
        "--allow-loss 'public.users.name not null'",
    ] {
        assert!(causes.contains(flag), "no {flag} in {causes}");
    }
    let allowed = [
        "--allow-loss",
        "public.orders *",
        "--allow-loss",
        "public.users.name not null",
    ];
    let ran = bracket_json(&bookend, &shop.url(), &allowed, &command).expect_code(0);
    assert_eq!(ran.json()["as_rehearsed"], true);
}

#[test]
fn a_rename_by_drop_and_add_is_a_loss_and_a_rename_is_none() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let dropping = sql("ALTER TABLE users ADD full_name text; ALTER TABLE users DROP COLUMN name");
    let ran = bracket_json(&bookend, &shop.url(), &[], &dropping).expect_code(4);
    assert_eq!(ran.json()["state"], "loss_refused");
    let renaming = sql("ALTER TABLE users RENAME name TO full_name");
    let ran = bracket_json(&bookend, &shop.url(), &[], &renaming).expect_code(0);
    let lines = step(&ran.json(), "rehearsal")["lines"].to_string();
    assert!(
        lines.contains("column name → full_name (same values)"),
        "{lines}"
    );
}

#[test]
fn a_check_that_fails_on_the_copy_stops_the_run() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let command = sql("ALTER TABLE users ADD email text");
    let checking = [
        "--check",
        "psql -Atc 'SELECT email FROM users LIMIT 1' && exit 4",
    ];
    let ran = bracket_json(&bookend, &shop.url(), &checking, &command).expect_code(5);
    let document = ran.json();
    assert_eq!(document["state"], "rehearsal_failed");
    assert_eq!(step(&document, "migration")["state"], "skipped");
    let passing = ["--check", "psql -Atc 'SELECT email FROM users LIMIT 1'"];
    let ran = bracket_json(&bookend, &shop.url(), &passing, &command).expect_code(0);
    assert_eq!(step(&ran.json(), "check")["state"], "ok");
}

#[test]
fn a_command_that_hangs_or_drops_its_database_does_so_on_the_copy() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let limit = ["--timeout", "700ms"];
    let ran = bracket_json(&bookend, &shop.url(), &limit, &sh("sleep 1000")).expect_code(5);
    assert_eq!(ran.json()["state"], "rehearsal_failed");
    let dropping = sh("psql -qd postgres -c \"DROP DATABASE \\\"$PGDATABASE\\\"\"");
    let ran = bracket_json(&bookend, &shop.url(), &[], &dropping).expect_code(5);
    let document = ran.json();
    assert_eq!(document["state"], "rehearsal_failed", "{document:#}");
    assert_eq!(document["error"]["code"], "copy-gone");
    assert_eq!(copies(&shop), "");
    assert_eq!(status(&bookend)["left_behind"].as_array().unwrap().len(), 0);
}

#[test]
fn a_daemon_that_command_leaves_on_the_copy_does_not_keep_it_alive() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let line = "nohup setsid psql -qc 'SELECT pg_sleep(20)' >/dev/null 2>&1 & sleep 0.5; echo left";
    let ran = bracket_json(&bookend, &shop.url(), &[], &sh(line));
    assert_eq!(copies(&shop), "", "{ran}");
    assert_eq!(ran.json()["state"], "completed", "{ran}");
}

#[test]
fn a_changed_owner_is_told_and_changes_nothing_else() {
    let shop = shop(server());
    let bookend = Bookend::new();
    shop.psql(
        "DO $$ BEGIN CREATE ROLE new_owner; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
    );
    let command = sql("ALTER TABLE users OWNER TO new_owner");
    let ran = bracket_json(&bookend, &shop.url(), &[], &command).expect_code(0);
    let lines = step(&ran.json(), "rehearsal")["lines"].to_string();
    assert!(lines.contains("owner"), "{lines}");
    assert_eq!(ran.json()["as_rehearsed"], true);
    shop.psql("ALTER TABLE users OWNER TO CURRENT_USER");
}

#[test]
fn a_kept_copy_stays_as_a_staging_database() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let command = sql("ALTER TABLE users ADD email text");
    let ran = bracket_json(&bookend, &shop.url(), &["--keep-copy"], &command).expect_code(0);
    let name = copies(&shop).trim().to_owned();
    assert!(!name.is_empty(), "{ran}");
    assert_eq!(
        server()
            .psql(&name, "SELECT count(email) FROM users")
            .trim(),
        "0"
    );
    assert_eq!(status(&bookend)["left_behind"].as_array().unwrap().len(), 0);
    let listed = bookend
        .succeed(&["copies", "list", "--on", &shop.url()])
        .stdout;
    assert!(listed.contains("staging"), "{listed}");
    bookend.succeed(&["copies", "drop", &name, "--on", &shop.url()]);
    assert_eq!(copies(&shop), "");
}

#[test]
fn pause_needs_a_terminal_and_says_so_before_anything_is_done() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let ran = bracket_json(&bookend, &shop.url(), &["--pause"], &IDLE).expect_code(2);
    assert!(
        ran.stderr.is_empty()
            || ran.json()["error"]["message"]
                .to_string()
                .contains("terminal")
    );
    assert!(bookend.archives().is_empty());
}

#[test]
fn rehearse_reads_the_target_only_and_takes_no_lock() {
    let shop = shop(server());
    let url = shop.url();
    let bookend = Bookend::new();
    let waiting = "echo here; while [ ! -e go ]; do sleep 0.05; done";
    let running = bookend.spawn(&super::arguments(&url, &super::UNREHEARSED, &sh(waiting)));
    running.wait_for_stderr("here");
    let command = sql("ALTER TABLE users ADD email text");
    let mut words = vec!["rehearse", "--json", &url, "--"];
    words.extend(command);
    let document = bookend.run(&words).expect_code(0).json();
    assert_eq!(document["state"], "completed");
    assert_eq!(step(&document, "rehearsal")["state"], "ok");
    assert_eq!(document["steps"].as_array().unwrap().len(), 4);
    bookend.write("go", "");
    let _ = running.wait().expect_code(0);
    let exists = "SELECT count(*) FROM pg_attribute WHERE attname = 'email'";
    assert_eq!(shop.psql(exists).trim(), "0");
    let lossy = [
        "rehearse",
        "--json",
        &url,
        "--",
        "psql",
        "-qc",
        "DELETE FROM orders",
    ];
    let document = bookend.run(&lossy).expect_code(4).json();
    assert_eq!(document["state"], "loss_refused");
    assert_eq!(copies(&shop), "");
}

#[test]
fn rehearse_an_archive_needs_no_live_target() {
    let shop = shop(server());
    let bookend = Bookend::new();
    bookend.succeed(&["backup", &shop.url()]);
    let id = bookend.archives()[0]
        .file_stem()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    let spare = server().url("postgres");
    shop.psql("DROP TABLE orders");
    let command =
        sh("test \"$PGDATABASE\" != postgres && psql -qc 'ALTER TABLE orders ADD note text'");
    let mut words = vec!["rehearse", "--json", &id, "--"];
    words.extend(command);
    words.splice(3..3, ["--prove-on", spare.as_str()]);
    let document = bookend.run(&words).expect_code(0).json();
    assert_eq!(document["state"], "completed");
    let lines = step(&document, "rehearsal")["lines"].to_string();
    assert!(lines.contains("+1 column"), "{lines}");
    let left =
        "SELECT count(*) FROM pg_database WHERE datname LIKE '%bookend%' AND datname LIKE 'shop%'";
    let _ = server().psql("postgres", left);
    assert_eq!(status(&bookend)["left_behind"].as_array().unwrap().len(), 0);
}
