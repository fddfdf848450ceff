//! The proof: restore into a disposable copy, read it all back, compare.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;

use super::place::check_room;
use super::sandbox::{self, Sandbox};
use super::{OperationError, Place, Verdict, Workspace, files, open};
use crate::archive::Archive;
use crate::connection::Target;
use crate::engine::{Comparison, Context, DatabaseCopy, Engine, RestoreRequest};
use crate::snapshot::{Snapshot, Source};
use crate::store::{Receipt, SandboxFacts};

/// A proof, and the copy that it was made with. Whoever holds it drops the copy with
/// [`Proof::dismiss`], or goes on with it.
#[derive(Debug)]
pub struct Proof {
    /// [`Verdict::Identical`] or [`Verdict::Different`].
    pub verdict: Verdict,
    /// What is kept beside the archive.
    pub receipt: Receipt,
    /// The receipt's file.
    pub receipt_path: PathBuf,
    /// The restored copy.
    pub copy: DatabaseCopy,
    /// The copy's facts as they were read for the comparison.
    pub found: Option<Box<Snapshot>>,
    /// The private server that holds the copy, if it was made on one; it lives as long as this.
    pub sandbox: Option<Sandbox>,
    /// How long it took.
    pub seconds: Duration,
}

impl Proof {
    /// Drops the copy, and its sandbox if it is in one; also after a signal.
    ///
    /// # Errors
    /// [`OperationError::CopyLeft`], [`OperationError::SandboxLeft`]: it is still there, and
    /// the store knows of it.
    pub async fn dismiss(self, ws: &Workspace, engine: &dyn Engine) -> Result<(), OperationError> {
        match self.sandbox {
            Some(sandbox) => sandbox.close().await,
            None => discard(ws, engine, self.copy).await,
        }
    }
}

/// Restores an archive into a disposable database, compares the two, and writes the receipt.
///
/// # Errors
/// Whatever kept the two from being compared; the copy is dropped then. That they differ is
/// not an error but a verdict.
pub async fn prove(ws: &Workspace, archive: &Path, place: &Place) -> Result<Proof, OperationError> {
    prove_as(ws, archive, place, &RestoreRequest::default()).await
}

/// The same, of a copy that may be published under a name of its own.
///
/// # Errors
/// As [`prove`].
pub(super) async fn prove_as(
    ws: &Workspace,
    archive: &Path,
    place: &Place,
    request: &RestoreRequest,
) -> Result<Proof, OperationError> {
    let begun = Instant::now();
    let opened = open(archive).await?;
    let engine = ws.engines.named(&opened.snapshot().engine)?;
    ws.speak(engine.as_ref());
    let bytes = opened.snapshot().database.bytes;
    check_room(ws, engine.as_ref(), place, bytes).await?;
    let sandbox = match place {
        Place::Sandbox(options) => Some(sandbox::open(ws, &opened, options).await?),
        Place::SameServer(_) | Place::Other(_) => None,
    };
    let on = place.target().or(sandbox.as_ref().map(Sandbox::target));
    let on = on.ok_or(OperationError::Broken {
        what: "choosing a server",
    })?;
    let facts = sandbox.as_ref().map(Sandbox::facts);
    let request = &RestoreRequest {
        nothing_expires: sandbox.is_some(),
        ..request.clone()
    };
    let made = proven(
        ws,
        engine.as_ref(),
        (archive, &opened),
        (on, facts),
        request,
    );
    match made.await {
        Ok((receipt, receipt_path, copy, found)) => Ok(Proof {
            verdict: receipt.verdict,
            receipt,
            receipt_path,
            copy,
            found,
            sandbox,
            seconds: begun.elapsed(),
        }),
        Err(error) => Err(match sandbox {
            Some(sandbox) => sandbox.closed_after(error).await,
            None => error,
        }),
    }
}

/// The receipt and its file, the copy, and its facts as they were read.
type Proven = (Receipt, PathBuf, DatabaseCopy, Option<Box<Snapshot>>);

