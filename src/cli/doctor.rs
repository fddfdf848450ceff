//! `bookend doctor`.

use serde_json::json;

use super::error::failure_of;
use super::{Exit, Failure, Invocation, Outcome};
use crate::connection::Target;
use crate::engine::{Check, CheckState};
use crate::operation::{self, Area, Diagnosis, Finding, Workspace};
use crate::report::checks;

const EXAMPLES: &str = "\
Examples:
  bookend doctor
  bookend doctor postgres://app@db.example/shop

Exit code 0: nothing fails; 6: a tool is missing or too old; 7: cannot connect, or not allowed.";

/// Say what is missing, and how to fix it
///
/// Looks at the store, the vendors' tools, the connection and the rights, and changes nothing
/// on the server.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The database: a URL, env:NAME, or a name from bookend.toml
    target: Option<String>,
}

/// Looks at everything that a backup needs.
pub async fn run(invocation: &Invocation, args: Args) -> Result<Outcome, Failure> {
    let target = invocation.target(args.target.as_deref())?;
    let (store, ws) = look_at_store(invocation);
    let mut diagnosis = match ws {
        Some(ws) => operation::doctor(&ws, &target).await,
        None => Diagnosis::default(),
    };
    diagnosis.findings.insert(0, store);
    let causes = diagnosis.obstacle.take().map(|error| failure_of(&error));
    if let (Some(told), Some(last)) = (&causes, diagnosis.findings.last_mut()) {
        explain(last, told);
    }
    Ok(outcome(&target, &diagnosis))
}

fn look_at_store(invocation: &Invocation) -> (Finding, Option<Workspace>) {
    let folder = invocation.store_folder();
    let (state, found, fix, ws) = match invocation.workspace("doctor") {
        Ok(ws) => (
            CheckState::Ok,
            format!("{} can be written", folder.display()),
            None,
            Some(ws),
        ),
        Err(failure) => {
            let found = std::iter::once(failure.message).chain(failure.causes);
            let found = found.collect::<Vec<_>>().join(": ");
            (CheckState::Failure, found, failure.hint, None)
        }
    };
    let check = Check {
        what: "store".to_owned(),
        state,
        found,
        fix,
    };
    (
        Finding {
            area: Area::Store,
            check,
        },
        ws,
    )
}

/// Puts causes and hint of an error into the finding that stands for it.
fn explain(finding: &mut Finding, failure: &Failure) {
    finding.check.found = std::iter::once(&failure.message)
        .chain(&failure.causes)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(": ");
    finding.check.fix.clone_from(&failure.hint);
}

fn outcome(target: &Target, diagnosis: &Diagnosis) -> Outcome {
    let lines: Vec<_> = diagnosis.findings.iter().map(line).collect();
    let document = json!({
        "target": target.display_url(),
        "checks": diagnosis.findings,
        "inspection": diagnosis.inspection,
    });
    Outcome::new(checks::text(&lines), document)
        .failing(failure(diagnosis))
        .said()
}

fn line(finding: &Finding) -> checks::Line<'_> {
    checks::Line {
        state: match finding.check.state {
            CheckState::Ok => checks::State::Ok,
            CheckState::Warning => checks::State::Warning,
            CheckState::Failure => checks::State::Failure,
        },
        what: &finding.check.what,
        found: &finding.check.found,
        fix: finding.check.fix.as_deref(),
    }
}

/// A connection that cannot be had comes first: without it little else is known.
fn failure(diagnosis: &Diagnosis) -> Option<Failure> {
    let failed: Vec<&str> = diagnosis
        .findings
        .iter()
        .filter(|finding| finding.check.state == CheckState::Failure)
        .map(|finding| finding.check.what.as_str())
        .collect();
    if failed.is_empty() {
        return None;
    }
    let (exit, code) = if diagnosis.fails(Area::Connection) {
        (Exit::Connection, "connection")
    } else if diagnosis.fails(Area::Tools) {
        (Exit::Tool, "tool")
    } else if diagnosis.fails(Area::Server) {
        (Exit::Connection, "server")
    } else {
        (Exit::Failed, "store")
    };
    Some(Failure::new(
        exit,
        code,
        format!("needs fixing: {}", failed.join(", ")),
    ))
}
