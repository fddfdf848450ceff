//! Objects: pairs compared, moves between them found.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Nouns, Object, ObjectKind, Snapshot, WriteRecord};
use super::columns::{self, Side};
use super::definitions::Renames;
use super::family::{Families, Holding};
use super::inside;
use super::matching::{self, Matching, Pair};
use super::open::{Open, may_have_expired};
use super::settled::open_question;
use super::{
    Change, ColumnChange, ColumnChangeKind, ObjectChange, PropertyChange, Values, parts, property,
};

/// Every object, compared; pairs without a difference among them.
pub(super) fn compare<'a>(before: &'a Snapshot, after: &'a Snapshot) -> Vec<Compared<'a>> {
    let matching = matching::matched(before, after);
    let comparison = Comparison::new(before, after, &matching);
    let pairs = matching.pairs.iter().map(|pair| comparison.pair(pair));
    let removed = matching
        .removed
        .iter()
        .map(|object| comparison.removed(object));
    let added = matching.added.iter().map(|object| comparison.added(object));
    pairs.chain(removed).chain(added).collect()
}

/// One object's change with what moves and losses are found by.
pub(super) struct Compared<'a> {
    pub change: ObjectChange,
    pub before: Option<(&'a Object, Option<Holding>)>,
    pub after: Option<(&'a Object, Option<Holding>)>,
    /// True for a leaf whose rows may have gone to another leaf: the root counts them.
    pub counted_at_root: bool,
    pub open: Open,
    /// Names before and now, of objects and of this one's columns.
    pub renames: Renames,
}

impl Compared<'_> {
    /// Columns of objects that came or went as a whole are told only where they moved. A
    /// pair without any difference is not told.
    pub(super) fn told(mut self) -> Option<ObjectChange> {
        let change = &mut self.change;
        if matches!(change.change, Change::Added | Change::Removed) {
            change
                .columns
                .retain(|c| c.from.is_some() || c.to.is_some());
            return Some(self.change);
        }
        let nothing = change.change == Change::Changed
            && change.columns.is_empty()
            && change.parts.is_empty()
            && change.properties.is_empty()
            && change.notes.is_empty()
            && change.rows_before == change.rows_after;
        (!nothing).then_some(self.change)
    }
}

/// An object and what it holds.
type Sided<'a> = (&'a Object, Option<&'a Holding>);

struct Comparison<'a> {
    families: (Families<'a>, Families<'a>),
    renames: Renames,
    /// Of the second snapshot: what is known to have lost no row.
    record: &'a WriteRecord,
    /// Leaves that left their family and live on, by their name before.
    left: BTreeSet<&'a str>,
    /// Leaves that came into their family from elsewhere, by their name after.
    joined: BTreeSet<&'a str>,
}

impl<'a> Comparison<'a> {
    fn new(before: &'a Snapshot, after: &'a Snapshot, matching: &Matching<'a>) -> Self {
        let renamed = matching
            .pairs
            .iter()
            .filter(|pair| pair.before.name != pair.after.name);
        let names = renamed.map(|pair| (pair.before.name.clone(), pair.after.name.clone()));
        let names: Vec<(String, String)> = names.collect();
        let now = |root: &Option<String>| {
            let root = root.clone()?;
            let renamed = names.iter().find(|(from, _)| *from == root);
            Some(renamed.map_or(root, |(_, to)| to.clone()))
        };
        let elsewhere = |pair: &&Pair<'a>| now(&pair.before.root) != pair.after.root;
        let moved: Vec<&Pair<'a>> = matching.pairs.iter().filter(elsewhere).collect();
        Self {
            families: (Families::of(before), Families::of(after)),
            left: moved.iter().map(|pair| &*pair.before.name).collect(),
            joined: moved.iter().map(|pair| &*pair.after.name).collect(),
            renames: Renames::of_objects(names),
            record: &after.record,
        }
    }

    /// Whether no leaf left a family, nor came to it from elsewhere.
    fn of_the_same_leaves(&self, a: &Object, b: &Object) -> bool {
        let mut before = self.families.0.leaves(&a.name).iter();
        let mut after = self.families.1.leaves(&b.name).iter();
        before.all(|leaf| !self.left.contains(&*leaf.name))
            && after.all(|leaf| !self.joined.contains(&*leaf.name))
    }

