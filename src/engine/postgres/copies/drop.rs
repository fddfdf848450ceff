//! Dropping databases of bookend's own, and no others.

use std::time::Duration;

use chrono::Utc;

use crate::connection::Target;
use crate::connection::postgres::Session;
use crate::engine::{Context, CopyKind, DatabaseCopy, EngineError, MadeDatabase};

use super::super::dump::control::application_name;
use super::super::quoting::{quote_identifier, quote_literal};
use super::super::server;
use super::super::sql_error::sql;
use super::super::templates;
use super::marker::Marker;
use super::rename::{Sessions, rename};
use super::{find, names, not_ours, set_marker};

/// How often and how long a `CREATE DATABASE` under way is waited for: a minute.
const CREATION_LOOKS: u32 = 300;
const CREATION_PAUSE: Duration = Duration::from_millis(200);

const CLOSED_WITH_SUBSCRIPTIONS: &str =
    "it has a subscription, and nobody may connect to it to take that away";

/// Drops a copy if it is still the disposable one that was built.
pub(in super::super) async fn discard(
    context: &Context,
    copy: DatabaseCopy,
) -> Result<(), EngineError> {
    // Also after an interruption, which is the usual reason to be here.
    let context = &context.uninterrupted();
    let session = server::maintenance(context, &copy.target).await?;
    match find(&session, &copy.target, &copy.name).await? {
        None => {}
        Some(found) if found.oid.to_string() == copy.identity => {
            drop_checked(
                context,
                &session,
                &copy.target,
                &copy.name,
                Cause::Discarded,
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
    /// In words why a database with this marker is not dropped, if it is not.
    fn objection(self, marker: &Marker, name: &str) -> Option<String> {
        let fits = match self {
            Self::Discarded => marker.kind == CopyKind::Disposable,
            Self::Named => matches!(marker.kind, CopyKind::Disposable | CopyKind::Staging),
            Self::Expired => marker.kind == CopyKind::Staging,
        };
        if !fits {
            return Some(kind_in_words(marker.kind).to_owned());
        }
        let over = marker.expires.is_some_and(|expires| expires <= Utc::now());
        match self {
            Self::Discarded | Self::Named => None,
            Self::Expired if !over => Some("its time is not over".to_owned()),
            Self::Expired => marker.objection(name),
        }
    }
}

/// Drops a marked database, if `cause` is one for it. One transaction renames it to a fresh random
/// name while oid and marker are checked; what is dropped then is surely that database.
async fn drop_checked(
    context: &Context,
    session: &Session,
    on: &Target,
    name: &str,
    cause: Cause,
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
    if let Some(why) = cause.objection(&marker, name) {
        return Err(not_ours(name, &why));
    }
    if cause == Cause::Expired {
        over_there_too(session, on, name, &marker).await?;
    }
    if marker.kind == CopyKind::Staging {
        nobody_works_on_it(session, on, name, found.oid).await?;
    }
    if has_subscriptions(session, on, found.oid).await? {
        if found.closed {
            return Err(not_ours(name, CLOSED_WITH_SUBSCRIPTIONS));
        }
        detach_subscriptions(context, on, name).await?;
    }
    let doomed = names::random("doomed");
    let mut check = format!(
        "DO $check$ BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_database d
            WHERE d.oid = {oid} AND d.datname = {name}
              AND pg_catalog.shobj_description(d.oid, 'pg_database') = {comment})
         THEN RAISE 'it changed meanwhile'; END IF; END $check$;
         ALTER DATABASE {quoted} RENAME TO {doomed}",
        oid = found.oid,
        name = quote_literal(name),
        comment = quote_literal(&found.comment),
        quoted = quote_identifier(name),
    );
    if found.is_template {
        // Whoever made it one: a template cannot be dropped.
        check.push_str(&format!("; ALTER DATABASE {doomed} IS_TEMPLATE false"));
    }
    let whose = match marker.kind {
        CopyKind::Disposable => Sessions::All,
        CopyKind::Staging | CopyKind::Provenance | CopyKind::Kept => Sessions::Own,
    };
    rename(session, &server, on, found.oid, &check, whose).await?;
    session
        .batch_execute(&format!("DROP DATABASE {doomed}"))
        .await
        .map_err(sql(
            on,
            format!("{name} (now {doomed}) could not be dropped"),
        ))
}

/// People work on staging databases: one that they are connected to stays. Looked for first,
/// since the server waits five seconds for each attempt to rename such a database.
async fn nobody_works_on_it(
    session: &Session,
    on: &Target,
    name: &str,
    oid: u32,
) -> Result<(), EngineError> {
    let there: Vec<String> = session
        .query(
            "SELECT pg_catalog.format('%s of %s (process %s)',
                        coalesce(nullif(application_name, ''), 'a session'),
                        coalesce(usename, 'somebody'), pid)
               FROM pg_catalog.pg_stat_activity
              WHERE datid = $1 AND pid <> pg_catalog.pg_backend_pid()
                AND coalesce(application_name, '') NOT LIKE 'bookend %'
                AND backend_type = 'client backend' ORDER BY pid",
            &[&oid],
        )
        .await
        .map_err(sql(
            on,
            format!("the sessions of {name} could not be listed"),
        ))?
        .iter()
        .map(|row| row.get(0))
        .collect();
    if there.is_empty() {
        return Ok(());
    }
    Err(EngineError::Unsupported {
        what: format!("{name} is not dropped, it is in use: {}", there.join(", ")),
        advice: "have them disconnect, then run the command again".to_owned(),
    })
}

/// The server's clock has a say too: this machine's may be wrong by days.
async fn over_there_too(
    session: &Session,
    on: &Target,
    name: &str,
    marker: &Marker,
) -> Result<(), EngineError> {
    let expires = marker.expires.map(|expires| expires.to_rfc3339());
    let row = session
        .query_one(
            "SELECT coalesce($1::pg_catalog.text::pg_catalog.timestamptz <= pg_catalog.now(), false)",
            &[&expires],
        )
        .await
        .map_err(sql(on, "the server's clock could not be read"))?;
    if row.get(0) {
        Ok(())
    } else {
        Err(not_ours(name, "its time is not over by the server's clock"))
    }
}

fn kind_in_words(kind: CopyKind) -> &'static str {
    match kind {
        CopyKind::Disposable => "it is a copy in progress",
        CopyKind::Staging => "it is a staging database: bookend copies drop",
        CopyKind::Provenance => "it is a finished restore; drop it yourself if it is not needed",
        CopyKind::Kept => "it is an original that was kept; drop it yourself if it is not needed",
    }
}

