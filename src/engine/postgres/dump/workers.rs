//! Reading many relations at once: each worker has a session on the shared snapshot, hashes
//! and stores rows inline as they stream by.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use tokio::task::JoinSet;
use tokio_postgres::error::SqlState;
use tokio_util::sync::CancellationToken;

use crate::connection::Target;
use crate::connection::postgres::Session;
use crate::engine::{Context, EngineError};
use crate::fingerprint::{Hashed, RowError, RowHasher};
use crate::snapshot::{Sink, StreamWriter};

use super::super::sql_error::{has_code, sql};
use super::control::{Control, open_worker};
use super::table::{Share, TableRead, shares};

/// Progress is told this often (bytes): a virtual call a row would show in the figures.
const REPORT_EVERY: u64 = 1 << 20;

/// Relations to read and where their rows go; shared by the workers.
struct Work {
    tables: Arc<Vec<TableRead>>,
    shares: Vec<Share>,
    next: AtomicUsize,
    sink: Arc<dyn Sink>,
    target: Target,
    context: Context,
    /// Ended when one worker fails, so that the others stop.
    stop: CancellationToken,
}

/// What one share held.
struct Read {
    table: usize,
    hashed: Hashed,
    bytes: u64,
}

/// What one table held: its hashes and the bytes of its COPY text.
pub(in super::super) struct TableContent {
    /// Count and fingerprints.
    pub hashed: Hashed,
    /// Uncompressed bytes.
    pub bytes: u64,
}

/// Reads all `tables` into `sink`; the result has one element for each table.
pub(in super::super) async fn read_all(
    context: &Context,
    target: &Target,
    control: &Control,
    tables: Arc<Vec<TableRead>>,
    sink: Arc<dyn Sink>,
) -> Result<Vec<TableContent>, EngineError> {
    let work = Arc::new(Work {
        shares: shares(&tables, context.jobs),
        next: AtomicUsize::new(0),
        sink,
        target: target.clone(),
        context: context.clone(),
        stop: context.cancel.child_token(),
        tables: Arc::clone(&tables),
    });
    let mut workers = JoinSet::new();
    for _ in 0..context.jobs.min(work.shares.len()).max(1) {
        let session = open_worker(context, target, control).await?;
        workers.spawn(worker(Arc::clone(&work), session));
    }
    let mut contents: Vec<TableContent> = tables
        .iter()
        .map(|table| TableContent {
            hashed: Hashed::empty(table.copy.columns.len(), table.key.is_some()),
            bytes: 0,
        })
        .collect();
    collect(&mut workers, &work, &mut contents).await?;
    Ok(contents)
}

/// Waits for the workers. The first error is the one that counts: the others only stopped.
async fn collect(
    workers: &mut JoinSet<Result<Vec<Read>, EngineError>>,
    work: &Work,
    contents: &mut [TableContent],
) -> Result<(), EngineError> {
    let mut first_error = None;
    while let Some(joined) = workers.join_next().await {
        match joined.unwrap_or(Err(EngineError::Cancelled)) {
            Ok(reads) => {
                for read in reads {
                    let content = &mut contents[read.table];
                    content.hashed.merge(&read.hashed);
                    content.bytes += read.bytes;
                }
            }
            Err(error) => {
                work.stop.cancel();
                match &first_error {
                    None | Some(EngineError::Cancelled) => first_error = Some(error),
                    Some(_) => {}
                }
            }
        }
    }
    match first_error {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

async fn worker(work: Arc<Work>, session: Session) -> Result<Vec<Read>, EngineError> {
    let mut reads = Vec::new();
    loop {
        let index = work.next.fetch_add(1, Ordering::Relaxed);
        let Some(share) = work.shares.get(index) else {
            return Ok(reads);
        };
        let read = tokio::select! {
            read = read_share(&work, &session, share) => read,
            () = work.stop.cancelled() => Err(EngineError::Cancelled),
        };
        match read {
            Ok(read) => reads.push(read),
            Err(error) => {
                work.stop.cancel();
                return Err(error);
            }
        }
    }
}

async fn read_share(work: &Work, session: &Session, share: &Share) -> Result<Read, EngineError> {
    let table = &work.tables[share.table];
    let failed = |error| copy_failure(&work.target, table, error);
    let garbled = |problem: RowError| EngineError::Garbled {
        tool: format!("COPY of {}", table.object),
        problem: problem.to_string(),
    };
    session
        .batch_execute(&format!(
            "LOCK TABLE ONLY {} IN ACCESS SHARE MODE NOWAIT",
            table.object
        ))
        .await
        .map_err(failed)?;
    let rows = session
        .copy_out(&share.statement(table))
        .await
        .map_err(failed)?;
    tokio::pin!(rows);
    let mut hasher = RowHasher::new(table.copy.columns.len(), table.key.clone());
    let mut writer: Box<dyn StreamWriter> = work.sink.stream(table.stream);
    let mut bytes = 0_u64;
    let mut reported = (0_u64, 0_u64);
    while let Some(data) = rows.next().await {
        let data = data.map_err(failed)?;
        hasher.rows(&data).map_err(garbled)?;
        bytes += data.len() as u64;
        if writer.push(&data)? {
            writer.drain().await?;
        }
        if bytes - reported.0 >= REPORT_EVERY {
            let rows = hasher.count();
            work.context
                .progress
                .advance(bytes - reported.0, rows - reported.1);
            reported = (bytes, rows);
        }
    }
    writer.finish().await?;
    let hashed = hasher.finish().map_err(garbled)?;
    work.context
        .progress
        .advance(bytes - reported.0, hashed.rows - reported.1);
    Ok(Read {
        table: share.table,
        hashed,
        bytes,
    })
}

/// Says what a refused COPY means, naming the table.
fn copy_failure(target: &Target, table: &TableRead, error: tokio_postgres::Error) -> EngineError {
    let moved = |how: &str| EngineError::Moved {
        table: table.object.clone(),
        database: target.database().to_owned(),
        how: how.to_owned(),
    };
    if has_code(&error, &SqlState::LOCK_NOT_AVAILABLE) {
        return EngineError::Locked {
            table: table.object.clone(),
            database: target.database().to_owned(),
            holders: Vec::new(),
        };
    }
    if has_code(&error, &SqlState::UNDEFINED_TABLE) || has_code(&error, &SqlState::UNDEFINED_SCHEMA)
    {
        return moved("dropped or renamed");
    }
    if has_code(&error, &SqlState::UNDEFINED_COLUMN) {
        return moved("altered");
    }
    if has_code(&error, &SqlState::INSUFFICIENT_PRIVILEGE)
        && error
            .as_db_error()
            .is_some_and(|e| e.message().contains("row-level security"))
    {
        return EngineError::Unsupported {
            what: format!(
                "row security would hide rows of {} of {} from this role",
                table.object,
                target.database()
            ),
            advice: format!(
                "connect as the owner of {}, or as a role with BYPASSRLS",
                table.object
            ),
        };
    }
    sql(
        target,
        format!(
            "the rows of {} of {} could not be read",
            table.object,
            target.database()
        ),
    )(error)
}
