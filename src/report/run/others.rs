//! Writes of others while COMMAND ran, in a few words.

use super::super::figures::count;
use super::RunReport;

/// So many objects are named.
const NAMED: usize = 10;

/// A line for each target that somebody else seems to have written to meanwhile. What the gap
/// saw is told with its step.
pub(super) fn lines(report: &RunReport) -> Vec<String> {
    let seen = report
        .quiet
        .iter()
        .filter(|quiet| quiet.step == "migration" && quiet.verdict == "written");
    seen.map(|quiet| {
        let mut objects: Vec<String> = quiet
            .written
            .iter()
            .take(NAMED)
            .map(|written| match written.rows_at_least {
                Some(rows) => format!("{} (at least {})", written.object, count(rows)),
                None => written.object.clone(),
            })
            .collect();
        if let Some(more) = quiet.written.len().checked_sub(NAMED).filter(|m| *m > 0) {
            objects.push(format!("{more} more"));
        }
        let target = match &quiet.target {
            Some(target) if report.targets.len() > 1 => format!(" of {target}"),
            Some(_) | None => String::new(),
        };
        format!(
            "written during the migration{target}, and a rollback would lose it: {}",
            objects.join(", ")
        )
    })
    .collect()
}
