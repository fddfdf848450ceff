//! Whole runs with scripted hands: what is started, what is recorded, what is told.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::json;

use super::drive::Bracket;
use super::event::{CommandEnd, Proven, Reason, Stop, Terms};
use super::hands::{BackedUp, Compared, Ended, Hands, Proved, Side, Trouble, Unwatched};
use super::history::{Writer, report};
use super::journal::{
    AppendFile, ArchiveFacts, CommandFacts, Journal, JournalError, Plan, PlannedTarget, ProofFacts,
    Setback, read,
};
use super::state::Outcome;
use super::survey::{FoundRun, Partial, survey};
use crate::engine::{CopyKind, MadeDatabase};
use crate::report::run::{RunReport, StepState, run_json, run_text, status_json, status_text};

const RUN: &str = "20261120T043512Z-shop";

#[derive(Clone, Default)]
struct Paper {
    bytes: Arc<Mutex<Vec<u8>>>,
    lines: Option<usize>,
}

impl AppendFile for Paper {
    fn append(&mut self, line: &str) -> io::Result<()> {
        let mut written = self.bytes.lock().unwrap();
        let lines = written.iter().filter(|b| **b == b'\n').count();
        if self.lines.is_some_and(|most| lines >= most) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        written.extend(line.bytes().chain([b'\n']));
        Ok(())
    }
}

/// Hands that do nothing, end as they are told, and remember what was asked of them.
struct Scripted {
    consistent: Option<bool>,
    proof: Result<Proven, Stop>,
    migration: Result<CommandEnd, Stop>,
    check: CommandEnd,
    after: Result<(), Stop>,
    interrupted_after: Option<&'static str>,
    asked: Mutex<Vec<String>>,
}

impl Default for Scripted {
    fn default() -> Self {
        Self {
            consistent: Some(true),
            proof: Ok(Proven::Identical),
            migration: Ok(CommandEnd::Exited(0)),
            check: CommandEnd::Exited(0),
            after: Ok(()),
            interrupted_after: None,
            asked: Mutex::default(),
        }
    }
}

impl Scripted {
    fn asked(&self, what: &str) -> bool {
        self.asked.lock().unwrap().iter().any(|one| one == what)
    }

    fn note(&self, what: impl Into<String>) {
        self.asked.lock().unwrap().push(what.into());
    }
}

fn trouble(stop: Stop) -> Trouble {
    Trouble {
        stop,
        setback: Setback {
            code: "scripted".to_owned(),
            message: "the script says so".to_owned(),
            ..Setback::default()
        },
    }
}

fn archive(target: usize, side: &str, consistent: Option<bool>) -> ArchiveFacts {
    ArchiveFacts {
        id: format!("shop{target}-20261120T043512Z-{side}"),
        path: format!("backups/shop{target}-20261120T043512Z-{side}.tar"),
        objects: 42,
        rows: 4_300_000,
        bytes_raw: 1 << 30,
        bytes_stored: 171 << 20,
        consistent,
    }
}

#[async_trait]
impl Hands for Scripted {
    async fn preflight(&self, target: usize) -> Result<Vec<String>, Trouble> {
        self.note(format!("preflight {target}"));
        Ok(vec![
            "PostgreSQL 16.14 · 1.8 GiB · 42 tables".to_owned(),
            "free space on the server: not known".to_owned(),
        ])
    }

    async fn backup(&self, target: usize, side: Side) -> Result<BackedUp, Trouble> {
        let word = match side {
            Side::Before => "before",
            Side::After => "after",
        };
        self.note(format!("{word} {target}"));
        if let (Side::After, Err(stop)) = (side, self.after) {
            return Err(trouble(stop));
        }
        Ok(BackedUp {
            archive: archive(target, word, self.consistent),
            notes: Vec::new(),
        })
    }

    async fn prove(&self, target: usize, archive: &ArchiveFacts) -> Result<Proved, Trouble> {
        self.note(format!("proof {target}"));
        assert_eq!(archive.id, format!("shop{target}-20261120T043512Z-before"));
        let proven = self.proof.map_err(trouble)?;
        let (verdict, differences, line) = match proven {
            Proven::Identical => ("identical", Vec::new(), "identical: 42 tables".to_owned()),
            Proven::Different => (
                "different",
                vec![
                    json!({"object": "public.orders", "kind": "rows", "expected": "7", "found": "6"}),
                ],
                "different: 1 difference".to_owned(),
            ),
        };
        Ok(Proved {
            proven,
            facts: ProofFacts {
                verdict: verdict.to_owned(),
                receipt: None,
                differences,
            },
            lines: vec![line],
        })
    }

    fn migration(&self) -> CommandFacts {
        CommandFacts {
            words: vec!["migrate".to_owned()],
            log: "backups/runs/x/command.log".to_owned(),
            repointed: vec!["DATABASE_URL".to_owned()],
        }
    }

    fn checking(&self) -> CommandFacts {
        self.migration()
    }

