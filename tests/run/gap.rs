//! Writes of others between the before-backup and the migration.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::common::Bookend;
use super::{IDLE, arguments, bracket_json, copies, drop_failed, server, sh, shop, status, step};

/// COMMAND that waits on the copy for somebody else to write to the original.
fn waiting(original: &str) -> String {
    format!(
        "psql -qXc SELECT; test \"$PGDATABASE\" = {original} && exit; \
         touch rehearsing; while [ ! -e go ]; do sleep 0.05; done"
    )
}

#[test]
fn whoever_writes_before_the_migration_costs_a_fresh_backup_with_its_own_proof() {
    let shop = shop(server());
    let bookend = Bookend::new().env("DATABASE_URL", shop.url());
    let line = waiting(shop.name());
    let running = bookend.spawn(&arguments(&shop.url(), &["--json"], &sh(&line)));
    while !bookend.work().join("rehearsing").exists() {
        std::thread::sleep(Duration::from_millis(20));
    }
    shop.psql("INSERT INTO users (name) VALUES ('new')");
    bookend.write("go", "");
    let ran = running.wait().expect_code(0);
    let document = ran.json();
    let names: Vec<&str> = document["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["step"].as_str().unwrap())
        .collect();
    assert_eq!(
        names[..9],
        [
            "preflight",
            "before",
            "proof",
            "rehearsal",
            "gap",
            "before",
            "proof",
            "gap",
            "migration"
        ]
    );
    let archives = document["archives"].as_array().unwrap();
    assert_eq!(archives.len(), 3);
    assert_eq!(archives[1]["rows"], 2_501);
    assert_eq!(archives[1]["proof"], "identical");
    // What comes back is the newest of them.
    let run = document["run"].as_str().unwrap();
    assert_eq!(document["undo"][0], format!("bookend rollback {run}"));
    bookend.succeed(&["rollback", run]);
    assert_eq!(shop.psql("SELECT count(*) FROM users").trim(), "501");
    drop_failed(&shop);
    assert_eq!(copies(&shop), "");
    let quiet = document["quiet"].as_array().unwrap();
    let seen: Vec<(&str, &str)> = quiet
        .iter()
        .map(|one| {
            (
                one["step"].as_str().unwrap(),
                one["verdict"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [("gap", "written"), ("gap", "quiet"), ("migration", "quiet")]
    );
    let written = quiet[0]["written"].as_array().unwrap();
    let users = written.iter().find(|one| one["object"] == "public.users");
    assert_eq!(users.unwrap()["rows_at_least"], 1);
    assert!(quiet[1]["tables_read"].as_u64().unwrap() >= 2);
}

#[test]
fn what_came_out_unlike_the_rehearsal_is_in_the_report_with_what_a_rollback_would_lose() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let line = format!(
        "psql -qXc 'ALTER TABLE users ADD a int'; if [ \"$PGDATABASE\" = {} ]; then \
         psql -qXc 'INSERT INTO orders (buyer) SELECT 1 FROM generate_series(1, 3)'; fi",
        shop.name()
    );
    let ran = bracket_json(&bookend, &shop.url(), &[], &sh(&line)).expect_code(0);
    let document = ran.json();
    assert_eq!(document["as_rehearsed"], false);
    let unlike = document["unlike_rehearsal"].to_string();
    assert!(unlike.contains("public.orders"), "{unlike}");
    let quiet = document["quiet"].as_array().unwrap();
    let migration = quiet.iter().find(|one| one["step"] == "migration").unwrap();
    assert_eq!(migration["verdict"], "written", "{migration:#}");
    let written = migration["written"].as_array().unwrap();
    let orders = written.iter().find(|one| one["object"] == "public.orders");
    assert_eq!(orders.unwrap()["rows_at_least"], 3);
    for form in ["text", "md", "html", "junit"] {
        let page = bookend.succeed(&["report", "--format", form]).stdout;
        let told = match form {
            "html" => page.contains("Not as rehearsed") && page.contains("at least 3 rows"),
            _ => page.contains("a rollback would lose it: public.orders (at least 3)"),
        };
        assert!(
            told || (form == "md" && page.contains("a rollback would lose it")),
            "{form}: {page}"
        );
    }
}

#[test]
fn who_writes_all_the_time_is_refused_unless_accepted() {
    let shop = shop(server());
    let bookend = Bookend::new();
    shop.psql("CREATE TABLE busy (n serial)");
    let over = AtomicBool::new(false);
    let ran = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                shop.psql("INSERT INTO busy DEFAULT VALUES");
            }
        });
        let ran = bracket_json(&bookend, &shop.url(), &[], &IDLE);
        over.store(true, Ordering::Relaxed);
        ran
    });
    let ran = ran.expect_code(4);
    let document = ran.json();
    assert_eq!(document["state"], "refused", "{document:#}");
    assert_eq!(document["error"]["code"], "not-quiet");
    assert_eq!(step(&document, "migration")["state"], "skipped");
    assert_eq!(status(&bookend)["left_behind"].as_array().unwrap().len(), 0);
}

#[test]
fn what_was_stopped_is_started_again_however_the_migration_ends() {
    for (command, code) in [("true", 0), ("exit 3", 5)] {
        let shop = shop(server());
        let bookend = Bookend::new();
        let options = [
            "--no-rehearsal",
            "it is the target that matters here",
            "--quiesce",
            "echo off >> door",
            "--unquiesce",
            "echo on >> door",
        ];
        let ran = bracket_json(&bookend, &shop.url(), &options, &sh(command)).expect_code(code);
        let door = std::fs::read_to_string(bookend.work().join("door")).unwrap();
        assert_eq!(door, "off\non\n", "{ran}");
        assert_eq!(step(&ran.json(), "unquiesce")["state"], "ok");
    }
}

#[test]
fn a_door_that_does_not_open_again_is_no_success() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let options = ["--quiesce", "true", "--unquiesce", "exit 7"];
    let ran = bracket_json(&bookend, &shop.url(), &options, &IDLE).expect_code(1);
    let document = ran.json();
    assert_eq!(document["state"], "completed");
    let hint = document["error"]["hint"].as_str().unwrap();
    assert!(hint.contains("exit 7"), "{hint}");
}
