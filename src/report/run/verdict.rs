//! What a run came to, in words that all of its pages share: the sentence at the top, the
//! losses, the differences.

use std::time::Duration;

use super::super::figures::duration;
use super::{RunDifference, RunRehearsal, RunReport, RunStep, StepState};
use crate::snapshot::diff::Difference;

/// How a page should look at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// All is well.
    Good,
    /// Somebody should look; nothing of the target is broken.
    Care,
    /// The target was, or may have been, harmed.
    Bad,
    /// Not over, or taken back.
    Calm,
}

/// How the run is to be looked at.
pub(super) fn tone(report: &RunReport) -> Tone {
    match report.state.as_str() {
        "completed" if report.exit != 0 => Tone::Bad,
        "completed" if report.as_rehearsed == Some(false) || lost(report) => Tone::Care,
        "completed" => Tone::Good,
        "running" | "rolled_back" | "aborted" => Tone::Calm,
        "migration_failed" | "check_failed" | "migration_unknown" => Tone::Bad,
        _ => Tone::Care,
    }
}

/// What follows the names of the targets: `completed as rehearsed in 55 s`.
pub(super) fn sentence(report: &RunReport) -> String {
    let took = took(report.seconds);
    match report.state.as_str() {
        "running" => format!("under way for {took}"),
        "interrupted" => format!("ended without a word after {took}"),
        "failed" => format!("failed before the migration, after {took}"),
        "refused" => format!("refused for safety after {took}"),
        "loss_refused" => format!("refused after {took}, because the rehearsal lost data"),
        "proof_failed" => {
            format!("refused after {took}, because the backup does not restore to the same content")
        }
        "rehearsal_failed" => format!("the rehearsal failed after {took}"),
        "migration_failed" => format!("the migration failed after {took}"),
        "check_failed" => format!("the check after the migration failed, after {took}"),
        "migration_unknown" => format!("how the migration ended is not known, after {took}"),
        "completed" if rehearsed_only(report) => format!("rehearsed in {took}"),
        "completed" => match report.as_rehearsed {
            Some(true) => format!("completed as rehearsed in {took}"),
            Some(false) => format!("completed in {took}, not as rehearsed"),
            None => format!("completed without a rehearsal in {took}"),
        },
        "completed_without_after" => {
            format!("completed in {took}; the backup after it failed")
        }
        "rolled_back" => "rolled back".to_owned(),
        "aborted" => "aborted".to_owned(),
        other => format!("{} after {took}", other.replace('_', " ")),
    }
}

/// Whether nothing was ever to run on a target: `bookend rehearse`.
pub(super) fn rehearsed_only(report: &RunReport) -> bool {
    let migration = report.steps.iter().any(|step| step.step == "migration");
    !migration && !report.steps.is_empty()
}

/// What the page says about losses in one sentence; `None` where nothing was compared.
pub(super) fn loss_sentence(report: &RunReport) -> Option<String> {
    let compared = changes(report);
    let losses = losses(report);
    if losses.is_empty() {
        return (!compared.is_empty()).then(|| "No data lost".to_owned());
    }
    let number = losses.len() as u64;
    let counted = super::super::figures::counted(number, "loss", "losses");
    let migrated = losses.iter().any(|loss| loss.seen != Seen::Rehearsal);
    let open = losses.iter().filter(|loss| loss.allowed.is_none()).count();
    Some(match (migrated, open) {
        (true, _) => format!("Data was lost: {counted}"),
        (false, 0) => format!("The rehearsal lost data, all of it allowed: {counted}"),
        (false, _) => format!("The rehearsal lost data on the copy: {counted}"),
    })
}

fn lost(report: &RunReport) -> bool {
    losses(report)
        .iter()
        .any(|loss| loss.seen != Seen::Rehearsal && loss.allowed.is_none())
}

/// Where a loss was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// On the copy only.
    Rehearsal,
    /// On the target only.
    Migration,
    /// On both.
    Both,
}

impl Seen {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Rehearsal => "in the rehearsal",
            Self::Migration => "in the migration",
            Self::Both => "in rehearsal and migration",
        }
    }
}

/// One thing that was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LossLine {
    pub target: Option<String>,
    pub object: String,
    pub what: String,
    pub seen: Seen,
    pub allowed: Option<String>,
}

