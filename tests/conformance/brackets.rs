//! Bracketing a migration.

use serde_json::Value;

use crate::common::Output;
use crate::harness::{Harness, Shop, keys};

fn run(shop: &Shop<'_>, options: &[&str], command: &[&str]) -> Output {
    let url = shop.url();
    let before = ["--json", "run", &url, "--no-rehearsal", "a test"];
    let arguments = [&before, options, &["--"], command].concat();
    shop.bookend.run(&arguments)
}

fn step<'a>(document: &'a Value, name: &str) -> &'a Value {
    let steps = document["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["step"] == name);
    step.unwrap_or_else(|| panic!("no step {name} in {document:#}"))
}

pub fn a_migration_is_bracketed(harness: &dyn Harness) {
    let shop = Shop::of(harness);
    let migration = harness.migration();
    let migration: Vec<&str> = migration.iter().map(String::as_str).collect();
    let ran = run(&shop, &[], &migration).expect_code(0).json();
    keys(
        &ran,
        &[
            "run", "state", "targets", "steps", "archives", "report", "bundle",
        ],
    );
    assert_eq!(ran["state"], "completed", "{ran:#}");
    assert_eq!(ran["archives"].as_array().unwrap().len(), 2);
    assert_eq!(step(&ran, "proof")["verdict"], "identical");
    assert_eq!(step(&ran, "migration")["exit_code"], 0);
    let archives = ran["archives"].as_array().unwrap();
    let [a, b] = [0, 1].map(|n| archives[n]["id"].as_str().unwrap());
    let told = shop.bookend.run(&["diff", a, b]).expect_code(3);
    assert!(
        told.stdout.contains("name → full_name (same values)"),
        "{told}"
    );
    let status = shop.bookend.succeed(&["--json", "status"]).json();
    assert_eq!(
        (&status["run"], &status["state"]),
        (&ran["run"], &ran["state"])
    );
    shop.is_tidy();
}

pub fn a_migration_that_fails_is_exit_5(harness: &dyn Harness) {
    let shop = Shop::of(harness);
    let ran = run(
        &shop,
        &[],
        &["sh", "-c", "echo that went wrong >&2; exit 7"],
    )
    .expect_code(5);
    assert!(ran.stderr.contains("that went wrong"), "{ran}");
    let ran = ran.json();
    assert_eq!(ran["state"], "migration_failed", "{ran:#}");
    assert_eq!(step(&ran, "migration")["exit_code"], 7);
    assert!(!shop.bookend.archives().is_empty());
    shop.is_tidy();
}

pub fn the_command_gets_the_database(harness: &dyn Harness) {
    let shop = Shop::of(harness);
    for variable in harness.variables() {
        let check = format!(
            "case \"${variable}\" in */{}*) exit 0;; esac; exit 9",
            shop.name
        );
        let _ = run(&shop, &["--no-proof", "seen"], &["sh", "-c", &check]).expect_code(0);
    }
}
