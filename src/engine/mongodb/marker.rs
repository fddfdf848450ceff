//! bookend's mark on databases of its own: one document in a collection of bookend's own.
//!
//! MongoDB knows databases by their names only, so the document holds the UUID of its own
//! collection: a marker that came along with a dump lies in a collection with another one,
//! and marks nothing. The collection takes no part in backups and comparisons.

use bson::{Bson, Document, doc};
use chrono::{DateTime, Utc};
use mongodb::Database;
use mongodb::options::WriteConcern;
use serde::{Deserialize, Serialize};

use crate::connection::mongodb::Session;
use crate::engine::seal::Words;
use crate::engine::{CopyKind, EngineError, Publication};

use super::definitions::CollectionDefinition;
use super::{catalogue, server::hex, server::refused};

/// The collection's name.
pub(super) const COLLECTION: &str = "__bookend";

/// The document's `_id`.
const ID: &str = "marker";

/// What the document says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    /// What the database is for.
    pub kind: CopyKind,
    /// Identity of the server, empty where that is not readable.
    pub system: String,
    /// UUID of the collection that the document is in.
    pub collection: String,
    /// The run that made it.
    pub run: String,
    /// When.
    pub made: DateTime<Utc>,
    /// When anybody may drop it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<DateTime<Utc>>,
    /// The archive it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
    /// The name that a staging database was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether this still is what was written for a staging database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<String>,
}

impl Marker {
    /// The first marker of a new copy.
    pub(super) fn disposable(
        system: Option<&str>,
        collection: &str,
        run: &str,
        made: DateTime<Utc>,
    ) -> Self {
        Self {
            kind: CopyKind::Disposable,
            system: system.unwrap_or_default().to_owned(),
            collection: collection.to_owned(),
            run: run.to_owned(),
            made,
            expires: None,
            archive: None,
            name: None,
            seal: None,
        }
    }

    /// What the database becomes under `name`.
    pub(super) fn published(self, name: &str, publication: &Publication<'_>) -> Self {
        let archive = publication.archive;
        let seal = publication
            .expires
            .map(|expires| self.words(name, archive, expires).seal());
        Self {
            kind: publication.kind,
            expires: publication.expires,
            archive: Some(archive.to_owned()),
            name: seal.is_some().then(|| name.to_owned()),
            seal,
            ..self
        }
    }

    fn words<'a>(&'a self, name: &'a str, archive: &'a str, expires: DateTime<Utc>) -> Words<'a> {
        Words {
            name,
            system: &self.system,
            identity: &self.collection,
            run: &self.run,
            archive,
            expires,
        }
    }

    /// In words why the database, called `named` now, is not dropped when its time is over.
    pub(super) fn objection(&self, named: &str) -> Option<String> {
        let Some(expires) = self.expires else {
            return Some("it never expires".to_owned());
        };
        let name = self.name.as_deref().unwrap_or(named);
        let archive = self.archive.as_deref().unwrap_or_default();
        self.words(name, archive, expires)
            .objection(named, self.seal.as_deref())
    }

    /// True if the marker was written for the collection `uuid` of the server `system`.
    pub(super) fn is_genuine(&self, system: &str, uuid: &str) -> bool {
        self.collection == uuid && self.system == system
    }

    fn document(&self) -> Document {
        let text = serde_json::to_value(self).unwrap_or_default();
        let mut document = doc! { "_id": ID };
        if let serde_json::Value::Object(fields) = text {
            for (name, value) in fields {
                document.insert(name, value.as_str().unwrap_or_default());
            }
        }
        document
    }

    fn of_document(document: &Document) -> Option<Self> {
        let fields: serde_json::Map<String, serde_json::Value> = document
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.into())))
            .collect();
        serde_json::from_value(fields.into()).ok()
    }
}

/// A database's marker, and the UUID of the collection that it was found in.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub marker: Marker,
    pub uuid: String,
}

