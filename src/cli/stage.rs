//! `bookend stage`.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::error::failure_of;
use super::restore::told;
use super::verify::{describe_differences, describe_not_compared, different};
use super::words::{ProveOn, place_beside, prove_on};
use super::{Failure, Invocation, Outcome, duration, sidecars};
use crate::connection::Target;
use crate::operation::{
    self, BackupOutcome, BackupRequest, Compression, Place, RestoreOutcome, StageOutcome,
    StageRequest, Verdict, Workspace,
};
use crate::report::consistency;
use crate::report::figures::{duration as shown, numbered, printable, seconds, size};
use crate::snapshot::Nouns;

const EXAMPLES: &str = "\
Examples:
  bookend stage shop
  bookend stage shop --into shop_demo --expires 30d
  bookend stage shop --on spare

A name that is taken is refused before anything is done (exit 4) and a free one suggested.";

/// Back a database up and restore it into a staging database
///
/// Takes a fresh backup into the store, restores it into a new database for people to work on, and
/// compares the two before that gets its name; one that differs is dropped again (exit 3). Its
/// marker says from which archive it came and when it expires. Staging databases of that server
/// that have expired are dropped first. `bookend copies drop` drops one before its time.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The database: a URL, env:NAME, or a name from bookend.toml
    target: Option<String>,

    /// The new database's name (default: the target's with _staging_ and the time behind it)
    #[arg(long, value_name = "DATABASE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    into: Option<String>,

    /// How long it is kept: 12h, 7d
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = term)]
    expires: TimeDelta,

    /// Where it goes: a TARGET, or same-server (default: the target's `prove_on` if that is a
    /// server, else the same server)
    #[arg(long, value_name = "WHERE", value_parser = prove_on)]
    on: Option<ProveOn>,

    /// Publish the database without comparing it, for this reason
    #[arg(long, value_name = "REASON", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    no_proof: Option<String>,

    /// How to compress the archive: zstd[:1-19], gzip[:1-9] or none
    #[arg(long, value_name = "METHOD", default_value = "zstd:1")]
    compress: Compression,

    /// Read one point in time although others write (replica sets of MongoDB)
    #[arg(long)]
    consistent: bool,
}

/// The longest time that a staging database is kept.
const LONGEST_DAYS: i64 = 3660;

fn term(text: &str) -> Result<TimeDelta, String> {
    let parsed = duration::parse(text)?;
    let term = TimeDelta::from_std(parsed).unwrap_or(TimeDelta::MAX);
    if term.is_zero() {
        return Err("it would expire at once: give it a while, such as 7d".to_owned());
    }
    if term > TimeDelta::days(LONGEST_DAYS) {
        return Err(
            "a staging database is kept for ten years at most; to keep one for good: bookend restore"
                .to_owned(),
        );
    }
    Ok(term)
}

/// Makes a staging database.
pub async fn run(invocation: &Invocation, args: Args) -> Result<Outcome, Failure> {
    let target = invocation.target(args.target.as_deref())?;
    let place = place(invocation, &target, args.on.as_ref())?;
    if let Some(into) = args.into.as_deref().filter(|into| into.contains("://")) {
        let said = Target::parse(into, &invocation.environment)
            .map_or_else(|_| "a URL".to_owned(), |target| target.display_url());
        return Err(Failure::usage(format!(
            "--into takes the name of a database, not {said}: the server is said with --on"
        )));
    }
    let ws = invocation.workspace("stage")?;
    let request = StageRequest {
        into: args.into,
        term: args.expires,
        no_proof: args.no_proof.clone(),
        backup: BackupRequest {
            tag: Some("staging".to_owned()),
            compression: args.compress,
            consistent: args.consistent,
            files: sidecars::of(invocation, &target, &[])?,
            ..BackupRequest::default()
        },
    };
    let staged = operation::stage(&ws, &target, &place, &request)
        .await
        .map_err(|error| failure_of(&error))?;
    let mut notes = staged.backup.notes.clone();
    if let Ok(restored) = &staged.restored {
        notes.extend(restored.notes.iter().cloned());
    }
    for note in &notes {
        invocation.screen.note(note);
    }
    if let (Some(reason), Ok(_)) = (&args.no_proof, &staged.restored) {
        invocation.screen.warning(&format!(
            "the copy was not compared with the archive: {reason}"
        ));
    }
    Ok(outcome(&ws, &staged, args.no_proof.as_deref(), &notes))
}