/// `pg_subscription` belongs to all databases: nobody has to connect to one to know.
pub(in super::super) async fn has_subscriptions(
    session: &Session,
    on: &Target,
    oid: u32,
) -> Result<bool, EngineError> {
    let row = session
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_subscription WHERE subdbid = $1)",
            &[&oid],
        )
        .await
        .map_err(sql(on, "the subscriptions could not be counted"))?;
    Ok(row.get(0))
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

/// Drops a disposable or staging database by name.
pub(in super::super) async fn drop_marked(
    context: &Context,
    on: &Target,
    name: &str,
) -> Result<(), EngineError> {
    let session = server::maintenance(context, on).await?;
    drop_checked(context, &session, on, name, Cause::Named).await?;
    context
        .ledger
        .settle(name, "dropped")
        .map_err(EngineError::Ledger)
}

/// Drops a staging database whose time is over.
pub(in super::super) async fn drop_expired(
    context: &Context,
    on: &Target,
    name: &str,
) -> Result<(), EngineError> {
    let session = server::maintenance(context, on).await?;
    drop_checked(context, &session, on, name, Cause::Expired).await
}

/// Drops a database whose making was announced: marked, or made by a crash between `CREATE
/// DATABASE` and the marker, in which case it must be empty and carry no comment.
pub(in super::super) async fn drop_announced(
    context: &Context,
    on: &Target,
    made: &MadeDatabase,
) -> Result<bool, EngineError> {
    let session = server::maintenance(context, on).await?;
    creation_has_ended(&session, on, &made.name).await?;
    let Some(found) = find(&session, on, &made.name).await? else {
        context
            .ledger
            .settle(&made.name, "not there")
            .map_err(EngineError::Ledger)?;
        return Ok(false);
    };
    if Marker::find(&found.comment).is_none() {
        if !found.comment.is_empty() || !is_as_made(context, on, made).await? {
            return Err(not_ours(&made.name, "it has no mark, but it is not empty"));
        }
        let server = server::facts(&session, on).await?;
        let marker = Marker::disposable(server.system(), found.oid, &made.run, made.made);
        set_marker(&session, on, &made.name, &marker, None).await?;
    }
    drop_checked(context, &session, on, &made.name, Cause::Discarded).await?;
    context
        .ledger
        .settle(&made.name, "dropped")
        .map_err(EngineError::Ledger)?;
    Ok(true)
}

/// Whether a database that nobody could mark holds what it was made with: nothing, or what the
/// template holds that it was to be cloned from.
async fn is_as_made(
    context: &Context,
    on: &Target,
    made: &MadeDatabase,
) -> Result<bool, EngineError> {
    let copy = on.with_database(&made.name);
    if is_empty(context, on, &made.name).await? {
        return Ok(true);
    }
    match &made.contents {
        Some(contents) => Ok(templates::contents(context, &copy).await? == *contents),
        None => Ok(false),
    }
}

/// A `CREATE DATABASE` goes on after the program that asked for it was killed.
async fn creation_has_ended(session: &Session, on: &Target, name: &str) -> Result<(), EngineError> {
    for _ in 0..CREATION_LOOKS {
        let row = session
            .query_one(
                "SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_activity
                   WHERE pid <> pg_catalog.pg_backend_pid() AND state = 'active'
                     AND query LIKE 'CREATE DATABASE%' AND pg_catalog.strpos(query, $1) > 0)",
                &[&name],
            )
            .await
            .map_err(sql(on, "the server's sessions could not be listed"))?;
        if !row.get::<_, bool>(0) {
            return Ok(());
        }
        tokio::time::sleep(CREATION_PAUSE).await;
    }
    Err(not_ours(name, "the server is still creating it"))
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
