//! `mongorestore` inserts the documents.

use std::time::Duration;

use tokio::time::sleep;

use crate::connection::mongodb::ToolConfig;
use crate::engine::mongodb::TOOLS_MAJOR;
use crate::engine::mongodb::definitions::CollectionDefinition;
use crate::engine::mongodb::dump::hangs;
use crate::engine::{Context, EngineError, scratch};
use crate::process::{Input, ProcessError, Running, Tool};

use super::Plan;
use super::feed::{self, Fed};
use super::repairs::is_to_be_skipped;

const MONGORESTORE: &str = "mongorestore";

/// Workers for each collection: with one, the tool waits for the server after each batch.
const INSERTION_WORKERS: usize = 4;

/// At the end of its input the tool still holds a few hundred megabytes: it may take so many
/// times longer to end than to move a byte.
const TO_END: u32 = 10;

pub(super) async fn find(context: &Context) -> Result<Tool, EngineError> {
    Ok(context.tools.find(MONGORESTORE, Some(TOOLS_MAJOR)).await?)
}

/// Feeds the archive's stream to the tool. Its words and its exit code are not believed:
/// whoever calls this counts.
pub(super) async fn run(context: &Context, plan: &Plan, tool: &Tool) -> Result<Fed, EngineError> {
    let config =
        ToolConfig::write(&plan.session, &scratch()).map_err(|source| ProcessError::Spawn {
            tool: MONGORESTORE.to_owned(),
            source,
        })?;
    let from = pattern(&plan.snapshot().database.name);
    let to = pattern(&plan.name);
    let mut running = tool
        .command()
        .arg(format!("--config={}", config.path().to_string_lossy()))
        .arg("--archive")
        // Without it what does not match is restored under its original name.
        .args(included(plan, &from))
        .arg(format!("--nsFrom={from}.*"))
        .arg(format!("--nsTo={to}.*"))
        .args(not_for_the_tool(plan, &from))
        .args(["--bypassDocumentValidation", "--keepIndexVersion"])
        // Its default waits for the journal after each batch. All is made durable at once
        // before it is counted.
        .arg("--writeConcern={w: 1, j: false}")
        // Indexes come afterwards, from the raw definitions.
        .arg("--noIndexRestore")
        .arg(format!("--numParallelCollections={}", context.jobs.max(1)))
        .arg(format!(
            "--numInsertionWorkersPerCollection={INSERTION_WORKERS}"
        ))
        .stdin(Input::Pipe)
        .spawn()?;
    let stdin = running.stdin.take();
    let fed = tokio::select! {
        biased;
        () = context.cancel.cancelled() => Err(EngineError::Cancelled),
        fed = feed::feed(context, plan, stdin) => fed,
    };
    let finished = end(context, running, &fed, plan.patience).await;
    match (fed, finished) {
        // A broken pipe is only the sign of how the tool ended.
        (Err(EngineError::Process(ProcessError::Pipe { .. })) | Ok(_), Err(error))
        | (Err(error), _) => match error {
            EngineError::Process(ProcessError::Cancelled { .. }) => Err(EngineError::Cancelled),
            error => Err(error),
        },
        (Ok(fed), Ok(())) => Ok(fed),
    }
}

async fn end(
    context: &Context,
    running: Running,
    fed: &Result<Fed, EngineError>,
    patience: Duration,
) -> Result<(), EngineError> {
    if !matches!(
        fed,
        Ok(_) | Err(EngineError::Process(ProcessError::Pipe { .. }))
    ) {
        running.terminate().await;
        return Ok(());
    }
    let late = context.cancel.child_token();
    let clock = late.clone();
    let alarm = tokio::spawn(async move {
        sleep(patience * TO_END).await;
        clock.cancel();
    });
    let finished = running.finish_unless(&late).await;
    alarm.abort();
    match finished {
        Ok(_) => Ok(()),
        Err(ProcessError::Cancelled { .. }) if !context.cancel.is_cancelled() => {
            Err(hangs(MONGORESTORE, patience * TO_END))
        }
        Err(error) => Err(error.into()),
    }
}

/// What the tool is to restore. The buckets of a time series go by a name of their own.
fn included(plan: &Plan, from: &str) -> Vec<String> {
    if plan.skipped.is_empty() {
        return vec![format!("--nsInclude={from}.*")];
    }
    let bodies = plan.held.iter().map(CollectionDefinition::body_name);
    let mut names: Vec<String> = plan.held.iter().map(|one| one.name().to_owned()).collect();
    names.extend(bodies);
    names.sort();
    names.dedup();
    names
        .iter()
        .map(|name| format!("--nsInclude={from}.{}", pattern(name)))
        .collect()
}

/// Collections whose documents are inserted by ourselves.
fn not_for_the_tool(plan: &Plan, from: &str) -> Vec<String> {
    let all = plan.held.iter().filter(|one| is_to_be_skipped(one));
    all.map(|one| format!("--nsExclude={from}.{}", pattern(one.name())))
        .collect()
}

/// A name inside a namespace pattern of the tool's.
fn pattern(name: &str) -> String {
    name.replace('\\', "\\\\").replace('*', "\\*")
}

/// What writing to the tool failed with.
pub(super) fn broken(source: std::io::Error) -> EngineError {
    ProcessError::Pipe {
        tool: MONGORESTORE.to_owned(),
        what: "writing to",
        source,
    }
    .into()
}

/// A tool that takes no byte for too long.
pub(super) fn stalled(patience: Duration) -> EngineError {
    hangs(MONGORESTORE, patience)
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn names_are_no_patterns() {
        assert_eq!(pattern("a*b"), "a\\*b");
        assert_eq!(pattern("shop"), "shop");
    }
}
