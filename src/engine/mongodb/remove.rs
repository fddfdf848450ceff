//! Marked databases: listing them, publishing and dropping them.

use bson::{Bson, Document, RawDocumentBuf, doc};
use futures_util::TryStreamExt as _;
use mongodb::Database;

use crate::connection::Target;
use crate::connection::mongodb::Session;
use crate::engine::{Context, CopyKind, DatabaseCopy, EngineError, MadeDatabase, MarkedDatabase};

use super::marker::{self, Found, Marker};
use super::server::{self, refused};

/// Makes a finished copy what it was asked to be. It has its name already.
pub(super) async fn publish(
    context: &Context,
    copy: DatabaseCopy,
    kind: CopyKind,
    archive: &str,
) -> Result<Target, EngineError> {
    let Some(into) = copy.request.into.clone() else {
        return Err(not_ours(&copy.name, "no name was asked for it"));
    };
    let session = server::connect(context, &copy.target).await?;
    let database = session.other(&copy.name);
    let found = ours(&session, &database, &copy).await?;
    expire_again(&session, &database).await?;
    let marker = Marker {
        kind,
        archive: Some(archive.to_owned()),
        ..found.marker
    };
    marker::write(&session, &database, &marker).await?;
    context
        .ledger
        .settle(&copy.name, &format!("published as {into}"))
        .map_err(EngineError::Ledger)?;
    Ok(copy.target.with_database(&into))
}

/// Runs the commands that were kept for this moment, and forgets them.
async fn expire_again(session: &Session, database: &Database) -> Result<(), EngineError> {
    let what = format!("documents of {} could not be let expire", database.name());
    let collection = database.collection::<Document>(marker::COLLECTION);
    let kept: Vec<Document> = collection
        .find(doc! { "command": { "$exists": true } })
        .sort(doc! { "_id": 1 })
        .await
        .map_err(refused(session, what.clone()))?
        .try_collect()
        .await
        .map_err(refused(session, what.clone()))?;
    for one in kept {
        let Some(Bson::Binary(command)) = one.get("command") else {
            continue;
        };
        let command = RawDocumentBuf::from_bytes(command.bytes.clone()).map_err(|error| {
            EngineError::Restore {
                what: what.clone(),
                reasons: vec![error.to_string()],
                advice: None,
            }
        })?;
        database
            .run_raw_command(command)
            .await
            .map_err(refused(session, what.clone()))?;
    }
    collection
        .delete_many(doc! { "command": { "$exists": true } })
        .await
        .map(drop)
        .map_err(refused(session, what))
}

/// The marker of a copy that still is the one that was built.
async fn ours(
    session: &Session,
    database: &Database,
    copy: &DatabaseCopy,
) -> Result<Found, EngineError> {
    match marker::find(session, database).await? {
        Some(found) if found.uuid == copy.identity => Ok(found),
        Some(_) => Err(not_ours(&copy.name, "another database has that name now")),
        None => Err(not_ours(
            &copy.name,
            "it carries no mark of bookend any more",
        )),
    }
}

/// Drops a copy if it is still the disposable one that was built.
pub(super) async fn discard(context: &Context, copy: DatabaseCopy) -> Result<(), EngineError> {
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

fn is_genuine(found: &Found, identity: Option<&str>) -> bool {
    found
        .marker
        .is_genuine(identity.unwrap_or_default(), &found.uuid)
}

fn kind_in_words(kind: CopyKind) -> &'static str {
    match kind {
        CopyKind::Disposable => "it is a copy in progress",
        CopyKind::Staging => "it is a staging database: bookend copies drop",
        CopyKind::Provenance => "it is a finished restore; drop it yourself if it is not needed",
        CopyKind::Kept => "it is an original that was kept; drop it yourself if it is not needed",
    }
}

/// Every database of the server that carries a marker.
pub(super) async fn list(
    context: &Context,
    on: &Target,
) -> Result<Vec<MarkedDatabase>, EngineError> {
    let session = server::connect(context, on).await?;
    let server = server::facts(&session).await?;
    let mut marked = Vec::new();
    for name in server::databases(&session).await? {
        let database = session.other(&name);
        // Databases that this user may not look into are none that it made.
        let Ok(Some(found)) = marker::find(&session, &database).await else {
            continue;
        };
        let genuine = is_genuine(&found, server.identity.as_deref());
        let bytes = server::size(&session, &name)
            .await
            .map_or(0, |(bytes, _)| bytes);
        marked.push(MarkedDatabase {
            name,
            kind: found.marker.kind,
            run: found.marker.run,
            made: found.marker.made,
            expires: found.marker.expires,
            archive: found.marker.archive,
            bytes,
            genuine,
        });
    }
    Ok(marked)
}

/// Drops a disposable or staging database by name.
pub(super) async fn drop_marked(
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
pub(super) async fn drop_announced(
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

fn not_ours(name: &str, why: &str) -> EngineError {
    EngineError::NotOurs {
        name: name.to_owned(),
        why: why.to_owned(),
    }
}
