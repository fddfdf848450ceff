//! The archive's stream on its way to the tool: the beginning rewritten, the documents looked
//! at for what the tool cannot restore.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::engine::mongodb::archive_stream::{MAGIC, StreamParser, TERMINATOR, prelude};
use crate::engine::mongodb::dump::STREAM;
use crate::engine::{Context, EngineError};
use crate::snapshot::SeamError;

use super::Plan;
use super::repairs::{Empty, Repairs};
use super::tool::{broken, stalled};

/// Bytes that the tool must take within our patience.
const PIECE: usize = 256 << 10;

/// What went by.
pub(super) struct Fed {
    /// Documents by the name in the blocks.
    pub documents: Vec<(String, u64)>,
    /// Fields that the server has filled in, and must not have.
    pub empty: Vec<Empty>,
}

/// Feeds everything.
pub(super) async fn feed(
    context: &Context,
    plan: &Plan,
    stdin: Option<impl AsyncWrite + Send + Unpin>,
) -> Result<Fed, EngineError> {
    let mut pipe = Pipe {
        stdin,
        patience: plan.patience,
    };
    let mut parser = StreamParser::new();
    let mut repairs = Repairs::new(&plan.held);
    let mut beginning = Some(Vec::new());
    for index in 0..plan.source.chunks(STREAM).len() {
        let mut chunk = plan.source.chunk(STREAM, index)?;
        while let Some(piece) = chunk.next_piece()? {
            parser
                .push(&piece, &mut repairs)
                .map_err(|error| damaged(&error.to_string()))?;
            repairs.insert_odd_ones(plan).await?;
            context.progress.advance(piece.len() as u64, 0);
            pipe.pass(plan, piece, &mut beginning, &repairs).await?;
        }
    }
    let read = parser
        .finish()
        .map_err(|error| damaged(&error.to_string()))?;
    repairs.insert_the_rest(plan).await?;
    pipe.close().await?;
    let wanted = |body: &str| !plan.skipped.contains(body);
    let mut empty = repairs.into_empty();
    empty.retain(|one| wanted(&one.collection));
    Ok(Fed {
        documents: read
            .into_iter()
            .filter(|one| wanted(&one.collection))
            .map(|one| (one.collection, one.documents))
            .collect(),
        empty,
    })
}

fn damaged(problem: &str) -> EngineError {
    SeamError::Damaged {
        member: STREAM.folder(),
        problem: problem.to_owned(),
    }
    .into()
}

struct Pipe<W> {
    stdin: Option<W>,
    patience: Duration,
}

impl<W: AsyncWrite + Send + Unpin> Pipe<W> {
    /// Writes a piece; the stream's beginning is held back until its list of collections is
    /// whole, and written with one of our own.
    async fn pass(
        &mut self,
        plan: &Plan,
        piece: Bytes,
        beginning: &mut Option<Vec<u8>>,
        repairs: &Repairs,
    ) -> Result<(), EngineError> {
        let Some(held) = beginning else {
            return self.write(&piece).await;
        };
        held.extend_from_slice(&piece);
        if let Some(end) = prelude_length(held) {
            let entries = repairs.entries(&plan.held, &plan.snapshot().database.name);
            self.write(&prelude(repairs.header(), &entries)).await?;
            let held = beginning.take().unwrap_or_default();
            self.write(held.get(end..).unwrap_or_default()).await?;
        }
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let Some(stdin) = &mut self.stdin else {
            return Ok(());
        };
        for part in bytes.chunks(PIECE) {
            match timeout(self.patience, stdin.write_all(part)).await {
                Ok(written) => written.map_err(broken)?,
                Err(_) => return Err(stalled(self.patience)),
            }
        }
        Ok(())
    }

    async fn close(mut self) -> Result<(), EngineError> {
        match self.stdin.take() {
            Some(mut stdin) => stdin.shutdown().await.map_err(broken),
            None => Ok(()),
        }
    }
}

/// Bytes of the magic number, the header, the list of collections and its terminator; `None`
/// while the end has not come.
fn prelude_length(bytes: &[u8]) -> Option<usize> {
    let mut at = MAGIC.len();
    loop {
        let length = bytes.get(at..)?.first_chunk::<4>()?;
        if *length == TERMINATOR {
            return Some(at + TERMINATOR.len());
        }
        // The parser has refused what is shorter than a document can be.
        at += usize::try_from(i32::from_le_bytes(*length)).ok()?.max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::mongodb::archive_stream::{CollectionEntry, Header};

    #[test]
    fn the_end_of_the_prelude_is_found_once_it_is_there() {
        let whole = prelude(&Header::default(), &[CollectionEntry::default()]);
        for cut in 0..whole.len() {
            assert_eq!(prelude_length(&whole[..cut]), None);
        }
        let mut more = whole.clone();
        more.extend_from_slice(&[5, 0, 0, 0, 0]);
        assert_eq!(prelude_length(&more), Some(whole.len()));
    }
}
