//! The hands of a real run: operations on databases and archives, and COMMAND.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::{Value, json};

use super::command::{Command, Streams};
use super::event::{Proven, Stop};
use super::hands::{BackedUp, Compared, Ended, Hands, Proved, Side, Trouble};
use super::journal::{ArchiveFacts, CommandFacts, ProofFacts, Setback};
use super::words;
use crate::connection::Target;
use crate::engine::{CheckState, EngineError, Inspection};
use crate::operation::{
    self, BackupOutcome, BackupRequest, OperationError, Place, Proof, Verdict, Workspace,
};
use crate::report::figures::size;
use crate::report::run::change_lines;
use crate::snapshot::{Nouns, SeamError, Snapshot, diff};

/// An operation's failure as a person reads it.
#[derive(Clone, Debug)]
pub struct Explained {
    /// In words.
    pub setback: Setback,
    /// True if it was refused for safety.
    pub refused: bool,
}

/// What the hands are given beside the workspace.
pub struct Surroundings {
    /// Puts an operation's failure into words.
    pub explain: Box<dyn Fn(&OperationError) -> Explained + Send + Sync>,
    /// The signal by which somebody asked for the end.
    pub signal: Box<dyn Fn() -> Option<i32> + Send + Sync>,
}

/// One target of the run.
pub struct Subject {
    /// The database.
    pub target: Target,
    /// Where its proof's copy goes.
    pub place: Place,
    /// What was seen of it before the run was begun.
    pub inspection: Inspection,
    /// Whether its backups have to be asked for one point in time.
    pub consistent: bool,
}

/// Hands that do.
pub struct Live {
    ws: Workspace,
    subjects: Vec<Subject>,
    proofs: bool,
    migration: Command,
    check: Option<Command>,
    streams: Streams,
    surroundings: Surroundings,
    seen: Mutex<Vec<(usize, Side, Arc<Snapshot>)>>,
}

impl Live {
    /// Hands for these targets; `proofs` is false where the proof is waived.
    #[must_use]
    pub fn new(
        ws: Workspace,
        subjects: Vec<Subject>,
        proofs: bool,
        (migration, check): (Command, Option<Command>),
        streams: Streams,
        surroundings: Surroundings,
    ) -> Self {
        Self {
            ws,
            subjects,
            proofs,
            migration,
            check,
            streams,
            surroundings,
            seen: Mutex::default(),
        }
    }

    fn subject(&self, target: usize) -> Result<&Subject, Trouble> {
        self.subjects
            .get(target)
            .ok_or_else(|| plain(Stop::Failed, "no such target"))
    }

    fn trouble(&self, error: &OperationError) -> Trouble {
        let explained = (self.surroundings.explain)(error);
        let stop = match (self.surroundings.signal)() {
            Some(signal) => Stop::Interrupted(signal),
            None if explained.refused => Stop::Refused,
            None => Stop::Failed,
        };
        Trouble {
            stop,
            setback: explained.setback,
        }
    }

    /// An archive that does not restore is a proof that failed, not an accident.
    fn unproven(&self, error: &OperationError) -> Trouble {
        let mut trouble = self.trouble(error);
        if trouble.stop == Stop::Failed && does_not_restore(error) {
            trouble.stop = Stop::NotRestorable;
        }
        trouble
    }

    fn snapshot(&self, target: usize, side: Side) -> Option<Arc<Snapshot>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter()
            .find(|(of, on, _)| (*of, *on) == (target, side))
            .map(|(_, _, snapshot)| Arc::clone(snapshot))
    }

    fn remember(&self, target: usize, side: Side, snapshot: &Arc<Snapshot>) {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((target, side, Arc::clone(snapshot)));
    }

    /// Free bytes where the copy would go.
    async fn free_bytes(&self, subject: &Subject) -> Result<Option<u64>, OperationError> {
        match &subject.place {
            Place::SameServer(_) => Ok(subject.inspection.free_bytes),
            Place::Other(target) => {
                let engine = self.ws.engines.get(target.engine())?;
                let there = engine.reach(&self.ws.context(), target).await?;
                Ok(there.free_bytes)
            }
        }
    }

    async fn drop_copy(&self, engine: &str, proof: Proof) -> Result<(), OperationError> {
        let engine = self.ws.engines.named(engine)?;
        operation::discard(&self.ws, engine.as_ref(), proof.copy).await
    }

    async fn run(&self, command: &Command) -> Result<Ended, Trouble> {
        command.run(&self.streams).await.map_err(|error| Trouble {
            stop: Stop::Failed,
            setback: Setback {
                code: "command-unseen".to_owned(),
                message: error.to_string(),
                ..Setback::default()
            },
        })
    }
}