    async fn migrate(&self) -> Result<Ended, Trouble> {
        self.note("migration");
        let end = self.migration.map_err(trouble)?;
        Ok(Ended {
            end,
            notes: Vec::new(),
        })
    }

    async fn check(&self) -> Result<Ended, Trouble> {
        self.note("check");
        Ok(Ended {
            end: self.check,
            notes: Vec::new(),
        })
    }

    async fn compare(
        &self,
        _target: usize,
        before: &ArchiveFacts,
        after: &ArchiveFacts,
    ) -> Result<Compared, Trouble> {
        assert!(before.id.ends_with("before") && after.id.ends_with("after"));
        self.note("compare");
        Ok(Compared {
            lines: vec![
                "public.users: column name → full_name (same values)".to_owned(),
                "no data lost".to_owned(),
            ],
            difference: json!({"same": false, "loss": false, "objects": []}),
        })
    }

    fn interrupted(&self) -> Option<i32> {
        self.interrupted_after
            .is_some_and(|step| self.asked(step))
            .then_some(2)
    }
}

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_149_312, 0).unwrap()
}

fn terms() -> Terms {
    Terms {
        targets: 1,
        no_proof: None,
        no_rehearsal: None,
        accept_writes: None,
        check: false,
    }
}

fn plan(targets: usize) -> Plan {
    Plan {
        run: RUN.to_owned(),
        bookend: "0.1.0".to_owned(),
        host: "db1".to_owned(),
        pid: 42,
        targets: (0..targets)
            .map(|n| PlannedTarget {
                label: format!("shop{n}"),
                engine: "postgresql".to_owned(),
                database: format!("shop{n}"),
                url: format!("postgres://ada@db/shop{n}"),
                origin: "DATABASE_URL".to_owned(),
            })
            .collect(),
        command: vec!["migrate".to_owned()],
        check: None,
        env: Vec::new(),
        prove_on: None,
        timeout_ms: None,
        options: Vec::new(),
        more: BTreeMap::new(),
    }
}

struct Run {
    ended: Result<Outcome, JournalError>,
    bytes: Vec<u8>,
    report: RunReport,
}

async fn run_on(paper: Paper, terms: Terms, hands: &Scripted) -> Run {
    let journal = Journal::new(Box::new(paper.clone()), noon);
    let plan = plan(terms.targets);
    let mut bracket = Bracket::begin(journal, plan, terms, hands, &Unwatched).unwrap();
    let ended = bracket.drive().await;
    let journal = bracket.journal();
    let report = report(RUN, journal.records(), journal.state(), Writer::Alive);
    let bytes = paper.bytes.lock().unwrap().clone();
    Run {
        ended,
        bytes,
        report,
    }
}

async fn run(terms: Terms, hands: &Scripted) -> Run {
    run_on(Paper::default(), terms, hands).await
}

/// The same report with the times of the interface's example.
fn timed(mut report: RunReport) -> RunReport {
    report.seconds = 55.0;
    for step in &mut report.steps {
        step.seconds = step.seconds.map(|_| match step.step.as_str() {
            "before" | "after" => 4.0,
            "proof" => 19.0,
            "migration" => 12.0,
            _ => 0.0,
        });
    }
    report
}

fn states(report: &RunReport) -> Vec<(&str, StepState)> {
    report
        .steps
        .iter()
        .map(|step| (step.step.as_str(), step.state))
        .collect()
}

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
            ("rehearsal", StepState::Skipped),
            ("gap", StepState::Skipped),
            ("migration", StepState::Ok),
            ("after", StepState::Ok),
            ("compare", StepState::Ok),
            ("bundle", StepState::Skipped),
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
      rehearsal   -     skipped: not there yet
      gap         -     skipped: not there yet
      migration  12 s   exit 0
      after       4 s   backups/shop0-20261120T043512Z-after.tar · 171 MiB · 4,300,000 rows · consistent
      compare     0 s   public.users: column name → full_name (same values)
                        no data lost
      bundle      -     skipped: not there yet
    completed in 55 s.   Undo: bookend restore shop0-20261120T043512Z-before --into shop0_before_20261120t043512z
      (that puts the state before into a new database beside the original; rollback in place is not there yet)
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
    assert!(document["as_rehearsed"].is_null());
    assert_eq!(document["steps"][1]["step"], "before");
    assert_eq!(document["steps"][1]["target"], "shop0");
    assert_eq!(document["steps"][1]["state"], "ok");
    assert!(document["steps"][1]["seconds"].is_number());
    assert_eq!(document["steps"][3]["reason"], "not there yet");
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
            "migration",
            "after 0",
            "after 1",
            "compare",
            "compare",
        ]
    );
    assert_eq!(run.report.undo.len(), 2);
    assert!(run_text(&run.report).contains("shop1: identical"));
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_starts_nothing_more() {
    for lines in 1..12 {
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
    }
}

