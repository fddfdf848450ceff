//! `bookend rehearse`.

use std::path::Path;
use std::time::Duration;

use super::run::{Held, Request, Start, Wanted, drive, name_run, new_journal, store_failure};
use super::run::{can_keep, hold_nothing, subject};
use super::words::{ArchiveOrigin, ProveOn, place_beside, place_for, prove_on, recorded};
use super::{Failure, Invocation, Outcome, duration, error::failure_of};
use crate::bracket::Terms;
use crate::bracket::journal::ArchiveFacts;
use crate::bracket::live::{Subject, Wishes};
use crate::bracket::template::Assignment;
use crate::operation::{self, OperationError, Place, Workspace};
use crate::snapshot::Source as _;

const EXAMPLES: &str = "\
Examples:
  bookend rehearse shop -- python manage.py migrate
  bookend rehearse latest:shop -- ./migrate      (a stored archive: no live target)
  bookend rehearse latest:shop --prove-on shop --template -- ./migrate
                                                 (the next ones clone what this one proved)
  bookend rehearse shop --allow-loss 'public.log_*' --keep-copy -- ./migrate

The target is only read: it is backed up, the backup is restored into a copy and compared, and COMMAND \
runs on that copy. An ARCHIVE needs no live target: its copy goes to a sandbox unless --prove-on says \
otherwise.

Exit codes: 0 it went well · 3 the backup does not restore to the same content · 4 data would be \
lost that nothing allows · 5 COMMAND or --check failed";

/// Try a migration on a proven copy; the target is only read
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The databases, or archives that stand for them
    #[arg(value_name = "TARGET|ARCHIVE")]
    words: Vec<String>,

    /// The migration; by default the target's `migrate` in bookend.toml
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,

    /// Must exit 0 after the migration: one line for sh
    #[arg(long, value_name = "COMMAND")]
    check: Option<String>,

    /// Where the copy goes: a TARGET, same-server, or sandbox (a server of its own)
    #[arg(long, value_name = "WHERE", value_parser = prove_on)]
    prove_on: Option<ProveOn>,

    /// Data loss that the rehearsal may show: a glob on names as they are printed; repeat
    #[arg(long, value_name = "PATTERN")]
    allow_loss: Vec<String>,

    /// Keep the copies, for 7 days
    #[arg(long)]
    keep_copy: bool,

    /// Keep a pristine copy, for 7 days: the next rehearsals of the same archive clone it
    #[arg(long)]
    template: bool,

    /// Back up one point in time although others write (replica sets of MongoDB)
    #[arg(long)]
    consistent: bool,

    /// End COMMAND, and --check, if it takes longer
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    timeout: Option<Duration>,

    /// Set a variable for COMMAND; {url}, {host}, {port}, {user}, {password}, {database} are filled in; repeat
    #[arg(long, value_name = "NAME=TEMPLATE", value_parser = Assignment::parse)]
    env: Vec<Assignment>,
}

impl From<Args> for Wanted {
    fn from(args: Args) -> Self {
        Self {
            terms: Terms {
                check: args.check.is_some(),
                rehearse_only: true,
                ..Terms::default()
            },
            command: args.command,
            check: args.check,
            env: args.env,
            timeout: args.timeout,
            consistent: args.consistent,
            prove_on: args.prove_on,
            allow_loss: args.allow_loss,
            keep_copy: args.keep_copy,
            template: args.template,
            ..Self::default()
        }
    }
}