/// Restores and compares; no copy is left on failure.
async fn proven(
    ws: &Workspace,
    engine: &dyn Engine,
    (path, opened): (&Path, &Arc<Archive>),
    (on, sandbox): (&Target, Option<SandboxFacts>),
    request: &RestoreRequest,
) -> Result<Proven, OperationError> {
    let source: Arc<dyn Source> = Arc::clone(opened) as _;
    ws.progress
        .phase("restore", Some(stream_bytes(opened.snapshot())));
    let copy = engine
        .restore(&ws.context(), Arc::clone(&source), on, request)
        .await
        .inspect_err(|_| ws.progress.finish())?;
    let mut comparison = compare(ws, engine, source, &copy).await?;
    let found = comparison.found.take();
    match write_receipt(ws, path, opened, comparison, sandbox) {
        Ok((receipt, receipt_path)) => Ok((receipt, receipt_path, copy, found)),
        Err(error) => Err(undone(ws, engine, copy, error).await),
    }
}

/// Keeps what was found beside the archive.
pub(super) fn write_receipt(
    ws: &Workspace,
    path: &Path,
    archive: &Archive,
    mut comparison: Comparison,
    sandbox: Option<SandboxFacts>,
) -> Result<(Receipt, PathBuf), OperationError> {
    if !archive.manifest().files.is_empty() {
        let files = files::NOT_COMPARED.to_owned();
        comparison.not_compared.push(files);
    }
    let receipt = Receipt {
        archive: archive.id().to_owned(),
        manifest_sha256: archive.manifest_sha256(),
        proven_at: Utc::now(),
        server_version: comparison.server_version.clone(),
        server_identity: comparison.server_identity.clone(),
        bookend: env!("CARGO_PKG_VERSION").to_owned(),
        verdict: verdict(&comparison),
        differences: comparison.differences,
        objects: comparison.objects,
        not_compared: comparison.not_compared,
        sandbox,
    };
    let written = ws.store.write_receipt(path, &receipt)?;
    Ok((receipt, written))
}

/// Compares a copy with its source; drops the copy if that cannot be done.
pub(super) async fn compare(
    ws: &Workspace,
    engine: &dyn Engine,
    source: Arc<dyn Source>,
    copy: &DatabaseCopy,
) -> Result<Comparison, OperationError> {
    let all = copy.request.only.is_empty();
    let bytes = all.then(|| stream_bytes(source.snapshot()));
    ws.progress.phase("compare", bytes);
    let compared = engine.compare(&ws.context(), source, copy).await;
    ws.progress.finish();
    match compared {
        Ok(comparison) => Ok(comparison),
        Err(error) => Err(undone(ws, engine, copy.clone(), error.into()).await),
    }
}

/// Drops a copy, also after a signal.
///
/// # Errors
/// [`OperationError::CopyLeft`]: it is still there, and the store knows of it.
pub async fn discard(
    ws: &Workspace,
    engine: &dyn Engine,
    copy: DatabaseCopy,
) -> Result<(), OperationError> {
    let context: Context = ws.cleaning_context();
    let name = copy.name.clone();
    engine
        .discard(&context, copy)
        .await
        .map_err(|source| OperationError::CopyLeft {
            name,
            after: None,
            source: Box::new(source),
        })
}

/// Drops a copy because of `error`, which stays what is told; if the copy cannot be dropped
/// either, both are.
pub(super) async fn undone(
    ws: &Workspace,
    engine: &dyn Engine,
    copy: DatabaseCopy,
    error: OperationError,
) -> OperationError {
    match discard(ws, engine, copy).await {
        Err(OperationError::CopyLeft { name, source, .. }) => OperationError::CopyLeft {
            name,
            after: Some(error.to_string()),
            source,
        },
        Ok(()) | Err(_) => error,
    }
}

/// Uncompressed bytes of all data.
pub(super) fn stream_bytes(snapshot: &Snapshot) -> u64 {
    snapshot.streams.iter().map(|stream| stream.bytes).sum()
}

/// The one word that a comparison comes to.
pub(super) fn verdict(comparison: &Comparison) -> Verdict {
    if comparison.differences.is_empty() {
        Verdict::Identical
    } else {
        Verdict::Different
    }
}
