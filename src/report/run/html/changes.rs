//! What changed: losses on top, then object by object.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::super::super::changed::{kind, name};
use super::super::super::figures::count;
use super::super::RunReport;
use super::super::changes::{object_details, property};
use super::super::verdict::{Changed, LossLine, Seen, changes, losses};
use super::escape::Text;
use crate::snapshot::diff::{Change, Difference, ObjectChange};

/// So many objects and losses are shown; `bookend diff` shows all.
const SHOWN: usize = 400;

/// The losses of the whole run; nothing if there are none.
pub fn losses_section(report: &RunReport) -> String {
    let all = losses(report);
    if all.is_empty() {
        return String::new();
    }
    let open = all.iter().any(|loss| loss.allowed.is_none());
    let class = if open { "alarm" } else { "heed" };
    let mut html = format!(
        "<section class=\"{class}\" aria-labelledby=\"lost\"><h2 id=\"lost\">{}</h2>\n<ul class=\"plain\">\n",
        if all.iter().all(|loss| loss.seen == Seen::Rehearsal) {
            "Lost on the copy"
        } else {
            "Lost"
        }
    );
    for loss in all.iter().take(SHOWN) {
        html.push_str(&loss_line(report, loss));
    }
    html.push_str("</ul>");
    html.push_str(&and_more(all.len()));
    html.push_str("</section>\n");
    html
}

fn loss_line(report: &RunReport, loss: &LossLine) -> String {
    let allowed = match &loss.allowed {
        Some(pattern) => format!(
            "<span class=\"tag calm\">allowed by <code>{}</code></span>",
            Text(pattern)
        ),
        None if loss.seen == Seen::Rehearsal => {
            "<span class=\"tag bad\">nothing allows it</span>".to_owned()
        }
        None => String::new(),
    };
    format!(
        "<li>{}<code>{}</code> · {} <span class=\"soft\">{}</span> {allowed}</li>\n",
        target_prefix(report, loss.target.as_deref()),
        Text(&loss.object),
        Text(&loss.what),
        loss.seen.words(),
    )
}

fn target_prefix(report: &RunReport, target: Option<&str>) -> String {
    match target {
        Some(target) if report.targets.len() > 1 => {
            format!("<span class=\"soft\">{}</span> ", Text(target))
        }
        Some(_) | None => String::new(),
    }
}

/// One section for each target whose difference is known.
pub fn sections(report: &RunReport) -> String {
    let all = changes(report);
    all.iter()
        .enumerate()
        .map(|(number, changed)| section(report, changed, number))
        .collect()
}

fn section(report: &RunReport, changed: &Changed, number: usize) -> String {
    let several = report.targets.len() > 1;
    let mut title = if changed.rehearsed {
        "What the rehearsal changed".to_owned()
    } else {
        "What changed".to_owned()
    };
    if let (true, Some(target)) = (several, &changed.target) {
        let _ = write!(title, " in {target}");
    }
    let mut html = format!(
        "<section aria-labelledby=\"changed{number}\"><h2 id=\"changed{number}\">{}</h2>\n",
        Text(&title)
    );
    match &changed.difference {
        None => html.push_str(
            "<p>The difference was recorded by a newer bookend and is not shown here; <code>bookend report --format json</code> has it.</p>",
        ),
        Some(difference) if difference.same => html.push_str("<p>Nothing changed.</p>"),
        Some(difference) => html.push_str(&table(difference)),
    }
    html.push_str("</section>\n");
    html
}

fn table(difference: &Difference) -> String {
    let lost: HashSet<&str> = difference
        .losses
        .iter()
        .map(|loss| loss.object.as_str())
        .collect();
    let mut objects: Vec<(bool, &ObjectChange)> = difference
        .objects
        .iter()
        .map(|object| (lossy(object, &lost), object))
        .collect();
    objects.sort_by_key(|(lossy, _)| !lossy);
    let mut html = String::new();
    if !objects.is_empty() {
        html.push_str(
            "<table><thead><tr><th aria-label=\"change\"></th><th>object</th><th>what</th>\
             <th class=\"num\">rows</th></tr></thead><tbody>\n",
        );
        for (lossy, object) in objects.iter().take(SHOWN) {
            html.push_str(&object_row(object, *lossy));
        }
        html.push_str("</tbody></table>");
        html.push_str(&and_more(objects.len()));
    }
    html.push_str(&database(difference));
    html
}

/// A loss names an object, or something of it, by the name before.
fn lossy(object: &ObjectChange, lost: &HashSet<&str>) -> bool {
    let before = match &object.change {
        Change::Renamed { from } => from,
        Change::Added | Change::Removed | Change::Changed => &object.object,
    };
    lost.iter().any(|name| {
        name.strip_prefix(before.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', ' ']))
    })
}

fn object_row(object: &ObjectChange, lossy: bool) -> String {
    let (class, sign, word) = match &object.change {
        Change::Added => ("added", "+", "added"),
        Change::Removed => ("removed", "−", "removed"),
        Change::Renamed { .. } => ("renamed", "→", "renamed"),
        Change::Changed => ("changed", "~", "changed"),
    };
    let lossy = if lossy { " lossy" } else { "" };
    let parts: String = object_details(object)
        .iter()
        .map(|part| format!("<li>{}</li>", Text(part)))
        .collect();
    format!(
        "<tr class=\"{class}{lossy}\"><td class=\"sign\" aria-label=\"{word}\">{sign}</td>\
         <td><code>{}</code> <span class=\"kind\">{}</span></td><td><ul>{parts}</ul></td>\
         <td class=\"num\" title=\"rows\">{}</td></tr>\n",
        Text(&name(object)),
        kind(object.kind),
        rows(object),
    )
}

/// Rows before and after; one figure where they are the same.
fn rows(object: &ObjectChange) -> String {
    match (object.rows_before, object.rows_after) {
        (Some(before), Some(after)) if before == after => {
            format!("<span class=\"soft\">{}</span>", count(after))
        }
        (Some(before), Some(after)) => format!("{} → {}", count(before), count(after)),
        (Some(gone), None) => format!("{} → 0", count(gone)),
        (None, Some(new)) => count(new),
        (None, None) => String::new(),
    }
}

fn database(difference: &Difference) -> String {
    let mut lines: Vec<String> = difference.database.iter().map(property).collect();
    lines.extend(difference.notes.iter().cloned());
    if lines.is_empty() {
        return String::new();
    }
    let items: String = lines
        .iter()
        .map(|line| format!("<li>{}</li>", Text(line)))
        .collect();
    format!("<h3>The database itself</h3><ul>{items}</ul>")
}

fn and_more(all: usize) -> String {
    match all.checked_sub(SHOWN) {
        Some(more) if more > 0 => format!(
            "<p class=\"note\">and {} more: see <code>bookend diff</code></p>",
            count(more as u64)
        ),
        _ => String::new(),
    }
}
