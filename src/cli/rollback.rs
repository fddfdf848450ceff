//! `bookend rollback`.

mod choose;
mod told;

use super::error::failure_of;
use super::run::{hold_in_store, hold_on_servers, release, writer_lock};
use super::words::{self, ArchiveOrigin};
use super::{Exit, Failure, Invocation, Outcome};
use crate::bracket::journal::PlannedTarget;
use crate::connection::{ConnectionError, Target};
use crate::engine::EngineError;
use crate::operation::rollback::{DIARY, Diary, Ended, Options, Past, Subject, drive, read};
use crate::operation::{self, OperationError, Workspace};
use crate::snapshot::Source as _;
use crate::store::{RunFolder, StoreError, StoreLock};
use choose::Chosen;
use told::StepLines;

const EXAMPLES: &str = "\
Examples:
  bookend rollback                       (the latest run that may have changed its target)
  bookend rollback 20261120T043512Z-shop --end-sessions
  bookend rollback latest --no-swap

The archive from before is restored beside and proven first. Then others are kept out, what was written
since is exported into the store, and the two databases change names; the failed one is kept as
NAME_failed_TIME. A rollback that was cut off is finished or undone by the next one.

Exit codes: 0 rolled back, or nothing to do · 1 failed · 3 the archive does not restore to the same
content · 4 refused, everything is as it was: sessions are in the way, or it cannot be renamed";

/// Put the before-backup back, keep the failed database
///
/// Nothing is dropped or overwritten: the database as it is now stays under another name.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The run: its id, a unique prefix, or latest [default: the latest that may have changed its target]
    run: Option<String>,

    /// End the sessions that are in the way
    #[arg(long)]
    end_sessions: bool,

    /// Leave the database where it is; publish the proven copy beside it and say how to re-point
    #[arg(long)]
    no_swap: bool,

    /// Do not export what was written since; it stays in the kept database only
    #[arg(long)]
    discard_writes: bool,
}

/// Rolls a run back.
pub async fn run(invocation: &Invocation, args: Args) -> Result<Outcome, Failure> {
    let options = Options {
        end_sessions: args.end_sessions,
        no_swap: args.no_swap,
        discard_writes: args.discard_writes,
    };
    let mut ws = invocation.workspace("rollback")?;
    let chosen = choose::choose(&ws.store, args.run.as_deref())?;
    ws.run.clone_from(&chosen.run);
    let (folder, _writer) = take(&ws, &chosen)?;
    let past = past(&folder)?;
    if past.rolled_back && !options.no_swap {
        return Ok(told::nothing_to_do(&chosen, &past));
    }
    choose::check_touched(&chosen)?;
    for later in &chosen.later {
        invocation.screen.warning(&format!(
            "run {later} came after it: what that one did is undone too"
        ));
    }
    let mut subjects = Vec::new();
    for (index, planned) in chosen.targets.iter().enumerate() {
        subjects.push(subject(invocation, &ws, &chosen, (index, planned)).await?);
    }
    let targets: Vec<Target> = subjects.iter().map(|one| one.target.clone()).collect();
    let _store = hold_in_store(&ws, &targets)?;
    let present = present(&ws, &targets).await;
    let locks = hold_on_servers(&ws, &present, true).await?;
    let log = folder.journal(DIARY).map_err(store_failure)?;
    let diary = Diary::new(log, past);
    let lines = StepLines::new(invocation.screen, chosen.targets.len());
    lines.title(&chosen.run);
    let result = drive(&ws, subjects, options, (&diary, &lines)).await;
    release(locks).await;
    let (ended, failure) = match result {
        Ok(ended) => (ended, None),
        Err(error) => (Ended::default(), Some(failure_of(&error))),
    };
    Ok(told::outcome(&chosen, &diary.so_far(), &ended, failure))
}

/// The databases that are there: one that the migration dropped needs not be held.
async fn present(ws: &Workspace, targets: &[Target]) -> Vec<Target> {
    let mut present = Vec::new();
    for target in targets {
        let Ok(engine) = ws.engines.get(target.engine()) else {
            continue;
        };
        let seen = engine.inspect(&ws.context(), target).await;
        if !matches!(
            seen,
            Err(EngineError::Connection(
                ConnectionError::UnknownDatabase { .. }
            ))
        ) {
            present.push(target.clone());
        }
    }
    present
}

/// The run's folder, with nobody else at work on the run.
fn take(ws: &Workspace, chosen: &Chosen) -> Result<(RunFolder, StoreLock), Failure> {
    let holder = format!(
        "a rollback of {} (process {})",
        chosen.run,
        std::process::id()
    );
    let writer = ws.store.lock(&writer_lock(&chosen.run), &holder);
    let writer = writer.map_err(|error| match error {
        StoreError::Busy { holder, .. } => Failure::new(
            Exit::Refused,
            "busy",
            format!("run {} is under way: {holder}", chosen.run),
        )
        .hint("bookend status"),
        other => store_failure(other),
    })?;
    match ws.store.run(&chosen.run).map_err(store_failure)? {
        Some(folder) => Ok((folder, writer)),
        None => Err(choose::no_such_run(&chosen.run)),
    }
}

fn past(folder: &RunFolder) -> Result<Past, Failure> {
    let lines = folder.lines(DIARY).map_err(store_failure)?;
    read(&lines).map_err(|error| {
        Failure::of(Exit::Failed, "rollback-record", &error)
            .hint(format!("look at {}", folder.path().join(DIARY).display()))
    })
}

async fn subject(
    invocation: &Invocation,
    ws: &Workspace,
    chosen: &Chosen,
    (index, planned): (usize, &PlannedTarget),
) -> Result<Subject, Failure> {
    let Some(before) = chosen.before(index) else {
        return Err(Failure::new(
            Exit::Refused,
            "no-before-archive",
            format!(
                "run {} has no archive of {} from before",
                chosen.run, planned.label
            ),
        ));
    };
    let target = target(invocation, ws, before, planned).await?;
    Ok(Subject {
        target,
        before: before.into(),
        after: chosen
            .after(index)
            .map(Into::into)
            .filter(|path: &std::path::PathBuf| path.is_file()),
    })
}

/// The target by its name in the configuration, by the variable that the run found it in, or
/// the archive's own server.
async fn target(
    invocation: &Invocation,
    ws: &Workspace,
    before: &str,
    planned: &PlannedTarget,
) -> Result<Target, Failure> {
    let named = planned.origin.split_once(".toml: ").map(|(_, name)| name);
    let known = match named {
        Some(name) if invocation.config.is_target(name) => Some(invocation.target(Some(name))?),
        Some(_) => None,
        None => Target::parse(&format!("env:{}", planned.origin), &invocation.environment).ok(),
    };
    if let Some(known) = known
        && known.display_url() == planned.url
    {
        return Ok(known.with_label(&planned.label));
    }
    let archive = operation::open(std::path::Path::new(before))
        .await
        .map_err(|error| failure_of(&error))?;
    let origin = ArchiveOrigin {
        id: archive.id(),
        label: &planned.label,
        snapshot: archive.snapshot(),
    };
    words::home(invocation, ws, &origin).await
}

fn store_failure(error: StoreError) -> Failure {
    failure_of(&OperationError::from(error))
}
