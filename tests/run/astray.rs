//! Rehearsals whose COMMAND goes elsewhere than to the copy.

use std::time::Duration;

use super::common::Bookend;
use super::{IDLE, arguments, bracket_json, copies, server, sh, shop, sql, step};

#[test]
fn a_command_that_writes_to_the_original_is_ended_and_nothing_goes_on() {
    let shop = shop(server());
    let bookend = Bookend::new();
    // Its own address, whatever its environment says; other statements before the one that hangs.
    let line = format!(
        "psql -qX '{}' -c 'DELETE FROM orders; SELECT pg_sleep(600)'",
        shop.url()
    );
    bookend.write(".env", &format!("DATABASE_URL={}\n", shop.url()));
    let ran = bracket_json(&bookend, &shop.url(), &[], &sh(&line)).expect_code(5);
    let document = ran.json();
    assert_eq!(document["state"], "rehearsal_failed", "{ran}");
    assert_eq!(document["error"]["code"], "astray", "{ran}");
    let causes = document["error"]["causes"].to_string();
    assert!(causes.contains(", ended"), "{causes}");
    assert!(
        causes.contains("still names the original: DATABASE_URL in .env"),
        "{causes}"
    );
    assert_eq!(step(&document, "migration")["state"], "skipped");
    assert_eq!(shop.psql("SELECT count(*) FROM orders").trim(), "2000");
    assert_eq!(copies(&shop), "");
}

#[test]
fn a_command_that_nobody_saw_on_the_original_is_known_by_what_it_did_there() {
    let shop = shop(server());
    let bookend = Bookend::new();
    // Somebody else's hands do on the original what COMMAND does on the copy.
    let line = "psql -qXc 'ALTER TABLE users ADD nick text' && touch rehearsed; \
                while [ ! -e go ]; do sleep 0.05; done";
    let running = bookend.spawn(&arguments(&shop.url(), &["--json"], &sh(line)));
    while !bookend.work().join("rehearsed").exists() {
        std::thread::sleep(Duration::from_millis(20));
    }
    shop.psql("ALTER TABLE users ADD nick text; INSERT INTO orders (buyer) VALUES (1)");
    bookend.write("go", "");
    let ran = running.wait().expect_code(5);
    let document = ran.json();
    assert_eq!(document["state"], "rehearsal_failed", "{ran}");
    assert_eq!(document["error"]["code"], "astray", "{ran}");
    let causes = document["error"]["causes"].to_string();
    assert!(causes.contains("public.users: +1 column"), "{causes}");
    assert_eq!(step(&document, "gap")["state"], "failed", "{ran}");
    assert_eq!(step(&document, "migration")["state"], "skipped");
    assert_eq!(document["quiet"][0]["verdict"], "written", "{ran}");
    assert_eq!(copies(&shop), "");
}

#[test]
fn a_command_that_does_not_reach_the_copy_was_not_rehearsed() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let ran = bracket_json(&bookend, &shop.url(), &[], &["true"]).expect_code(5);
    let document = ran.json();
    assert_eq!(document["state"], "rehearsal_failed", "{ran}");
    assert_eq!(document["error"]["code"], "astray", "{ran}");
    // To look and find nothing to do is to reach it.
    let ran = bracket_json(&bookend, &shop.url(), &[], &IDLE).expect_code(0);
    assert_eq!(ran.json()["state"], "completed", "{ran}");
}

#[test]
fn what_the_migration_would_keep_waiting_is_told() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let command = sql("BEGIN; ALTER TABLE orders ADD note text; SELECT pg_sleep(0.6); COMMIT");
    let ran = bracket_json(&bookend, &shop.url(), &[], &command).expect_code(0);
    let document = ran.json();
    let lines = step(&document, "rehearsal")["lines"].to_string();
    assert!(
        lines.contains("public.orders was locked against reads for at least 0."),
        "{lines}"
    );
}
