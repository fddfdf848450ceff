//! `bookend diff`.

use serde_json::json;

use super::error::failure_of;
use super::{Exit, Failure, Invocation, Outcome, sidecars};
use crate::operation::{self, Aspect};
use crate::report::difference;

const EXAMPLES: &str = "\
Examples:
  bookend diff shop-20261120T043512Z-before shop-20261120T043602Z-after
  bookend diff yesterday.tar latest:shop --json | jq .loss

Exit code 0: the same; 3: different.";

/// Compare two archives
///
/// Tables and columns, or collections and fields, added, removed, renamed or changed, rows or
/// documents, values lost, indexes and constraints, by the facts and fingerprints in the two manifests. No server is needed.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The earlier archive
    a: String,

    /// The later archive
    b: String,

    /// Only rows and values
    #[arg(long, conflicts_with = "schema")]
    data: bool,

    /// Only definitions
    #[arg(long)]
    schema: bool,
}

/// Compares two archives.
pub fn run(invocation: &Invocation, args: &Args) -> Result<Outcome, Failure> {
    let store = invocation.store()?;
    let a = invocation.archive(&store, &args.a)?;
    let b = invocation.archive(&store, &args.b)?;
    let aspect = match (args.data, args.schema) {
        (true, _) => Aspect::Data,
        (_, true) => Aspect::Schema,
        _ => Aspect::All,
    };
    let found = operation::diff(&a.path, &b.path).map_err(|error| failure_of(&error))?;
    let found = operation::narrow(found, aspect);
    let files = match aspect {
        Aspect::All | Aspect::Data => {
            operation::diff_files(&a.path, &b.path).map_err(|error| failure_of(&error))?
        }
        Aspect::Schema => Vec::new(),
    };
    let same = found.same && files.is_empty();
    let failure = (!same).then(|| {
        Failure::new(
            Exit::Different,
            "different",
            format!("{} and {} differ", a.id, b.id),
        )
    });
    let document = json!({
        "same": same,
        "loss": found.loss,
        "objects": found.objects,
        "losses": found.losses,
        "database": found.database,
        "notes": found.notes,
        "files": files,
    });
    let mut text = difference::text(&found);
    if found.same && !same {
        "the databases are the same\n".clone_into(&mut text);
    }
    text.push_str(&sidecars::changes(&files));
    Ok(Outcome::new(text, document).failing(failure).said())
}
