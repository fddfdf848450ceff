//! `bookend run`.

mod finish;
mod request;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;

use super::error::failure_of;
use super::words::{ProveOn, place_beside, prove_on};
use super::{Exit, Failure, Invocation, Outcome, duration};
use crate::bracket::command::{Output, Streams};
use crate::bracket::journal::JOURNAL;
use crate::bracket::live::{Live, Subject};
use crate::bracket::template::Assignment;
use crate::bracket::{Bracket, Journal, Reason, run_id};
use crate::connection::Target;
use crate::engine::Inspection;
use crate::operation::{self, Area, OperationError, Workspace};
use crate::store::{RunFolder, StoreError, StoreLock};
use finish::Explainer;
use request::Request;
pub(super) use request::writer_lock;
use watch::StepLines;

const EXAMPLES: &str = "\
Examples:
  bookend run -- python manage.py migrate            (the database in DATABASE_URL)
  bookend run shop                                   (shop's `migrate` in bookend.toml)
  bookend run postgres://app@db/shop --timeout 10m -- psql -v ON_ERROR_STOP=1 -f up.sql
  bookend run shop --check 'manage.py makemigrations --check' -- manage.py migrate

COMMAND finds its database in DATABASE_URL and PG*; every variable that names the target's URL is
pointed at it too. Rehearsal, gap and bundle are not there yet; every run says so.

Exit codes: 0 completed · 1 failed before the migration, or the backup after it failed · 3 the backup
does not restore to the same content · 4 refused · 5 COMMAND or --check failed, or its end is unknown";

/// Bracket a migration: back up, prove, migrate, back up again, compare
///
/// COMMAND starts only after a backup was restored into a copy and found identical.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The database: a URL, env:NAME, or a name from bookend.toml
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,

    /// The migration; by default the target's `migrate` in bookend.toml
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,

    /// Must exit 0 after the migration, on the target: one line for sh
    #[arg(long, value_name = "COMMAND")]
    check: Option<String>,

    /// Go on without a rehearsal, for this reason (there is none yet; the reason is recorded)
    #[arg(long, value_name = "REASON", value_parser = reason)]
    no_rehearsal: Option<Reason>,

    /// Migrate without proving the backup, for this reason
    #[arg(long, value_name = "REASON", value_parser = reason)]
    no_proof: Option<Reason>,

    /// Where the copy for the proof goes: a TARGET, or same-server
    #[arg(long, value_name = "TARGET|same-server", value_parser = prove_on)]
    prove_on: Option<ProveOn>,

    /// Go on although others write to the target, for this reason
    #[arg(long, value_name = "REASON", value_parser = reason)]
    accept_writes: Option<Reason>,

    /// Back up one point in time although others write (replica sets of MongoDB)
    #[arg(long)]
    consistent: bool,

    /// End COMMAND, and --check, if it takes longer
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    timeout: Option<Duration>,

    /// Set a variable for COMMAND; {url}, {host}, {port}, {user}, {password}, {database} are filled in; repeat
    #[arg(long, value_name = "NAME=TEMPLATE", value_parser = Assignment::parse)]
    env: Vec<Assignment>,
}

fn reason(text: &str) -> Result<Reason, String> {
    Reason::new(text).map_err(|error| error.to_string())
}

/// Brackets a migration.
pub async fn run(invocation: &Invocation, args: Args) -> Result<Outcome, Failure> {
    let target = only_target(invocation, &args)?;
    let request = Request::new(invocation, &target, &args)?;
    let place = place_beside(invocation, &target, args.prove_on.as_ref())?;
    let mut ws = invocation.workspace("run")?;
    ws.run = run_id(Utc::now(), &[target.label()], 1);
    let _held = hold(&ws, &target)?;
    let inspection = inspect(&ws, &target, request.terms.no_proof.is_none()).await?;
    let (folder, _writer) = new_run(&mut ws, &target)?;
    let journal = folder.journal(JOURNAL).map_err(store_failure)?;
    let explainer = Explainer::new(invocation.signals.clone());
    let hands = Live::new(
        ws.clone(),
        vec![Subject {
            target: target.clone(),
            place: place.clone(),
            inspection,
            consistent: args.consistent,
        }],
        request.terms.no_proof.is_none(),
        (request.migration.clone(), request.check.clone()),
        streams(invocation, &folder),
        explainer.surroundings(),
    );
    let lines = StepLines::new(invocation.screen, &ws.run);
    let plan = request.plan(&ws.run, &target, &place);
    let journal = Journal::new(Box::new(journal), Utc::now);
    let driven = match Bracket::begin(journal, plan, request.terms.clone(), &hands, &lines) {
        Ok(mut bracket) => {
            let ended = bracket.drive().await;
            finish::outcome(&folder, bracket.journal(), ended.err(), &explainer)
        }
        Err(error) => return Err(finish::unrecorded(&error)),
    };
    Ok(driven)
}