    /// Whether there are more rows, and those of before are known to be there as they were: of a
    /// partitioned table, where none of its leaves is without one.
    fn kept_as_they_were(&self, (a, held): Sided<'_>, (b, holds): Sided<'_>) -> bool {
        let rows = |side: Option<&Holding>| side.map_or(0, |holding| holding.rows);
        let unchanged = match b.kind {
            ObjectKind::Collection => self.record.unchanged.contains(&b.name),
            ObjectKind::Table | ObjectKind::PartitionedTable => true,
            _ => false,
        };
        unchanged && rows(holds) > rows(held) && !self.unsettled((a, held), (b, holds))
    }

    /// Whether a pair has more rows than it had, and may be without some of those.
    fn unsettled(&self, (a, held): Sided<'_>, (b, holds): Sided<'_>) -> bool {
        let (Some(held), Some(holds)) = (held, holds) else {
            return false;
        };
        if held.rows == 0 || holds.rows <= held.rows || self.counted_at_root(a) {
            return false;
        }
        let still =
            |then: &str, now: &str| self.record.kept.get(now).is_some_and(|name| name == then);
        let kept = if a.content.is_some() {
            still(&a.name, &b.name)
        } else {
            let same = |leaf: &&Object| {
                let now = self.families.1.leaf(&b.name, &leaf.name);
                still(&leaf.name, &leaf.name) || now.is_some_and(|now| now.content == leaf.content)
            };
            self.families.0.leaves(&a.name).iter().all(same)
        };
        !kept
    }

    fn held(&self, object: &Object) -> Option<Holding> {
        self.families.0.holding(object, &self.left)
    }

    fn holds(&self, object: &Object) -> Option<Holding> {
        self.families.1.holding(object, &self.joined)
    }

    fn counted_at_root(&self, before: &Object) -> bool {
        before.root.is_some() && !self.left.contains(&*before.name)
    }

