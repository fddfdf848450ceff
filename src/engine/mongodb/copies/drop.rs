//! Dropping databases that bookend made, each checked to be one.

use bson::doc;
use mongodb::Database;

use crate::connection::Target;
use crate::connection::mongodb::Session;
use crate::engine::mongodb::marker;
use crate::engine::mongodb::server::{self, refused};
use crate::engine::{Context, CopyKind, DatabaseCopy, EngineError, MadeDatabase};

use super::{is_genuine, not_ours};

/// Drops a copy if it is still the disposable one that was built.
pub(in crate::engine::mongodb) async fn discard(
    context: &Context,
    copy: DatabaseCopy,
) -> Result<(), EngineError> {
    let session = server::connect(context, &copy.target).await?;
    let database = session.other(&copy.name);
    match marker::uuid(&session, &database).await? {
        None => {}
        Some(uuid) if uuid == copy.identity => {
            drop_checked(&session, &database, &[CopyKind::Disposable]).await?;
        }
        Some(_) => {
            return Err(not_ours(&copy.name, "another database has that name now"));
        }
    }
    context
        .ledger
        .settle(&copy.name, "dropped")
        .map_err(EngineError::Ledger)
}

/// Drops a marked database of one of `kinds`.
async fn drop_checked(
    session: &Session,
    database: &Database,
    kinds: &[CopyKind],
) -> Result<(), EngineError> {
    let name = database.name();
    let server = server::facts(session).await?;
    let Some(found) = marker::find(session, database).await? else {
        return Err(not_ours(name, "it carries no mark of bookend"));
    };
    if !is_genuine(&found, server.identity.as_deref()) {
        return Err(not_ours(name, "its mark was made for another database"));
    }
    if !kinds.contains(&found.marker.kind) {
        return Err(not_ours(name, kind_in_words(found.marker.kind)));
    }
    drop_database(session, database).await
}

async fn drop_database(session: &Session, database: &Database) -> Result<(), EngineError> {
    database
        .run_command(doc! { "dropDatabase": 1, "writeConcern": { "w": "majority" } })
        .await
        .map(drop)
        .map_err(refused(
            session,
            format!("{} could not be dropped", database.name()),
        ))
}

fn kind_in_words(kind: CopyKind) -> &'static str {
    match kind {
        CopyKind::Disposable => "it is a copy in progress",
        CopyKind::Staging => "it is a staging database: bookend copies drop",
        CopyKind::Provenance => "it is a finished restore; drop it yourself if it is not needed",
        CopyKind::Kept => "it is an original that was kept; drop it yourself if it is not needed",
    }
}

/// Drops a disposable or staging database by name.
pub(in crate::engine::mongodb) async fn drop_marked(
    context: &Context,
    on: &Target,
    name: &str,
) -> Result<(), EngineError> {
    let session = server::connect(context, on).await?;
    let kinds = [CopyKind::Disposable, CopyKind::Staging];
    drop_checked(&session, &session.other(name), &kinds).await?;
    context
        .ledger
        .settle(name, "dropped")
        .map_err(EngineError::Ledger)
}

/// Drops a database whose making was announced: marked, or left by a crash between its first
/// collection and the marker, in which case there must be nothing else in it.
pub(in crate::engine::mongodb) async fn drop_announced(
    context: &Context,
    on: &Target,
    made: &MadeDatabase,
) -> Result<bool, EngineError> {
    let session = server::connect(context, on).await?;
    let database = session.other(&made.name);
    let settle = |outcome: &str| {
        context
            .ledger
            .settle(&made.name, outcome)
            .map_err(EngineError::Ledger)
    };
    if marker::uuid(&session, &database).await?.is_none() {
        // Made by somebody else, if it is there at all.
        if !marker::is_alone(&session, &database).await? {
            return Err(not_ours(&made.name, "it has no mark, but it is not empty"));
        }
        settle("not there")?;
        return Ok(false);
    }
    if marker::find(&session, &database).await?.is_some() {
        drop_checked(&session, &database, &[CopyKind::Disposable]).await?;
    } else if marker::is_alone(&session, &database).await? {
        drop_database(&session, &database).await?;
    } else {
        return Err(not_ours(&made.name, "it has no mark, but it is not empty"));
    }
    settle("dropped")?;
    Ok(true)
}
