//! Reading collections ourselves: raw batches, hashed as they come.

use bson::{RawDocument, RawDocumentBuf, cstr};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mongodb::Database;
use mongodb::raw_batch_cursor::{RawBatch, RawBatchCursor};

use crate::connection::mongodb::Session;
use crate::engine::{Context, EngineError};
use crate::fingerprint::{DocumentHasher, HashedDocuments};
use crate::snapshot::ObjectKind;

use super::definitions::CollectionDefinition;
use super::server::refused;

/// Documents that the first answer may hold: more than fit into its 16 MiB. (The server's own
/// choice for the first one is 101.)
const FIRST: i32 = 1 << 20;

/// `find` for everything in a collection, in the order in which it lies there.
pub(super) fn everything(body: &str) -> RawDocumentBuf {
    let mut command = RawDocumentBuf::new();
    command.append(cstr!("find"), body);
    command.append(cstr!("batchSize"), FIRST);
    command
}

/// Opens a cursor.
pub(super) async fn open(
    session: &Session,
    database: &Database,
    command: RawDocumentBuf,
    body: &str,
) -> Result<RawBatchCursor, EngineError> {
    database
        .run_raw_cursor_command(command)
        .batch()
        .await
        .map_err(refused(session, unreadable(body)))
}

/// The next batch, `None` at the end.
pub(super) async fn next(
    session: &Session,
    cursor: &mut RawBatchCursor,
    body: &str,
) -> Result<Option<RawBatch>, EngineError> {
    let batch = cursor.next().await;
    batch
        .transpose()
        .map_err(refused(session, unreadable(body)))
}

fn unreadable(body: &str) -> String {
    format!("the documents of {body} could not be read")
}

/// The documents of a batch.
pub(super) fn documents<'a>(
    batch: &'a RawBatch,
    body: &'a str,
) -> Result<impl Iterator<Item = Result<&'a RawDocument, EngineError>>, EngineError> {
    let wrong = move || EngineError::Garbled {
        tool: "the server".to_owned(),
        problem: format!("an answer about {body} holds no documents"),
    };
    let all = batch.doc_slices().map_err(|_| wrong())?;
    Ok(all
        .into_iter()
        .map(move |one| one.ok().and_then(|one| one.as_document()).ok_or_else(wrong)))
}

/// Hashes every collection of a database, several at once.
pub(super) async fn hash(
    context: &Context,
    session: &Session,
    database: &Database,
    definitions: &[CollectionDefinition],
) -> Result<Vec<(String, HashedDocuments)>, EngineError> {
    let mut all: Vec<(String, String)> = definitions
        .iter()
        .filter(|one| one.kind() != ObjectKind::View)
        .map(|one| (one.name().to_owned(), one.body_name()))
        .collect();
    all.reverse();
    stream::iter(all)
        .map(|(name, body)| {
            let (context, session, database) = (context.clone(), session.clone(), database.clone());
            async move {
                let work = async move { one(&context, &session, &database, &body).await };
                Ok((name, on_its_own(work).await?))
            }
        })
        .buffer_unordered(context.jobs.max(1))
        .try_collect()
        .await
}

/// Runs work as a task of its own: hashing in one task would wait for itself.
pub(super) async fn on_its_own<F>(work: F) -> Result<HashedDocuments, EngineError>
where
    F: Future<Output = Result<HashedDocuments, EngineError>> + Send + 'static,
{
    let mut task = AbortOnDrop(tokio::spawn(work));
    (&mut task.0).await.unwrap_or(Err(EngineError::Cancelled))
}

struct AbortOnDrop(tokio::task::JoinHandle<Result<HashedDocuments, EngineError>>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Hashes one document.
pub(super) fn hash_one(
    hasher: &mut DocumentHasher,
    document: &[u8],
    body: &str,
) -> Result<(), EngineError> {
    hasher
        .document(document)
        .map_err(|error| EngineError::Garbled {
            tool: "the server".to_owned(),
            problem: format!("{body}: {error}"),
        })
}

async fn one(
    context: &Context,
    session: &Session,
    database: &Database,
    body: &str,
) -> Result<HashedDocuments, EngineError> {
    let mut cursor = open(session, database, everything(body), body).await?;
    let mut hasher = DocumentHasher::new();
    while let Some(batch) = next(session, &mut cursor, body).await? {
        if context.cancel.is_cancelled() {
            return Err(EngineError::Cancelled);
        }
        let (bytes, count) = (hasher.bytes(), hasher.count());
        for document in documents(&batch, body)? {
            hash_one(&mut hasher, document?.as_bytes(), body)?;
        }
        context
            .progress
            .advance(hasher.bytes() - bytes, hasher.count() - count);
    }
    Ok(hasher.finish())
}
