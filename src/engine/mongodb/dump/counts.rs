//! Whether the stream holds as many documents as the server says: a tool that was cut off can
//! end in valid checksums.

use bson::{Document, doc};
use futures_util::TryStreamExt as _;

use crate::connection::mongodb::Session;
use crate::engine::EngineError;
use crate::engine::mongodb::consistency::Verdict;
use crate::engine::mongodb::definitions::CollectionDefinition;
use crate::engine::mongodb::server::{number, refused};
use crate::snapshot::ObjectKind;

use super::contents::Read;
use super::tool::MONGODUMP;

/// Compares the counts of everything that nobody is known to have written to.
pub(super) async fn check(
    session: &Session,
    definitions: &[CollectionDefinition],
    read: &[Read],
    verdict: &Verdict,
) -> Result<Vec<String>, EngineError> {
    let mut notes = Vec::new();
    if verdict.counts_are_of_another_time() {
        return Ok(notes);
    }
    for one in read {
        let definition = definitions
            .iter()
            .find(|definition| definition.name() == one.entry.collection);
        let Some(definition) = definition.filter(|one| one.kind() != ObjectKind::View) else {
            continue;
        };
        if verdict.hits(definition.name()) {
            continue;
        }
        let body = definition.body_name();
        let read = one.hashed.documents;
        if fast(session, &body).await? == read || exact(session, &body).await? == read {
            continue;
        }
        let found = exact(session, &body).await?;
        let words = format!("{body}: {read} documents came, the server has {found}");
        if verdict.consistent == Some(true) {
            return Err(EngineError::Garbled {
                tool: MONGODUMP.to_owned(),
                problem: words,
            });
        }
        notes.push(words);
    }
    Ok(notes)
}

/// What the server remembers; wrong after a crash.
pub(in crate::engine::mongodb) async fn fast(
    session: &Session,
    body: &str,
) -> Result<u64, EngineError> {
    let what = format!("the documents of {body} could not be counted");
    let answer = session
        .command(doc! { "count": body })
        .await
        .map_err(refused(session, what))?;
    Ok(number(&answer, "n"))
}

/// What is there.
async fn exact(session: &Session, body: &str) -> Result<u64, EngineError> {
    let what = format!("the documents of {body} could not be counted");
    let counting = session
        .database()
        .collection::<Document>(body)
        .aggregate([doc! { "$count": "n" }])
        .await
        .map_err(refused(session, what.clone()))?;
    let counted: Vec<Document> = counting
        .try_collect()
        .await
        .map_err(refused(session, what))?;
    Ok(counted.first().map_or(0, |counted| number(counted, "n")))
}
