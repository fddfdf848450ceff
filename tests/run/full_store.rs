//! A store that is full from one step on, at every step.

use super::common::Bookend;
use super::common::full_store::{filled_at, judge};
use super::{copies, server, shop};

const STEPS: [&str; 9] = [
    "preflight",
    "before",
    "proof",
    "rehearsal",
    "gap",
    "migration",
    "after",
    "compare",
    "bundle",
];

#[test]
fn a_store_that_is_full_from_any_step_on_leaves_a_run_that_is_told_and_can_be_ended() {
    let shop = shop(server());
    let url = shop.url();
    let bookend = Bookend::new().env("DATABASE_URL", url.clone());
    // More than the store has room for, so that a bundle surely meets a full one, however late it
    // is filled.
    let large = bookend.work().join("large");
    std::fs::write(&large, vec![7; 20 << 20]).unwrap();
    let large = large.to_str().unwrap();
    let command = ["--", "psql", "-qc", "ALTER TABLE users ADD email text"];
    for (number, step) in STEPS.into_iter().enumerate() {
        let way = if number % 2 == 0 { "resume" } else { "abort" };
        let mut run = vec![url.as_str()];
        if step == "bundle" {
            run.extend(["--migration-files", large]);
        }
        run.extend(command);
        let filled = filled_at(&bookend, step, way, &run);
        let migrated = shop.try_psql("SELECT email FROM users LIMIT 1").is_ok();
        // What `resume` goes on with counts as well.
        judge(&bookend, step, &filled, migrated);
        assert_eq!(copies(&shop), "", "{filled:#?}");
        if step == "bundle" {
            let told = &filled.run.1;
            assert_eq!(
                (filled.run.0, told["state"].as_str()),
                (0, Some("completed"))
            );
            assert_eq!(told["bundle"], serde_json::Value::Null, "{told:#}");
            let advice = told["advice"].to_string();
            assert!(advice.contains("the bundle was not made"), "{told:#}");
            let bundle = format!("bundle {}", told["run"].as_str().unwrap());
            assert!(advice.contains(&bundle), "{told:#}");
        }
        shop.psql("ALTER TABLE users DROP COLUMN IF EXISTS email");
    }
}
