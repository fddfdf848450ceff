//! Putting the archive from before a migration back in the place of the database.
//!
//! [`plan`] finds what stands in the way before anything is done; [`prove_beside`] builds the copy
//! and compares it; [`Planned::halt`] keeps others out; [`export`](export::export) reads what was
//! written since; [`swap`] puts the copy in the original's place; [`recover`] finishes or undoes
//! what a crash cut off. [`drive`](drive::drive) does it for all targets of a run, from plan to
//! swap; [`undo`](drive::undo) gives it up.

mod diary;
mod drive;
mod export;
mod steps;

use std::path::PathBuf;
use std::sync::Arc;

use super::place::check_room;
use super::prove::{Proof, prove_as};
use super::{OperationError, Place, Verdict, Workspace, open};
use crate::archive::Archive;
use crate::connection::Target;
use crate::engine::rollback::{
    Examination, Held, Intentions, Replacement, Rollback, SeenAct, Standing, Standstill,
};
use crate::engine::{DatabaseCopy, Engine, EngineError, Publication, RestoreRequest};
use crate::snapshot::Source;

pub use diary::{DIARY, Diary, DiaryError, Past, Written, read};
pub use drive::{Ended, StepTold, Watch, drive, undo};
pub use export::{Exported, export};

/// One target of a run that is to be rolled back.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The database.
    pub target: Target,
    /// The archive from before the migration.
    pub before: PathBuf,
    /// The one from after it, if there is one.
    pub after: Option<PathBuf>,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Options {
    /// Sessions of others are ended.
    pub end_sessions: bool,
    /// The copy is published beside; the original stays where it is.
    pub no_swap: bool,
    /// What was written since is not exported.
    pub discard_writes: bool,
}

/// A target that can be rolled back.
pub struct Planned {
    /// What is to be rolled back.
    pub subject: Subject,
    /// What is there.
    pub examination: Examination,
    archive: Arc<Archive>,
    engine: Arc<dyn Engine>,
}

impl std::fmt::Debug for Planned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Planned")
            .field("subject", &self.subject)
            .field("examination", &self.examination)
            .finish_non_exhaustive()
    }
}

/// Looks whether a target can be rolled back, without changing anything. `stamp` goes into the
/// names of what is kept.
///
/// # Errors
/// It cannot: the archive is damaged, the server is another one, a rename is impossible.
pub async fn plan(
    ws: &Workspace,
    subject: Subject,
    options: Options,
    stamp: &str,
) -> Result<Planned, OperationError> {
    let archive = open(&subject.before).await?;
    let snapshot = archive.snapshot();
    let engine = ws.engines.named(&snapshot.engine)?;
    let place = Place::Other(subject.target.clone());
    check_room(ws, engine.as_ref(), &place, snapshot.database.bytes).await?;
    let seen = engine.reach(&ws.context(), &subject.target).await?;
    if let (Some(here), Some(there)) = (&seen.identity, &snapshot.server.identity)
        && here != there
    {
        return Err(OperationError::OtherServer {
            server: subject.target.display_url(),
            archive: archive.id().to_owned(),
        });
    }
    let examination = swapper(engine.as_ref())?
        .examine(&ws.context(), &subject.target, snapshot, stamp)
        .await?;
    if let (Some(obstacle), false) = (&examination.obstacle, options.no_swap) {
        return Err(EngineError::Unsupported {
            what: obstacle.clone(),
            advice: "nothing was touched; to have the proven copy beside it instead: --no-swap"
                .to_owned(),
        }
        .into());
    }
    Ok(Planned {
        subject,
        examination,
        archive,
        engine,
    })
}

fn swapper(engine: &dyn Engine) -> Result<&dyn Rollback, OperationError> {
    engine.rollback().ok_or(OperationError::NotCapable {
        what: "a rollback",
        engine: engine.name(),
        why: "it cannot put a copy in an original's place",
    })
}

