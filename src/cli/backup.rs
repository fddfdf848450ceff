//! `bookend backup`.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::error::failure_of;
use super::failure::Failure;
use super::verify::{describe_proof, different, drop_copy};
use super::words::{ProveOn, place_beside, prove_on};
use super::{Invocation, Outcome, sidecars};
use crate::connection::Target;
use crate::operation::{
    self, BackupOutcome, BackupRequest, Compression, Proof, Verdict, Workspace,
};
use crate::report::consistency;
use crate::report::figures::{duration, numbered, printable, seconds, size};
use crate::snapshot::Nouns;

const EXAMPLES: &str = "\
Examples:
  bookend backup postgres://app@db.example/shop
  bookend backup mongodb://app@db.example/shop --consistent
  bookend backup env:SHOP_URL --tag nightly --prove
  bookend backup shop --files media --files uploads
  bookend backup shop --exclude-data 'public.events_*' --compress zstd:6";

/// Take a backup of a database
///
/// Reads the database and writes one file into the store, and says whether it is one point in
/// time. All content is fingerprinted on the way, so that a restored copy can be compared with
/// it later.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The database: a URL, env:NAME, or a name from bookend.toml
    target: Option<String>,

    /// A word that goes into the archive's name
    #[arg(long, value_name = "WORD")]
    tag: Option<String>,

    /// Restore the archive into a disposable database, compare all content, and drop it again
    #[arg(long)]
    prove: bool,

    /// Where the copy for --prove goes: a TARGET, same-server, or sandbox (a server of its own)
    #[arg(long, value_name = "WHERE", value_parser = prove_on, requires = "prove")]
    prove_on: Option<ProveOn>,

    /// How to compress: zstd[:1-19], gzip[:1-9] or none
    #[arg(long, value_name = "METHOD", default_value = "zstd:1")]
    compress: Compression,

    /// Definitions only, no rows (PostgreSQL)
    #[arg(long)]
    schema_only: bool,

    /// Leave the rows of matching tables, or the documents of matching collections, out (a glob
    /// on names as they are printed); repeat
    #[arg(long, value_name = "PATTERN")]
    exclude_data: Vec<String>,

    /// A file or folder that travels with the archive and is restored beside the database; added to
    /// the target's `files` in bookend.toml. It is no part of `consistent`; repeat
    #[arg(long, value_name = "PATH")]
    files: Vec<PathBuf>,

    /// One point in time although others write (replica sets of MongoDB)
    #[arg(long)]
    consistent: bool,
}

/// Takes a backup and, if asked, proves it.
pub async fn run(invocation: &Invocation, args: Args) -> Result<Outcome, Failure> {
    let target = invocation.target(args.target.as_deref())?;
    let files = sidecars::of(invocation, &target, &args.files)?;
    let place = if args.prove {
        Some(place_beside(invocation, &target, args.prove_on.as_ref())?)
    } else {
        None
    };
    let ws = invocation.workspace("backup")?;
    let backup = take(&ws, &target, &args, files).await?;
    let nouns = ws.engines.nouns(&backup.snapshot.engine);
    for note in &backup.notes {
        invocation.screen.note(note);
    }
    let Some(place) = place else {
        return Ok(outcome(&backup, nouns, None));
    };
    let proof = match operation::prove(&ws, &backup.path, &place).await {
        Ok(proof) => proof,
        Err(error) => return Ok(unproven(&backup, nouns, failure_of(&error))),
    };
    let outcome = outcome(&backup, nouns, Some(&proof));
    Ok(drop_copy(&ws, &backup.snapshot.engine, proof, outcome).await)
}

async fn take(
    ws: &Workspace,
    target: &Target,
    args: &Args,
    files: Vec<PathBuf>,
) -> Result<BackupOutcome, Failure> {
    let request = BackupRequest {
        tag: args.tag.clone(),
        compression: args.compress,
        schema_only: args.schema_only,
        exclude_data: args.exclude_data.clone(),
        consistent: args.consistent,
        files,
        ..BackupRequest::default()
    };
    operation::backup(ws, target, &request)
        .await
        .map_err(|error| failure_of(&error))
}

fn outcome(backup: &BackupOutcome, nouns: Nouns, proof: Option<&Proof>) -> Outcome {
    let mut text = describe(backup, nouns);
    if let Some(proof) = proof {
        text.push_str(&describe_proof(proof, nouns));
    }
    let differs = proof.filter(|proof| proof.verdict != Verdict::Identical);
    Outcome::new(text, document(backup, proof))
        .failing(differs.map(|proof| different(&backup.id, proof.receipt.differences.len())))
}

/// The archive stands, what was asked for beside it did not come about.
fn unproven(backup: &BackupOutcome, nouns: Nouns, failure: Failure) -> Outcome {
    let failure = Failure {
        message: format!(
            "{} was taken but not proven: {}",
            backup.id, failure.message
        ),
        ..failure
    };
    Outcome::new(describe(backup, nouns), document(backup, None)).failing(Some(failure))
}

fn document(backup: &BackupOutcome, proof: Option<&Proof>) -> Value {
    json!({
        "archive": backup.path,
        "id": backup.id,
        "consistent": backup.consistent,
        "objects": backup.objects,
        "rows": backup.rows,
        "bytes_raw": backup.bytes_raw,
        "bytes_stored": backup.bytes_stored,
        "seconds": seconds(backup.seconds),
        "proof": proof.map(|proof| proof.verdict),
        "differences": proof.map(|proof| &proof.receipt.differences),
        "sandbox": proof.and_then(|proof| proof.receipt.sandbox.as_ref()),
        "files": sidecars::document(&backup.files),
        "notes": backup.notes,
    })
}

fn describe(backup: &BackupOutcome, nouns: Nouns) -> String {
    let mut text = format!(
        "{}\n  backup     {} · {} ({} raw) · {} · {}\n",
        printable(&backup.path.to_string_lossy()),
        duration(backup.seconds),
        size(backup.bytes_stored),
        size(backup.bytes_raw),
        numbered(backup.rows, nouns.row),
        consistency::word(backup.consistent),
    );
    for line in sidecars::lines(&backup.files) {
        text.push_str(&format!("  files      {}\n", printable(&line)));
    }
    text
}
