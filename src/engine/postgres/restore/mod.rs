//! Building a copy: the vendor's tool makes the definitions, our sessions load the rows.

pub(super) mod create;
mod plan;
pub(super) mod preflight;
mod schedule;
mod tool_errors;
mod vendor;
mod workers;

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::connection::Target;
use crate::engine::postgres::toc::{self, Toc};
use crate::engine::{Context, DatabaseCopy, EngineError, RestoreRequest};
use crate::snapshot::{DatabaseFacts, ObjectKind, Snapshot, Source};

use super::catalog::{self, Include};
use super::dump::control::application_name;
use super::redaction::redacted;
use super::server;
use super::sql_error::sql;
use super::{copies, derived};

/// Builds a disposable copy of what `request` wants of `source`.
pub(super) async fn as_asked(
    context: &Context,
    source: Arc<dyn Source>,
    on: &Target,
    request: &RestoreRequest,
) -> Result<DatabaseCopy, EngineError> {
    let derived = derived::derive(source, request).await?;
    let copy = restore(context, derived.source, on, request).await?;
    Ok(DatabaseCopy {
        notes: derived.notes.into_iter().chain(copy.notes).collect(),
        left_out: derived.left_out,
        ..copy
    })
}

/// Builds a disposable copy of `source` on the server of `on`. If anything fails the
/// half-built copy is taken away again.
pub(super) async fn restore(
    context: &Context,
    source: Arc<dyn Source>,
    on: &Target,
    request: &RestoreRequest,
) -> Result<DatabaseCopy, EngineError> {
    let session = server::maintenance(context, on).await?;
    let facts = server::facts(&session, on).await?;
    let snapshot = source.snapshot();
    preflight::check(&session, &facts, on, snapshot, request).await?;
    let toc = contents(source.as_ref()).await?;
    vendor::pg_restore(context, &toc.0, facts.version_num).await?;
    let mut copy = create::create(context, &session, &facts, on, snapshot, request).await?;
    match fill(context, &source, &toc, &mut copy).await {
        Ok(()) => {
            copy.finishing = finishing(&snapshot.database, request);
            Ok(copy)
        }
        Err(error) => {
            let name = copy.name.clone();
            Err(match copies::discard(context, copy).await {
                Ok(()) => error,
                Err(left) => {
                    context.progress.note(&format!(
                        "the unfinished copy may still be there, see bookend status; then: bookend copies drop {name}"
                    ));
                    left_behind(error, &left)
                }
            })
        }
    }
}

/// What would keep bookend itself from working on the copy: its owner and its limit of
/// connections. Done under the asked name, when it is published.
fn finishing(database: &DatabaseFacts, request: &RestoreRequest) -> Vec<String> {
    let Some(into) = &request.into else {
        return Vec::new();
    };
    let facts = DatabaseFacts {
        owner: database.owner.clone(),
        connection_limit: database.connection_limit,
        ..DatabaseFacts::default()
    };
    let include = Include {
        owner: !request.no_owner,
        grants: false,
        comment: false,
    };
    catalog::database_sql(&facts, into, include)
}

/// The failure, and that the half-built copy could not be taken away.
fn left_behind(error: EngineError, left: &EngineError) -> EngineError {
    match error {
        EngineError::Restore {
            what,
            mut reasons,
            advice,
        } => {
            reasons.push(format!("the unfinished copy is still there: {left}"));
            EngineError::Restore {
                what,
                reasons,
                advice,
            }
        }
        other => other,
    }
}

/// The archive's table of contents, understood and as bytes.
pub(super) async fn contents(source: &dyn Source) -> Result<(Toc, Vec<u8>), EngineError> {
    let Some(bytes) = source.member("toc.dump").await? else {
        return Err(EngineError::Garbled {
            tool: "the archive".to_owned(),
            problem: "it has no toc.dump".to_owned(),
        });
    };
    let toc = toc::parse(&bytes).map_err(|problem| EngineError::Garbled {
        tool: "pg_dump".to_owned(),
        problem: problem.to_string(),
    })?;
    Ok((toc, bytes))
}