/// Restores the archive beside the original and compares the two. With `--no-swap` it gets the
/// free name that was found.
///
/// # Errors
/// [`OperationError::NotTheSame`] if they differ; the copy is dropped then, as after any failure.
pub async fn prove_beside(
    ws: &Workspace,
    planned: &Planned,
    options: Options,
) -> Result<Proof, OperationError> {
    let place = Place::Other(planned.subject.target.clone());
    let request = RestoreRequest {
        into: options.no_swap.then(|| planned.examination.beside.clone()),
        ..RestoreRequest::default()
    };
    let proof = prove_as(ws, &planned.subject.before, &place, &request).await?;
    if proof.verdict == Verdict::Identical {
        return Ok(proof);
    }
    let unproven = OperationError::NotTheSame {
        archive: planned.archive.id().to_owned(),
        differences: proof.receipt.differences.clone(),
    };
    Err(super::prove::undone(ws, planned.engine.as_ref(), proof.copy, unproven).await)
}

impl Planned {
    /// The archive that is put back.
    #[must_use]
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// Keeps others out, and looks who is there.
    ///
    /// # Errors
    /// Sessions are in the way; everybody may connect again then.
    pub async fn halt(
        &self,
        ws: &Workspace,
        options: Options,
        intentions: &dyn Intentions,
    ) -> Result<Box<dyn Held>, OperationError> {
        let how = Standstill {
            end_sessions: options.end_sessions,
            reading: !options.discard_writes,
        };
        let (context, target) = (ws.context(), &self.subject.target);
        let held = swapper(self.engine.as_ref())?
            .stand_still(&context, target, &self.examination, how, intentions)
            .await?;
        Ok(held)
    }

    /// Gives a copy that stays beside its name.
    ///
    /// # Errors
    /// Somebody was faster; the copy is dropped then.
    pub async fn publish(&self, ws: &Workspace, proof: Proof) -> Result<Target, OperationError> {
        let context = ws.cleaning_context();
        let (engine, copy) = (self.engine.as_ref(), proof.copy);
        let publication = Publication::provenance(self.archive.id());
        match engine.publish(&context, copy.clone(), &publication).await {
            Ok(target) => Ok(target),
            Err(error) => Err(super::prove::undone(ws, engine, copy, error.into()).await),
        }
    }

    async fn discard(&self, ws: &Workspace, proof: Proof) -> Result<(), OperationError> {
        super::discard(ws, self.engine.as_ref(), proof.copy).await
    }
}

/// Puts a proven copy in the original's place. A signal is too late from here on.
///
/// # Errors
/// The engine's; [`recover`] tells what is there then.
pub async fn swap(
    ws: &Workspace,
    planned: &Planned,
    held: &mut dyn Held,
    copy: DatabaseCopy,
    intentions: &dyn Intentions,
) -> Result<(), OperationError> {
    let replacement = Replacement {
        copy,
        source: Arc::clone(&planned.archive) as Arc<dyn Source>,
        archive: planned.archive.id().to_owned(),
    };
    let context = crate::engine::Context {
        progress: Arc::clone(&ws.progress),
        ..ws.cleaning_context()
    };
    held.swap(&context, replacement, intentions).await?;
    Ok(())
}

/// After a crash: finishes what was begun, or undoes it; everybody may connect, and no copy of
/// this run's is left. Doing it again changes nothing.
///
/// # Errors
/// The server cannot be reached, or refuses.
pub async fn recover(
    ws: &Workspace,
    target: &Target,
    acts: &[SeenAct],
    intentions: &dyn Intentions,
) -> Result<Standing, OperationError> {
    let engine = ws.engines.get(target.engine())?;
    let context = ws.cleaning_context();
    let standing = swapper(engine.as_ref())?
        .recover(&context, target, acts, intentions)
        .await?;
    for made in ws.store.unsettled()? {
        let here = made.run == ws.run
            && made.engine == engine.name()
            && made.server == target.display_url();
        if here && !ws.store.is_held(&made.name) {
            engine.drop_announced(&context, target, &made).await?;
        }
    }
    Ok(standing)
}
