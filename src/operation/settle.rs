//! Whether what has grown has kept its rows: where two snapshots do not tell, the rows do.

use std::path::Path;

use super::sides::{Side, Subject};
use super::{OperationError, Workspace, samples};
use crate::snapshot::diff::{Difference, Settled, compare};

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