/// Tries a migration.
pub async fn run(invocation: &Invocation, args: Args) -> Result<Outcome, Failure> {
    let mut ws = invocation.workspace("rehearse")?;
    let asked = Asked {
        prove_on: args.prove_on.clone(),
        consistent: args.consistent,
        wishes: Wishes {
            keep_copies: args.keep_copy,
            templates: args.template,
            ..Wishes::default()
        },
    };
    let mut subjects = Vec::new();
    if args.words.is_empty() {
        let target = invocation.target(None)?;
        subjects.push(asked.live(invocation, &ws, target).await?);
    }
    for word in &args.words {
        subjects.push(asked.subject(invocation, &ws, word).await?);
    }
    let targets: Vec<_> = subjects.iter().map(|one| one.target.clone()).collect();
    let request = Request::new(invocation, &targets, args.into())?;
    let _writer = name_run(&mut ws, &targets)?;
    let folder = ws.store.new_run(&ws.run).map_err(store_failure)?;
    let journal = new_journal(&folder)?;
    let places: Vec<_> = subjects.iter().map(|one| one.place.clone()).collect();
    let plan = Box::new(request.plan(invocation, &ws.run, &places));
    // Nothing is written to a target, so nobody is kept off it.
    let held: Held = hold_nothing(subjects);
    let driven = (request, held, Start::Plan(plan));
    drive(invocation, &ws, &folder, journal, driven).await
}

struct Asked {
    prove_on: Option<ProveOn>,
    consistent: bool,
    wishes: Wishes,
}

impl Asked {
    /// What a word stands for: a target wins over an archive of the same name.
    async fn subject(
        &self,
        invocation: &Invocation,
        ws: &Workspace,
        word: &str,
    ) -> Result<Subject, Failure> {
        let is_target = invocation.config.is_target(word);
        let archive = ws.store.select(word);
        match (is_target, archive) {
            (true, found) => {
                if found.is_ok() {
                    invocation.screen.note(&format!(
                        "{word} is a target and an archive; the target is taken"
                    ));
                }
                let target = invocation.target(Some(word))?;
                self.live(invocation, ws, target).await
            }
            (false, Ok(archive)) => self.stored(invocation, ws, &archive.path).await,
            (false, Err(error)) => Err(failure_of(&OperationError::from(error))),
        }
    }

    async fn live(
        &self,
        invocation: &Invocation,
        ws: &Workspace,
        target: crate::connection::Target,
    ) -> Result<Subject, Failure> {
        let place = place_beside(invocation, &target, self.prove_on.as_ref())?;
        can_keep(ws, &self.wishes, (&target, &place))?;
        let asked = (self.prove_on.as_ref(), self.consistent);
        subject(invocation, ws, &target, asked, true).await
    }

    /// An archive stands for its target, which is not touched: its name is all that is needed,
    /// to re-point what leads there.
    async fn stored(
        &self,
        invocation: &Invocation,
        ws: &Workspace,
        path: &Path,
    ) -> Result<Subject, Failure> {
        let opened = operation::open(path).await;
        let opened = opened.map_err(|error| failure_of(&error))?;
        let head = &opened.manifest().archive;
        let origin = ArchiveOrigin {
            id: &head.id,
            label: &head.target,
            snapshot: opened.snapshot(),
        };
        let configured = invocation
            .config
            .target(&head.target)
            .is_some_and(|target| target.prove_on.is_some());
        // Its own server is left alone unless somebody says otherwise.
        let asked = match &self.prove_on {
            None if !configured => Some(ProveOn::Sandbox),
            asked => asked.clone(),
        };
        let place = place_for(invocation, ws, &origin, asked.as_ref()).await?;
        let place = place.for_rehearsal();
        let target = recorded(invocation, &origin)?;
        can_keep(ws, &self.wishes, (&target, &place))?;
        if let Place::Sandbox(_) = place {
            let looked = operation::sandbox::look(ws, opened.snapshot()).await;
            looked.map_err(|error| failure_of(&error))?;
        }
        let given = ArchiveFacts {
            id: head.id.clone(),
            path: path.display().to_string(),
            objects: head.objects,
            rows: head.rows,
            bytes_raw: head.bytes_raw,
            bytes_stored: std::fs::metadata(path).map_or(0, |file| file.len()),
            consistent: head.consistent,
        };
        Ok(Subject {
            target,
            place,
            inspection: None,
            consistent: false,
            files: Vec::new(),
            given: Some(given),
        })
    }
}
