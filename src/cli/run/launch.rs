//! Getting hold of the targets, and driving a run to its end.

use std::sync::Arc;

use chrono::Utc;

use super::super::error::failure_of;
use super::super::words::{ProveOn, place_beside};
use super::super::{Exit, Failure, Invocation, Outcome, sidecars};
use super::finish::{self, Explainer};
use super::request::{Request, lock_name, writer_lock};
use super::watch::StepLines;
use crate::bracket::command::{Output, Streams};
use crate::bracket::hands::Watch;
use crate::bracket::journal::{AppendFile, JOURNAL, Plan, read};
use crate::bracket::live::{Live, Subject, Wishes};
use crate::bracket::{Bracket, Event, Journal, JournalError, State, run_id};
use crate::connection::Target;
use crate::engine::{Claim, EngineError, Inspection, TargetLock};
use crate::operation::rollback::StepTold;
use crate::operation::{self, Area, OperationError, Place, Workspace};
use crate::report::figures::target_word;
use crate::store::{RunFolder, StoreError, StoreLock};

/// What COMMAND and `--check` print.
const LOG: &str = "command.log";

/// The targets as a run works on them.
pub(in super::super) struct Held {
    pub subjects: Vec<Subject>,
    /// On the servers.
    pub locks: Vec<Box<dyn TargetLock>>,
    /// In the store; given back when they are dropped.
    pub _store: Vec<StoreLock>,
}

/// One run of a target at a time, among those that share the store.
pub(in super::super) fn hold_in_store(
    ws: &Workspace,
    targets: &[Target],
) -> Result<Vec<StoreLock>, Failure> {
    let holder = format!("run {} (process {})", ws.run, std::process::id());
    // In one order for all, so that two runs of the same targets cannot wait for each other.
    let mut sorted: Vec<&Target> = targets.iter().collect();
    sorted.sort_by_key(|target| lock_name(target));
    let lock = |target: &&Target| {
        ws.store
            .lock(&lock_name(target), &holder)
            .map_err(|error| match error {
                StoreError::Busy { holder, .. } => Failure::new(
                    Exit::Refused,
                    "busy",
                    format!("{} is being migrated by {holder}", target.label()),
                )
                .hint("bookend status"),
                other => store_failure(other),
            })
    };
    sorted.iter().map(lock).collect()
}

/// Looks at each target.
pub(in super::super) async fn subjects(
    invocation: &Invocation,
    ws: &Workspace,
    targets: &[Target],
    request: &Request,
) -> Result<Vec<Subject>, Failure> {
    let mut subjects = Vec::new();
    for target in targets {
        let place = place_beside(invocation, target, request.prove_on())?;
        can_keep(ws, &request.wishes(), (target, &place))?;
        let asked = (request.prove_on(), request.consistent());
        let proofs = request.terms.no_proof.is_none();
        subjects.push(subject(invocation, ws, target, asked, proofs).await?);
    }
    Ok(subjects)
}

/// Looks at one target.
pub(in super::super) async fn subject(
    invocation: &Invocation,
    ws: &Workspace,
    target: &Target,
    (prove_on, consistent): (Option<&ProveOn>, bool),
    proofs: bool,
) -> Result<Subject, Failure> {
    let files = sidecars::of(invocation, target, &[])?;
    Ok(Subject {
        files,
        place: place_beside(invocation, target, prove_on)?.for_rehearsal(),
        inspection: Some(inspect(ws, target, proofs).await?),
        target: target.clone(),
        consistent,
        given: None,
    })
}

/// Refuses to keep a copy or a template where the engine cannot, or where its server ends with
/// bookend.
pub(in super::super) fn can_keep(
    ws: &Workspace,
    wishes: &Wishes,
    (target, place): (&Target, &Place),
) -> Result<(), Failure> {
    if wishes.templates {
        operation::can_keep_templates(ws, target)
            .map_err(|error| failure_of(&error).hint("rehearse it without --template"))?;
    }
    let asked = [
        ("--keep-copy", wishes.keep_copies),
        ("--template", wishes.templates),
    ];
    for (flag, _) in asked.iter().filter(|(_, wished)| *wished) {
        if matches!(place, Place::Sandbox(_)) {
            return Err(Failure::usage(format!(
                "{flag} is not possible in a sandbox: it ends with the command"
            ))
            .hint("say which server the copy goes to: --prove-on TARGET"));
        }
    }
    Ok(())
}

