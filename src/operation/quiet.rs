//! Whether a database is still what an archive holds: everything is looked at again and
//! compared, and hashed where the server's own record does not show that nobody touched it.
//! Transaction ids or counters of the database alone would not do: a transaction that was in
//! flight may commit later, and restoring a copy on the same server moves them too.

use std::sync::Arc;

use super::{OperationError, Workspace};
use crate::connection::Target;
use crate::engine::{DumpRequest, SeenSession};
use crate::snapshot::diff::{Difference, compare};
use crate::snapshot::{Nothing, Snapshot, Untouched};

/// A second look at a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondLook {
    /// What was seen.
    pub quiet: Quiet,
    /// Tables or collections that were looked at.
    pub objects: u64,
    /// Those among them that did not have to be read.
    pub untouched: Option<Untouched>,
}

/// What was seen of a database since its backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quiet {
    /// No write was seen: the same content, and no transaction in progress that has written.
    Quiet,
    /// Somebody writes.
    Written {
        /// What is different from the backup.
        difference: Box<Difference>,
        /// Sessions with a transaction that has written, or may have, and is not over.
        writers: Vec<SeenSession>,
    },
}

/// Reads a database only to hash it: its snapshot without an archive. What the server shows to
/// be untouched since an earlier snapshot of it is taken over from there.
///
/// # Errors
/// As a backup.
pub async fn read(
    ws: &Workspace,
    target: &Target,
    consistent: bool,
    since: Option<&Arc<Snapshot>>,
) -> Result<Snapshot, OperationError> {
    let engine = ws.engines.get(target.engine())?;
    let request = DumpRequest {
        consistent,
        since: since.map(Arc::clone),
        spare: true,
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
    before: &Arc<Snapshot>,
) -> Result<SecondLook, OperationError> {
    let engine = ws.engines.get(target.engine())?;
    let mut observer = engine.observe(&ws.context(), target).await?;
    ws.progress.phase("read again", None);
    let now = read(ws, target, false, Some(before)).await?;
    let mut writers = observer.sessions().await?;
    writers.retain(|session| session.writing);
    writers.extend(observer.open_transactions().await?);
    let difference = compare(before, &now);
    // What is not known to be of one moment may have been written to behind the reader's back.
    let quiet = if difference.same && writers.is_empty() && now.consistent == Some(true) {
        Quiet::Quiet
    } else {
        Quiet::Written {
            difference: Box::new(difference),
            writers,
        }
    };
    let objects = now.objects.iter().filter(|o| o.content.is_some()).count();
    Ok(SecondLook {
        quiet,
        objects: objects as u64,
        untouched: now.record.untouched,
    })
}
