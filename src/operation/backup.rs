//! Taking a backup: the engine reads, the archive stores, the store publishes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::{OperationError, Workspace, files, sandbox};
use crate::archive::{
    ArchiveSink, ArchiveSummary, Compression, ManifestExtra, Sidecar, WriteOptions,
};
use crate::connection::Target;
use crate::engine::{Capability, DumpRequest, Engine, EngineError};
use crate::snapshot::{Sink, Snapshot};
use crate::store::{Leftover, Pending, archive_id};

/// What a backup is to hold and how it is named.
#[derive(Clone, Debug, Default)]
pub struct BackupRequest {
    /// A word of the person's, also at the end of the id.
    pub tag: Option<String>,
    /// How members are compressed.
    pub compression: Compression,
    /// Definitions only.
    pub schema_only: bool,
    /// Globs on printed names whose rows stay out.
    pub exclude_data: Vec<String>,
    /// One point in time although others write, where an engine has to be asked for it.
    pub consistent: bool,
    /// Files and folders that travel along.
    pub files: Vec<PathBuf>,
    /// `before` or `after` in the id, inside a bracket.
    pub suffix: Option<&'static str>,
    /// An earlier snapshot of the same database, by which rows of then are known again.
    pub since: Option<Arc<Snapshot>>,
    /// Only the rows of these, by their printed names.
    pub data_of: Option<BTreeSet<String>>,
}

/// A backup that stands in the store.
#[derive(Clone, Debug)]
pub struct BackupOutcome {
    /// Its file name without `.tar`.
    pub id: String,
    /// Its file.
    pub path: PathBuf,
    /// What was read.
    pub snapshot: Arc<Snapshot>,
    /// Tables, views, sequences, collections …
    pub objects: u64,
    /// Rows or documents.
    pub rows: u64,
    /// Bytes as read.
    pub bytes_raw: u64,
    /// Bytes of the file.
    pub bytes_stored: u64,
    /// How long it took.
    pub seconds: Duration,
    /// Whether it is one point in time; `None` if that could not be known.
    pub consistent: Option<bool>,
    /// The paths that travel along.
    pub files: Vec<Sidecar>,
    /// In words: what did not come along, what holds secrets.
    pub notes: Vec<String>,
}

/// A backup that was kept, or one whose content was known already.
pub(super) enum Taken {
    /// It stands in the store.
    Kept(Box<BackupOutcome>),
    /// Nothing of it stays.
    Known,
}

/// Backs a target up into the store.
///
/// # Errors
/// Whatever kept the archive from being complete; nothing that looks like an archive stays.
pub async fn backup(
    ws: &Workspace,
    target: &Target,
    request: &BackupRequest,
) -> Result<BackupOutcome, OperationError> {
    match backup_unless(ws, target, request, &|_| false).await? {
        Taken::Kept(outcome) => Ok(*outcome),
        Taken::Known => Err(OperationError::Broken {
            what: "a backup that was to be kept",
        }),
    }
}

/// The same, but nothing is kept of what `is_known`.
///
/// # Errors
/// As [`backup`].
pub(super) async fn backup_unless(
    ws: &Workspace,
    target: &Target,
    request: &BackupRequest,
    is_known: &(dyn Fn(&Snapshot) -> bool + Sync),
) -> Result<Taken, OperationError> {
    let begun = Instant::now();
    let engine = ws.engines.get(target.engine())?;
    check_request(engine.as_ref(), request)?;
    let roots = files::roots(&request.files)?;
    ws.speak(engine.as_ref());
    let cleaned = ws.store.remove_leftovers()?;
    sandbox::sweep(ws).await;
    let named = ws.store.name_time(Utc::now())?;
    let created = named.time;
    let word = request.suffix.or(request.tag.as_deref());
    let id = archive_id(target.label(), created, word);
    let pending = ws.store.begin(&id)?;
    let (dumped, sink) = dumped(ws, target, request, &pending, created).await?;
    if is_known(&dumped) {
        return Ok(Taken::Known);
    }
    // After the database: what its rows name was there before they were.
    let packed = files::pack(ws, &sink, roots).await?;
    let sidecars = packed.sidecars.clone();
    let (snapshot, summary) =
        finished(ws, (dumped, sidecars), &sink, target, request, &pending).await?;
    let path = ws.store.publish(pending)?;
    Ok(Taken::Kept(Box::new(BackupOutcome {
        id: id_of(&path),
        path,
        objects: summary.head.objects,
        rows: summary.head.rows,
        bytes_raw: summary.bytes_raw,
        bytes_stored: summary.bytes_stored,
        seconds: begun.elapsed(),
        consistent: snapshot.consistent,
        notes: notes(&snapshot, packed.notes, named.note, &cleaned),
        files: packed.sidecars,
        snapshot,
    })))
}

/// Writes a database into a file that is only for the command at hand.
///
/// # Errors
/// As [`backup`].
pub(super) async fn keep(
    ws: &Workspace,
    target: &Target,
    request: &BackupRequest,
    pending: &Pending,
) -> Result<(Arc<Snapshot>, ArchiveSummary), OperationError> {
    let engine = ws.engines.get(target.engine())?;
    ws.speak(engine.as_ref());
    let (dumped, sink) = dumped(ws, target, request, pending, Utc::now()).await?;
    finished(ws, (dumped, Vec::new()), &sink, target, request, pending).await
}

