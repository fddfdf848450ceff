//! Renaming a database that sessions of ours may still be leaving.

use std::time::Duration;

use tokio_postgres::error::SqlState;

use crate::connection::Target;
use crate::connection::postgres::Session;
use crate::engine::EngineError;

use super::super::server::Server;
use super::super::sql_error::{has_code, sql};

/// How often a rename is tried while sessions of the copy are still on their way out.
const RENAME_TRIES: usize = 20;

/// Runs statements that need the database to be free of sessions, in one transaction.
pub(in super::super) async fn rename(
    session: &Session,
    server: &Server,
    on: &Target,
    oid: u32,
    statements: &str,
    whose: Sessions,
) -> Result<(), EngineError> {
    for attempt in 1.. {
        end_sessions(session, server, on, oid, whose).await?;
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

/// Whose sessions may be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Sessions {
    /// bookend's own: of this run, on their way out still when a worker was dropped; of a
    /// killed one, at work on the server until they see it.
    Own,
    /// Everybody's: the copy is about to be dropped, and what a migration command left running
    /// in it has no other database to go to.
    All,
}

/// Ends sessions in the database.
pub(in super::super) async fn end_sessions(
    session: &Session,
    server: &Server,
    on: &Target,
    oid: u32,
    whose: Sessions,
) -> Result<(), EngineError> {
    let all = whose == Sessions::All;
    session
        .query(
            "SELECT pg_catalog.pg_terminate_backend(pid)
               FROM pg_catalog.pg_stat_activity
              WHERE datid = $1 AND pid <> pg_catalog.pg_backend_pid()
                AND (usename = $2 OR $3)
                AND (application_name LIKE 'bookend %' OR $4)",
            &[&oid, &server.role, &server.superuser, &all],
        )
        .await
        .map(drop)
        .map_err(sql(on, "sessions of the copy could not be ended"))
}
