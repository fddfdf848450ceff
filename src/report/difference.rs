//! The difference between two snapshots, object by object, with everything that is known.

use super::figures::{count, counted, printable};
use crate::snapshot::diff::{
    Change, ColumnChange, ColumnChangeKind, Difference, ObjectChange, PartChange, PropertyChange,
    Values,
};
use crate::snapshot::{ObjectKind, PartKind};

/// Longer definitions are cut on the screen.
const WIDTH: usize = 100;

/// The whole difference; `same` in a word if there is none.
#[must_use]
pub fn text(difference: &Difference) -> String {
    if difference.same {
        return "same\n".to_owned();
    }
    let mut text = String::new();
    for object in &difference.objects {
        object_lines(&mut text, object);
    }
    if !difference.database.is_empty() {
        text.push_str("~ database\n");
        property_lines(&mut text, "    ", &difference.database);
    }
    for note in &difference.notes {
        line(&mut text, "", note);
    }
    if difference.losses.is_empty() {
        text.push_str("no data lost\n");
    }
    for loss in &difference.losses {
        line(
            &mut text,
            "lost: ",
            &format!("{}: {}", loss.object, loss.what),
        );
    }
    text
}

fn line(text: &mut String, before: &str, rest: &str) {
    text.extend([before, &printable(rest), "\n"]);
}

fn object_lines(text: &mut String, object: &ObjectChange) {
    let kind = kind(object.kind);
    let head = match &object.change {
        Change::Added => format!("+ {kind} {}", object.object),
        Change::Removed => format!("- {kind} {}", object.object),
        Change::Renamed { from } => format!(
            "~ {kind} {from} → {}{}",
            object.object,
            if object.probably { " (probably)" } else { "" }
        ),
        Change::Changed => format!("~ {kind} {}", object.object),
    };
    line(text, "", &format!("{head}{}", rows(object)));
    for column in &object.columns {
        // All columns of a new or a gone object are new or gone; only moves say more.
        let alone = matches!(object.change, Change::Changed | Change::Renamed { .. });
        if alone || column.to.is_some() || column.from.is_some() {
            line(text, "    ", &column_line(column));
            property_lines(text, "        ", &column.properties);
        }
    }
    if !matches!(object.change, Change::Added | Change::Removed) {
        for part in &object.parts {
            part_lines(text, part);
        }
    }
    property_lines(text, "    ", &object.properties);
    for note in &object.notes {
        line(text, "    ", note);
    }
}

fn rows(object: &ObjectChange) -> String {
    match (object.rows_before, object.rows_after) {
        (Some(before), Some(after)) if before == after => String::new(),
        (Some(before), Some(after)) => {
            format!(" · {} → {}", count(before), counted(after, "row", "rows"))
        }
        (Some(rows), None) | (None, Some(rows)) => format!(" · {}", counted(rows, "row", "rows")),
        (None, None) => String::new(),
    }
}

fn column_line(column: &ColumnChange) -> String {
    let name = &column.name;
    let probably = if column.probably { "probably " } else { "" };
    let from = column.from.as_deref().unwrap_or("?");
    let head = match column.change {
        ColumnChangeKind::Added => match &column.from {
            Some(from) => format!("+ column {name}, {probably}from {from}"),
            None => format!("+ column {name}"),
        },
        ColumnChangeKind::Removed => format!("- column {name}"),
        ColumnChangeKind::Renamed => format!("~ column {probably}{from} → {name}"),
        ColumnChangeKind::Moved => {
            let to = column.to.as_deref().unwrap_or("?");
            format!("- column {name}, {probably}moved to {to}")
        }
        ColumnChangeKind::Changed => format!("~ column {name}"),
    };
    let facts: Vec<String> = values(column)
        .map(str::to_owned)
        .into_iter()
        .chain(non_null(column))
        .collect();
    if facts.is_empty() {
        head
    } else {
        format!("{head} ({})", facts.join(", "))
    }
}

fn values(column: &ColumnChange) -> Option<&'static str> {
    let gone_or_new = matches!(
        column.change,
        ColumnChangeKind::Added | ColumnChangeKind::Removed
    );
    match column.values {
        Values::Same if column.change == ColumnChangeKind::Changed => None,
        Values::Same => Some("same values"),
        Values::SameBag => Some("same values, on which rows is not known"),
        Values::OtherRows => Some("same values on other rows"),
        Values::Other => Some("other values"),
        Values::OneValue => Some("all values are one now"),
        Values::Unknown if gone_or_new => None,
        Values::Unknown => Some("values not compared"),
    }
}

/// How many values there are, where that tells something.
fn non_null(column: &ColumnChange) -> Option<String> {
    match (column.values_before, column.values_after) {
        (Some(before), Some(after)) if before != after => Some(format!(
            "{} → {}",
            count(before),
            counted(after, "value", "values")
        )),
        (Some(values), None) | (None, Some(values)) => Some(counted(values, "value", "values")),
        _ => None,
    }
}

