//! Reading collections ourselves: raw batches, hashed as they come.

use bson::RawDocument;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mongodb::Database;
use mongodb::raw_batch_cursor::RawBatch;

use crate::connection::mongodb::Session;
use crate::engine::{Context, EngineError};
use crate::fingerprint::{DocumentHasher, HashedDocuments};
use crate::snapshot::ObjectKind;

use super::batches::{AbortOnDrop, Batches, Turns, everything, turns};
use super::definitions::CollectionDefinition;

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
    Ok(all.into_iter().map(move |one| {
        one.ok()
            .and_then(bson::RawBsonRef::as_document)
            .ok_or_else(wrong)
    }))
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
    let turns = turns();
    stream::iter(all)
        .map(|(name, body)| {
            let (context, session, database) = (context.clone(), session.clone(), database.clone());
            let turns = turns.clone();
            async move {
                let work = async move { one(&context, &session, &database, &body, &turns).await };
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
    turns: &Turns,
) -> Result<HashedDocuments, EngineError> {
    let mut batches = Batches::open(session, database, everything(body), body, turns).await?;
    let mut hasher = DocumentHasher::new();
    while let Some(batch) = batches.next(session).await? {
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
