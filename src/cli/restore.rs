//! `bookend restore`.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::error::failure_of;
use super::verify::{describe_differences, describe_not_compared, different};
use super::words::{self, ArchiveOrigin, Into};
use super::{Failure, Invocation, Outcome, sidecars};
use crate::connection::Target;
use crate::operation::{self, OperationError, RestoreOptions, RestoreOutcome, Verdict, Workspace};
use crate::report::figures::{duration, printable, seconds};
use crate::snapshot::{Nouns, Source};
use crate::store::StoredArchive;

const EXAMPLES: &str = "\
Examples:
  bookend restore latest:shop --into shop_yesterday
  bookend restore shop-20261120T043512Z --into postgres://postgres@spare.example/shop
  bookend restore ./shop.tar --into shop_copy --on spare --no-owner --no-privileges
  bookend restore latest:shop --into shop_copy --files-into /srv/shop_copy
  bookend restore latest:shop --only-files                    (no server, only what travels along)
  bookend restore latest:shop --into shop_orders --only 'public.order*'
  bookend restore latest:shop --into shop_dev --role-map app=dev --role-map admin=dev

There is no flag to overwrite: a name that is taken is refused (exit 4) and a free one suggested.";

const USAGE: &str = "bookend restore [OPTIONS] --into <URL|DATABASE> <ARCHIVE>
       bookend restore [OPTIONS] --only-files <ARCHIVE>";

/// Restore an archive into a new database
///
/// The database is built under a name of bookend's own (MongoDB has no renaming: under its own,
/// marked as in progress), compared with the archive, and only then published. A copy that
/// differs is dropped again (exit 3). Files that travel with the archive are put into a new folder
/// beside, which gets its name after the database has its own.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, override_usage = USAGE)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct Args {
    /// A path, a name or a unique prefix of one in the store, latest, or latest:TARGET
    archive: String,

    /// The new database: a name on the archive's own server (or --on's), or a URL
    #[arg(
        long,
        value_name = "URL|DATABASE",
        required_unless_present = "only_files"
    )]
    into: Option<String>,

    /// The server, as a TARGET
    #[arg(long, value_name = "TARGET")]
    on: Option<String>,

    /// All objects belong to the connecting role (PostgreSQL)
    #[arg(long)]
    no_owner: bool,

    /// No grants (PostgreSQL)
    #[arg(long)]
    no_privileges: bool,

    /// Give to role NEW what is OLD's: owners, grants, default privileges, policies, settings
    /// (PostgreSQL); repeat
    #[arg(long, value_name = "OLD=NEW", value_parser = role_pair)]
    role_map: Vec<(String, String)>,

    /// Only the tables, views and sequences, or collections, that match (a glob on names as they
    /// are printed: public.orders, 'public.*'), with what they need to exist; repeat
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,

    /// Definitions only, no rows (PostgreSQL)
    #[arg(long)]
    schema_only: bool,

    /// The new folder for the files that travel with the archive [default: DATABASE.files in the
    /// working folder]
    #[arg(long, value_name = "DIR", conflicts_with = "no_files")]
    files_into: Option<PathBuf>,

    /// Leave the files in the archive
    #[arg(long)]
    no_files: bool,

    /// Only the files, no database [default of --files-into: ARCHIVE.files]
    #[arg(long, conflicts_with_all = ["into", "on", "no_files", "no_proof", "schema_only", "no_owner", "no_privileges"])]
    only_files: bool,

    /// Publish the database without comparing it, for this reason
    #[arg(long, value_name = "REASON", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    no_proof: Option<String>,
}

/// Restores an archive.
pub async fn run(invocation: &Invocation, args: Args) -> Result<Outcome, Failure> {
    let ws = invocation.workspace("restore")?;
    let archive = invocation.archive(&ws.store, &args.archive)?;
    holds_files(&archive, &args)?;
    let Some(into) = args.into.as_deref() else {
        return only_files(invocation, &ws, &archive, args.files_into).await;
    };
    let (on, name) = destination(invocation, &ws, &archive, (into, &args)).await?;
    let options = RestoreOptions {
        no_owner: args.no_owner,
        no_privileges: args.no_privileges,
        schema_only: args.schema_only,
        files_into: files_into(&archive, &name, &args),
        role_map: role_map(&args.role_map)?,
        only: args.only.clone(),
        no_proof: args.no_proof.clone(),
        staging: None,
    };
    let nouns = ws.engines.nouns(&archive.engine);
    let restored = operation::restore(&ws, &archive.path, &on, &name, &options)
        .await
        .map_err(|error| told(&archive.path, nouns, &error))?;
    let of_files = restored.files.iter().flat_map(|files| &files.notes);
    for note in restored.notes.iter().chain(of_files) {
        invocation.screen.note(note);
    }
    for left in &restored.left_out {
        invocation.screen.note(&format!("left out: {left}"));
    }
    if let Some(reason) = &args.no_proof {
        invocation.screen.warning(&format!(
            "the copy was not compared with the archive: {reason}"
        ));
    }
    Ok(outcome(&archive, &restored, args.no_proof.as_deref()))
}

/// Files are asked for, and there are some.
fn holds_files(archive: &StoredArchive, args: &Args) -> Result<(), Failure> {
    let asked = args.only_files || args.files_into.is_some();
    if asked && archive.files.is_empty() {
        return Err(
            Failure::usage(format!("no files travel with {}", archive.id)).hint(
                "bookend list --json shows which archives have some; leave --files-into and --only-files away",
            ),
        );
    }
    Ok(())
}

