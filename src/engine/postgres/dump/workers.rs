//! Reading many relations at once: each worker has a session on the shared snapshot, hashes
//! and stores rows inline as they stream by. What an earlier snapshot holds already is first
//! looked through for writes ([`untouched`](super::untouched)).

use std::collections::{HashMap, HashSet};
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
use super::untouched::{self, Counted, Known, add_up};

/// Progress is told this often (bytes): a virtual call a row would show in the figures.
const REPORT_EVERY: u64 = 1 << 20;

/// What there is to do for the workers.
#[derive(Clone, Copy)]
enum Task {
    /// Hash rows and hand them over.
    Read,
    /// Count rows, and those that were written since this transaction.
    Count(u64),
}

/// What all rounds of work have in common.
#[derive(Clone)]
pub(super) struct Basis {
    pub tables: Arc<Vec<TableRead>>,
    sink: Arc<dyn Sink>,
    pub target: Target,
    pub context: Context,
}

/// Relations and what to do with them; shared by the workers.
pub(super) struct Work {
    pub basis: Basis,
    shares: Vec<Share>,
    next: AtomicUsize,
    task: Task,
    /// Ended when one worker fails, so that the others stop.
    stop: CancellationToken,
}

/// What came of one share.
enum Done {
    Read(usize, TableContent),
    Counted(usize, Counted),
}

/// What one table held: its hashes and the bytes of its COPY text.
#[derive(Clone)]
pub(in super::super) struct TableContent {
    /// Count and fingerprints.
    pub hashed: Hashed,
    /// Uncompressed bytes.
    pub bytes: u64,
}

/// What all tables held.
pub(in super::super) struct Contents {
    /// One for each table.
    pub tables: Vec<TableContent>,
    /// So many of them were not read but taken over.
    pub untouched: u64,
    /// Tables that have grown and lost nothing, by index: their names in the earlier snapshot.
    pub kept: HashMap<usize, String>,
}

/// Reads all `tables` into `sink`, but for those of which nobody touched what is `known`.
pub(in super::super) async fn read_all(
    context: &Context,
    target: &Target,
    control: &Control,
    tables: Arc<Vec<TableRead>>,
    sink: Arc<dyn Sink>,
    known: Option<Known>,
) -> Result<Contents, EngineError> {
    let basis = Basis {
        tables,
        sink,
        target: target.clone(),
        context: context.clone(),
    };
    let all = basis.shares(|_| true).len();
    let mut sessions = Vec::new();
    for _ in 0..context.jobs.min(all).max(1) {
        sessions.push(open_worker(context, target, control).await?);
    }
    let mut held: Vec<Option<TableContent>> = vec![None; basis.tables.len()];
    let mut sums = HashMap::new();
    if let Some(known) = known.as_ref().filter(|known| known.spare) {
        let wanted = |table| known.holds(table);
        sessions = count(&basis, known.since, wanted, &mut sums, sessions).await?;
        held = known.untouched(&sums);
    }
    let touched = basis.work(Task::Read, |table| held[table].is_none());
    let (read, sessions) = work_off(&touched, sessions).await?;
    let untouched = held.iter().flatten().count() as u64;
    let mut contents: Vec<TableContent> = basis
        .tables
        .iter()
        .zip(held)
        .map(|(table, held)| held.unwrap_or_else(|| TableContent::empty(table)))
        .collect();
    for (table, part) in read.into_iter().filter_map(Done::read) {
        contents[table].hashed.merge(&part.hashed);
        contents[table].bytes += part.bytes;
    }
    if let Some(known) = &known {
        let counted: HashSet<usize> = sums.keys().copied().collect();
        let grown = |table| {
            !counted.contains(&table) && known.has_grown(table, contents[table].hashed.rows)
        };
        count(&basis, known.since, grown, &mut sums, sessions).await?;
    }
    Ok(Contents {
        tables: contents,
        untouched,
        kept: known.map_or_else(HashMap::new, |known| known.kept(&sums)),
    })
}

/// Counts the rows of the tables that are wanted, and adds them to `sums`.
async fn count(
    basis: &Basis,
    since: u64,
    wanted: impl Fn(usize) -> bool,
    sums: &mut HashMap<usize, Counted>,
    sessions: Vec<Session>,
) -> Result<Vec<Session>, EngineError> {
    let work = basis.work(Task::Count(since), wanted);
    let (counted, sessions) = work_off(&work, sessions).await?;
    add_up(sums, counted.into_iter().filter_map(Done::counted));
    Ok(sessions)
}