async fn dumped(
    ws: &Workspace,
    target: &Target,
    request: &BackupRequest,
    pending: &Pending,
    created: DateTime<Utc>,
) -> Result<(Snapshot, Arc<ArchiveSink>), OperationError> {
    let engine = ws.engines.get(target.engine())?;
    let options = WriteOptions {
        compression: request.compression,
        created,
        engine: engine.name().to_owned(),
        database: target.database().to_owned(),
    };
    let sink = ArchiveSink::new(pending.file()?, options)?;
    let snapshot = read(ws, engine.as_ref(), target, request, &sink).await?;
    Ok((snapshot, sink))
}

async fn finished(
    ws: &Workspace,
    (snapshot, sidecars): (Snapshot, Vec<Sidecar>),
    sink: &Arc<ArchiveSink>,
    target: &Target,
    request: &BackupRequest,
    pending: &Pending,
) -> Result<(Arc<Snapshot>, ArchiveSummary), OperationError> {
    let engine = ws.engines.get(target.engine())?;
    store_kit(engine.as_ref(), &snapshot, sink, !sidecars.is_empty()).await?;
    let extra = ManifestExtra {
        id: pending.id().to_owned(),
        tag: request.tag.clone(),
        target_label: target.label().to_owned(),
        files: sidecars,
    };
    let snapshot = Arc::new(snapshot);
    let summary = sink.finish(&snapshot, extra).await?;
    if ws.cancel.is_cancelled() {
        return Err(OperationError::Cancelled);
    }
    Ok((snapshot, summary))
}

fn check_request(engine: &dyn Engine, request: &BackupRequest) -> Result<(), OperationError> {
    if let Some(tag) = &request.tag {
        check_word(tag)?;
    }
    let capabilities = engine.capabilities();
    let refuse = |asked: bool, what: &'static str, capability: Capability| match capability {
        Capability::No(why) if asked => Err(OperationError::NotCapable {
            what,
            engine: engine.name(),
            why,
        }),
        _ => Ok(()),
    };
    refuse(
        request.schema_only,
        "a backup of the definitions only",
        capabilities.schema_only,
    )?;
    refuse(
        request.consistent,
        "--consistent",
        capabilities.point_in_time,
    )
}

async fn read(
    ws: &Workspace,
    engine: &dyn Engine,
    target: &Target,
    request: &BackupRequest,
    sink: &Arc<ArchiveSink>,
) -> Result<Snapshot, OperationError> {
    let wanted = DumpRequest {
        schema_only: request.schema_only,
        exclude_data: request.exclude_data.clone(),
        consistent: request.consistent,
        since: request.since.clone(),
        spare: false,
        data_of: request.data_of.clone(),
    };
    ws.progress
        .phase("backup", expected(ws, engine, target).await?);
    let dumped = engine
        .dump(
            &ws.context(),
            target,
            &wanted,
            Arc::clone(sink) as Arc<dyn Sink>,
        )
        .await;
    ws.progress.finish();
    Ok(dumped?)
}

/// What a restore with stock tools needs.
async fn store_kit(
    engine: &dyn Engine,
    snapshot: &Snapshot,
    sink: &ArchiveSink,
    files: bool,
) -> Result<(), OperationError> {
    let mut kit = engine.restore_kit(snapshot);
    if files {
        kit.readme.push_str(files::README);
        let script = files::SCRIPT.as_bytes().to_vec();
        sink.member(files::SCRIPT_NAME, script).await?;
    }
    sink.member("RESTORE.md", kit.readme.into_bytes()).await?;
    sink.member("restore.sh", kit.script.into_bytes()).await?;
    Ok(())
}

/// About how many bytes will come, for the time left. A server that does not tell is backed up
/// all the same; one that cannot be reached is not asked twice.
pub(super) async fn expected(
    ws: &Workspace,
    engine: &dyn Engine,
    target: &Target,
) -> Result<Option<u64>, OperationError> {
    match engine.inspect(&ws.context(), target).await {
        Ok(inspection) => Ok(Some(inspection.data_bytes)),
        Err(error @ (EngineError::Connection(_) | EngineError::Cancelled)) => Err(error.into()),
        Err(_) => Ok(None),
    }
}

/// Tags stand in file names: letters, digits, `.`, `_` and `-`, not first, 64 at most.
fn check_word(word: &str) -> Result<(), OperationError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let begins_well = word
        .chars()
        .next()
        .is_some_and(|c| c.is_ascii_alphanumeric());
    if begins_well && word.len() <= 64 && word.chars().all(plain) {
        Ok(())
    } else {
        Err(OperationError::BadWord {
            word: word.to_owned(),
        })
    }
}

fn id_of(path: &Path) -> String {
    path.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn notes(
    snapshot: &Snapshot,
    of_files: Vec<String>,
    clock: Option<String>,
    cleaned: &[Leftover],
) -> Vec<String> {
    let mut notes = snapshot.notes.clone();
    notes.extend(of_files);
    notes.extend(clock);
    notes.extend(cleaned.iter().map(|left| {
        format!(
            "a half-written file of a command that crashed was removed: {}",
            left.path.display()
        )
    }));
    notes.extend(
        snapshot
            .secrets_seen
            .iter()
            .map(|place| format!("the archive holds a secret of the schema's own: {place}")),
    );
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_would_leave_the_store_are_refused() {
        for word in ["nightly", "v1.2_rc-3", "7"] {
            assert!(check_word(word).is_ok(), "{word}");
        }
        for word in [
            "",
            "../x",
            "a/b",
            ".hidden",
            "-x",
            "a b",
            "é",
            &"x".repeat(65),
        ] {
            assert!(check_word(word).is_err(), "{word}");
        }
    }
}
