//! What a migration changed, a line for each object: `shop.users: column name → full_name
//! (same values), +1 column`.

use super::super::changed::{self, Detail, Sign};
use super::super::figures::{counted, numbered};
use crate::snapshot::Noun;
use crate::snapshot::diff::{Change, Difference, ObjectChange, PropertyChange};

/// So many objects, and so many losses, are told one by one.
const TOLD: usize = 40;

/// So many columns and parts of an object are named on a page.
const NAMED: usize = 20;

/// How a line about a loss begins.
pub const LOST: &str = "lost: ";

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
    lines.extend(losses.map(|loss| format!("{LOST}{}: {}", loss.object, loss.what)));
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
    format!(
        "{}: {}",
        changed::name(object),
        object_parts(object).join(", ")
    )
}

/// What happened to an object, piece by piece, in few words; at least one.
fn object_parts(object: &ObjectChange) -> Vec<String> {
    let (counted, named): (Vec<Detail>, Vec<Detail>) = changed::details(object)
        .into_iter()
        .partition(|detail| detail.is_countable);
    let mut pieces: Vec<String> = named.iter().map(detail).collect();
    pieces.extend(numbers(&counted));
    parts_with(object, pieces)
}

/// The same where there is room: what came and went has its name.
pub(super) fn object_details(object: &ObjectChange) -> Vec<String> {
    let details = changed::details(object);
    let told = details.iter().take(NAMED).map(|one| {
        if one.is_countable {
            format!("{}{}", one.sign.symbol(), one.words())
        } else {
            detail(one)
        }
    });
    let mut pieces: Vec<String> = told.collect();
    if let Some(more) = details.len().checked_sub(NAMED).filter(|more| *more > 0) {
        pieces.push(format!("and {}", counted(more as u64, "more", "more")));
    }
    parts_with(object, pieces)
}

fn parts_with(object: &ObjectChange, pieces: Vec<String>) -> Vec<String> {
    let mut parts = Vec::new();
    match &object.change {
        Change::Added => parts.push(with_rows("added", object)),
        Change::Removed => parts.push(with_rows("removed", object)),
        Change::Renamed { .. } if object.probably => parts.push("probably renamed".to_owned()),
        Change::Renamed { .. } => parts.push("renamed".to_owned()),
        Change::Changed => {}
    }
    parts.extend(pieces);
    if changed::sign(object) == Sign::Changed {
        parts.extend(object.properties.iter().map(property));
        parts.extend(rows_changed(object));
    }
    parts.extend(object.notes.iter().cloned());
    if parts.is_empty() {
        parts.push("changed".to_owned());
    }
    parts
}

fn with_rows(what: &str, object: &ObjectChange) -> String {
    match changed::rows(object) {
        Some(rows) => format!("{what} ({rows})"),
        None => what.to_owned(),
    }
}

fn rows_changed(object: &ObjectChange) -> Option<String> {
    let (before, after) = (object.rows_before?, object.rows_after?);
    let noun = object.kind.nouns().row;
    match before.cmp(&after) {
        std::cmp::Ordering::Less => Some(format!("+{}", numbered(after - before, noun))),
        std::cmp::Ordering::Greater => Some(format!("-{}", numbered(before - after, noun))),
        std::cmp::Ordering::Equal => None,
    }
}

/// `column name → full_name (same values)`, `column age: type integer → bigint`.
fn detail(detail: &Detail) -> String {
    let words = detail.words();
    if !detail.properties.is_empty() {
        let properties: Vec<String> = detail.properties.iter().map(property).collect();
        return format!("{words}: {}", properties.join(", "));
    }
    if detail.sign == Sign::Changed && detail.facts.is_empty() {
        return format!("{words} changed");
    }
    words
}

/// `+1 index`, `-2 triggers`, `~1 grant`: new, gone, different, by kind.
fn numbers(details: &[Detail]) -> Vec<String> {
    let mut found: Vec<(Sign, Noun, u64)> = Vec::new();
    for detail in details {
        let of = (detail.sign, detail.noun);
        match found
            .iter_mut()
            .find(|(sign, noun, _)| (*sign, *noun) == of)
        {
            Some((_, _, number)) => *number += 1,
            None => found.push((detail.sign, detail.noun, 1)),
        }
    }
    found
        .into_iter()
        .map(|(sign, noun, number)| format!("{}{}", sign.symbol(), numbered(number, noun)))
        .collect()
}

/// `type integer → bigint`; long texts only by name.
pub(super) fn property(change: &PropertyChange) -> String {
    const SHORT: usize = 60;
    let (before, after) = changed::sides(change);
    if before.chars().count() <= SHORT && after.chars().count() <= SHORT {
        format!("{} {before} → {after}", change.property)
    } else {
        format!("{} changed", change.property)
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
