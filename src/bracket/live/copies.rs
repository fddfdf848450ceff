//! Proven copies that a rehearsal goes on with.

use std::sync::{Arc, PoisonError};

use tokio::task::JoinHandle;

use super::Live;
use crate::connection::EngineKind;
use crate::engine::DatabaseCopy;
use crate::operation::{self, OperationError, Sandbox, Workspace};
use crate::snapshot::Snapshot;

/// A copy that is being dropped.
pub(super) type Dropping = JoinHandle<Result<(), OperationError>>;

/// A copy that is kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// Whose it is.
    pub target: usize,
    /// The archive's id.
    pub archive: String,
    /// Its engine.
    pub engine: EngineKind,
    /// The copy.
    pub copy: DatabaseCopy,
    /// Its facts when it was proven.
    pub found: Option<Arc<Snapshot>>,
}

impl Live {
    pub(super) fn keep(&self, kept: Kept) {
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(kept);
    }

    /// The copies, in the order of their targets.
    pub(super) fn kept(&self) -> Vec<Kept> {
        let mut all = self
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        all.sort_by_key(|kept| kept.target);
        all
    }

    /// Forgets a copy: somebody else looks after it now.
    pub(super) fn forget(&self, name: &str) {
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|kept| kept.copy.name != name);
    }

    /// A copy's private server lives as long as the copy.
    pub(super) fn shelter(&self, copy: &str, sandbox: Sandbox) {
        let mut all = self
            .sandboxes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.push((copy.to_owned(), sandbox));
    }

    fn sandbox_of(&self, copy: &str) -> Option<Sandbox> {
        let mut all = self
            .sandboxes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let at = all.iter().position(|(name, _)| name == copy)?;
        Some(all.swap_remove(at).1)
    }

    /// Drops all of them. What could not be dropped is in the store's record, and told.
    pub(super) async fn drop_kept(&self) -> Vec<String> {
        let all = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        let mut told = Vec::new();
        for kept in all {
            told.extend(self.drop_one(kept).await);
        }
        told
    }

    /// The same, beside what comes next: dropping waits for the server's disk, and reading the
    /// target again does not. [`Live::dropped`] waits for the end.
    pub(super) fn begin_to_drop_kept(&self) {
        let all = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        let mut dropping = self.dropping.lock().unwrap_or_else(PoisonError::into_inner);
        for kept in all {
            let sandbox = self.sandbox_of(&kept.copy.name);
            dropping.push(tokio::spawn(drop_copy(self.ws.clone(), kept, sandbox)));
        }
    }

    /// Waits until what is being dropped is gone. What could not be dropped is told.
    pub(super) async fn dropped(&self) -> Vec<String> {
        let all =
            std::mem::take(&mut *self.dropping.lock().unwrap_or_else(PoisonError::into_inner));
        let mut told = Vec::new();
        for one in all {
            let ended = one.await.unwrap_or(Err(OperationError::Broken {
                what: "dropping a copy",
            }));
            told.extend(self.left(ended));
        }
        told
    }

    pub(super) async fn drop_one(&self, kept: Kept) -> Vec<String> {
        let sandbox = self.sandbox_of(&kept.copy.name);
        let ended = drop_copy(self.ws.clone(), kept, sandbox).await;
        self.left(ended)
    }

    /// What a drop that failed left, in words.
    fn left(&self, ended: Result<(), OperationError>) -> Vec<String> {
        match ended {
            Ok(()) => Vec::new(),
            Err(error) => {
                let left = (self.surroundings.explain)(&error).setback;
                std::iter::once(left.message).chain(left.hint).collect()
            }
        }
    }
}

async fn drop_copy(
    ws: Workspace,
    kept: Kept,
    sandbox: Option<Sandbox>,
) -> Result<(), OperationError> {
    if let Some(sandbox) = sandbox {
        return sandbox.close().await;
    }
    let engine = ws.engines.get(kept.engine)?;
    operation::discard(&ws, engine.as_ref(), kept.copy).await
}
