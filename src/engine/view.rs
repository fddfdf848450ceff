//! An archive as a restore was asked to have it: some members and the facts are other ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::engine::EngineError;
use crate::snapshot::{ChunkFacts, ChunkReader, SeamError, Snapshot, Source, StreamId};

/// Reads an archive, but for what it holds itself.
pub(super) struct View {
    /// The facts.
    pub snapshot: Snapshot,
    /// Members in place of the archive's.
    pub members: BTreeMap<&'static str, Vec<u8>>,
    /// The archive.
    pub archive: Arc<dyn Source>,
}

/// All that was asked for has to stay out: an empty database is not what anybody wants.
pub(super) fn nothing_left(left_out: &[String]) -> EngineError {
    EngineError::Unsupported {
        what: format!(
            "nothing that was asked for can be restored alone: {}",
            left_out.join("; ")
        ),
        advice: "ask for what it needs too, with another --only; nothing was made".to_owned(),
    }
}

#[async_trait]
impl Source for View {
    fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    async fn member(&self, name: &str) -> Result<Option<Vec<u8>>, SeamError> {
        match self.members.get(name) {
            Some(bytes) => Ok(Some(bytes.clone())),
            None => self.archive.member(name).await,
        }
    }

    /// A stream that the facts do not name is none of this view's.
    fn chunks(&self, id: StreamId) -> Vec<ChunkFacts> {
        let named = self.snapshot.streams.iter().any(|stream| stream.id == id);
        if named {
            self.archive.chunks(id)
        } else {
            Vec::new()
        }
    }

    fn chunk(&self, id: StreamId, index: usize) -> Result<Box<dyn ChunkReader>, SeamError> {
        self.archive.chunk(id, index)
    }
}
