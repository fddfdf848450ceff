//! What can be done about a run: the way back, and what a crash or failure left to decide.

use crate::report::figures::shell_word;
use crate::report::run::{RunArchive, RunReport, RunTarget, StepState};

/// A name no longer than this is possible everywhere.
const LONGEST_NAME: usize = 63;

/// For each target with a before-archive, once COMMAND may have changed something: the
/// command that puts it into a new database next to the original.
pub(super) fn commands(report: &RunReport) -> Vec<String> {
    if !touched(report) {
        return Vec::new();
    }
    befores(report)
        .map(|archive| {
            let target = report
                .targets
                .iter()
                .find(|target| Some(&target.target) == archive.target.as_ref());
            let database = target.map_or(archive.id.as_str(), |target| target.database.as_str());
            let server = target.and_then(server).unwrap_or_default();
            format!(
                "{} restore {} --into {}{server}",
                program(report),
                word(&archive.id),
                word(&beside(database, &report.run))
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

/// What state things are in, and what to do next.
pub(super) fn advice(report: &RunReport) -> Vec<String> {
    let mut lines = Vec::new();
    match report.state.as_str() {
        "failed" | "refused" | "proof_failed" | "aborted" => {
            lines.push("COMMAND was not started on the target; it was not changed".to_owned());
        }
        "rehearsal_failed" | "loss_refused" => {
            lines.push("COMMAND ran on a copy only; the target was not changed".to_owned());
        }
        "rolled_back" => {
            lines.push("the target is what it was when the before-backup was taken".to_owned());
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
    lines
}

/// A crash: what may have happened depends on the step that was under way.
fn after_crash(report: &RunReport) -> Vec<String> {
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

/// `--on`, where the archive's own server would not be found with its password: in a variable
/// that only this run was told of.
fn server(target: &RunTarget) -> Option<String> {
    let name = name(target);
    let usual = ["env:DATABASE_URL", "env:MONGODB_URI"];
    (name.starts_with("env:") && !usual.contains(&name.as_str())).then(|| format!(" --on {name}"))
}

/// How to name a target on the command line without its password.
fn name(target: &RunTarget) -> String {
    if let Some((_, named)) = target.origin.split_once(".toml: ") {
        return word(named);
    }
    let variable = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if !target.origin.is_empty() && target.origin.chars().all(variable) {
        return format!("env:{}", target.origin);
    }
    word(&target.url)
}

/// The archive to come back to, of each target: the newest where one was taken anew.
fn befores(report: &RunReport) -> impl Iterator<Item = &RunArchive> {
    let before = |archive: &&RunArchive| archive.step == "before";
    report.targets.iter().filter_map(move |target| {
        let of = |archive: &&RunArchive| archive.target.as_ref() == Some(&target.target);
        report.archives.iter().filter(before).rfind(of)
    })
}

/// A name for the old content beside the original: `shop_before_20261120t043512z`.
fn beside(database: &str, run: &str) -> String {
    let stamp = run.split('-').next().unwrap_or(run).to_ascii_lowercase();
    let suffix = format!("_before_{stamp}");
    let mut end = database
        .len()
        .min(LONGEST_NAME.saturating_sub(suffix.len()));
    while !database.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{suffix}", &database[..end])
}

/// A word as a POSIX shell takes it.
#[must_use]
pub fn word(text: &str) -> String {
    shell_word(text)
}

#[cfg(test)]
mod tests {
    use super::{beside, word};

    #[test]
    fn the_name_beside_fits_whatever_the_original_is_called() {
        assert_eq!(
            beside("shop", "20261120T043512Z-shop"),
            "shop_before_20261120t043512z"
        );
        let long = beside(&"ä".repeat(31), "20261120T043512Z-x");
        assert!(long.len() <= 63, "{long}");
        assert!(long.ends_with("_before_20261120t043512z"));
    }

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(word("shop-1.tar"), "shop-1.tar");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word(""), "''");
        assert_eq!(word("$(rm)"), "'$(rm)'");
    }
}
