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
pub(super) async fn rename(
    session: &Session,
    server: &Server,
    on: &Target,
    oid: u32,
    statements: &str,
) -> Result<(), EngineError> {
    for attempt in 1.. {
        end_own_sessions(session, server, on, oid).await?;
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

/// Ends what is left of bookend's own sessions in a copy: of this run, on their way out still
/// when a worker was dropped; of a killed one, at work on the server until they see it.
async fn end_own_sessions(
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
                AND application_name LIKE 'bookend %'",
            &[&oid, &server.role, &server.superuser],
        )
        .await
        .map(drop)
        .map_err(sql(on, "sessions of the copy could not be ended"))
}
