//! The two sides of a comparison: each an archive, or a database as it is now.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use chrono::Utc;

use super::backup::{BackupRequest, expected, keep};
use super::{OperationError, Workspace, open, quiet};
use crate::archive::Archive;
use crate::connection::Target;
use crate::snapshot::{Snapshot, Source as _};
use crate::store::{Pending, archive_id};

/// What is to be compared.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// A file.
    Archive(&'a Path),
    /// A database, as it is when it is read.
    Live(&'a Target),
}

/// A side that was read.
pub struct Side {
    /// Its facts.
    pub snapshot: Arc<Snapshot>,
    /// Its rows, where they are at hand.
    pub(super) source: Option<Arc<Archive>>,
    /// The file that they are in, if it is only for this comparison.
    _short_lived: Option<Pending>,
}

impl Side {
    /// A side whose facts are known already.
    #[must_use]
    pub fn known(snapshot: Arc<Snapshot>) -> Self {
        Self::of(snapshot, None)
    }

    pub(super) fn of(snapshot: Arc<Snapshot>, source: Option<Arc<Archive>>) -> Self {
        Self {
            snapshot,
            source,
            _short_lived: None,
        }
    }

    /// Reads one side: an archive's manifest, or all of a live database, once and only to hash
    /// it. With `rows` the rows of a live one are put by in a file of the store that is gone with
    /// this value, since they are looked at more than once and must be of one moment.
    ///
    /// # Errors
    /// If it cannot be read; as a backup.
    pub async fn read(
        ws: &Workspace,
        subject: Subject<'_>,
        rows: bool,
    ) -> Result<Self, OperationError> {
        match subject {
            Subject::Archive(path) => {
                let archive = open(path).await?;
                let snapshot = Arc::new(archive.snapshot().clone());
                Ok(Self::of(snapshot, Some(archive)))
            }
            Subject::Live(target) if rows => Self::put_by(ws, target, None).await,
            Subject::Live(target) => {
                let engine = ws.engines.get(target.engine())?;
                ws.speak(engine.as_ref());
                let name = format!("read {}", target.database());
                let bytes = expected(ws, engine.as_ref(), target).await?;
                ws.progress.phase(&name, bytes);
                let snapshot = quiet::read(ws, target, false, None).await?;
                Ok(Self::known(Arc::new(snapshot)))
            }
        }
    }

    /// A live side, with the rows of these objects alone.
    pub(super) async fn rows_of(
        ws: &Workspace,
        target: &Target,
        objects: BTreeSet<String>,
    ) -> Result<Self, OperationError> {
        Self::put_by(ws, target, Some(objects)).await
    }

    async fn put_by(
        ws: &Workspace,
        target: &Target,
        data_of: Option<BTreeSet<String>>,
    ) -> Result<Self, OperationError> {
        ws.store.remove_leftovers()?;
        let id = archive_id(target.label(), Utc::now(), Some("diff"));
        let pending = ws.store.begin(&id)?;
        let request = BackupRequest {
            data_of,
            ..BackupRequest::default()
        };
        let (snapshot, _) = keep(ws, target, &request, &pending).await?;
        Ok(Self {
            snapshot,
            source: Some(open(pending.path()).await?),
            _short_lived: Some(pending),
        })
    }
}

/// Whether two targets are one database: by their names, or because both servers say that they
/// are the same one.
///
/// # Errors
/// If one cannot be reached.
pub async fn same_database(ws: &Workspace, a: &Target, b: &Target) -> Result<bool, OperationError> {
    if a.is_same_database(b) {
        return Ok(true);
    }
    if a.engine() != b.engine() || a.database() != b.database() {
        return Ok(false);
    }
    let engine = ws.engines.get(a.engine())?;
    let context = ws.context();
    let (a, b) = (
        engine.reach(&context, a).await?,
        engine.reach(&context, b).await?,
    );
    Ok(a.identity.is_some() && a.identity == b.identity)
}