/// Everything that was lost; what nothing allows comes first.
pub(super) fn losses(report: &RunReport) -> Vec<LossLine> {
    let mut lines: Vec<LossLine> = Vec::new();
    for rehearsal in &report.rehearsals {
        lines.extend(rehearsal.losses.iter().map(|loss| LossLine {
            target: rehearsal.target.clone(),
            object: loss.object.clone(),
            what: loss.what.clone(),
            seen: Seen::Rehearsal,
            allowed: loss.allowed.clone(),
        }));
    }
    for change in &report.differences {
        for loss in parsed(&change.difference).unwrap_or_default().losses {
            let known = lines.iter_mut().find(|line| {
                line.target == change.target
                    && line.object == loss.object
                    && line.what == loss.what
                    && line.seen != Seen::Migration
            });
            match known {
                Some(line) => line.seen = Seen::Both,
                None => lines.push(LossLine {
                    target: change.target.clone(),
                    object: loss.object,
                    what: loss.what,
                    seen: Seen::Migration,
                    allowed: None,
                }),
            }
        }
    }
    lines.sort_by_key(|line| line.allowed.is_some());
    lines
}

/// What changed in one target.
#[derive(Clone, Debug)]
pub(super) struct Changed {
    pub target: Option<String>,
    /// True if it was seen on the copy only.
    pub rehearsed: bool,
    /// `None`: a newer bookend wrote it.
    pub difference: Option<Difference>,
}

/// The differences: the migration's, and the rehearsal's of targets that were not migrated or
/// came out differently.
pub(super) fn changes(report: &RunReport) -> Vec<Changed> {
    let real = report
        .differences
        .iter()
        .map(|change: &RunDifference| Changed {
            target: change.target.clone(),
            rehearsed: false,
            difference: parsed(&change.difference),
        });
    let mut all: Vec<Changed> = real.collect();
    let untold = |rehearsal: &&RunRehearsal| {
        report.as_rehearsed == Some(false)
            || !report
                .differences
                .iter()
                .any(|change| change.target == rehearsal.target)
    };
    for rehearsal in report.rehearsals.iter().filter(untold) {
        if let Some(difference) = &rehearsal.difference {
            all.push(Changed {
                target: rehearsal.target.clone(),
                rehearsed: true,
                difference: parsed(difference),
            });
        }
    }
    all
}

fn parsed(difference: &serde_json::Value) -> Option<Difference> {
    serde_json::from_value(difference.clone()).ok()
}

/// The name of a step, with its target where there are several.
pub(super) fn step_name(report: &RunReport, step: &RunStep) -> String {
    match &step.target {
        Some(target) if report.targets.len() > 1 => format!("{} · {target}", step.step),
        Some(_) | None => step.step.clone(),
    }
}

/// The names of the targets.
pub(super) fn targets(report: &RunReport) -> String {
    let names: Vec<&str> = report
        .targets
        .iter()
        .map(|target| target.target.as_str())
        .collect();
    names.join(", ")
}

/// Steps that are told in one line: neighbours that were not reached for the same reason.
pub(super) fn grouped(report: &RunReport) -> Vec<(Vec<String>, &RunStep)> {
    let mut rows: Vec<(Vec<String>, &RunStep)> = Vec::new();
    for step in &report.steps {
        let name = step_name(report, step);
        let untold = |step: &RunStep| {
            matches!(step.state, StepState::Skipped | StepState::Pending) && step.lines.is_empty()
        };
        match rows.last_mut() {
            Some((names, before))
                if untold(before)
                    && untold(step)
                    && before.state == step.state
                    && before.reason == step.reason =>
            {
                names.push(name);
            }
            Some(_) | None => rows.push((vec![name], step)),
        }
    }
    rows
}

/// The causes of the run's error that are not told elsewhere on the page: the losses are.
pub(super) fn causes(report: &RunReport) -> Vec<&String> {
    let error = report.error.iter();
    let told = report.state == "loss_refused" && !losses(report).is_empty();
    error
        .filter(|_| !told)
        .flat_map(|error| &error.causes)
        .collect()
}

/// Why a step is as it is, where that is not plain: its reason, or the run's error.
pub(super) fn step_lines(step: &RunStep) -> Vec<String> {
    let mut lines: Vec<String> = step.reason.iter().cloned().collect();
    lines.extend(step.lines.iter().cloned());
    if lines.is_empty() {
        match step.state {
            StepState::Unknown => lines.push("its end was not seen".to_owned()),
            StepState::Running => lines.push("under way".to_owned()),
            StepState::Pending => lines.push("not begun".to_owned()),
            StepState::Ok | StepState::Skipped | StepState::Failed => {}
        }
    }
    lines
}

/// Seconds as a person says them.
pub(super) fn took(seconds: f64) -> String {
    duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// Milliseconds as a person says them.
pub(super) fn milliseconds(number: u64) -> String {
    if number < 1000 {
        format!("{number} ms")
    } else {
        duration(Duration::from_millis(number))
    }
}
