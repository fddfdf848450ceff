//! What was written since the last backup: read, and kept in the store before it is put aside.

use std::sync::{Mutex, PoisonError};

use super::super::backup::{Taken, backup_unless};
use super::super::difference::difference as differ;
use super::super::{BackupOutcome, BackupRequest, OperationError, Side, Subject, Workspace, open};
use super::Planned;
use crate::snapshot::diff::{Difference, compare};
use crate::snapshot::{Snapshot, Source as _};

/// What reading the failed database showed.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The id of the archive that it was compared with.
    pub compared_with: String,
    /// True if that is the one from after the migration: a difference is what others wrote.
    pub after: bool,
    /// What differs.
    pub difference: Difference,
    /// The archive of the failed database; `None` if nothing differs.
    pub archive: Option<BackupOutcome>,
}

/// Reads the failed database, and keeps it as an archive unless it is what the store has already.
///
/// # Errors
/// [`OperationError::NotExported`].
pub async fn export(ws: &Workspace, planned: &Planned) -> Result<Exported, OperationError> {
    read(ws, planned).await.map_err(|error| match error {
        OperationError::Cancelled => error,
        error if ws.cancel.is_cancelled() => error,
        error => OperationError::NotExported {
            database: planned.subject.target.database().to_owned(),
            source: Box::new(error),
        },
    })
}

async fn read(ws: &Workspace, planned: &Planned) -> Result<Exported, OperationError> {
    let after = match &planned.subject.after {
        Some(path) => Some(open(path).await?),
        None => None,
    };
    let known = after.as_ref().unwrap_or(&planned.archive);
    let found: Mutex<Option<Difference>> = Mutex::new(None);
    let is_known = |now: &Snapshot| {
        let difference = compare(known.snapshot(), now);
        let same = difference.same;
        *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(difference);
        same
    };
    let request = BackupRequest {
        suffix: Some("before-rollback"),
        ..BackupRequest::default()
    };
    let taken = backup_unless(ws, &planned.subject.target, &request, &is_known).await?;
    let difference = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    let difference = match &taken {
        // Both have their rows at hand now, which tell what their facts leave open.
        Taken::Kept(outcome) => {
            let (a, b) = (
                Subject::Archive(known.path()),
                Subject::Archive(&outcome.path),
            );
            let first = Side::read(ws, a, true).await?;
            let second = Side::read(ws, b, true).await?;
            Some(differ(ws, (a, &first), (b, &second)).await?)
        }
        Taken::Known => difference,
    };
    Ok(Exported {
        compared_with: known.id().to_owned(),
        after: after.is_some(),
        difference: difference.unwrap_or_default(),
        archive: match taken {
            Taken::Kept(outcome) => Some(*outcome),
            Taken::Known => None,
        },
    })
}
