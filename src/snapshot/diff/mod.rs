//! Comparing two snapshots: objects added, removed, renamed, changed; what was lost.
//!
//! Pure: facts in, differences out. What is claimed follows from what was compared:
//! - a rename, or a move to another table, is claimed where a column of more than one value
//!   has equal *keyed* sums (the same values on the same keys), or where all rows are equal;
//!   anything weaker is marked `probably`;
//! - a loss is everything that was there and is not known to be there still. Equal keyed sums
//!   are that knowledge, equal bags of values are not: the values may be on other rows.

mod columns;
mod database;
mod definitions;
mod family;
mod inside;
mod losses;
mod matching;
mod moves;
mod objects;
mod open;
mod parts;
mod settled;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use settled::Settled;

use super::{ObjectKind, PartKind, Snapshot};

/// What is different between two snapshots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// True if nothing at all is different.
    pub same: bool,
    /// True if [`Difference::losses`] holds any.
    pub loss: bool,
    /// What is different, sorted by kind and name.
    pub objects: Vec<ObjectChange>,
    /// What was there and is not known to be there still.
    pub losses: Vec<Loss>,
    /// The database itself: settings, extensions, large objects, locale.
    pub database: Vec<PropertyChange>,
    /// In words: differences that only the vendor's own definitions show.
    pub notes: Vec<String>,
    /// Objects with more rows than before of which these facts do not tell whether those of before
    /// are among them: each counts as a loss until somebody looks ([`Difference::settle`]).
    #[serde(skip)]
    pub unsettled: Vec<String>,
    /// Objects without some of their rows of before that let rows expire: whether it was that,
    /// these facts do not tell ([`Difference::settle`]).
    #[serde(skip)]
    pub open_expiry: Vec<String>,
    /// Objects with an index by which rows expire otherwise than before: how many have expired by
    /// it already is not known until somebody looks ([`Difference::expire_at_once`]).
    #[serde(skip)]
    pub newly_expiring: Vec<String>,
    /// Types that can hold less than before, by name, and what they have no room for.
    #[serde(skip)]
    pub narrowed: BTreeMap<String, String>,
    /// Objects with fields of documents or arrays that are gone or have other values: what is gone
    /// inside them is not known until somebody looks ([`Difference::look_inside`]).
    #[serde(skip)]
    pub open_inside: Vec<String>,
}

/// What happened to an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "lowercase")]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It has another name; it may have changed as well.
    Renamed {
        /// Its printed name before.
        from: String,
    },
    /// Something of it is different.
    Changed,
}

/// One object that is different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectChange {
    /// Printed name; of the second snapshot unless it is gone there.
    pub object: String,
    /// What it is.
    pub kind: ObjectKind,
    /// What happened.
    #[serde(flatten)]
    pub change: Change,
    /// True if the rename is only likely.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probably: bool,
    /// Rows in the first snapshot, of a partitioned table those of all its leaves.
    pub rows_before: Option<u64>,
    /// Rows in the second snapshot.
    pub rows_after: Option<u64>,
    /// Rows that are gone because they had expired by the time of the second snapshot, if that
    /// was looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired: Option<u64>,
    /// Columns or fields that are different, in their order.
    pub columns: Vec<ColumnChange>,
    /// Indexes, constraints, triggers … that are different.
    pub parts: Vec<PartChange>,
    /// Owner, comment, definition, a sequence's value …
    pub properties: Vec<PropertyChange>,
    /// In words: what else was seen.
    pub notes: Vec<String>,
}

impl ObjectChange {
    /// Its printed name in the first snapshot, if it was there.
    #[must_use]
    pub fn name_before(&self) -> &str {
        match &self.change {
            Change::Renamed { from } => from,
            Change::Added | Change::Removed | Change::Changed => &self.object,
        }
    }
}

/// What happened to a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It has another name.
    Renamed,
    /// It is gone here, and its values are in another object.
    Moved,
    /// Its values or its properties are different.
    Changed,
}

/// One column that is different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnChange {
    /// Its name; in the second snapshot unless it is gone there.
    pub name: String,
    /// What happened.
    pub change: ColumnChangeKind,
    /// Its name before a rename; for a new column that took over another table's values,
    /// `OBJECT.COLUMN`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Where its values went: `OBJECT.COLUMN`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// True if the rename or move is only likely.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probably: bool,
    /// True for what is inside the values of a column or field, by its path.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inside: bool,
    /// Values that are not null before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values_before: Option<u64>,
    /// Values that are not null after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values_after: Option<u64>,
    /// What was seen of the values: [`Values::Same`], on the same rows, unless said otherwise.
    pub values: Values,
    /// Type, default, nullability, comment …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<PropertyChange>,
}

