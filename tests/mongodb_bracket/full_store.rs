//! A store that is full from one step on, at every step.

use super::common::full_store::{filled_at, judge};
use super::{bookend, copies, counted, drop_it, filled, undone};

#[test]
fn a_store_that_is_full_from_any_step_on_leaves_a_run_that_is_told_and_can_be_ended() {
    let (server, url) = filled("brimful");
    let bookend = bookend(&url);
    let own = std::env::current_exe().unwrap();
    let own = own.to_str().unwrap();
    let run = [
        url.as_str(),
        "--",
        own,
        "--ignored",
        "--exact",
        "good_program",
    ];
    let steps = [
        "before",
        "proof",
        "rehearsal",
        "migration",
        "after",
        "bundle",
    ];
    for (number, step) in steps.into_iter().enumerate() {
        let way = if number % 2 == 0 { "resume" } else { "abort" };
        let filled = filled_at(&bookend, step, way, &run);
        let (all, done) = counted(server, "brimful");
        assert_eq!(all, 20, "{filled:#?}");
        assert!(done == 0 || done == 20, "{filled:#?}");
        judge(&bookend, step, &filled, done == 20);
        assert_eq!(
            copies(server, "brimful"),
            Vec::<String>::new(),
            "{filled:#?}"
        );
        undone(server, "brimful");
    }
    drop_it(server, "brimful");
}
