//! Indexes, constraints, triggers and the other parts of one object.

use super::super::Part;
use super::definitions::Renames;
use super::{Change, PartChange};

/// Compares the parts of an object; what differs only by the renames is the same.
pub(super) fn compare(before: &[Part], after: &[Part], renames: &Renames) -> Vec<PartChange> {
    let mut gone: Vec<&Part> = Vec::new();
    let mut new: Vec<&Part> = after.iter().collect();
    let mut changes = Vec::new();
    for part in before {
        let same = |other: &&Part| other.kind == part.kind && other.name == part.name;
        let Some(at) = new.iter().position(same) else {
            gone.push(part);
            continue;
        };
        let other = new.remove(at);
        if !renames.explain(&part.definition, &other.definition) {
            changes.extend(change(Change::Changed, Some(part), Some(other)));
        }
    }
    for part in gone {
        let under_its_name = |other: &&Part| {
            let own = Renames::of_objects(vec![(part.name.clone(), other.name.clone())]);
            let quoted = Renames::of_objects(vec![(quoted(&part.name), quoted(&other.name))]);
            other.kind == part.kind
                && [own, quoted, Renames::default()].iter().any(|name| {
                    let named = name.and(renames);
                    named.explain(&part.definition, &other.definition)
                })
        };
        changes.extend(match new.iter().position(under_its_name) {
            Some(at) => {
                let other = new.remove(at);
                let from = part.name.clone();
                change(Change::Renamed { from }, Some(part), Some(other))
            }
            None => change(Change::Removed, Some(part), None),
        });
    }
    changes.extend(
        new.into_iter()
            .filter_map(|part| change(Change::Added, None, Some(part))),
    );
    changes.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    changes
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn change(change: Change, before: Option<&Part>, after: Option<&Part>) -> Option<PartChange> {
    let part = after.or(before)?;
    Some(PartChange {
        kind: part.kind,
        name: part.name.clone(),
        change,
        before: before.map(|part| part.definition.clone()),
        after: after.map(|part| part.definition.clone()),
    })
}
