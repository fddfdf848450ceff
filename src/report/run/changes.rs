//! What a migration changed, a line for each object: `shop.users: column name → full_name
//! (same values), +1 column`.

use super::super::figures::counted;
use crate::snapshot::PartKind;
use crate::snapshot::diff::{
    Change, ColumnChange, ColumnChangeKind, Difference, ObjectChange, PropertyChange, Values,
};

/// So many objects, and so many losses, are told one by one.
const TOLD: usize = 40;

/// The lines of a difference; the last ones say what was lost.
#[must_use]
pub fn change_lines(difference: &Difference) -> Vec<String> {
    let objects = &difference.objects;
    let mut lines: Vec<String> = objects.iter().take(TOLD).map(object_line).collect();
    lines.extend(and_more(objects.len(), "object", "objects"));
    let database: Vec<String> = difference.database.iter().map(property).collect();
    if !database.is_empty() {
        lines.push(format!("database: {}", database.join(", ")));
    }
    lines.extend(difference.notes.iter().cloned());
    if lines.is_empty() {
        lines.push("nothing changed".to_owned());
    }
    let losses = difference.losses.iter().take(TOLD);
    lines.extend(losses.map(|loss| format!("lost: {}: {}", loss.object, loss.what)));
    lines.extend(and_more(difference.losses.len(), "loss", "losses"));
    if !difference.loss {
        lines.push("no data lost".to_owned());
    }
    lines
}

fn and_more(all: usize, one: &str, many: &str) -> Option<String> {
    let more = all.checked_sub(TOLD).filter(|more| *more > 0)? as u64;
    Some(format!(
        "and {} more: see bookend diff",
        counted(more, one, many)
    ))
}

fn object_line(object: &ObjectChange) -> String {
    let name = &object.object;
    let mut head = name.clone();
    let mut parts = Vec::new();
    match &object.change {
        Change::Added => parts.push(with_rows("added", object.rows_after)),
        Change::Removed => parts.push(with_rows("removed", object.rows_before)),
        Change::Renamed { from } => {
            head = format!("{from} → {name}");
            parts.push(if object.probably {
                "probably renamed".to_owned()
            } else {
                "renamed".to_owned()
            });
        }
        Change::Changed => {}
    }
    // All that belongs to a new or a gone object is new or gone with it.
    if matches!(object.change, Change::Changed | Change::Renamed { .. }) {
        parts.extend(object.columns.iter().filter_map(column));
        parts.extend(columns_counted(&object.columns));
        parts.extend(parts_counted(object));
        parts.extend(object.properties.iter().map(property));
        parts.extend(rows_changed(object));
    } else {
        parts.extend(object.columns.iter().filter_map(moved));
    }
    parts.extend(object.notes.iter().cloned());
    if parts.is_empty() {
        parts.push("changed".to_owned());
    }
    format!("{head}: {}", parts.join(", "))
}

fn with_rows(what: &str, rows: Option<u64>) -> String {
    match rows {
        Some(rows) => format!("{what} ({})", counted(rows, "row", "rows")),
        None => what.to_owned(),
    }
}

fn rows_changed(object: &ObjectChange) -> Option<String> {
    let (before, after) = (object.rows_before?, object.rows_after?);
    match before.cmp(&after) {
        std::cmp::Ordering::Less => Some(format!("+{}", counted(after - before, "row", "rows"))),
        std::cmp::Ordering::Greater => Some(format!("-{}", counted(before - after, "row", "rows"))),
        std::cmp::Ordering::Equal => None,
    }
}

/// Renamed, moved and changed columns by name; added and removed ones are counted.
fn column(column: &ColumnChange) -> Option<String> {
    let name = &column.name;
    match column.change {
        ColumnChangeKind::Renamed => {
            let from = column.from.as_deref().unwrap_or("?");
            Some(format!("column {from} → {name} ({})", same(column)))
        }
        ColumnChangeKind::Moved => moved(column),
        ColumnChangeKind::Changed => {
            let mut what: Vec<String> = column.properties.iter().map(property).collect();
            what.extend(values(column.values).map(str::to_owned));
            Some(if what.is_empty() {
                format!("column {name} changed")
            } else {
                format!("column {name}: {}", what.join(", "))
            })
        }
        ColumnChangeKind::Added | ColumnChangeKind::Removed => None,
    }
}

fn moved(column: &ColumnChange) -> Option<String> {
    let to = column.to.as_deref()?;
    Some(format!("column {} → {to} ({})", column.name, same(column)))
}

fn same(column: &ColumnChange) -> &'static str {
    match (column.probably, column.values) {
        (true, _) => "probably the same values",
        (false, Values::Same | Values::Unknown | Values::SameBag) => "same values",
        (false, Values::OtherRows) => "same values on other rows",
        (false, Values::Other | Values::OneValue) => "other values",
    }
}

fn values(values: Values) -> Option<&'static str> {
    match values {
        Values::Same | Values::Unknown => None,
        Values::SameBag => Some("values on rows that could not be matched"),
        Values::OtherRows => Some("same values on other rows"),
        Values::Other => Some("other values"),
        Values::OneValue => Some("one value where there were several"),
    }
}

