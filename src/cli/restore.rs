//! `bookend restore`.

use std::path::Path;

use serde_json::json;

use super::error::failure_of;
use super::verify::{describe_differences, describe_not_compared, different};
use super::words::{self, ArchiveOrigin, Into};
use super::{Failure, Invocation, Outcome};
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
  bookend restore latest:shop --into shop_orders --only 'public.order*'
  bookend restore latest:shop --into shop_dev --role-map app=dev --role-map admin=dev

There is no flag to overwrite: a name that is taken is refused (exit 4) and a free one suggested.";

/// Restore an archive into a new database
///
/// The database is built under a name of bookend's own (MongoDB has no renaming: under its own,
/// marked as in progress), compared with the archive, and only then published. A copy that
/// differs is dropped again (exit 3).
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A path, a name or a unique prefix of one in the store, latest, or latest:TARGET
    archive: String,

    /// The new database: a name on the archive's own server (or --on's), or a URL
    #[arg(long, value_name = "URL|DATABASE")]
    into: String,

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

    /// Publish the database without comparing it, for this reason
    #[arg(long, value_name = "REASON", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    no_proof: Option<String>,
}

/// Restores an archive.
pub async fn run(invocation: &Invocation, args: Args) -> Result<Outcome, Failure> {
    let ws = invocation.workspace("restore")?;
    let archive = invocation.archive(&ws.store, &args.archive)?;
    let (on, name) = destination(invocation, &ws, &archive, &args).await?;
    let options = RestoreOptions {
        no_owner: args.no_owner,
        no_privileges: args.no_privileges,
        schema_only: args.schema_only,
        role_map: role_map(&args.role_map)?,
        only: args.only.clone(),
        no_proof: args.no_proof.clone(),
        staging: None,
    };
    let nouns = ws.engines.nouns(&archive.engine);
    let restored = operation::restore(&ws, &archive.path, &on, &name, &options)
        .await
        .map_err(|error| told(&archive.path, nouns, &error))?;
    for note in &restored.notes {
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
    args: &Args,
) -> Result<(Target, String), Failure> {
    match (words::into(invocation, &args.into)?, &args.on) {
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
    text.push_str(&describe_differences(&restored.differences));
    text.push_str(&describe_not_compared(&restored.not_compared));
    text
}