/// Where the files go; definitions alone are restored without them unless a folder is named.
fn files_into(archive: &StoredArchive, name: &str, args: &Args) -> Option<PathBuf> {
    if archive.files.is_empty() || args.no_files {
        return None;
    }
    let named = args.files_into.clone();
    named.or_else(|| (!args.schema_only).then(|| operation::folder_for(name)))
}

/// Takes the files out and leaves the database where it is.
async fn only_files(
    invocation: &Invocation,
    ws: &Workspace,
    archive: &StoredArchive,
    into: Option<PathBuf>,
) -> Result<Outcome, Failure> {
    let folder = into.unwrap_or_else(|| operation::folder_for(&archive.id));
    let nouns = ws.engines.nouns(&archive.engine);
    let restored = operation::restore_files(ws, &archive.path, &folder)
        .await
        .map_err(|error| told(&archive.path, nouns, &error))?;
    for note in &restored.notes {
        invocation.screen.note(note);
    }
    let document = json!({
        "archive": archive.path,
        "id": archive.id,
        "database": null,
        "url": null,
        "verdict": null,
        "files": sidecars::restored_document(Some(&restored)),
        "notes": restored.notes,
    });
    let text = format!(
        "files of {}; its database was left alone\n{}",
        printable(&archive.id),
        sidecars::restored(&restored)
    );
    Ok(Outcome::new(text, document))
}

/// Reads a value of `--role-map`. Names are as they are, without quotes; the first `=` parts them.
fn role_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => {
            Ok((old.to_owned(), new.to_owned()))
        }
        _ => Err("write OLD=NEW, two names of roles, such as shop_app=dev".to_owned()),
    }
}

/// A role's things cannot go to two others.
fn role_map(pairs: &[(String, String)]) -> Result<Vec<(String, String)>, Failure> {
    for (index, (old, new)) in pairs.iter().enumerate() {
        let other = pairs[..index].iter().find(|(o, n)| o == old && n != new);
        if let Some((_, other)) = other {
            return Err(Failure::usage(format!(
                "--role-map gives what is {old}'s to {other} and to {new}: name it once"
            )));
        }
    }
    Ok(pairs.to_vec())
}

/// Damage is met in a member; the person knows the archive.
pub(super) fn told(archive: &Path, nouns: Nouns, error: &OperationError) -> Failure {
    let failure = failure_of(error);
    if !error.is_damage() {
        return failure;
    }
    Failure {
        message: format!("{} is damaged: {}", archive.display(), failure.message),
        ..failure
    }
    .hint(format!(
        "bookend verify {} names every {} that is hit",
        archive.display(),
        nouns.object.one
    ))
}

async fn destination(
    invocation: &Invocation,
    ws: &Workspace,
    archive: &StoredArchive,
    (into, args): (&str, &Args),
) -> Result<(Target, String), Failure> {
    match (words::into(invocation, into)?, &args.on) {
        (Into::Server(_), Some(_)) => Err(Failure::usage(
            "--into names a server already: leave --on away, or give --into a database's name",
        )),
        (Into::Server(target), None) => {
            let name = target.database().to_owned();
            Ok((*target, name))
        }
        (Into::Name(name), Some(word)) => Ok((invocation.target(Some(word))?, name)),
        (Into::Name(name), None) => {
            let opened = operation::open(&archive.path)
                .await
                .map_err(|error| failure_of(&error))?;
            let origin = ArchiveOrigin {
                id: &archive.id,
                label: &archive.target,
                snapshot: opened.snapshot(),
            };
            Ok((words::home(invocation, ws, &origin).await?, name))
        }
    }
}

fn outcome(archive: &StoredArchive, restored: &RestoreOutcome, no_proof: Option<&str>) -> Outcome {
    let document = json!({
        "archive": archive.path,
        "id": archive.id,
        "database": restored.database,
        "url": restored.url,
        "seconds": seconds(restored.seconds),
        "verdict": restored.verdict,
        "differences": restored.differences,
        "not_compared": restored.not_compared,
        "no_proof": no_proof,
        "files": sidecars::restored_document(restored.files.as_ref()),
        "left_out": restored.left_out,
        "notes": restored.notes,
    });
    let failure = (restored.verdict == Some(Verdict::Different)).then(|| {
        let told = different(&archive.id, restored.differences.len());
        Failure {
            message: format!("{}; it was dropped and nothing was published", told.message),
            ..told
        }
    });
    Outcome::new(describe(archive, restored), document).failing(failure)
}

fn describe(archive: &StoredArchive, restored: &RestoreOutcome) -> String {
    let verdict = restored
        .verdict
        .map_or_else(|| "not compared".to_owned(), |verdict| verdict.to_string());
    let mut text = match (&restored.database, &restored.url) {
        (Some(database), Some(url)) => format!(
            "{} restored from {} in {}: {verdict}\n  {}\n",
            printable(database),
            printable(&archive.id),
            duration(restored.seconds),
            printable(url),
        ),
        _ => format!("{}: {verdict}\n", printable(&archive.id)),
    };
    if let Some(files) = &restored.files {
        text.push_str(&sidecars::restored(files));
    }
    text.push_str(&describe_differences(&restored.differences));
    text.push_str(&describe_not_compared(&restored.not_compared));
    text
}
