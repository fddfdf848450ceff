//! Restoring into new databases.

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{CUSTOMERS, Harness, ORDERS, Shop, keys};

pub fn a_restore_makes_a_new_database_that_is_the_same(harness: &dyn Harness) {
    let shop = Shop::of(harness);
    let first = shop.backed_up(&[]);
    let (url, into) = (shop.url(), shop.beside("restored"));
    let arguments = ["--json", "restore", "latest", "--into", &into, "--on", &url];
    let restored = shop.bookend.succeed(&arguments).json();
    keys(&restored, &["database", "url", "seconds", "verdict"]);
    assert_eq!(restored["database"], into.as_str());
    assert_eq!(restored["verdict"], "identical", "{restored}");
    assert_eq!(harness.count(&into, "customers"), CUSTOMERS);
    assert_eq!(harness.count(&into, "orders"), ORDERS);
    // A backup of the copy is the same as that of the original.
    let copied = ["--json", "backup", &harness.url(&into)];
    let second = shop.bookend.succeed(&copied).json();
    let [a, b] = [&first, &second].map(|taken| taken["id"].as_str().unwrap());
    let same = shop.bookend.succeed(&["--json", "diff", a, b]).json();
    assert_eq!(same["same"], true, "{same}");
    // A finished restore is nobody's to drop.
    let kept = shop
        .bookend
        .run(&["copies", "drop", &into, "--on", &url])
        .expect_code(4);
    assert!(kept.stderr.contains("is not dropped"), "{kept}");
    let listed = shop
        .bookend
        .succeed(&["--json", "copies", "list", "--on", &url])
        .json();
    let listed = listed["copies"].as_array().unwrap().clone();
    let ours = listed
        .iter()
        .find(|copy| copy["name"] == into.as_str())
        .unwrap();
    assert_eq!(ours["kind"], "provenance");
    assert_eq!(ours["archive"], first["id"]);
    shop.is_tidy();
}

pub fn a_taken_name_is_refused_and_nothing_is_touched(harness: &dyn Harness) {
    let shop = Shop::of(harness);
    shop.backed_up(&[]);
    let url = shop.url();
    let arguments = [
        "--json", "restore", "latest", "--into", &shop.name, "--on", &url,
    ];
    let refused = shop.bookend.run(&arguments).expect_code(4).json();
    assert_eq!(refused["error"]["code"], "name-taken");
    let hint = refused["error"]["hint"].as_str().unwrap();
    assert!(
        hint.contains("--into") && hint.contains(&shop.name),
        "{hint}"
    );
    assert_eq!(harness.count(&shop.name, "customers"), CUSTOMERS);
    let never = shop
        .bookend
        .run(&["copies", "drop", &shop.name, "--on", &url])
        .expect_code(4);
    assert!(never.stderr.contains("is not dropped"), "{never}");
    assert!(harness.exists(&shop.name));
    shop.is_tidy();
}

pub fn a_restore_without_proof_says_so(harness: &dyn Harness) {
    let shop = Shop::of(harness);
    shop.backed_up(&[]);
    let into = harness.url(&shop.beside("restored"));
    let arguments = [
        "--json",
        "restore",
        "latest",
        "--into",
        &into,
        "--no-proof",
        "a drill",
    ];
    let restored = shop.bookend.succeed(&arguments);
    assert_eq!(restored.json()["verdict"], Value::Null, "{restored}");
    assert_eq!(restored.json()["no_proof"], "a drill");
    assert_eq!(harness.count(&shop.beside("restored"), "orders"), ORDERS);
}

pub fn a_part_can_be_restored_and_proven(harness: &dyn Harness) {
    let shop = Shop::of(harness);
    shop.backed_up(&[]);
    let (into, asked) = (shop.beside("restored"), harness.printed("customers"));
    let arguments = ["--json", "restore", "latest", "--into", &into, "--only"];
    let miss = harness.printed("custmoers");
    let missed = shop.bookend.run(&[&arguments[..], &[&miss]].concat());
    let missed = missed.expect_code(2).json();
    assert_eq!(missed["error"]["code"], "nothing-matches", "{missed}");
    let hint = missed["error"]["hint"].as_str().unwrap();
    assert!(hint.contains(&asked), "{hint}");
    assert!(!harness.exists(&into));
    let restored = shop
        .bookend
        .succeed(&[&arguments[..], &[&asked]].concat())
        .json();
    assert_eq!(restored["verdict"], "identical", "{restored}");
    assert_eq!(restored["left_out"], serde_json::json!([]));
    let told = restored["not_compared"][0].as_str().unwrap();
    assert!(told.starts_with("what was not asked for"), "{told}");
    assert_eq!(harness.count(&into, "customers"), CUSTOMERS);
    let copied = ["--json", "backup", &harness.url(&into)];
    let copied = shop.bookend.succeed(&copied).json();
    let shown = shop
        .bookend
        .succeed(&["--json", "show", copied["id"].as_str().unwrap()]);
    assert!(
        !shown.stdout.contains(&harness.printed("orders")),
        "{shown}"
    );
    shop.is_tidy();
}

pub fn an_interrupted_restore_leaves_no_copy(harness: &dyn Harness) {
    let shop = Shop::of(harness);
    shop.backed_up(&[]);
    let (url, into) = (shop.url(), shop.beside("restored"));
    let arguments = [
        "--progress",
        "json",
        "restore",
        "latest",
        "--into",
        &into,
        "--on",
        &url,
    ];
    let running = shop.bookend.spawn(&arguments);
    running.wait_for_stderr("\"restore\"");
    running.signal(Signal::SIGTERM);
    let ended = running.wait();
    match ended.code {
        Some(143) => assert!(!harness.exists(&into), "{ended}"),
        // Too late: it is there, and whole.
        code => {
            assert_eq!(code, Some(0), "{ended}");
            assert_eq!(harness.count(&into, "orders"), ORDERS);
        }
    }
    shop.is_tidy();
}