#[async_trait]
impl Hands for Live {
    async fn preflight(&self, target: usize) -> Result<Vec<String>, Trouble> {
        let subject = self.subject(target)?;
        let seen = &subject.inspection;
        let bytes = seen.bytes;
        let nouns = self.ws.engines.nouns(subject.target.engine().name());
        let mut lines = vec![preflight_line(seen, nouns, self.proofs)];
        let mut obstacles = Vec::new();
        for check in &seen.checks {
            let told = match &check.fix {
                Some(fix) => format!("{}: {} ({fix})", check.what, check.found),
                None => format!("{}: {}", check.what, check.found),
            };
            match check.state {
                CheckState::Ok => {}
                CheckState::Failure if self.proofs => obstacles.push(told),
                CheckState::Warning | CheckState::Failure => lines.push(told),
            }
        }
        if !obstacles.is_empty() {
            return Err(preflight_refused(&subject.target, obstacles));
        }
        if self.proofs {
            let free = self
                .free_bytes(subject)
                .await
                .map_err(|e| self.trouble(&e))?;
            lines.push(match free {
                Some(free) => format!("free space where the copy goes: {}", size(free)),
                None => "free space on the server: not known".to_owned(),
            });
            let room = subject.place.room_for(bytes, free);
            room.map_err(|error| self.trouble(&error))?;
        }
        Ok(lines)
    }

    async fn backup(&self, target: usize, side: Side) -> Result<BackedUp, Trouble> {
        let subject = self.subject(target)?;
        let request = BackupRequest {
            suffix: Some(match side {
                Side::Before => "before",
                Side::After => "after",
            }),
            consistent: subject.consistent,
            ..BackupRequest::default()
        };
        let made = operation::backup(&self.ws, &subject.target, &request)
            .await
            .map_err(|error| self.trouble(&error))?;
        self.remember(target, side, &made.snapshot);
        Ok(BackedUp {
            archive: archive_facts(&made),
            nouns: self.ws.engines.nouns(&made.snapshot.engine),
            notes: made.notes,
        })
    }

    async fn prove(&self, target: usize, archive: &ArchiveFacts) -> Result<Proved, Trouble> {
        let subject = self.subject(target)?;
        let proof = operation::prove(&self.ws, Path::new(&archive.path), &subject.place)
            .await
            .map_err(|error| self.unproven(&error))?;
        let snapshot = self.snapshot(target, Side::Before);
        let engine = snapshot
            .as_ref()
            .map(|s| s.engine.clone())
            .unwrap_or_default();
        let nouns = self.ws.engines.nouns(&engine);
        let mut proved = proved(&proof, nouns, snapshot.as_deref());
        if let Err(error) = self.drop_copy(&engine, proof).await {
            // The proof stands. What stays behind is in the store's record and is told here.
            let left = (self.surroundings.explain)(&error).setback;
            proved.lines.push(left.message);
            proved.lines.extend(left.hint);
        }
        Ok(proved)
    }

    fn migration(&self) -> CommandFacts {
        self.migration.facts(&self.streams)
    }

    fn checking(&self) -> CommandFacts {
        self.check
            .as_ref()
            .unwrap_or(&self.migration)
            .facts(&self.streams)
    }

    async fn migrate(&self) -> Result<Ended, Trouble> {
        self.run(&self.migration).await
    }