    fn pair(&self, pair: &Pair<'a>) -> Compared<'a> {
        let (a, b) = (pair.before, pair.after);
        let (held, holds) = (self.held(a), self.holds(b));
        let sides = (side(a, held.as_ref()), side(b, holds.as_ref()));
        let columns = columns::compare(sides.0, sides.1);
        let both = ((a, held.as_ref()), (b, holds.as_ref()));
        let open = Open {
            rows: self.unsettled(both.0, both.1),
            expiry: may_have_expired(a, held.as_ref(), holds.as_ref()),
            inside: !self.counted_at_root(a)
                && !self.kept_as_they_were(both.0, both.1)
                && self.of_the_same_leaves(a, b)
                && inside::is_open(both.0, both.1, &columns),
        };
        let mut notes = notes(b.kind.nouns(), held.as_ref(), holds.as_ref(), &columns);
        if open.rows {
            notes.insert(0, open_question(b.kind.nouns()));
        }
        let renames = self.renames.with_columns(renamed_columns(&columns));
        let change = if a.name == b.name {
            Change::Changed
        } else {
            let from = a.name.clone();
            Change::Renamed { from }
        };
        Compared {
            change: ObjectChange {
                probably: pair.probably,
                rows_before: held.as_ref().map(|holding| holding.rows),
                rows_after: holds.as_ref().map(|holding| holding.rows),
                notes,
                parts: parts::compare(&a.parts, &b.parts, &renames),
                properties: properties(a, b, &renames),
                ..alone(b, change, columns)
            },
            counted_at_root: self.counted_at_root(a),
            open,
            renames,
            before: Some((a, held)),
            after: Some((b, holds)),
        }
    }

    fn removed(&self, object: &'a Object) -> Compared<'a> {
        let held = self.held(object);
        let side = side(object, held.as_ref());
        let columns = object
            .columns
            .iter()
            .map(|column| columns::removed(side, column));
        Compared {
            change: ObjectChange {
                rows_before: held.as_ref().map(|holding| holding.rows),
                ..alone(object, Change::Removed, columns.collect())
            },
            counted_at_root: self.counted_at_root(object),
            open: Open::default(),
            renames: Renames::default(),
            before: Some((object, held)),
            after: None,
        }
    }

    fn added(&self, object: &'a Object) -> Compared<'a> {
        let holds = self.holds(object);
        let side = side(object, holds.as_ref());
        let columns = object
            .columns
            .iter()
            .map(|column| columns::added(side, column));
        Compared {
            change: ObjectChange {
                rows_after: holds.as_ref().map(|holding| holding.rows),
                ..alone(object, Change::Added, columns.collect())
            },
            counted_at_root: false,
            open: Open::default(),
            renames: Renames::default(),
            before: None,
            after: Some((object, holds)),
        }
    }
}

fn side<'a>(object: &'a Object, holding: Option<&'a Holding>) -> Side<'a> {
    Side { object, holding }
}

fn alone(object: &Object, change: Change, columns: Vec<ColumnChange>) -> ObjectChange {
    ObjectChange {
        object: object.name.clone(),
        kind: object.kind,
        change,
        probably: false,
        rows_before: None,
        rows_after: None,
        expired: None,
        columns,
        parts: Vec::new(),
        properties: Vec::new(),
        notes: Vec::new(),
    }
}

fn renamed_columns(columns: &[ColumnChange]) -> BTreeMap<String, String> {
    let renamed = columns
        .iter()
        .filter(|c| c.change == ColumnChangeKind::Renamed);
    renamed
        .filter_map(|column| Some((column.from.clone()?, column.name.clone())))
        .collect()
}

fn properties(a: &Object, b: &Object, renames: &Renames) -> Vec<PropertyChange> {
    let kind = |object: &Object| {
        serde_json::to_value(object.kind)
            .ok()?
            .as_str()
            .map(str::to_owned)
    };
    let value = |object: &Object| {
        let value = object.sequence?;
        let called = if value.called {
            ""
        } else {
            " (not called yet)"
        };
        Some(format!("{}{called}", value.last))
    };
    let populated = |object: &Object| {
        let said = |yes: bool| if yes { "populated" } else { "not populated" };
        object.populated.map(|yes| said(yes).to_owned())
    };
    let definition = match (&a.definition, &b.definition) {
        (Some(x), Some(y)) if renames.explain(x, y) => None,
        (x, y) => property("definition", x.clone(), y.clone()),
    };
    let root = match (&a.root, &b.root) {
        (Some(x), Some(y)) if renames.explain(x, y) => None,
        (x, y) => property("partition of", x.clone(), y.clone()),
    };
    let plain = [
        property("kind", kind(a), kind(b)),
        property("owner", a.owner.clone(), b.owner.clone()),
        property("comment", a.comment.clone(), b.comment.clone()),
        definition,
        root,
        property("value", value(a), value(b)),
        property("content", populated(a), populated(b)),
    ];
    plain.into_iter().flatten().collect()
}

/// What is noted where the rows by key are not the same ones.
pub(super) fn other_keys(nouns: Nouns) -> String {
    format!("as many {} as before, but with other keys", nouns.row.many)
}

/// What is noted where whole rows differ and no column does.
const COMBINATIONS: &str = "the same values in other combinations";

/// What is noted where whole documents differ and none of their fields' values does.
const FORM: &str = "the same values in the same documents, but the order of fields or nulls differ";

/// What is noted of collections with more field names than are listed.
const UNLISTED: &str = "there are too many field names to tell which came or went";

/// What the figures alone do not say.
fn notes(
    nouns: Nouns,
    held: Option<&Holding>,
    holds: Option<&Holding>,
    columns: &[ColumnChange],
) -> Vec<String> {
    let (Some(a), Some(b)) = (held, holds) else {
        return Vec::new();
    };
    let mut notes = Vec::new();
    let keys = a.key.is_some() && b.key.is_some() && !a.same_keys(b);
    if keys && a.rows == b.rows {
        notes.push(other_keys(nouns));
    }
    let same_columns = a.columns.keys().eq(b.columns.keys());
    let one = a.fingerprint.zip(b.fingerprint);
    let other = one.is_some_and(|(a, b)| a != b);
    let by_name = a.columns.iter().all(|(name, content)| {
        let other = b.columns.get(name);
        let in_place = a.position(name) == b.position(name);
        in_place && other.is_some_and(|other| columns::same_bag(*content, *other))
    });
    let told = columns
        .iter()
        .any(|column| column.values != Values::Unknown);
    if a.rows == b.rows && same_columns && by_name && other && !told && notes.is_empty() {
        let keyed = |holding: &Holding| -> Option<Vec<_>> {
            holding
                .columns
                .values()
                .map(|column| column.keyed)
                .collect()
        };
        let each_in_place = keyed(a).is_some() && keyed(a) == keyed(b);
        notes.push(if each_in_place { FORM } else { COMBINATIONS }.to_owned());
    }
    if other && (a.unlisted > 0 || b.unlisted > 0) {
        notes.push(UNLISTED.to_owned());
    }
    notes
}
