//! Options and indexes of one collection.

use super::{Expiry, Told, json};
use crate::engine::mongodb::definitions::{PartDifference, part_differences};
use crate::snapshot::{Object, Part, PartKind};

/// The option that deletes documents by their age.
const TTL: &str = "expireAfterSeconds";

pub(super) fn compare(expected: &Object, found: &Object, expiry: Expiry, told: &mut Told) {
    let wanted = match expiry {
        Expiry::AsArchived => expected.parts.clone(),
        Expiry::Held => expected.parts.iter().filter_map(held).collect(),
    };
    for difference in part_differences(&wanted, &found.parts) {
        one(&expected.name, &difference, told);
    }
}

/// A part as it is while expiry is held.
fn held(part: &Part) -> Option<Part> {
    match part.kind {
        PartKind::Setting if part.name == TTL => None,
        PartKind::Index => Some(Part {
            definition: json::without(&part.definition, TTL),
            ..part.clone()
        }),
        _ => Some(part.clone()),
    }
}

fn one(object: &str, difference: &PartDifference<'_>, told: &mut Told) {
    let PartDifference {
        kind,
        name,
        expected,
        found,
    } = *difference;
    let (word, called) = match kind {
        PartKind::Index => ("index", format!("index {name}")),
        _ => (setting(name), name.to_owned()),
    };
    let (expected, found) = match (expected, found) {
        (Some(expected), Some(found)) => json::differing(expected, found),
        (expected, found) => {
            let absent = |text: Option<&str>, absent: &str| {
                text.map_or_else(|| absent.to_owned(), json::shortened)
            };
            (absent(expected, "nothing"), absent(found, "missing"))
        }
    };
    told.tell(
        object,
        word,
        format!("{called}: {expected}"),
        format!("{called}: {found}"),
    );
}

/// What an option is about.
fn setting(name: &str) -> &'static str {
    match name {
        "validator" | "validationLevel" | "validationAction" => "validator",
        "collation" => "collation",
        "capped" | "size" | "max" => "capped size",
        "timeseries" => "time series",
        "clusteredIndex" => "clustered index",
        TTL => "expiry",
        _ => "option",
    }
}
