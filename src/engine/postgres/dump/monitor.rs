//! Watches a backup from a session of its own: who keeps it waiting for a lock, how old the
//! snapshot is and how far it holds back vacuum.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::connection::Target;
use crate::connection::postgres::Session;
use crate::engine::{Context, EngineError};

use super::control::application_name;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);

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
        let session = target
            .postgres()?
            .connect(&format!("{} monitor", application_name(context)))
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
        tokio::time::sleep(EVERY).await;
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

/// Sessions of this run that wait for a relation's lock, with those that hold it.
async fn look_for_waits(session: &Session, application: &str) -> Option<Waiting> {
    let rows = session
        .query(
            "SELECT l.relation::pg_catalog.regclass::pg_catalog.text,
                    pg_catalog.format('pid %s (user %s, %s, %s: %s)', h.pid, h.usename,
                        coalesce(nullif(h.application_name, ''), 'no application name'),
                        h.state, pg_catalog.left(pg_catalog.regexp_replace(h.query, '\\s+', ' ', 'g'), 80))
               FROM pg_catalog.pg_locks l
               JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
              CROSS JOIN LATERAL pg_catalog.unnest(pg_catalog.pg_blocking_pids(l.pid)) AS b(pid)
               JOIN pg_catalog.pg_stat_activity h ON h.pid = b.pid
              WHERE NOT l.granted AND l.locktype = 'relation'
                AND a.application_name = $1",
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
