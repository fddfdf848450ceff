//! Runs that a process left at each of their records, and what `resume` and `abort` make of
//! them.

use std::sync::Arc;

use super::{Paper, Run, Scripted, driven, noon, run, terms};
use crate::bracket::drive::Bracket;
use crate::bracket::event::{CommandEnd, Done, Event, Proven, Stop, Terms};
use crate::bracket::hands::Unwatched;
use crate::bracket::history::{Writer, report};
use crate::bracket::journal::{Journal, read};
use crate::bracket::outcome::Outcome;
use crate::bracket::state::State;
use crate::bracket::step::Step;

/// The journal cut after so many records, as another process finds it.
fn left(whole: &[u8], records: usize) -> Option<(Paper, Journal)> {
    let end = memchr::memchr_iter(b'\n', whole).nth(records.checked_sub(1)?)? + 1;
    let history = read(&whole[..end]).unwrap();
    let paper = Paper::default();
    paper.bytes.lock().unwrap().extend(&whole[..end]);
    let journal = Journal::reopened(Box::new(paper.clone()), noon, history);
    Some((paper, journal))
}

async fn taken_over(whole: &[u8], records: usize, event: Event, hands: &Scripted) -> Option<Run> {
    let (paper, journal) = left(whole, records)?;
    if let State::New | State::Ended(..) = journal.state() {
        return None;
    }
    let bracket = Bracket::go_on(journal, event, Vec::new(), hands, &Unwatched).ok()?;
    Some(driven(bracket, &paper).await)
}

fn everything() -> Terms {
    Terms {
        targets: 2,
        check: true,
        pause: true,
        quiesce: true,
        unquiesce: true,
        ..terms()
    }
}

fn has(bytes: &[u8], what: &str) -> bool {
    memchr::memmem::find(bytes, what.as_bytes()).is_some()
}

