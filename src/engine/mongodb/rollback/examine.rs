//! Whether a database can be rolled back in place, found before anything is touched.

use crate::connection::Target;
use crate::engine::rollback::Examination;
use crate::engine::{Context, EngineError};
use crate::snapshot::{ObjectKind, Snapshot};

use super::super::definitions::CollectionDefinition;
use super::super::server::Server;
use super::super::{catalogue, names, server};
use super::ANY;

/// Between a collection's name and the number of the rollback that it is loaded by.
pub(super) const FRESH: &str = "__bookend_";

/// `database.collection` in bytes, since 4.4.
const LONGEST_NAMESPACE: usize = 255;

/// Before the name of what holds a time series' documents.
const BUCKETS: &str = "system.buckets.";

/// Digits behind [`FRESH`].
const DIGITS: usize = 8;

/// Looks at the database and at what is to be put back.
pub(super) async fn examine(
    context: &Context,
    target: &Target,
    archive: &Snapshot,
    stamp: &str,
) -> Result<Examination, EngineError> {
    let session = server::connect(context, target).await?;
    let server = server::facts(&session).await?;
    let found = catalogue::read(&session, session.database()).await?;
    let taken = server::databases(&session).await?;
    let aside = aside(&found, stamp);
    let beside = beside(target.database(), stamp, archive, &taken);
    Ok(Examination {
        identity: (!found.is_empty()).then(|| target.database().to_owned()),
        kept_as: format!("{ANY}{aside}"),
        obstacle: obstacle(&server, target, archive, &found, &aside),
        beside,
        followers: followers(&found, &aside),
        holds_off: false,
    })
}

/// A free name for the copy, as long as its collections let it be.
fn beside(database: &str, stamp: &str, archive: &Snapshot, taken: &[String]) -> String {
    let bodies = archive.objects.iter().map(|one| match one.kind {
        ObjectKind::TimeSeries => one.name.len() + BUCKETS.len(),
        _ => one.name.len(),
    });
    let room = LONGEST_NAMESPACE.saturating_sub(bodies.max().unwrap_or(0) + 1);
    let longest = room.min(names::LONGEST);
    let wanted = format!("{database}_before_{stamp}");
    if wanted.len() > longest || names::clash(&wanted, taken).is_some() {
        names::free(&wanted, taken, longest)
    } else {
        wanted
    }
}

/// What is put behind names that are put aside; behind none of those that are there.
fn aside(found: &[CollectionDefinition], stamp: &str) -> String {
    let taken = |suffix: &str| found.iter().any(|one| one.name().ends_with(suffix));
    let first = format!("__failed_{stamp}");
    if !taken(&first) {
        return first;
    }
    (2..=found.len() + 2)
        .map(|number| format!("__failed_{stamp}_{number}"))
        .find(|suffix| !taken(suffix))
        .unwrap_or(first)
}

fn obstacle(
    server: &Server,
    target: &Target,
    archive: &Snapshot,
    found: &[CollectionDefinition],
    aside: &str,
) -> Option<String> {
    if server.router {
        return Some(
            "it is a sharded cluster: collections of other shards cannot be moved between databases"
                .to_owned(),
        );
    }
    let wanted = archive
        .objects
        .iter()
        .map(|one| (one.kind, one.name.as_str()));
    let present = found.iter().map(|one| (one.kind(), one.name()));
    for (kind, name) in wanted.chain(present) {
        if kind == ObjectKind::TimeSeries {
            return Some(format!("{name} is a time series, which cannot be renamed"));
        }
        if name == "system.js" {
            return Some("system.js cannot be renamed".to_owned());
        }
        let longest = aside.len().max(FRESH.len() + DIGITS);
        let bytes = target.database().len() + 1 + name.len() + longest;
        if bytes > LONGEST_NAMESPACE {
            return Some(format!(
                "{name} cannot be put aside: with {aside} behind it its name has {bytes} bytes, and MongoDB allows {LONGEST_NAMESPACE}"
            ));
        }
    }
    None
}

fn followers(found: &[CollectionDefinition], aside: &str) -> Vec<String> {
    let expiring = found.iter().filter(|one| one.expires());
    expiring
        .map(|one| {
            format!(
                "{}{aside}: its documents go on expiring (expireAfterSeconds)",
                one.name()
            )
        })
        .collect()
}
