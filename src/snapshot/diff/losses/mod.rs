//! What was there and is not known to be there still.
//!
//! One thing that is gone is one loss: what belongs to a table or column that is itself gone,
//! or that a leaf has only through its root, is not told again.

mod content;
mod covering;
mod definitions;
pub(super) mod narrowed;
mod principals;
mod rights;
mod sequences;
mod types;

pub(super) use content::{of_emptied, of_values, thousands};

use std::collections::{BTreeMap, BTreeSet};

use super::super::Snapshot;
use super::objects::Compared;
use super::{Change, Loss, LossKind, ObjectChange};

/// Every loss, sorted.
pub(super) fn find(before: &Snapshot, after: &Snapshot, compared: &[Compared<'_>]) -> Vec<Loss> {
    let mut losses: Vec<Loss> = compared.iter().flat_map(content::of_object).collect();
    losses.extend(content::of_large_objects(before, after));
    losses.extend(sequences::of(compared));
    losses.extend(of_definitions(compared));
    let narrowed = narrowed::find(compared);
    for one in compared.iter().filter(|one| !one.counted_at_root) {
        if let (Some((object, _)), Some(_)) = (&one.before, &one.after) {
            losses.extend(narrowed::of_change(&one.change, &object.columns, &narrowed));
        }
    }
    losses.extend(rights::of_database(&before.database, &after.database));
    losses.extend(principals::of(&before.database, &after.database));
    losses.sort();
    losses.dedup();
    losses
}

/// Losses of values, and of room for them, in the columns of an object that is there still.
pub(super) fn of_columns(change: &ObjectChange) -> Vec<Loss> {
    let mut losses = content::of_values(change);
    losses.extend(types::of_change(change));
    losses
}

/// Types, constraints, indexes, grants: of leaves only what their root did not lose as well.
fn of_definitions(compared: &[Compared<'_>]) -> Vec<Loss> {
    let gone: BTreeSet<&str> = compared
        .iter()
        .filter(|one| one.change.change == Change::Removed)
        .filter_map(|one| Some(&*one.before.as_ref()?.0.name))
        .collect();
    let mut of_roots: BTreeMap<&str, Vec<Loss>> = BTreeMap::new();
    let mut of_leaves = Vec::new();
    for one in compared {
        let Some((object, _)) = &one.before else {
            continue;
        };
        let mut losses = definitions::of_object(one, &gone);
        losses.extend(rights::of_object(one));
        if !one.counted_at_root {
            losses.extend(types::of_object(one));
        }
        match &object.root {
            Some(root) => of_leaves.push((&**root, &*object.name, losses)),
            None => of_roots.entry(&object.name).or_default().extend(losses),
        }
    }
    for (root, leaf, mut losses) in of_leaves {
        let of_root = of_roots.get(root).map_or(&[][..], Vec::as_slice);
        losses.retain(|loss| !of_root.iter().any(|other| same(root, other, leaf, loss)));
        of_roots.entry(leaf).or_default().extend(losses);
    }
    of_roots.into_values().flatten().collect()
}

/// True if a leaf's loss is its root's. Indexes and constraints have names of their own there.
fn same(root: &str, of_root: &Loss, leaf: &str, of_leaf: &Loss) -> bool {
    let rest = |loss: &Loss, object: &str| loss.object.strip_prefix(object).map(str::to_owned);
    of_root.kind == of_leaf.kind
        && match of_leaf.kind {
            LossKind::Constraint | LossKind::Index => true,
            _ => rest(of_root, root) == rest(of_leaf, leaf),
        }
}

/// A definition in a sentence: one line, and not more than a line.
fn shortened(definition: &str) -> String {
    const MOST: usize = 120;
    let words: Vec<&str> = definition.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}
