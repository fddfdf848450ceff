//! `bookend rollback`.

mod choose;
mod told;

use std::sync::Arc;

use super::run::{
    Driven, Request, Start, Told, Wanted, drive_telling, held_to_be_put_back, keep, open, past,
    still_running,
};
use super::{Exit, Failure, Invocation, Outcome};
use crate::bracket::hands::Unwatched;
use crate::bracket::history::{Writer, report};
use crate::bracket::journal::{JOURNAL, Record};
use crate::bracket::{Event, Stop};
use crate::operation::rollback::{Options, Past};
use crate::store::RunFolder;
use choose::Chosen;
use told::StepLines;

const EXAMPLES: &str = "\
Examples:
  bookend rollback                       (the latest run that may have changed its target)
  bookend rollback 20261120T043512Z-shop --end-sessions
  bookend rollback latest --no-swap

The archive from before is restored beside and proven first. Then others are kept out, what was written \
since is exported into the store, and the two databases change names; the failed one is kept as \
NAME_failed_TIME. A rollback that was cut off is finished or undone by the next one.

Exit codes: 0 rolled back, or nothing to do · 1 failed · 3 the archive does not restore to the same \
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
    let mut chosen = choose::choose(&ws.store, args.run.as_deref())?;
    ws.run.clone_from(&chosen.run);
    let left = open(&ws, &chosen.run)?;
    let past = left.diary()?.so_far();
    if past.rolled_back && !options.no_swap && !left.is_rolling_back() {
        return Ok(told::nothing_to_do(&chosen, past));
    }
    choose::check_touched(&chosen)?;
    still_running(&left)?;
    for later in &chosen.later {
        invocation.screen.warning(&format!(
            "run {later} came after it: what that one did is undone too"
        ));
    }
    let targets = left.targets(invocation)?;
    let wanted = Wanted {
        rollback: Some(options),
        ..Wanted::without_command(&left.plan, &left.terms)
    };
    let request = Request::new(invocation, &targets, wanted)?;
    let held = held_to_be_put_back(invocation, &ws, &targets, &request).await?;
    let (journal, folder, _writer) = left.journal()?;
    let lines = StepLines::new(invocation.screen, targets.len());
    lines.title(&chosen.run);
    let told = Told {
        watch: &Unwatched,
        rollback_step: Arc::new(move |step| lines.print_step(step)),
    };
    let start = Start::Left(Event::RollbackAsked, Vec::new());
    let asked = (request, held, start);
    let driven = drive_telling(invocation, &ws, &folder, journal, asked, told).await?;
    let (past, failure) = ended(&mut chosen, &folder, &driven)?;
    Ok(told::outcome(&chosen, past, failure))
}

/// What it came to. The run's own report is made anew, for it tells of its rollback too.
fn ended(
    chosen: &mut Chosen,
    folder: &RunFolder,
    driven: &Driven,
) -> Result<(Past, Option<Failure>), Failure> {
    let past = past(folder)?;
    let journal = &driven.journal;
    let writer = match driven.broken {
        Some(_) => Writer::Gone,
        None => Writer::Alive,
    };
    let mut report = report(folder.run(), journal.records(), journal.state(), writer);
    report.journal = Some(folder.path().join(JOURNAL).display().to_string());
    keep(folder, &mut report);
    let since = journal.records().iter();
    let since = since.rev().take_while(|r| r.event != Event::RollbackAsked);
    let stopped = since.filter(|record| record.detail.setback.is_some());
    let failure = match (&driven.broken, stopped.last()) {
        (Some((error, _)), None) => Some(Failure::of(Exit::Failed, "journal", error).hint(
            format!("make room in the store; then bookend resume {}", chosen.run),
        )),
        (_, Some(record)) => Some(stopped_by(driven, record)),
        (None, None) => None,
    };
    chosen.report = report;
    Ok((past, failure))
}

/// The operation's failure with its own exit code, whatever state the run itself is in.
fn stopped_by(driven: &Driven, record: &Record) -> Failure {
    let setback = record.detail.setback.clone().unwrap_or_default();
    match driven.explainer.last() {
        Some(last) if last.code == setback.code => last,
        Some(_) | None => Failure {
            exit: match record.event {
                Event::Stopped(Stop::Refused) => Exit::Refused,
                _ => Exit::Failed,
            },
            code: "rollback",
            message: setback.message,
            causes: setback.causes,
            hint: setback.hint,
        },
    }
}
