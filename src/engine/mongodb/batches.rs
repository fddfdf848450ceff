//! The documents of one collection, batch by batch: while one is hashed, the next is on its
//! way, so that neither the server nor bookend waits for the other.

use std::sync::Arc;

use bson::{RawDocumentBuf, cstr, doc};
use futures_util::StreamExt as _;
use mongodb::Database;
use mongodb::raw_batch_cursor::{RawBatch, RawBatchCursor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;

use crate::connection::mongodb::Session;
use crate::engine::EngineError;

use super::server::{number, refused};

/// Bytes of a batch: asking for the next costs little against reading it, and buffers of this
/// size are used again and again.
const BATCH: u64 = 2 << 20;

/// Collections whose documents are larger on average take turns, and ask for a batch only
/// when the last is done with: each may have 16 MiB.
const LARGE: u64 = 1 << 20;

/// Documents that an answer may hold where nobody knows how large they are: more than fit into
/// its 16 MiB. (The server's own choice for the first one is 101.)
const ANY_NUMBER: u64 = 1 << 20;

/// Who may read a collection of large documents: one at a time.
pub(super) type Turns = Arc<Semaphore>;

/// For the collections of one database.
pub(super) fn turns() -> Turns {
    Arc::new(Semaphore::new(1))
}

/// `find` for everything in a collection, in the order in which it lies there.
pub(super) fn everything(body: &str) -> RawDocumentBuf {
    let mut command = RawDocumentBuf::new();
    command.append(cstr!("find"), body);
    command
}

/// A cursor that is read.
pub(super) struct Batches {
    way: Way,
    body: String,
}

enum Way {
    /// By a task of its own, one batch ahead.
    Ahead {
        batches: mpsc::Receiver<Result<RawBatch, mongodb::error::Error>>,
        _reader: AbortOnDrop<()>,
    },
    /// When asked.
    InTurn {
        cursor: Box<RawBatchCursor>,
        _turn: OwnedSemaphorePermit,
    },
}

impl Batches {
    /// Runs a command that gives a cursor over `body`. The number of documents in a batch is
    /// for this to say.
    pub(super) async fn open(
        session: &Session,
        database: &Database,
        mut command: RawDocumentBuf,
        body: &str,
        turns: &Turns,
    ) -> Result<Self, EngineError> {
        let size = document_size(database, body).await;
        let turn = match size {
            Some(size) if size < LARGE => None,
            // The semaphore is never closed.
            _ => Arc::clone(turns).acquire_owned().await.ok(),
        };
        let documents = size.map_or(ANY_NUMBER, |size| BATCH.div_ceil(size.max(1)));
        let documents = u32::try_from(documents.min(ANY_NUMBER)).unwrap_or(u32::MAX);
        command.append(cstr!("batchSize"), i64::from(documents));
        let cursor = database
            .run_raw_cursor_command(command)
            .batch_size(documents)
            .batch()
            .await
            .map_err(refused(session, unreadable(body)))?;
        let way = match turn {
            Some(turn) => Way::InTurn {
                cursor: Box::new(cursor),
                _turn: turn,
            },
            None => ahead(cursor),
        };
        let body = body.to_owned();
        Ok(Self { way, body })
    }

    /// The next batch, `None` at the end.
    pub(super) async fn next(
        &mut self,
        session: &Session,
    ) -> Result<Option<RawBatch>, EngineError> {
        let batch = match &mut self.way {
            Way::Ahead { batches, .. } => batches.recv().await,
            Way::InTurn { cursor, .. } => cursor.next().await,
        };
        batch
            .transpose()
            .map_err(refused(session, unreadable(&self.body)))
    }
}

fn unreadable(body: &str) -> String {
    format!("the documents of {body} could not be read")
}

/// Reads on in a task of its own, a batch at most before anybody asks.
fn ahead(mut cursor: RawBatchCursor) -> Way {
    let (sender, batches) = mpsc::channel(1);
    let reader = tokio::spawn(async move {
        // A place first, then the batch: there is never one without a place.
        while let Ok(place) = sender.reserve().await {
            match cursor.next().await {
                Some(batch) => place.send(batch),
                None => return,
            }
        }
    });
    Way::Ahead {
        batches,
        _reader: AbortOnDrop(reader),
    }
}

/// How large the documents are on average; `None` if the server does not say.
async fn document_size(database: &Database, body: &str) -> Option<u64> {
    let stats = database
        .run_command(doc! { "collStats": body })
        .await
        .ok()?;
    let count = number(&stats, "count");
    Some(number(&stats, "size").checked_div(count).unwrap_or(0))
}

/// A task that ends with whoever waits for it.
pub(super) struct AbortOnDrop<T>(pub JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
