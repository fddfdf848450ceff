//! A run on the screen.

use std::fmt::Write as _;
use std::time::Duration;

use super::super::figures::{duration, printable};
use super::verdict::rehearsed_only;
use super::{LeftBehind, RunReport, RunStep, StatusReport, StepState, others};

/// Where the text of a step begins.
const INDENT: usize = 20;

/// The whole of a run: its steps, what it came to, the way back.
#[must_use]
pub fn run_text(report: &RunReport) -> String {
    let mut text = format!("run {}\n", printable(&report.run));
    text.push_str(&steps_text(&report.steps, report.targets.len()));
    text.push_str(&closing_text(report));
    text
}

/// What a run came to: the last lines on the screen.
#[must_use]
pub fn closing_text(report: &RunReport) -> String {
    let mut text = String::new();
    for waiver in &report.waived {
        let _ = writeln!(text, "  {}: {}", waiver.flag, printable(&waiver.reason));
    }
    let took = duration(Duration::from_secs_f64(report.seconds.max(0.0)));
    let _ = match report.state.as_str() {
        "running" => writeln!(text, "running for {took}"),
        "interrupted" => writeln!(text, "interrupted after {took}"),
        "completed" if rehearsed_only(report) => {
            writeln!(text, "rehearsed in {took}: COMMAND was run on a copy")
        }
        state => writeln!(text, "{} in {took}.", state.replace('_', " ")),
    };
    let others = others::lines(report);
    for line in others.iter().chain(&report.advice) {
        let _ = writeln!(text, "  {}", printable(line));
    }
    if !report.undo.is_empty() {
        let alone = others.is_empty() && report.advice.is_empty();
        add_undo(&mut text, report, alone);
    }
    text
}

/// On the line of the result where that stands `alone`, as in
/// `completed in 55 s.   Undo: …`.
fn add_undo(text: &mut String, report: &RunReport, alone: bool) {
    let mut undos: Vec<String> = report
        .undo
        .iter()
        .map(|undo| format!("Undo: {}\n", printable(undo)))
        .collect();
    if alone && undos.len() == 1 {
        text.truncate(text.trim_end().len());
        text.push_str("   ");
        text.push_str(&undos.remove(0));
    }
    for undo in undos {
        text.push_str("  ");
        text.push_str(&undo);
    }
}

/// Steps, each with its further lines; neighbours that were not reached share a line.
#[must_use]
pub fn steps_text(steps: &[RunStep], targets: usize) -> String {
    let mut text = String::new();
    for group in steps.chunk_by(|a, b| not_reached(a) && not_reached(b) && a.reason == b.reason) {
        match group {
            [step] => text.push_str(&step_text(step, targets)),
            steps => text.push_str(&not_reached_text(steps)),
        }
    }
    text
}

fn not_reached(step: &RunStep) -> bool {
    let reason = step.reason.as_deref().unwrap_or_default();
    step.state == StepState::Skipped && step.lines.is_empty() && reason.starts_with("not reached")
}

/// With several targets, each step's name stands there once.
fn not_reached_text(steps: &[RunStep]) -> String {
    let mut names: Vec<&str> = steps.iter().map(|step| step.step.as_str()).collect();
    names.dedup();
    format!(
        "  {:<w$}{}\n",
        "not reached",
        names.join(", "),
        w = INDENT - 2
    )
}

/// One step, with its further lines.
fn step_text(step: &RunStep, targets: usize) -> String {
    let mut lines = step.lines.iter().map(|line| printable(line).into_owned());
    let first = headline(step, lines.next());
    let first = match &step.target {
        Some(target) if targets > 1 => format!("{}: {first}", printable(target)),
        Some(_) | None => first,
    };
    let mut text = format!("  {:<10} {:>4}   {first}", step.step, mark(step))
        .trim_end()
        .to_owned();
    text.push('\n');
    for line in lines {
        let _ = writeln!(text, "{:INDENT$}{line}", "");
    }
    text
}

/// The time a step took, or what stands in its place.
fn mark(step: &RunStep) -> String {
    match (step.state, step.seconds) {
        (StepState::Ok, Some(_)) if step.step == "preflight" => "ok ".to_owned(),
        (StepState::Ok | StepState::Failed | StepState::Unknown, Some(seconds)) => {
            format!("{seconds:.0} s")
        }
        (StepState::Running, _) => "... ".to_owned(),
        (StepState::Unknown, None) => "?  ".to_owned(),
        (StepState::Ok | StepState::Failed | StepState::Skipped | StepState::Pending, _) => {
            "-  ".to_owned()
        }
    }
}

fn headline(step: &RunStep, line: Option<String>) -> String {
    let rest = line.unwrap_or_default();
    let reason = step.reason.as_deref().unwrap_or_default();
    match step.state {
        StepState::Ok => rest,
        StepState::Pending => "pending".to_owned(),
        StepState::Running => "running".to_owned(),
        StepState::Skipped => format!("skipped: {}", printable(reason)),
        StepState::Failed => format!("failed: {rest}"),
        StepState::Unknown if rest.is_empty() => "unknown: its end was not seen".to_owned(),
        StepState::Unknown => format!("unknown: {rest}"),
    }
}

/// What ran, what is running, and what crashes left.
#[must_use]
pub fn status_text(status: &StatusReport) -> String {
    let mut text = String::new();
    if status.runs.is_empty() && status.unreadable.is_empty() {
        text.push_str("nothing has run\n");
    }
    let mut runs = status.runs.iter();
    if let Some(latest) = runs.next() {
        text.push_str(&run_text(latest));
    }
    let (open, over): (Vec<&RunReport>, Vec<&RunReport>) =
        runs.partition(|run| matches!(run.state.as_str(), "running" | "interrupted"));
    for run in open {
        text.push('\n');
        text.push_str(&run_text(run));
    }
    if !over.is_empty() {
        text.push_str("\nearlier runs\n");
    }
    for run in over {
        let _ = writeln!(
            text,
            "  {}  {}",
            printable(&run.run),
            run.state.replace('_', " ")
        );
    }
    for run in &status.unreadable {
        let _ = writeln!(
            text,
            "\nrun {}\n  {}",
            printable(&run.run),
            printable(&run.problem)
        );
    }
    if !status.left_behind.is_empty() {
        text.push_str("\nleft behind\n");
    }
    for left in &status.left_behind {
        text.push_str(&left_text(left));
    }
    text
}

fn left_text(left: &LeftBehind) -> String {
    let run = match &left.run {
        Some(run) => format!(" (run {})", printable(run)),
        None => String::new(),
    };
    format!(
        "  {} {}{run}\n      {}\n",
        left.kind,
        printable(&left.name),
        printable(&left.advice)
    )
}
