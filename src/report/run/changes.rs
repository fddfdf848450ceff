//! What a migration changed, a line for each object: `shop.users: column name → full_name
//! (same values), +1 column`.
//!
//! Made from the document of `bookend diff --json`, which is what a run's journal keeps.

use serde_json::Value;

use super::super::figures::{count, counted};

/// So many objects are told one by one.
const TOLD: usize = 40;

/// The lines of a difference; the last says whether anything was lost.
#[must_use]
pub fn change_lines(difference: &Value) -> Vec<String> {
    let objects = list(difference, "objects");
    let mut lines: Vec<String> = objects.iter().take(TOLD).map(object_line).collect();
    if objects.len() > TOLD {
        let more = (objects.len() - TOLD) as u64;
        lines.push(format!(
            "and {} more: bookend diff",
            counted(more, "object", "objects")
        ));
    }
    if lines.is_empty() {
        lines.push("nothing changed".to_owned());
    }
    let losses = list(difference, "losses");
    lines.extend(
        losses
            .iter()
            .take(TOLD)
            .map(|loss| format!("lost: {}: {}", text(loss, "object"), text(loss, "what"))),
    );
    match difference.get("loss").and_then(Value::as_bool) {
        Some(false) => lines.push("no data lost".to_owned()),
        Some(true) if losses.is_empty() => lines.push("data was lost".to_owned()),
        Some(true) | None => {}
    }
    lines
}

fn object_line(object: &Value) -> String {
    let name = text(object, "object");
    let (head, mut parts) = match (text(object, "change"), text(object, "from")) {
        ("added", _) => (
            name.to_owned(),
            vec![rows_of("added", object, "rows_after")],
        ),
        ("removed", _) => (
            name.to_owned(),
            vec![rows_of("removed", object, "rows_before")],
        ),
        ("renamed", "") => (name.to_owned(), vec!["renamed".to_owned()]),
        ("renamed", from) => (
            format!("{from} → {name}"),
            vec!["renamed (same content)".to_owned()],
        ),
        _ => (name.to_owned(), Vec::new()),
    };
    parts.extend(columns(object));
    parts.extend(tally(object, "parts", |part| {
        text(part, "kind").replace('-', " ")
    }));
    if matches!(text(object, "change"), "changed" | "renamed") {
        parts.extend(rows_changed(object));
    }
    parts.extend(
        list(object, "notes")
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned),
    );
    if parts.is_empty() {
        parts.push("changed".to_owned());
    }
    format!("{head}: {}", parts.join(", "))
}

fn rows_of(what: &str, object: &Value, key: &str) -> String {
    match object.get(key).and_then(Value::as_u64) {
        Some(rows) => format!("{what} ({})", counted(rows, "row", "rows")),
        None => what.to_owned(),
    }
}

fn rows_changed(object: &Value) -> Option<String> {
    let before = object.get("rows_before")?.as_u64()?;
    let after = object.get("rows_after")?.as_u64()?;
    match before.cmp(&after) {
        std::cmp::Ordering::Less => Some(format!("+{} rows", count(after - before))),
        std::cmp::Ordering::Greater => Some(format!("-{} rows", count(before - after))),
        std::cmp::Ordering::Equal => None,
    }
}

/// Renamed and changed columns by name, added and removed ones by number.
fn columns(object: &Value) -> Vec<String> {
    let mut told = Vec::new();
    for column in list(object, "columns") {
        let name = text(column, "name");
        match text(column, "change") {
            "renamed" => {
                let certain = column.get("probably").and_then(Value::as_bool) != Some(true);
                let how = if certain {
                    "same values"
                } else {
                    "probably the same"
                };
                told.push(format!("column {} → {name} ({how})", text(column, "from")));
            }
            "added" | "removed" => {}
            change => told.push(format!("column {name} {change}")),
        }
    }
    told.extend(tally(object, "columns", |_| "column".to_owned()));
    told
}

/// `+1 index`, `-2 columns`: what was added and removed, by kind.
fn tally(object: &Value, key: &str, kind_of: impl Fn(&Value) -> String) -> Vec<String> {
    let mut found: Vec<(String, &str, u64)> = Vec::new();
    for one in list(object, key) {
        let sign = match text(one, "change") {
            "added" => "+",
            "removed" => "-",
            "changed" if key == "parts" => "~",
            _ => continue,
        };
        let kind = kind_of(one);
        match found.iter_mut().find(|(k, s, _)| *k == kind && *s == sign) {
            Some((_, _, number)) => *number += 1,
            None => found.push((kind, sign, 1)),
        }
    }
    found
        .into_iter()
        .map(|(kind, sign, number)| format!("{sign}{} {}", count(number), plural(&kind, number)))
        .collect()
}

fn plural(kind: &str, number: u64) -> String {
    match (number, kind) {
        (1, _) | (_, "statistics") => kind.to_owned(),
        (_, "index") => "indexes".to_owned(),
        (_, "policy") => "policies".to_owned(),
        _ => format!("{kind}s"),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::change_lines;
    use serde_json::json;

    #[test]
    fn each_object_is_a_line_and_loss_comes_last() {
        let lines = change_lines(&json!({
            "same": false,
            "loss": false,
            "objects": [
                {"object": "shop.users", "change": "changed", "rows_before": 7, "rows_after": 7,
                 "columns": [
                    {"name": "full_name", "change": "renamed", "from": "name"},
                    {"name": "email", "change": "added"},
                 ]},
                {"object": "shop.orders", "change": "changed", "columns": [],
                 "parts": [{"kind": "index", "name": "o", "change": "added"}]},
                {"object": "shop.new", "change": "renamed", "from": "shop.old", "columns": []},
                {"object": "shop.log", "change": "added", "rows_after": 1200},
                {"object": "shop.cut", "change": "changed", "rows_before": 1200, "rows_after": 0},
            ],
        }));
        assert_eq!(
            lines,
            [
                "shop.users: column name → full_name (same values), +1 column",
                "shop.orders: +1 index",
                "shop.old → shop.new: renamed (same content)",
                "shop.log: added (1,200 rows)",
                "shop.cut: -1,200 rows",
                "no data lost",
            ]
        );
    }

    #[test]
    fn losses_are_named() {
        let lines = change_lines(&json!({
            "same": false, "loss": true, "objects": [],
            "losses": [{"object": "shop.users", "what": "12 rows"}],
        }));
        assert_eq!(lines[1], "lost: shop.users: 12 rows");
        assert_eq!(
            change_lines(&json!({"same": true, "loss": false, "objects": []}))[0],
            "nothing changed"
        );
    }
}
