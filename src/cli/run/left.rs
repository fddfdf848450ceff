//! Runs that their process has left: finding one, and what it left behind.

use chrono::Utc;

use super::super::error::failure_of;
use super::super::failure::Failure;
use super::super::words::place_beside;
use super::super::{Exit, Invocation};
use super::launch::{Held, hold_in_store, hold_on_servers, store_failure};
use super::request::{Request, host, writer_lock};
use crate::bracket::history::{Writer, report};
use crate::bracket::journal::{AppendFile, History, JOURNAL, Plan, read};
use crate::bracket::live::Subject;
use crate::bracket::state::Stage;
use crate::bracket::{Journal, State, Step, Terms, memory};
use crate::connection::{ConnectionError, Environment, Target};
use crate::engine::{EngineError, MadeDatabase};
use crate::operation::rollback::{self, DIARY, Diary, Past};
use crate::operation::{self, Workspace};
use crate::process;
use crate::report::run::RunReport;
use crate::store::{RunFolder, StoreError, StoreLock};

/// A run whose process is gone. Nobody else can take it while this exists.
pub(in super::super) struct LeftRun {
    pub folder: RunFolder,
    pub plan: Plan,
    pub terms: Terms,
    history: History,
    writer: StoreLock,
}

/// The run that a word means; without one the newest that was left, else the newest of all.
pub(in super::super) fn find(ws: &Workspace, word: Option<&str>) -> Result<LeftRun, Failure> {
    let runs = ws.store.runs().map_err(store_failure)?;
    let run = match word {
        Some(word) if word != "latest" => named(&runs, word)?,
        Some(_) => runs.last().cloned().ok_or_else(none)?,
        None => newest(ws, &runs)?,
    };
    open(ws, &run)
}

fn none() -> Failure {
    Failure::new(Exit::Usage, "no-such-run", "nothing has run").hint("bookend status")
}

fn named(runs: &[String], word: &str) -> Result<String, Failure> {
    if runs.iter().any(|run| run == word) {
        return Ok(word.to_owned());
    }
    let mut found = runs.iter().filter(|run| run.starts_with(word));
    match (found.next(), found.next()) {
        (Some(run), None) => Ok(run.clone()),
        (None, _) => Err(Failure::new(
            Exit::Usage,
            "no-such-run",
            format!("no run is called {word}"),
        )
        .hint("bookend status")),
        (Some(_), Some(_)) => Err(Failure::new(
            Exit::Usage,
            "ambiguous-run",
            format!("{word} could be several runs"),
        )
        .because(runs.iter().filter(|run| run.starts_with(word)).cloned())),
    }
}

fn newest(ws: &Workspace, runs: &[String]) -> Result<String, Failure> {
    let mut last = None;
    for run in runs.iter().rev() {
        last = last.or(Some(run));
        let Ok(Some(folder)) = ws.store.run(run) else {
            continue;
        };
        let bytes = folder.read(JOURNAL).ok().flatten().unwrap_or_default();
        let left = read(&bytes).is_ok_and(|history| matches!(history.state, State::Under(..)));
        // Who is at work has not left.
        if left && ws.store.lock(&writer_lock(run), "resume").is_ok() {
            return Ok(run.clone());
        }
    }
    last.cloned().ok_or_else(none)
}

/// The run of this id.
pub(in super::super) fn open(ws: &Workspace, run: &str) -> Result<LeftRun, Failure> {
    let holder = format!("process {}", std::process::id());
    let writer = match ws.store.lock(&writer_lock(run), &holder) {
        Ok(writer) => writer,
        Err(StoreError::Busy { holder, .. }) => {
            return Err(Failure::new(
                Exit::Refused,
                "busy",
                format!("{run} is still under way ({holder})"),
            )
            .hint("end it with Ctrl-C, or kill -TERM; what it made it takes away itself"));
        }
        Err(error) => return Err(store_failure(error)),
    };
    let folder = ws.store.run(run).map_err(store_failure)?.ok_or_else(none)?;
    let bytes = folder.read(JOURNAL).map_err(store_failure)?;
    let history = read(&bytes.unwrap_or_default()).map_err(|damage| {
        Failure::of(Exit::Failed, "journal", &damage)
            .hint("what it made is listed by bookend status and bookend copies list")
    })?;
    let plan = memory::plan(&history.records).cloned();
    let terms = history.state.terms().cloned();
    let (Some(plan), Some(terms)) = (plan, terms) else {
        return Err(Failure::new(
            Exit::Refused,
            "not-begun",
            format!("{run} was left before it began: there is nothing to go on with"),
        )
        .hint("begin a new run"));
    };
    Ok(LeftRun {
        folder,
        plan,
        terms,
        history,
        writer,
    })
}

