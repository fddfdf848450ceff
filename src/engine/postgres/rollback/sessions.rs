//! Who is in a database: told, or ended.

use std::time::{Duration, Instant};

use crate::connection::Target;
use crate::connection::postgres::Session;
use crate::engine::{Context, EngineError};

use super::super::dump::control::application_name;
use super::super::sql_error::sql;

/// How long sessions that were told to end, and bookend's own on their way out, are waited for.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(50);

/// One session, or one transaction that outlived its session.
struct Seen {
    /// 0 for a prepared transaction.
    pid: i32,
    ours: bool,
    words: String,
}

/// A database whose sessions are looked at through one of another database.
pub(super) struct Watched<'a> {
    pub session: &'a Session,
    pub on: &'a Target,
    pub oid: &'a str,
    /// A session that belongs there.
    pub own: Option<i32>,
}

/// Sessions of others, ended if that was asked for; gives those that were, in words.
pub(super) async fn clear(
    context: &Context,
    watched: &Watched<'_>,
    end: bool,
) -> Result<Vec<String>, EngineError> {
    let begun = Instant::now();
    let mut ended: Vec<String> = Vec::new();
    loop {
        let seen = list(context, watched).await?;
        let others: Vec<&Seen> = seen.iter().filter(|one| !one.ours).collect();
        if seen.is_empty() {
            return Ok(ended);
        }
        let stuck = begun.elapsed() > PATIENCE;
        let unendable = others.iter().any(|one| one.pid == 0);
        if !others.is_empty() && (!end || unendable || stuck) {
            return Err(in_the_way(watched, &others, end));
        }
        if others.is_empty() && stuck {
            // Of this very run: a rename ends what is left of them.
            return Ok(ended);
        }
        for one in others {
            terminate(watched, one).await?;
            if !ended.contains(&one.words) {
                ended.push(one.words.clone());
            }
        }
        if context.cancel.is_cancelled() {
            return Err(EngineError::Cancelled);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn in_the_way(watched: &Watched<'_>, others: &[&Seen], asked: bool) -> EngineError {
    EngineError::InTheWay {
        database: watched.on.database().to_owned(),
        sessions: others.iter().map(|one| one.words.clone()).collect(),
        ended: asked,
    }
}

async fn terminate(watched: &Watched<'_>, one: &Seen) -> Result<(), EngineError> {
    let done = watched
        .session
        .execute("SELECT pg_catalog.pg_terminate_backend($1)", &[&one.pid])
        .await;
    match done {
        Ok(_) => Ok(()),
        Err(error) => match error.as_db_error() {
            Some(refused) => Err(EngineError::InTheWay {
                database: watched.on.database().to_owned(),
                sessions: vec![format!("{}: {}", one.words, refused.message())],
                ended: true,
            }),
            None => Err(sql(watched.on, "a session could not be ended")(error)),
        },
    }
}

async fn list(context: &Context, watched: &Watched<'_>) -> Result<Vec<Seen>, EngineError> {
    let name = application_name(context);
    let rows = watched
        .session
        .query(
            // The server cuts a session's name to what a name holds.
            "SELECT a.pid,
                    a.application_name IN ($2::pg_catalog.text::pg_catalog.name::pg_catalog.text,
                                           ($2 || ' monitor')::pg_catalog.name::pg_catalog.text),
                    pg_catalog.concat_ws(' ', 'pid', a.pid::pg_catalog.text,
                      CASE WHEN a.backend_type <> 'client backend' THEN a.backend_type END,
                      CASE WHEN a.usename IS NOT NULL THEN 'user ' || a.usename END,
                      CASE WHEN a.application_name <> '' THEN 'application ' || a.application_name END,
                      CASE WHEN a.client_addr IS NOT NULL
                           THEN 'from ' || pg_catalog.host(a.client_addr) || ':' || a.client_port
                           WHEN a.client_port = -1 THEN 'from a local socket' END,
                      a.state)
               FROM pg_catalog.pg_stat_activity a
              WHERE a.datid::pg_catalog.text = $1
                AND a.pid IS DISTINCT FROM $3 AND a.pid <> pg_catalog.pg_backend_pid()
                AND a.backend_type NOT IN ('autovacuum worker', 'parallel worker')
              UNION ALL
             SELECT 0, false, pg_catalog.concat_ws(' ', 'prepared transaction', p.gid, 'of', p.owner)
               FROM pg_catalog.pg_prepared_xacts p
               JOIN pg_catalog.pg_database d ON d.datname = p.database
              WHERE d.oid::pg_catalog.text = $1
              ORDER BY 1",
            &[&watched.oid, &name, &watched.own],
        )
        .await
        .map_err(sql(watched.on, "the sessions could not be listed"))?;
    Ok(rows
        .iter()
        .map(|row| Seen {
            pid: row.get(0),
            ours: row.get(1),
            words: row.get(2),
        })
        .collect())
}
