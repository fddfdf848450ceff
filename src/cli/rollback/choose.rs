//! Which run is rolled back.

use std::fs;

use super::super::error::failure_of;
use super::super::{Exit, Failure};
use crate::bracket::ASTRAY;
use crate::bracket::history::{Writer, report};
use crate::bracket::journal::{JOURNAL, PlannedTarget, read};
use crate::operation::OperationError;
use crate::report::run::{RunReport, StepState};
use crate::store::Store;

/// A run, as its journal tells it.
pub(super) struct Chosen {
    pub run: String,
    pub targets: Vec<PlannedTarget>,
    pub report: RunReport,
    /// Later runs that may have changed one of the targets.
    pub later: Vec<String>,
}

impl Chosen {
    /// Path of a target's archive from before the migration: the newest, for a fresh backup may
    /// have taken the place of the first.
    pub(super) fn before(&self, target: usize) -> Option<&str> {
        let label = &self.targets.get(target)?.label;
        let mut archives = self.report.archives.iter().rev();
        let found = archives
            .find(|one| one.step == "before" && one.target.as_ref().is_none_or(|of| of == label))?;
        Some(&found.path)
    }
}

/// The run that a word means; without one the latest that may have changed its target.
pub(super) fn choose(store: &Store, word: Option<&str>) -> Result<Chosen, Failure> {
    let mut names = store
        .runs()
        .map_err(|error| failure_of(&OperationError::from(error)))?;
    names.reverse();
    let Some(word) = word.filter(|word| *word != "latest") else {
        let touched_only = word.is_none();
        let chosen = names.iter().filter_map(|name| load(store, name).ok());
        let chosen = chosen
            .into_iter()
            .find(|one| !touched_only || touched(&one.report));
        return match chosen {
            Some(chosen) => Ok(with_later(store, &names, chosen)),
            None => Err(Failure::new(
                Exit::Usage,
                "no-such-run",
                "there is no run that may have changed its target",
            )
            .hint("bookend status")),
        };
    };
    let exact = names.iter().find(|name| *name == word);
    let candidates: Vec<&String> = match exact {
        Some(exact) => vec![exact],
        None => names.iter().filter(|name| name.starts_with(word)).collect(),
    };
    match candidates.as_slice() {
        [one] => Ok(with_later(store, &names, load(store, one)?)),
        [] => Err(no_such_run(word)),
        several => Err(Failure::new(
            Exit::Usage,
            "ambiguous-run",
            format!("{word} could be several runs"),
        )
        .because(several.iter().map(|name| name.as_str()))),
    }
}

pub(super) fn no_such_run(word: &str) -> Failure {
    Failure::new(
        Exit::Usage,
        "no-such-run",
        format!("no run is called {word}"),
    )
    .hint("bookend status")
}

fn load(store: &Store, run: &str) -> Result<Chosen, Failure> {
    let path = store.dir().join("runs").join(run).join(JOURNAL);
    let bytes = fs::read(&path).unwrap_or_default();
    let history = read(&bytes).map_err(|error| {
        Failure::of(Exit::Failed, "journal", &error).hint(format!("look at {}", path.display()))
    })?;
    let plan = history.records.first().and_then(|r| r.detail.plan.clone());
    Ok(Chosen {
        run: run.to_owned(),
        targets: plan.map(|plan| plan.targets).unwrap_or_default(),
        report: report(run, &history.records, &history.state, Writer::Gone),
        later: Vec::new(),
    })
}

fn with_later(store: &Store, names: &[String], mut chosen: Chosen) -> Chosen {
    let newer = names.iter().take_while(|name| **name != chosen.run);
    let newer = newer.filter_map(|name| load(store, name).ok());
    let same = |one: &Chosen| {
        let mut urls = one.targets.iter().map(|target| &target.url);
        urls.any(|url| chosen.targets.iter().any(|target| target.url == *url))
    };
    chosen.later = newer
        .filter(|one| touched(&one.report) && same(one))
        .map(|one| one.run)
        .collect();
    chosen
}

/// Whether COMMAND was, or may have been, started on the target.
fn touched(report: &RunReport) -> bool {
    let begun = report.steps.iter().any(|step| {
        step.step == "migration" && !matches!(step.state, StepState::Pending | StepState::Skipped)
    });
    begun && report.state != "failed"
}

/// A run that never came to its migration has nothing to roll back.
pub(super) fn check_touched(chosen: &Chosen) -> Result<(), Failure> {
    if touched(&chosen.report) {
        return Ok(());
    }
    let astray = chosen
        .report
        .error
        .as_ref()
        .is_some_and(|e| e.code == ASTRAY);
    let did = if astray {
        "what COMMAND did to the original by itself is no step of it that could be rolled back"
    } else {
        "it changed nothing"
    };
    let archive = chosen.report.archives.first();
    let archive = archive.map_or("ARCHIVE", |archive| &archive.id);
    Err(Failure::new(
        Exit::Refused,
        "not-touched",
        format!(
            "run {} ended as {} before its migration: {did}",
            chosen.run,
            chosen.report.state.replace('_', " ")
        ),
    )
    .hint(format!(
        "to have the database as it was beside the original: bookend restore {archive} --into DATABASE"
    )))
}
