//! Whether all was read that the snapshot holds, by a count that is not the reader's own.

use bson::{Bson, Document, Timestamp, doc};

use crate::connection::mongodb::Session;
use crate::engine::EngineError;
use crate::engine::mongodb::dump::{Read, count_now};
use crate::engine::mongodb::server::{number, refused};

/// Compares the count of every collection. What the server remembers for now costs nothing,
/// and is right wherever nobody writes; where it differs, the server counts at the snapshot.
pub(super) async fn check(
    session: &Session,
    read: &[Read],
    at: Timestamp,
) -> Result<(), EngineError> {
    for one in read.iter().filter(|one| one.entry.kind != "view") {
        let (body, read) = (one.entry.body_name(), one.hashed.documents);
        if count_now(session, &body).await? == read {
            continue;
        }
        let there = count_then(session, &body, at).await?;
        if there != read {
            return Err(EngineError::Garbled {
                tool: "the server".to_owned(),
                problem: format!("{body}: {read} documents came, the snapshot has {there}"),
            });
        }
    }
    Ok(())
}

/// What is there at the snapshot.
async fn count_then(session: &Session, body: &str, at: Timestamp) -> Result<u64, EngineError> {
    let answer = session
        .command(doc! {
            "aggregate": body, "pipeline": [{ "$count": "n" }], "cursor": {},
            "readConcern": { "level": "snapshot", "atClusterTime": at },
        })
        .await
        .map_err(refused(
            session,
            format!("the documents of {body} could not be counted"),
        ))?;
    Ok(counted(&answer))
}

/// No answer at all is how the server says none.
fn counted(answer: &Document) -> u64 {
    let batch = answer.get_document("cursor").ok();
    let batch = batch.and_then(|cursor| cursor.get_array("firstBatch").ok());
    let first = batch.and_then(|batch| batch.first());
    first
        .and_then(Bson::as_document)
        .map_or(0, |first| number(first, "n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_answer_is_a_count_of_none() {
        let with = |first: Vec<Document>| doc! { "cursor": { "firstBatch": first } };
        assert_eq!(counted(&with(vec![doc! { "n": 7 }])), 7);
        assert_eq!(counted(&with(Vec::new())), 0);
    }
}
