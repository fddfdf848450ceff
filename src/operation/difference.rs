//! What changed between two sides: where their facts leave something open, their rows are read.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;

use super::sides::{Side, Subject};
use super::{Asked, OperationError, Workspace, look, samples};
use crate::archive::Archive;
use crate::snapshot::Snapshot;
use crate::snapshot::diff::{Difference, ObjectChange, Settled, compare};

/// A snapshot's times are by this machine's clock, and a server's may be ahead.
const CLOCKS: TimeDelta = TimeDelta::seconds(2);

/// What changed from one side to the other. Whether what has grown has kept its rows, and what came
/// and went inside of documents, two snapshots do not tell: then the rows are read, of a database
/// that was only hashed once more. What cannot be told by them either (it has other rows by now)
/// stays open; of rows, that is a loss.
///
/// # Errors
/// A side that cannot be read, a signal; as a backup.
pub async fn difference(
    ws: &Workspace,
    (a, first): (Subject<'_>, &Side),
    (b, second): (Subject<'_>, &Side),
) -> Result<Difference, OperationError> {
    let mut difference = compare(&first.snapshot, &second.snapshot);
    let objects = difference.objects.iter();
    let open = objects.filter(|one| {
        let open = [
            &difference.unsettled,
            &difference.open_inside,
            &difference.open_expiry,
            &difference.newly_expiring,
        ];
        open.iter().any(|open| open.contains(&one.object))
    });
    let (before, after): (Vec<String>, Vec<String>) = open
        .map(|one| (one.name_before().to_owned(), one.object.clone()))
        .unzip();
    if after.is_empty() {
        return Ok(difference);
    }
    let one = rows(ws, a, first, &before).await?;
    let other = rows(ws, b, second, &after).await?;
    let (Some(one), Some(other)) = (one, other) else {
        return Ok(difference);
    };
    look_inside(ws, (&one, &other), &mut difference).await?;
    expire(ws, (&one, &other), &mut difference).await?;
    expire_at_once(ws, (&one, &other), &mut difference).await?;
    settle(ws, (&one, &other), &mut difference).await?;
    Ok(difference)
}

/// A side that has the rows of these objects; `None` where it has other rows by now.
async fn rows(
    ws: &Workspace,
    subject: Subject<'_>,
    side: &Side,
    objects: &[String],
) -> Result<Option<Side>, OperationError> {
    if let Some(source) = &side.source {
        return Ok(Some(Side::of(
            Arc::clone(&side.snapshot),
            Some(Arc::clone(source)),
        )));
    }
    let wanted = with_leaves(objects, &side.snapshot);
    let again = match subject {
        Subject::Archive(_) => return Ok(Some(Side::read(ws, subject, true).await?)),
        Subject::Live(target) => Side::rows_of(ws, target, wanted.clone()).await?,
    };
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
fn with_leaves(objects: &[String], snapshot: &Snapshot) -> BTreeSet<String> {
    let leaves = snapshot.objects.iter().filter(|one| {
        let root = one.root.as_ref();
        root.is_some_and(|root| objects.contains(root))
    });
    let leaves = leaves.map(|one| one.name.clone());
    objects.iter().cloned().chain(leaves).collect()
}

fn source(side: &Side) -> Result<&Arc<Archive>, OperationError> {
    side.source.as_ref().ok_or(OperationError::Broken {
        what: "looking for the rows of a side",
    })
}

/// Looks at the rows themselves, where that is open.
async fn look_inside(
    ws: &Workspace,
    (a, b): (&Side, &Side),
    difference: &mut Difference,
) -> Result<(), OperationError> {
    let open = only(difference, &difference.open_inside).objects;
    if open.is_empty() {
        return Ok(());
    }
    let engine = ws.engines.named(&a.snapshot.engine)?;
    let sources = (Arc::clone(source(a)?), Arc::clone(source(b)?));
    let (progress, cancel) = (Arc::clone(&ws.progress), ws.cancel.clone());
    progress.phase(engine.capabilities().nouns.row.many, None);
    let work = move || {
        let look = |change: &ObjectChange| {
            progress.status(&change.object);
            look::look(engine.as_ref(), (&sources.0, &sources.1), change, &cancel)
        };
        let looked = open
            .iter()
            .map(|change| Ok((change.object.clone(), look(change)?)));
        let seen: Result<Vec<_>, OperationError> = looked.collect();
        progress.finish();
        seen
    };
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.unwrap_or(Err(OperationError::Broken {
        what: "looking at rows",
    }));
    for (object, seen) in done? {
        let Some(seen) = seen else {
            continue;
        };
        let sides = ((&*a.snapshot, &seen.then), (&*b.snapshot, &seen.now));
        difference.look_inside(&object, sides.0, sides.1, &seen.looked);
        if let Some(gone) = seen.gone_by_old_key {
            difference.settle(&object, Settled::Expired { gone, expired: 0 });
        }
    }
    Ok(())
}

/// Looks whether rows that are gone had expired when the second side was read.
async fn expire(
    ws: &Workspace,
    (a, b): (&Side, &Side),
    difference: &mut Difference,
) -> Result<(), OperationError> {
    if difference.open_expiry.is_empty() {
        return Ok(());
    }
    let open = only(difference, &difference.open_expiry);
    let read = b.snapshot.read_until.unwrap_or(b.snapshot.taken_at);
    let until = read + CLOCKS;
    let all = samples(ws, (a, b), &open, Asked::default()).await?;
    let asked = Asked {
        but_expired: Some(until),
        ..Asked::default()
    };
    let rest = samples(ws, (a, b), &open, asked).await?;
    for (object, all) in all {
        let rest = rest.get(&object).and_then(|rest| rest.rows_removed);
        if let (Some(all), Some(gone), Some(_)) = (all.rows_removed, rest, all.rows_changed) {
            let expired = all.saturating_sub(gone);
            difference.settle(&object, Settled::Expired { gone, expired });
        }
    }
    Ok(())
}

/// Counts what has expired by an index that lets rows expire otherwise than before.
async fn expire_at_once(
    ws: &Workspace,
    (a, b): (&Side, &Side),
    difference: &mut Difference,
) -> Result<(), OperationError> {
    let open = only(difference, &difference.newly_expiring).objects;
    if open.is_empty() {
        return Ok(());
    }
    let engine = ws.engines.named(&a.snapshot.engine)?;
    let sources = (Arc::clone(source(a)?), Arc::clone(source(b)?));
    let read = b.snapshot.read_until.unwrap_or(b.snapshot.taken_at);
    let cancel = ws.cancel.clone();
    let work = move || {
        let count = |change: &ObjectChange| {
            let both = (&*sources.0, &*sources.1);
            look::newly_expired(engine.as_ref(), both, change, read, &cancel)
        };
        let counted = open
            .iter()
            .map(|change| Ok((change.object.clone(), count(change)?)));
        counted.collect::<Result<Vec<_>, OperationError>>()
    };
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.unwrap_or(Err(OperationError::Broken {
        what: "counting what has expired",
    }));
    for (object, rows) in done? {
        difference.expire_at_once(&object, rows);
    }
    Ok(())
}

/// A difference of these objects alone.
fn only(difference: &Difference, objects: &[String]) -> Difference {
    let mut open = difference.clone();
    open.objects
        .retain(|object| objects.contains(&object.object));
    open
}

/// Looks at the rows of what has grown.
async fn settle(
    ws: &Workspace,
    (a, b): (&Side, &Side),
    difference: &mut Difference,
) -> Result<(), OperationError> {
    if difference.unsettled.is_empty() {
        return Ok(());
    }
    let open = only(difference, &difference.unsettled);
    let counted = samples(ws, (a, b), &open, Asked::default()).await?;
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
