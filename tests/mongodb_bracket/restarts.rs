//! The server is restarted while a step is under way, at every step.

use super::common::restarts::{allowed, judge, restarted_at, untouched};
use super::common::{Deployment, Mongo};
use super::{arguments, bookend, copies, counted, fill, undone};

#[test]
fn a_server_that_restarts_at_any_step_leaves_the_target_before_or_after_and_all_is_told() {
    let mut server = Mongo::start(Deployment::ReplicaSet);
    fill(&server, "restarted");
    let url = server.url("restarted");
    let bookend = bookend(&url);
    for step in [
        "preflight",
        "before",
        "proof",
        "rehearsal",
        "gap",
        "migration",
        "after",
    ] {
        let run = arguments(&url, &[], "good_program");
        let output = restarted_at(&bookend, step, &run, || server.restart());
        let untouched = untouched(&bookend);
        let state = judge(&bookend, step, &output, &url);
        // The lock is a document, the driver connects anew: a run may get over a restart.
        let over = allowed(step).contains(&state.as_str()) || state == "completed";
        assert!(over, "{step}: {output}");
        let (all, done) = counted(&server, "restarted");
        assert_eq!(all, 20, "{step}: {output}");
        // Many documents are not one change here: COMMAND that lost its server has failed.
        assert!(
            done == 0 || done == 20 || state == "migration_failed",
            "{step}: {output}"
        );
        assert!(!(untouched && done > 0), "{step}: {output}");
        assert!(
            done == 20 || !state.starts_with("completed"),
            "{step}: {output}"
        );
        assert_eq!(
            copies(&server, "restarted"),
            Vec::<String>::new(),
            "{step}: {output}"
        );
        undone(&server, "restarted");
    }
    bookend.succeed(&arguments(&url, &[], "good_program"));
}