async fn fill(
    context: &Context,
    source: &Arc<dyn Source>,
    (toc, bytes): &(Toc, Vec<u8>),
    copy: &mut DatabaseCopy,
) -> Result<(), EngineError> {
    let with_data = !copy.request.schema_only;
    let progress = &context.progress;
    progress.status("definitions");
    let notes = vendor::pre_data(context, toc, bytes, copy).await?;
    copy.notes.extend(notes);
    run_member(context, source.as_ref(), copy, "before_data.sql").await?;
    let plan = plan::plan(toc, source.as_ref(), context.jobs, copy.request.schema_only);
    let rest = plan.rest.clone();
    let large_objects = async {
        if with_data {
            vendor::large_objects(context, toc, source.as_ref(), copy).await
        } else {
            Ok(())
        }
    };
    tokio::try_join!(
        workers::carry_out(context, &copy.target, Arc::clone(source), plan),
        large_objects,
    )?;
    if with_data {
        run_member(context, source.as_ref(), copy, "sequences.sql").await?;
    }
    progress.status("triggers, policies, grants and what else remains");
    let notes = vendor::rest(context, toc, bytes, &rest, copy).await?;
    copy.notes.extend(notes);
    database_level(context, copy, source.snapshot()).await?;
    // The functions of held-back constraints may rely on the database's own search_path.
    run_member(context, source.as_ref(), copy, "after_data.sql").await?;
    if with_data {
        progress.status("statistics");
        analyze(context, copy, source.snapshot()).await?;
    }
    Ok(())
}

/// Runs a small script of the archive's on the copy.
async fn run_member(
    context: &Context,
    source: &dyn Source,
    copy: &DatabaseCopy,
    name: &str,
) -> Result<(), EngineError> {
    let Some(bytes) = source.member(name).await? else {
        return Ok(());
    };
    let text = String::from_utf8(bytes).map_err(|_| EngineError::Garbled {
        tool: "the archive".to_owned(),
        problem: format!("{name} is not text"),
    })?;
    if text.trim().is_empty() {
        return Ok(());
    }
    let session = if name == "after_data.sql" {
        workers::plain_session(context, &copy.target).await?
    } else {
        workers::session(context, &copy.target).await?
    };
    tokio::select! {
        done = session.batch_execute(&text) => {
            done.map_err(|error| workers::refusal(&copy.target, &format!("what {name} says"), error))
        }
        () = context.cancel.cancelled() => Err(EngineError::Cancelled),
    }
}

/// Tables are given to `ANALYZE` in batches, by several sessions.
const ANALYZE_BATCH: usize = 50;

/// Gives the planner statistics, so that a rehearsal on the copy is like the real thing.
async fn analyze(
    context: &Context,
    copy: &DatabaseCopy,
    snapshot: &Snapshot,
) -> Result<(), EngineError> {
    let mut tables: Vec<(u64, String)> = snapshot
        .objects
        .iter()
        .filter(|o| matches!(o.kind, ObjectKind::Table | ObjectKind::MaterializedView))
        .map(|o| (o.content.as_ref().map_or(0, |c| c.rows), o.name.clone()))
        .collect();
    // The largest first, dealt out like cards, so that the batches weigh about the same.
    tables.sort_by(|a, b| b.cmp(a));
    let batches = tables.len().div_ceil(ANALYZE_BATCH).max(context.jobs);
    let mut statements = vec![Vec::new(); batches];
    for (index, (_, name)) in tables.into_iter().enumerate() {
        statements[index % batches].push(name);
    }
    let queue = Arc::new(std::sync::Mutex::new(statements));
    let mut workers = JoinSet::new();
    for _ in 0..context.jobs.max(1) {
        let session = workers::session(context, &copy.target).await?;
        let queue = Arc::clone(&queue);
        let target = copy.target.clone();
        workers.spawn(async move {
            loop {
                let Some(batch) = queue.lock().ok().and_then(|mut queue| queue.pop()) else {
                    return Ok(());
                };
                if batch.is_empty() {
                    continue;
                }
                session
                    .batch_execute(&format!("ANALYZE {}", batch.join(", ")))
                    .await
                    .map_err(sql(&target, "the copy's statistics could not be gathered"))?;
            }
        });
    }
    while let Some(joined) = workers.join_next().await {
        if context.cancel.is_cancelled() {
            return Err(EngineError::Cancelled);
        }
        joined.unwrap_or(Err(EngineError::Cancelled))?;
    }
    Ok(())
}

/// Settings, grants and comment of the database itself, under its new name. Late, because they
/// change what later sessions see. Its owner and connection limit wait until it is published.
pub(super) async fn database_level(
    context: &Context,
    copy: &DatabaseCopy,
    snapshot: &Snapshot,
) -> Result<(), EngineError> {
    let session = copy
        .target
        .postgres()?
        .connect_maintenance(&application_name(context))
        .await?;
    let facts = DatabaseFacts {
        connection_limit: -1,
        ..snapshot.database.clone()
    };
    let include = Include {
        owner: false,
        grants: !copy.request.no_privileges,
        comment: false,
    };
    for statement in catalog::database_sql(&facts, &copy.name, include) {
        session
            .batch_execute(&statement)
            .await
            .map_err(|error| workers::refusal(&copy.target, &redacted(&statement), error))?;
    }
    copies::remark(
        &session,
        copy,
        Clone::clone,
        snapshot.database.comment.as_deref(),
    )
    .await
}