/// What comparing a column's values showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Values {
    /// The same values on the same rows.
    Same,
    /// The same values; on which rows is not known.
    SameBag,
    /// The same values on other rows.
    OtherRows,
    /// Other values.
    Other,
    /// There were different values, now all are the same.
    OneValue,
    /// Not compared, or there is nothing to compare with: rows came or went too.
    Unknown,
}

/// One property that is different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyChange {
    /// `type`, `default`, `owner`, `value` …
    pub property: String,
    /// Before; `None` if there was none.
    pub before: Option<String>,
    /// After; `None` if there is none.
    pub after: Option<String>,
}

/// One part of an object that is different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartChange {
    /// What it is.
    pub kind: PartKind,
    /// Its name; in the second snapshot unless it is gone there.
    pub name: String,
    /// What happened.
    #[serde(flatten)]
    pub change: Change,
    /// Its definition before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Its definition after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Something that was there and is not known to be there still.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Loss {
    /// What patterns are matched against: `OBJECT`, `OBJECT.COLUMN`, `OBJECT index NAME` and
    /// the like, names as before.
    pub object: String,
    /// In words.
    pub what: String,
    /// What kind of thing it is.
    #[serde(default)]
    pub kind: LossKind,
}

/// What was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// Rows or documents.
    #[default]
    Rows,
    /// Values of a column or field.
    Values,
    /// Large objects.
    LargeObjects,
    /// What a narrower type had no room for.
    Type,
    /// Where a sequence stood.
    Sequence,
    /// A primary key, unique, check, foreign key or exclusion constraint.
    Constraint,
    /// `NOT NULL`.
    NotNull,
    /// An index, its uniqueness, or that it lets documents expire.
    Index,
    /// Rights of somebody on something; a user or role of the database.
    Grant,
    /// A trigger.
    Trigger,
    /// A row security policy, or row security itself.
    Policy,
    /// What validates documents, or how strictly.
    Validator,
    /// Another option: that documents expire.
    Option,
}

impl LossKind {
    /// True for what was stored; false for what was defined.
    #[must_use]
    pub fn is_content(self) -> bool {
        matches!(
            self,
            Self::Rows | Self::Values | Self::LargeObjects | Self::Type | Self::Sequence
        )
    }
}

/// Compares `before` with `after`.
///
/// Values that were overwritten in place are changes, not losses: a migration that rewrites
/// a column is no accident. They are losses where many values became one, or none, or where the
/// column's type became narrower.
#[must_use]
pub fn compare(before: &Snapshot, after: &Snapshot) -> Difference {
    let mut compared = objects::compare(before, after);
    moves::find(&mut compared);
    let losses = losses::find(before, after, &compared);
    let names = |open: fn(&objects::Compared<'_>) -> bool| {
        let open = compared.iter().filter(|one| open(one));
        open.map(|one| one.change.object.clone()).collect()
    };
    let (unsettled, open_inside) = (names(|one| one.open.rows), names(|one| one.open.inside));
    let open_expiry = names(|one| one.open.expiry);
    let newly_expiring = names(open::expires_otherwise);
    let narrowed = losses::narrowed::find(&compared);
    let told = compared.into_iter().filter_map(objects::Compared::told);
    let mut objects: Vec<ObjectChange> = told.collect();
    objects.sort_by(|a, b| (a.kind, &a.object).cmp(&(b.kind, &b.object)));
    let database = database::compare(before, after);
    let notes = definitions::only_in_text(before, after, &objects);
    Difference {
        same: objects.is_empty() && database.is_empty() && notes.is_empty() && losses.is_empty(),
        loss: !losses.is_empty(),
        objects,
        losses,
        database,
        notes,
        unsettled,
        open_expiry,
        newly_expiring,
        narrowed,
        open_inside,
    }
}

/// A property's change, if there is one.
fn property(name: &str, before: Option<String>, after: Option<String>) -> Option<PropertyChange> {
    (before != after).then(|| PropertyChange {
        property: name.to_owned(),
        before,
        after,
    })
}
