//! What of a difference is asked for.

use crate::snapshot::diff::{
    Change, ColumnChange, ColumnChangeKind, Difference, ObjectChange, PropertyChange, Values,
};

/// Which differences are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aspect {
    /// All of them.
    #[default]
    All,
    /// Rows and values.
    Data,
    /// Definitions.
    Schema,
}

/// Leaves out what was not asked for; `same` and `loss` speak of what is left.
#[must_use]
pub fn narrow(mut difference: Difference, aspect: Aspect) -> Difference {
    match aspect {
        Aspect::All => return difference,
        Aspect::Data => {
            difference.objects.iter_mut().for_each(data_only);
            difference.objects.retain(has_data);
            difference.database.retain(is_data_of_database);
            difference.notes.clear();
            difference.losses.retain(|loss| loss.kind.is_content());
        }
        Aspect::Schema => {
            difference.objects.iter_mut().for_each(schema_only);
            difference.objects.retain(has_schema);
            difference
                .database
                .retain(|change| !is_data_of_database(change));
            difference.losses.retain(|loss| !loss.kind.is_content());
        }
    }
    difference.loss = !difference.losses.is_empty();
    difference.same = difference.objects.is_empty()
        && difference.losses.is_empty()
        && difference.database.is_empty()
        && difference.notes.is_empty();
    difference
}

fn is_data_of_database(change: &PropertyChange) -> bool {
    change.property == "large objects"
}

/// A sequence's value, and whether a materialized view is populated.
fn is_data_of_object(change: &PropertyChange) -> bool {
    matches!(change.property.as_str(), "value" | "content")
}

fn data_only(object: &mut ObjectChange) {
    object.parts.clear();
    object.properties.retain(is_data_of_object);
    object.columns.retain(has_values);
    for column in &mut object.columns {
        column.properties.clear();
    }
}

/// Whether values came, went or are others.
fn has_values(column: &ColumnChange) -> bool {
    let held = |values: Option<u64>| values.is_some_and(|values| values > 0);
    match column.change {
        ColumnChangeKind::Added => held(column.values_after),
        ColumnChangeKind::Removed | ColumnChangeKind::Moved => held(column.values_before),
        ColumnChangeKind::Renamed | ColumnChangeKind::Changed => {
            column.values_before != column.values_after
                || matches!(
                    column.values,
                    Values::Other | Values::OtherRows | Values::OneValue
                )
        }
    }
}

fn has_data(object: &ObjectChange) -> bool {
    let rows = |rows: Option<u64>| rows.unwrap_or(0);
    rows(object.rows_before) != rows(object.rows_after)
        || !object.columns.is_empty()
        || !object.properties.is_empty()
        || !object.notes.is_empty()
}

fn schema_only(object: &mut ObjectChange) {
    object
        .properties
        .retain(|change| !is_data_of_object(change));
    object.columns.retain(|column| {
        column.change != ColumnChangeKind::Changed || !column.properties.is_empty()
    });
    object.rows_before = None;
    object.rows_after = None;
    object.notes.clear();
}

fn has_schema(object: &ObjectChange) -> bool {
    !matches!(object.change, Change::Changed)
        || !object.columns.is_empty()
        || !object.parts.is_empty()
        || !object.properties.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::ObjectKind;
    use crate::snapshot::diff::{Loss, LossKind};

    fn column(name: &str, change: ColumnChangeKind, values: Values) -> ColumnChange {
        ColumnChange {
            name: name.to_owned(),
            change,
            from: None,
            to: None,
            probably: false,
            inside: false,
            values_before: Some(5),
            values_after: Some(5),
            values,
            properties: Vec::new(),
        }
    }

    fn owner() -> PropertyChange {
        PropertyChange {
            property: "owner".to_owned(),
            before: Some("a".to_owned()),
            after: Some("b".to_owned()),
        }
    }

    fn object(name: &str, columns: Vec<ColumnChange>) -> ObjectChange {
        ObjectChange {
            object: name.to_owned(),
            kind: ObjectKind::Table,
            change: Change::Changed,
            probably: false,
            rows_before: Some(5),
            rows_after: Some(5),
            expired: None,
            columns,
            parts: Vec::new(),
            properties: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn both() -> Difference {
        let values = column("status", ColumnChangeKind::Changed, Values::Other);
        let mut renamed = column("full_name", ColumnChangeKind::Renamed, Values::Same);
        renamed.from = Some("name".to_owned());
        let mut owned = object("public.owned", Vec::new());
        owned.properties = vec![owner()];
        Difference {
            same: false,
            loss: true,
            objects: vec![
                object("public.values", vec![values]),
                object("public.renamed", vec![renamed]),
                owned,
            ],
            losses: vec![Loss {
                kind: LossKind::Rows,
                object: "public.values".to_owned(),
                what: "2 rows".to_owned(),
            }],
            database: vec![owner()],
            notes: vec!["a cast is different".to_owned()],
            unsettled: Vec::new(),
            open_expiry: Vec::new(),
            newly_expiring: Vec::new(),
            narrowed: std::collections::BTreeMap::new(),
            open_inside: Vec::new(),
        }
    }

    fn names(difference: &Difference) -> Vec<&str> {
        difference
            .objects
            .iter()
            .map(|object| object.object.as_str())
            .collect()
    }

    #[test]
    fn data_alone_leaves_definitions_out() {
        let narrowed = narrow(both(), Aspect::Data);
        assert_eq!(names(&narrowed), ["public.values"]);
        assert!(narrowed.loss && !narrowed.same);
        assert!(narrowed.database.is_empty() && narrowed.notes.is_empty());
    }

    #[test]
    fn definitions_alone_leave_values_and_losses_out() {
        let narrowed = narrow(both(), Aspect::Schema);
        assert_eq!(names(&narrowed), ["public.renamed", "public.owned"]);
        assert!(!narrowed.loss && !narrowed.same);
    }

    #[test]
    fn nothing_left_is_the_same() {
        let mut difference = both();
        difference.losses.clear();
        difference.objects.remove(0);
        assert!(narrow(difference.clone(), Aspect::Data).same);
        assert!(!narrow(difference, Aspect::Schema).same);
    }

    #[test]
    fn a_new_empty_column_is_no_data_and_a_dropped_full_one_is() {
        let mut empty = column("a", ColumnChangeKind::Added, Values::Unknown);
        empty.values_after = Some(0);
        assert!(!has_values(&empty));
        assert!(has_values(&column(
            "b",
            ColumnChangeKind::Removed,
            Values::Unknown
        )));
    }
}
