//! Checking an archive without a server.

use std::path::Path;
use std::sync::Arc;

use super::{OperationError, Verdict, Workspace};
use crate::archive::{self, Archive, Damage, Depth};
use crate::engine::Flaw;
use crate::snapshot::{Nouns, Source};

/// What a check of an archive's bytes showed.
#[derive(Clone, Debug)]
pub struct VerifyOutcome {
    /// [`Verdict::Intact`] or [`Verdict::Damaged`].
    pub verdict: Verdict,
    /// Members that were read.
    pub members: u64,
    /// Rows or documents that were counted again.
    pub rows: u64,
    /// What they are called.
    pub nouns: Nouns,
    /// What is wrong, and with which table.
    pub damages: Vec<Damage>,
}

/// Opens an archive, on a thread that may block.
///
/// # Errors
/// [`OperationError::Archive`] if it is not a readable archive.
pub async fn open(path: &Path) -> Result<Arc<Archive>, OperationError> {
    let path = path.to_owned();
    let opened = tokio::task::spawn_blocking(move || Archive::open(&path))
        .await
        .map_err(|_| OperationError::Broken {
            what: "opening the archive",
        })?;
    Ok(Arc::new(opened?))
}

/// Reads every byte of an archive: digests, what is missing and what should not be there; and
/// with [`Depth::Rows`] frames, rows and fingerprints.
///
/// # Errors
/// [`OperationError::Archive`] if it is not an archive or too new, or cannot be read.
pub async fn verify(
    ws: &Workspace,
    archive: &Path,
    depth: Depth,
) -> Result<VerifyOutcome, OperationError> {
    let opened = open(archive).await?;
    let engine = ws.engines.named(&opened.snapshot().engine)?;
    ws.speak(engine.as_ref());
    let source = Arc::clone(&opened);
    let (jobs, progress, cancel) = (ws.jobs, Arc::clone(&ws.progress), ws.cancel.clone());
    progress.phase("verify", Some(opened.manifest().archive.bytes_raw));
    let mut verified = tokio::task::spawn_blocking(move || {
        let advance = |bytes, rows| progress.advance(bytes, rows);
        let verified = archive::verify(&opened, depth, jobs, &advance, &cancel);
        progress.finish();
        verified
    })
    .await
    .map_err(|_| OperationError::Broken {
        what: "verifying the archive",
    })??;
    if depth == Depth::Rows {
        let (rows, damages) = decoded(ws, source, &verified.damages).await?;
        verified.rows += rows;
        verified.damages.extend(damages);
    }
    Ok(VerifyOutcome {
        verdict: if verified.damages.is_empty() {
            Verdict::Intact
        } else {
            Verdict::Damaged
        },
        members: verified.members,
        rows: verified.rows,
        nouns: engine.capabilities().nouns,
        damages: verified.damages,
    })
}

/// What only the engine can decode: rows that were counted, and damages beside those known.
pub(super) async fn decoded(
    ws: &Workspace,
    archive: Arc<Archive>,
    known: &[Damage],
) -> Result<(u64, Vec<Damage>), OperationError> {
    let engine = ws.engines.named(&archive.snapshot().engine)?;
    ws.progress.phase("decode", None);
    let checked = engine.check_streams(&ws.context(), archive as _).await;
    ws.progress.finish();
    let checked = checked?;
    Ok((checked.rows, flaws(known, checked.flaws)))
}

/// A member whose bytes are not those that were written was named already; that the engine
/// could not read it is no news, whose content is hit by that is.
fn flaws(known: &[Damage], flaws: Vec<Flaw>) -> Vec<Damage> {
    let is_known = |member: &str| known.iter().any(|damage| damage.member == member);
    let news = flaws
        .into_iter()
        .filter(|flaw| flaw.object.is_some() || !is_known(&flaw.member));
    news.map(|flaw| Damage {
        member: flaw.member,
        object: flaw.object,
        problem: flaw.problem,
    })
    .collect()
}