impl Basis {
    fn shares(&self, wanted: impl Fn(usize) -> bool) -> Vec<Share> {
        shares(&self.tables, self.context.jobs, wanted)
    }

    /// A round of work on the tables that are wanted.
    fn work(&self, task: Task, wanted: impl Fn(usize) -> bool) -> Arc<Work> {
        Arc::new(Work {
            shares: self.shares(wanted),
            next: AtomicUsize::new(0),
            task,
            stop: self.context.cancel.child_token(),
            basis: self.clone(),
        })
    }
}

impl Done {
    fn read(self) -> Option<(usize, TableContent)> {
        match self {
            Self::Read(table, content) => Some((table, content)),
            Self::Counted(..) => None,
        }
    }

    fn counted(self) -> Option<(usize, Counted)> {
        match self {
            Self::Counted(table, counted) => Some((table, counted)),
            Self::Read(..) => None,
        }
    }
}

impl TableContent {
    fn empty(table: &TableRead) -> Self {
        Self {
            hashed: Hashed::empty(table.copy.columns.len(), table.key.is_some()),
            bytes: 0,
        }
    }
}

/// Does all of it, and gives the sessions back. The first error is the one that counts: the
/// other workers only stopped.
async fn work_off(
    work: &Arc<Work>,
    sessions: Vec<Session>,
) -> Result<(Vec<Done>, Vec<Session>), EngineError> {
    let mut workers = JoinSet::new();
    for session in sessions {
        workers.spawn(worker(Arc::clone(work), session));
    }
    let (mut done, mut sessions, mut first_error) = (Vec::new(), Vec::new(), None);
    while let Some(joined) = workers.join_next().await {
        match joined.unwrap_or(Err(EngineError::Cancelled)) {
            Ok((own, session)) => {
                done.extend(own);
                sessions.push(session);
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
        None => Ok((done, sessions)),
    }
}

async fn worker(work: Arc<Work>, session: Session) -> Result<(Vec<Done>, Session), EngineError> {
    let mut done = Vec::new();
    loop {
        let index = work.next.fetch_add(1, Ordering::Relaxed);
        let Some(share) = work.shares.get(index) else {
            return Ok((done, session));
        };
        let acted = tokio::select! {
            acted = act(&work, &session, share) => acted,
            () = work.stop.cancelled() => Err(EngineError::Cancelled),
        };
        match acted {
            Ok(one) => done.push(one),
            Err(error) => {
                work.stop.cancel();
                if let Task::Count(_) = work.task {
                    // A count sends nothing, so the server would not notice that nobody waits.
                    let _ = session.cancel_handle().cancel().await;
                }
                return Err(error);
            }
        }
    }
}

async fn act(work: &Work, session: &Session, share: &Share) -> Result<Done, EngineError> {
    let table = &work.basis.tables[share.table];
    session
        .batch_execute(&format!(
            "LOCK TABLE ONLY {} IN ACCESS SHARE MODE NOWAIT",
            table.object
        ))
        .await
        .map_err(|error| failure(&work.basis.target, table, error))?;
    match work.task {
        Task::Read => read_share(work, session, share).await,
        Task::Count(since) => untouched::count(work, session, share, since)
            .await
            .map(|counted| Done::Counted(share.table, counted)),
    }
}

async fn read_share(work: &Work, session: &Session, share: &Share) -> Result<Done, EngineError> {
    let table = &work.basis.tables[share.table];
    let failed = |error| failure(&work.basis.target, table, error);
    let garbled = |problem: RowError| EngineError::Garbled {
        tool: format!("COPY of {}", table.object),
        problem: problem.to_string(),
    };
    let rows = session
        .copy_out(&share.statement(table))
        .await
        .map_err(failed)?;
    tokio::pin!(rows);
    let mut hasher = RowHasher::new(table.copy.columns.len(), table.key.clone());
    let mut writer: Box<dyn StreamWriter> = work.basis.sink.stream(table.stream);
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
            work.basis
                .context
                .progress
                .advance(bytes - reported.0, rows - reported.1);
            reported = (bytes, rows);
        }
    }
    writer.finish().await?;
    let hashed = hasher.finish().map_err(garbled)?;
    work.basis
        .context
        .progress
        .advance(bytes - reported.0, hashed.rows - reported.1);
    Ok(Done::Read(share.table, TableContent { hashed, bytes }))
}

/// Says what a refused statement means, naming the table.
pub(super) fn failure(
    target: &Target,
    table: &TableRead,
    error: tokio_postgres::Error,
) -> EngineError {
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
