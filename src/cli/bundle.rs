//! `bookend bundle`.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::error::failure_of;
use super::run_words::run_called;
use super::status::found_run;
use super::{Exit, Failure, Invocation, Outcome};
use crate::bracket::bundling::{BundlingError, Wanted, bundle_run};
use crate::operation::{BundleOutcome, MissingPart};
use crate::report::Page;
use crate::report::figures::{counted, duration, printable, seconds, size};

const EXAMPLES: &str = "\
Examples:
  bookend bundle
  bookend bundle 20261120T043512Z-shop --output shop-migration.bundle.tar
  bookend bundle latest --migration-files db/migrations
  bookend verify 20261120T043512Z-shop.bundle.tar

What belongs into a bundle and is not there any more, or never was, is named as missing. README.md
inside says how to look at everything without bookend.";

/// Put a run into one file: archives, migration, logs, journal, report
///
/// Works for runs that failed, too. The file is complete or not there, and nothing is
/// overwritten.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The run: its id, a unique prefix, or latest
    #[arg(default_value = "latest", hide_default_value = true)]
    run: String,

    /// Write it to this file [default: RUN.bundle.tar in the store]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Files and folders of the migration, beside those that the run was given; repeat
    #[arg(long, value_name = "PATH")]
    migration_files: Vec<PathBuf>,
}

/// Makes a bundle.
pub async fn run(invocation: &Invocation, args: Args) -> Result<Outcome, Failure> {
    let ws = invocation.workspace("bundle")?;
    let run = run_called(invocation, &ws.store, &args.run)?;
    let writer = found_run(&ws.store, run.clone())?.writer;
    let wanted = Wanted {
        output: args.output,
        migration_files: args.migration_files,
    };
    let made = bundle_run(&ws, &run, writer, wanted)
        .await
        .map_err(|error| failure(&error))?;
    Ok(Outcome::new(text(&made), document(&made)))
}

fn failure(error: &BundlingError) -> Failure {
    match error {
        BundlingError::NoJournal { .. } | BundlingError::Damaged { .. } => {
            Failure::of(Exit::Failed, "journal", error).hint("bookend status")
        }
        BundlingError::Operation(error) => failure_of(error),
    }
}

fn text(made: &BundleOutcome) -> String {
    let mut page = Page::default();
    page.line(format_args!(
        "{} · {} · {} · {}",
        printable(&made.path.to_string_lossy()),
        size(made.bytes),
        counted(made.manifest.members.len() as u64 + 1, "member", "members"),
        duration(made.seconds),
    ));
    page.lines(&missing_lines(&made.manifest.missing));
    page.text()
}

/// What is not in a bundle, one a line.
pub(super) fn missing_lines(missing: &[MissingPart]) -> String {
    let mut page = Page::default();
    for part in missing {
        page.line(format_args!(
            "  without {}: {}",
            printable(&part.what),
            printable(&part.why)
        ));
    }
    page.text()
}

fn document(made: &BundleOutcome) -> Value {
    json!({
        "bundle": made.path,
        "run": made.manifest.run,
        "state": made.manifest.state,
        "bytes_stored": made.bytes,
        "seconds": seconds(made.seconds),
        "members": made.manifest.members,
        "missing": made.manifest.missing,
    })
}
