//! Locks that outlive pg_dump, and the check that what is locked is what the snapshot shows.
//!
//! `TRUNCATE` and table rewrites are not MVCC: a session on an older snapshot then reads an
//! *empty* table without an error. pg_dump is safe because it holds its locks to the end; we
//! end it early, so the control session takes the same locks first and then looks whether
//! each relation's file is still the one of the snapshot.

use tokio_postgres::error::SqlState;

use crate::connection::Target;
use crate::engine::{Context, EngineError};

use super::super::sql_error::{has_code, sql};
use super::control::Control;
use super::monitor;

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
    let timeout = context.lock_timeout.as_millis();
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
        if let Err(error) = control.session.batch_execute(&statement).await {
            return Err(lock_failure(target, tables.len(), error).await);
        }
    }
    Ok(())
}

async fn lock_failure(target: &Target, tables: usize, error: tokio_postgres::Error) -> EngineError {
    if has_code(&error, &SqlState::LOCK_NOT_AVAILABLE) {
        // The message of a timeout names no table; the monitor saw who was in the way.
        return EngineError::Locked {
            table: named_in(&error).unwrap_or_else(|| "one of the tables".to_owned()),
            database: target.database().to_owned(),
            holders: Vec::new(),
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
        return monitor::too_many_locks(target, tables).await;
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

/// The first table whose file is not the one of the snapshot any more, with what happened.
///
/// `pg_class` is read under the snapshot; `pg_relation_filenode` asks the relation cache and
/// so sees the present.
pub(super) async fn first_moved(
    control: &Control,
    target: &Target,
    tables: &[Lockable],
) -> Result<Option<String>, EngineError> {
    let oids: Vec<u32> = tables.iter().map(|t| t.oid).collect();
    let moved = control
        .session
        .query_opt(
            "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
               FROM pg_catalog.pg_class c
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              WHERE c.oid = ANY ($1) AND c.relkind = 'r'
                AND pg_catalog.pg_relation_filenode(c.oid) IS DISTINCT FROM c.relfilenode
              ORDER BY 1 LIMIT 1",
            &[&oids],
        )
        .await
        .map_err(sql(target, "the tables' files could not be compared"))?;
    Ok(moved.map(|row| row.get(0)))
}

/// Tables of the database, for the error that says how many locks are needed.
pub(super) async fn count_tables(target: &Target) -> Option<usize> {
    let session = target.postgres().ok()?.connect("bookend").await.ok()?;
    let row = session
        .query_one(
            "SELECT pg_catalog.count(*) FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p')",
            &[],
        )
        .await
        .ok()?;
    usize::try_from(row.get::<_, i64>(0)).ok()
}
