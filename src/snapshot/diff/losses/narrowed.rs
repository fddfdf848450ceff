//! Types of a database's own that can hold less than before, where values of such a type are
//! others now: enums without a label, composite types without an attribute.

use std::collections::{BTreeMap, BTreeSet};

use super::super::super::{Column, ObjectKind};
use super::super::objects::Compared;
use super::super::{Change, ColumnChangeKind, Loss, LossKind, ObjectChange, Values};

/// What each of these types has no room for any more, by its printed name before.
pub(in super::super) fn find(compared: &[Compared<'_>]) -> BTreeMap<String, String> {
    let types = compared.iter().filter_map(|one| {
        let (before, _) = one.before.as_ref()?;
        let (after, _) = one.after.as_ref()?;
        if before.kind != ObjectKind::Type || one.change.change == Change::Removed {
            return None;
        }
        let now = labels(after.definition.as_deref()?);
        let mut gone: Vec<String> = labels(before.definition.as_deref()?)
            .difference(&now)
            .cloned()
            .collect();
        let removed = one.change.columns.iter();
        let removed = removed.filter(|column| column.change == ColumnChangeKind::Removed);
        gone.extend(removed.map(|column| column.name.clone()));
        (!gone.is_empty()).then(|| (before.name.clone(), gone.join(", ")))
    });
    types.collect()
}

/// The labels of an enum, in quotes as they are printed.
fn labels(definition: &str) -> BTreeSet<String> {
    let listed = definition.strip_prefix("enum (");
    let listed = listed.and_then(|rest| rest.strip_suffix(')'));
    let mut labels = BTreeSet::new();
    let mut label = String::new();
    let mut quoted = false;
    for c in listed.unwrap_or_default().chars() {
        quoted ^= c == '\'';
        if c == ',' && !quoted {
            labels.insert(std::mem::take(&mut label).trim().to_owned());
        } else {
            label.push(c);
        }
    }
    labels.insert(label.trim().to_owned());
    labels.remove("");
    labels
}

/// Columns of such types whose values are others now. `before` are the table's columns as they
/// were.
pub(in super::super) fn of_change(
    change: &ObjectChange,
    before: &[Column],
    narrowed: &BTreeMap<String, String>,
) -> Vec<Loss> {
    let changed = change.columns.iter().filter(|column| {
        matches!(column.values, Values::Other | Values::OneValue)
            && column.change == ColumnChangeKind::Changed
    });
    let lost = changed.filter_map(|column| {
        let known = before.iter().find(|one| one.name == column.name)?;
        let name = known.data_type.trim_end_matches("[]");
        let gone = narrowed.get(name)?;
        Some(Loss {
            kind: LossKind::Type,
            object: format!("{}.{}", change.name_before(), column.name),
            what: format!("is without {gone} of {name}: not every value reads as before"),
        })
    });
    lost.collect()
}
