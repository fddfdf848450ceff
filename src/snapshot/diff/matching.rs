//! Which object of the second snapshot is which of the first.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{ColumnContent, Object, ObjectKind, Snapshot};
use super::columns;
use super::family::{Families, Holding};

/// The same object on both sides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair<'a> {
    pub before: &'a Object,
    pub after: &'a Object,
    /// True if only likely.
    pub probably: bool,
}

/// All objects, paired where they can be.
#[derive(Debug, Default)]
pub(super) struct Matching<'a> {
    pub pairs: Vec<Pair<'a>>,
    pub removed: Vec<&'a Object>,
    pub added: Vec<&'a Object>,
}

/// A table that became partitioned is still that table. One that became a view is not: it may
/// live on under another name, with a view in its place.
fn space(kind: ObjectKind) -> ObjectKind {
    match kind {
        ObjectKind::PartitionedTable => ObjectKind::Table,
        ObjectKind::TimeSeries => ObjectKind::Collection,
        kind => kind,
    }
}

pub(super) fn holds_rows(kind: ObjectKind) -> bool {
    matches!(
        kind,
        ObjectKind::Table
            | ObjectKind::PartitionedTable
            | ObjectKind::Collection
            | ObjectKind::TimeSeries
    )
}

pub(super) fn matched<'a>(before: &'a Snapshot, after: &'a Snapshot) -> Matching<'a> {
    let mut matching = by_name(before, after);
    let families = (Families::of(before), Families::of(after));
    by_content(&mut matching, &families);
    by_definition(&mut matching);
    matching
}

fn by_name<'a>(before: &'a Snapshot, after: &'a Snapshot) -> Matching<'a> {
    let key = |object: &'a Object| (space(object.kind), &*object.name);
    let mut added: BTreeMap<_, &Object> = after.objects.iter().map(|o| (key(o), o)).collect();
    let mut matching = Matching::default();
    for object in &before.objects {
        match added.remove(&key(object)) {
            Some(other) => matching.pairs.push(Pair {
                before: object,
                after: other,
                probably: false,
            }),
            None => matching.removed.push(object),
        }
    }
    matching.added = added.into_values().collect();
    matching
}

/// How sure one is that two objects are the same. Ordered: the surer, the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sureness {
    Likely(usize),
    Certain(usize),
}

/// Tables that hold the same rows, the surest first.
fn by_content(matching: &mut Matching<'_>, families: &(Families<'_>, Families<'_>)) {
    let none = BTreeSet::new();
    let mut candidates = Vec::new();
    for (i, a) in matching.removed.iter().enumerate() {
        let held = families.0.holding(a, &none);
        for (j, b) in matching.added.iter().enumerate() {
            if holds_rows(a.kind) && holds_rows(b.kind) {
                let holds = families.1.holding(b, &none);
                let sureness = alike(a, b, held.as_ref(), holds.as_ref());
                candidates.extend(sureness.map(|sureness| (sureness, i, j)));
            }
        }
    }
    take(matching, candidates);
}

/// Takes the surest candidates; where two are equally sure, a rename is only likely.
fn take(matching: &mut Matching<'_>, mut candidates: Vec<(Sureness, usize, usize)>) {
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.0));
    let (mut used_a, mut used_b) = (BTreeSet::new(), BTreeSet::new());
    for &(sureness, i, j) in &candidates {
        if used_a.contains(&i) || used_b.contains(&j) {
            continue;
        }
        let rival = candidates
            .iter()
            .any(|&(other, k, l)| other == sureness && (k == i) != (l == j));
        if rival && matches!(sureness, Sureness::Likely(_)) {
            continue;
        }
        used_a.insert(i);
        used_b.insert(j);
        matching.pairs.push(Pair {
            before: matching.removed[i],
            after: matching.added[j],
            probably: rival || matches!(sureness, Sureness::Likely(_)),
        });
    }
    let mut index = 0..;
    matching
        .removed
        .retain(|_| index.next().is_none_or(|i| !used_a.contains(&i)));
    let mut index = 0..;
    matching
        .added
        .retain(|_| index.next().is_none_or(|j| !used_b.contains(&j)));
}

fn alike(
    a: &Object,
    b: &Object,
    held: Option<&Holding>,
    holds: Option<&Holding>,
) -> Option<Sureness> {
    let empty = |holding: Option<&Holding>| holding.is_none_or(|holding| holding.rows == 0);
    if empty(held) && empty(holds) {
        let shape = |object: &Object| -> Vec<(String, String)> {
            let columns = object.columns.iter();
            columns
                .map(|c| (c.name.clone(), c.data_type.clone()))
                .collect()
        };
        let same = !a.columns.is_empty() && shape(a) == shape(b) && a.kind == b.kind;
        return same.then_some(Sureness::Likely(1));
    }
    let (held, holds) = (held?, holds?);
    if held.same_rows(holds) {
        let varied = held.columns.values().any(|column| column.varied);
        let width = held.width() + 1;
        return Some(if varied {
            Sureness::Certain(width)
        } else {
            Sureness::Likely(width)
        });
    }
    by_columns(held, holds)
}

/// The key itself proves little: many tables count from 1. So only what hangs on it counts.
fn by_columns(held: &Holding, holds: &Holding) -> Option<Sureness> {
    let with_values: Vec<_> = held
        .columns
        .iter()
        .filter(|(name, content)| content.non_null > 0 && !held.is_key(name))
        .collect();
    let again = |content: &ColumnContent| {
        holds
            .columns
            .iter()
            .any(|(name, other)| !holds.is_key(name) && columns::same_keyed(*content, *other))
    };
    let found: Vec<_> = with_values
        .iter()
        .filter(|(_, content)| again(content))
        .collect();
    // Columns of one value may be alike by chance: they count beside one that is not.
    if !found.iter().any(|(_, content)| content.varied) {
        return None;
    }
    let found = found.len();
    Some(if found * 2 >= with_values.len() {
        Sureness::Certain(found)
    } else {
        Sureness::Likely(found)
    })
}

/// Views, types and sequences that say the same under another name, if there is only one.
fn by_definition(matching: &mut Matching<'_>) {
    let telling = |object: &&Object| {
        let kinds = [
            ObjectKind::View,
            ObjectKind::MaterializedView,
            ObjectKind::Type,
            ObjectKind::Sequence,
        ];
        kinds.contains(&object.kind) && object.definition.is_some()
    };
    let says_the_same = |a: &Object, b: &Object| {
        let shape = |object: &Object| -> Vec<(String, String)> {
            let columns = object.columns.iter();
            columns
                .map(|c| (c.name.clone(), c.data_type.clone()))
                .collect()
        };
        a.kind == b.kind
            && a.definition == b.definition
            && a.sequence == b.sequence
            && shape(a) == shape(b)
    };
    let mut candidates = Vec::new();
    for (i, a) in matching
        .removed
        .iter()
        .enumerate()
        .filter(|(_, a)| telling(a))
    {
        for (j, b) in matching.added.iter().enumerate() {
            if says_the_same(a, b) {
                candidates.push((Sureness::Likely(1), i, j));
            }
        }
    }
    take(matching, candidates);
}
