//! Checking a bundle without a server.

use std::path::Path;
use std::sync::Arc;

use super::super::verify::decoded;
use super::super::{Damage, OperationError, Verdict, Workspace};
use crate::archive::{self, Bundle, Missing};

/// What a check of a bundle's bytes showed.
#[derive(Clone, Debug)]
pub struct BundleCheck {
    /// [`Verdict::Intact`] or [`Verdict::Damaged`].
    pub verdict: Verdict,
    /// The run.
    pub run: String,
    /// Members that were read.
    pub members: u64,
    /// Archives inside.
    pub archives: u64,
    /// Rows that were counted again in them.
    pub rows: u64,
    /// What is wrong.
    pub damages: Vec<Damage>,
    /// What was not put in when it was made.
    pub missing: Vec<Missing>,
}

/// Opens a bundle, on a thread that may block.
///
/// # Errors
/// [`OperationError::Archive`] if it is not a readable bundle.
pub async fn open_bundle(path: &Path) -> Result<Arc<Bundle>, OperationError> {
    let path = path.to_owned();
    let opened = tokio::task::spawn_blocking(move || Bundle::open(&path))
        .await
        .map_err(|_| OperationError::Broken {
            what: "opening the bundle",
        })?;
    Ok(Arc::new(opened?))
}

/// Reads every byte of a bundle, and of each archive inside.
///
/// # Errors
/// [`OperationError::Archive`] if it is not a bundle or too new, or cannot be read.
pub async fn verify_bundle(ws: &Workspace, path: &Path) -> Result<BundleCheck, OperationError> {
    let opened = open_bundle(path).await?;
    let bundle = Arc::clone(&opened);
    let (jobs, progress, cancel) = (ws.jobs, Arc::clone(&ws.progress), ws.cancel.clone());
    progress.phase("verify", None);
    let verified = tokio::task::spawn_blocking(move || {
        let advance = |bytes, rows| progress.advance(bytes, rows);
        let verified = archive::verify_bundle(&bundle, jobs, &advance, &cancel);
        progress.finish();
        verified
    })
    .await
    .map_err(|_| OperationError::Broken {
        what: "verifying the bundle",
    })??;
    let mut verified = verified;
    for member in opened.archives() {
        // One that cannot be opened was told already.
        let Ok(archive) = opened.archive(member) else {
            continue;
        };
        // Archives have members of the same names.
        let prefix = format!("{}: ", member.name);
        let known = verified.damages.iter().filter_map(|one| {
            let member = one.member.strip_prefix(&prefix)?.to_owned();
            Some(Damage {
                member,
                ..one.clone()
            })
        });
        let known: Vec<Damage> = known.collect();
        let (rows, damages) = decoded(ws, Arc::new(archive), &known).await?;
        verified.rows += rows;
        let inside = damages.into_iter().map(|one| Damage {
            member: format!("{prefix}{}", one.member),
            ..one
        });
        verified.damages.extend(inside);
    }
    let manifest = opened.manifest();
    Ok(BundleCheck {
        verdict: if verified.damages.is_empty() {
            Verdict::Intact
        } else {
            Verdict::Damaged
        },
        run: manifest.run.clone(),
        members: verified.members,
        archives: verified.archives,
        rows: verified.rows,
        damages: verified.damages,
        missing: manifest.missing.clone(),
    })
}
