//! The steps, each with a bar to scale.

use std::fmt::Write as _;

use super::super::verdict::{grouped, step_lines, took};
use super::super::{RunReport, RunStep, StepState};
use super::escape::Text;

/// At most so many marks under the timeline.
const MARKS: f64 = 6.0;
/// Distances between marks that people count in, in seconds.
const DISTANCES: [f64; 17] = [
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0,
    7200.0, 21600.0,
];

/// The section of the steps.
pub fn section(report: &RunReport) -> String {
    if report.steps.is_empty() {
        return String::new();
    }
    let whole = whole(report);
    let wide = if report.targets.len() > 1 {
        " wide"
    } else {
        ""
    };
    let mut html = format!(
        "<section aria-labelledby=\"steps\"><h2 id=\"steps\">Steps</h2>\n<ol class=\"steps{wide}\">\n"
    );
    html.push_str(&scale(whole));
    for (names, step) in grouped(report) {
        html.push_str(&row(report, &names, step, whole));
    }
    html.push_str("</ol></section>\n");
    html
}

/// Seconds that the whole width stands for.
fn whole(report: &RunReport) -> f64 {
    let ends = report
        .steps
        .iter()
        .map(|step| step.began_after.unwrap_or(0.0) + step.seconds.unwrap_or(0.0));
    ends.fold(report.seconds, f64::max).max(0.001)
}

fn distance(whole: f64) -> f64 {
    DISTANCES
        .into_iter()
        .find(|distance| whole / distance <= MARKS)
        .unwrap_or(whole / MARKS)
}

fn scale(whole: f64) -> String {
    let distance = distance(whole);
    let mut html =
        String::from("<li class=\"scale\" aria-hidden=\"true\"><span class=\"track\"><i>0</i>");
    let mut at = distance;
    // A mark at the very end would hang over it.
    while at < whole * 0.96 {
        let _ = write!(
            html,
            "<i style=\"left:{:.2}%\">{}</i>",
            at / whole * 100.0,
            mark(at, distance)
        );
        at += distance;
    }
    html.push_str("</span></li>\n");
    html
}

/// `30 s`, `2 min`, `1.5 h`: as short as the distance allows.
fn mark(at: f64, distance: f64) -> String {
    let short = |value: f64| {
        let text = format!("{value:.1}");
        text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
    };
    if distance < 60.0 && at < 180.0 {
        format!("{} s", short(at))
    } else if at < 7200.0 {
        format!("{} min", short(at / 60.0))
    } else {
        format!("{} h", short(at / 3600.0))
    }
}

fn row(report: &RunReport, names: &[String], step: &RunStep, whole: f64) -> String {
    let (class, sign, word) = look(step.state);
    let several = if names.len() > 1 { " several" } else { "" };
    let mut html = format!(
        "<li class=\"{class}{several}\"><span class=\"mark\" role=\"img\" aria-label=\"{word}\" title=\"{word}\">{sign}</span>\
         <span class=\"name\">{}</span>{}<span class=\"time\">{}</span>",
        Text(&names.join(", ")),
        bar(report, step, whole),
        step.seconds.map_or_else(|| word.to_owned(), took),
    );
    let lines = step_lines(step);
    if let Some((first, rest)) = lines.split_first() {
        let _ = write!(html, "<div class=\"what\">{}", Text(first));
        html.push_str(&further(step, rest));
        html.push_str("</div>");
    }
    html.push_str("</li>\n");
    html
}

/// A failed step shows all that it says; of others the rest is a click away.
fn further(step: &RunStep, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let items: String = lines
        .iter()
        .map(|line| format!("<li>{}</li>", Text(line)))
        .collect();
    let short = lines.len() <= 2 || step.state == StepState::Failed;
    if short {
        return format!("<ul>{items}</ul>");
    }
    format!(
        "<details><summary>{} more lines</summary><ul>{items}</ul></details>",
        lines.len()
    )
}

fn bar(report: &RunReport, step: &RunStep, whole: f64) -> String {
    let Some(began) = step.began_after else {
        return "<span class=\"track\"></span>".to_owned();
    };
    let seconds = match (step.seconds, step.state) {
        (Some(seconds), _) => seconds,
        (None, StepState::Running) => (report.seconds - began).max(0.0),
        // Its end was not seen: it may have gone on to the end of what is known, and beyond.
        (None, _) => (whole - began).max(0.0),
    };
    let left = (began / whole * 100.0).clamp(0.0, 100.0);
    let width = (seconds / whole * 100.0).clamp(0.0, 100.0 - left);
    format!(
        "<span class=\"track\"><span class=\"bar\" style=\"left:{left:.2}%;width:{width:.2}%\"></span></span>"
    )
}

/// Class, sign and word of a state.
fn look(state: StepState) -> (&'static str, &'static str, &'static str) {
    match state {
        StepState::Pending => ("pending", "·", "pending"),
        StepState::Running => ("running", "…", "running"),
        StepState::Ok => ("ok", "✓", "ok"),
        StepState::Skipped => ("skipped", "–", "skipped"),
        StepState::Failed => ("failed", "✕", "failed"),
        StepState::Unknown => ("unknown", "?", "unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::{mark, scale};

    #[test]
    fn marks_are_few_and_round() {
        for whole in [0.04, 0.3, 1.0, 7.0, 55.0, 61.0, 3599.0, 86_400.0, 1e7] {
            let marks = scale(whole).matches("<i").count();
            assert!((1..=7).contains(&marks), "{whole}: {marks}");
        }
        assert!(scale(55.0).contains("<i style=\"left:18.18%\">10 s</i>"));
        assert_eq!(mark(300.0, 300.0), "5 min");
        assert_eq!(mark(5400.0, 1800.0), "90 min");
        assert_eq!(mark(9000.0, 1800.0), "2.5 h");
    }
}
