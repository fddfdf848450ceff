//! Checking an archive without a server.

use std::path::Path;
use std::sync::Arc;

use super::{OperationError, Verdict, Workspace};
use crate::archive::{self, Archive, Damage, Depth};

/// What a check of an archive's bytes showed.
#[derive(Clone, Debug)]
pub struct VerifyOutcome {
    /// [`Verdict::Intact`] or [`Verdict::Damaged`].
    pub verdict: Verdict,
    /// Members that were read.
    pub members: u64,
    /// Rows that were counted again.
    pub rows: u64,
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
    let (jobs, progress, cancel) = (ws.jobs, Arc::clone(&ws.progress), ws.cancel.clone());
    progress.phase("verify", Some(opened.manifest().archive.bytes_raw));
    let verified = tokio::task::spawn_blocking(move || {
        let advance = |bytes, rows| progress.advance(bytes, rows);
        let verified = archive::verify(&opened, depth, jobs, &advance, &cancel);
        progress.finish();
        verified
    })
    .await
    .map_err(|_| OperationError::Broken {
        what: "verifying the archive",
    })??;
    Ok(VerifyOutcome {
        verdict: if verified.damages.is_empty() {
            Verdict::Intact
        } else {
            Verdict::Damaged
        },
        members: verified.members,
        rows: verified.rows,
        damages: verified.damages,
    })
}
