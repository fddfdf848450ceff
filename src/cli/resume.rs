//! `bookend resume`.

use super::run::{
    Held, LeftRun, Request, Start, Wanted, drive, drop_copies, find, held_to_be_put_back,
    hold_in_store, hold_on_servers, still_running, subjects,
};
use super::{Exit, Failure, Invocation, Outcome};
use crate::bracket::template::Assignment;
use crate::bracket::{Event, State};
use crate::connection::Target;
use crate::operation::Workspace;
use crate::report::run::{closing_text, run_json};

const EXAMPLES: &str = "\
Examples:
  bookend resume                                     (the newest run that was left)
  bookend resume 20261120T043512Z-shop
  bookend resume 20261120T043512Z-shop --env APP_KEY=…

Steps before the migration are done again from their beginning; what is missing after it is done. A \
migration that was under way is never run again: its end is unknown, and the run ends as that. A rollback \
that was cut off goes on.";

/// Finish an interrupted run
///
/// The targets are found as they were named in the first place; passwords are in no journal.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The run: its id, a unique prefix, or latest
    run: Option<String>,

    /// A variable of COMMAND whose value is in no journal; repeat
    #[arg(long, value_name = "NAME=TEMPLATE", value_parser = Assignment::parse)]
    env: Vec<Assignment>,
}

/// Finishes a run.
pub async fn run(invocation: &Invocation, args: Args) -> Result<Outcome, Failure> {
    let mut ws = invocation.workspace("resume")?;
    let left = find(&ws, args.run.as_deref())?;
    left.folder.run().clone_into(&mut ws.run);
    if let State::Ended(..) = left.state() {
        return Ok(nothing_to_do(&left));
    }
    if left.terms.rehearse_only {
        return Err(Failure::new(
            Exit::Refused,
            "only-a-rehearsal",
            "a rehearsal is not gone on with: it is begun anew",
        )
        .hint(format!("bookend abort {}", ws.run)));
    }
    still_running(&left)?;
    let targets = left.targets(invocation)?;
    let rolling_back = left.is_rolling_back();
    let wanted = if rolling_back {
        Wanted::without_command(&left.plan, &left.terms)
    } else {
        Wanted::of_plan(invocation, &targets, (&left.plan, &left.terms), &args.env)?
    };
    let request = Request::new(invocation, &targets, wanted)?;
    let (held, told) = if rolling_back {
        // Copies are still needed where some of it is done.
        let held = held_to_be_put_back(invocation, &ws, &targets, &request).await?;
        (held, Vec::new())
    } else {
        held(invocation, &ws, &targets, &request).await?
    };
    let (journal, folder, _writer) = left.journal()?;
    let start = Start::Left(Event::Resumed, told);
    drive(invocation, &ws, &folder, journal, (request, held, start)).await
}

async fn held(
    invocation: &Invocation,
    ws: &Workspace,
    targets: &[Target],
    request: &Request,
) -> Result<(Held, Vec<String>), Failure> {
    let in_store = hold_in_store(ws, targets)?;
    let subjects = subjects(invocation, ws, targets, request).await?;
    let locks = hold_on_servers(ws, targets, true).await?;
    let servers: Vec<Target> = subjects
        .iter()
        .filter_map(|subject| subject.place.target().cloned())
        .chain(targets.iter().cloned())
        .collect();
    let told = drop_copies(ws, &servers).await;
    let held = Held {
        subjects,
        locks,
        _store: in_store,
    };
    Ok((held, told))
}

/// A run that is over stays as it is.
pub(super) fn nothing_to_do(left: &LeftRun) -> Outcome {
    let told = left.report();
    let text = format!(
        "run {}: nothing to do\n{}",
        left.folder.run(),
        closing_text(&told)
    );
    let mut document = run_json(&told);
    if let serde_json::Value::Object(keys) = &mut document {
        // The run may have failed; there being nothing to do has not.
        keys.remove("ok");
        let stopped_by = keys.remove("error").unwrap_or_default();
        keys.insert("stopped_by".to_owned(), stopped_by);
    }
    Outcome::new(text, document)
}