/// For what only reads.
pub(in super::super) fn hold_nothing(subjects: Vec<Subject>) -> Held {
    Held {
        subjects,
        locks: Vec::new(),
        _store: Vec::new(),
    }
}

/// Looks at a target before there is a run: where it cannot be reached or a tool is missing,
/// there is nothing to record.
async fn inspect(ws: &Workspace, target: &Target, proofs: bool) -> Result<Inspection, Failure> {
    let diagnosis = operation::doctor(ws, target).await;
    let tool_missing = proofs && diagnosis.fails(Area::Tools);
    let missing: Vec<String> = diagnosis
        .findings
        .iter()
        .filter(|finding| finding.area == Area::Tools && finding.check.fix.is_some())
        .map(|finding| format!("{}: {}", finding.check.what, finding.check.found))
        .collect();
    match (diagnosis.inspection, diagnosis.obstacle) {
        (_, Some(obstacle)) => Err(failure_of(&obstacle)),
        (Some(_), None) if tool_missing => Err(Failure::new(
            Exit::Tool,
            "tool",
            format!("a tool for {} is missing or too old", target.database()),
        )
        .because(missing)
        .hint(doctor(target))),
        (Some(inspection), None) => Ok(inspection),
        (None, None) => Err(failure_of(&OperationError::Broken {
            what: "looking at the target",
        })),
    }
}

fn doctor(target: &Target) -> String {
    let word = target_word(target.origin(), &target.display_url());
    format!("bookend doctor {word}")
}

/// One run of a target at a time, from any machine.
pub(in super::super) async fn hold_on_servers(
    ws: &Workspace,
    targets: &[Target],
    take_over: bool,
) -> Result<Vec<Box<dyn TargetLock>>, Failure> {
    let mut locks = Vec::new();
    for target in targets {
        match hold_on_server(ws, target, take_over).await {
            Ok(lock) => locks.push(lock),
            Err(error) => {
                release(locks).await;
                return Err(failure_of(&error));
            }
        }
    }
    Ok(locks)
}

pub(in super::super) async fn release(locks: Vec<Box<dyn TargetLock>>) {
    for lock in locks {
        lock.release().await;
    }
}

async fn hold_on_server(
    ws: &Workspace,
    target: &Target,
    take_over: bool,
) -> Result<Box<dyn TargetLock>, OperationError> {
    let engine = ws.engines.get(target.engine())?;
    let claim = Claim {
        run: ws.run.clone(),
        take_over,
    };
    match engine.lock(&ws.context(), target, &claim).await {
        // Its end is in this store's own journals: nobody is there to be kept off.
        Err(EngineError::Held { holder, .. }) if has_ended(ws, &holder.run) => {
            let old = Claim {
                run: holder.run,
                take_over: true,
            };
            engine
                .lock(&ws.context(), target, &old)
                .await?
                .release()
                .await;
            Ok(engine.lock(&ws.context(), target, &claim).await?)
        }
        other => Ok(other?),
    }
}

fn has_ended(ws: &Workspace, run: &str) -> bool {
    // Whoever writes its journal may be about to give the lock back.
    let Ok(_gone) = ws.store.lock(&writer_lock(run), "run") else {
        return false;
    };
    let Ok(Some(folder)) = ws.store.run(run) else {
        return false;
    };
    let journal = folder.read(JOURNAL).ok().flatten().unwrap_or_default();
    read(&journal).is_ok_and(|history| matches!(history.state, State::Ended(..)))
}

/// Finds the first free id, and marks it as this process's.
pub(in super::super) fn name_run(
    ws: &mut Workspace,
    targets: &[Target],
) -> Result<StoreLock, Failure> {
    let named = ws.store.name_time(Utc::now()).map_err(store_failure)?;
    let labels: Vec<&str> = targets.iter().map(Target::label).collect();
    let mut attempt = 1;
    loop {
        ws.run = run_id(named.time, &labels, attempt);
        let holder = format!("process {}", std::process::id());
        match ws.store.lock(&writer_lock(&ws.run), &holder) {
            Ok(writer) if ws.store.run(&ws.run).map_err(store_failure)?.is_none() => {
                return Ok(writer);
            }
            Ok(_) | Err(StoreError::Busy { .. }) => attempt += 1,
            Err(error) => return Err(store_failure(error)),
        }
    }
}

