//! Sequences that may hand out a value again.

use super::super::super::{Object, SequenceValue};
use super::super::definitions::Renames;
use super::super::objects::Compared;
use super::super::{Change, Loss, LossKind};

/// Sequences that were set back, alone or by another one that took their place, and such as
/// belonged to no column and are gone.
pub(super) fn of(compared: &[Compared<'_>]) -> Vec<Loss> {
    let mut losses = Vec::new();
    for one in compared {
        let Some((before, _)) = &one.before else {
            continue;
        };
        let Some(was) = before.sequence else {
            continue;
        };
        let (what, is) = match &one.after {
            Some((after, _)) => ("is set back", Some(*after)),
            None => ("was replaced", successor(before, compared)),
        };
        let Some(after) = is else {
            losses.extend(gone(before, was));
            continue;
        };
        let Some(now) = after
            .sequence
            .filter(|now| behind(before, was, after, *now))
        else {
            continue;
        };
        let by = if one.after.is_some() {
            String::new()
        } else {
            format!(" by {}", after.name)
        };
        losses.push(Loss {
            kind: LossKind::Sequence,
            object: before.name.clone(),
            what: format!(
                "{what}{by} to {} from {}: it may hand out values again",
                said(now),
                said(was)
            ),
        });
    }
    losses
}

fn said(value: SequenceValue) -> String {
    let called = if value.called {
        ""
    } else {
        " (not called yet)"
    };
    format!("{}{called}", value.last)
}

fn gone(sequence: &Object, was: SequenceValue) -> Option<Loss> {
    let free = owner(sequence.definition.as_deref()?).is_none();
    (free && was.called).then(|| Loss {
        kind: LossKind::Sequence,
        object: sequence.name.clone(),
        what: format!("is gone, it stood at {}", was.last),
    })
}

/// The column that a sequence counts for, as printed.
fn owner(definition: &str) -> Option<&str> {
    let words = [" OWNED BY ", " IDENTITY OF "];
    let found = words.iter().find_map(|word| definition.split_once(word));
    found.map(|(_, column)| column)
}

/// Another sequence that counts for the same column now (`SERIAL` made an identity, a table
/// renamed with its sequence).
fn successor<'a>(before: &Object, compared: &[Compared<'a>]) -> Option<&'a Object> {
    let column = owner(before.definition.as_deref()?)?;
    let table = compared.iter().find_map(|one| {
        let (object, _) = one.before.as_ref()?;
        let rest = column.strip_prefix(&*object.name)?.strip_prefix('.')?;
        let here = object.columns.iter().any(|c| quoted_alike(&c.name, rest));
        here.then_some((one, rest))
    });
    let (table, name) = table?;
    let (after, _) = table.after.as_ref()?;
    let now = Renames::default()
        .with_columns(table.renames.columns().clone())
        .said(name)
        .concat();
    compared.iter().find_map(|one| {
        let (sequence, _) = one.after.as_ref()?;
        let theirs = owner(sequence.definition.as_deref()?)?;
        let rest = theirs.strip_prefix(&*after.name)?.strip_prefix('.')?;
        (one.change.change == Change::Added && quoted_alike(&now, rest)).then_some(*sequence)
    })
}

fn quoted_alike(name: &str, printed: &str) -> bool {
    name == printed || format!("\"{}\"", name.replace('"', "\"\"")) == printed
}

/// True if the second would hand out a value that the first had passed. Of sequences that go
/// round, or that count otherwise than before, that cannot be said.
fn behind(before: &Object, was: SequenceValue, after: &Object, is: SequenceValue) -> bool {
    let step = |object: &Object| increment(object.definition.as_deref().unwrap_or(""));
    let (Some(a), Some(b)) = (step(before), step(after)) else {
        return false;
    };
    let next = |value: SequenceValue, step: i64| {
        let step = if value.called { step } else { 0 };
        i128::from(value.last) + i128::from(step)
    };
    let (was, is) = (next(was, a), next(is, b));
    match (a > 0, b > 0) {
        (true, true) => is < was,
        (false, false) => is > was,
        _ => false,
    }
}

/// The increment, 1 where nothing is said; `None` for a sequence that goes round.
fn increment(definition: &str) -> Option<i64> {
    let mut words = definition.split(' ');
    if words.clone().any(|word| word == "CYCLE") {
        return None;
    }
    match words.find(|word| *word == "INCREMENT") {
        Some(_) => words.next()?.parse().ok(),
        None => Some(1),
    }
}
