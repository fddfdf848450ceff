//! The hands of a real run: operations on databases and archives, and COMMAND.

mod archives;
mod commands;
mod compare;
mod copies;
mod gap;
mod preflight;
mod rehearsal;
mod rollback;
mod templates;
mod watched;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use super::bundling::{BundlingError, Wanted, bundle_run};
use super::command::Streams;
use super::event::{Answer, Stop};
use super::hands::{
    BackedUp, Bundled, Compared, Ended, Hands, Looked, Notes, Proved, RolledBack, Side, Tried,
    Trouble,
};
use super::history::Writer;
use super::journal::{ArchiveFacts, CommandFacts, Setback};
use crate::connection::Target;
use crate::engine::{Inspection, TargetLock};
use crate::operation::rollback::{Options, StepTold};
use crate::operation::{OperationError, Place, Sandbox, Workspace};
use crate::report::figures::size;
use crate::snapshot::Snapshot;

pub use commands::{Commands, OnCopies};
use copies::{Dropping, Kept};

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
    /// Is told of each step of a rollback as soon as it is over.
    pub rollback_step: Arc<dyn Fn(&StepTold) + Send + Sync>,
    /// Asks a person whether to go on; may block.
    pub ask: Arc<dyn Fn() -> std::io::Result<bool> + Send + Sync>,
}

/// One target of the run.
pub struct Subject {
    /// The database.
    pub target: Target,
    /// Where its proof's copy goes.
    pub place: Place,
    /// What was seen of it before the run was begun; `None` where nobody needs to look, because
    /// its archive is there already.
    pub inspection: Option<Inspection>,
    /// Whether its backups have to be asked for one point in time.
    pub consistent: bool,
    /// What travels with its archives.
    pub files: Vec<PathBuf>,
    /// The archive that stands for it.
    pub given: Option<ArchiveFacts>,
}

/// What a person wishes of a rehearsal.
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags of a command line, each of which stands for itself"
)]
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// False where the proof is waived.
    pub proofs: bool,
    /// Patterns of what may be lost.
    pub allow_loss: Vec<String>,
    /// Whether the rehearsed copies stay, as staging databases.
    pub keep_copies: bool,
    /// Whether a failed migration is to be rolled back at once.
    pub rolls_back: bool,
    /// How a rollback is to be done, where that was said now; otherwise as it was begun.
    pub rollback: Option<Options>,
    /// Whether pristine templates of them stay, for the next rehearsals.
    pub templates: bool,
}

/// Hands that do.
pub struct Live {
    ws: Workspace,
    subjects: Vec<Subject>,
    wishes: Wishes,
    commands: Commands,
    streams: Streams,
    surroundings: Surroundings,
    locks: Vec<Box<dyn TargetLock>>,
    seen: Mutex<Vec<(usize, Side, Arc<Snapshot>)>>,
    kept: Mutex<Vec<Kept>>,
    dropping: Mutex<Vec<Dropping>>,
    /// The private servers of copies, by the copies' names.
    sandboxes: Mutex<Vec<(String, Sandbox)>>,
}

impl Live {
    /// Hands for these targets.
    #[must_use]
    pub fn new(
        ws: Workspace,
        (subjects, locks): (Vec<Subject>, Vec<Box<dyn TargetLock>>),
        wishes: Wishes,
        commands: Commands,
        streams: Streams,
        surroundings: Surroundings,
    ) -> Self {
        Self {
            ws,
            subjects,
            wishes,
            commands,
            streams,
            surroundings,
            locks,
            seen: Mutex::default(),
            kept: Mutex::default(),
            dropping: Mutex::default(),
            sandboxes: Mutex::default(),
        }
    }

    /// Gives back what was held, at the end.
    pub async fn release(self) {
        // What could not be dropped is in the store's record.
        let _told = self.dropped().await;
        for lock in self.locks {
            lock.release().await;
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

    fn snapshot(&self, target: usize, side: Side) -> Option<Arc<Snapshot>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter()
            .rfind(|(of, on, _)| (*of, *on) == (target, side))
            .map(|(_, _, snapshot)| Arc::clone(snapshot))
    }

    fn remember(&self, target: usize, side: Side, snapshot: &Arc<Snapshot>) {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((target, side, Arc::clone(snapshot)));
    }

    /// The label of a target, where there are several to tell apart.
    fn label(&self, target: usize) -> Option<&str> {
        let several = self.subjects.len() > 1;
        let subject = self.subjects.get(target).filter(|_| several)?;
        Some(subject.target.label())
    }

    /// A line about a target, beginning with its label where there are several.
    fn about(&self, target: usize, line: &str) -> String {
        match self.label(target) {
            Some(label) => format!("{label}: {line}"),
            None => line.to_owned(),
        }
    }
}

#[async_trait]
impl Hands for Live {
    async fn preflight(&self, target: usize) -> Result<Vec<String>, Trouble> {
        self.look_ahead(self.subject(target)?).await
    }

