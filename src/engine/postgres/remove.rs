//! Marked databases: listing them, changing their marks, publishing and dropping them.

use std::time::Duration;

use tokio_postgres::error::SqlState;

use crate::connection::Target;
use crate::connection::postgres::Session;
use crate::engine::{Context, CopyKind, DatabaseCopy, EngineError, MadeDatabase, MarkedDatabase};

use super::dump::control::application_name;
use super::dump::copy_statement::quote_identifier;
use super::marker::{self, Marker};
use super::names;
use super::restore::create::set_marker;
use super::restore::preflight;
use super::server::{self, Server};
use super::sql_error::{has_code, sql};

/// How often a rename is tried while sessions of the copy are still on their way out.
const RENAME_TRIES: usize = 20;

/// A database with its oid and comment.
struct Found {
    oid: u32,
    comment: String,
    bytes: u64,
}

async fn find(
    session: &tokio_postgres::Client,
    on: &Target,
    name: &str,
) -> Result<Option<Found>, EngineError> {
    let row = session
        .query_opt(
            "SELECT d.oid, coalesce(pg_catalog.shobj_description(d.oid, 'pg_database'), ''),
                    CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT')
                         THEN pg_catalog.pg_database_size(d.oid) ELSE 0 END
               FROM pg_catalog.pg_database d WHERE d.datname = $1",
            &[&name],
        )
        .await
        .map_err(sql(on, format!("{name} could not be looked up")))?;
    Ok(row.map(|row| Found {
        oid: row.get(0),
        comment: row.get(1),
        bytes: u64::try_from(row.get::<_, i64>(2)).unwrap_or(0),
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

/// Gives a copy its asked name and kind in one transaction.
pub(super) async fn publish(
    context: &Context,
    copy: DatabaseCopy,
    kind: CopyKind,
    archive: &str,
) -> Result<Target, EngineError> {
    let on = &copy.target;
    let Some(into) = copy.request.into.clone() else {
        return Err(not_ours(&copy.name, "no name was asked for it"));
    };
    let session = server::maintenance(context, on).await?;
    preflight::free_name(&session, on, &into).await?;
    let server = server::facts(&session, on).await?;
    let found = find(&session, on, &copy.name).await?;
    let Some(found) = found.filter(|f| f.oid.to_string() == copy.identity) else {
        return Err(not_ours(
            &copy.name,
            "it is not the database that was built",
        ));
    };
    let Some(old) = Marker::find(&found.comment) else {
        return Err(not_ours(
            &copy.name,
            "it carries no mark of bookend any more",
        ));
    };
    let marker = Marker {
        kind,
        archive: Some(archive.to_owned()),
        ..old
    };
    let own = marker::own_comment(&found.comment);
    let comment = marker.comment(own.as_deref()).unwrap_or_default();
    let statements = format!(
        "ALTER DATABASE {} RENAME TO {}; COMMENT ON DATABASE {} IS {}",
        quote_identifier(&copy.name),
        quote_identifier(&into),
        quote_identifier(&into),
        super::dump::copy_statement::quote_literal(&comment)
    );
    rename(context, &session, &server, on, found.oid, &statements)
        .await
        .map_err(|error| taken(error, on, &into))?;
    context
        .ledger
        .settle(&copy.name, &format!("published as {into}"))
        .map_err(EngineError::Ledger)?;
    Ok(on.with_database(&into))
}

fn taken(error: EngineError, on: &Target, into: &str) -> EngineError {
    match error {
        EngineError::Sql { source, .. } if has_code(&source, &SqlState::DUPLICATE_DATABASE) => {
            EngineError::NameTaken {
                name: into.to_owned(),
                server: on.display_url(),
                free: names::free(into, &[]),
            }
        }
        other => other,
    }
}

/// Runs statements that need the database to be free of sessions, in one transaction.
async fn rename(
    context: &Context,
    session: &Session,
    server: &Server,
    on: &Target,
    oid: u32,
    statements: &str,
) -> Result<(), EngineError> {
    for attempt in 1.. {
        end_own_sessions(context, session, server, on, oid).await?;
        match session
            .batch_execute(&format!("BEGIN; {statements}; COMMIT"))
            .await
        {
            Ok(()) => return Ok(()),
            Err(error) => {
                let _ = session.batch_execute("ROLLBACK").await;
                if attempt >= RENAME_TRIES || !has_code(&error, &SqlState::OBJECT_IN_USE) {
                    return Err(sql(on, "the copy could not be renamed")(error));
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    Ok(())
}

/// Ends what is left of this run's sessions in a copy; a superuser's own may be on their way
/// out still when a worker was dropped.
async fn end_own_sessions(
    context: &Context,
    session: &Session,
    server: &Server,
    on: &Target,
    oid: u32,
) -> Result<(), EngineError> {
    session
        .query(
            "SELECT pg_catalog.pg_terminate_backend(pid)
               FROM pg_catalog.pg_stat_activity
              WHERE datid = $1 AND pid <> pg_catalog.pg_backend_pid()
                AND (usename = $2 OR $3)
                AND application_name LIKE $4",
            &[
                &oid,
                &server.role,
                &server.superuser,
                &format!("{}%", application_name(context).replace(['%', '_'], "_")),
            ],
        )
        .await
        .map(drop)
        .map_err(sql(on, "sessions of the copy could not be ended"))
}

/// Drops a copy if it is still the disposable one that was built.
pub(super) async fn discard(context: &Context, copy: DatabaseCopy) -> Result<(), EngineError> {
    let session = server::maintenance(context, &copy.target).await?;
    match find(&session, &copy.target, &copy.name).await? {
        None => {}
        Some(found) if found.oid.to_string() == copy.identity => {
            drop_checked(
                context,
                &session,
                &copy.target,
                &copy.name,
                &[CopyKind::Disposable],
            )
            .await?;
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

/// Drops a marked database of one of `kinds`. One transaction renames it to a fresh random
/// name while oid and marker are checked; what is dropped then is surely that database.
async fn drop_checked(
    context: &Context,
    session: &Session,
    on: &Target,
    name: &str,
    kinds: &[CopyKind],
) -> Result<(), EngineError> {
    let server = server::facts(session, on).await?;
    let Some(found) = find(session, on, name).await? else {
        return Err(not_ours(name, "there is no such database"));
    };
    let Some(marker) = Marker::find(&found.comment) else {
        return Err(not_ours(name, "it carries no mark of bookend"));
    };
    if !marker.is_genuine(server.system(), found.oid) {
        return Err(not_ours(name, "its mark was made for another database"));
    }
    if !kinds.contains(&marker.kind) {
        return Err(not_ours(name, kind_in_words(marker.kind)));
    }
    detach_subscriptions(context, on, name).await?;
    let doomed = names::random("doomed");
    let check = format!(
        "DO $check$ BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_database d
            WHERE d.oid = {oid} AND d.datname = {name}
              AND pg_catalog.shobj_description(d.oid, 'pg_database') = {comment})
         THEN RAISE 'it changed meanwhile'; END IF; END $check$;
         ALTER DATABASE {quoted} RENAME TO {doomed}",
        oid = found.oid,
        name = super::dump::copy_statement::quote_literal(name),
        comment = super::dump::copy_statement::quote_literal(&found.comment),
        quoted = quote_identifier(name),
    );
    rename(context, session, &server, on, found.oid, &check).await?;
    session
        .batch_execute(&format!("DROP DATABASE {doomed}"))
        .await
        .map_err(sql(
            on,
            format!("{name} (now {doomed}) could not be dropped"),
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

/// Subscriptions that came along keep a database from being dropped, and dropping one there
/// would drop the *original's* replication slot: they are cut off from it first.
async fn detach_subscriptions(
    context: &Context,
    on: &Target,
    name: &str,
) -> Result<(), EngineError> {
    let copy = on.with_database(name);
    let session = copy.postgres()?.connect(&application_name(context)).await?;
    let names: Vec<String> = session
        .query(
            "SELECT s.subname::pg_catalog.text FROM pg_catalog.pg_subscription s
              WHERE s.subdbid = (SELECT oid FROM pg_catalog.pg_database
                                  WHERE datname = pg_catalog.current_database())
                AND s.subslotname IS NOT NULL",
            &[],
        )
        .await
        .map_err(sql(
            on,
            format!("the subscriptions of {name} could not be listed"),
        ))?
        .iter()
        .map(|row| row.get(0))
        .collect();
    for name in names {
        let quoted = quote_identifier(&name);
        session
            .batch_execute(&format!(
                "ALTER SUBSCRIPTION {quoted} DISABLE; ALTER SUBSCRIPTION {quoted} SET (slot_name = NONE)"
            ))
            .await
            .map_err(sql(on, format!("subscription {name} could not be cut off")))?;
    }
    let all: Vec<String> = session
        .query(
            "SELECT s.subname::pg_catalog.text FROM pg_catalog.pg_subscription s
              WHERE s.subdbid = (SELECT oid FROM pg_catalog.pg_database
                                  WHERE datname = pg_catalog.current_database())",
            &[],
        )
        .await
        .map_err(sql(on, "the subscriptions could not be listed"))?
        .iter()
        .map(|row| row.get(0))
        .collect();
    for name in all {
        session
            .batch_execute(&format!("DROP SUBSCRIPTION {}", quote_identifier(&name)))
            .await
            .map_err(sql(on, format!("subscription {name} could not be dropped")))?;
    }
    Ok(())
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
        marked.push(MarkedDatabase {
            genuine: marker.is_genuine(server.system(), found.oid),
            name,
            kind: marker.kind,
            run: marker.run,
            made: marker.made,
            expires: marker.expires,
            archive: marker.archive,
            bytes: found.bytes,
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
    let session = server::maintenance(context, on).await?;
    drop_checked(
        context,
        &session,
        on,
        name,
        &[CopyKind::Disposable, CopyKind::Staging],
    )
    .await?;
    context
        .ledger
        .settle(name, "dropped")
        .map_err(EngineError::Ledger)
}

/// Drops a database whose making was announced: marked, or made by a crash between `CREATE
/// DATABASE` and the marker, in which case it must be empty and carry no comment.
pub(super) async fn drop_announced(
    context: &Context,
    on: &Target,
    made: &MadeDatabase,
) -> Result<bool, EngineError> {
    let session = server::maintenance(context, on).await?;
    let Some(found) = find(&session, on, &made.name).await? else {
        context
            .ledger
            .settle(&made.name, "not there")
            .map_err(EngineError::Ledger)?;
        return Ok(false);
    };
    if Marker::find(&found.comment).is_none() {
        if !found.comment.is_empty() || !is_empty(context, on, &made.name).await? {
            return Err(not_ours(&made.name, "it has no mark, but it is not empty"));
        }
        let server = server::facts(&session, on).await?;
        let marker = Marker {
            kind: CopyKind::Disposable,
            system: server.system().to_owned(),
            oid: found.oid,
            run: made.run.clone(),
            made: made.made,
            expires: None,
            archive: None,
        };
        set_marker(&session, on, &made.name, &marker, None).await?;
    }
    drop_checked(context, &session, on, &made.name, &[CopyKind::Disposable]).await?;
    context
        .ledger
        .settle(&made.name, "dropped")
        .map_err(EngineError::Ledger)?;
    Ok(true)
}

async fn is_empty(context: &Context, on: &Target, name: &str) -> Result<bool, EngineError> {
    let copy = on.with_database(name);
    let session = copy.postgres()?.connect(&application_name(context)).await?;
    let row = session
        .query_one(
            "SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid >= 16384)",
            &[],
        )
        .await
        .map_err(sql(on, format!("{name} could not be looked into")))?;
    Ok(row.get(0))
}

fn not_ours(name: &str, why: &str) -> EngineError {
    EngineError::NotOurs {
        name: name.to_owned(),
        why: why.to_owned(),
    }
}
