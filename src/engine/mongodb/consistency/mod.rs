//! Whether anything was written while a backup read: the oplog of a replica set tells, the
//! counters of a standalone too.

mod counters;
mod oplog;

use std::collections::BTreeSet;

use bson::Timestamp;

use crate::connection::mongodb::Session;
use crate::engine::EngineError;

use super::definitions::{CollectionDefinition, to_member};
use super::server::{self, Server};
use counters::Counters;
pub(super) use oplog::{ddl_since, readable, written_since};

/// What was found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// True: nothing was written; false: something was; `None`: could not be known.
    pub consistent: Option<bool>,
    /// Collections that were written to.
    pub hit: BTreeSet<String>,
    /// In words.
    pub notes: Vec<String>,
}

impl Verdict {
    /// One point in time by the way that it was read.
    pub(super) fn consistent() -> Self {
        Self {
            consistent: Some(true),
            ..Self::default()
        }
    }

    /// Whether a collection is known to have been written to.
    pub(super) fn hits(&self, collection: &str) -> bool {
        self.hit.contains(collection)
    }

    fn unknown(why: &str) -> Self {
        Self {
            notes: vec![format!(
                "whether others wrote during the backup is not known: {why}"
            )],
            ..Self::default()
        }
    }

    fn of_hits(mut hit: BTreeSet<String>, all: bool) -> Self {
        hit.remove(super::marker::COLLECTION);
        if hit.is_empty() && all {
            return Self {
                consistent: Some(true),
                ..Self::default()
            };
        }
        let names: Vec<&str> = hit.iter().map(String::as_str).collect();
        Self {
            consistent: Some(false),
            notes: vec![format!(
                "written to during the backup: {}{}",
                names.join(", "),
                if all { "" } else { ", perhaps others too" },
            )],
            hit,
        }
    }
}

/// What is watched.
pub(super) enum Watch {
    /// The oplog from this time on.
    Oplog(Timestamp),
    /// The counters as they were.
    Counters(Counters),
    /// Nothing, because.
    Nothing(String),
}

/// Begins to watch, before anything is read.
pub(super) async fn begin(
    session: &Session,
    server: &Server,
    definitions: &[CollectionDefinition],
) -> Result<Watch, EngineError> {
    if server.router {
        return Ok(Watch::Nothing(
            "the oplogs of a sharded cluster are not read".to_owned(),
        ));
    }
    if session.url().reads_elsewhere() {
        return Ok(Watch::Nothing(
            "readPreference lets the tool read from any member, each with a delay of its own"
                .to_owned(),
        ));
    }
    if server.replica_set.is_none() {
        return Ok(match counters::read(session, definitions).await? {
            Ok(counters) => Watch::Counters(counters),
            Err(why) => Watch::Nothing(why),
        });
    }
    if let Err(why) = oplog::readable(session).await? {
        return Ok(Watch::Nothing(why));
    }
    Ok(match server::operation_time(session).await? {
        Some(time) => Watch::Oplog(time),
        None => Watch::Nothing("the server tells no operation time".to_owned()),
    })
}

impl Watch {
    /// Whether the oplog is watched.
    pub(super) fn is_oplog(&self) -> bool {
        matches!(self, Self::Oplog(_))
    }

    /// Says what happened since.
    pub(super) async fn end(
        self,
        session: &Session,
        before: &[CollectionDefinition],
        after: &[CollectionDefinition],
    ) -> Result<Verdict, EngineError> {
        let mut verdict = match self {
            Self::Nothing(why) => Verdict::unknown(&why),
            Self::Oplog(from) => match oplog::written_since(session, from, before).await? {
                Ok(written) => Verdict::of_hits(written.hit, written.all),
                Err(why) => Verdict::unknown(&why),
            },
            Self::Counters(counters) => match counters::read(session, before).await? {
                Ok(now) => Verdict::of_hits(counters.moved(&now), true),
                Err(why) => Verdict::unknown(&why),
            },
        };
        let redefined = redefined(before, after);
        if !redefined.is_empty() {
            let names: Vec<&str> = redefined.iter().map(String::as_str).collect();
            verdict.consistent = Some(false);
            verdict.notes.push(format!(
                "created, dropped or redefined during the backup: {}",
                names.join(", ")
            ));
            verdict.hit.extend(redefined);
        }
        Ok(verdict)
    }
}

/// Collections whose definition is another one now.
fn redefined(before: &[CollectionDefinition], after: &[CollectionDefinition]) -> BTreeSet<String> {
    let raw =
        |one: &CollectionDefinition| (one.name().to_owned(), to_member(std::slice::from_ref(one)));
    let before: BTreeSet<_> = before.iter().map(raw).collect();
    let after: BTreeSet<_> = after.iter().map(raw).collect();
    before
        .symmetric_difference(&after)
        .map(|(name, _)| name.clone())
        .collect()
}
