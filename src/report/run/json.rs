//! A run for scripts. `docs/bracket.md` states the keys.

use serde_json::{Map, Value, json};

use super::{RunReport, StatusReport};

/// The document of `run --json`. Success is exit 0.
#[must_use]
pub fn run_json(report: &RunReport) -> Value {
    let mut document = keys(report);
    document.insert("ok".to_owned(), json!(report.exit == 0));
    if report.exit == 0 {
        document.remove("error");
    }
    Value::Object(document)
}

/// The document of `report --format json`: the keys of `run --json`. `ok` and `error` are the
/// printing command's own, so why the run stopped is under `stopped_by`.
#[must_use]
pub fn report_json(report: &RunReport) -> Value {
    let mut document = keys(report);
    let stopped_by = document.remove("error").unwrap_or(Value::Null);
    document.insert("stopped_by".to_owned(), stopped_by);
    document.insert("ok".to_owned(), json!(true));
    Value::Object(document)
}

/// The document of `status --json`: the keys of the latest run, every run under `runs`, and
/// `left_behind`.
#[must_use]
pub fn status_json(status: &StatusReport) -> Value {
    let mut document = match status.runs.first() {
        Some(latest) => keys(latest),
        None => nothing(),
    };
    // `error` on the top level would say that `status` itself failed.
    let stopped_by = document.remove("error").unwrap_or(Value::Null);
    document.insert("stopped_by".to_owned(), stopped_by);
    document.insert("ok".to_owned(), json!(true));
    document.insert(
        "runs".to_owned(),
        status
            .runs
            .iter()
            .map(|run| Value::Object(keys(run)))
            .collect(),
    );
    document.insert("unreadable".to_owned(), json!(status.unreadable));
    document.insert("left_behind".to_owned(), json!(status.left_behind));
    Value::Object(document)
}

fn keys(report: &RunReport) -> Map<String, Value> {
    match json!(report) {
        Value::Object(document) => document,
        // A struct always serialises as an object.
        _ => Map::new(),
    }
}

fn nothing() -> Map<String, Value> {
    let mut document = Map::new();
    for key in ["run", "state", "report", "bundle"] {
        document.insert(key.to_owned(), Value::Null);
    }
    for key in ["targets", "steps", "archives"] {
        document.insert(key.to_owned(), json!([]));
    }
    document
}
