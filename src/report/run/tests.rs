//! Every form of a run's report: what it says, and that no name breaks out of it.

mod cases;
mod comments;
mod pages;

use serde_json::Value;

use super::{RunRehearsal, RunReport, report_json, run_html, run_junit, run_markdown};

fn full() -> RunReport {
    parsed(include_str!("tests/full.json"))
}

fn lost() -> RunReport {
    parsed(include_str!("tests/lost.json"))
}

fn failed() -> RunReport {
    parsed(include_str!("tests/failed.json"))
}

fn all() -> [RunReport; 3] {
    [full(), lost(), failed()]
}

fn parsed(json: &str) -> RunReport {
    serde_json::from_str(json).unwrap()
}

/// What somebody may call a table to break a page.
const HOSTILE: &str = "x\"'><script>alert(1)</script><!-- ]]> & &amp; \u{0}\u{1b}[2J\u{202e}\u{ffff} \
    | `` ``` **b** [l](http://evil.example) @team\n\n<details> </td>";

/// The report with every name and text made hostile.
fn hostile(report: &RunReport) -> RunReport {
    let mut document = serde_json::to_value(report).unwrap();
    poison(&mut document, "");
    serde_json::from_value(document).unwrap()
}

fn poison(value: &mut Value, key: &str) {
    let words = [
        "state", "change", "kind", "values", "began", "engine", "step", "verdict", "proof",
    ];
    match value {
        Value::String(text) if !words.contains(&key) => text.push_str(HOSTILE),
        Value::Array(all) => all.iter_mut().for_each(|one| poison(one, key)),
        Value::Object(all) => all.iter_mut().for_each(|(key, one)| poison(one, key)),
        _ => {}
    }
}

fn tree(xml: &str) -> roxmltree::Document<'_> {
    let options = roxmltree::ParsingOptions {
        allow_dtd: true,
        ..Default::default()
    };
    roxmltree::Document::parse_with_options(xml, options)
        .unwrap_or_else(|error| panic!("{error}\n{xml}"))
}

fn elements(xml: &str) -> Vec<String> {
    tree(xml)
        .descendants()
        .filter(roxmltree::Node::is_element)
        .map(|node| node.tag_name().name().to_owned())
        .collect()
}

#[test]
fn the_document_says_why_the_run_stopped_and_that_it_was_shown() {
    let document = report_json(&lost());
    assert_eq!(document["ok"], true);
    assert_eq!(document["exit"], 4);
    assert_eq!(document["stopped_by"]["code"], "loss-refused");
    assert!(document.get("error").is_none());
    assert_eq!(
        document["rehearsals"][0]["locks"][0]["object"],
        "shop.orders"
    );
}

#[test]
fn a_report_of_an_older_bookend_is_read() {
    let mut document = serde_json::to_value(full()).unwrap();
    for key in ["rehearsals", "quiet", "unlike_rehearsal"] {
        document.as_object_mut().unwrap().remove(key);
    }
    for step in document["steps"].as_array_mut().unwrap() {
        step.as_object_mut().unwrap().remove("began_after");
    }
    let old: RunReport = serde_json::from_value(document).unwrap();
    assert!(run_html(&old).contains("completed as rehearsed"));
    assert!(!run_markdown(&old).is_empty());
    tree(&run_junit(&old));
}

#[test]
fn a_rehearsal_is_put_together_from_what_was_recorded() {
    let difference = lost().rehearsals[0].difference.clone();
    let observed = serde_json::json!({
        "tables": [
            {"object": "a", "reads_blocked_ms": 0, "writes_blocked_ms": 3},
            {"object": "b", "reads_blocked_ms": 9, "writes_blocked_ms": 1},
        ],
        "longest_statement_ms": 12, "bytes_before": 5, "bytes_after": 6, "something_new": 7,
    });
    let allow = |object: &str| object.contains("phone").then(|| "*.phone".to_owned());
    let told = RunRehearsal::of(Some("shop".to_owned()), difference, Some(&observed), allow);
    assert_eq!(told.locks[0].object, "b");
    assert_eq!(told.longest_statement_ms, Some(12));
    let allowed: Vec<Option<&str>> = told.losses.iter().map(|l| l.allowed.as_deref()).collect();
    assert_eq!(allowed, [None, Some("*.phone"), None]);
    assert_eq!(told.losses.len(), 3);
    let bare = RunRehearsal::of(None, None, None, |_| None);
    assert_eq!(bare, RunRehearsal::default());
}
