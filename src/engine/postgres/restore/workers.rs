//! The workers that carry out a plan, each with a session on the copy.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::SinkExt;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_postgres::error::SqlState;
use tokio_util::sync::CancellationToken;

use crate::connection::Target;
use crate::connection::postgres::Session;
use crate::engine::{Context, EngineError};
use crate::snapshot::Source;

use super::super::dump::control::application_name;
use super::super::dump::copy_statement::loading;
use super::super::sql_error::{has_code, is_lost, sql};
use super::plan::{Load, Plan, Statement, Task};
use super::schedule::{Schedule, TaskId};

/// Settings of the sessions that build a copy. They change nothing but these sessions.
/// `maintenance_work_mem` stays at 64 MB: more made GIN indexes slower (measured).
const SETTINGS: &str = "
SET synchronous_commit = off;
SET search_path = '';
SET check_function_bodies = false;
SET default_transaction_read_only = off;
SET maintenance_work_mem = '64MB';
SET client_min_messages = warning";

/// A statement that lost a deadlock is tried again so often; two foreign keys can want the
/// same two tables in different order.
const DEADLOCK_RETRIES: usize = 5;

struct Work {
    tasks: Vec<Task>,
    schedule: Mutex<Schedule>,
    /// Woken when a task is done.
    changed: Notify,
    source: Arc<dyn Source>,
    copy: Target,
    context: Context,
    stop: CancellationToken,
}

/// Opens a session on the copy with the database's own `search_path`.
pub(super) async fn plain_session(
    context: &Context,
    copy: &Target,
) -> Result<Session, EngineError> {
    let name = application_name(context);
    context
        .unless_cancelled(copy.postgres()?.connect(&name))
        .await
}

/// Opens a session for building the copy.
pub(super) async fn session(context: &Context, copy: &Target) -> Result<Session, EngineError> {
    let session = plain_session(context, copy).await?;
    let encoding: String = session
        .query_one("SELECT pg_catalog.current_setting('server_encoding')", &[])
        .await
        .map_err(sql(copy, "the copy's encoding could not be read"))?
        .get(0);
    let mut settings = SETTINGS.to_owned();
    if encoding == "SQL_ASCII" {
        settings.push_str("; SET client_encoding = 'SQL_ASCII'");
    }
    session
        .batch_execute(&settings)
        .await
        .map_err(sql(copy, "the settings for loading could not be made"))?;
    Ok(session)
}

/// Carries out the plan with `context.jobs` workers.
pub(super) async fn carry_out(
    context: &Context,
    copy: &Target,
    source: Arc<dyn Source>,
    plan: Plan,
) -> Result<(), EngineError> {
    let jobs = context.jobs.min(plan.tasks.len()).max(1);
    let work = Arc::new(Work {
        schedule: Mutex::new(Schedule::new(plan.nodes)),
        tasks: plan.tasks,
        changed: Notify::new(),
        source,
        copy: copy.clone(),
        context: context.clone(),
        stop: context.cancel.child_token(),
    });
    let mut workers = JoinSet::new();
    for _ in 0..jobs {
        let session = session(context, copy).await?;
        workers.spawn(worker(Arc::clone(&work), session));
    }
    let mut first_error = None;
    while let Some(joined) = workers.join_next().await {
        if let Err(error) = joined.unwrap_or(Err(EngineError::Cancelled)) {
            work.stop.cancel();
            match first_error {
                None | Some(EngineError::Cancelled) => first_error = Some(error),
                Some(_) => {}
            }
        }
    }
    first_error.map_or(Ok(()), Err)
}

/// What a worker finds when it asks for work.
enum Next {
    Run(TaskId),
    Wait,
    Over,
    Stuck,
}

fn next(work: &Work) -> Next {
    // A poisoned lock means that another worker panicked: its join says so.
    let Ok(mut schedule) = work.schedule.lock() else {
        return Next::Over;
    };
    if schedule.is_over() {
        Next::Over
    } else if let Some(task) = schedule.start_next() {
        Next::Run(task)
    } else if schedule.stuck() {
        Next::Stuck
    } else {
        Next::Wait
    }
}

