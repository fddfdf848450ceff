//! Watches a backup from a session of its own: who keeps it waiting for a lock, how old the
//! snapshot is and how far it holds back vacuum.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::connection::Target;
use crate::connection::postgres::Session;
use crate::engine::{Context, EngineError};

use super::control::application_name;

/// How often it looks, if nobody gives up sooner than that.
const EVERY: Duration = Duration::from_secs(1);

/// How often it looks, so that a wait is seen before it is given up. Never all the time.
fn interval(lock_timeout: Duration) -> Duration {
    (lock_timeout / 4).clamp(Duration::from_millis(50), EVERY)
}

/// A table that is waited for and the sessions that are in the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Waiting {
    /// Printed name of the table.
    pub table: String,
    /// Each session: pid, user, application, state, query.
    pub holders: Vec<String>,
}

/// A running watch; ends when dropped.
pub(super) struct Monitor {
    seen: Arc<Mutex<Option<Waiting>>>,
    task: JoinHandle<()>,
}

impl Monitor {
    /// Begins to watch the sessions of this run, `pid` being the one that holds the snapshot.
    pub(super) async fn start(
        context: &Context,
        target: &Target,
        pid: i32,
    ) -> Result<Self, EngineError> {
        let name = format!("{} monitor", application_name(context));
        let session = context
            .unless_cancelled(target.postgres()?.connect(&name))
            .await?;
        let seen = Arc::new(Mutex::new(None));
        let task = tokio::spawn(watch(
            session,
            application_name(context),
            pid,
            Arc::clone(&seen),
            context.clone(),
        ));
        Ok(Self { seen, task })
    }

    /// What was waited for when last looked.
    pub(super) fn waiting(&self) -> Option<Waiting> {
        self.seen.lock().ok().and_then(|seen| seen.clone())
    }