impl LeftRun {
    /// Where it stands.
    pub fn state(&self) -> &State {
        &self.history.state
    }

    /// How it reads to people.
    pub fn report(&self) -> RunReport {
        let (records, state) = (&self.history.records, &self.history.state);
        let mut told = report(self.folder.run(), records, state, Writer::Gone);
        told.journal = Some(self.folder.path().join(JOURNAL).display().to_string());
        told
    }

    /// Whether its rollback was begun and did not come to its end.
    pub fn is_rolling_back(&self) -> bool {
        matches!(self.state(), State::Under(_, Stage::Rollback(_), _))
    }

    /// The record of its rollback.
    ///
    /// # Errors
    /// It cannot be read or understood.
    pub fn diary(&self) -> Result<Diary, Failure> {
        let past = past(&self.folder)?;
        let log = self.folder.journal(DIARY).map_err(store_failure)?;
        Ok(Diary::new(log, past))
    }

    /// Its targets, with passwords from where they came from in the first place.
    ///
    /// # Errors
    /// A word that names no database any more, or another one.
    pub fn targets(&self, invocation: &Invocation) -> Result<Vec<Target>, Failure> {
        let one = |planned: &crate::bracket::journal::PlannedTarget| {
            let target = again(invocation, &planned.origin, &planned.url)?
                .with_label(&planned.label)
                .with_origin(&planned.origin);
            let there = Target::parse(&planned.url, &invocation.environment);
            match there {
                Ok(there) if !there.is_same_database(&target) => Err(Failure::new(
                    Exit::Refused,
                    "other-target",
                    format!(
                        "{} is {} now, and was {} when the run began",
                        planned.origin,
                        target.display_url(),
                        planned.url
                    ),
                )
                .hint("point it at the database of the run again")),
                _ => Ok(target),
            }
        };
        self.plan.targets.iter().map(one).collect()
    }

    /// Its journal, cut to what is whole, and its folder.
    ///
    /// # Errors
    /// The file cannot be opened or cut.
    pub fn journal(self) -> Result<(Journal, RunFolder, StoreLock), Failure> {
        let whole = self.history.whole as u64;
        let file = self.folder.reopen(JOURNAL, whole).map_err(store_failure)?;
        let file = Box::new(file) as Box<dyn AppendFile>;
        let journal = Journal::reopened(file, Utc::now, self.history);
        Ok((journal, self.folder, self.writer))
    }
}

/// A target by where it came from: a name of the configuration, a variable, or its URL, with a
/// password from the usual places.
fn again(invocation: &Invocation, origin: &str, url: &str) -> Result<Target, Failure> {
    if let Some((_, name)) = origin.split_once(".toml: ") {
        return invocation.target(Some(name));
    }
    let variable = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if !origin.is_empty() && origin.chars().all(variable) {
        return invocation.target(Some(&format!("env:{origin}")));
    }
    let target = invocation.target(Some(url))?;
    if target.password().is_some() {
        return Ok(target);
    }
    Ok(known(&target, &invocation.environment).unwrap_or(target))
}

/// The same database by a variable that knows the password.
fn known(target: &Target, environment: &Environment) -> Option<Target> {
    ["DATABASE_URL", "MONGODB_URI"]
        .iter()
        .filter_map(|name| environment.get(name))
        .filter_map(|url| Target::parse(url, environment).ok())
        .find(|known| known.is_same_server(target) && known.user() == target.user())
        .map(|known| known.with_database(target.database()))
}

/// Refuses to go on while a command of the run still runs. One that was only tried on a copy
/// is ended: the copy is about to be dropped, and it is surely the run's own.
pub(in super::super) fn still_running(left: &LeftRun) -> Result<(), Failure> {
    let Some((step, pid, since)) = memory::under_way(&left.history.records) else {
        return Ok(());
    };
    if left.plan.host != host() || !process::is_running(pid, since) {
        return Ok(());
    }
    if step == Step::Rehearsal {
        process::end_group(pid);
        return Ok(());
    }
    Err(still_runs(&step.to_string(), pid))
}

