//! Where each ending of each step leads.

use super::{Paper, Scripted, run, run_on, states, terms, timed};
use crate::bracket::event::{CommandEnd, Proven, Stop, Terms};
use crate::bracket::journal::JournalError;
use crate::bracket::outcome::Outcome;
use crate::bracket::reason::Reason;
use crate::report::run::{StepState, run_json, run_text};

#[tokio::test]
async fn a_run_that_goes_well_says_what_was_done_and_what_was_not() {
    let hands = Scripted::default();
    let run = run(terms(), &hands).await;
    assert_eq!(run.ended.unwrap(), Outcome::Completed);
    assert_eq!(
        states(&run.report),
        [
            ("preflight", StepState::Ok),
            ("before", StepState::Ok),
            ("proof", StepState::Ok),
            ("rehearsal", StepState::Ok),
            ("gap", StepState::Ok),
            ("migration", StepState::Ok),
            ("after", StepState::Ok),
            ("compare", StepState::Ok),
            ("bundle", StepState::Ok),
        ]
    );
    for step in &run.report.steps {
        assert_eq!(
            step.state == StepState::Skipped,
            step.reason.is_some(),
            "{step:?}"
        );
    }
    insta::assert_snapshot!(run_text(&timed(run.report)), @r"
    run 20261120T043512Z-shop
      preflight   ok    PostgreSQL 16.14 · 1.8 GiB · 42 tables
                        free space on the server: not known
      before      4 s   backups/shop0-20261120T043512Z-before.tar · 171 MiB · 4,300,000 rows · consistent
      proof      19 s   identical: 42 tables
      rehearsal   0 s   exit 0 on shop0_bookend_7f3a
      gap         0 s   quiet: no write was seen
      migration  12 s   exit 0
                        variables pointed at the target: DATABASE_URL
      after       4 s   backups/shop0-20261120T043512Z-after.tar · 171 MiB · 4,300,000 rows · consistent
      compare     0 s   public.users: column name → full_name (same values)
                        no data lost
      bundle      0 s   backups/x.bundle.tar
    completed in 55 s.   Undo: bookend rollback 20261120T043512Z-shop
    ");
}

#[tokio::test]
async fn the_document_has_the_keys_of_the_interface() {
    let run = run(terms(), &Scripted::default()).await;
    let document = run_json(&run.report);
    for key in [
        "run", "state", "targets", "steps", "archives", "report", "bundle", "ok",
    ] {
        assert!(document.get(key).is_some(), "{key}");
    }
    assert_eq!(document["ok"], true);
    assert_eq!(document["state"], "completed");
    assert_eq!(document["as_rehearsed"], true);
    assert_eq!(document["steps"][1]["step"], "before");
    assert_eq!(document["steps"][1]["target"], "shop0");
    assert_eq!(document["steps"][1]["state"], "ok");
    assert!(document["steps"][1]["seconds"].is_number());
    assert_eq!(document["bundle"], "backups/x.bundle.tar");
    assert_eq!(document["archives"][0]["proof"], "identical");
    assert!(document.get("error").is_none());
}

#[tokio::test]
async fn a_copy_that_differs_stops_the_run_before_the_command() {
    let hands = Scripted {
        proof: Ok(Proven::Different),
        ..Scripted::default()
    };
    let run = run(terms(), &hands).await;
    assert_eq!(run.ended.unwrap(), Outcome::ProofFailed);
    assert!(!hands.asked("migration"));
    assert_eq!(
        (run.report.exit, run.report.state.as_str()),
        (3, "proof_failed")
    );
    let document = run_json(&run.report);
    assert_eq!(document["ok"], false);
    assert_eq!(document["error"]["code"], "different");
    assert_eq!(
        document["error"]["causes"][0],
        "public.orders: rows: expected 7, found 6"
    );
    let migration = run
        .report
        .steps
        .iter()
        .find(|s| s.step == "migration")
        .unwrap();
    assert_eq!(
        migration.reason.as_deref(),
        Some("not reached: proof failed")
    );
}

#[tokio::test]
async fn an_archive_that_does_not_restore_stops_the_run_before_the_command() {
    for (stop, outcome, exit) in [
        (Stop::NotRestorable, Outcome::ProofFailed, 3),
        (Stop::Refused, Outcome::Refused, 4),
        (Stop::Failed, Outcome::Failed, 1),
        (Stop::Interrupted(15), Outcome::Failed, 143),
    ] {
        let hands = Scripted {
            proof: Err(stop),
            ..Scripted::default()
        };
        let run = run(terms(), &hands).await;
        assert_eq!(run.ended.unwrap(), outcome);
        assert_eq!(run.report.exit, exit);
        assert!(!hands.asked("migration"));
        assert!(run.report.advice[0].contains("not changed"));
    }
}

#[tokio::test]
async fn a_waived_proof_lets_the_command_run_and_is_told() {
    let hands = Scripted {
        proof: Ok(Proven::Different),
        ..Scripted::default()
    };
    let waiving = Terms {
        no_proof: Some(Reason::new("tried yesterday").unwrap()),
        ..terms()
    };
    let run = run(waiving, &hands).await;
    assert_eq!(run.ended.unwrap(), Outcome::Completed);
    assert!(!hands.asked("proof 0") && hands.asked("migration"));
    let text = run_text(&run.report);
    assert!(text.contains("skipped: tried yesterday"), "{text}");
    assert!(text.contains("--no-proof: tried yesterday"), "{text}");
}

#[tokio::test]
async fn a_fuzzy_backup_is_refused_unless_accepted() {
    for consistent in [None, Some(false)] {
        let fuzzy = || Scripted {
            consistent,
            ..Scripted::default()
        };
        let hands = fuzzy();
        let refused = run(terms(), &hands).await;
        assert_eq!(refused.ended.unwrap(), Outcome::Refused);
        assert_eq!(refused.report.exit, 4);
        assert!(!hands.asked("proof 0") && !hands.asked("migration"));
        let hint = refused.report.error.unwrap().hint.unwrap();
        assert!(hint.contains("--accept-writes"), "{hint}");
        let accepting = Terms {
            accept_writes: Some(Reason::new("only the queue").unwrap()),
            ..terms()
        };
        let accepted = run(accepting, &fuzzy()).await;
        assert_eq!(accepted.ended.unwrap(), Outcome::Completed);
    }
}

#[tokio::test]
async fn a_command_that_fails_is_told_with_the_way_back() {
    for (end, outcome, exit) in [
        (CommandEnd::Exited(3), Outcome::MigrationFailed, 5),
        (CommandEnd::Signalled(9), Outcome::MigrationFailed, 5),
        (CommandEnd::TimedOut, Outcome::MigrationFailed, 5),
        (CommandEnd::Interrupted(2), Outcome::MigrationFailed, 130),
        (CommandEnd::Unseen, Outcome::MigrationUnknown, 5),
        (CommandEnd::NotStarted, Outcome::Failed, 1),
    ] {
        let hands = Scripted {
            migration: Ok(end),
            ..Scripted::default()
        };
        let run = run(terms(), &hands).await;
        assert_eq!(run.ended.unwrap(), outcome, "{end:?}");
        assert_eq!(run.report.exit, exit, "{end:?}");
        assert!(!hands.asked("after 0"));
        let text = run_text(&run.report);
        assert_eq!(
            text.contains("Undo: "),
            outcome != Outcome::Failed,
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_command_nobody_could_wait_for_is_unknown() {
    let hands = Scripted {
        migration: Err(Stop::Failed),
        ..Scripted::default()
    };
    let run = run(terms(), &hands).await;
    assert_eq!(run.ended.unwrap(), Outcome::MigrationUnknown);
    let migration = run
        .report
        .steps
        .iter()
        .find(|s| s.step == "migration")
        .unwrap();
    assert_eq!(migration.state, StepState::Unknown);
}

#[tokio::test]
async fn a_failed_check_is_not_a_failed_migration() {
    let hands = Scripted {
        check: CommandEnd::Exited(1),
        ..Scripted::default()
    };
    let checking = Terms {
        check: true,
        ..terms()
    };
    let run = run(checking, &hands).await;
    assert_eq!(run.ended.unwrap(), Outcome::CheckFailed);
    assert_eq!(run.report.exit, 5);
    let states = states(&run.report);
    assert!(states.contains(&("migration", StepState::Ok)));
    assert!(states.contains(&("check", StepState::Failed)));
}

#[tokio::test]
async fn a_failed_after_backup_never_hides_the_migration() {
    for (stop, exit) in [(Stop::Failed, 1), (Stop::Interrupted(2), 130)] {
        let hands = Scripted {
            after: Err(stop),
            ..Scripted::default()
        };
        let run = run(terms(), &hands).await;
        assert_eq!(run.ended.unwrap(), Outcome::CompletedWithoutAfter);
        assert_eq!(run.report.exit, exit);
        assert!(states(&run.report).contains(&("migration", StepState::Ok)));
        let text = run_text(&run.report);
        assert!(text.contains("the migration stands"), "{text}");
    }
}

#[tokio::test]
async fn a_signal_between_two_steps_ends_the_run_there() {
    let hands = Scripted {
        interrupted_after: Some("before 0"),
        ..Scripted::default()
    };
    let run = run(terms(), &hands).await;
    assert_eq!(run.ended.unwrap(), Outcome::Failed);
    assert_eq!(run.report.exit, 130);
    assert!(!hands.asked("proof 0"));
}

#[tokio::test]
async fn several_targets_are_all_proven_before_anything_migrates() {
    let hands = Scripted::default();
    let two = Terms {
        targets: 2,
        ..terms()
    };
    let run = run(two, &hands).await;
    assert_eq!(run.ended.unwrap(), Outcome::Completed);
    assert_eq!(
        *hands.asked.lock().unwrap(),
        [
            "preflight 0",
            "preflight 1",
            "before 0",
            "before 1",
            "proof 0",
            "proof 1",
            "rehearsal",
            "let go",
            "gap",
            "migration",
            "after 0",
            "after 1",
            "compare",
            "compare",
            "bundle",
        ]
    );
    assert_eq!(run.report.undo, ["bookend rollback 20261120T043512Z-shop"]);
    assert!(run_text(&run.report).contains("shop1: identical"));
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_starts_nothing_more() {
    for lines in 1..20 {
        let hands = Scripted::default();
        let paper = Paper {
            lines: Some(lines),
            ..Paper::default()
        };
        let run = run_on(paper, terms(), &hands).await;
        assert!(matches!(run.ended, Err(JournalError::Write(_))), "{lines}");
        let intended = String::from_utf8(run.bytes).unwrap();
        assert_eq!(
            hands.asked("migration"),
            intended.contains(r#"{"begun":"migration"}"#),
            "after {lines} records"
        );
        let last = intended.lines().last().unwrap_or_default();
        if last.contains(r#"{"begun":"migration"}"#) {
            assert_eq!(
                run.unrecorded.as_deref(),
                Some(
                    &[
                        "exit 0".to_owned(),
                        "variables pointed at the target: DATABASE_URL".to_owned()
                    ][..]
                )
            );
        }
    }
}
