//! One run of a database at a time: an advisory lock keyed by the database's oid.
//!
//! Advisory locks belong to the database of their session (documentation, "Advisory Locks"), so
//! every run has to take it in the same one: `postgres`. A session in `template1` would keep
//! others from creating databases, and one in the target would be in the way of a rename.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::connection::postgres::Session;
use crate::connection::{ConnectionError, Target};
use crate::engine::{Claim, Context, EngineError, Holder, TargetLock};

use super::sql_error::sql;

/// Where the lock is taken.
const DATABASE: &str = "postgres";

/// Tells bookend's locks from those of others: "book".
const CLASS: i32 = 0x626f_6f6b;

/// How often and how long the end of a session is waited for that was told to end: 5 s.
const LOOKS: u32 = 50;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

struct Held {
    session: Session,
    target: Target,
    key: i32,
}

/// Takes the lock.
pub(super) async fn lock(
    context: &Context,
    target: &Target,
    claim: &Claim,
) -> Result<Box<dyn TargetLock>, EngineError> {
    let name = session_name(&claim.run);
    let connecting = target.postgres()?.connect_to(DATABASE, &name);
    let session = match context.unless_cancelled(connecting).await {
        Ok(session) => session,
        // Whoever knows the password gets further; nothing else about that server is known yet.
        Err(EngineError::Connection(
            error @ (ConnectionError::NoPassword { .. } | ConnectionError::WrongPassword { .. }),
        )) => return Err(error.into()),
        Err(EngineError::Connection(error)) => return Err(no_lock(target, error.to_string())),
        Err(error) => return Err(error),
    };
    let key = key(&session, target).await?;
    let mut held = taken(&session, target, key).await?;
    for _ in 0..LOOKS {
        if held {
            return Ok(Box::new(Held {
                session,
                target: target.clone(),
                key,
            }));
        }
        // Without a holder it was given back in between.
        if let Some((holder, pid)) = holder(&session, target, key).await? {
            let own = claim.take_over && session_name(&holder.run) == name;
            if !own {
                return Err(EngineError::Held {
                    database: target.database().to_owned(),
                    holder,
                });
            }
            end(&session, target, pid).await?;
        }
        tokio::time::sleep(PAUSE).await;
        held = taken(&session, target, key).await?;
    }
    Err(no_lock(target, "its old owner does not go away".to_owned()))
}

/// As much of a run's name as a session's name has room for.
fn session_name(run: &str) -> String {
    let mut name = format!("bookend lock {run}");
    let mut end = name.len().min(63);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.truncate(end);
    name
}

/// The oid as the lock's second number; both are 32 bits, the signs apart.
async fn key(session: &Session, target: &Target) -> Result<i32, EngineError> {
    let row = session
        .query_opt(
            "SELECT oid FROM pg_catalog.pg_database WHERE datname = $1",
            &[&target.database()],
        )
        .await
        .map_err(sql(target, "the database's oid could not be read"))?;
    match row {
        Some(row) => Ok(row.get::<_, u32>(0).cast_signed()),
        None => Err(no_lock(
            target,
            "the server has no such database".to_owned(),
        )),
    }
}

async fn taken(session: &Session, target: &Target, key: i32) -> Result<bool, EngineError> {
    let row = session
        .query_one(
            "SELECT pg_catalog.pg_try_advisory_lock($1, $2)",
            &[&CLASS, &key],
        )
        .await
        .map_err(sql(target, "the lock for a run could not be asked for"))?;
    Ok(row.get(0))
}

/// Who has the lock, and the process id of that session.
async fn holder(
    session: &Session,
    target: &Target,
    key: i32,
) -> Result<Option<(Holder, i32)>, EngineError> {
    let row = session
        .query_opt(
            "SELECT l.pid, coalesce(a.application_name, ''), coalesce(a.client_addr::text, 'local'),
                    extract(epoch FROM coalesce(a.backend_start, pg_catalog.now()))::pg_catalog.int8
               FROM pg_catalog.pg_locks l
               LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
              WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
                AND l.classid = $1 AND l.objid = $2
                AND l.database = (SELECT oid FROM pg_catalog.pg_database
                                   WHERE datname = pg_catalog.current_database())
              LIMIT 1",
            &[&CLASS.cast_unsigned(), &key.cast_unsigned()],
        )
        .await
        .map_err(sql(target, "who holds the lock could not be read"))?;
    Ok(row.map(|row| {
        let name: String = row.get(1);
        let holder = Holder {
            run: name
                .strip_prefix("bookend lock ")
                .unwrap_or("(not known)")
                .to_owned(),
            host: row.get(2),
            since: DateTime::from_timestamp(row.get(3), 0).unwrap_or_else(Utc::now),
        };
        (holder, row.get(0))
    }))
}

async fn end(session: &Session, target: &Target, pid: i32) -> Result<(), EngineError> {
    session
        .query_one("SELECT pg_catalog.pg_terminate_backend($1)", &[&pid])
        .await
        .map(drop)
        .map_err(sql(target, "the lock's old session could not be ended"))
}

fn no_lock(target: &Target, why: String) -> EngineError {
    EngineError::NoLock {
        database: target.database().to_owned(),
        why,
        advice: format!(
            "runs keep each other off through a session in database {DATABASE}: GRANT CONNECT ON DATABASE {DATABASE} TO the role of {}",
            target.display_url()
        ),
    }
}

#[async_trait]
impl TargetLock for Held {
    async fn check(&self) -> Result<(), EngineError> {
        let row = self
            .session
            .query_one(
                "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks
                   WHERE locktype = 'advisory' AND granted AND pid = pg_catalog.pg_backend_pid()
                     AND classid = $1 AND objid = $2)
                    AND EXISTS (SELECT FROM pg_catalog.pg_database WHERE oid = $2 AND datname = $3)",
                &[
                    &CLASS.cast_unsigned(),
                    &self.key.cast_unsigned(),
                    &self.target.database(),
                ],
            )
            .await;
        match row {
            Ok(row) if row.get(0) => Ok(()),
            Ok(_) => Err(lost(&self.target, "another database has its name now")),
            Err(error) => Err(lost(&self.target, &error.to_string())),
        }
    }

    async fn release(self: Box<Self>) {
        let unlock = "SELECT pg_catalog.pg_advisory_unlock($1, $2)";
        // The end of the session gives it back in any case.
        let _ = self.session.query_one(unlock, &[&CLASS, &self.key]).await;
    }
}

fn lost(target: &Target, why: &str) -> EngineError {
    EngineError::LockLost {
        database: target.database().to_owned(),
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::session_name;

    #[test]
    fn a_long_runs_name_is_cut_where_the_server_cuts_it() {
        assert_eq!(session_name("r"), "bookend lock r");
        let long = session_name(&"ä".repeat(80));
        assert!(long.len() <= 63 && long.starts_with("bookend lock ä"));
    }
}