/// Refuses to begin while the COMMAND of a run that was left still runs on one of these
/// databases: what it is yet to write, no backup holds and no look at the gap can see.
pub(super) fn nobody_still_migrates(
    ws: &Workspace,
    invocation: &Invocation,
    targets: &[Target],
) -> Result<(), Failure> {
    for run in ws.store.runs().map_err(store_failure)? {
        let Ok(Some(folder)) = ws.store.run(&run) else {
            continue;
        };
        let bytes = folder.read(JOURNAL).ok().flatten().unwrap_or_default();
        let Ok(history) = read(&bytes) else { continue };
        let under_way = memory::under_way(&history.records);
        let (State::Under(..), Some(plan), Some((step, pid, since))) =
            (&history.state, memory::plan(&history.records), under_way)
        else {
            continue;
        };
        let same = plan.targets.iter().any(|planned| {
            let there = Target::parse(&planned.url, &invocation.environment);
            there.is_ok_and(|there| targets.iter().any(|ours| ours.is_same_database(&there)))
        });
        let here = plan.host == host() && process::is_running(pid, since);
        if same && here && step != Step::Rehearsal {
            return Err(still_runs(&format!("{step} of run {run}"), pid));
        }
    }
    Ok(())
}

fn still_runs(step: &str, pid: u32) -> Failure {
    Failure::new(
        Exit::Refused,
        "still-running",
        format!("the command of step {step} still runs (process {pid})"),
    )
    .hint(format!("wait for its end, or end it: kill -TERM -- -{pid}"))
}

/// Drops every copy that the run announced and did not settle; in words what was done, and
/// what could not be.
pub(in super::super) async fn drop_copies(ws: &Workspace, servers: &[Target]) -> Vec<String> {
    // What was in a private server goes with it.
    operation::sandbox::sweep(ws).await;
    let mut told = Vec::new();
    let unsettled = match ws.store.unsettled() {
        Ok(unsettled) => unsettled,
        Err(error) => return vec![failure_of(&error.into()).message],
    };
    for made in unsettled.iter().filter(|made| made.run == ws.run) {
        told.push(match dropped(ws, made, servers).await {
            Ok(()) => format!("{}: dropped, if it was there", made.name),
            Err(why) => format!("{} could not be dropped: {why}", made.name),
        });
    }
    told
}

async fn dropped(ws: &Workspace, made: &MadeDatabase, servers: &[Target]) -> Result<(), String> {
    let mut why = "its server is not known here: bookend copies drop".to_owned();
    for server in servers {
        match ws.engines.get(server.engine()) {
            Ok(engine) if engine.name() == made.engine => {}
            Ok(_) | Err(_) => continue,
        }
        match operation::drop_copy(ws, server, &made.name).await {
            Ok(()) => return Ok(()),
            Err(error) => why = failure_of(&error).message,
        }
    }
    Err(why)
}

/// What the record of a run's rollback tells.
///
/// # Errors
/// It cannot be read or understood.
pub(in super::super) fn past(folder: &RunFolder) -> Result<Past, Failure> {
    let path = folder.path().join(DIARY);
    let lines = folder.lines(DIARY).map_err(store_failure)?;
    rollback::read(&lines).map_err(|error| {
        Failure::of(Exit::Failed, "rollback-record", &error)
            .hint(format!("look at {}", path.display()))
    })
}

/// Holds a run's targets to put them back: one that its migration dropped cannot be held, and
/// need not be.
pub(in super::super) async fn held_to_be_put_back(
    invocation: &Invocation,
    ws: &Workspace,
    targets: &[Target],
    request: &Request,
) -> Result<Held, Failure> {
    let in_store = hold_in_store(ws, targets)?;
    let mut present = Vec::new();
    for target in targets {
        if !is_gone(ws, target).await {
            present.push(target.clone());
        }
    }
    let locks = hold_on_servers(ws, &present, true).await?;
    let subjects = unseen_subjects(invocation, targets, request)?;
    Ok(Held {
        subjects,
        locks,
        _store: in_store,
    })
}

/// Targets as they are worked on where nothing of them is backed up or rehearsed any more.
pub(in super::super) fn unseen_subjects(
    invocation: &Invocation,
    targets: &[Target],
    request: &Request,
) -> Result<Vec<Subject>, Failure> {
    let subject = |target: &Target| {
        Ok(Subject {
            target: target.clone(),
            place: place_beside(invocation, target, request.prove_on())?,
            inspection: None,
            consistent: false,
            given: None,
            files: Vec::new(),
        })
    };
    targets.iter().map(subject).collect()
}

async fn is_gone(ws: &Workspace, target: &Target) -> bool {
    let Ok(engine) = ws.engines.get(target.engine()) else {
        return false;
    };
    let seen = engine.inspect(&ws.context(), target).await;
    matches!(
        seen,
        Err(EngineError::Connection(
            ConnectionError::UnknownDatabase { .. }
        ))
    )
}
