//! A run as a comment on a pull request: a line that says it all, losses, the steps, and the
//! rest folded away.

mod escape;

use std::fmt::Write as _;

use super::super::changed::{kind, name};
use super::super::figures::{count, counted};
use super::changes::{object_details, property};
use super::verdict::{
    Changed, Tone, causes, changes, grouped, loss_sentence, losses, milliseconds, sentence,
    step_lines, targets, tone, took,
};
use super::{RunReport, StepState, others};
use crate::snapshot::diff::{Change, Difference, ObjectChange};
use escape::{block, code, prose};

/// Code forges refuse longer comments than 65,536 characters; this leaves room.
const LONGEST: usize = 60_000;
/// So many losses, objects and locks are told.
const SHOWN: usize = 50;

/// The comment.
#[must_use]
pub fn run_markdown(report: &RunReport) -> String {
    let whole = comment(report, true);
    if whole.chars().count() <= LONGEST {
        return whole;
    }
    comment(report, false)
}

fn comment(report: &RunReport, details: bool) -> String {
    let mut text = heading(report);
    text.push_str(&lost(report));
    text.push_str(&stopped(report));
    text.push_str(&steps(report));
    if details {
        text.push_str(&folded(report));
    } else {
        text.push_str("\nThe differences are too many for a comment: see the report of the run.\n");
    }
    text.push_str(&waived(report));
    text.push_str(&way_back(report));
    text
}

fn heading(report: &RunReport) -> String {
    let mut text = format!(
        "### {} {}: {}\n\n",
        sign(report),
        code(&targets(report)),
        prose(&sentence(report))
    );
    let mut facts = Vec::new();
    facts.extend(loss_sentence(report).map(|loss| format!("**{}**", prose(&loss))));
    if !report.command.is_empty() {
        facts.push(code(&report.command.join(" ")));
    }
    facts.push(format!("run {}", code(&report.run)));
    let _ = writeln!(text, "{}", facts.join(" · "));
    for line in others::lines(report).iter().chain(&report.advice) {
        let _ = writeln!(text, "\n{}", prose(line));
    }
    text
}

fn sign(report: &RunReport) -> &'static str {
    match tone(report) {
        Tone::Good => "✅",
        Tone::Care => "⚠️",
        Tone::Bad => "❌",
        Tone::Calm => "⏳",
    }
}

fn stopped(report: &RunReport) -> String {
    let Some(error) = &report.error else {
        return String::new();
    };
    let mut text = format!("\n> **{}**\n", prose(&error.message));
    for cause in causes(report).into_iter().take(SHOWN) {
        let _ = writeln!(text, "> - {}", prose(cause));
    }
    if let Some(hint) = &error.hint {
        let _ = writeln!(text, ">\n> hint: {}", prose(hint));
    }
    text
}

fn lost(report: &RunReport) -> String {
    let all = losses(report);
    if all.is_empty() {
        return String::new();
    }
    let open = all.iter().any(|loss| loss.allowed.is_none());
    let word = if open { "CAUTION" } else { "WARNING" };
    let mut text = format!("\n> [!{word}]\n");
    for loss in all.iter().take(SHOWN) {
        let target = match &loss.target {
            Some(target) if report.targets.len() > 1 => format!("{}: ", prose(target)),
            Some(_) | None => String::new(),
        };
        let allowed = match &loss.allowed {
            Some(pattern) => format!(", allowed by {}", code(pattern)),
            None => String::new(),
        };
        let _ = writeln!(
            text,
            "> - {target}{}: {} ({}{allowed})",
            code(&loss.object),
            prose(&loss.what),
            loss.seen.words()
        );
    }
    text.push_str(&and_more(all.len(), "> - "));
    text
}

fn and_more(all: usize, before: &str) -> String {
    match all.checked_sub(SHOWN) {
        Some(more) if more > 0 => {
            format!("{before}and {} more: see the report\n", count(more as u64))
        }
        _ => String::new(),
    }
}

fn steps(report: &RunReport) -> String {
    if report.steps.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n| | step | time | |\n|---|---|--:|---|\n");
    for (names, step) in grouped(report) {
        let line = step_lines(step).into_iter().next().unwrap_or_default();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            mark(step.state),
            prose(&names.join(", ")),
            step.seconds.map(took).unwrap_or_default(),
            prose(&line)
        );
    }
    text
}

