//! Taking archives, and what is said of them.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::harness::{CUSTOMERS, Change, Harness, ORDERS, Shop, keys};

pub fn a_backup_is_listed_shown_and_verified(harness: &dyn Harness) {
    let shop = Shop::of(harness);
    let taken = shop.backed_up(&["--tag", "nightly"]);
    keys(
        &taken,
        &[
            "archive",
            "id",
            "consistent",
            "objects",
            "rows",
            "bytes_raw",
            "bytes_stored",
            "seconds",
            "proof",
        ],
    );
    assert_eq!(taken["ok"], true);
    assert_eq!(taken["consistent"], true, "{taken}");
    assert_eq!(taken["objects"], 2);
    assert_eq!(taken["rows"], CUSTOMERS + ORDERS);
    assert_eq!(taken["proof"], Value::Null);
    let id = taken["id"].as_str().unwrap();
    assert!(shop.path(&taken).ends_with(format!("{id}.tar")));

    let list = shop.bookend.succeed(&["--json", "list"]).json();
    let listed = &list["archives"][0];
    keys(
        listed,
        &[
            "id",
            "path",
            "target",
            "engine",
            "tag",
            "created_at",
            "bytes_stored",
            "rows",
            "proof",
        ],
    );
    assert_eq!(listed["id"], taken["id"]);
    assert_eq!(listed["engine"], harness.engine());
    assert_eq!(listed["tag"], "nightly");

    let shown = shop.bookend.succeed(&["show", "latest"]);
    assert!(
        shown.stdout.contains(&harness.printed("customers")),
        "{shown}"
    );
    assert!(shown.stdout.contains("yes, one point in time"), "{shown}");
    let shown = shop.bookend.succeed(&["--json", "show", id]).json();
    assert_eq!(shown["rows"], CUSTOMERS + ORDERS);
    assert_eq!(shown["objects"][0]["object"], harness.printed("customers"));
    assert_eq!(shown["objects"][0]["rows"], CUSTOMERS);

    let verified = shop.bookend.succeed(&["--json", "verify", "latest"]).json();
    assert_eq!(verified["verdict"], "intact");
    assert_eq!(verified["differences"], json!([]));
    let _ = shop.bookend.succeed(&["doctor", &shop.url()]);
    shop.is_tidy();
}

pub fn a_target_that_is_not_there_makes_no_archive(harness: &dyn Harness) {
    let shop = Shop::of(harness);
    let refused = shop
        .bookend
        .run(&["--json", "backup", &harness.url("nowhere_at_all")])
        .expect_code(7);
    let refused = refused.json();
    assert_eq!(refused["ok"], false);
    keys(&refused["error"], &["code", "message", "causes", "hint"]);
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("nowhere_at_all"), "{message}");
    assert!(shop.bookend.archives().is_empty());
    shop.is_tidy();
}

pub fn what_cannot_be_asked_for_is_refused(harness: &dyn Harness) {
    let shop = Shop::of(harness);
    let (option, why) = harness.impossible();
    let refused = shop.bookend.run(&["backup", &shop.url(), option]);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr.contains(why), "{refused}");
    assert!(shop.bookend.archives().is_empty());
}

pub fn an_interrupted_backup_leaves_no_archive(harness: &dyn Harness) {
    let shop = Shop::of(harness);
    let url = shop.url();
    let running = shop
        .bookend
        .spawn(&["--progress", "json", "backup", &url, "--prove"]);
    running.wait_for_stderr("\"phase\"");
    running.signal(Signal::SIGINT);
    let ended = running.wait();
    // On a fast day it was done before the signal came.
    match ended.code {
        Some(130) => assert!(ended.stderr.contains("interrupted"), "{ended}"),
        code => assert_eq!(code, Some(0), "{ended}"),
    }
    for archive in shop.bookend.archives() {
        let path = archive.to_str().unwrap();
        let _ = shop.bookend.succeed(&["verify", path]);
    }
    shop.is_tidy();
}

pub fn rows_can_be_left_out(harness: &dyn Harness) {
    let shop = Shop::of(harness);
    let orders = harness.printed("orders");
    let taken = shop.backed_up(&["--exclude-data", &orders, "--prove"]);
    assert_eq!(taken["rows"], CUSTOMERS, "{taken}");
    assert_eq!(taken["proof"], "identical", "{taken}");
    let notes = taken["notes"].to_string();
    assert!(notes.contains("orders"), "{notes}");
}

pub fn two_archives_are_the_same_or_differ(harness: &dyn Harness) {
    let shop = Shop::of(harness);
    let (a, b) = (shop.backed_up(&[]), shop.backed_up(&[]));
    let [a, b] = [&a, &b].map(|taken| taken["id"].as_str().unwrap());
    let same = shop.bookend.succeed(&["--json", "diff", a, b]).json();
    assert_eq!(
        (&same["same"], &same["loss"]),
        (&true.into(), &false.into())
    );
    for change in Change::ALL {
        let before = shop.backed_up(&[]);
        harness.change(&shop.name, change);
        let after = shop.backed_up(&[]);
        let [before, after] = [&before, &after].map(|taken| taken["id"].as_str().unwrap());
        let found = shop
            .bookend
            .run(&["--json", "diff", before, after])
            .expect_code(3)
            .json();
        assert_eq!(found["same"], false, "{change:?}: {found}");
        assert_eq!(found["loss"], change == Change::Drop, "{change:?}: {found}");
        let object = match change {
            Change::Index => "orders",
            Change::Object => "extra",
            _ => "customers",
        };
        let objects = found["objects"].as_array().unwrap();
        let named = objects
            .iter()
            .find(|one| one["object"] == harness.printed(object));
        let named = named.unwrap_or_else(|| panic!("{change:?}: {found:#}"));
        keys(
            named,
            &["object", "change", "rows_before", "rows_after", "columns"],
        );
        let change_word = if change == Change::Object {
            "added"
        } else {
            "changed"
        };
        assert_eq!(named["change"], change_word, "{change:?}: {found:#}");
    }
}
