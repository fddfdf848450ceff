//! Restoring into a new database: built under a name of bookend's own, compared with the
//! archive, and only then given the asked name.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use super::place::check_room;
use super::prove::{compare, stream_bytes, undone, verdict, write_receipt};
use super::{FilesError, FilesRestored, OperationError, Place, Verdict, Workspace};
use super::{discard, files, open};
use crate::connection::{Target, nearest};
use crate::engine::{
    Capability, DatabaseCopy, Discrepancy, Engine, EngineError, Publication, RestoreRequest,
};
use crate::snapshot::{ObjectKind, Snapshot, Source, glob_matches};

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
    /// What is the first's is given to the second, each a role.
    pub role_map: Vec<(String, String)>,
    /// Globs on printed names: only these, with what they need. Empty for everything.
    pub only: Vec<String>,
    /// Publish without comparing; the reason is told.
    pub no_proof: Option<String>,
    /// Publish it as a staging database, whose time is over so long after that.
    pub staging: Option<TimeDelta>,
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
    /// In words: what was not restored because something that it needs was not asked for.
    pub left_out: Vec<String>,
    /// When anybody may drop it, if it is a staging database.
    pub expires: Option<DateTime<Utc>>,
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
    check_patterns(source.snapshot(), &options.only)?;
    ws.speak(engine.as_ref());
    let folder = options.files_into.as_deref();
    let draft = folder.map(|folder| files::begin(ws, folder)).transpose()?;
    let room = needed(source.snapshot(), options);
    check_room(ws, engine.as_ref(), &Place::Other(on.clone()), room).await?;
    // Before the database: a damaged file costs no copy, and both are whole when they get names.
    let draft = match draft.zip(folder) {
        Some((draft, folder)) => Some((files::unpack(ws, &opened, draft, folder).await?, folder)),
        None => None,
    };
    let copy = build(ws, engine.as_ref(), &source, on, &request(into, options)).await?;
    let mut outcome = unpublished(&copy);
    if options.no_proof.is_none() {
        let comparison = compare(ws, engine.as_ref(), source, &copy).await?;
        outcome.verdict = Some(verdict(&comparison));
        outcome.differences.clone_from(&comparison.differences);
        outcome.not_compared.clone_from(&comparison.not_compared);
        // All of the archive was restored and compared: that is a proof of it.
        if options.staging.is_some()
            && let Err(error) = write_receipt(ws, archive, &opened, comparison, None)
        {
            return Err(undone(ws, engine.as_ref(), copy, error).await);
        }
    }
    if outcome.verdict == Some(Verdict::Different) {
        discard(ws, engine.as_ref(), copy).await?;
    } else {
        let publication = publication(opened.id(), options);
        let target = publish(ws, engine.as_ref(), copy, &publication).await?;
        outcome.expires = publication.expires;
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

fn unpublished(copy: &DatabaseCopy) -> RestoreOutcome {
    RestoreOutcome {
        database: None,
        url: None,
        seconds: Duration::ZERO,
        verdict: None,
        differences: Vec::new(),
        not_compared: Vec::new(),
        notes: copy.notes.clone(),
        files: None,
        left_out: copy.left_out.clone(),
        expires: None,
    }
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
        !options.role_map.is_empty(),
        "--role-map",
        capabilities.owners.clone(),
    )?;
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
        nothing_expires: false,
        into: Some(into.to_owned()),
        no_owner: options.no_owner,
        no_privileges: options.no_privileges,
        schema_only: options.schema_only,
        role_map: options.role_map.clone(),
        only: options.only.clone(),
    }
}

fn needed(snapshot: &Snapshot, options: &RestoreOptions) -> u64 {
    if options.schema_only {
        return 0;
    }
    if options.only.is_empty() {
        return snapshot.database.bytes;
    }
    let asked = snapshot.objects.iter().filter(|object| {
        let matches = |name: &str| options.only.iter().any(|one| glob_matches(one, name));
        matches(&object.name) || object.root.as_deref().is_some_and(matches)
    });
    asked.map(|object| object.bytes).sum()
}

/// Each pattern must match something that can be asked for.
fn check_patterns(snapshot: &Snapshot, patterns: &[String]) -> Result<(), OperationError> {
    let names: Vec<&str> = snapshot
        .objects
        .iter()
        .filter(|object| can_be_asked_for(object.kind))
        .map(|object| object.name.as_str())
        .collect();
    for pattern in patterns {
        if !names.iter().any(|name| glob_matches(pattern, name)) {
            return Err(OperationError::NothingMatches {
                pattern: pattern.clone(),
                near: near(pattern, &names),
            });
        }
    }
    Ok(())
}

fn can_be_asked_for(kind: ObjectKind) -> bool {
    match kind {
        ObjectKind::Table
        | ObjectKind::PartitionedTable
        | ObjectKind::ForeignTable
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::Sequence
        | ObjectKind::Collection
        | ObjectKind::TimeSeries => true,
        ObjectKind::Function | ObjectKind::Type | ObjectKind::Schema | ObjectKind::Other => false,
    }
}

/// How many names are told that may have been meant.
const NEAR: usize = 5;

/// Names that may have been meant: those that differ in their schema only, or in little.
fn near(pattern: &str, names: &[&str]) -> Vec<String> {
    let anywhere = format!("*.{pattern}");
    let word = pattern.trim_matches('*').to_lowercase();
    let mut found: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| glob_matches(&anywhere, name))
        .collect();
    found.extend(nearest(pattern, names.iter().copied()));
    let within = |name: &&&str| !word.is_empty() && name.to_lowercase().contains(&word);
    found.extend(names.iter().filter(within));
    let mut told: Vec<String> = Vec::new();
    for name in found {
        if told.len() < NEAR && !told.iter().any(|known| known == name) {
            told.push(name.to_owned());
        }
    }
    told
}

/// What the copy becomes. A staging database's time begins when it gets its name.
fn publication<'a>(archive: &'a str, options: &RestoreOptions) -> Publication<'a> {
    match options.staging {
        Some(term) => Publication::staging(archive, Utc::now() + term),
        None => Publication::provenance(archive),
    }
}

async fn build(
    ws: &Workspace,
    engine: &dyn Engine,
    source: &Arc<dyn Source>,
    on: &Target,
    request: &RestoreRequest,
) -> Result<DatabaseCopy, OperationError> {
    // How much the part of an archive is only the engine knows.
    let all = request.only.is_empty();
    let bytes = all.then(|| stream_bytes(source.snapshot()));
    ws.progress.phase("restore", bytes);
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
    publication: &Publication<'_>,
) -> Result<Target, OperationError> {
    if ws.cancel.is_cancelled() {
        return Err(undone(ws, engine, copy, EngineError::Cancelled.into()).await);
    }
    let context = ws.cleaning_context();
    match engine.publish(&context, copy.clone(), publication).await {
        Ok(target) => Ok(target),
        Err(error) => Err(undone(ws, engine, copy, error.into()).await),
    }
}
