//! Staging databases.

use serde_json::{Value, json};

use crate::harness::{CUSTOMERS, Harness, ORDERS, Shop, keys};

/// One case, as a sweep of those that have expired is of the whole server.
pub fn a_staging_database_lives_until_it_is_dropped_or_expires(harness: &dyn Harness) {
    let shop = Shop::of(harness);
    let url = shop.url();
    let staged = shop.bookend.succeed(&["--json", "stage", &url]).json();
    let expected = [
        "database", "url", "seconds", "verdict", "archive", "id", "expires",
    ];
    keys(&staged, &expected);
    assert_eq!(staged["verdict"], "identical", "{staged}");
    let name = staged["database"].as_str().unwrap().to_owned();
    assert!(name.starts_with(&shop.beside("staging_")), "{name}");
    assert_eq!(harness.count(&name, "customers"), CUSTOMERS);
    assert_eq!(harness.count(&name, "orders"), ORDERS);
    let listed = shop.bookend.succeed(&["--json", "list"]).json();
    assert_eq!(listed["archives"][0]["id"], staged["id"], "{listed}");
    assert_eq!(listed["archives"][0]["proof"], "identical", "{listed}");
    let copy = copy(&shop, &name);
    assert_eq!(copy["kind"], "staging");
    assert_eq!(copy["archive"], staged["id"]);
    assert_eq!(copy["expires"], staged["expires"]);
    assert_eq!(copy["expired"], false, "{copy}");
    a_taken_name_is_found_before_the_backup(&shop, &name);
    expired_ones_are_swept(&shop, &name);
    let dropped = shop
        .bookend
        .succeed(&["copies", "drop", &name, "--on", &url]);
    assert!(dropped.stdout.contains(&name), "{dropped}");
    assert!(!harness.exists(&name));
    shop.is_tidy();
}

fn a_taken_name_is_found_before_the_backup(shop: &Shop<'_>, taken: &str) {
    let archives = shop.bookend.archives();
    let arguments = ["--json", "stage", &shop.url(), "--into", taken];
    let refused = shop.bookend.run(&arguments).expect_code(4).json();
    assert_eq!(refused["error"]["code"], "name-taken");
    let hint = refused["error"]["hint"].as_str().unwrap();
    assert!(hint.contains(&format!("{taken}_2")), "{hint}");
    assert_eq!(shop.bookend.archives(), archives);
    assert_eq!(shop.harness.count(taken, "orders"), ORDERS);
}

fn expired_ones_are_swept(shop: &Shop<'_>, lasting: &str) {
    let (url, harness) = (shop.url(), shop.harness);
    let short = |name: &str| {
        let into = shop.beside(name);
        let arguments = ["--json", "stage", &url, "--into", &into, "--expires", "1ms"];
        let without_proof = [&arguments[..], &["--no-proof", "a drill"]].concat();
        shop.bookend.succeed(&without_proof).json()
    };
    let first = short("restored");
    assert_eq!(first["verdict"], Value::Null, "{first}");
    assert_eq!(first["no_proof"], "a drill");
    assert_eq!(copy(shop, &shop.beside("restored"))["expired"], true);
    // The next one takes it away, and names it.
    let second = short("other");
    assert_eq!(second["dropped"], json!([shop.beside("restored")]));
    assert!(!harness.exists(&shop.beside("restored")));
    let drop = ["--json", "copies", "drop", "--expired", "--on", &url];
    let swept = shop.bookend.succeed(&drop).json();
    assert_eq!(swept["dropped"], json!([shop.beside("other")]), "{swept}");
    assert!(!harness.exists(&shop.beside("other")));
    let again = shop.bookend.succeed(&drop).json();
    assert_eq!(again["dropped"], json!([]), "{again}");
    assert!(harness.exists(lasting) && harness.exists(&shop.name));
}

fn copy(shop: &Shop<'_>, name: &str) -> Value {
    let url = shop.url();
    let arguments = ["--json", "copies", "list", "--on", &url];
    let listed = shop.bookend.succeed(&arguments).json();
    let copies = listed["copies"].as_array().unwrap();
    let found = copies.iter().find(|copy| copy["name"] == name);
    found.unwrap_or(&Value::Null).clone()
}
