//! The difference between two snapshots, object by object, with everything that is known.

use std::collections::BTreeMap;

use super::figures::printable;
use super::{changed, samples};
use crate::snapshot::Sampled;
use crate::snapshot::diff::{Change, Difference, ObjectChange, PropertyChange};

/// The whole difference; `same` in a word if there is none.
#[must_use]
pub fn text(difference: &Difference) -> String {
    text_with(difference, &BTreeMap::new())
}

/// The same with single rows of objects, by the object's name.
#[must_use]
pub fn text_with(difference: &Difference, sampled: &BTreeMap<String, Sampled>) -> String {
    if difference.same {
        return "same\n".to_owned();
    }
    let mut text = String::new();
    for object in &difference.objects {
        object_lines(&mut text, object);
        if let Some(rows) = sampled.get(&object.object) {
            for row in samples::lines(rows, object.kind.nouns()) {
                line(&mut text, "    ", &row);
            }
        }
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
    let probably = match object.change {
        Change::Renamed { .. } if object.probably => " (probably)",
        _ => "",
    };
    let rows = changed::rows(object).map_or_else(String::new, |rows| format!(" · {rows}"));
    let head = format!(
        "{} {} {}{probably}{rows}",
        changed::sign(object).symbol(),
        changed::kind(object.kind),
        changed::name(object)
    );
    line(text, "", &head);
    for detail in changed::details(object) {
        let words = format!("{} {}", detail.sign.symbol(), detail.words());
        line(text, "    ", &words);
        property_lines(text, "        ", &detail.properties);
    }
    property_lines(text, "    ", &object.properties);
    for note in &object.notes {
        line(text, "    ", note);
    }
}

fn property_lines(text: &mut String, indent: &str, properties: &[PropertyChange]) {
    for change in properties {
        let (before, after) = changed::sides(change);
        let told = format!("{}: {before} → {after}", change.property);
        line(text, indent, &told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::diff::{
        ColumnChange, ColumnChangeKind, Loss, LossKind, PartChange, Values,
    };
    use crate::snapshot::{ObjectKind, PartKind};

    fn column(name: &str, change: ColumnChangeKind, values: Values) -> ColumnChange {
        ColumnChange {
            name: name.to_owned(),
            change,
            from: None,
            to: None,
            probably: false,
            inside: false,
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
            expired: None,
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
                kind: LossKind::Rows,
                object: "public.users.age".to_owned(),
                what: "4,900 values".to_owned(),
            }],
            database: vec![PropertyChange {
                property: "setting timezone".to_owned(),
                before: None,
                after: Some("UTC".to_owned()),
            }],
            notes: Vec::new(),
            unsettled: Vec::new(),
            open_expiry: Vec::new(),
            newly_expiring: Vec::new(),
            narrowed: std::collections::BTreeMap::new(),
            open_inside: Vec::new(),
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
}
