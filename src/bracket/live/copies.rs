//! Proven copies that a rehearsal goes on with.

use std::sync::PoisonError;

use super::Live;
use crate::connection::EngineKind;
use crate::engine::DatabaseCopy;
use crate::operation::{self, Sandbox};
use crate::snapshot::Snapshot;

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
    pub found: Option<Box<Snapshot>>,
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

    pub(super) async fn drop_one(&self, kept: Kept) -> Vec<String> {
        let sandbox = self.sandbox_of(&kept.copy.name);
        let dropped = match (sandbox, self.ws.engines.get(kept.engine)) {
            (Some(sandbox), _) => sandbox.close().await,
            (None, Ok(engine)) => operation::discard(&self.ws, engine.as_ref(), kept.copy).await,
            (None, Err(error)) => Err(error),
        };
        match dropped {
            Ok(()) => Vec::new(),
            Err(error) => {
                let left = (self.surroundings.explain)(&error).setback;
                std::iter::once(left.message).chain(left.hint).collect()
            }
        }
    }
}
