//! Indexes, once the documents are there.

use bson::RawDocumentBuf;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::engine::mongodb::definitions::CollectionDefinition;
use crate::engine::mongodb::server::words;
use crate::engine::{Context, EngineError};

use super::Plan;
use super::feed::Fed;

/// Below this a second scan costs more than it gains.
const WORTH_SPLITTING: u64 = 50_000;

/// Indexes of one collection that one command makes: the server scans once for all of them,
/// on one core.
struct Group<'a> {
    collection: &'a CollectionDefinition,
    names: Vec<&'a str>,
    together: RawDocumentBuf,
}

/// Builds all of them, several commands at once.
pub(super) async fn build(context: &Context, plan: &Plan, fed: &Fed) -> Result<(), EngineError> {
    context.progress.status("indexes");
    let jobs = context.jobs.max(1);
    let all: u64 = fed.documents.iter().map(|(_, count)| count).sum();
    let groups = plan.held.iter().flat_map(|one| {
        let body = one.body_name();
        let mut counts = fed.documents.iter();
        let count = counts.find(|(name, _)| *name == body);
        groups(one, parts(count.map_or(0, |(_, count)| *count), all, jobs))
    });
    let builds: Vec<_> = groups.map(|group| make(plan, group)).collect();
    stream::iter(builds)
        .buffer_unordered(jobs)
        .try_collect::<()>()
        .await?;
    context.progress.status("");
    Ok(())
}

/// How many commands share a collection's indexes: more than one where it holds more than a
/// job's share of all documents, for the other jobs would have nothing to do.
fn parts(documents: u64, all: u64, jobs: usize) -> usize {
    let share = all / jobs as u64;
    if jobs > 1 && documents >= WORTH_SPLITTING && documents > share {
        jobs
    } else {
        1
    }
}

fn groups(collection: &CollectionDefinition, parts: usize) -> Vec<Group<'_>> {
    let commands = collection.create_indexes_in(parts);
    let group = |(names, together)| Group {
        collection,
        names,
        together,
    };
    commands.into_iter().map(group).collect()
}

/// Builds a group, together if the server takes them all.
async fn make(plan: &Plan, group: Group<'_>) -> Result<(), EngineError> {
    let database = plan.database();
    if database.run_raw_command(group.together).await.is_ok() {
        return Ok(());
    }
    let collection = group.collection.name();
    let mut reasons = Vec::new();
    let all = group.collection.create_indexes_singly().into_iter();
    for (name, command) in all.filter(|(name, _)| group.names.contains(&name.as_str())) {
        if let Err(error) = database.run_raw_command(command).await {
            reasons.push(format!("index {name} of {collection}: {}", words(&error)));
        }
    }
    if reasons.is_empty() {
        return Ok(());
    }
    Err(EngineError::Restore {
        what: format!("the server refuses indexes of {collection}"),
        reasons,
        advice: None,
    })
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn only_a_collection_that_would_keep_one_job_busy_alone_is_shared() {
        assert_eq!(parts(1_000_000, 1_000_000, 2), 2);
        assert_eq!(parts(1_000_000, 4_000_000, 2), 1);
        assert_eq!(parts(100, 100, 2), 1);
        assert_eq!(parts(1_000_000, 1_000_000, 1), 1);
    }
}