/// What `status` says when the journal ends after each of its records.
#[tokio::test]
async fn a_crash_after_any_record_is_explained() {
    let whole = run(terms(), &Scripted::default()).await.bytes;
    let ends: Vec<usize> = memchr::memchr_iter(b'\n', &whole)
        .map(|at| at + 1)
        .collect();
    for (count, end) in std::iter::once(0).chain(ends.iter().copied()).enumerate() {
        for torn in [0, 9] {
            let cut = whole.get(..end + torn).unwrap_or(&whole);
            let status = survey(&[found(cut, Writer::Gone)], &[], &[]);
            let told = &status.runs[0];
            if end == whole.len() {
                assert_eq!(told.state, "completed");
                continue;
            }
            assert_eq!(told.state, "interrupted", "after {count} records");
            let text = String::from_utf8_lossy(&whole[..end]).into_owned();
            let begun = text.contains(r#"{"begun":"migration"}"#);
            let over = text.contains(r#""migration":{"exited":0}"#);
            let advice = told.advice.join("\n");
            assert_eq!(
                advice.contains("was not started"),
                !begun,
                "{count}: {advice}"
            );
            assert_eq!(
                advice.contains("not known"),
                begun && !over,
                "{count}: {advice}"
            );
            assert_eq!(
                advice.contains("migration stands"),
                over,
                "{count}: {advice}"
            );
            assert_eq!(advice.contains("not whole"), torn > 0, "{count}: {advice}");
            let unknown = told.steps.iter().any(|s| s.state == StepState::Unknown);
            let in_a_step = super::history::in_a_step(&read(cut).unwrap().state).is_some();
            assert_eq!(unknown, in_a_step, "after {count} records");
            assert!(!told.steps.iter().any(|s| s.state == StepState::Running));
        }
    }
}

fn found(journal: &[u8], writer: Writer) -> FoundRun {
    FoundRun {
        run: RUN.to_owned(),
        journal: Some(journal.to_vec()),
        path: "backups/runs/x/journal.jsonl".to_owned(),
        report: None,
        writer,
    }
}

#[tokio::test]
async fn status_tells_what_a_crash_left_and_keeps_quiet_about_what_is_in_use() {
    let whole = run(terms(), &Scripted::default()).await.bytes;
    let cut = memchr::memchr_iter(b'\n', &whole).nth(5).unwrap() + 1;
    let made = MadeDatabase {
        name: "shop_bookend_7f3a".to_owned(),
        kind: CopyKind::Disposable,
        engine: "postgresql".to_owned(),
        server: "postgres://ada@db/shop".to_owned(),
        identity: None,
        run: RUN.to_owned(),
        made: noon(),
    };
    let partial = Partial {
        path: "backups/.shop.tar.partial".to_owned(),
        bytes: 4096,
    };
    let mut gone = survey(
        &[found(&whole[..cut], Writer::Gone)],
        &[made.clone()],
        &[partial],
    );
    assert_eq!(gone.left_behind.len(), 2);
    gone.runs[0] = timed(gone.runs[0].clone());
    insta::assert_snapshot!(status_text(&gone), @r"
    run 20261120T043512Z-shop
      preflight   ok    PostgreSQL 16.14 · 1.8 GiB · 42 tables
                        free space on the server: not known
      before      4 s   backups/shop0-20261120T043512Z-before.tar · 171 MiB · 4,300,000 rows · consistent
      proof       ?     unknown: its end was not seen
      rehearsal   -     pending
      gap         -     pending
      migration   -     pending
      after       -     pending
      compare     -     pending
      bundle      -     pending
    interrupted after 55 s
      bookend ended without a word during this run
      COMMAND was not started; the target was not changed
      run it again when you are ready
      bookend resume and bookend abort are not there yet

    left behind
      database shop_bookend_7f3a (run 20261120T043512Z-shop)
          a copy that a command made and did not drop, if it was created at all: bookend copies drop shop_bookend_7f3a --on postgres://ada@db/shop
      file backups/.shop.tar.partial
          4.0 KiB of a backup that was never finished; not an archive: rm backups/.shop.tar.partial
    ");
    let alive = survey(&[found(&whole[..cut], Writer::Alive)], &[made], &[]);
    assert!(alive.left_behind.is_empty());
    assert_eq!(alive.runs[0].state, "running");
    assert_eq!(status_json(&alive)["state"], "running");
}

#[test]
fn a_store_where_nothing_ran_says_so() {
    let status = survey(&[], &[], &[]);
    assert_eq!(status_text(&status), "nothing has run\n");
    let document = status_json(&status);
    for key in [
        "run", "state", "targets", "steps", "archives", "report", "bundle",
    ] {
        assert!(document.get(key).is_some(), "{key}");
    }
    assert_eq!(document["ok"], true);
}

#[test]
fn a_damaged_journal_is_told_and_hides_no_other() {
    let mut hurt = found(b"garbage\nmore\n", Writer::Gone);
    hurt.run = "20261120T000000Z-other".to_owned();
    let status = survey(&[hurt, found(b"", Writer::Gone)], &[], &[]);
    assert_eq!(status.unreadable.len(), 1);
    assert_eq!(status.runs.len(), 1);
    assert_eq!(status.runs[0].state, "interrupted");
    assert!(status_text(&status).contains("line 1 of the journal is damaged"));
}
