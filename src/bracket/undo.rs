//! What can be done about a run: the way back, and what a crash or failure left to decide.

use crate::report::figures::{shell_word, target_word};
use crate::report::run::{RunArchive, RunReport, RunTarget, StepState};

/// Once COMMAND may have changed something: the command that puts the before-archives back and
/// keeps what failed.
pub(super) fn commands(report: &RunReport) -> Vec<String> {
    let befores = befores(report).count();
    if !touched(report) || befores == 0 || befores < report.targets.len() {
        return Vec::new();
    }
    vec![format!(
        "{} rollback {}",
        program(report),
        word(&report.run)
    )]
}

/// The code of a rehearsal whose COMMAND went elsewhere.
pub const ASTRAY: &str = "astray";

/// The before-archives, put beside what COMMAND may have changed by itself.
fn beside(report: &RunReport) -> Vec<String> {
    befores(report)
        .map(|before| {
            let target = before.target.as_deref().unwrap_or("database");
            format!(
                "to have it as it was, beside it: {} restore {} --into {}",
                program(report),
                word(&before.id),
                word(&format!("{target}_before"))
            )
        })
        .collect()
}

fn touched(report: &RunReport) -> bool {
    let begun = report.steps.iter().any(|step| {
        step.step == "migration" && !matches!(step.state, StepState::Pending | StepState::Skipped)
    });
    begun && !matches!(report.state.as_str(), "failed" | "rolled_back")
}

/// What state things are in, and what to do next; `kept` says where failed databases are after
/// a rollback.
pub(super) fn advice(report: &RunReport, kept: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    match report.state.as_str() {
        "failed" | "refused" | "proof_failed" | "aborted" => {
            lines.push("COMMAND was not started on the target; it was not changed".to_owned());
        }
        "rehearsal_failed" if report.error.as_ref().is_some_and(|one| one.code == ASTRAY) => {
            lines.push("COMMAND may have changed the target: look before anything else".to_owned());
            lines.extend(look(report));
            lines.extend(beside(report));
        }
        "rehearsal_failed" | "loss_refused" => {
            lines.push("COMMAND was run on a copy; it was not started on the target".to_owned());
        }
        "rolled_back" => {
            lines.push("the target is what it was when the before-backup was taken".to_owned());
            lines.extend(kept.iter().cloned());
        }
        "migration_failed" => {
            lines.push(
                "COMMAND ran on the target and failed: it may have changed it in part".to_owned(),
            );
            lines.extend(look(report));
        }
        "check_failed" => {
            lines.push("COMMAND ended well on the target; the check after it did not".to_owned());
            lines.extend(look(report));
        }
        "migration_unknown" => {
            lines.push(
                "COMMAND ran on the target and its end was not seen: what it changed is not known"
                    .to_owned(),
            );
            lines.extend(look(report));
        }
        "completed_without_after" => {
            lines.push("the migration stands; only the backup after it is missing".to_owned());
            lines.extend(
                report
                    .targets
                    .iter()
                    .map(|target| format!("take it: bookend backup {} --tag after", name(target))),
            );
        }
        "interrupted" => lines.extend(after_crash(report)),
        _ => {}
    }
    lines.extend(not_made(report));
    lines
}

/// What comes after the migration does not change how the run ended; so it is told here what
/// is missing, and how to make it.
fn not_made(report: &RunReport) -> Vec<String> {
    let failed = |step: &str| {
        let mut steps = report.steps.iter();
        steps.any(|shown| shown.step == step && shown.state == StepState::Failed)
    };
    let over = report.state == "completed";
    let mut lines = Vec::new();
    if over && failed("compare") {
        lines.push("what changed was not compared with the rehearsal".to_owned());
        lines.extend(compare(report));
    }
    if over && (failed("bundle") || failed("compare")) {
        let mut steps = report.steps.iter();
        let bundle = steps.rfind(|shown| shown.step == "bundle");
        let why = bundle.and_then(|shown| shown.lines.first());
        let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
        lines.push(format!(
            "the bundle was not made{why}; make it when that is put right: {} bundle {}",
            program(report),
            word(&report.run)
        ));
    }
    lines
}

