//! Reading a database: pg_dump decides what and how, our sessions carry the rows.

pub(super) mod contents;
pub(super) mod control;
pub(super) mod copy_statement;
pub(super) mod large_objects;
mod locks;
mod monitor;
pub(super) mod table;
pub(super) mod untouched;
pub(super) mod workers;

use std::sync::Arc;

use chrono::Utc;

use crate::connection::Target;
use crate::engine::{Context, DumpRequest, EngineError};
use crate::snapshot::{Sink, Snapshot};

use super::{assemble, kit};
use contents::{Complaint, Contents};
use control::Control;
use monitor::Monitor;
use table::TableRead;

/// A backup starts over so many times when a table is rewritten between its snapshot and its
/// locks, then it fails by name.
const ATTEMPTS: usize = 4;

/// Everything that is held while the rows are read.
struct Held {
    control: Control,
    contents: Contents,
    /// Shows who is in the way and how old the snapshot is, until it is dropped.
    _monitor: Monitor,
    tables: Vec<TableRead>,
    taken_at: chrono::DateTime<Utc>,
}

/// Reads `target` into `sink`.
pub(super) async fn dump(
    context: &Context,
    target: &Target,
    request: &DumpRequest,
    sink: Arc<dyn Sink>,
) -> Result<Snapshot, EngineError> {
    let mut held = hold(context, target, request).await?;
    let facts = assemble::facts(&held.control, target, &held.contents.toc).await?;
    // Our own locks stand: pg_dump's work is done.
    held.contents.release().await;
    let mut tables = std::mem::take(&mut held.tables);
    let excluded = exclude(&mut tables, &request.exclude_data);
    if let Some(wanted) = &request.data_of {
        tables.retain(|table| wanted.contains(&table.object));
    }
    store_small_members(
        &held.contents,
        &tables,
        &facts,
        held.control.client_encoding(),
        sink.as_ref(),
    )
    .await?;
    let tables = Arc::new(tables);
    let known = request.since.as_ref().and_then(|before| {
        let identity = facts.server.identity.as_deref();
        untouched::Known::new(before, &held.control, identity, &tables, request.spare)
    });
    let read = tokio::try_join!(
        workers::read_all(
            context,
            target,
            &held.control,
            Arc::clone(&tables),
            Arc::clone(&sink),
            known,
        ),
        read_large_objects(context, target, &held.control, request, Arc::clone(&sink)),
    );
    let (contents, large_objects) = match read {
        Ok(read) => read,
        Err(error) => return Err(monitor::name_rivals(context, target, error).await),
    };
    Ok(assemble::snapshot(assemble::Parts {
        target,
        control: &held.control,
        taken_at: held.taken_at,
        toc: &held.contents.toc,
        tool: &held.contents.tool,
        facts,
        tables: &tables,
        contents,
        large_objects,
        excluded,
        schema_only: request.schema_only,
    }))
}

/// Snapshot, table of contents and locks, until nothing moved in between.
async fn hold(
    context: &Context,
    target: &Target,
    request: &DumpRequest,
) -> Result<Held, EngineError> {
    let mut attempt = 1;
    loop {
        match try_hold(context, target, request).await {
            Err(EngineError::Moved { table, how, .. }) if attempt < ATTEMPTS => {
                context.progress.note(&format!(
                    "{table} was {how} just after the snapshot was taken; starting over"
                ));
                attempt += 1;
            }
            other => return other,
        }
    }
}

