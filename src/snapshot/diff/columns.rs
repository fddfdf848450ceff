//! Columns of one object: added, removed, renamed, changed.

use std::collections::BTreeSet;

use super::super::{Column, ColumnContent, Object};
use super::family::Holding;
use super::{ColumnChange, ColumnChangeKind, PropertyChange, Values, property};

/// An object's columns with what they hold.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub object: &'a Object,
    pub holding: Option<&'a Holding>,
}

impl Side<'_> {
    pub(super) fn content(&self, column: &str) -> Option<ColumnContent> {
        self.holding?.columns.get(column).copied()
    }

    /// True if a field that is not listed may be there all the same.
    fn lists_all(&self) -> bool {
        self.holding.is_none_or(|holding| holding.unlisted == 0)
    }
}

/// True if the two columns hold the same values on the same keys, and any at all.
pub(super) fn same_keyed(a: ColumnContent, b: ColumnContent) -> bool {
    a.non_null > 0 && a.non_null == b.non_null && a.keyed.is_some() && a.keyed == b.keyed
}

/// True if the two columns hold the same values, on whatever rows.
pub(super) fn same_bag(a: ColumnContent, b: ColumnContent) -> bool {
    a.non_null == b.non_null && a.fingerprint == b.fingerprint
}

/// Compares the columns of one object. Renames come out as such.
pub(super) fn compare(before: Side<'_>, after: Side<'_>) -> Vec<ColumnChange> {
    let renames = renames(before, after);
    let renamed_from: BTreeSet<&str> = renames.iter().map(|r| &*r.from.name).collect();
    let mut changes = Vec::new();
    for column in &after.object.columns {
        let rename = renames.iter().find(|rename| rename.to.name == column.name);
        let same_name = before.object.columns.iter().find(|c| c.name == column.name);
        changes.extend(match (rename, same_name) {
            (Some(rename), _) => Some(renamed(before, after, rename)),
            (None, Some(old)) => changed(before, after, old, column),
            (None, None) => before.lists_all().then(|| added(after, column)),
        });
    }
    for column in &before.object.columns {
        let still = after.object.columns.iter().any(|c| c.name == column.name);
        if !still && after.lists_all() && !renamed_from.contains(&*column.name) {
            changes.push(removed(before, column));
        }
    }
    changes
}

/// One column under two names.
struct Rename<'a> {
    from: &'a Column,
    to: &'a Column,
    values: Values,
    probably: bool,
}

/// How good the evidence for a rename is. Ordered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Evidence {
    /// Nothing to compare, but the same type in the same place.
    Place,
    /// The same values; on which rows cannot be known.
    Bag,
    /// The same values on the same rows, but only one value.
    OneValue,
    /// Different values, each on the same row as before.
    Values,
}

/// A column of one side that the other side does not have by name, and its place.
type Lonely<'a> = (usize, &'a Column);

fn lonely<'a>(side: Side<'a>, other: Side<'_>) -> Vec<Lonely<'a>> {
    let names: BTreeSet<&str> = other.object.columns.iter().map(|c| &*c.name).collect();
    let columns = side.object.columns.iter().enumerate();
    columns
        .filter(|(_, column)| !names.contains(&*column.name))
        .collect()
}

fn renames<'a>(before: Side<'a>, after: Side<'a>) -> Vec<Rename<'a>> {
    let mut candidates = Vec::new();
    for old in lonely(before, after) {
        for new in lonely(after, before) {
            let found = evidence(before, after, old, new);
            candidates.extend(found.map(|evidence| {
                let same_type = old.1.data_type == new.1.data_type;
                let near = std::cmp::Reverse(old.0.abs_diff(new.0));
                ((evidence, same_type, near), old.1, new.1)
            }));
        }
    }
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.0));
    let mut renames: Vec<Rename<'a>> = Vec::new();
    for &((evidence, ..), from, to) in &candidates {
        let taken = |r: &Rename<'_>| r.from.name == from.name || r.to.name == to.name;
        if renames.iter().any(taken) {
            continue;
        }
        let rival = candidates.iter().any(|((other, ..), old, new)| {
            *other == evidence && (old.name == from.name) != (new.name == to.name)
        });
        renames.push(Rename {
            from,
            to,
            values: match evidence {
                Evidence::Values | Evidence::OneValue => Values::Same,
                Evidence::Bag => Values::SameBag,
                Evidence::Place => Values::Unknown,
            },
            probably: rival || evidence < Evidence::Values,
        });
    }
    renames
}

