//! `bookend copies`.

use serde_json::{Value, json};

use super::error::failure_of;
use super::{Failure, Invocation, Outcome};
use crate::engine::{CopyKind, MadeDatabase, MarkedDatabase};
use crate::operation::{self, Copies};
use crate::report::figures::printable;
use crate::report::{Page, copies};

const EXAMPLES: &str = "\
Examples:
  bookend copies list
  bookend copies list --on postgres://postgres@db.example/postgres
  bookend copies drop bookend_7f3a9c --on shop
  bookend copies drop --expired --on shop";

/// List or drop the databases that bookend made
///
/// Every one carries a marker that says what it is for. Disposable and staging databases can
/// be dropped; a restored database (provenance) and a kept original never are. A staging database
/// that was renamed, or whose marker was edited, is dropped by its name only.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List them
    List {
        /// The server, as a TARGET
        #[arg(long, value_name = "TARGET")]
        on: Option<String>,
    },
    /// Drop some
    Drop {
        /// Their names
        #[arg(required_unless_present = "expired", value_name = "DATABASE")]
        databases: Vec<String>,
        /// All staging databases whose time is over
        #[arg(long, conflicts_with = "databases")]
        expired: bool,
        /// The server, as a TARGET
        #[arg(long, value_name = "TARGET")]
        on: Option<String>,
    },
}

/// Lists or drops.
pub async fn run(invocation: &Invocation, args: Args) -> Result<Outcome, Failure> {
    match args.action {
        Action::List { on } => list(invocation, on.as_deref()).await,
        Action::Drop {
            expired: true, on, ..
        } => drop_expired(invocation, on.as_deref()).await,
        Action::Drop { databases, on, .. } => drop_all(invocation, &databases, on.as_deref()).await,
    }
}

async fn list(invocation: &Invocation, on: Option<&str>) -> Result<Outcome, Failure> {
    let target = invocation.target(on)?;
    let ws = invocation.workspace("copies")?;
    let found = operation::copies(&ws, &target)
        .await
        .map_err(|error| failure_of(&error))?;
    let mut lines: Vec<copies::Line> = found.marked.iter().map(marked).collect();
    lines.extend(found.announced.iter().map(announced));
    let text = if lines.is_empty() {
        format!(
            "bookend made no database that is still on {}\n",
            printable(&found.server)
        )
    } else {
        copies::text(&lines)
    };
    Ok(Outcome::new(text, document(&found)))
}

fn document(found: &Copies) -> Value {
    json!({
        "server": found.server,
        "copies": found.marked,
        "announced": found.announced,
    })
}

fn marked(database: &MarkedDatabase) -> copies::Line {
    let mut remark = match (&database.archive, &database.template) {
        (Some(archive), Some(template)) => format!(
            "template of {archive}, proven {}",
            template.proven_at.format("%Y-%m-%d %H:%M")
        ),
        (Some(archive), None) => format!("from {archive}"),
        (None, _) => format!("made by {}", database.run),
    };
    if let Some(expires) = database.expires {
        let word = if database.expired {
            "expired"
        } else {
            "expires"
        };
        remark = format!("{remark}, {word} {}", expires.format("%Y-%m-%d %H:%M"));
    }
    if let Some(why) = &database.spared {
        remark = format!("{remark}; never dropped as expired: {why}");
    }
    if !database.genuine {
        "its marker was copied from another database: never dropped".clone_into(&mut remark);
    }
    copies::Line {
        name: database.name.clone(),
        kind: word(database.kind).to_owned(),
        made: database.made,
        bytes: Some(database.bytes),
        remark,
    }
}

fn announced(made: &MadeDatabase) -> copies::Line {
    copies::Line {
        name: made.name.clone(),
        kind: word(made.kind).to_owned(),
        made: made.made,
        bytes: None,
        remark: format!("announced by {}, perhaps never made", made.run),
    }
}

fn word(kind: CopyKind) -> &'static str {
    match kind {
        CopyKind::Disposable => "disposable",
        CopyKind::Staging => "staging",
        CopyKind::Provenance => "provenance",
        CopyKind::Kept => "kept",
    }
}

/// Drops in the given order and stops at the first that cannot be dropped; what was dropped
/// is told either way.
async fn drop_all(
    invocation: &Invocation,
    databases: &[String],
    on: Option<&str>,
) -> Result<Outcome, Failure> {
    let target = invocation.target(on)?;
    let ws = invocation.workspace("copies")?;
    let mut dropped = Vec::new();
    let mut failure = None;
    for name in databases {
        match operation::drop_copy(&ws, &target, name).await {
            Ok(()) => dropped.push(name.as_str()),
            Err(error) => {
                failure = Some(failure_of(&error));
                break;
            }
        }
    }
    let mut page = Page::default();
    for name in &dropped {
        page.line(format_args!("dropped {}", printable(name)));
    }
    Ok(Outcome::new(page.text(), json!({ "dropped": dropped })).failing(failure))
}

/// Drops every staging database whose time is over; one that cannot be dropped is told, and the
/// others are dropped all the same.
async fn drop_expired(invocation: &Invocation, on: Option<&str>) -> Result<Outcome, Failure> {
    let target = invocation.target(on)?;
    let ws = invocation.workspace("copies")?;
    let swept = operation::drop_expired(&ws, &target)
        .await
        .map_err(|error| failure_of(&error))?;
    let mut page = Page::default();
    for name in &swept.dropped {
        page.line(format_args!("dropped {}: it had expired", printable(name)));
    }
    if swept.dropped.is_empty() && swept.left.is_empty() {
        page.line(format_args!(
            "no staging database on {} has expired",
            printable(&target.display_url())
        ));
    }
    let left: Vec<Value> = swept
        .left
        .iter()
        .map(|(name, error)| json!({ "database": name, "error": failure_of(error).to_json() }))
        .collect();
    let failure = swept.left.first().map(|(name, error)| {
        let told = failure_of(error);
        Failure {
            message: format!("{name} has expired and is still there: {}", told.message),
            ..told
        }
    });
    let document = json!({ "dropped": swept.dropped, "left": left });
    Ok(Outcome::new(page.text(), document).failing(failure))
}
