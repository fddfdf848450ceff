//! The ways that only some runs go: a rehearsal that says no, writes of others, what is
//! stopped and started again, a rollback.

use std::sync::Mutex;

use super::{Scripted, WELL, run, states, terms};
use crate::bracket::event::{Answer, CommandEnd, Matched, Rehearsed, Seen, Stop, Terms};
use crate::bracket::outcome::Outcome;
use crate::bracket::reason::Reason;
use crate::report::run::{StepState, run_text};

fn asked(hands: &Scripted) -> Vec<String> {
    hands.asked.lock().unwrap().clone()
}

#[tokio::test]
async fn a_rehearsal_that_fails_keeps_the_command_off_the_target() {
    let failing = [
        Rehearsed {
            end: CommandEnd::Exited(3),
            ..WELL
        },
        Rehearsed {
            end: CommandEnd::TimedOut,
            ..WELL
        },
        Rehearsed {
            check: Some(CommandEnd::Exited(1)),
            ..WELL
        },
        Rehearsed {
            astray: true,
            ..WELL
        },
    ];
    for rehearsed in failing {
        let hands = Scripted {
            rehearsal: Ok(rehearsed),
            ..Scripted::default()
        };
        let run = run(terms(), &hands).await;
        assert_eq!(run.ended.unwrap(), Outcome::RehearsalFailed);
        assert_eq!(run.report.exit, 5);
        assert!(!hands.asked("migration") && hands.asked("let go"));
        assert!(states(&run.report).contains(&("rehearsal", StepState::Failed)));
        assert!(run_text(&run.report).contains("it was not started on the target"));
    }
}

#[tokio::test]
async fn loss_that_nothing_allows_is_refused() {
    let hands = Scripted {
        rehearsal: Ok(Rehearsed {
            losses_refused: true,
            ..WELL
        }),
        ..Scripted::default()
    };
    let run = run(terms(), &hands).await;
    assert_eq!(run.ended.unwrap(), Outcome::LossRefused);
    assert_eq!(
        (run.report.exit, run.report.state.as_str()),
        (4, "loss_refused")
    );
    assert!(!hands.asked("migration"));
}

#[tokio::test]
async fn a_signal_during_the_rehearsal_ends_the_run_as_that() {
    let hands = Scripted {
        rehearsal: Err(Stop::Interrupted(15)),
        ..Scripted::default()
    };
    let run = run(terms(), &hands).await;
    assert_eq!(run.ended.unwrap(), Outcome::Failed);
    assert_eq!(run.report.exit, 143);
    assert!(hands.asked("let go"));
}

#[tokio::test]
async fn a_rehearsal_alone_ends_with_it_and_never_migrates() {
    let hands = Scripted {
        // What an archive to come back to has to be, one to try on need not.
        consistent: None,
        ..Scripted::default()
    };
    let only = Terms {
        rehearse_only: true,
        check: true,
        ..terms()
    };
    let run = run(only, &hands).await;
    assert_eq!(run.ended.unwrap(), Outcome::Rehearsed);
    assert_eq!(
        (run.report.exit, run.report.state.as_str()),
        (0, "completed")
    );
    assert!(!hands.asked("migration") && !hands.asked("gap"));
    assert_eq!(run.report.steps.len(), 4);
    assert_eq!(run.report.rehearsals.len(), 1);
    assert!(run.report.undo.is_empty());
}

#[tokio::test]
async fn a_person_who_says_no_is_obeyed() {
    let hands = Scripted {
        answer: Answer::Stop,
        ..Scripted::default()
    };
    let pausing = Terms {
        pause: true,
        ..terms()
    };
    let refused = run(pausing.clone(), &hands).await;
    assert_eq!(refused.ended.unwrap(), Outcome::Refused);
    assert!(!hands.asked("migration") && !hands.asked("gap"));
    let hands = Scripted::default();
    let agreed = run(pausing, &hands).await;
    assert_eq!(agreed.ended.unwrap(), Outcome::Completed);
    assert!(hands.asked("pause") && hands.asked("migration"));
}

#[tokio::test]
async fn a_target_that_was_changed_like_its_copy_is_not_migrated_whoever_accepts_writes() {
    let hands = Scripted {
        gaps: Mutex::new(vec![Seen::Repeated]),
        ..Scripted::default()
    };
    let accepting = Terms {
        accept_writes: Some(Reason::new("it is busy").unwrap()),
        ..terms()
    };
    let run = run(accepting, &hands).await;
    assert_eq!(run.ended.unwrap(), Outcome::RehearsalFailed);
    assert!(!hands.asked("migration"));
}

#[tokio::test]
async fn writes_of_others_cost_a_fresh_backup_with_a_proof_of_its_own() {
    let hands = Scripted {
        gaps: Mutex::new(vec![Seen::Written]),
        ..Scripted::default()
    };
    let run = run(terms(), &hands).await;
    assert_eq!(run.ended.unwrap(), Outcome::Completed);
    assert_eq!(
        asked(&hands),
        [
            "preflight 0",
            "before 0",
            "proof 0",
            "rehearsal",
            "let go",
            "gap",
            "before 0",
            "proof 0",
            "let go",
            "gap",
            "migration",
            "after 0",
            "compare",
            "bundle",
        ]
    );
    let befores = run.report.archives.iter().filter(|a| a.step == "before");
    assert_eq!(befores.count(), 2);
    assert_eq!(run.report.undo.len(), 1);
}