async fn try_hold(
    context: &Context,
    target: &Target,
    request: &DumpRequest,
) -> Result<Held, EngineError> {
    let control = Control::open(context, target).await?;
    let taken_at = Utc::now();
    let monitor = Monitor::start(context, target, control.pid).await?;
    let contents = match contents::read(context, target, &control, request).await {
        Ok(contents) => contents,
        Err(error) => return Err(explain_complaint(context, target, &monitor, error).await),
    };
    let oids: Vec<u32> = contents
        .toc
        .entries
        .iter()
        .filter(|entry| entry.desc == "TABLE" || entry.desc == "TABLE DATA")
        .map(|entry| entry.oid)
        .collect();
    let lockable = locks::lockable(&control, target, &oids).await?;
    locks::lock_all(context, &control, target, &lockable)
        .await
        .map_err(|error| monitor.explain(error))?;
    if let Some((table, how)) = locks::first_moved(context, &control, target, &lockable).await? {
        return Err(EngineError::Moved {
            table,
            database: target.database().to_owned(),
            how: how.to_owned(),
        });
    }
    let tables = table::tables(&control, target, &contents.toc).await?;
    Ok(Held {
        control,
        contents,
        _monitor: monitor,
        tables,
        taken_at,
    })
}

/// Who was in the way of pg_dump, which does not say it: as seen while it waited, else by who
/// is in the way now.
async fn locked(context: &Context, target: &Target, monitor: &Monitor) -> EngineError {
    let waiting = match monitor.waiting() {
        Some(waiting) => Some(waiting),
        None => monitor::rivals(context, target, None).await,
    };
    let (table, holders) = waiting.map_or_else(
        || ("one of the tables".to_owned(), Vec::new()),
        |waiting| (waiting.table, waiting.holders),
    );
    EngineError::Locked {
        table,
        database: target.database().to_owned(),
        holders,
    }
}

async fn explain_complaint(
    context: &Context,
    target: &Target,
    monitor: &Monitor,
    error: EngineError,
) -> EngineError {
    let database = target.database().to_owned();
    match contents::complaint(&error) {
        Some(Complaint::TooManyLocks) => {
            let tables = locks::count_tables(target).await.unwrap_or(0);
            monitor::too_many_locks(target, tables).await
        }
        Some(Complaint::Locked) => locked(context, target, monitor).await,
        Some(Complaint::Moved) => EngineError::Moved {
            table: "one of the tables".to_owned(),
            database,
            how: "dropped or renamed".to_owned(),
        },
        None => error,
    }
}

/// Takes out the tables whose rows were asked to stay out; gives their names.
fn exclude(tables: &mut Vec<TableRead>, patterns: &[String]) -> Vec<String> {
    let mut names = Vec::new();
    tables.retain(|table| {
        let out = patterns
            .iter()
            .any(|pattern| crate::snapshot::glob_matches(pattern, &table.object));
        if out {
            names.push(table.object.clone());
        }
        !out
    });
    names
}

/// The members that a restore reads first: the vendor's table of contents, each stream's COPY
/// statement, and what the table of contents cannot carry.
async fn store_small_members(
    contents: &Contents,
    tables: &[TableRead],
    facts: &assemble::Facts,
    encoding: &str,
    sink: &dyn Sink,
) -> Result<(), EngineError> {
    sink.member("toc.dump", contents.bytes.clone()).await?;
    for table in tables {
        let name = format!("{}/copy.sql", table.stream.folder());
        let text = kit::copy_script(&table.statement, encoding);
        sink.member(&name, text.into_bytes()).await?;
    }
    let catalog = &facts.catalog;
    for (name, text) in [
        (
            "create.sql",
            kit::create_script(&catalog.database, facts.server.version_num),
        ),
        ("before_data.sql", script(&catalog.held_back.before_data)),
        ("sequences.sql", assemble::sequences_script(&contents.toc)),
        ("after_data.sql", script(&catalog.held_back.after_data)),
        ("database.sql", kit::database_script(&catalog.database)),
    ] {
        sink.member(name, text.into_bytes()).await?;
    }
    Ok(())
}

/// Statements, each on lines of its own with its semicolon.
fn script(statements: &[String]) -> String {
    statements.iter().map(|s| format!("{s};\n")).collect()
}

async fn read_large_objects(
    context: &Context,
    target: &Target,
    control: &Control,
    request: &DumpRequest,
    sink: Arc<dyn Sink>,
) -> Result<(crate::snapshot::LargeObjects, u64), EngineError> {
    if request.schema_only {
        return Ok((crate::snapshot::LargeObjects::default(), 0));
    }
    large_objects::read(context, target, control, sink).await
}
