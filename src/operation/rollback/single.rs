//! One target, from its proven copy on.

use super::export::{Exported, export};
use super::{Options, Planned, swap};
use crate::engine::DatabaseCopy;
use crate::engine::rollback::{Held, Intentions};
use crate::operation::{OperationError, Workspace};

/// A target that is as before.
#[derive(Clone, Debug)]
pub struct PutBack {
    /// The name under which the failed original is kept.
    pub kept_as: String,
    /// What was written since; `None` if that was not looked at.
    pub exported: Option<Exported>,
    /// In words: sessions that were ended, what follows by name.
    pub notes: Vec<String>,
}

/// Keeps others out, exports what was written since, and puts the copy in the original's place.
///
/// # Errors
/// What stood in the way. Everybody may connect again, unless it is
/// [`OperationError::StillHeld`]; [`recover`](super::recover) tells which of the two is in the
/// place, should the swap itself have failed.
pub async fn put_back(
    ws: &Workspace,
    planned: &Planned,
    copy: DatabaseCopy,
    options: Options,
    intentions: &dyn Intentions,
) -> Result<PutBack, OperationError> {
    let mut held = planned.halt(ws, options, intentions).await?;
    let done = async {
        let exported = prepare(ws, planned, held.as_mut(), options, intentions).await?;
        swap(ws, planned, held.as_mut(), copy, intentions).await?;
        Ok(exported)
    };
    match done.await {
        Ok(exported) => {
            let mut notes = held.notes();
            notes.extend(planned.examination.followers.iter().cloned());
            Ok(PutBack {
                kept_as: planned.examination.kept_as.clone(),
                exported,
                notes,
            })
        }
        Err(error) => Err(let_go(ws, planned, held.as_mut(), intentions, error).await),
    }
}

async fn prepare(
    ws: &Workspace,
    planned: &Planned,
    held: &mut dyn Held,
    options: Options,
    intentions: &dyn Intentions,
) -> Result<Option<Exported>, OperationError> {
    let exported = if options.discard_writes || planned.examination.identity.is_none() {
        None
    } else {
        Some(export(ws, planned).await?)
    };
    held.seal(&ws.context(), intentions).await?;
    if ws.cancel.is_cancelled() {
        return Err(OperationError::Cancelled);
    }
    Ok(exported)
}

/// Lets everybody in again after a failure, which is what is told; or both.
pub(super) async fn let_go(
    ws: &Workspace,
    planned: &Planned,
    held: &mut dyn Held,
    intentions: &dyn Intentions,
    error: OperationError,
) -> OperationError {
    match held.let_go(&ws.cleaning_context(), intentions).await {
        Ok(()) => error,
        Err(source) => OperationError::StillHeld {
            database: planned.subject.target.database().to_owned(),
            after: error.to_string(),
            source: Box::new(source),
        },
    }
}