fn columns_counted(columns: &[ColumnChange]) -> Vec<String> {
    let number = |kind| columns.iter().filter(|one| one.change == kind).count() as u64;
    [
        ("+", ColumnChangeKind::Added),
        ("-", ColumnChangeKind::Removed),
    ]
    .into_iter()
    .map(|(sign, kind)| (sign, number(kind)))
    .filter(|(_, number)| *number > 0)
    .map(|(sign, number)| format!("{sign}{}", counted(number, "column", "columns")))
    .collect()
}

/// `+1 index`, `-2 triggers`, `~1 grant`: new, gone, different, by kind.
fn parts_counted(object: &ObjectChange) -> Vec<String> {
    let mut found: Vec<(PartKind, &str, u64)> = Vec::new();
    for part in &object.parts {
        let sign = match part.change {
            Change::Added => "+",
            Change::Removed => "-",
            Change::Renamed { .. } | Change::Changed => "~",
        };
        match found
            .iter_mut()
            .find(|(k, s, _)| *k == part.kind && *s == sign)
        {
            Some((_, _, number)) => *number += 1,
            None => found.push((part.kind, sign, 1)),
        }
    }
    found
        .into_iter()
        .map(|(kind, sign, number)| {
            let (one, many) = part_words(kind);
            format!("{sign}{}", counted(number, one, many))
        })
        .collect()
}

fn part_words(kind: PartKind) -> (&'static str, &'static str) {
    match kind {
        PartKind::Constraint => ("constraint", "constraints"),
        PartKind::Index => ("index", "indexes"),
        PartKind::Trigger => ("trigger", "triggers"),
        PartKind::Rule => ("rule", "rules"),
        PartKind::Policy => ("policy", "policies"),
        PartKind::Grant => ("grant", "grants"),
        PartKind::Statistics => ("statistics object", "statistics objects"),
        PartKind::Setting => ("setting", "settings"),
    }
}

/// `type integer → bigint`; long texts only by name.
fn property(change: &PropertyChange) -> String {
    const SHORT: usize = 60;
    let short = |text: &String| text.chars().count() <= SHORT && !text.contains('\n');
    match (&change.before, &change.after) {
        (Some(before), Some(after)) if short(before) && short(after) => {
            format!("{} {before} → {after}", change.property)
        }
        (None, Some(after)) if short(after) => format!("+{} {after}", change.property),
        (Some(before), None) if short(before) => format!("-{} {before}", change.property),
        _ => format!("{} changed", change.property),
    }
}

#[cfg(test)]
mod tests {
    use super::change_lines;
    use crate::snapshot::diff::Difference;
    use serde_json::json;

    fn lines(objects: &serde_json::Value, losses: &serde_json::Value) -> Vec<String> {
        let document = json!({
            "same": false,
            "loss": losses.as_array().is_some_and(|all| !all.is_empty()),
            "objects": objects,
            "losses": losses,
            "database": [],
            "notes": [],
        });
        change_lines(&serde_json::from_value::<Difference>(document).unwrap())
    }

    fn object(name: &str, rest: &serde_json::Value) -> serde_json::Value {
        let mut all = json!({
            "object": name, "kind": "table", "change": "changed", "rows_before": null,
            "rows_after": null, "columns": [], "parts": [], "properties": [], "notes": [],
        });
        for (key, value) in rest.as_object().unwrap() {
            all[key] = value.clone();
        }
        all
    }

    #[test]
    fn each_object_is_a_line_and_loss_comes_last() {
        let told = lines(
            &json!([
                object(
                    "shop.users",
                    &json!({"rows_before": 7, "rows_after": 7, "columns": [
                        {"name": "full_name", "change": "renamed", "from": "name", "values": "same"},
                        {"name": "email", "change": "added", "values": "unknown"},
                        {"name": "age", "change": "changed", "values": "same", "properties": [
                            {"property": "type", "before": "integer", "after": "bigint"}]},
                    ]})
                ),
                object(
                    "shop.orders",
                    &json!({"parts": [
                    {"kind": "index", "name": "o", "change": "added"}]})
                ),
                object(
                    "shop.new",
                    &json!({"change": "renamed", "from": "shop.old"})
                ),
                object("shop.log", &json!({"change": "added", "rows_after": 1200})),
                object("shop.cut", &json!({"rows_before": 1201, "rows_after": 1})),
            ]),
            &json!([]),
        );
        assert_eq!(
            told,
            [
                "shop.users: column name → full_name (same values), column age: type integer → bigint, +1 column",
                "shop.orders: +1 index",
                "shop.old → shop.new: renamed",
                "shop.log: added (1,200 rows)",
                "shop.cut: -1,200 rows",
                "no data lost",
            ]
        );
    }

    #[test]
    fn losses_are_named_and_sameness_is_said() {
        let told = lines(
            &json!([]),
            &json!([{"object": "shop.users", "what": "12 rows"}]),
        );
        assert_eq!(told, ["nothing changed", "lost: shop.users: 12 rows"]);
        assert_eq!(
            lines(&json!([]), &json!([])),
            ["nothing changed", "no data lost"]
        );
    }
}
