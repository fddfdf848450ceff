//! What a rollback says: each step as soon as it is over, and at the end what is where.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::{Failure, Outcome, Screen};
use super::choose::Chosen;
use crate::operation::Archive;
use crate::operation::rollback::{Ended, Past, StepTold};
use crate::report::figures::{duration, printable};
use crate::report::rollback::{RollbackStep, step_text};

/// Prints steps.
pub(super) struct StepLines {
    screen: Screen,
    targets: usize,
}

impl StepLines {
    pub(super) fn new(screen: Screen, targets: usize) -> Self {
        Self { screen, targets }
    }

    pub(super) fn title(&self, run: &str) {
        self.print(&format!("rollback of run {}\n", printable(run)));
    }

    /// With `--json`, stdout is for the document alone.
    fn print(&self, text: &str) {
        if self.screen.json {
            self.screen.detail(text);
        } else if let Err(error) = self.screen.result(text, &Value::Null) {
            self.screen
                .warning(&format!("stdout cannot be written: {error}"));
        }
    }
}

impl StepLines {
    /// A step that is over.
    pub(super) fn print_step(&self, step: &StepTold) {
        self.print(&step_text(&RollbackStep {
            step: &step.step,
            target: (self.targets > 1).then_some(step.target.as_str()),
            state: &step.state,
            seconds: step.seconds,
            lines: &step.lines,
        }));
    }
}

/// The rollback was done before.
pub(super) fn nothing_to_do(chosen: &Chosen, mut past: Past) -> Outcome {
    past.ended.nothing_to_do = true;
    outcome(chosen, past, None)
}

/// The end.
pub(super) fn outcome(chosen: &Chosen, mut past: Past, failure: Option<Failure>) -> Outcome {
    let text = if failure.is_some() {
        past.ended.published.clear();
        String::new()
    } else {
        closing(chosen, &past) + &files_text(chosen)
    };
    Outcome::new(text, document(chosen, &past)).failing(failure)
}

/// Files are not put back: an application may have written others since, and no one swaps those.
fn files_text(chosen: &Chosen) -> String {
    let told = (0..chosen.targets.len()).filter_map(|index| {
        let (names, command) = files_of(chosen, index)?;
        Some(format!(
            "  {}: its files ({}) were left as they are; those from before lie in the archive:\n      {}\n",
            printable(&chosen.targets[index].label),
            printable(&names.join(", ")),
            printable(&command)
        ))
    });
    told.collect()
}

/// What travels with a target's archive from before, and the command that gets it out.
fn files_of(chosen: &Chosen, index: usize) -> Option<(Vec<String>, String)> {
    let path = chosen.before(index)?;
    let archive = Archive::open(Path::new(path)).ok()?;
    let files = &archive.manifest().files;
    let names: Vec<String> = files.iter().map(|one| one.name.clone()).collect();
    let command = format!("bookend restore {path} --only-files --files-into DIR");
    (!names.is_empty()).then_some((names, command))
}

fn closing(chosen: &Chosen, past: &Past) -> String {
    let ended = &past.ended;
    if ended.nothing_to_do {
        return format!(
            "run {} is rolled back: nothing to do\n{}",
            printable(&chosen.run),
            kept(chosen, &ended.kept_as)
        );
    }
    if !ended.published.is_empty() {
        return published(chosen, ended);
    }
    let seconds: f64 = past.steps.iter().map(|step| step.seconds).sum();
    format!(
        "rolled back in {}.\n{}",
        duration(Duration::from_secs_f64(seconds.max(0.0))),
        kept(chosen, &ended.kept_as)
    )
}

fn kept(chosen: &Chosen, kept_as: &[Option<String>]) -> String {
    let targets = chosen.targets.iter().zip(kept_as);
    targets
        .filter_map(|(target, kept)| {
            Some(format!(
                "  {}: what failed is kept as {}; drop it yourself when it is not needed\n",
                printable(&target.label),
                printable(kept.as_deref()?)
            ))
        })
        .collect()
}

fn published(chosen: &Chosen, ended: &Ended) -> String {
    let mut text = String::from("nothing was swapped. The state before is beside:\n");
    for (target, (database, url)) in chosen.targets.iter().zip(&ended.published) {
        text.push_str(&format!(
            "  {}: point the application at {} in place of {}\n      {}\n",
            printable(&target.label),
            printable(database),
            printable(&target.database),
            printable(url)
        ));
    }
    text
}

fn document(chosen: &Chosen, past: &Past) -> Value {
    let ended = &past.ended;
    let targets: Vec<Value> = chosen
        .targets
        .iter()
        .enumerate()
        .map(|(index, target)| {
            let kept = past.kept_as.get(index).cloned().flatten();
            let beside = ended.published.get(index);
            json!({
                "target": target.label,
                "engine": target.engine,
                "database": target.database,
                "url": target.url,
                "kept_as": kept,
                "published": beside.map(|(database, _)| database),
                "published_url": beside.map(|(_, url)| url),
                "files": files_of(chosen, index).map(|(names, command)| {
                    json!({ "names": names, "command": command })
                }),
            })
        })
        .collect();
    json!({
        "run": chosen.run,
        "state": chosen.report.state,
        "nothing_to_do": ended.nothing_to_do,
        "targets": targets,
        "steps": past.steps,
        "archives": chosen.report.archives,
        "followers": ended.followers,
        "report": chosen.report.report,
        "bundle": chosen.report.bundle,
    })
}
