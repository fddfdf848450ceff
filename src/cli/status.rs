//! `bookend status`.

use std::fs;

use super::error::failure_of;
use super::run::writer_lock;
use super::{Exit, Failure, Invocation, Outcome};
use crate::bracket::history::Writer;
use crate::bracket::journal::JOURNAL;
use crate::bracket::survey::{FoundRun, Partial, survey};
use crate::operation::OperationError;
use crate::operation::sandbox::{self, SandboxLeft};
use crate::report::run::{LeftBehind, StatusReport, status_json, status_text};
use crate::store::{Store, StoreError};

const EXAMPLES: &str = "\
Examples:
  bookend status
  bookend status latest --json | jq -r .state
  bookend status 20261120T043512Z-shop";

/// What ran, what is running, what a crash left behind
///
/// Reads the journals in the store; connects to nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Only this run: its id, a unique prefix, or latest
    run: Option<String>,
}

/// Tells the state of runs.
pub async fn run(invocation: &Invocation, args: Args) -> Result<Outcome, Failure> {
    let folder = invocation.store_folder();
    // Looking must not make the folder.
    let status = if folder.is_dir() {
        look(&*invocation.store()?).await?
    } else {
        StatusReport::default()
    };
    let status = match &args.run {
        Some(word) => only(status, word)?,
        None => status,
    };
    Ok(Outcome::new(status_text(&status), status_json(&status)))
}

async fn look(store: &Store) -> Result<StatusReport, Failure> {
    let mut found = Vec::new();
    for run in store.runs().map_err(failure)? {
        found.push(found_run(store, run)?);
    }
    let mut unsettled = store.unsettled().map_err(failure)?;
    // Somebody still works on it.
    unsettled.retain(|made| !store.is_held(&made.name));
    let sandboxes = sandbox::left(store).await;
    let sandboxes = sandboxes.map_err(|error| failure_of(&error))?;
    // Databases of a private server go with it.
    unsettled.retain(|made| {
        made.identity.is_none()
            || sandboxes
                .iter()
                .all(|sandbox| sandbox.made.identity != made.identity)
    });
    let partials: Vec<Partial> = store
        .leftovers()
        .map_err(failure)?
        .into_iter()
        .map(|left| Partial {
            path: left.path.display().to_string(),
            bytes: left.bytes,
            outside: left.outside,
        })
        .collect();
    let mut status = survey(&found, &unsettled, &partials);
    status
        .left_behind
        .extend(sandboxes.iter().map(left_sandbox));
    Ok(status)
}

fn left_sandbox(left: &SandboxLeft) -> LeftBehind {
    let made = &left.made;
    let state = match (left.here, left.folder, left.processes.as_slice()) {
        (false, _, _) => format!("on the machine {}", made.host),
        (true, false, []) => "nothing of it is left".to_owned(),
        (true, true, []) => "its folder is still there".to_owned(),
        (true, _, processes) => {
            let ids: Vec<String> = processes.iter().map(ToString::to_string).collect();
            format!("still running as process {}", ids.join(", "))
        }
    };
    LeftBehind {
        kind: "sandbox".to_owned(),
        name: made.folder.display().to_string(),
        run: Some(made.run.clone()),
        advice: format!(
            "a private {} for {}, made {} by a command that did not end in order (process {}): {state}; the next backup, abort or sandbox proof with this store removes it",
            made.server,
            made.archive,
            made.made.format("%Y-%m-%dT%H:%M:%SZ"),
            made.process,
        ),
    }
}

/// A run's folder, and whether its process is there.
pub(super) fn found_run(store: &Store, run: String) -> Result<FoundRun, Failure> {
    // The writer is looked for first: one that ends in between has then written its end.
    let writer = match store.lock(&writer_lock(&run), "status") {
        Err(StoreError::Busy { .. }) => Writer::Alive,
        Ok(_) => Writer::Gone,
        Err(error) => return Err(failure(error)),
    };
    let folder = store.dir().join("runs").join(&run);
    let path = folder.join(JOURNAL);
    let report = folder.join("report.json");
    Ok(FoundRun {
        run,
        journal: fs::read(&path).ok(),
        path: path.display().to_string(),
        report: report.is_file().then(|| report.display().to_string()),
        writer,
    })
}

/// The one run that a word means.
fn only(mut status: StatusReport, word: &str) -> Result<StatusReport, Failure> {
    let named = |run: &str| run == word || (word != "latest" && run.starts_with(word));
    if word == "latest" {
        status.runs.truncate(1);
        status.unreadable.clear();
    } else if status.runs.iter().any(|told| told.run == word) {
        status.runs.retain(|told| told.run == word);
        status.unreadable.clear();
    } else {
        status.runs.retain(|told| named(&told.run));
        status.unreadable.retain(|told| named(&told.run));
    }
    match status.runs.len() + status.unreadable.len() {
        1 => {
            let runs: Vec<&str> = status.runs.iter().map(|told| told.run.as_str()).collect();
            status
                .left_behind
                .retain(|left| left.run.as_deref().is_some_and(|run| runs.contains(&run)));
            Ok(status)
        }
        0 => Err(Failure::new(
            Exit::Usage,
            "no-such-run",
            format!("no run is called {word}"),
        )
        .hint("bookend status")),
        _ => {
            let candidates: Vec<String> = status.runs.into_iter().map(|told| told.run).collect();
            Err(Failure::new(
                Exit::Usage,
                "ambiguous-run",
                format!("{word} could be several runs"),
            )
            .because(candidates))
        }
    }
}

fn failure(error: StoreError) -> Failure {
    failure_of(&OperationError::from(error))
}