fn only_target(invocation: &Invocation, args: &Args) -> Result<Target, Failure> {
    match args.targets.as_slice() {
        [] => invocation.target(None),
        [one] => invocation.target(Some(one)),
        _ => Err(Failure::usage("a run of several targets is not there yet")
            .hint("COMMAND goes behind `--`: bookend run TARGET -- COMMAND")),
    }
}

/// One run of a target at a time, among those that share the store.
fn hold(ws: &Workspace, target: &Target) -> Result<StoreLock, Failure> {
    let holder = format!("run {} (process {})", ws.run, std::process::id());
    ws.store
        .lock(&request::lock_name(target), &holder)
        .map_err(|error| match error {
            StoreError::Busy { holder, .. } => Failure::new(
                Exit::Refused,
                "busy",
                format!("{} is being migrated by {holder}", target.label()),
            )
            .hint("bookend status"),
            other => store_failure(other),
        })
}

/// Looks at the target before there is a run: where it cannot be reached or a tool is missing,
/// there is nothing to record.
async fn inspect(ws: &Workspace, target: &Target, proofs: bool) -> Result<Inspection, Failure> {
    let diagnosis = operation::doctor(ws, target).await;
    let tool_missing = proofs && diagnosis.fails(Area::Tools);
    let missing: Vec<String> = diagnosis
        .findings
        .iter()
        .filter(|finding| finding.area == Area::Tools && finding.check.fix.is_some())
        .map(|finding| format!("{}: {}", finding.check.what, finding.check.found))
        .collect();
    match (diagnosis.inspection, diagnosis.obstacle) {
        (_, Some(obstacle)) => Err(failure_of(&obstacle)),
        (Some(_), None) if tool_missing => Err(Failure::new(
            Exit::Tool,
            "tool",
            format!("a tool for {} is missing or too old", target.database()),
        )
        .because(missing)
        .hint(format!("bookend doctor {}", target.display_url()))),
        (Some(inspection), None) => Ok(inspection),
        (None, None) => Err(failure_of(&OperationError::Broken {
            what: "looking at the target",
        })),
    }
}

/// Makes the run's folder under the first free id, and marks it as this process's.
fn new_run(ws: &mut Workspace, target: &Target) -> Result<(RunFolder, StoreLock), Failure> {
    let begun = Utc::now();
    let mut attempt = 1;
    loop {
        ws.run = run_id(begun, &[target.label()], attempt);
        if ws.store.run(&ws.run).map_err(store_failure)?.is_none() {
            let holder = format!("process {}", std::process::id());
            let writer = ws.store.lock(&writer_lock(&ws.run), &holder);
            let writer = writer.map_err(store_failure)?;
            let folder = ws.store.new_run(&ws.run).map_err(store_failure)?;
            return Ok((folder, writer));
        }
        attempt += 1;
    }
}

fn streams(invocation: &Invocation, folder: &RunFolder) -> Streams {
    let log_folder = folder.clone();
    let signals = invocation.signals.clone();
    Streams {
        screen: Arc::new(|| Box::new(tokio::io::stderr()) as Output),
        log: Arc::new(move || {
            let file = log_folder.output(LOG).map_err(std::io::Error::other)?;
            Ok(Box::new(tokio::fs::File::from_std(file)) as Output)
        }),
        log_path: folder.path().join(LOG),
        ask: invocation.signals.cancel(),
        kill: invocation.signals.kill_before_the_end(),
        signal: Arc::new(move || signals.received().map(|signal| i32::from(signal.number()))),
    }
}

/// What COMMAND and `--check` print.
const LOG: &str = "command.log";

fn store_failure(error: StoreError) -> Failure {
    failure_of(&OperationError::from(error))
}
