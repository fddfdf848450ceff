//! Whether a database is still what an archive holds: everything is read again, hashed and
//! compared. Transaction ids or counters alone would not do: a transaction that was in flight
//! may commit later, and restoring a copy on the same server moves them too.

use std::sync::Arc;

use super::{OperationError, Workspace};
use crate::connection::Target;
use crate::engine::{DumpRequest, SeenSession};
use crate::snapshot::diff::{Difference, compare};
use crate::snapshot::{Nothing, Snapshot};

/// What was seen of a database since its backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quiet {
    /// No write was seen: the same content, and no transaction in progress that has written.
    Quiet {
        /// Tables or collections that were read again.
        objects: u64,
    },
    /// Somebody writes.
    Written {
        /// What is different from the backup.
        difference: Box<Difference>,
        /// Sessions with a transaction that has written, or may have, and is not over.
        writers: Vec<SeenSession>,
    },
}

/// Reads a database only to hash it: its snapshot without an archive.
///
/// # Errors
/// As a backup.
pub async fn read(
    ws: &Workspace,
    target: &Target,
    consistent: bool,
) -> Result<Snapshot, OperationError> {
    let engine = ws.engines.get(target.engine())?;
    let request = DumpRequest {
        consistent,
        ..DumpRequest::default()
    };
    let snapshot = engine
        .dump(&ws.context(), target, &request, Arc::new(Nothing))
        .await;
    ws.progress.finish();
    Ok(snapshot?)
}

/// Compares a database with what it was when `before` was taken.
///
/// # Errors
/// If it cannot be read.
pub async fn quiet(
    ws: &Workspace,
    target: &Target,
    before: &Snapshot,
) -> Result<Quiet, OperationError> {
    let engine = ws.engines.get(target.engine())?;
    let mut observer = engine.observe(&ws.context(), target).await?;
    ws.progress.phase("read again", None);
    let now = read(ws, target, false).await?;
    let mut writers = observer.sessions().await?;
    writers.retain(|session| session.writing);
    writers.extend(observer.open_transactions().await?);
    let difference = compare(before, &now);
    // What is not known to be of one moment may have been written to behind the reader's back.
    if difference.same && writers.is_empty() && now.consistent == Some(true) {
        let objects = now.objects.iter().filter(|o| o.content.is_some()).count();
        return Ok(Quiet::Quiet {
            objects: objects as u64,
        });
    }
    Ok(Quiet::Written {
        difference: Box::new(difference),
        writers,
    })
}
