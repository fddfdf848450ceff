//! Turning the server's refusals into errors that name what was being done.

use tokio_postgres::error::SqlState;

use crate::connection::{ConnectionError, Target};
use crate::engine::EngineError;

/// Wraps a server error: a lost connection as such, everything else with what was being done.
pub(super) fn sql(
    target: &Target,
    what: impl Into<String>,
) -> impl FnOnce(tokio_postgres::Error) -> EngineError {
    let what = what.into();
    move |error| {
        if is_lost(&error) {
            return EngineError::Connection(ConnectionError::Lost {
                server: target.display_url(),
                reason: error
                    .as_db_error()
                    .map_or_else(|| error.to_string(), |said| said.message().to_owned()),
            });
        }
        if error.code() == Some(&SqlState::OUT_OF_MEMORY)
            && error.as_db_error().is_some_and(|e| {
                e.hint()
                    .is_some_and(|hint| hint.contains("max_locks_per_transaction"))
            })
        {
            return EngineError::TooManyLocks {
                tables: 0,
                database: target.database().to_owned(),
                setting: 0,
                needed: 0,
            };
        }
        EngineError::Sql {
            what,
            source: error,
        }
    }
}

/// True if the session is gone: closed socket, or the server said that it ends it
/// (class 57P: admin shutdown, crash shutdown, database dropped).
pub(super) fn is_lost(error: &tokio_postgres::Error) -> bool {
    error.is_closed()
        || error.as_db_error().is_none() && error.code().is_none() && is_io(error)
        || matches!(
            error.code(),
            Some(code) if *code == SqlState::ADMIN_SHUTDOWN
                || *code == SqlState::CRASH_SHUTDOWN
                || *code == SqlState::DATABASE_DROPPED
        )
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
}

/// True if the server's code is `code`.
pub(super) fn has_code(error: &tokio_postgres::Error, code: &SqlState) -> bool {
    error.code() == Some(code)
}