/// How a run is begun, or gone on with.
pub(in super::super) enum Start {
    /// A new one.
    Plan(Box<Plan>),
    /// One that was left, or has ended; with lines for its record.
    Left(Event, Vec<String>),
}

/// A run that was driven as far as it goes.
pub(in super::super) struct Driven {
    pub journal: Journal,
    /// Why it could not be driven to its end, and what its last step came to in words.
    pub broken: Option<(JournalError, Option<Vec<String>>)>,
    pub explainer: Explainer,
}

/// Who is told how a run gets on.
pub(in super::super) struct Told<'a> {
    /// Of every record.
    pub watch: &'a dyn Watch,
    /// Of every step of a rollback.
    pub rollback_step: Arc<dyn Fn(&StepTold) + Send + Sync>,
}

/// Drives a run to its end, each step on the screen as it ends, and gives back what was held.
pub(in super::super) async fn drive(
    invocation: &Invocation,
    ws: &Workspace,
    folder: &RunFolder,
    journal: Journal,
    started: (Request, Held, Start),
) -> Result<Outcome, Failure> {
    let lines = StepLines::new(invocation.screen, &ws.run);
    let told = Told {
        watch: &lines,
        rollback_step: Arc::new(|_| {}),
    };
    let driven = drive_telling(invocation, ws, folder, journal, started, told).await?;
    Ok(finish::outcome(folder, &driven))
}

/// Drives a run to its end, and gives back what was held.
pub(in super::super) async fn drive_telling(
    invocation: &Invocation,
    ws: &Workspace,
    folder: &RunFolder,
    journal: Journal,
    (request, held, start): (Request, Held, Start),
    told: Told<'_>,
) -> Result<Driven, Failure> {
    let explainer = Explainer::new(invocation.signals.clone());
    let commands = match request.commands(invocation) {
        Ok(commands) => commands,
        Err(failure) => {
            release(held.locks).await;
            return Err(failure);
        }
    };
    let hands = Live::new(
        ws.clone(),
        (held.subjects, held.locks),
        request.wishes(),
        commands,
        streams(invocation, folder),
        explainer.surroundings(invocation.screen, told.rollback_step),
    );
    let begun = match start {
        Start::Plan(plan) => Bracket::begin(journal, *plan, request.terms, &hands, told.watch),
        Start::Left(event, lines) => Bracket::go_on(journal, event, lines, &hands, told.watch),
    };
    let outcome = match begun {
        Ok(mut bracket) => {
            let ended = bracket.drive().await;
            let (journal, unrecorded) = bracket.finish();
            let broken = ended.err().map(|error| (error, unrecorded));
            Ok(Driven {
                journal,
                broken,
                explainer,
            })
        }
        Err(error) => Err(finish::unrecorded(&error)),
    };
    hands.release().await;
    outcome
}

/// The journal of a new run.
pub(in super::super) fn new_journal(folder: &RunFolder) -> Result<Journal, Failure> {
    let file = folder.journal(JOURNAL).map_err(store_failure)?;
    Ok(Journal::new(
        Box::new(file) as Box<dyn AppendFile>,
        Utc::now,
    ))
}

fn streams(invocation: &Invocation, folder: &RunFolder) -> Streams {
    let log_folder = folder.clone();
    let signals = invocation.signals.clone();
    Streams {
        screen: Arc::new(|| Box::new(tokio::io::stderr()) as Output),
        log: Arc::new(move || {
            let file = log_folder.output(LOG).map_err(std::io::Error::other)?;
            Ok(Box::new(tokio::fs::File::from_std(file)) as Output)
        }),
        log_path: folder.path().join(LOG),
        ask: invocation.signals.cancel(),
        kill: invocation.signals.kill_before_the_end(),
        signal: Arc::new(move || signals.received().map(|signal| i32::from(signal.number()))),
    }
}

pub(in super::super) fn store_failure(error: StoreError) -> Failure {
    failure_of(&OperationError::from(error))
}
