//! Whether the stream holds as many documents as the server says: a tool that was cut off can
//! end in valid checksums.
//!
//! The server is counted *before* the watch for writes ends. So a collection that the watch
//! does not name was not written to from the beginning of the dump until after its count, and
//! the two numbers must be equal.

use bson::{Document, doc};
use futures_util::TryStreamExt as _;

use crate::connection::mongodb::Session;
use crate::engine::EngineError;
use crate::engine::mongodb::consistency::Verdict;
use crate::engine::mongodb::server::{number, refused};

use super::contents::Read;
use super::tool::MONGODUMP;

/// A collection of which the stream holds another number of documents than the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Miscount {
    /// The collection.
    pub name: String,
    /// Documents of it in the stream.
    pub read: u64,
    /// Documents of it on the server.
    pub found: u64,
}

impl Miscount {
    fn in_words(&self) -> String {
        format!(
            "{}: {} documents came, the server has {}",
            self.name, self.read, self.found
        )
    }
}

/// Counts at the server what came through.
pub(super) async fn take(session: &Session, read: &[Read]) -> Result<Vec<Miscount>, EngineError> {
    let mut miscounts = Vec::new();
    for one in read {
        if one.entry.is_users_or_roles() || one.entry.kind == "view" {
            continue;
        }
        let (body, read) = (one.entry.body_name(), one.hashed.documents);
        if fast(session, &body).await? == read {
            continue;
        }
        let found = exact(session, &body).await?;
        if found != read {
            miscounts.push(Miscount {
                name: one.entry.collection.clone(),
                read,
                found,
            });
        }
    }
    Ok(miscounts)
}

/// What the miscounts mean, once it is known what was written to. Where that cannot be known,
/// documents that the tool left out look like documents that others wrote: either way the
/// archive is not what the server held.
pub(super) fn judge(miscounts: &[Miscount], verdict: &mut Verdict) -> Result<(), EngineError> {
    for one in miscounts.iter().filter(|one| !verdict.hits(&one.name)) {
        if verdict.consistent.is_some() {
            return Err(EngineError::Garbled {
                tool: MONGODUMP.to_owned(),
                problem: format!("{}, and nobody wrote to it", one.in_words()),
            });
        }
    }
    if verdict.consistent.is_none() && !miscounts.is_empty() {
        verdict.consistent = Some(false);
        verdict
            .hit
            .extend(miscounts.iter().map(|one| one.name.clone()));
        verdict.notes.extend(miscounts.iter().map(|one| {
            format!(
                "{}: others wrote to it, or the tool left documents out",
                one.in_words()
            )
        }));
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn miscount() -> Vec<Miscount> {
        vec![Miscount {
            name: "orders".to_owned(),
            read: 5,
            found: 7,
        }]
    }

    fn verdict(consistent: Option<bool>, hit: &[&str]) -> Verdict {
        Verdict {
            consistent,
            hit: hit.iter().map(|name| (*name).to_owned()).collect(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn a_count_that_nobody_changed_must_be_right() {
        for consistent in [true, false] {
            let mut known = verdict(Some(consistent), &["others"]);
            let error = judge(&miscount(), &mut known).unwrap_err().to_string();
            assert!(
                error.contains("orders: 5 documents came, the server has 7"),
                "{error}"
            );
        }
        assert!(judge(&miscount(), &mut verdict(Some(false), &["orders"])).is_ok());
    }

    #[test]
    fn a_wrong_count_is_fuzzy_where_writes_cannot_be_known() {
        let mut unknown = verdict(None, &[]);
        judge(&miscount(), &mut unknown).unwrap();
        assert_eq!(unknown.consistent, Some(false));
        assert!(unknown.hits("orders"));
        assert_eq!(
            unknown.notes,
            [
                "orders: 5 documents came, the server has 7: others wrote to it, or the tool left documents out"
            ]
        );
        let mut unknown = verdict(None, &[]);
        judge(&[], &mut unknown).unwrap();
        assert_eq!(unknown.consistent, None);
    }
}
