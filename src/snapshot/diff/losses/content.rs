//! Rows and values that are gone.

use std::collections::{BTreeMap, BTreeSet};

use super::super::super::{Nouns, Object, ObjectKind, Snapshot, split_qualified};
use super::super::family::Holding;
use super::super::objects::{Compared, other_keys};
use super::super::settled::{fewer, keyed, provisional};
use super::super::{Change, ColumnChange, ColumnChangeKind, Loss, LossKind, ObjectChange, Values};

/// Losses of rows and of values of one object.
pub(super) fn of_object(compared: &Compared<'_>) -> Vec<Loss> {
    let Some((object, held)) = &compared.before else {
        return Vec::new();
    };
    if compared.counted_at_root {
        return Vec::new();
    }
    let loss = |what: String| Loss {
        kind: LossKind::Rows,
        object: object.name.clone(),
        what,
    };
    let change = &compared.change;
    let nouns = object.kind.nouns();
    if change.change == Change::Removed {
        let gone = held
            .as_ref()
            .filter(|held| held.rows > 0 && !all_moved(change, held));
        let gone = gone.map(|held| {
            loss(format!(
                "is gone with {}",
                counted(held.rows, nouns.row.one)
            ))
        });
        return gone.into_iter().collect();
    }
    if is_version_mark(object) {
        return Vec::new();
    }
    let mut losses = Vec::new();
    let (a, b) = (
        change.rows_before.unwrap_or(0),
        change.rows_after.unwrap_or(0),
    );
    if b < a {
        losses.push(fewer(nouns, &object.name, a, b));
    }
    if compared.open.rows {
        losses.push(provisional(nouns, &object.name, a));
    }
    if change.notes.contains(&other_keys(nouns)) {
        losses.push(keyed(nouns, &object.name));
    }
    losses.extend(of_values(change));
    losses
}

/// Losses of values in the columns of an object that is there still.
pub(in super::super) fn of_values(change: &ObjectChange) -> Vec<Loss> {
    let (a, b) = (
        change.rows_before.unwrap_or(0),
        change.rows_after.unwrap_or(0),
    );
    let expired = change.expired.unwrap_or(0);
    // Fields of documents that are gone went with them.
    let fields = matches!(change.kind, ObjectKind::Collection | ObjectKind::TimeSeries);
    let went_along = |column: &&ColumnChange| {
        fields
            && column.change == ColumnChangeKind::Removed
            && column.values_before.unwrap_or(0) <= a.saturating_sub(b).max(expired)
    };
    let expired_with = |column: &&ColumnChange| {
        let fewer = column.values_before.zip(column.values_after);
        let fewer = fewer.map_or(0, |(before, after)| before.saturating_sub(after));
        column.change == ColumnChangeKind::Changed && fewer > 0 && fewer <= expired
    };
    let columns = change.columns.iter();
    let columns = columns.filter(|column| !went_along(column) && !expired_with(column));
    let (nouns, object) = (change.kind.nouns(), change.name_before());
    columns
        .filter_map(|column| of_column(nouns, column, object, b >= a))
        .collect()
}

/// A table in which a migration tool keeps nothing but where it stands, by writing over it:
/// Alembic's `alembic_version`, and `schema_migrations` of golang-migrate.
fn is_version_mark(object: &Object) -> bool {
    let columns: Vec<&str> = object.columns.iter().map(|c| c.name.as_str()).collect();
    let name = split_qualified(&object.name).map(|(_, name)| name);
    match name.as_deref() {
        Some("alembic_version") => columns == ["version_num"],
        Some("schema_migrations") => columns == ["version", "dirty"],
        _ => false,
    }
}

/// True if every value of the object that is gone is known to be elsewhere. Its key is there
/// if a column with a value on every row went along with its keys.
fn all_moved(change: &ObjectChange, held: &Holding) -> bool {
    let surely = |name: &str| {
        let column = change.columns.iter().find(|column| column.name == name);
        column.is_some_and(|c| c.change == ColumnChangeKind::Moved && c.values == Values::Same)
    };
    let key_went = held
        .columns
        .iter()
        .any(|(name, content)| content.non_null == held.rows && surely(name));
    held.columns
        .iter()
        .filter(|(_, content)| content.non_null > 0)
        .all(|(name, _)| surely(name) || (held.is_key(name) && key_went))
}

/// Losses of values that others were added for, by column: more rows hold none any more than there
/// are fewer values.
pub(in super::super) fn of_emptied(
    change: &ObjectChange,
    emptied: &BTreeMap<String, u64>,
) -> Vec<Loss> {
    let both = change
        .columns
        .iter()
        .filter(|column| column.change == ColumnChangeKind::Changed && !column.inside);
    let lost = both.filter_map(|column| {
        let fewer = column.values_before?.saturating_sub(column.values_after?);
        let rows = emptied.get(&column.name).copied();
        let rows = rows.filter(|rows| *rows > fewer)?;
        let values = counted(rows, "value");
        Some(Loss {
            kind: LossKind::Values,
            object: format!("{}.{}", change.name_before(), column.name),
            what: format!("is without {values} of before, others were added"),
        })
    });
    lost.collect()
}

fn of_column(nouns: Nouns, column: &ColumnChange, object: &str, rows_stayed: bool) -> Option<Loss> {
    use ColumnChangeKind as Kind;
    let before = column.values_before.unwrap_or(0);
    let after = column.values_after.unwrap_or(0);
    let name = match (&column.change, &column.from) {
        (Kind::Renamed, Some(from)) => from,
        _ => &column.name,
    };
    let what = match column.change {
        Kind::Removed if before > 0 && column.values != Values::Same => {
            format!("is gone with {}", counted(before, "value"))
        }
        Kind::Moved | Kind::Renamed if before > 0 && column.values != Values::Same => {
            let to = column.to.as_ref().unwrap_or(&column.name);
            let values = counted(before, "value");
            let rows = nouns.row.many;
            format!("probably is {to} now: the same {values}, on which {rows} is not known")
        }
        Kind::Changed if before > 0 && column.values_after.is_none() => {
            format!("is generated now, its {} are not", counted(before, "value"))
        }
        Kind::Changed if rows_stayed && after < before => {
            format!("has {} fewer", counted(before - after, "value"))
        }
        Kind::Changed if column.values == Values::OneValue => {
            let values = counted(after, "value");
            format!("had different values, now all {values} are the same")
        }
        _ => return None,
    };
    Some(Loss {
        kind: LossKind::Values,
        object: format!("{object}.{name}"),
        what,
    })
}

fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", thousands(count))
}

/// The digits in groups of three, as everywhere on the screen.
pub(in super::super) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Large objects that are gone.
pub(super) fn of_large_objects(before: &Snapshot, after: &Snapshot) -> Vec<Loss> {
    let (a, b) = (&before.large_objects, &after.large_objects);
    let listed = a.each.len() as u64 == a.count && b.each.len() as u64 == b.count;
    let gone = if listed {
        let there: BTreeSet<u32> = b.each.iter().map(|object| object.oid).collect();
        let gone = a.each.iter().filter(|object| !there.contains(&object.oid));
        gone.count() as u64
    } else {
        a.count.saturating_sub(b.count)
    };
    let loss = Loss {
        kind: LossKind::LargeObjects,
        object: "large objects".to_owned(),
        what: format!("{} gone", counted(gone, "object")),
    };
    (gone > 0).then_some(loss).into_iter().collect()
}