/// How to hold the two archives of each target against each other by hand.
fn compare(report: &RunReport) -> Vec<String> {
    befores(report)
        .filter_map(|before| {
            let mut archives = report.archives.iter();
            let after = archives.rfind(|a| a.step == "after" && a.target == before.target)?;
            Some(format!(
                "see what changed: {} diff {} {}",
                program(report),
                word(&before.id),
                word(&after.id)
            ))
        })
        .collect()
}

/// A crash: what may have happened depends on the step that was under way.
fn after_crash(report: &RunReport) -> Vec<String> {
    if report.steps.iter().any(|step| step.step == "rollback") {
        return half_rolled_back(report);
    }
    let state = |step: &str| {
        report
            .steps
            .iter()
            .rfind(|shown| shown.step == step)
            .map(|shown| shown.state)
    };
    let mut lines = vec!["bookend ended without a word during this run".to_owned()];
    match state("migration") {
        Some(StepState::Unknown) => {
            lines.push(
                "COMMAND was started on the target, or was about to be: whether it ran, and to which end, is not known"
                    .to_owned(),
            );
            lines.push("it may still be running; it is never run again by itself".to_owned());
            lines.extend(look(report));
        }
        Some(StepState::Ok) => {
            lines.push("COMMAND had ended with exit 0: the migration stands".to_owned());
            lines.extend(look(report));
        }
        Some(StepState::Pending | StepState::Running | StepState::Skipped | StepState::Failed)
        | None => {
            lines.push("COMMAND was not started on the target; it was not changed".to_owned());
        }
    }
    let bookend = program(report);
    let run = word(&report.run);
    lines.push(format!("finish it: {bookend} resume {run}"));
    lines.push(format!("or give it up: {bookend} abort {run}"));
    lines
}

/// A rollback that did not come to its end: it can be finished or undone.
fn half_rolled_back(report: &RunReport) -> Vec<String> {
    let (bookend, run) = (program(report), word(&report.run));
    vec![
        "its rollback did not come to its end: others may be kept from connecting until it is finished or undone"
            .to_owned(),
        format!("finish it: {bookend} resume {run}"),
        format!("or undo it, if no database has changed places yet: {bookend} abort {run}"),
    ]
}

/// How to see what a migration did.
fn look(report: &RunReport) -> Vec<String> {
    report
        .targets
        .iter()
        .filter_map(|target| {
            let before = befores(report).find(|b| b.target.as_ref() == Some(&target.target))?;
            let bookend = program(report);
            Some(format!(
                "see what changed: {bookend} backup {} --tag now && {bookend} diff {} latest:{}",
                name(target),
                word(&before.id),
                word(&target.target),
            ))
        })
        .collect()
}

/// `bookend` with the options that lead to the same store and configuration.
fn program(report: &RunReport) -> String {
    std::iter::once("bookend".to_owned())
        .chain(report.options.iter().map(|option| word(option)))
        .collect::<Vec<_>>()
        .join(" ")
}

/// How to name a target on the command line without its password.
fn name(target: &RunTarget) -> String {
    target_word(&target.origin, &target.url)
}

/// The archive to come back to, of each target: the newest where one was taken anew.
fn befores(report: &RunReport) -> impl Iterator<Item = &RunArchive> {
    let before = |archive: &&RunArchive| archive.step == "before";
    report.targets.iter().filter_map(move |target| {
        let of = |archive: &&RunArchive| archive.target.as_ref() == Some(&target.target);
        report.archives.iter().filter(before).rfind(of)
    })
}

/// A word as a POSIX shell takes it.
#[must_use]
pub fn word(text: &str) -> String {
    shell_word(text)
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(word("shop-1.tar"), "shop-1.tar");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word(""), "''");
        assert_eq!(word("$(rm)"), "'$(rm)'");
    }
}
