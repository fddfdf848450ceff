//! `bookend show`.

use serde_json::{Value, json};

use super::error::failure_of;
use super::{Failure, Invocation, Outcome, sidecars};
use crate::operation::{self, Archive, Engines, OperationError};
use crate::report::contents::{self, Heading};
use crate::report::figures::{numbered, size};
use crate::snapshot::{Nouns, Snapshot, Source};
use crate::store::{Receipt, StoredArchive};

const EXAMPLES: &str = "\
Examples:
  bookend show latest
  bookend show shop-20261120 --json | jq '.objects[] | {object, rows}'";

/// Show what an archive holds
///
/// Tables with their rows or collections with their documents, what a restore needs on the server and how to make it, notes, and
/// the last proof.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A path, a name or a unique prefix of one in the store, latest, or latest:TARGET
    archive: String,
}

/// Shows one archive.
pub async fn run(invocation: &Invocation, args: Args) -> Result<Outcome, Failure> {
    let store = invocation.store()?;
    let stored = invocation.archive(&store, &args.archive)?;
    let opened = operation::open(&stored.path)
        .await
        .map_err(|error| failure_of(&error))?;
    let receipt = store
        .receipt(&stored.path)
        .map_err(|error| failure_of(&OperationError::from(error)))?;
    let nouns = Engines::default().nouns(&opened.snapshot().engine);
    let text = contents::text(
        nouns,
        &heading(&stored, nouns, &opened, receipt.as_ref()),
        opened.snapshot(),
    );
    Ok(Outcome::new(
        text,
        document(&stored, &opened, receipt.as_ref()),
    ))
}

fn heading(
    stored: &StoredArchive,
    nouns: Nouns,
    opened: &Archive,
    receipt: Option<&Receipt>,
) -> Heading {
    let head = &opened.manifest().archive;
    let mut heading = vec![
        ("archive", stored.id.clone()),
        ("file", stored.path.display().to_string()),
        ("target", head.target.clone()),
        (
            "size",
            format!(
                "{} ({} raw, {})",
                size(stored.bytes_stored),
                size(head.bytes_raw),
                head.compression
            ),
        ),
        (
            "content",
            format!(
                "{} in {}",
                numbered(head.rows, nouns.row),
                numbered(head.objects, nouns.object)
            ),
        ),
    ];
    heading.extend(head.tag.clone().map(|tag| ("tag", tag)));
    for line in sidecars::lines(&opened.manifest().files) {
        heading.push(("files", line));
    }
    heading.push((
        "proof",
        receipt.map_or_else(|| "none yet: bookend verify --prove".to_owned(), proof),
    ));
    heading
}

fn proof(receipt: &Receipt) -> String {
    format!(
        "{} at {} on server {}",
        receipt.verdict,
        receipt.proven_at.format("%Y-%m-%dT%H:%M:%SZ"),
        receipt.server_version,
    )
}

fn document(stored: &StoredArchive, opened: &Archive, receipt: Option<&Receipt>) -> Value {
    let head = &opened.manifest().archive;
    let snapshot = opened.snapshot();
    json!({
        "id": stored.id,
        "path": stored.path,
        "target": head.target,
        "engine": head.engine,
        "tag": head.tag,
        "created_at": head.created_at,
        "taken_at": snapshot.taken_at,
        "consistent": head.consistent,
        "bytes_raw": head.bytes_raw,
        "bytes_stored": stored.bytes_stored,
        "rows": head.rows,
        "server": snapshot.server,
        "database": snapshot.database,
        "objects": objects(snapshot),
        "large_objects": {
            "count": snapshot.large_objects.count,
            "bytes": snapshot.large_objects.bytes,
        },
        "extensions": snapshot.extensions,
        "prerequisites": snapshot.prerequisites,
        "files": opened.manifest().files,
        "notes": snapshot.notes,
        "secrets_seen": snapshot.secrets_seen,
        "proof": receipt.map(|receipt| receipt.verdict),
        "receipt": receipt,
    })
}

fn objects(snapshot: &Snapshot) -> Vec<Value> {
    snapshot
        .objects
        .iter()
        .map(|object| {
            json!({
                "object": object.name,
                "kind": object.kind,
                "rows": object.content.as_ref().map(|content| content.rows),
                "columns": object.columns.iter().map(|column| &column.name).collect::<Vec<_>>(),
            })
        })
        .collect()
}