#[tokio::test]
async fn resumed_after_any_record_a_run_completes_or_is_unknown() {
    let whole = run(everything(), &Scripted::default()).await.bytes;
    let all = memchr::memchr_iter(b'\n', &whole).count();
    for records in 1..all {
        let hands = Scripted::default();
        let run = taken_over(&whole, records, Event::Resumed, &hands)
            .await
            .unwrap();
        let cut = left(&whole, records).unwrap().0;
        let before = cut.bytes.lock().unwrap().clone();
        let begun = has(&before, r#"{"begun":"migration"}"#);
        let over = has(&before, r#""migration":{"exited":0}"#);
        let expected = if begun && !over {
            Outcome::MigrationUnknown
        } else {
            Outcome::Completed
        };
        assert_eq!(run.ended.unwrap(), expected, "after {records} records");
        assert_eq!(hands.asked("migration"), !begun, "after {records} records");
        if !begun {
            // Time has passed: somebody looks right before the migration.
            assert!(hands.asked("gap"), "after {records} records");
        }
        let rehearsed = has(&before, r#""done":{"rehearsal""#);
        assert_eq!(hands.asked("rehearsal"), !rehearsed, "after {records}");
        let stopped = has(&run.bytes, r#"{"begun":"quiesce"}"#);
        let started = has(&run.bytes, r#"{"done":{"unquiesce":{"exited":0}}}"#);
        assert_eq!(stopped, started, "after {records} records");
        let history = read(&run.bytes).unwrap();
        assert!(!history.torn);
        let times: Vec<u64> = history.records.iter().map(|r| r.elapsed_ms).collect();
        assert!(times.is_sorted(), "{times:?}");
    }
}

#[tokio::test]
async fn aborted_after_any_record_a_run_ends_as_what_it_has_come_to() {
    let whole = run(everything(), &Scripted::default()).await.bytes;
    let all = memchr::memchr_iter(b'\n', &whole).count();
    for records in 1..all {
        let hands = Scripted::default();
        let run = taken_over(&whole, records, Event::Aborted, &hands)
            .await
            .unwrap();
        let before = left(&whole, records)
            .unwrap()
            .0
            .bytes
            .lock()
            .unwrap()
            .clone();
        let outcome = run.ended.unwrap();
        assert_eq!(
            outcome == Outcome::Aborted,
            !has(&before, r#"{"begun":"migration"}"#),
            "after {records} records: {outcome}"
        );
        assert!(!hands.asked("migration") && !hands.asked("after 0"));
        let stopped = has(&before, r#"{"begun":"quiesce"}"#);
        let started = has(&run.bytes, r#"{"done":{"unquiesce":{"exited":0}}}"#);
        assert_eq!(stopped, started, "after {records} records");
    }
}

#[tokio::test]
async fn a_second_resume_or_abort_finds_nothing_to_do() {
    let whole = run(terms(), &Scripted::default()).await.bytes;
    let all = memchr::memchr_iter(b'\n', &whole).count();
    for event in [Event::Resumed, Event::Aborted] {
        assert!(
            taken_over(&whole, all, event, &Scripted::default())
                .await
                .is_none()
        );
    }
}

#[tokio::test]
async fn a_fresh_backup_that_was_cut_short_is_taken_and_proven_again() {
    let hands = Scripted {
        gaps: std::sync::Mutex::new(vec![crate::bracket::Seen::Written]),
        ..Scripted::default()
    };
    let whole = run(terms(), &hands).await.bytes;
    let records = read(&whole).unwrap().records;
    let second = records
        .iter()
        .rposition(|r| r.event == Event::Begun(Step::Before))
        .unwrap();
    for cut in second..second + 5 {
        let hands = Scripted::default();
        let run = taken_over(&whole, cut, Event::Resumed, &hands)
            .await
            .unwrap();
        assert_eq!(run.ended.unwrap(), Outcome::Completed);
        assert!(!hands.asked("rehearsal"), "once is enough");
        let proofs = read(&run.bytes).unwrap().records;
        let last = |wanted: &Event| proofs.iter().rposition(|r| r.event == *wanted);
        let proven = last(&Event::Done(Done::Proof(Proven::Identical)));
        let begun = last(&Event::Begun(Step::Before));
        assert!(proven > begun, "the archive that counts is the proven one");
    }
}

#[tokio::test]
async fn a_rollback_cut_short_at_any_record_is_finished_by_resume() {
    let failing = || Scripted {
        migration: Ok(CommandEnd::Exited(3)),
        ..Scripted::default()
    };
    let two = Terms {
        targets: 2,
        rollback: true,
        ..terms()
    };
    let whole = run(two, &failing()).await.bytes;
    let records = read(&whole).unwrap().records;
    let first = records
        .iter()
        .position(|r| r.event == Event::Begun(Step::Rollback))
        .unwrap();
    for cut in first + 1..records.len() {
        let hands = failing();
        let run = taken_over(&whole, cut, Event::Resumed, &hands)
            .await
            .unwrap();
        assert_eq!(run.ended.unwrap(), Outcome::FailedAndRolledBack);
        assert!(hands.asked("rollback") && !hands.asked("migration"));
    }
}

#[tokio::test]
async fn a_rollback_that_stops_half_way_is_left_for_resume_and_says_so() {
    let hands = Scripted {
        migration: Ok(CommandEnd::Exited(3)),
        put_back: Err(Stop::HalfWay),
        ..Scripted::default()
    };
    let two = Terms {
        targets: 2,
        rollback: true,
        ..terms()
    };
    let halted = run(two, &hands).await;
    assert!(halted.ended.is_err());
    let history = read(&halted.bytes).unwrap();
    let told = report("x", &history.records, &history.state, Writer::Gone);
    assert_eq!(told.state, "interrupted");
    let advice = told.advice.join("\n");
    assert!(advice.contains("bookend resume x"), "{advice}");
    assert!(advice.contains("kept from connecting"), "{advice}");
    let paper = Paper {
        bytes: Arc::new(std::sync::Mutex::new(halted.bytes)),
        lines: None,
    };
    let journal = Journal::reopened(Box::new(paper.clone()), noon, history);
    let better = Scripted::default();
    let bracket = Bracket::go_on(journal, Event::Resumed, Vec::new(), &better, &Unwatched).unwrap();
    let finished = driven(bracket, &paper).await;
    assert_eq!(finished.ended.unwrap(), Outcome::FailedAndRolledBack);
    assert!(better.asked("rollback"));
}

#[tokio::test]
async fn a_rollback_can_be_asked_for_wherever_the_migration_had_begun() {
    let whole = run(everything(), &Scripted::default()).await.bytes;
    let records = read(&whole).unwrap().records;
    let begun = records
        .iter()
        .position(|r| r.event == Event::Begun(Step::Migration))
        .unwrap();
    for cut in 1..=records.len() {
        let (paper, journal) = left(&whole, cut).unwrap();
        let hands = Scripted::default();
        let bracket = Bracket::go_on(
            journal,
            Event::RollbackAsked,
            Vec::new(),
            &hands,
            &Unwatched,
        )
        .ok();
        assert_eq!(bracket.is_some(), cut > begun, "after {cut} records");
        let Some(bracket) = bracket else { continue };
        let run = driven(bracket, &paper).await;
        assert_eq!(run.ended.unwrap(), Outcome::RolledBack, "after {cut}");
        assert_eq!((run.report.exit, run.report.error), (0, None));
        assert!(
            run.report
                .advice
                .iter()
                .any(|line| line.contains("shop_failed"))
        );
        // What was stopped is started again, once it is over.
        let opened = has(&run.bytes, r#"{"done":{"unquiesce":{"exited":0}}}"#);
        assert!(opened, "after {cut} records");
    }
}

#[tokio::test]
async fn a_rollback_that_is_refused_leaves_the_run_as_it_was() {
    let whole = run(terms(), &Scripted::default()).await.bytes;
    let all = memchr::memchr_iter(b'\n', &whole).count();
    let (paper, journal) = left(&whole, all).unwrap();
    let hands = Scripted {
        put_back: Err(Stop::Refused),
        ..Scripted::default()
    };
    let asked = Event::RollbackAsked;
    let bracket = Bracket::go_on(journal, asked, Vec::new(), &hands, &Unwatched).unwrap();
    let run = driven(bracket, &paper).await;
    assert_eq!(run.ended.unwrap(), Outcome::Completed);
    assert_eq!((run.report.exit, run.report.error), (0, None));
    assert!(!run.report.undo.is_empty());
}
