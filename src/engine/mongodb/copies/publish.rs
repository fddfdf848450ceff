//! Making a finished copy what it was asked to be.

use bson::{Bson, Document, RawDocumentBuf, doc};
use futures_util::TryStreamExt as _;
use mongodb::Database;

use crate::connection::Target;
use crate::connection::mongodb::Session;
use crate::engine::mongodb::marker;
use crate::engine::mongodb::server::{self, refused};
use crate::engine::{Context, DatabaseCopy, EngineError, Publication};

use super::{not_ours, ours};

/// Makes a finished copy what it was asked to be. It has its name already.
pub(in crate::engine::mongodb) async fn publish(
    context: &Context,
    copy: DatabaseCopy,
    publication: &Publication<'_>,
) -> Result<Target, EngineError> {
    let Some(into) = copy.request.into.clone() else {
        return Err(not_ours(&copy.name, "no name was asked for it"));
    };
    let session = server::connect(context, &copy.target).await?;
    let database = session.other(&copy.name);
    let found = ours(&session, &database, &copy).await?;
    expire_again(&session, &database, &database).await?;
    let marker = found.marker.published(&copy.name, publication);
    marker::write(&session, &database, &marker).await?;
    context
        .ledger
        .settle(&copy.name, &format!("published as {into}"))
        .map_err(EngineError::Ledger)?;
    Ok(copy.target.with_database(&into))
}

/// Runs the commands that a copy keeps for this moment, and forgets them.
pub(in crate::engine::mongodb) async fn expire_again(
    session: &Session,
    copy: &Database,
    database: &Database,
) -> Result<(), EngineError> {
    let what = format!("documents of {} could not be let expire", database.name());
    let collection = copy.collection::<Document>(marker::COLLECTION);
    let kept: Vec<Document> = collection
        .find(doc! { "command": { "$exists": true } })
        .sort(doc! { "_id": 1 })
        .await
        .map_err(refused(session, what.clone()))?
        .try_collect()
        .await
        .map_err(refused(session, what.clone()))?;
    for one in kept {
        let Some(Bson::Binary(command)) = one.get("command") else {
            continue;
        };
        let command = RawDocumentBuf::from_bytes(command.bytes.clone()).map_err(|error| {
            EngineError::Restore {
                what: what.clone(),
                reasons: vec![error.to_string()],
                advice: None,
            }
        })?;
        database
            .run_raw_command(command)
            .await
            .map_err(refused(session, what.clone()))?;
    }
    collection
        .delete_many(doc! { "command": { "$exists": true } })
        .await
        .map(drop)
        .map_err(refused(session, what))
}