    /// Fills in who holds a lock, if that was seen.
    pub(super) fn explain(&self, error: EngineError) -> EngineError {
        match (error, self.waiting()) {
            (EngineError::Locked { database, .. }, Some(waiting)) => EngineError::Locked {
                table: waiting.table,
                database,
                holders: waiting.holders,
            },
            (error, _) => error,
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(
    session: Session,
    application: String,
    pid: i32,
    seen: Arc<Mutex<Option<Waiting>>>,
    context: Context,
) {
    let started = Instant::now();
    loop {
        tokio::time::sleep(interval(context.lock_timeout)).await;
        let waiting = look_for_waits(&session, &application).await;
        let mut status = format!("snapshot {} s old", started.elapsed().as_secs());
        if let Ok(Some(row)) = session
            .query_opt(
                "SELECT pg_catalog.age(backend_xmin)::pg_catalog.int8
                   FROM pg_catalog.pg_stat_activity WHERE pid = $1",
                &[&pid],
            )
            .await
            && let Some(age) = row.get::<_, Option<i64>>(0)
        {
            status.push_str(&format!(", holds back vacuum by {age} transactions"));
        }
        if let Some(waiting) = &waiting {
            status = format!(
                "waiting for a lock on {} held by {}",
                waiting.table,
                waiting.holders.join("; ")
            );
        }
        context.progress.status(&status);
        if waiting.is_some()
            && let Ok(mut seen) = seen.lock()
        {
            *seen = waiting;
        }
    }
}

/// One session in words, out of `pg_stat_activity` as `h`.
const SESSION: &str = "CASE WHEN h.pid IS NULL THEN
        'a prepared transaction (SELECT * FROM pg_prepared_xacts; COMMIT or ROLLBACK PREPARED)'
    ELSE pg_catalog.format('pid %s (user %s, %s, %s: %s)', h.pid, h.usename,
        coalesce(nullif(h.application_name, ''), 'no application name'),
        h.state, pg_catalog.left(pg_catalog.regexp_replace(h.query, '\\s+', ' ', 'g'), 80)) END";

/// Sessions of this run that wait for a relation's lock, with those that hold it.
async fn look_for_waits(session: &Session, application: &str) -> Option<Waiting> {
    let rows = session
        .query(
            &format!(
                "SELECT l.relation::pg_catalog.regclass::pg_catalog.text,
                        {SESSION}
                   FROM pg_catalog.pg_locks l
                   JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
                  CROSS JOIN LATERAL pg_catalog.unnest(pg_catalog.pg_blocking_pids(l.pid)) AS b(pid)
                   -- A prepared transaction blocks as pid 0, which is nobody's.
                   LEFT JOIN pg_catalog.pg_stat_activity h ON h.pid = b.pid
                  WHERE NOT l.granted AND l.locktype = 'relation'
                    AND a.application_name = $1"
            ),
            &[&application],
        )
        .await
        .ok()?;
    let table = rows.first()?.get(0);
    Some(Waiting {
        table,
        holders: rows.iter().map(|row| row.get(1)).collect(),
    })
}

/// Sessions that have, or ask for, one of these tables for themselves alone: the first such
/// table and all who want it. `None` for any table of the database.
pub(super) async fn rivals(
    context: &Context,
    target: &Target,
    tables: Option<&[&str]>,
) -> Option<Waiting> {
    let name = format!("{} monitor", application_name(context));
    let session = target.postgres().ok()?.connect(&name).await.ok()?;
    let rows = session
        .query(
            &format!(
                "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), {SESSION}
                   FROM pg_catalog.pg_locks l
                   JOIN pg_catalog.pg_class c ON c.oid = l.relation
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                   JOIN pg_catalog.pg_stat_activity h ON h.pid = l.pid
                  WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
                    AND h.datname = pg_catalog.current_database()
                    AND c.oid >= 16384
                    AND ($1::pg_catalog.text[] IS NULL
                         OR pg_catalog.format('%I.%I', n.nspname, c.relname) = ANY ($1))
                  ORDER BY 1, l.granted DESC"
            ),
            &[&tables],
        )
        .await
        .ok()?;
    let table: String = rows.first()?.get(0);
    Some(Waiting {
        holders: rows
            .iter()
            .filter(|row| row.get::<_, &str>(0) == table)
            .map(|row| row.get(1))
            .collect(),
        table,
    })
}

/// Says who is in the way of a worker, which does not wait: behind a session that asks for the
/// table for itself it would wait for our own lock.
pub(super) async fn name_rivals(
    context: &Context,
    target: &Target,
    error: EngineError,
) -> EngineError {
    match error {
        EngineError::Locked {
            table, database, ..
        } => {
            let rivals = rivals(context, target, Some(&[&table])).await;
            EngineError::Locked {
                table,
                database,
                holders: rivals.map(|rivals| rivals.holders).unwrap_or_default(),
            }
        }
        other => other,
    }
}

/// The error for a full lock table, with the setting and the number it needs.
///
/// The server has room for `max_locks_per_transaction × (max_connections +
/// max_prepared_transactions)` locks, shared by all (documentation of that setting). Two
/// sessions hold a lock on every table while pg_dump hands over to ours.
pub(super) async fn too_many_locks(target: &Target, tables: usize) -> EngineError {
    let (setting, slots) = lock_settings(target).await.unwrap_or((64, 100));
    let wanted = (tables as u64 * 5 / 2).div_ceil(slots.max(1));
    EngineError::TooManyLocks {
        tables,
        database: target.database().to_owned(),
        setting,
        needed: wanted.max(setting + 1),
    }
}

async fn lock_settings(target: &Target) -> Option<(u64, u64)> {
    let session = target.postgres().ok()?.connect("bookend").await.ok()?;
    let row = session
        .query_one(
            "SELECT pg_catalog.current_setting('max_locks_per_transaction')::pg_catalog.int8,
                    pg_catalog.current_setting('max_connections')::pg_catalog.int8
                    + pg_catalog.current_setting('max_prepared_transactions')::pg_catalog.int8",
            &[],
        )
        .await
        .ok()?;
    Some((
        u64::try_from(row.get::<_, i64>(0)).ok()?,
        u64::try_from(row.get::<_, i64>(1)).ok()?,
    ))
}
