//! Columns that are gone from one object and whose values are new in another.

use super::columns;
use super::family::Holding;
use super::objects::Compared;
use super::{ColumnChangeKind, Values};

/// Marks both ends of every move that is found.
pub(super) fn find(compared: &mut [Compared<'_>]) {
    let mut found = Vec::new();
    for (i, source) in compared.iter().enumerate() {
        let Some((_, Some(held))) = &source.before else {
            continue;
        };
        for (c, column) in source.change.columns.iter().enumerate() {
            if column.change == ColumnChangeKind::Removed
                && let Some(destination) = destination(compared, i, held, &column.name)
            {
                found.push(((i, c), destination));
            }
        }
    }
    for ((i, c), (j, d, values, probably)) in found {
        let object = compared[j].change.object.clone();
        let from = match &compared[i].before {
            Some((object, _)) => object.name.clone(),
            None => continue,
        };
        let target = &mut compared[j].change.columns[d];
        let to = format!("{object}.{}", target.name);
        let source = &compared[i].change.columns[c];
        let from = format!("{from}.{}", source.name);
        let target = &mut compared[j].change.columns[d];
        (target.from, target.values, target.probably) = (Some(from), values, probably);
        let source = &mut compared[i].change.columns[c];
        source.change = ColumnChangeKind::Moved;
        (source.to, source.values, source.probably) = (Some(to), values, probably);
    }
}

/// The new column elsewhere that holds the values: surely, where each is on the same key;
/// likely, where only the values are the same. Keys count from 1 everywhere and say nothing.
fn destination(
    compared: &[Compared<'_>],
    source: usize,
    held: &Holding,
    name: &str,
) -> Option<(usize, usize, Values, bool)> {
    let content = held.columns.get(name).copied()?;
    let mut best = None;
    for (j, target) in compared.iter().enumerate().filter(|(j, _)| *j != source) {
        let Some((_, Some(holds))) = &target.after else {
            continue;
        };
        for (d, column) in target.change.columns.iter().enumerate() {
            let new = column.change == ColumnChangeKind::Added && column.from.is_none();
            let Some(other) = holds.columns.get(&column.name).filter(|_| new) else {
                continue;
            };
            let keyed = columns::same_keyed(content, *other) && !holds.is_key(&column.name);
            if keyed && content.varied {
                return Some((j, d, Values::Same, false));
            }
            let no_key = !held.is_key(name) && !holds.is_key(&column.name);
            let bag = no_key && content.varied && columns::same_bag(content, *other);
            if keyed && best.is_none() {
                best = Some((j, d, Values::Same, true));
            } else if bag && best.is_none() {
                best = Some((j, d, Values::SameBag, true));
            }
        }
    }
    best
}