fn evidence(
    before: Side<'_>,
    after: Side<'_>,
    (old_at, old): Lonely<'_>,
    (new_at, new): Lonely<'_>,
) -> Option<Evidence> {
    let by_place = old_at == new_at && old.data_type == new.data_type;
    let contents = (before.content(&old.name), after.content(&new.name));
    let (Some(was), Some(is)) = contents else {
        let unread = contents == (None, None);
        let alike = by_place && old.generated == new.generated;
        return (unread && alike).then_some(Evidence::Place);
    };
    let (held, holds) = (before.holding?, after.holding?);
    let in_place = held.position(&old.name) == holds.position(&new.name);
    let same_rows = held.same_rows(holds) && in_place && was.non_null > 0;
    if same_keyed(was, is) || same_rows {
        return Some(if was.varied {
            Evidence::Values
        } else {
            Evidence::OneValue
        });
    }
    if was.non_null == 0 && is.non_null == 0 {
        return by_place.then_some(Evidence::Place);
    }
    let known_otherwise = held.same_keys(holds) && was.keyed.is_some() && is.keyed.is_some();
    (was.varied && same_bag(was, is) && !known_otherwise).then_some(Evidence::Bag)
}

fn change(name: &str, kind: ColumnChangeKind, values: Values) -> ColumnChange {
    ColumnChange {
        name: name.to_owned(),
        change: kind,
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

pub(super) fn added(after: Side<'_>, column: &Column) -> ColumnChange {
    ColumnChange {
        values_after: after.content(&column.name).map(|content| content.non_null),
        ..change(&column.name, ColumnChangeKind::Added, Values::Unknown)
    }
}

pub(super) fn removed(before: Side<'_>, column: &Column) -> ColumnChange {
    ColumnChange {
        values_before: before.content(&column.name).map(|content| content.non_null),
        ..change(&column.name, ColumnChangeKind::Removed, Values::Unknown)
    }
}

fn renamed(before: Side<'_>, after: Side<'_>, rename: &Rename<'_>) -> ColumnChange {
    let count = |content: Option<ColumnContent>| content.map(|content| content.non_null);
    ColumnChange {
        from: Some(rename.from.name.clone()),
        probably: rename.probably,
        values_before: count(before.content(&rename.from.name)),
        values_after: count(after.content(&rename.to.name)),
        properties: properties(rename.from, rename.to),
        ..change(&rename.to.name, ColumnChangeKind::Renamed, rename.values)
    }
}

/// A column of one name on both sides: `None` if nothing of it is different.
fn changed(before: Side<'_>, after: Side<'_>, old: &Column, new: &Column) -> Option<ColumnChange> {
    let (a, b) = (before.content(&old.name), after.content(&new.name));
    let values = values(before, after, a, b, &old.name);
    let properties = properties(old, new);
    let fewer = a.zip(b).is_some_and(|(a, b)| b.non_null < a.non_null);
    let rows = |side: Side<'_>| side.holding.map(|holding| holding.rows);
    let lost_values = fewer && rows(before) <= rows(after);
    let told =
        matches!(values, Values::Other | Values::OtherRows | Values::OneValue) || lost_values;
    if !told && properties.is_empty() {
        return None;
    }
    Some(ColumnChange {
        values_before: a.map(|content| content.non_null),
        values_after: b.map(|content| content.non_null),
        properties,
        ..change(&new.name, ColumnChangeKind::Changed, values)
    })
}

fn values(
    before: Side<'_>,
    after: Side<'_>,
    a: Option<ColumnContent>,
    b: Option<ColumnContent>,
    name: &str,
) -> Values {
    let (Some(a), Some(b)) = (a, b) else {
        return Values::Unknown;
    };
    let (Some(held), Some(holds)) = (before.holding, after.holding) else {
        return Values::Unknown;
    };
    let in_place = held.position(name) == holds.position(name);
    let nothing = a.non_null == 0 && b.non_null == 0;
    if nothing || same_keyed(a, b) || (held.same_rows(holds) && in_place) {
        Values::Same
    } else if held.rows != holds.rows {
        Values::Unknown
    } else if a.varied && !b.varied && b.non_null > 1 {
        Values::OneValue
    } else if !same_bag(a, b) {
        Values::Other
    } else if !a.varied && a.non_null == held.rows {
        // One value on every row before and after: on the same rows, then.
        Values::Same
    } else if held.same_keys(holds) {
        Values::OtherRows
    } else {
        Values::SameBag
    }
}

fn properties(old: &Column, new: &Column) -> Vec<PropertyChange> {
    let null = |nullable: bool| Some(if nullable { "nullable" } else { "not null" }.to_owned());
    [
        property(
            "type",
            Some(old.data_type.clone()),
            Some(new.data_type.clone()),
        ),
        property("null", null(old.nullable), null(new.nullable)),
        property("default", old.default.clone(), new.default.clone()),
        property("generated", old.generated.clone(), new.generated.clone()),
        property("identity", old.identity.clone(), new.identity.clone()),
        property("collation", old.collation.clone(), new.collation.clone()),
        property("comment", old.comment.clone(), new.comment.clone()),
    ]
    .into_iter()
    .flatten()
    .collect()
}
