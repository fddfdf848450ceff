//! `bookend doctor`.

use serde_json::json;

use super::error::failure_of;
use super::{Exit, Failure, Invocation, Outcome};
use crate::connection::Target;
use crate::engine::{Check, CheckState};
use crate::operation::{self, Area, Diagnosis, Finding, Workspace};
use crate::report::checks;
use crate::report::figures::{counted, size};
use crate::store::StoreError;

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
    diagnosis.findings.splice(0..0, store);
    let causes = diagnosis.obstacle.take().map(|error| failure_of(&error));
    if let (Some(told), Some(last)) = (&causes, diagnosis.findings.last_mut()) {
        explain(last, told);
    }
    Ok(outcome(&target, &diagnosis))
}

/// Opens the store and writes its lock file; looks for what a crash left and who may read.
fn look_at_store(invocation: &Invocation) -> (Vec<Finding>, Option<Workspace>) {
    let folder = invocation.store_folder();
    let looked = invocation.workspace("doctor").and_then(|ws| {
        let told = |error: StoreError| failure_of(&error.into());
        let leftovers = ws.store.leftovers().map_err(told)?;
        let open = ws.store.is_open_to_others().map_err(told)?;
        Ok((ws, leftovers, open))
    });
    let (ws, leftovers, open) = match looked {
        Ok(looked) => looked,
        Err(failure) => {
            let fix = failure.hint.clone();
            let found = finding(CheckState::Failure, joined(&failure), fix);
            return (vec![found], None);
        }
    };
    let shown = folder.display();
    let mut findings = vec![finding(
        CheckState::Ok,
        format!("{shown} can be written"),
        None,
    )];
    if open {
        findings.push(finding(
            CheckState::Warning,
            format!("others may list {shown}; archives themselves are private"),
            Some(format!("chmod 700 {shown}")),
        ));
    }
    if !leftovers.is_empty() {
        let bytes = leftovers.iter().map(|left| left.bytes).sum();
        let number = counted(
            leftovers.len() as u64,
            "half-written file",
            "half-written files",
        );
        findings.push(finding(
            CheckState::Warning,
            format!("{number} of commands that crashed, {}", size(bytes)),
            Some("the next backup removes them".to_owned()),
        ));
    }
    (findings, Some(ws))
}

fn finding(state: CheckState, found: String, fix: Option<String>) -> Finding {
    Finding {
        area: Area::Store,
        check: Check {
            what: "store".to_owned(),
            state,
            found,
            fix,
        },
    }
}

/// A failure and its causes on one line.
fn joined(failure: &Failure) -> String {
    std::iter::once(&failure.message)
        .chain(&failure.causes)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(": ")
}

/// Puts causes and hint of an error into the finding that stands for it.
fn explain(finding: &mut Finding, failure: &Failure) {
    finding.check.found = joined(failure);
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
