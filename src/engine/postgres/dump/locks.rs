//! Locks that outlive pg_dump, and the check that what is locked is what the snapshot shows.
//!
//! `TRUNCATE` and table rewrites are not MVCC: a session on an older snapshot then reads an
//! *empty* table without an error. pg_dump is safe because it holds its locks to the end; we
//! end it early, so the control session takes the same locks first and then looks whether
//! each relation is still what the snapshot shows.

use std::collections::HashMap;
use std::time::Duration;

use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;

use crate::connection::Target;
use crate::engine::{Context, EngineError};

use super::super::sql_error::{has_code, sql};
use super::control::{Control, application_name};
use super::monitor;

/// So long a lock is waited for that pg_dump was just given. Whoever is in the way by now may
/// wait for pg_dump, and that one for us: it is let through, and the backup starts over.
const HANDOVER: Duration = Duration::from_secs(1);

/// So many relations are named in one `LOCK TABLE`.
const BATCH: usize = 500;

/// A relation that must stay as it is.
pub(super) struct Lockable {
    /// Printed name.
    pub object: String,
    /// Oid.
    pub oid: u32,
}

/// Ordinary and partitioned tables among `oids`, with their printed names.
pub(super) async fn lockable(
    control: &Control,
    target: &Target,
    oids: &[u32],
) -> Result<Vec<Lockable>, EngineError> {
    let rows = control
        .session
        .query(
            "SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname)
               FROM pg_catalog.pg_class c
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              WHERE c.oid = ANY ($1) AND c.relkind IN ('r', 'p')
              ORDER BY c.oid",
            &[&oids],
        )
        .await
        .map_err(sql(target, "the tables to lock could not be read"))?;
    Ok(rows
        .iter()
        .map(|row| Lockable {
            oid: row.get(0),
            object: row.get(1),
        })
        .collect())
}

/// Takes `ACCESS SHARE` on every table, for the rest of the control transaction.
pub(super) async fn lock_all(
    context: &Context,
    control: &Control,
    target: &Target,
    tables: &[Lockable],
) -> Result<(), EngineError> {
    let timeout = HANDOVER.min(context.lock_timeout).as_millis();
    control
        .session
        .batch_execute(&format!("SET LOCAL lock_timeout = {timeout}"))
        .await
        .map_err(sql(target, "the lock timeout could not be set"))?;
    for batch in tables.chunks(BATCH) {
        let names: Vec<&str> = batch.iter().map(|t| t.object.as_str()).collect();
        let statement = format!(
            "LOCK TABLE ONLY {} IN ACCESS SHARE MODE",
            names.join(", ONLY ")
        );
        let locking =
            async { Ok::<_, EngineError>(control.session.batch_execute(&statement).await) };
        if let Err(error) = context.unless_cancelled(locking).await? {
            return Err(lock_failure(context, target, tables, error).await);
        }
    }
    Ok(())
}

async fn lock_failure(
    context: &Context,
    target: &Target,
    tables: &[Lockable],
    error: tokio_postgres::Error,
) -> EngineError {
    if has_code(&error, &SqlState::LOCK_NOT_AVAILABLE) {
        let names: Vec<&str> = tables.iter().map(|t| t.object.as_str()).collect();
        let rivals = monitor::rivals(context, target, Some(&names)).await;
        return EngineError::Moved {
            table: rivals.as_ref().map_or_else(
                || "one of the tables".to_owned(),
                |rivals| rivals.table.clone(),
            ),
            database: target.database().to_owned(),
            how: match rivals {
                Some(rivals) => format!("wanted by {}", rivals.holders.join("; ")),
                None => "wanted by another session".to_owned(),
            },
        };
    }
    if has_code(&error, &SqlState::UNDEFINED_TABLE) {
        return EngineError::Moved {
            table: named_in(&error).unwrap_or_else(|| "one of the tables".to_owned()),
            database: target.database().to_owned(),
            how: "dropped or renamed".to_owned(),
        };
    }
    if has_code(&error, &SqlState::OUT_OF_MEMORY) {
        return monitor::too_many_locks(target, tables.len()).await;
    }
    sql(
        target,
        format!("the tables of {} could not be locked", target.database()),
    )(error)
}

/// The relation that the server's message names in quotes.
fn named_in(error: &tokio_postgres::Error) -> Option<String> {
    let message = error.as_db_error()?.message().to_owned();
    let start = message.find('"')? + 1;
    let end = message.rfind('"').filter(|end| *end > start)?;
    Some(message[start..end].to_owned())
}

/// The first table that is not what the snapshot shows any more, with what happened to it.
///
/// The locks are held, so that nothing changes any more: one look from a session without the
/// snapshot tells. Names count (another table may have taken the name that COPY uses), files,
/// and columns (they can change places without a rewrite).
pub(super) async fn first_moved(
    context: &Context,
    control: &Control,
    target: &Target,
    tables: &[Lockable],
) -> Result<Option<(String, &'static str)>, EngineError> {
    let name = application_name(context);
    let present = context
        .unless_cancelled(target.postgres()?.connect(&name))
        .await?;
    let oids: Vec<u32> = tables.iter().map(|t| t.oid).collect();
    let asked: [&(dyn ToSql + Sync); 1] = [&oids];
    let (then, now) = tokio::try_join!(
        control.session.query(STATE, &asked),
        present.query(STATE, &asked),
    )
    .map_err(sql(
        target,
        "the tables could not be compared with the snapshot",
    ))?;
    let now: HashMap<u32, State> = now.iter().map(state).collect();
    Ok(then.iter().map(state).find_map(|(oid, then)| {
        let how = match now.get(&oid) {
            None => "dropped",
            Some(now) if now.name != then.name => "renamed",
            Some(now) if now.file != then.file => "truncated or rewritten",
            Some(now) if now.columns != then.columns => "altered",
            Some(_) => return None,
        };
        Some((then.name, how))
    }))
}

/// What must stay the same between the snapshot and the locks.
struct State {
    name: String,
    file: u32,
    columns: Option<String>,
}

fn state(row: &Row) -> (u32, State) {
    let state = State {
        name: row.get(1),
        file: row.get(2),
        columns: row.get(3),
    };
    (row.get(0), state)
}

const STATE: &str = "
SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname), c.relfilenode, a.columns
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN (SELECT attrelid, pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(':',
                      attnum, attname, atttypid, atttypmod, attisdropped), ',' ORDER BY attnum)) AS columns
               FROM pg_catalog.pg_attribute WHERE attnum > 0 AND attrelid = ANY ($1)
              GROUP BY attrelid) a ON a.attrelid = c.oid
 WHERE c.oid = ANY ($1)
 ORDER BY 2";

/// Tables of the database, for the error that says how many locks are needed.
pub(super) async fn count_tables(target: &Target) -> Option<usize> {
    let session = target.postgres().ok()?.connect("bookend").await.ok()?;
    let row = session
        .query_one(
            "SELECT pg_catalog.count(*) FROM pg_catalog.pg_class
              WHERE relkind IN ('r', 'p') AND oid >= 16384",
            &[],
        )
        .await
        .ok()?;
    usize::try_from(row.get::<_, i64>(0)).ok()
}
