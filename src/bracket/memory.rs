//! What a run's records say that its later steps need. Pure.

use serde_json::Value;

use super::event::{Done, Event, Note};
use super::journal::{ArchiveFacts, CopyFacts, Plan, Record};
use super::step::Step;

/// The plan.
#[must_use]
pub fn plan(records: &[Record]) -> Option<&Plan> {
    records.first()?.detail.plan.as_deref()
}

/// The before-archives, one for each target so far; the newest where there are two.
#[must_use]
pub fn befores(records: &[Record]) -> Vec<ArchiveFacts> {
    archives(records, Step::Before)
}

/// The after-archives, one for each target so far.
#[must_use]
pub fn afters(records: &[Record]) -> Vec<ArchiveFacts> {
    archives(records, Step::After)
}

fn archives(records: &[Record], step: Step) -> Vec<ArchiveFacts> {
    let mut found: Vec<ArchiveFacts> = Vec::new();
    for record in records {
        let Event::Done(done) = &record.event else {
            continue;
        };
        let (Some(archive), Some(target)) = (&record.detail.archive, record.target) else {
            continue;
        };
        if done.step() == step {
            // Targets take their turns in order, so a fresh round begins again at the first.
            found.truncate(target);
            found.push(archive.clone());
        }
    }
    found
}

/// What the rehearsal changed on a target's copy.
#[must_use]
pub fn rehearsed(records: &[Record], target: usize) -> Option<&Value> {
    let facts = records.iter().rev().find_map(|record| {
        let ended = matches!(record.event, Event::Done(Done::Rehearsal(_)));
        record.detail.rehearsal.as_ref().filter(|_| ended)
    })?;
    facts.differences.get(target)
}

/// What was observed while the rehearsal ran: a list with a place for each target, or, with
/// one target, that target's own.
#[must_use]
pub fn observed(records: &[Record], target: usize) -> Option<&Value> {
    let ended = |record: &&Record| matches!(record.event, Event::Done(Done::Rehearsal(_)));
    let facts = records
        .iter()
        .rev()
        .find(ended)?
        .detail
        .rehearsal
        .as_ref()?;
    match facts.observed.as_ref()? {
        Value::Array(each) => each.get(target),
        one => (target == 0).then_some(one),
    }
}

/// Copies that proofs left for the rehearsal and that nothing says are gone.
#[must_use]
pub fn copies(records: &[Record]) -> Vec<CopyFacts> {
    let mut kept: Vec<CopyFacts> = Vec::new();
    for record in records {
        match &record.event {
            Event::Done(Done::Proof(_)) => {
                kept.extend(record.detail.copy.clone());
            }
            Event::Done(Done::Rehearsal(_)) => kept.clear(),
            Event::Planned(_)
            | Event::Begun(_)
            | Event::Skipped(_)
            | Event::Noted(_)
            | Event::Done(_)
            | Event::Stopped(_)
            | Event::Resumed
            | Event::Aborted
            | Event::RollbackAsked => {}
        }
    }
    kept
}

/// The process of a command whose end is not recorded: its step, id, and when it was started.
#[must_use]
pub fn under_way(records: &[Record]) -> Option<(Step, u32, Option<u64>)> {
    let mut found = None;
    let mut step = Step::Preflight;
    for record in records {
        match &record.event {
            Event::Begun(begun) => step = *begun,
            Event::Noted(Note::Started { pid, since }) => found = Some((step, *pid, *since)),
            Event::Done(_) | Event::Stopped(_) => found = None,
            Event::Planned(_)
            | Event::Skipped(_)
            | Event::Resumed
            | Event::Aborted
            | Event::RollbackAsked => {}
        }
    }
    found
}