/// Where it goes. A sandbox ends with the command, so one that is configured for proofs says
/// nothing of staging databases.
fn place(
    invocation: &Invocation,
    target: &Target,
    asked: Option<&ProveOn>,
) -> Result<Place, Failure> {
    let place = place_beside(invocation, target, asked)?;
    match (place, asked) {
        (Place::Sandbox(_), None) => {
            invocation.screen.note(
                "a sandbox ends with the command: the staging database goes to the same server",
            );
            Ok(Place::SameServer(target.clone()))
        }
        (Place::Sandbox(_), Some(_)) => Err(Failure::usage(
            "a sandbox ends with the command, and the staging database with it: --on takes a TARGET or same-server",
        )),
        (place, _) => Ok(place),
    }
}

fn outcome(
    ws: &Workspace,
    staged: &StageOutcome,
    no_proof: Option<&str>,
    notes: &[String],
) -> Outcome {
    let nouns = ws.engines.nouns(&staged.backup.snapshot.engine);
    let mut text = describe_backup(&staged.backup, nouns);
    let (failure, restored) = match &staged.restored {
        Ok(restored) => {
            text.push_str(&describe(restored));
            (not_the_same(&staged.backup, restored), Some(restored))
        }
        Err(error) => (Some(unstaged(&staged.backup, nouns, error)), None),
    };
    let document = document(staged, restored, no_proof, notes);
    Outcome::new(text, document).failing(failure)
}

fn not_the_same(backup: &BackupOutcome, restored: &RestoreOutcome) -> Option<Failure> {
    (restored.verdict == Some(Verdict::Different)).then(|| {
        let told = different(&backup.id, restored.differences.len());
        Failure {
            message: format!("{}; it was dropped and nothing was published", told.message),
            ..told
        }
    })
}

/// The archive stands, the database did not come about.
fn unstaged(backup: &BackupOutcome, nouns: Nouns, error: &operation::OperationError) -> Failure {
    let failure = told(&backup.path, nouns, error);
    Failure {
        message: format!(
            "{} was taken but no staging database made of it: {}",
            backup.id, failure.message
        ),
        ..failure
    }
}

fn document(
    staged: &StageOutcome,
    restored: Option<&RestoreOutcome>,
    no_proof: Option<&str>,
    notes: &[String],
) -> Value {
    let backup = &staged.backup;
    let took = restored.map_or(backup.seconds, |restored| backup.seconds + restored.seconds);
    json!({
        "archive": backup.path,
        "id": backup.id,
        "consistent": backup.consistent,
        "database": restored.and_then(|restored| restored.database.as_ref()),
        "url": restored.and_then(|restored| restored.url.as_ref()),
        "expires": restored.and_then(|restored| restored.expires),
        "seconds": seconds(took),
        "verdict": restored.and_then(|restored| restored.verdict),
        "differences": restored.map(|restored| &restored.differences),
        "not_compared": restored.map(|restored| &restored.not_compared),
        "no_proof": no_proof,
        "files": sidecars::restored_document(restored.and_then(|restored| restored.files.as_ref())),
        "dropped": staged.swept.dropped,
        "notes": notes,
    })
}

fn describe_backup(backup: &BackupOutcome, nouns: Nouns) -> String {
    format!(
        "{}\n  backup     {} · {} · {} · {}\n",
        printable(&backup.path.to_string_lossy()),
        shown(backup.seconds),
        size(backup.bytes_stored),
        numbered(backup.rows, nouns.row),
        consistency::word(backup.consistent),
    )
}

fn describe(restored: &RestoreOutcome) -> String {
    let verdict = restored
        .verdict
        .map_or_else(|| "not compared".to_owned(), |verdict| verdict.to_string());
    let mut text = match (&restored.database, &restored.url, restored.expires) {
        (Some(database), Some(url), Some(expires)) => format!(
            "{}\n  restored   {} · {verdict}\n  expires    {}\n  {}\n",
            printable(database),
            shown(restored.seconds),
            expires.format("%Y-%m-%d %H:%M UTC"),
            printable(url),
        ),
        _ => format!("  restored   {} · {verdict}\n", shown(restored.seconds)),
    };
    if let Some(files) = &restored.files {
        text.push_str(&sidecars::restored(files));
    }
    text.push_str(&describe_differences(&restored.differences));
    text.push_str(&describe_not_compared(&restored.not_compared));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_neither_nothing_nor_for_ever() {
        assert_eq!(term("7d"), Ok(TimeDelta::days(7)));
        assert_eq!(term("1ms"), Ok(TimeDelta::milliseconds(1)));
        assert!(term("0").is_err());
        assert!(term("20000d").is_err());
        assert!(term("99999999999999d").is_err());
        assert!(term("soon").is_err());
    }
}
