//! A run for CI systems: a test case for each step, one for what must hold of the data, and
//! one for the run itself.

use std::fmt::Write as _;

use super::super::figures::{count, printable};
use super::verdict::{changes, losses, rehearsed_only, sentence, step_lines, step_name, targets};
use super::{RunReport, RunStep, StepState, others};

/// How a case ended.
enum Result {
    Passed,
    Failed(String, Vec<String>),
    Error(String, Vec<String>),
    Skipped(String),
}

struct Case {
    name: String,
    seconds: f64,
    result: Result,
    said: Vec<String>,
}

/// The document.
#[must_use]
pub fn run_junit(report: &RunReport) -> String {
    let cases = cases(report);
    let number = |wanted: fn(&Result) -> bool| cases.iter().filter(|c| wanted(&c.result)).count();
    let failures = number(|result| matches!(result, Result::Failed(..)));
    let errors = number(|result| matches!(result, Result::Error(..)));
    let skipped = number(|result| matches!(result, Result::Skipped(_)));
    let counts = format!(
        "tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{:.3}\"",
        cases.len(),
        report.seconds.max(0.0)
    );
    let began = report.began.map_or_else(String::new, |began| {
        format!(" timestamp=\"{}\"", began.format("%Y-%m-%dT%H:%M:%S"))
    });
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"bookend\" {counts}>\n  \
         <testsuite name=\"{}\"{began} {counts}>\n",
        attribute(&suite(report))
    );
    xml.push_str(&properties(report));
    for case in &cases {
        xml.push_str(&case_xml(report, case));
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

/// The same from run to run: CI systems follow a test by its name. The run is a property.
fn suite(report: &RunReport) -> String {
    let verb = if rehearsed_only(report) {
        "rehearse"
    } else {
        "run"
    };
    format!("bookend {verb} {}", targets(report))
        .trim_end()
        .to_owned()
}

fn properties(report: &RunReport) -> String {
    let mut all = vec![
        ("run".to_owned(), report.run.clone()),
        ("state".to_owned(), report.state.clone()),
        ("command".to_owned(), report.command.join(" ")),
    ];
    for target in &report.targets {
        all.push((format!("target.{}", target.target), target.url.clone()));
    }
    for waiver in &report.waived {
        all.push((format!("waived.{}", waiver.flag), waiver.reason.clone()));
    }
    for undo in &report.undo {
        all.push(("undo".to_owned(), undo.clone()));
    }
    let mut xml = String::from("    <properties>\n");
    for (name, value) in all {
        let _ = writeln!(
            xml,
            "      <property name=\"{}\" value=\"{}\"/>",
            attribute(&name),
            attribute(&value)
        );
    }
    xml.push_str("    </properties>\n");
    xml
}

fn cases(report: &RunReport) -> Vec<Case> {
    let mut cases = Vec::new();
    for step in &report.steps {
        cases.push(step_case(report, step));
        cases.extend(check_case(report, step));
    }
    cases.push(loss_case(report));
    cases.push(as_rehearsed_case(report));
    cases.push(run_case(report));
    cases
}

fn step_case(report: &RunReport, step: &RunStep) -> Case {
    let lines = step_lines(step);
    let first = lines.first().cloned().unwrap_or_default();
    let why = |word: &str| {
        if first.is_empty() {
            word.to_owned()
        } else {
            first.clone()
        }
    };
    let result = match step.state {
        StepState::Ok => Result::Passed,
        StepState::Skipped => Result::Skipped(why("skipped")),
        StepState::Pending => Result::Skipped("not reached".to_owned()),
        StepState::Running => Result::Skipped("still under way".to_owned()),
        StepState::Failed => Result::Failed(
            why_it_stopped(report, step, why("failed")),
            failure_lines(step, &lines),
        ),
        StepState::Unknown => Result::Error(why("its end was not seen"), lines.clone()),
    };
    Case {
        name: step_name(report, step),
        seconds: step.seconds.unwrap_or(0.0),
        result,
        said: lines,
    }
}

/// `--check` on the copy is a part of the rehearsal, and a case of its own.
fn check_case(report: &RunReport, step: &RunStep) -> Option<Case> {
    let ended = step.check.clone()?;
    let name = format!("{} · check", step_name(report, step));
    let result = if ended == "exit 0" {
        Result::Passed
    } else {
        Result::Failed(
            format!("the check on the copy: {ended}"),
            vec![ended.clone()],
        )
    };
    Some(Case {
        name,
        seconds: 0.0,
        result,
        said: vec![ended],
    })
}

/// The run's own error says more of the step that it stopped at than the step's first line.
fn why_it_stopped(report: &RunReport, step: &RunStep, first: String) -> String {
    let last = report.steps.iter().rev();
    let stopped_at = last
        .filter(|step| step.state == StepState::Failed)
        .map(|step| (&step.step, &step.target))
        .next();
    match &report.error {
        Some(error) if stopped_at == Some((&step.step, &step.target)) => error.message.clone(),
        Some(_) | None => first,
    }
}

/// What the step said, and each difference that its proof found.
fn failure_lines(step: &RunStep, lines: &[String]) -> Vec<String> {
    let mut all = lines.to_vec();
    all.extend(step.differences.iter().map(|difference| {
        let word = |key: &str| difference.get(key).and_then(|v| v.as_str()).unwrap_or("?");
        format!(
            "{}: {}: expected {}, found {}",
            word("object"),
            word("kind"),
            word("expected"),
            word("found")
        )
    }));
    all
}

fn loss_case(report: &RunReport) -> Case {
    let all = losses(report);
    let told = |loss: &super::verdict::LossLine| {
        let target = match &loss.target {
            Some(target) if report.targets.len() > 1 => format!("{target}: "),
            Some(_) | None => String::new(),
        };
        let allowed = match &loss.allowed {
            Some(pattern) => format!(", allowed by {pattern}"),
            None => String::new(),
        };
        format!(
            "{target}{}: {} ({}{allowed})",
            loss.object,
            loss.what,
            loss.seen.words()
        )
    };
    let open: Vec<String> = all
        .iter()
        .filter(|loss| loss.allowed.is_none())
        .map(told)
        .collect();
    let result = match (open.len(), changes(report).is_empty() && all.is_empty()) {
        (0, true) => Result::Skipped("nothing was compared".to_owned()),
        (0, false) => Result::Passed,
        (number, _) => Result::Failed(first_of(&open, number), open),
    };
    Case {
        name: "no data lost".to_owned(),
        seconds: 0.0,
        result,
        said: all.iter().map(told).collect(),
    }
}

/// Most CI systems show no more than this: what it is, and how many more there are.
fn first_of(losses: &[String], number: usize) -> String {
    let first = losses.first().cloned().unwrap_or_default();
    match number {
        0 | 1 => first,
        _ => format!("{first}; and {} more", count(number as u64 - 1)),
    }
}

fn as_rehearsed_case(report: &RunReport) -> Case {
    let result = match report.as_rehearsed {
        Some(true) => Result::Passed,
        Some(false) => Result::Failed(
            "the migration came out differently than in the rehearsal".to_owned(),
            report.unlike_rehearsal.clone(),
        ),
        None if rehearsed_only(report) => {
            Result::Skipped("a rehearsal alone: nothing ran on a target".to_owned())
        }
        None if report.rehearsals.is_empty() => {
            Result::Skipped("there is no rehearsal to compare with".to_owned())
        }
        None => Result::Skipped("nothing was compared".to_owned()),
    };
    Case {
        name: "as rehearsed".to_owned(),
        seconds: 0.0,
        result,
        said: others::lines(report),
    }
}

/// The run as a whole: it fails also where no step did, as when it was refused.
fn run_case(report: &RunReport) -> Case {
    let sentence = sentence(report);
    let mut lines = Vec::new();
    let message = match &report.error {
        Some(error) => {
            lines.extend(error.causes.clone());
            lines.extend(error.hint.iter().map(|hint| format!("hint: {hint}")));
            error.message.clone()
        }
        None => sentence.clone(),
    };
    lines.extend(report.advice.clone());
    let result = match report.state.as_str() {
        "running" => Result::Skipped("still under way".to_owned()),
        "interrupted" => Result::Error(message, lines),
        _ if report.exit == 0 => Result::Passed,
        _ => Result::Failed(message, lines),
    };
    Case {
        name: "run".to_owned(),
        seconds: 0.0,
        result,
        said: vec![sentence],
    }
}

fn case_xml(report: &RunReport, case: &Case) -> String {
    let mut xml = format!(
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\">\n",
        attribute(&suite(report)),
        attribute(&case.name),
        case.seconds.max(0.0)
    );
    match &case.result {
        Result::Passed => {}
        Result::Skipped(why) => {
            let _ = writeln!(xml, "      <skipped message=\"{}\"/>", attribute(why));
        }
        Result::Failed(why, lines) => xml.push_str(&fault("failure", report, why, lines)),
        Result::Error(why, lines) => xml.push_str(&fault("error", report, why, lines)),
    }
    if !case.said.is_empty() {
        let _ = writeln!(xml, "      <system-out>{}</system-out>", lines(&case.said));
    }
    xml.push_str("    </testcase>\n");
    xml
}

fn fault(tag: &str, report: &RunReport, why: &str, said: &[String]) -> String {
    format!(
        "      <{tag} type=\"{}\" message=\"{}\">{}</{tag}>\n",
        attribute(&report.state),
        attribute(why),
        lines(said)
    )
}

fn lines(texts: &[String]) -> String {
    let clean: Vec<String> = texts.iter().map(|text| attribute(text)).collect();
    clean.join("\n")
}

/// Text for an attribute or between tags. XML has no place for most control characters, not
/// even escaped: they appear in Rust's notation.
fn attribute(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in printable(text).chars() {
        match character {
            '&' => clean.push_str("&amp;"),
            '<' => clean.push_str("&lt;"),
            '>' => clean.push_str("&gt;"),
            '"' => clean.push_str("&quot;"),
            '\'' => clean.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => clean.push('\u{fffd}'),
            other => clean.push(other),
        }
    }
    clean
}
