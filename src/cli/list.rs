//! `bookend list`.

use serde_json::{Value, json};

use super::error::failure_of;
use super::{Failure, Invocation, Outcome, sidecars};
use crate::operation::Engines;
use crate::report::archives;
use crate::store::{Listing, StoredArchive};

const EXAMPLES: &str = "\
Examples:
  bookend list
  bookend list shop
  bookend list --json | jq -r '.archives[-1].path'";

/// List what the store holds
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Only archives of this target
    target: Option<String>,
}

/// Lists archives, oldest first.
pub fn run(invocation: &Invocation, args: &Args) -> Result<Outcome, Failure> {
    // Looking must not make the folder.
    let listing = if invocation.store_folder().exists() {
        let store = invocation.store()?;
        store.list().map_err(|error| failure_of(&error.into()))?
    } else {
        Listing::default()
    };
    for broken in &listing.broken {
        let text = format!("{}: {}", broken.path.display(), broken.problem);
        invocation.screen.warning(&text);
    }
    let shown: Vec<&StoredArchive> = listing
        .archives
        .iter()
        .filter(|archive| {
            args.target
                .as_ref()
                .is_none_or(|target| archive.target == *target)
        })
        .collect();
    let text = if shown.is_empty() {
        format!("no archives in {}\n", invocation.store_folder().display())
    } else {
        archives::text(
            &shown
                .iter()
                .map(|archive| line(archive))
                .collect::<Vec<_>>(),
        )
    };
    let rows: Vec<Value> = shown.iter().map(|archive| document(archive)).collect();
    Ok(Outcome::new(text, json!({ "archives": rows })))
}

fn line(archive: &StoredArchive) -> archives::Line {
    archives::Line {
        id: archive.id.clone(),
        target: archive.target.clone(),
        created_at: archive.created_at,
        bytes_stored: archive.bytes_stored,
        rows: archive.rows,
        noun: Engines::default().nouns(&archive.engine).row,
        proof: archive.proof.map(|verdict| verdict.to_string()),
    }
}

fn document(archive: &StoredArchive) -> Value {
    json!({
        "id": archive.id,
        "path": archive.path,
        "target": archive.target,
        "engine": archive.engine,
        "tag": archive.tag,
        "created_at": archive.created_at,
        "bytes_stored": archive.bytes_stored,
        "rows": archive.rows,
        "files": sidecars::document(&archive.files),
        "proof": archive.proof,
    })
}
