//! Dropping databases that bookend made, each checked to be one.

use bson::doc;
use chrono::{DateTime, Utc};
use mongodb::Database;

use crate::connection::Target;
use crate::connection::mongodb::Session;
use crate::engine::mongodb::marker::{self, Marker};
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
            drop_checked(&session, &database, Cause::Discarded).await?;
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

/// Why a database is dropped, which decides on what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// It is a copy of which only bookend knew.
    Discarded,
    /// A person named it.
    Named,
    /// Its time is over.
    Expired,
}

impl Cause {
    /// In words why a database with this marker is not dropped, if it is not. `now` is the
    /// earlier of this machine's and the server's.
    fn objection(self, marker: &Marker, name: &str, now: DateTime<Utc>) -> Option<String> {
        let fits = match self {
            Self::Discarded => marker.kind == CopyKind::Disposable,
            Self::Named => matches!(marker.kind, CopyKind::Disposable | CopyKind::Staging),
            Self::Expired => marker.kind == CopyKind::Staging,
        };
        if !fits {
            return Some(kind_in_words(marker.kind).to_owned());
        }
        let over = marker.expires.is_some_and(|expires| expires <= now);
        match self {
            Self::Discarded | Self::Named => None,
            Self::Expired if !over => Some("its time is not over".to_owned()),
            Self::Expired => marker.objection(name),
        }
    }
}

/// Drops a marked database, if `cause` is one for it.
async fn drop_checked(
    session: &Session,
    database: &Database,
    cause: Cause,
) -> Result<(), EngineError> {
    let name = database.name();
    let server = server::facts(session).await?;
    let Some(found) = marker::find(session, database).await? else {
        return Err(not_ours(name, "it carries no mark of bookend"));
    };
    if !is_genuine(&found, server.identity.as_deref()) {
        return Err(not_ours(name, "its mark was made for another database"));
    }
    let now = server
        .clock
        .map_or_else(Utc::now, |there| there.min(Utc::now()));
    if let Some(why) = cause.objection(&found.marker, name, now) {
        return Err(not_ours(name, &why));
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
    drop_checked(&session, &session.other(name), Cause::Named).await?;
    context
        .ledger
        .settle(name, "dropped")
        .map_err(EngineError::Ledger)
}

/// Drops a staging database whose time is over.
pub(in crate::engine::mongodb) async fn drop_expired(
    context: &Context,
    on: &Target,
    name: &str,
) -> Result<(), EngineError> {
    let session = server::connect(context, on).await?;
    drop_checked(&session, &session.other(name), Cause::Expired).await
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
        drop_checked(&session, &database, Cause::Discarded).await?;
    } else if marker::is_alone(&session, &database).await? {
        drop_database(&session, &database).await?;
    } else {
        return Err(not_ours(&made.name, "it has no mark, but it is not empty"));
    }
    settle("dropped")?;
    Ok(true)
}
