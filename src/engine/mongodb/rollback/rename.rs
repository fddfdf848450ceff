//! Renaming collections, so that doing it again changes nothing.

use bson::doc;

use crate::connection::mongodb::Session;
use crate::engine::EngineError;

use super::super::server::{code, refused};

/// `NamespaceExists`.
const EXISTS: i32 = 48;

/// A collection with its database.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub database: String,
    pub collection: String,
}

impl Place {
    pub(super) fn new(database: &str, collection: impl Into<String>) -> Self {
        Self {
            database: database.to_owned(),
            collection: collection.into(),
        }
    }

    fn namespace(&self) -> String {
        format!("{}.{}", self.database, self.collection)
    }
}

/// Renames; false if something has that name already.
pub(super) async fn rename(
    session: &Session,
    from: &Place,
    to: &Place,
) -> Result<bool, EngineError> {
    let command = doc! {
        "renameCollection": from.namespace(),
        "to": to.namespace(),
        "writeConcern": { "w": "majority" },
    };
    match session.other("admin").run_command(command).await {
        Ok(_) => Ok(true),
        Err(error) if code(&error) == Some(EXISTS) => Ok(false),
        Err(error) => Err(refused(
            session,
            format!(
                "{} could not be renamed to {}",
                from.namespace(),
                to.namespace()
            ),
        )(error)),
    }
}

/// Whether there is a collection or view of that name.
pub(super) async fn exists(session: &Session, place: &Place) -> Result<bool, EngineError> {
    let answer = session
        .other(&place.database)
        .run_command(doc! {
            "listCollections": 1, "nameOnly": true, "filter": { "name": &place.collection },
        })
        .await
        .map_err(refused(
            session,
            format!("the collections of {} could not be listed", place.database),
        ))?;
    let first = answer.get_document("cursor").ok();
    Ok(first
        .and_then(|cursor| cursor.get_array("firstBatch").ok())
        .is_some_and(|batch| !batch.is_empty()))
}

/// Drops a collection of bookend's own, or a view.
pub(super) async fn drop_one(session: &Session, place: &Place) -> Result<(), EngineError> {
    session
        .other(&place.database)
        .run_command(doc! { "drop": &place.collection, "writeConcern": { "w": "majority" } })
        .await
        .map(drop)
        .map_err(refused(
            session,
            format!("{} could not be dropped", place.namespace()),
        ))
}
