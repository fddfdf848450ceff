//! Whole runs with scripted hands: what is started, what is recorded, what is told.

mod crashes;
mod left;
mod runs;
mod ways;

use std::io;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::drive::Bracket;
use super::event::{
    Answer, CommandEnd, Matched, Note, Proven, PutBack, Rehearsed, Seen, Stop, Terms,
};
use super::hands::{
    BackedUp, Bundled, Compared, Ended, Hands, Looked, Notes, Proved, RolledBack, Side, Tried,
    Trouble, Unwatched,
};
use super::history::{Writer, report};
use super::journal::{
    AppendFile, ArchiveFacts, CommandFacts, CopyFacts, Journal, JournalError, Plan, PlannedTarget,
    ProofFacts, Setback,
};
use super::outcome::Outcome;
use crate::report::run::{RunReport, StepState};

const RUN: &str = "20261120T043512Z-shop";

#[derive(Clone, Default)]
struct Paper {
    bytes: Arc<Mutex<Vec<u8>>>,
    lines: Option<usize>,
}

impl AppendFile for Paper {
    fn append(&mut self, line: &str) -> io::Result<()> {
        let mut written = self.bytes.lock().unwrap();
        let lines = memchr::memchr_iter(b'\n', &written).count();
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
    rehearsal: Result<Rehearsed, Stop>,
    answer: Answer,
    quiesce: CommandEnd,
    unquiesce: CommandEnd,
    /// What is seen, look by look; quiet after that.
    gaps: Mutex<Vec<Seen>>,
    alone: bool,
    matched: Matched,
    put_back: Result<(), Stop>,
    migration: Result<CommandEnd, Stop>,
    check: CommandEnd,
    after: Result<(), Stop>,
    interrupted_after: Option<&'static str>,
    asked: Mutex<Vec<String>>,
}

/// A rehearsal that goes well.
const WELL: Rehearsed = Rehearsed {
    end: CommandEnd::Exited(0),
    check: None,
    astray: false,
    losses_refused: false,
};

impl Default for Scripted {
    fn default() -> Self {
        Self {
            consistent: Some(true),
            proof: Ok(Proven::Identical),
            rehearsal: Ok(WELL),
            answer: Answer::GoOn,
            quiesce: CommandEnd::Exited(0),
            unquiesce: CommandEnd::Exited(0),
            gaps: Mutex::default(),
            alone: true,
            matched: Matched {
                as_rehearsed: Some(true),
                lost_more: false,
            },
            put_back: Ok(()),
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
            nouns: crate::snapshot::Nouns::TABLES,
            notes: Vec::new(),
        })
    }

