//! Databases that bookend made: listing them; publishing and dropping in files of their own.

mod drop;
mod keep;
mod publish;

use chrono::Utc;
use mongodb::Database;

use crate::connection::Target;
use crate::connection::mongodb::Session;
use crate::engine::{Context, DatabaseCopy, EngineError, MarkedDatabase, NewName};

use super::marker::{self, Found};
use super::{names, server};

pub(super) use drop::{discard, drop_announced, drop_expired, drop_marked};
pub(super) use keep::keep;
pub(super) use publish::{expire_again, publish};

/// A name for a new database: possible there beside its collections, and free now.
pub(super) async fn new_name(
    context: &Context,
    on: &Target,
    wanted: &NewName<'_>,
) -> Result<String, EngineError> {
    let session = server::connect(context, on).await?;
    let taken = server::databases(&session).await?;
    match wanted {
        NewName::Exactly(name) => {
            names::check(name, names::LONGEST)?;
            match names::clash(name, &taken) {
                None => Ok((*name).to_owned()),
                Some(clash) => Err(EngineError::NameTaken {
                    name: clash.to_owned(),
                    server: on.display_url(),
                    free: names::free(name, &taken, names::LONGEST),
                }),
            }
        }
        NewName::Suffixed { snapshot, suffix } => {
            let longest = names::longest_with(snapshot);
            Ok(names::suffixed(
                &snapshot.database.name,
                suffix,
                &taken,
                longest,
            ))
        }
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
        let spared = found.marker.objection(&name);
        let database = MarkedDatabase {
            name,
            kind: found.marker.kind,
            run: found.marker.run,
            made: found.marker.made,
            expires: found.marker.expires,
            archive: found.marker.archive,
            template: None,
            bytes,
            genuine,
            expired: false,
            spared: None,
        };
        marked.push(database.judged(spared, Utc::now()));
    }
    Ok(marked)
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

fn is_genuine(found: &Found, identity: Option<&str>) -> bool {
    found
        .marker
        .is_genuine(identity.unwrap_or_default(), &found.uuid)
}

fn not_ours(name: &str, why: &str) -> EngineError {
    EngineError::NotOurs {
        name: name.to_owned(),
        why: why.to_owned(),
    }
}