/// Makes the collection in a database that does not exist yet, and so the database; gives the
/// collection's UUID.
pub(super) async fn create(session: &Session, database: &Database) -> Result<String, EngineError> {
    let what = format!("{} could not be created", database.name());
    database
        .run_command(doc! { "create": COLLECTION })
        .await
        .map_err(refused(session, what.clone()))?;
    uuid(session, database).await?.ok_or(EngineError::Restore {
        what,
        reasons: vec!["its first collection is not there".to_owned()],
        advice: None,
    })
}

/// Writes the marker, in place of an older one. Durable when it returns.
pub(super) async fn write(
    session: &Session,
    database: &Database,
    marker: &Marker,
) -> Result<(), EngineError> {
    let what = format!("the mark of {} could not be written", database.name());
    database
        .collection::<Document>(COLLECTION)
        .replace_one(doc! { "_id": ID }, marker.document())
        .upsert(true)
        .write_concern(WriteConcern::majority())
        .await
        .map(drop)
        .map_err(refused(session, what))
}

/// The marker of a database.
pub(super) async fn find(
    session: &Session,
    database: &Database,
) -> Result<Option<Found>, EngineError> {
    let Some(uuid) = uuid(session, database).await? else {
        return Ok(None);
    };
    let what = format!("the mark of {} could not be read", database.name());
    let found = database
        .collection::<Document>(COLLECTION)
        .find_one(doc! { "_id": ID })
        .await
        .map_err(refused(session, what))?;
    let marker = found.as_ref().and_then(Marker::of_document);
    Ok(marker.map(|marker| Found { marker, uuid }))
}

/// UUID of the collection for markers, if there is one.
pub(super) async fn uuid(
    session: &Session,
    database: &Database,
) -> Result<Option<String>, EngineError> {
    let what = format!("the collections of {} could not be listed", database.name());
    let answer = database
        .run_command(doc! { "listCollections": 1, "filter": { "name": COLLECTION } })
        .await
        .map_err(refused(session, what))?;
    let cursor = answer.get_document("cursor").ok();
    let first = cursor
        .and_then(|cursor| cursor.get_array("firstBatch").ok())
        .and_then(|batch| batch.first())
        .and_then(Bson::as_document)
        .and_then(|info| info.get_document("info").ok());
    Ok(match first.and_then(|info| info.get("uuid")) {
        Some(Bson::Binary(binary)) => Some(hex(&binary.bytes)),
        _ => None,
    })
}

/// Whether nothing but the collection for markers is in the database.
pub(super) async fn is_alone(session: &Session, database: &Database) -> Result<bool, EngineError> {
    let all = catalogue::list(session, database).await?;
    Ok(all.iter().all(|info| {
        CollectionDefinition::new(info.clone(), &[]).is_ok_and(|one| one.name() == COLLECTION)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_survives_its_document_and_marks_one_collection_only() {
        let marker = Marker {
            archive: Some("a".to_owned()),
            ..Marker::disposable(Some("s"), "c", "r", DateTime::UNIX_EPOCH)
        };
        assert_eq!(
            Marker::of_document(&marker.document()),
            Some(marker.clone())
        );
        assert!(marker.is_genuine("s", "c"));
        assert!(!marker.is_genuine("s", "d"));
        assert!(!marker.is_genuine("t", "c"));
        assert_eq!(
            Marker::of_document(&doc! { "_id": ID, "kind": "mine" }),
            None
        );
    }

    #[test]
    fn only_the_mark_that_was_written_lets_a_staging_database_expire() {
        let publication = Publication::staging("a", DateTime::UNIX_EPOCH);
        let marker = Marker::disposable(Some("s"), "c", "r", DateTime::UNIX_EPOCH);
        let staging = marker.published("shop", &publication);
        let read = Marker::of_document(&staging.document()).unwrap();
        assert_eq!(read.objection("shop"), None);
        assert!(read.objection("shop_2").is_some());
        let later = Marker {
            expires: Some(Utc::now()),
            ..read
        };
        assert!(later.objection("shop").is_some());
    }
}