#[tokio::test]
async fn who_still_writes_then_has_to_be_accepted() {
    let busy = || Scripted {
        gaps: Mutex::new(vec![Seen::Written, Seen::Written]),
        ..Scripted::default()
    };
    let hands = busy();
    let refused = run(terms(), &hands).await;
    assert_eq!(refused.ended.unwrap(), Outcome::Refused);
    assert!(!hands.asked("migration"));
    assert_eq!(refused.report.error.unwrap().code, "not-quiet");
    let accepting = Terms {
        accept_writes: Some(Reason::new("only the queue").unwrap()),
        ..terms()
    };
    let accepted = run(accepting, &busy()).await;
    assert_eq!(accepted.ended.unwrap(), Outcome::Completed);
}

fn stopping() -> Terms {
    Terms {
        quiesce: true,
        unquiesce: true,
        ..terms()
    }
}

#[tokio::test]
async fn what_is_stopped_before_the_gap_is_started_again_whatever_comes() {
    let cases: [(Scripted, Outcome); 5] = [
        (Scripted::default(), Outcome::Completed),
        (
            Scripted {
                migration: Ok(CommandEnd::Exited(3)),
                ..Scripted::default()
            },
            Outcome::MigrationFailed,
        ),
        (
            Scripted {
                after: Err(Stop::Interrupted(2)),
                ..Scripted::default()
            },
            Outcome::CompletedWithoutAfter,
        ),
        (
            Scripted {
                quiesce: CommandEnd::Exited(1),
                ..Scripted::default()
            },
            Outcome::Failed,
        ),
        (
            Scripted {
                interrupted_after: Some("gap"),
                ..Scripted::default()
            },
            Outcome::Failed,
        ),
    ];
    for (hands, outcome) in cases {
        let run = run(stopping(), &hands).await;
        assert_eq!(run.ended.unwrap(), outcome);
        let asked = asked(&hands);
        let at = |what: &str| asked.iter().position(|one| one == what);
        assert!(at("quiesce") > at("rehearsal"), "{asked:?}");
        assert!(at("unquiesce") > at("quiesce"), "{asked:?}");
        assert!(at("compare").is_none() || at("compare") > at("unquiesce"));
    }
}

#[tokio::test]
async fn what_stays_stopped_is_told_and_is_no_success() {
    let hands = Scripted {
        unquiesce: CommandEnd::Exited(7),
        ..Scripted::default()
    };
    let run = run(stopping(), &hands).await;
    assert_eq!(run.ended.unwrap(), Outcome::Completed);
    assert_eq!(
        (run.report.exit, run.report.state.as_str()),
        (1, "completed")
    );
    let hint = run.report.error.unwrap().hint.unwrap();
    assert_eq!(hint, "start it again by hand: start");
}

#[tokio::test]
async fn a_migration_that_loses_more_than_its_rehearsal_is_exit_3() {
    let hands = Scripted {
        matched: Matched {
            as_rehearsed: Some(false),
            lost_more: true,
        },
        ..Scripted::default()
    };
    let run = run(terms(), &hands).await;
    assert_eq!(run.ended.unwrap(), Outcome::CompletedWithLoss);
    assert_eq!(
        (run.report.exit, run.report.state.as_str()),
        (3, "completed")
    );
    assert_eq!(run.report.as_rehearsed, Some(false));
}

#[tokio::test]
async fn a_failed_migration_is_rolled_back_at_once_if_that_was_asked_for() {
    let hands = Scripted {
        migration: Ok(CommandEnd::Exited(3)),
        ..Scripted::default()
    };
    let rolling = Terms {
        rollback: true,
        ..stopping()
    };
    let run = run(rolling, &hands).await;
    assert_eq!(run.ended.unwrap(), Outcome::FailedAndRolledBack);
    // Whoever goes on after exit 0 must not: the migration failed.
    assert_eq!(
        (run.report.exit, run.report.state.as_str()),
        (5, "rolled_back")
    );
    let asked = asked(&hands);
    let at = |what: &str| asked.iter().position(|one| one == what);
    assert!(
        at("rollback").is_some() && at("unquiesce") > at("rollback"),
        "{asked:?}"
    );
    assert!(run.report.undo.is_empty());
}

#[tokio::test]
async fn a_migration_that_was_broken_off_is_not_rolled_back_behind_the_persons_back() {
    let hands = Scripted {
        migration: Ok(CommandEnd::Interrupted(2)),
        interrupted_after: Some("migration"),
        ..Scripted::default()
    };
    let rolling = Terms {
        rollback: true,
        ..terms()
    };
    let run = run(rolling, &hands).await;
    assert_eq!(run.ended.unwrap(), Outcome::MigrationFailed);
    assert_eq!(run.report.exit, 130);
    assert!(!hands.asked("rollback"));
}

#[tokio::test]
async fn nothing_is_written_to_a_target_that_somebody_else_migrates() {
    let hands = Scripted {
        alone: false,
        ..Scripted::default()
    };
    let run = run(terms(), &hands).await;
    assert_eq!(run.ended.unwrap(), Outcome::Refused);
    assert!(!hands.asked("migration"));
}