    async fn check(&self) -> Result<Ended, Trouble> {
        match &self.check {
            Some(check) => self.run(check).await,
            None => Err(plain(Stop::Failed, "there is no --check to run")),
        }
    }

    async fn compare(
        &self,
        target: usize,
        before: &ArchiveFacts,
        after: &ArchiveFacts,
    ) -> Result<Compared, Trouble> {
        let found = match (
            self.snapshot(target, Side::Before),
            self.snapshot(target, Side::After),
        ) {
            (Some(a), Some(b)) => diff::compare(&a, &b),
            _ => operation::diff(&PathBuf::from(&before.path), &PathBuf::from(&after.path))
                .map_err(|error| self.trouble(&error))?,
        };
        Ok(Compared {
            lines: change_lines(&found),
            difference: serde_json::to_value(&found).unwrap_or(Value::Null),
        })
    }

    fn interrupted(&self) -> Option<i32> {
        (self.surroundings.signal)()
    }
}

fn plain(stop: Stop, message: &str) -> Trouble {
    Trouble {
        stop,
        setback: Setback {
            code: "internal".to_owned(),
            message: message.to_owned(),
            ..Setback::default()
        },
    }
}

fn preflight_refused(target: &Target, obstacles: Vec<String>) -> Trouble {
    Trouble {
        stop: Stop::Refused,
        setback: Setback {
            code: "preflight".to_owned(),
            message: format!("{} is not ready to be migrated", target.database()),
            causes: obstacles,
            hint: Some(format!("bookend doctor {}", target.display_url())),
        },
    }
}

/// `PostgreSQL 15.18 · 1.8 GiB · 42 tables · pg_dump 15.18 · a copy needs about 1.8 GiB`
fn preflight_line(seen: &Inspection, nouns: Nouns, proofs: bool) -> String {
    let mut parts = vec![
        format!("{} {}", seen.product, seen.server_version),
        size(seen.bytes),
        crate::report::figures::numbered(seen.tables, nouns.object),
    ];
    // `name version (path)`: the path is for `doctor`.
    if let Some(tool) = seen.tools.first() {
        parts.push(tool.split(" (").next().unwrap_or(tool).to_owned());
    }
    if seen.standby {
        parts.push("a standby".to_owned());
    }
    if proofs {
        parts.push(format!("a copy needs about {}", size(seen.bytes)));
    }
    parts.join(" · ")
}

fn archive_facts(made: &BackupOutcome) -> ArchiveFacts {
    ArchiveFacts {
        id: made.id.clone(),
        path: made.path.display().to_string(),
        objects: made.objects,
        rows: made.rows,
        bytes_raw: made.bytes_raw,
        bytes_stored: made.bytes_stored,
        consistent: made.consistent,
    }
}

fn proved(proof: &Proof, nouns: Nouns, snapshot: Option<&Snapshot>) -> Proved {
    let proven = match proof.verdict {
        Verdict::Identical => Proven::Identical,
        Verdict::Intact | Verdict::Different | Verdict::Damaged => Proven::Different,
    };
    let line = match (proven, snapshot) {
        (Proven::Identical, Some(snapshot)) => words::identical(nouns, snapshot),
        (Proven::Identical, None) => "identical".to_owned(),
        (Proven::Different, _) => format!(
            "different: {}",
            crate::report::figures::counted(
                proof.receipt.differences.len() as u64,
                "difference",
                "differences"
            )
        ),
    };
    Proved {
        proven,
        facts: ProofFacts {
            verdict: proof.verdict.to_string(),
            receipt: Some(proof.receipt_path.display().to_string()),
            differences: proof.receipt.differences.iter().map(|d| json!(d)).collect(),
        },
        lines: vec![line],
    }
}

/// Whether the failure is about the archive itself, not about the way to a server.
fn does_not_restore(error: &OperationError) -> bool {
    matches!(
        error,
        OperationError::Archive(_)
            | OperationError::Seam(SeamError::Damaged { .. })
            | OperationError::Engine(
                EngineError::Restore { .. } | EngineError::Seam(SeamError::Damaged { .. }),
            )
    )
}
