//! What a standalone's counters say: the calls of WiredTiger's cursors move with every write,
//! those of TTL deletes and of time series included, and no read moves them. (`latencyStats`
//! and `opcounters` miss both.)

use std::collections::{BTreeMap, BTreeSet};

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt as _;

use crate::connection::mongodb::Session;
use crate::engine::EngineError;
use crate::engine::mongodb::definitions::CollectionDefinition;
use crate::engine::mongodb::server::{UNAUTHORIZED, code, refused};
use crate::snapshot::ObjectKind;

const WRITING: [&str; 5] = [
    "insert calls",
    "modify calls",
    "remove calls",
    "update calls",
    "truncate calls",
];

/// Calls of writing cursors by collection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::engine::mongodb) struct Counters(BTreeMap<String, [Option<i64>; 5]>);

impl Counters {
    /// Collections whose counters are not what they were.
    pub(super) fn moved(&self, now: &Self) -> BTreeSet<String> {
        self.0
            .iter()
            .filter(|(name, calls)| now.0.get(*name) != Some(*calls))
            .map(|(name, _)| name.clone())
            .collect()
    }
}

/// Reads them; `Err` with the reason if there are none or they may not be read.
pub(super) async fn read(
    session: &Session,
    definitions: &[CollectionDefinition],
) -> Result<Result<Counters, String>, EngineError> {
    let mut counters = Counters::default();
    for definition in definitions {
        if definition.kind() == ObjectKind::View {
            continue;
        }
        let name = definition.name();
        match calls(session, &definition.body_name()).await {
            Ok(Some(calls)) => {
                counters.0.insert(name.to_owned(), calls);
            }
            // Dropped meanwhile: who compares the definitions sees it.
            Ok(None) => {}
            Err(error) if code(&error) == Some(UNAUTHORIZED) => {
                return Ok(Err(format!(
                    "{} may not run collStats on {name}; the role read on the database allows it",
                    session.url().user()
                )));
            }
            Err(error) => {
                let what = format!("the counters of {name} could not be read");
                return Err(refused(session, what)(error));
            }
        }
        if counters
            .0
            .get(name)
            .is_some_and(|calls| calls.iter().all(Option::is_none))
        {
            return Ok(Err(
                "the server's storage engine has no counters of writes".to_owned()
            ));
        }
    }
    Ok(Ok(counters))
}

/// `NamespaceNotFound`.
const NOT_FOUND: i32 = 26;

async fn calls(
    session: &Session,
    body: &str,
) -> Result<Option<[Option<i64>; 5]>, mongodb::error::Error> {
    let cursor = session
        .database()
        .collection::<Document>(body)
        .aggregate([
            doc! { "$collStats": { "storageStats": {} } },
            doc! { "$replaceRoot": { "newRoot": { "calls": "$storageStats.wiredTiger.cursor" } } },
        ])
        .await;
    let cursor = match cursor {
        Err(error) if code(&error) == Some(NOT_FOUND) => return Ok(None),
        other => other?,
    };
    let found: Vec<Document> = cursor.try_collect().await?;
    let calls = found.first().and_then(|one| one.get_document("calls").ok());
    Ok(Some(WRITING.map(
        |name| match calls.and_then(|calls| calls.get(name)) {
            Some(Bson::Int32(value)) => Some(i64::from(*value)),
            Some(Bson::Int64(value)) => Some(*value),
            #[expect(clippy::cast_possible_truncation, reason = "only compared with itself")]
            Some(Bson::Double(value)) => Some(*value as i64),
            _ => None,
        },
    )))
}