fn part_lines(text: &mut String, part: &PartChange) {
    let kind = part_kind(part.kind);
    let head = match &part.change {
        Change::Added => format!("+ {kind} {}", part.name),
        Change::Removed => format!("- {kind} {}", part.name),
        Change::Renamed { from } => format!("~ {kind} {from} → {}", part.name),
        Change::Changed => format!("~ {kind} {}", part.name),
    };
    line(text, "    ", &head);
    if matches!(part.change, Change::Changed) {
        let change = PropertyChange {
            property: "definition".to_owned(),
            before: part.before.clone(),
            after: part.after.clone(),
        };
        property_lines(text, "        ", &[change]);
    }
}

fn property_lines(text: &mut String, indent: &str, properties: &[PropertyChange]) {
    for change in properties {
        let told = |value: &Option<String>| {
            value
                .as_deref()
                .map_or_else(|| "nothing".to_owned(), shortened)
        };
        let told = format!(
            "{}: {} → {}",
            change.property,
            told(&change.before),
            told(&change.after)
        );
        line(text, indent, &told);
    }
}

/// On one line, and not too long.
fn shortened(value: &str) -> String {
    let words = value.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= WIDTH {
        return words;
    }
    let cut: String = words.chars().take(WIDTH - 1).collect();
    format!("{cut}…")
}

fn kind(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Table => "table",
        ObjectKind::PartitionedTable => "partitioned table",
        ObjectKind::ForeignTable => "foreign table",
        ObjectKind::View => "view",
        ObjectKind::MaterializedView => "materialized view",
        ObjectKind::Sequence => "sequence",
        ObjectKind::Function => "function",
        ObjectKind::Type => "type",
        ObjectKind::Schema => "schema",
        ObjectKind::Other => "object",
        ObjectKind::Collection => "collection",
        ObjectKind::TimeSeries => "time series",
    }
}

fn part_kind(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Constraint => "constraint",
        PartKind::Index => "index",
        PartKind::Trigger => "trigger",
        PartKind::Rule => "rule",
        PartKind::Policy => "policy",
        PartKind::Grant => "grant",
        PartKind::Statistics => "statistics",
        PartKind::Setting => "setting",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::diff::Loss;

    fn column(name: &str, change: ColumnChangeKind, values: Values) -> ColumnChange {
        ColumnChange {
            name: name.to_owned(),
            change,
            from: None,
            to: None,
            probably: false,
            values_before: None,
            values_after: None,
            values,
            properties: Vec::new(),
        }
    }

    fn users() -> ObjectChange {
        let mut renamed = column("full_name", ColumnChangeKind::Renamed, Values::Same);
        renamed.from = Some("name".to_owned());
        let mut moved = column("address", ColumnChangeKind::Moved, Values::Same);
        moved.to = Some("public.addresses.address".to_owned());
        moved.probably = true;
        let mut dropped = column("age", ColumnChangeKind::Removed, Values::Unknown);
        dropped.values_before = Some(4900);
        let mut retyped = column("id", ColumnChangeKind::Changed, Values::Same);
        retyped.properties.push(PropertyChange {
            property: "type".to_owned(),
            before: Some("integer".to_owned()),
            after: Some("bigint".to_owned()),
        });
        ObjectChange {
            object: "public.users".to_owned(),
            kind: ObjectKind::Table,
            change: Change::Changed,
            probably: false,
            rows_before: Some(5000),
            rows_after: Some(5100),
            columns: vec![renamed, moved, dropped, retyped],
            parts: vec![PartChange {
                kind: PartKind::Index,
                name: "users_email_idx".to_owned(),
                change: Change::Added,
                before: None,
                after: Some("CREATE INDEX …".to_owned()),
            }],
            properties: Vec::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn each_object_stands_with_everything_that_changed() {
        let difference = Difference {
            same: false,
            loss: true,
            objects: vec![users()],
            losses: vec![Loss {
                object: "public.users.age".to_owned(),
                what: "4,900 values".to_owned(),
            }],
            database: vec![PropertyChange {
                property: "setting timezone".to_owned(),
                before: None,
                after: Some("UTC".to_owned()),
            }],
            notes: Vec::new(),
        };
        insta::assert_snapshot!(text(&difference), @r"
        ~ table public.users · 5,000 → 5,100 rows
            ~ column name → full_name (same values)
            - column address, probably moved to public.addresses.address (same values)
            - column age (4,900 values)
            ~ column id
                type: integer → bigint
            + index users_email_idx
        ~ database
            setting timezone: nothing → UTC
        lost: public.users.age: 4,900 values
        ");
    }

    #[test]
    fn nothing_is_one_word() {
        let same = Difference {
            same: true,
            ..Difference::default()
        };
        assert_eq!(text(&same), "same\n");
    }

    #[test]
    fn long_definitions_are_cut() {
        let long = "x ".repeat(200);
        assert_eq!(shortened(&long).chars().count(), WIDTH);
        assert_eq!(shortened("a\n  b"), "a b");
    }
}
