//! Databases of bookend's own: finding them, and the marks in their comments.

mod drop;
mod keep;
mod marker;
pub(super) mod names;
mod publish;
mod rename;

use chrono::Utc;

use crate::connection::Target;
use crate::engine::{Context, DatabaseCopy, EngineError, MarkedDatabase, NewName};

use super::quoting::{quote_identifier, quote_literal};
use super::restore::preflight;
use super::server;
use super::sql_error::sql;

pub(super) use drop::{discard, drop_announced, drop_expired, drop_marked, has_subscriptions};
pub(super) use keep::keep;
pub(super) use marker::{Marker, own_comment};
pub(super) use publish::publish;
pub(super) use rename::{Sessions, end_sessions, rename};

/// A database with its oid and comment.
pub(super) struct Found {
    pub(super) oid: u32,
    pub(super) comment: String,
    pub(super) bytes: u64,
    /// Nobody may connect to it.
    closed: bool,
    /// Anybody with the right to create databases may clone it; it cannot be dropped.
    is_template: bool,
}

/// Looks a database up by its name.
pub(super) async fn find(
    session: &tokio_postgres::Client,
    on: &Target,
    name: &str,
) -> Result<Option<Found>, EngineError> {
    let row = session
        .query_opt(
            "SELECT d.oid, coalesce(pg_catalog.shobj_description(d.oid, 'pg_database'), ''),
                    CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT')
                         THEN coalesce(pg_catalog.pg_database_size(d.oid), 0) ELSE 0 END,
                    NOT d.datallowconn, d.datistemplate
               FROM pg_catalog.pg_database d WHERE d.datname = $1",
            &[&name],
        )
        .await
        .map_err(sql(on, format!("{name} could not be looked up")))?;
    Ok(row.map(|row| Found {
        oid: row.get(0),
        comment: row.get(1),
        bytes: u64::try_from(row.get::<_, i64>(2)).unwrap_or(0),
        closed: row.get(3),
        is_template: row.get(4),
    }))
}

/// Rewrites a copy's marker, keeping or setting the user's own comment.
pub(super) async fn remark(
    session: &tokio_postgres::Client,
    copy: &DatabaseCopy,
    change: impl FnOnce(&Marker) -> Marker,
    own: Option<&str>,
) -> Result<(), EngineError> {
    let found = find(session, &copy.target, &copy.name).await?;
    let Some(marker) = found.as_ref().and_then(|f| Marker::find(&f.comment)) else {
        return Err(not_ours(
            &copy.name,
            "it carries no mark of bookend any more",
        ));
    };
    set_marker(session, &copy.target, &copy.name, &change(&marker), own).await
}

/// Writes a marker into a database's comment, beside the user's own text.
pub(super) async fn set_marker(
    session: &tokio_postgres::Client,
    on: &Target,
    name: &str,
    marker: &Marker,
    own: Option<&str>,
) -> Result<(), EngineError> {
    let comment = marker.comment(own).map_err(|error| EngineError::Garbled {
        tool: "bookend".to_owned(),
        problem: error.to_string(),
    })?;
    session
        .batch_execute(&format!(
            "COMMENT ON DATABASE {} IS {}",
            quote_identifier(name),
            quote_literal(&comment)
        ))
        .await
        .map_err(sql(on, format!("{name} could not be marked")))
}

/// A name for a new database: possible there, and free now.
pub(super) async fn new_name(
    context: &Context,
    on: &Target,
    wanted: &NewName<'_>,
) -> Result<String, EngineError> {
    let session = server::maintenance(context, on).await?;
    match wanted {
        NewName::Exactly(name) => {
            preflight::free_name(&session, on, name).await?;
            Ok((*name).to_owned())
        }
        NewName::Suffixed { snapshot, suffix } => {
            let taken = preflight::taken_names(&session, on).await?;
            Ok(names::suffixed(&snapshot.database.name, suffix, &taken))
        }
    }
}

/// Every database of the server that carries a marker.
pub(super) async fn list(
    context: &Context,
    on: &Target,
) -> Result<Vec<MarkedDatabase>, EngineError> {
    let session = server::maintenance(context, on).await?;
    let server = server::facts(&session, on).await?;
    let rows = session
        .query(
            "SELECT d.datname::pg_catalog.text,
                    pg_catalog.shobj_description(d.oid, 'pg_database')
               FROM pg_catalog.pg_database d
              WHERE pg_catalog.shobj_description(d.oid, 'pg_database') IS NOT NULL
              ORDER BY 1",
            &[],
        )
        .await
        .map_err(sql(on, "the databases could not be listed"))?;
    let mut marked = Vec::new();
    for row in rows {
        let name: String = row.get(0);
        let Some(marker) = Marker::find(row.get(1)) else {
            continue;
        };
        let Some(found) = find(&session, on, &name).await? else {
            continue;
        };
        let spared = marker.objection(&name);
        let database = MarkedDatabase {
            genuine: marker.is_genuine(server.system(), found.oid),
            name,
            kind: marker.kind,
            run: marker.run,
            made: marker.made,
            expires: marker.expires,
            archive: marker.archive,
            template: marker.template,
            bytes: found.bytes,
            expired: false,
            spared: None,
        };
        marked.push(database.judged(spared, Utc::now()));
    }
    Ok(marked)
}

pub(super) fn not_ours(name: &str, why: &str) -> EngineError {
    EngineError::NotOurs {
        name: name.to_owned(),
        why: why.to_owned(),
    }
}