async fn worker(work: Arc<Work>, session: Session) -> Result<(), EngineError> {
    loop {
        // Registered before looking, so that no wake-up is missed.
        let changed = work.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        match next(&work) {
            Next::Over => {
                work.changed.notify_waiters();
                return Ok(());
            }
            Next::Stuck => {
                return Err(EngineError::Garbled {
                    tool: "pg_dump".to_owned(),
                    problem: "entries of its table of contents wait for each other".to_owned(),
                });
            }
            Next::Wait => tokio::select! {
                () = changed => {}
                () = work.stop.cancelled() => return Err(EngineError::Cancelled),
            },
            Next::Run(task) => {
                let done = tokio::select! {
                    done = run(&work, &session, &work.tasks[task]) => done,
                    () = work.stop.cancelled() => Err(EngineError::Cancelled),
                };
                if let Err(error) = done {
                    work.stop.cancel();
                    return Err(error);
                }
                if let Ok(mut schedule) = work.schedule.lock() {
                    schedule.finish(task);
                }
                work.changed.notify_waiters();
            }
        }
    }
}

async fn run(work: &Work, session: &Session, task: &Task) -> Result<(), EngineError> {
    match task {
        Task::Load(load) => self::load(work, session, load).await,
        Task::Statement(statement) => {
            work.context.progress.status(&statement.label);
            execute(&work.copy, session, statement).await
        }
    }
}

/// Loads chunks by one `COPY`. A table that one worker loads alone is emptied in the same
/// transaction, so that its rows can be frozen: nothing visits them again for hint bits.
async fn load(work: &Work, session: &Session, load: &Load) -> Result<(), EngineError> {
    let refused = |error| refusal(&work.copy, &format!("the rows of {}", load.object), error);
    session.batch_execute("BEGIN").await.map_err(refused)?;
    let options = if load.whole {
        session
            .batch_execute(&format!("TRUNCATE TABLE ONLY {}", load.copy.relation))
            .await
            .map_err(refused)?;
        " WITH (FREEZE)"
    } else {
        ""
    };
    let sink = session
        .copy_in::<_, Bytes>(&loading(&load.copy, options))
        .await
        .map_err(refused)?;
    tokio::pin!(sink);
    for index in load.chunks.0..load.chunks.1 {
        let mut chunk = work.source.chunk(load.stream, index)?;
        while let Some(piece) = chunk.next_piece()? {
            let bytes = piece.len() as u64;
            sink.as_mut().feed(piece).await.map_err(refused)?;
            work.context.progress.advance(bytes, 0);
        }
    }
    sink.finish().await.map_err(refused)?;
    session.batch_execute("COMMIT").await.map_err(refused)
}

async fn execute(
    copy: &Target,
    session: &Session,
    statement: &Statement,
) -> Result<(), EngineError> {
    let text = if statement.tablespace.is_empty() {
        statement.text.clone()
    } else {
        format!(
            "BEGIN; SET LOCAL default_tablespace = {}; {} COMMIT;",
            super::super::quoting::quote_literal(&statement.tablespace),
            statement.text
        )
    };
    let mut attempt = 0;
    loop {
        match session.batch_execute(&text).await {
            Ok(()) => return Ok(()),
            Err(error)
                if attempt < DEADLOCK_RETRIES
                    && has_code(&error, &SqlState::T_R_DEADLOCK_DETECTED) =>
            {
                attempt += 1;
            }
            Err(error) => return Err(refusal(copy, &statement.label, error)),
        }
    }
}

/// A statement that the copy's server refused, with the server's own words.
pub(super) fn refusal(copy: &Target, what: &str, error: tokio_postgres::Error) -> EngineError {
    if is_lost(&error) {
        return sql(copy, what)(error);
    }
    let reasons = match error.as_db_error() {
        Some(db) => [Some(db.message()), db.detail(), db.where_()]
            .into_iter()
            .flatten()
            .map(|words| words.lines().next().unwrap_or("").to_owned())
            .collect(),
        None => vec![error.to_string()],
    };
    EngineError::Restore {
        what: format!("{what} could not be restored"),
        reasons,
        advice: None,
    }
}
