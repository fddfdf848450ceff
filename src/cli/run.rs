//! `bookend run`.

mod environment;
mod finish;
mod launch;
mod left;
mod maker;
mod migration_files;
mod request;
mod wanted;
mod watch;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use left::nobody_still_migrates;

use super::words::{ProveOn, prove_on};
use super::{Exit, Failure, Invocation, Outcome, duration};
use crate::bracket::template::Assignment;
use crate::bracket::{Reason, Terms};
use crate::connection::Target;

pub(super) use finish::keep;
pub(super) use launch::{
    Driven, Held, Start, Told, can_keep, drive, drive_telling, hold_in_store, hold_nothing,
    hold_on_servers, name_run, new_journal, release, store_failure, subject, subjects,
};
pub(super) use left::{
    LeftRun, drop_copies, find, held_to_be_put_back, open, past, still_running, unseen_subjects,
};
pub(super) use request::{Request, writer_lock};
pub(super) use wanted::Wanted;

const EXAMPLES: &str = "\
Examples:
  bookend run -- python manage.py migrate            (the database in DATABASE_URL)
  bookend run shop                                   (shop's `migrate` in bookend.toml)
  bookend run postgres://app@db/shop --timeout 10m -- psql -v ON_ERROR_STOP=1 -f up.sql
  bookend run shop --check 'manage.py makemigrations --check' -- manage.py migrate
  bookend run shop --quiesce './maintenance on' --unquiesce './maintenance off' -- ./migrate
  bookend run shop catalog -- ./migrate-both          (both proven and rehearsed before either)

COMMAND finds its database in DATABASE_URL and PG*; every variable that names the target's URL is \
pointed at it too. In the rehearsal they lead to the copy.

Exit codes: 0 completed · 1 failed before the migration, or the backup after it failed · 3 the backup \
does not restore to the same content, or more was lost than in the rehearsal · 4 refused, or loss in \
the rehearsal that nothing allows · 5 COMMAND or --check failed, or its end is unknown";

/// Bracket a migration: back up, prove, rehearse, migrate, back up again, compare
///
/// COMMAND starts on the target only after a backup was restored into a copy and found identical,
/// and after it went well on that copy.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The databases: a URL, env:NAME, or a name from bookend.toml
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,

    /// The migration; by default the target's `migrate` in bookend.toml
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,

    /// Must exit 0 after the migration, on the copy and then on the target: one line for sh
    #[arg(long, value_name = "COMMAND")]
    check: Option<String>,

    /// Go on without a rehearsal, for this reason
    #[arg(long, value_name = "REASON", value_parser = reason)]
    no_rehearsal: Option<Reason>,

    /// Migrate without proving the backup, for this reason
    #[arg(long, value_name = "REASON", value_parser = reason)]
    no_proof: Option<Reason>,

    /// Where the copy for the proof goes: a TARGET, same-server, or sandbox (a server of its own)
    #[arg(long, value_name = "WHERE", value_parser = prove_on)]
    prove_on: Option<ProveOn>,

    /// Data loss that the rehearsal may show: a glob on names as they are printed; repeat
    #[arg(long, value_name = "PATTERN")]
    allow_loss: Vec<String>,

    /// Go on although others write to the target, for this reason
    #[arg(long, value_name = "REASON", value_parser = reason)]
    accept_writes: Option<Reason>,

    /// Run before the target is looked at for writes of others: one line for sh
    #[arg(long, value_name = "COMMAND")]
    quiesce: Option<String>,

    /// Run at the end, whatever the end, once --quiesce was begun: one line for sh
    #[arg(long, value_name = "COMMAND", requires = "quiesce")]
    unquiesce: Option<String>,

    /// Keep the copies of the rehearsal, for 7 days
    #[arg(long)]
    keep_copy: bool,

    /// What becomes of a target whose migration or check failed: kept as it is, or rolled back at once
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    on_failure: OnFailure,
    /// Keep a pristine copy, for 7 days: the next rehearsals of the same archive clone it
    #[arg(long, conflicts_with_all = ["no_proof", "no_rehearsal"])]
    template: bool,

    /// Ask on the terminal after the rehearsal
    #[arg(long)]
    pause: bool,

    /// Back up one point in time although others write (replica sets of MongoDB)
    #[arg(long)]
    consistent: bool,

    /// End COMMAND, and --check, if it takes longer
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    timeout: Option<Duration>,

    /// Set a variable for COMMAND; {url}, {host}, {port}, {user}, {password}, {database} are filled in; repeat
    #[arg(long, value_name = "NAME=TEMPLATE", value_parser = Assignment::parse)]
    env: Vec<Assignment>,

    /// What COMMAND consists of: files and folders for the bundle; repeat
    #[arg(long, value_name = "PATH")]
    migration_files: Vec<PathBuf>,
}

/// What becomes of a target whose migration or check failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum OnFailure {
    /// It stays as it is
    #[default]
    Keep,
    /// It is rolled back at once, and the failed database kept
    Rollback,
}

pub(super) fn reason(text: &str) -> Result<Reason, String> {
    Reason::new(text).map_err(|error| error.to_string())
}

impl From<Args> for Wanted {
    fn from(args: Args) -> Self {
        Self {
            terms: Terms {
                targets: 0,
                no_proof: args.no_proof,
                no_rehearsal: args.no_rehearsal,
                accept_writes: args.accept_writes,
                check: args.check.is_some(),
                pause: args.pause,
                quiesce: args.quiesce.is_some(),
                unquiesce: args.unquiesce.is_some(),
                rollback: args.on_failure == OnFailure::Rollback,
                rehearse_only: false,
            },
            command: args.command,
            check: args.check,
            quiesce: args.quiesce,
            unquiesce: args.unquiesce,
            env: args.env,
            timeout: args.timeout,
            consistent: args.consistent,
            prove_on: args.prove_on,
            allow_loss: args.allow_loss,
            keep_copy: args.keep_copy,
            template: args.template,
            migration_files: args.migration_files,
            rollback: None,
        }
    }
}

/// Brackets a migration.
pub async fn run(invocation: &Invocation, args: Args) -> Result<Outcome, Failure> {
    if args.pause && !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Err(
            Failure::usage("--pause asks on a terminal, and there is none")
                .hint("bookend rehearse first, then bookend run without --pause"),
        );
    }
    let targets = targets(invocation, &args.targets)?;
    let request = Request::new(invocation, &targets, args.into())?;
    let mut ws = invocation.workspace("run")?;
    let _writer = name_run(&mut ws, &targets)?;
    let in_store = hold_in_store(&ws, &targets)?;
    nobody_still_migrates(&ws, invocation, &targets)?;
    let subjects = subjects(invocation, &ws, &targets, &request).await?;
    let locks = hold_on_servers(&ws, &targets, false).await?;
    let folder = ws.store.new_run(&ws.run).map_err(store_failure)?;
    let journal = new_journal(&folder)?;
    let places: Vec<_> = subjects.iter().map(|one| one.place.clone()).collect();
    let plan = Box::new(request.plan(invocation, &ws.run, &places));
    let held = Held {
        subjects,
        locks,
        _store: in_store,
    };
    let driven = (request, held, Start::Plan(plan));
    drive(invocation, &ws, &folder, journal, driven).await
}

/// The targets that words stand for; without any, the only one that there is.
pub(super) fn targets(invocation: &Invocation, words: &[String]) -> Result<Vec<Target>, Failure> {
    if words.is_empty() {
        return Ok(vec![invocation.target(None)?]);
    }
    words
        .iter()
        .map(|word| invocation.target(Some(word)))
        .collect()
}
