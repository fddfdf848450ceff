//! Whether what has grown has kept its rows: where two snapshots do not tell, the rows do.

use std::collections::BTreeSet;
use std::path::Path;

use super::sides::{Side, Subject};
use super::{OperationError, Workspace, samples};
use crate::snapshot::Snapshot;
use crate::snapshot::diff::{Change, Difference, Settled, compare};

/// As [`settle`], where a side may be a database that was only hashed: what is left open is read of
/// it once more, with its rows. If it is not what it was any more, it stays open.
///
/// # Errors
/// As [`settle`], and as a backup.
pub async fn settle_between(
    ws: &Workspace,
    (a, first): (Subject<'_>, &Side),
    (b, second): (Subject<'_>, &Side),
    difference: &mut Difference,
) -> Result<(), OperationError> {
    if difference.unsettled.is_empty() {
        return Ok(());
    }
    let open = difference.objects.iter();
    let open = open.filter(|one| difference.unsettled.contains(&one.object));
    let names: Vec<(String, String)> = open
        .map(|one| match &one.change {
            Change::Renamed { from } => (from.clone(), one.object.clone()),
            _ => (one.object.clone(), one.object.clone()),
        })
        .collect();
    let (before, after): (Vec<String>, Vec<String>) = names.into_iter().unzip();
    let one = with_rows(ws, a, first, &before).await?;
    let other = with_rows(ws, b, second, &after).await?;
    let sides = (
        one.as_ref().unwrap_or(first),
        other.as_ref().unwrap_or(second),
    );
    settle(ws, sides, difference).await
}

/// A live side once more, with the rows of these objects; `None` where they are at hand, or where
/// it has other rows by now.
async fn with_rows(
    ws: &Workspace,
    subject: Subject<'_>,
    side: &Side,
    objects: &[String],
) -> Result<Option<Side>, OperationError> {
    let (Subject::Live(target), None) = (subject, &side.source) else {
        return Ok(None);
    };
    let wanted = with_leaves(objects, &side.snapshot);
    let again = Side::rows_of(ws, target, wanted.clone()).await?;
    let contents = |snapshot: &Snapshot| -> Vec<_> {
        let objects = snapshot.objects.iter();
        let wanted = objects.filter(|one| wanted.contains(&one.name));
        wanted
            .map(|one| (one.name.clone(), one.content.clone()))
            .collect()
    };
    let same = contents(&again.snapshot) == contents(&side.snapshot);
    Ok(same.then_some(again))
}

/// Objects, and what the rows of partitioned ones are in.
#[must_use]
pub fn with_leaves(objects: &[String], snapshot: &Snapshot) -> BTreeSet<String> {
    let leaves = snapshot.objects.iter().filter(|one| {
        let root = one.root.as_ref();
        root.is_some_and(|root| objects.contains(root))
    });
    let leaves = leaves.map(|one| one.name.clone());
    objects.iter().cloned().chain(leaves).collect()
}

/// What two archives leave open of their `difference` is looked up in their rows.
///
/// # Errors
/// As [`settle`].
pub async fn settled(
    ws: &Workspace,
    (a, b): (&Path, &Path),
    mut difference: Difference,
) -> Result<Difference, OperationError> {
    if !difference.unsettled.is_empty() {
        let a = Side::read(ws, Subject::Archive(a), true).await?;
        let b = Side::read(ws, Subject::Archive(b), true).await?;
        settle(ws, (&a, &b), &mut difference).await?;
    }
    Ok(difference)
}

/// What changed from archive `a` to archive `b`.
///
/// # Errors
/// If one is not a readable archive; as [`settle`].
pub async fn diff(ws: &Workspace, a: &Path, b: &Path) -> Result<Difference, OperationError> {
    let first = Side::read(ws, Subject::Archive(a), true).await?;
    let second = Side::read(ws, Subject::Archive(b), true).await?;
    let mut difference = compare(&first.snapshot, &second.snapshot);
    settle(ws, (&first, &second), &mut difference).await?;
    Ok(difference)
}

/// Looks at the rows of what `difference` leaves open, where both sides have theirs at hand. What
/// cannot be told by them stays open, and a loss.
///
/// # Errors
/// A side that cannot be read, a signal.
pub async fn settle(
    ws: &Workspace,
    (a, b): (&Side, &Side),
    difference: &mut Difference,
) -> Result<(), OperationError> {
    if difference.unsettled.is_empty() || a.source.is_none() || b.source.is_none() {
        return Ok(());
    }
    let mut open = difference.clone();
    open.objects
        .retain(|object| difference.unsettled.contains(&object.object));
    let counted = samples(ws, (a, b), &open, 0).await?;
    for (object, rows) in counted {
        // Without a key, or with another one than before, whole rows were counted.
        match (rows.rows_removed, rows.rows_changed) {
            (Some(gone), Some(_)) => difference.settle(&object, Settled::Gone(gone)),
            (Some(gone), None) => difference.settle(&object, Settled::GoneOrChanged(gone)),
            (None, _) => {}
        }
    }
    Ok(())
}