fn mark(state: StepState) -> &'static str {
    match state {
        StepState::Pending => "·",
        StepState::Running => "⏳",
        StepState::Ok => "✅",
        StepState::Skipped => "➖",
        StepState::Failed => "❌",
        StepState::Unknown => "❓",
    }
}

fn folded(report: &RunReport) -> String {
    let mut text = String::new();
    for changed in changes(report) {
        text.push_str(&changed_details(report, &changed));
    }
    for rehearsal in &report.rehearsals {
        let held: Vec<_> = rehearsal
            .locks
            .iter()
            .filter(|lock| lock.reads_blocked_ms.max(lock.writes_blocked_ms) > 0)
            .collect();
        if held.is_empty() {
            continue;
        }
        let mut table = String::from("| table | reads blocked | writes blocked |\n|---|--:|--:|\n");
        for lock in held.iter().take(SHOWN) {
            let _ = writeln!(
                table,
                "| {} | {} | {} |",
                code(&lock.object),
                blocked(lock.reads_blocked_ms),
                blocked(lock.writes_blocked_ms)
            );
        }
        let of = of_target(report, rehearsal.target.as_deref());
        let title = format!("Locks held in the rehearsal{of}");
        text.push_str(&details(&title, &(table + &and_more(held.len(), "\n"))));
    }
    text
}

fn blocked(milliseconds_held: u64) -> String {
    match milliseconds_held {
        0 => "–".to_owned(),
        held => milliseconds(held),
    }
}

fn of_target(report: &RunReport, target: Option<&str>) -> String {
    match target {
        Some(target) if report.targets.len() > 1 => format!(" of {target}"),
        Some(_) | None => String::new(),
    }
}

/// `summary` is plain text.
fn details(summary: &str, body: &str) -> String {
    // An empty line lets Markdown go on inside.
    format!(
        "\n<details><summary>{}</summary>\n\n{body}\n</details>\n",
        prose(summary)
    )
}

fn changed_details(report: &RunReport, changed: &Changed) -> String {
    let of = of_target(report, changed.target.as_deref());
    let what = if changed.rehearsed {
        format!("What the rehearsal changed{of}")
    } else {
        format!("What changed{of}")
    };
    match &changed.difference {
        None => format!("\n{what}: recorded by a newer bookend, see the JSON report.\n"),
        Some(difference) if difference.same => format!("\n{what}: nothing.\n"),
        Some(difference) => {
            let number = difference.objects.len() as u64;
            let objects = counted(number, "object", "objects");
            details(&format!("{what}: {objects}"), &table(difference))
        }
    }
}

fn table(difference: &Difference) -> String {
    let mut text = String::new();
    if !difference.objects.is_empty() {
        text.push_str("| | object | what | rows |\n|---|---|---|--:|\n");
    }
    for object in difference.objects.iter().take(SHOWN) {
        let sign = match object.change {
            Change::Added => "➕",
            Change::Removed => "➖",
            Change::Renamed { .. } => "➡️",
            Change::Changed => "✏️",
        };
        let parts: Vec<String> = object_details(object)
            .iter()
            .map(|part| prose(part))
            .collect();
        let _ = writeln!(
            text,
            "| {sign} | {} {} | {} | {} |",
            code(&name(object)),
            kind(object.kind),
            parts.join("<br>"),
            rows(object)
        );
    }
    text.push_str(&and_more(difference.objects.len(), "\n"));
    let mut others: Vec<String> = difference.database.iter().map(property).collect();
    others.extend(difference.notes.iter().cloned());
    if !others.is_empty() {
        text.push('\n');
    }
    for other in others.iter().take(SHOWN) {
        let _ = writeln!(text, "- {}", prose(other));
    }
    text.push_str(&and_more(others.len(), "- "));
    text
}

fn rows(object: &ObjectChange) -> String {
    match (object.rows_before, object.rows_after) {
        (Some(before), Some(after)) if before == after => count(after),
        (Some(before), Some(after)) => format!("{} → {}", count(before), count(after)),
        (Some(only), None) | (None, Some(only)) => count(only),
        (None, None) => String::new(),
    }
}

fn waived(report: &RunReport) -> String {
    let mut text = String::new();
    for waiver in &report.waived {
        let _ = writeln!(
            text,
            "\nWaived: {} because {}",
            code(&waiver.flag),
            prose(&waiver.reason)
        );
    }
    text
}

fn way_back(report: &RunReport) -> String {
    if report.undo.is_empty() {
        return String::new();
    }
    format!("\nThe way back:\n\n{}", block("sh", &report.undo))
}
