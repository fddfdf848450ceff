//! One point in time although others write: every collection read by ourselves at one
//! snapshot of a replica set, raw documents, several collections at once, written as the same
//! archive stream that `mongodump` writes.

mod counts;
mod limits;
mod worker;
mod writer;

use std::sync::Arc;

use bson::{Bson, Document, Timestamp, doc};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::mpsc;

use crate::connection::mongodb::Session;
use crate::engine::{Context, EngineError};
use crate::snapshot::{ObjectKind, SeamError, Sink};

use super::archive_stream::{CollectionEntry, Header};
use super::batches::turns;
use super::consistency::ddl_since;
use super::definitions::CollectionDefinition;
use super::dump::{Dumped, Read};
use super::server::Server;

/// Batches of up to 16 MiB that may wait for being stored.
const WAITING: usize = 1;

/// What is to be read.
pub(super) struct Wanted<'a> {
    /// As listed after `since`.
    pub definitions: &'a [CollectionDefinition],
    /// Collections whose documents stay out.
    pub excluded: &'a [String],
    /// The server's clock before the definitions were listed: whatever changes them from here
    /// on is in the oplog. `None` if it tells no time.
    pub since: Option<Timestamp>,
}

/// Reads everything at one snapshot.
pub(super) async fn read(
    context: &Context,
    session: &Session,
    server: &Server,
    wanted: &Wanted<'_>,
    sink: &Arc<dyn Sink>,
) -> Result<Dumped, EngineError> {
    let all: Vec<&CollectionDefinition> = wanted
        .definitions
        .iter()
        .filter(|one| !wanted.excluded.iter().any(|name| name == one.name()))
        .collect();
    context
        .unless_cancelled(limits::check(session, server, &all))
        .await?;
    let since = wanted
        .since
        .ok_or_else(|| limits::needs_a_replica_set(session))?;
    let at = context
        .unless_cancelled(limits::snapshot_time(session))
        .await?;
    let database = session.database().name();
    let entries: Vec<CollectionEntry> = all.iter().map(|one| one.entry(database)).collect();
    let header = Header {
        concurrent_collections: i32::try_from(context.jobs.max(1)).unwrap_or(i32::MAX),
        server_version: server.version.clone(),
        tool_version: concat!("bookend-", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    let (sender, receiver) = mpsc::channel(WAITING);
    let stored = tokio::spawn(writer::store(
        header,
        entries.clone(),
        receiver,
        sink.stream(super::dump::STREAM),
    ));
    // Given up, it drops the senders, and the writer ends.
    let hashed = context
        .unless_cancelled(hash_all(context, session, &all, at, sender))
        .await;
    let bytes = match stored.await.map_err(|_| SeamError::Closed)? {
        Ok(bytes) => bytes,
        Err(error) => return Err(error.into()),
    };
    let namespaces = hashed?;
    context.unless_cancelled(unchanged(session, since)).await?;
    context
        .unless_cancelled(counts::check(session, &namespaces, at))
        .await?;
    Ok(Dumped { namespaces, bytes })
}

async fn hash_all(
    context: &Context,
    session: &Session,
    all: &[&CollectionDefinition],
    at: Timestamp,
    sender: mpsc::Sender<worker::Batch>,
) -> Result<Vec<Read>, EngineError> {
    let database = session.database().name();
    let turns = turns();
    let mut tasks = Vec::new();
    for (number, one) in all.iter().enumerate() {
        let job = worker::Job {
            number,
            body: one.body_name(),
            has_documents: one.kind() != ObjectKind::View,
            at,
            turns: turns.clone(),
        };
        let entry = one.entry(database);
        let (context, session, sender) = (context.clone(), session.clone(), sender.clone());
        tasks.push(async move {
            let work = worker::read(context, session, job, sender);
            let hashed = super::scan::on_its_own(work).await?;
            Ok(Read { entry, hashed })
        });
    }
    drop(sender);
    stream::iter(tasks)
        .buffered(context.jobs.max(1))
        .try_collect()
        .await
}

/// A collection that was dropped meanwhile reads as empty, without an error (seen): the oplog
/// must know of no definition that changed.
async fn unchanged(session: &Session, since: Timestamp) -> Result<(), EngineError> {
    let changed = ddl_since(session, since)
        .await?
        .map_err(|why| EngineError::Unsupported {
            what: format!("whether collections were dropped meanwhile cannot be known: {why}"),
            advice: "enlarge the oplog, or back up without --consistent".to_owned(),
        })?;
    match changed.first() {
        None => Ok(()),
        Some(name) => Err(EngineError::Moved {
            table: name.clone(),
            database: session.database().name().to_owned(),
            how: "created, dropped or redefined".to_owned(),
        }),
    }
}

/// A number out of `getParameter`.
async fn parameter(session: &Session, name: &str) -> Option<i64> {
    let answer: Document = session
        .other("admin")
        .run_command(doc! { "getParameter": 1, name: 1 })
        .await
        .ok()?;
    match answer.get(name) {
        Some(Bson::Int32(value)) => Some(i64::from(*value)),
        Some(Bson::Int64(value)) => Some(*value),
        _ => None,
    }
}
