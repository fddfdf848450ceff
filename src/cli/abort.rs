//! `bookend abort`.

use super::resume::nothing_to_do;
use super::run::{
    Held, Request, Start, Wanted, drive, drop_copies, find, hold_in_store, hold_on_servers,
    still_running,
};
use super::words::place_beside;
use super::{Exit, Failure, Invocation, Outcome};
use crate::bracket::live::Subject;
use crate::bracket::{Event, State};
use crate::connection::Target;
use crate::operation::Workspace;

const EXAMPLES: &str = "\
Examples:
  bookend abort                                      (the newest run that was left)
  bookend abort 20261120T043512Z-shop

Copies that the run made are dropped, and what --quiesce stopped is started again. If COMMAND was
started on the target, the run ends as what it has come to; nothing of the target is changed.";

/// Undo what an interrupted run left behind
///
/// The run ends as aborted, or, where COMMAND was started on the target, as the state that is in.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The run: its id, a unique prefix, or latest
    run: Option<String>,
}

/// Gives a run up.
pub async fn run(invocation: &Invocation, args: Args) -> Result<Outcome, Failure> {
    let mut ws = invocation.workspace("abort")?;
    let left = find(&ws, args.run.as_deref())?;
    left.folder.run().clone_into(&mut ws.run);
    if let State::Ended(..) = left.state() {
        return Ok(nothing_to_do(&left));
    }
    still_running(&left)?;
    if !left.allows(&Event::Aborted) {
        return Err(Failure::new(
            Exit::Refused,
            "half-rolled-back",
            "some databases are rolled back and others are not: that is no state to leave them in",
        )
        .hint(format!("bookend resume {}", ws.run)));
    }
    let targets = left.targets(invocation)?;
    // COMMAND is not run any more, whatever of it the journal could not hold.
    let wanted = Wanted {
        command: vec!["true".to_owned()],
        quiesce: left.plan.quiesce.clone(),
        unquiesce: left.plan.unquiesce.clone(),
        terms: left.terms.clone(),
        ..Wanted::of_abort(&left.plan)
    };
    let request = Request::new(invocation, &targets, wanted)?;
    let (held, told) = held(invocation, &ws, &targets, &request).await?;
    let (journal, folder, _writer) = left.journal()?;
    let start = Start::Left(Event::Aborted, told);
    drive(invocation, &ws, &folder, journal, (request, held, start)).await
}

/// As much as can be got hold of: what is held off has to be lifted even where a server is
/// gone.
async fn held(
    invocation: &Invocation,
    ws: &Workspace,
    targets: &[Target],
    request: &Request,
) -> Result<(Held, Vec<String>), Failure> {
    let only_read = request.terms.rehearse_only;
    // A rehearsal holds nobody off, so there is nothing to be taken over.
    let held: &[Target] = if only_read { &[] } else { targets };
    let in_store = hold_in_store(ws, held)?;
    let mut told = Vec::new();
    let locks = match hold_on_servers(ws, held, true).await {
        Ok(locks) => locks,
        Err(failure) if failure.code == "busy" => return Err(failure),
        Err(failure) => {
            told.push(failure.message);
            Vec::new()
        }
    };
    let mut subjects = Vec::new();
    for target in targets {
        subjects.push(Subject {
            target: target.clone(),
            place: place_beside(invocation, target, request.prove_on())?,
            inspection: None,
            consistent: false,
            files: Vec::new(),
            given: None,
        });
    }
    let servers: Vec<Target> = subjects
        .iter()
        .filter_map(|subject| subject.place.target().cloned())
        .chain(held.iter().cloned())
        .collect();
    told.extend(drop_copies(ws, &servers).await);
    // Half-written files of backups: nobody can go on with them.
    if let Err(error) = ws.store.remove_leftovers() {
        told.push(error.to_string());
    }
    let held = Held {
        subjects,
        locks,
        _store: in_store,
    };
    Ok((held, told))
}
