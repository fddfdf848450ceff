//! What a snapshot cannot hold, said before anything is read.

use bson::Timestamp;

use crate::connection::mongodb::Session;
use crate::engine::EngineError;
use crate::engine::mongodb::consistency::readable;
use crate::engine::mongodb::definitions::CollectionDefinition;
use crate::engine::mongodb::server::{self, Server};

/// Bytes that are surely read in a second, however slow the server.
const SLOWEST: u64 = 10 << 20;

/// How long the server keeps the history of a snapshot unless it is set otherwise.
const WINDOW: i64 = 300;

/// Since this version snapshots can be read outside of transactions.
const SINCE: u32 = 50_000;

/// Refuses what would fail half-way.
pub(super) async fn check(
    session: &Session,
    server: &Server,
    definitions: &[&CollectionDefinition],
) -> Result<(), EngineError> {
    if server.replica_set.is_none() || server.router {
        return Err(needs_a_replica_set(session));
    }
    if server.version_num < SINCE {
        return Err(unsupported(
            format!("MongoDB {} has no snapshots to read from", server.version),
            "--consistent needs MongoDB 5.0 or newer".to_owned(),
        ));
    }
    let capped: Vec<&str> = definitions
        .iter()
        .filter(|one| one.option("capped").and_then(|value| value.as_bool()) == Some(true))
        .map(|one| one.name())
        .collect();
    if !capped.is_empty() {
        return Err(unsupported(
            format!("capped collections cannot be read at a snapshot: {}", capped.join(", ")),
            "leave their documents out with --exclude-data, or stop what writes and back up without --consistent"
                .to_owned(),
        ));
    }
    if let Err(why) = readable(session).await? {
        return Err(unsupported(
            format!("--consistent has to read the oplog: {why}"),
            "or stop what writes, and back up without --consistent".to_owned(),
        ));
    }
    fits(session).await
}

/// Refuses a database that is surely too large for the window.
async fn fits(session: &Session) -> Result<(), EngineError> {
    let window = super::parameter(session, "minSnapshotHistoryWindowInSeconds")
        .await
        .unwrap_or(WINDOW);
    let (bytes, _) = server::size(session, session.database().name()).await?;
    let needed = bytes / SLOWEST;
    if u64::try_from(window).is_ok_and(|window| needed > window) {
        return Err(unsupported(
            format!(
                "the server keeps a snapshot for {window} s only, and reading the database may take {needed} s"
            ),
            format!(
                "db.adminCommand({{setParameter: 1, minSnapshotHistoryWindowInSeconds: {needed}}})"
            ),
        ));
    }
    Ok(())
}

/// The one time at which all collections are read: now. A reader at a snapshot waits until a
/// majority has it.
pub(super) async fn snapshot_time(session: &Session) -> Result<Timestamp, EngineError> {
    server::operation_time(session)
        .await?
        .ok_or_else(|| needs_a_replica_set(session))
}

pub(super) fn needs_a_replica_set(session: &Session) -> EngineError {
    unsupported(
        format!(
            "{} is no replica set: it has no snapshots to read from",
            session.server()
        ),
        "stop what writes, and back up without --consistent".to_owned(),
    )
}

fn unsupported(what: String, advice: String) -> EngineError {
    EngineError::Unsupported { what, advice }
}
