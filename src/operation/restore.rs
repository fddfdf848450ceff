//! Restoring into a new database: built under a name of bookend's own, compared with the
//! archive, and only then given the asked name.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::place::check_room;
use super::prove::{compare, stream_bytes, undone, verdict};
use super::{FilesError, FilesRestored, OperationError, Place, Verdict, Workspace};
use super::{discard, files, open};
use crate::connection::Target;
use crate::engine::{
    Capability, CopyKind, DatabaseCopy, Discrepancy, Engine, EngineError, RestoreRequest,
};
use crate::snapshot::{Snapshot, Source};

/// How a restore is to be done.
#[derive(Clone, Debug, Default)]
pub struct RestoreOptions {
    /// All objects belong to the connecting role.
    pub no_owner: bool,
    /// No grants.
    pub no_privileges: bool,
    /// Definitions only.
    pub schema_only: bool,
    /// The new folder for the files that travel with the archive; they stay in it without one.
    pub files_into: Option<PathBuf>,
    /// Publish without comparing; the reason is told.
    pub no_proof: Option<String>,
}

/// A restore that went through, or one whose copy differed and was dropped again.
#[derive(Clone, Debug)]
pub struct RestoreOutcome {
    /// The new database's name; `None` if the copy differed and was dropped.
    pub database: Option<String>,
    /// Its URL without a password.
    pub url: Option<String>,
    /// How long it took.
    pub seconds: Duration,
    /// `None` without a proof.
    pub verdict: Option<Verdict>,
    /// What differed.
    pub differences: Vec<Discrepancy>,
    /// In words: what was not compared.
    pub not_compared: Vec<String>,
    /// In words: harmless things worth telling.
    pub notes: Vec<String>,
    /// The files that were put beside the database.
    pub files: Option<FilesRestored>,
}

/// Restores an archive into the new database `into` on the server of `on`.
///
/// # Errors
/// Whatever kept it from being built or published; nothing is left under the asked name.
pub async fn restore(
    ws: &Workspace,
    archive: &Path,
    on: &Target,
    into: &str,
    options: &RestoreOptions,
) -> Result<RestoreOutcome, OperationError> {
    let begun = Instant::now();
    let opened = open(archive).await?;
    let source: Arc<dyn Source> = Arc::clone(&opened) as _;
    let engine = ws.engines.named(&source.snapshot().engine)?;
    check_options(engine.as_ref(), options)?;
    ws.speak(engine.as_ref());
    let folder = options.files_into.as_deref();
    let draft = folder.map(files::begin).transpose()?;
    let room = needed(source.snapshot(), options);
    check_room(ws, engine.as_ref(), &Place::Other(on.clone()), room).await?;
    // Before the database: a damaged file costs no copy, and both are whole when they get names.
    let draft = match draft.zip(folder) {
        Some((draft, folder)) => Some((files::unpack(ws, &opened, draft, folder).await?, folder)),
        None => None,
    };
    let copy = build(ws, engine.as_ref(), &source, on, &request(into, options)).await?;
    let mut outcome = RestoreOutcome {
        database: None,
        url: None,
        seconds: Duration::ZERO,
        verdict: None,
        differences: Vec::new(),
        not_compared: Vec::new(),
        notes: copy.notes.clone(),
        files: None,
    };
    if options.no_proof.is_none() {
        let comparison = compare(ws, engine.as_ref(), source, &copy).await?;
        outcome.verdict = Some(verdict(&comparison));
        outcome.differences = comparison.differences;
        outcome.not_compared = comparison.not_compared;
    }
    if outcome.verdict == Some(Verdict::Different) {
        discard(ws, engine.as_ref(), copy).await?;
    } else {
        let target = publish(ws, engine.as_ref(), copy, opened.id()).await?;
        outcome.database = Some(target.database().to_owned());
        outcome.url = Some(target.display_url());
        if let Some((draft, folder)) = draft {
            let behind = |source| FilesError::Behind {
                database: target.database().to_owned(),
                archive: opened.id().to_owned(),
                source: Box::new(source),
            };
            outcome.files = Some(files::publish(draft, folder).map_err(behind)?);
        }
    }
    outcome.seconds = begun.elapsed();
    Ok(outcome)
}

fn check_options(engine: &dyn Engine, options: &RestoreOptions) -> Result<(), OperationError> {
    let capabilities = engine.capabilities();
    let refuse = |asked: bool, what: &'static str, capability: Capability| match capability {
        Capability::No(why) if asked => Err(OperationError::NotCapable {
            what,
            engine: engine.name(),
            why,
        }),
        _ => Ok(()),
    };
    refuse(options.no_owner, "--no-owner", capabilities.owners.clone())?;
    refuse(
        options.no_privileges,
        "--no-privileges",
        capabilities.owners,
    )?;
    refuse(
        options.schema_only,
        "--schema-only",
        capabilities.schema_only,
    )
}

fn request(into: &str, options: &RestoreOptions) -> RestoreRequest {
    RestoreRequest {
        into: Some(into.to_owned()),
        no_owner: options.no_owner,
        no_privileges: options.no_privileges,
        schema_only: options.schema_only,
    }
}

fn needed(snapshot: &Snapshot, options: &RestoreOptions) -> u64 {
    if options.schema_only {
        0
    } else {
        snapshot.database.bytes
    }
}

async fn build(
    ws: &Workspace,
    engine: &dyn Engine,
    source: &Arc<dyn Source>,
    on: &Target,
    request: &RestoreRequest,
) -> Result<DatabaseCopy, OperationError> {
    ws.progress
        .phase("restore", Some(stream_bytes(source.snapshot())));
    let built = engine
        .restore(&ws.context(), Arc::clone(source), on, request)
        .await;
    ws.progress.finish();
    Ok(built?)
}

/// Gives the copy its name. A signal that comes now is too late on purpose: the copy is
/// proven, and renaming it is one short transaction.
async fn publish(
    ws: &Workspace,
    engine: &dyn Engine,
    copy: DatabaseCopy,
    archive: &str,
) -> Result<Target, OperationError> {
    if ws.cancel.is_cancelled() {
        return Err(undone(ws, engine, copy, EngineError::Cancelled.into()).await);
    }
    let context = ws.cleaning_context();
    match engine
        .publish(&context, copy.clone(), CopyKind::Provenance, archive)
        .await
    {
        Ok(target) => Ok(target),
        Err(error) => Err(undone(ws, engine, copy, error.into()).await),
    }
}
