//! `bookend abort`.

use super::error::failure_of;
use super::resume::nothing_to_do;
use super::run::{
    Held, LeftRun, Request, Start, Wanted, drive, drop_copies, find, held_to_be_put_back,
    hold_in_store, hold_on_servers, release, still_running, unseen_subjects,
};
use super::{Exit, Failure, Invocation, Outcome};
use crate::bracket::{Event, State};
use crate::connection::Target;
use crate::operation::{Workspace, rollback};

const EXAMPLES: &str = "\
Examples:
  bookend abort                                      (the newest run that was left)
  bookend abort 20261120T043512Z-shop

Copies that the run made are dropped, and what --quiesce stopped is started again. If COMMAND was \
started on the target, the run ends as what it has come to; nothing of the target is changed. A rollback \
that was cut off is undone, unless a database has changed places already (exit 4: resume finishes it).";

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
    let targets = left.targets(invocation)?;
    let wanted = Wanted::without_command(&left.plan, &left.terms);
    let request = Request::new(invocation, &targets, wanted)?;
    let (held, told) = if left.is_rolling_back() {
        let held = held_to_be_put_back(invocation, &ws, &targets, &request).await?;
        let undone = undo_rollback(&ws, &targets, &left).await;
        match undone {
            Ok(told) => (held, vec![told]),
            Err(failure) => {
                release(held.locks).await;
                return Err(failure);
            }
        }
    } else {
        held(invocation, &ws, &targets, &request).await?
    };
    let (journal, folder, _writer) = left.journal()?;
    let start = Start::Left(Event::Aborted, told);
    drive(invocation, &ws, &folder, journal, (request, held, start)).await
}

/// Everybody may connect again and no copy is left; what has changed places already is no state
/// to leave it in.
async fn undo_rollback(
    ws: &Workspace,
    targets: &[Target],
    left: &LeftRun,
) -> Result<String, Failure> {
    let undone = rollback::undo(ws, targets, &left.diary()?).await;
    let kept_as = undone.map_err(|error| failure_of(&error))?;
    let done: Vec<&str> = targets
        .iter()
        .zip(&kept_as)
        .filter(|(_, kept)| kept.is_some())
        .map(|(target, _)| target.label())
        .collect();
    if done.is_empty() {
        return Ok("its rollback was undone: no database has changed places".to_owned());
    }
    Err(Failure::new(
        Exit::Refused,
        "half-rolled-back",
        format!("{} has changed places already", done.join(", ")),
    )
    .hint(format!("bookend resume {}", ws.run)))
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
    let subjects = unseen_subjects(invocation, targets, request)?;
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