    async fn prove(
        &self,
        target: usize,
        archive: &ArchiveFacts,
        keep: bool,
    ) -> Result<Proved, Trouble> {
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
                template: None,
            },
            copy: keep.then(|| CopyFacts {
                name: format!("shop{target}_bookend_7f3a"),
                server: "postgres://ada@db/postgres".to_owned(),
            }),
            lines: vec![line],
        })
    }

    fn rehearsal(&self) -> CommandFacts {
        CommandFacts {
            repointed: Vec::new(),
            ..self.migration()
        }
    }

    async fn rehearse(
        &self,
        befores: &[ArchiveFacts],
        notes: &dyn Notes,
    ) -> Result<Tried, Trouble> {
        self.note("rehearsal");
        let started = Note::Started {
            pid: 4711,
            since: None,
        };
        // As the real hands: a note that cannot be written ends nothing that runs.
        let _ = notes.note(started);
        let rehearsed = self.rehearsal.map_err(trouble)?;
        Ok(Tried {
            repointed: Vec::new(),
            rehearsed,
            lines: vec!["exit 0 on shop0_bookend_7f3a".to_owned()],
            setback: rehearsed
                .losses_refused
                .then(|| trouble(Stop::Refused).setback),
            differences: befores
                .iter()
                .map(|_| json!({"same": false, "loss": false, "objects": []}))
                .collect(),
            observed: None,
        })
    }

    async fn let_go(&self, _meanwhile: bool) -> Vec<String> {
        self.note("let go");
        Vec::new()
    }

    async fn ask(&self) -> Result<Answer, Trouble> {
        self.note("pause");
        Ok(self.answer)
    }

    fn holding(&self, stop: bool) -> CommandFacts {
        CommandFacts {
            words: vec![if stop { "stop" } else { "start" }.to_owned()],
            repointed: Vec::new(),
            ..self.migration()
        }
    }

    async fn quiesce(&self, _notes: &dyn Notes) -> Result<Ended, Trouble> {
        self.note("quiesce");
        Ok(Ended {
            end: self.quiesce,
            notes: Vec::new(),
        })
    }

    async fn unquiesce(&self, _notes: &dyn Notes) -> Result<Ended, Trouble> {
        self.note("unquiesce");
        Ok(Ended {
            end: self.unquiesce,
            notes: Vec::new(),
        })
    }

    async fn look(
        &self,
        befores: &[ArchiveFacts],
        _rehearsed: &[Option<&Value>],
    ) -> Result<Looked, Trouble> {
        self.note("gap");
        assert!(!befores.is_empty());
        let mut gaps = self.gaps.lock().unwrap();
        let seen = if gaps.is_empty() {
            Seen::Quiet
        } else {
            gaps.remove(0)
        };
        let line = match seen {
            Seen::Quiet => "quiet: no write was seen",
            Seen::Written => "public.orders was written to",
            Seen::Repeated => "public.orders was migrated",
        };
        Ok(Looked {
            seen,
            lines: vec![line.to_owned()],
            quiet: Vec::new(),
            setback: (seen == Seen::Repeated).then(Setback::default),
        })
    }

    async fn bundle(&self) -> Result<Bundled, Trouble> {
        self.note("bundle");
        Ok(Bundled {
            path: "backups/x.bundle.tar".to_owned(),
            lines: vec!["backups/x.bundle.tar".to_owned()],
        })
    }

    async fn roll_back(
        &self,
        befores: &[ArchiveFacts],
        _afters: &[ArchiveFacts],
    ) -> Result<RolledBack, Trouble> {
        self.note("rollback");
        self.put_back.map_err(trouble)?;
        Ok(RolledBack {
            came_to: PutBack::Swapped,
            lines: vec!["swap: shop is as before".to_owned()],
            kept_as: befores
                .iter()
                .map(|_| Some("shop_failed".to_owned()))
                .collect(),
        })
    }

    async fn still_alone(&self) -> Result<(), Trouble> {
        if self.alone {
            Ok(())
        } else {
            Err(trouble(Stop::Refused))
        }
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

    async fn migrate(&self, _notes: &dyn Notes) -> Result<Ended, Trouble> {
        self.note("migration");
        let end = self.migration.map_err(trouble)?;
        Ok(Ended {
            end,
            notes: Vec::new(),
        })
    }

    async fn check(&self, _notes: &dyn Notes) -> Result<Ended, Trouble> {
        self.note("check");
        Ok(Ended {
            end: self.check,
            notes: Vec::new(),
        })
    }

    async fn compare(
        &self,
        _target: usize,
        (before, after): (&ArchiveFacts, &ArchiveFacts),
        rehearsed: Option<&serde_json::Value>,
    ) -> Result<Compared, Trouble> {
        assert!(before.id.ends_with("before") && after.id.ends_with("after"));
        self.note("compare");
        Ok(Compared {
            lines: vec![
                "public.users: column name → full_name (same values)".to_owned(),
                "no data lost".to_owned(),
            ],
            difference: json!({"same": false, "loss": false, "objects": []}),
            unlike: Vec::new(),
            matched: match rehearsed {
                Some(_) => self.matched,
                None => Matched::default(),
            },
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
        ..Terms::default()
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
        ..Plan::default()
    }
}

struct Run {
    ended: Result<Outcome, JournalError>,
    bytes: Vec<u8>,
    report: RunReport,
    unrecorded: Option<Vec<String>>,
}

async fn run_on(paper: Paper, terms: Terms, hands: &Scripted) -> Run {
    let journal = Journal::new(Box::new(paper.clone()), noon);
    let plan = plan(terms.targets);
    let bracket = Bracket::begin(journal, plan, terms, hands, &Unwatched).unwrap();
    driven(bracket, &paper).await
}

async fn driven(mut bracket: Bracket<'_>, paper: &Paper) -> Run {
    let ended = bracket.drive().await;
    let (journal, unrecorded) = bracket.finish();
    let report = report(RUN, journal.records(), journal.state(), Writer::Alive);
    let bytes = paper.bytes.lock().unwrap().clone();
    Run {
        ended,
        bytes,
        report,
        unrecorded,
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