    async fn backup(&self, target: usize, side: Side) -> Result<BackedUp, Trouble> {
        self.back_up(target, side).await
    }

    async fn prove(
        &self,
        target: usize,
        archive: &ArchiveFacts,
        keep: bool,
    ) -> Result<Proved, Trouble> {
        self.restore_and_compare(target, archive, keep).await
    }

    fn rehearsal(&self) -> CommandFacts {
        CommandFacts {
            repointed: Vec::new(),
            ..self.commands.migration.facts(&self.streams)
        }
    }

    async fn rehearse(
        &self,
        befores: &[ArchiveFacts],
        notes: &dyn Notes,
    ) -> Result<Tried, Trouble> {
        self.try_on_copies(befores, notes).await
    }

    async fn let_go(&self, meanwhile: bool) -> Vec<String> {
        if meanwhile {
            self.begin_to_drop_kept();
            return Vec::new();
        }
        self.drop_kept().await
    }

    async fn ask(&self) -> Result<Answer, Trouble> {
        let ask = Arc::clone(&self.surroundings.ask);
        let asked = tokio::task::spawn_blocking(move || ask());
        let answered = tokio::select! {
            answered = asked => answered,
            // The thread goes on waiting for a line; it ends with the process.
            () = self.ws.cancel.cancelled() => {
                return Err(self.trouble(&OperationError::Cancelled));
            }
        };
        match answered {
            Ok(Ok(true)) => Ok(Answer::GoOn),
            Ok(Ok(false)) => Ok(Answer::Stop),
            Ok(Err(error)) => Err(plain(
                Stop::Failed,
                &format!("nobody could be asked: {error}"),
            )),
            Err(_) => Err(plain(Stop::Failed, "nobody could be asked")),
        }
    }

    fn holding(&self, stop: bool) -> CommandFacts {
        self.hold_facts(stop)
    }

    async fn quiesce(&self, notes: &dyn Notes) -> Result<Ended, Trouble> {
        self.hold_off(notes).await
    }

    async fn unquiesce(&self, notes: &dyn Notes) -> Result<Ended, Trouble> {
        self.lift(notes).await
    }

    async fn look(
        &self,
        befores: &[ArchiveFacts],
        rehearsed: &[Option<&Value>],
    ) -> Result<Looked, Trouble> {
        let looked = self.look_for_writes(befores, rehearsed).await;
        // Whatever that came to, the copies are gone before anything else is done.
        let told = self.dropped().await;
        looked.map(|mut looked| {
            looked.lines.extend(told);
            looked
        })
    }

    fn migration(&self) -> CommandFacts {
        self.commands.migration.facts(&self.streams)
    }

    fn checking(&self) -> CommandFacts {
        let check = self.commands.check.as_ref();
        check
            .unwrap_or(&self.commands.migration)
            .facts(&self.streams)
    }

    async fn migrate(&self, notes: &dyn Notes) -> Result<Ended, Trouble> {
        self.run(&self.commands.migration, "migration", notes).await
    }

    async fn check(&self, notes: &dyn Notes) -> Result<Ended, Trouble> {
        match &self.commands.check {
            Some(check) => self.run(check, "check", notes).await,
            None => Err(plain(Stop::Failed, "there is no --check to run")),
        }
    }

    async fn compare(
        &self,
        target: usize,
        (before, after): (&ArchiveFacts, &ArchiveFacts),
        rehearsed: Option<&Value>,
    ) -> Result<Compared, Trouble> {
        self.compared(target, (before, after), rehearsed).await
    }

    async fn bundle(&self) -> Result<Bundled, Trouble> {
        let wanted = Wanted::default();
        let made = bundle_run(&self.ws, &self.ws.run, Writer::Alive, wanted).await;
        let made = made.map_err(|error| match error {
            BundlingError::Operation(error) => self.trouble(&error),
            other => plain(Stop::Failed, &other.to_string()),
        })?;
        let path = made.path.display().to_string();
        let mut lines = vec![format!("{path} · {}", size(made.bytes))];
        let missing = made.manifest.missing.iter();
        lines.extend(missing.map(|part| format!("without {}: {}", part.what, part.why)));
        Ok(Bundled { path, lines })
    }

    async fn roll_back(
        &self,
        befores: &[ArchiveFacts],
        afters: &[ArchiveFacts],
    ) -> Result<RolledBack, Trouble> {
        self.put_all_back(befores, afters).await
    }

    async fn still_alone(&self) -> Result<(), Trouble> {
        for lock in &self.locks {
            let checked = lock.check().await;
            checked.map_err(|error| self.trouble(&error.into()))?;
        }
        Ok(())
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
