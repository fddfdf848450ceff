//! Reading the definitions of a database's collections, as raw as the server gives them.

use bson::{RawDocumentBuf, doc};
use futures_util::StreamExt as _;
use mongodb::Database;
use mongodb::raw_batch_cursor::RawBatchCursor;

use crate::connection::mongodb::Session;
use crate::engine::EngineError;

use super::definitions::CollectionDefinition;
use super::marker;
use super::server::{code, refused};

/// `CommandNotSupportedOnView`, `NamespaceNotFound`: it was dropped or became a view meanwhile.
const GONE: [i32; 2] = [166, 26];

/// Everything in `database` that people made, sorted by name. Collections of the server's and
/// of bookend's own are left out.
pub(super) async fn read(
    session: &Session,
    database: &Database,
) -> Result<Vec<CollectionDefinition>, EngineError> {
    let mut definitions = Vec::new();
    for info in list(session, database).await? {
        let bare = definition(info.clone(), &[])?;
        if bare.is_internal() || bare.name() == marker::COLLECTION {
            continue;
        }
        if bare.kind() == crate::snapshot::ObjectKind::View {
            definitions.push(bare);
            continue;
        }
        let indexes = indexes(session, database, bare.name()).await?;
        definitions.push(definition(info, &indexes)?);
    }
    definitions.sort_by(|a, b| a.name().cmp(b.name()));
    Ok(definitions)
}

/// How many collections and time series people made, without their views.
pub(super) async fn count(session: &Session, database: &Database) -> Result<u64, EngineError> {
    let mut count = 0;
    for info in list(session, database).await? {
        let one = definition(info, &[])?;
        let is_view = one.kind() == crate::snapshot::ObjectKind::View;
        count += u64::from(!is_view && !one.is_internal() && one.name() != marker::COLLECTION);
    }
    Ok(count)
}

fn definition(
    info: RawDocumentBuf,
    indexes: &[RawDocumentBuf],
) -> Result<CollectionDefinition, EngineError> {
    CollectionDefinition::new(info, indexes).map_err(|error| EngineError::Garbled {
        tool: "the server".to_owned(),
        problem: error.to_string(),
    })
}

/// The elements of `listCollections`.
pub(super) async fn list(
    session: &Session,
    database: &Database,
) -> Result<Vec<RawDocumentBuf>, EngineError> {
    let what = format!("the collections of {} could not be listed", database.name());
    let cursor = database
        .run_cursor_command(doc! { "listCollections": 1 })
        .batch()
        .await
        .map_err(refused(session, what.clone()))?;
    all(session, cursor, &what).await
}

async fn indexes(
    session: &Session,
    database: &Database,
    name: &str,
) -> Result<Vec<RawDocumentBuf>, EngineError> {
    let what = format!(
        "the indexes of {}.{name} could not be listed",
        database.name()
    );
    let cursor = database
        .run_cursor_command(doc! { "listIndexes": name })
        .batch()
        .await;
    match cursor {
        Ok(cursor) => all(session, cursor, &what).await,
        Err(error) if code(&error).is_some_and(|code| GONE.contains(&code)) => Ok(Vec::new()),
        Err(error) => Err(refused(session, what)(error)),
    }
}

async fn all(
    session: &Session,
    mut cursor: RawBatchCursor,
    what: &str,
) -> Result<Vec<RawDocumentBuf>, EngineError> {
    let mut found = Vec::new();
    while let Some(batch) = cursor.next().await {
        let batch = batch.map_err(refused(session, what))?;
        for document in batch.doc_slices().map_err(refused(session, what))? {
            let document = document
                .ok()
                .and_then(|value| value.as_document().map(ToOwned::to_owned));
            found.push(document.ok_or_else(|| EngineError::Garbled {
                tool: "the server".to_owned(),
                problem: what.to_owned(),
            })?);
        }
    }
    Ok(found)
}
