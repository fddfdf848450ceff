//! Reading a database: `mongodump` or a snapshot reader of our own, and what the server says
//! before and after.

mod assemble;
mod contents;
mod counts;
mod tool;
mod untouched;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bson::Timestamp;
use chrono::Utc;

use crate::connection::mongodb::Session;
use crate::connection::{ConnectionError, Target};
use crate::engine::{Context, DumpRequest, EngineError};
use crate::process::Tool;
use crate::snapshot::{Sink, Snapshot, glob_matches};

use super::consistency::{self, Verdict};
use super::definitions::{CollectionDefinition, MEMBER, to_member};
use super::server::{self, Server};
use super::snapshot_reader::Wanted;
use super::users::{self, Principals};
use super::{catalogue, snapshot_reader};
use untouched::Known;

pub(super) use assemble::objects;
pub(super) use contents::{Contents, Read};
pub(super) use counts::fast as count_now;
pub(super) use tool::{Dumped, MONGODUMP, STREAM, hangs};
pub(super) use untouched::anchor;

/// Everything that a snapshot is made of.
struct Seen {
    server: Server,
    tool: String,
    definitions: Vec<CollectionDefinition>,
    excluded: Vec<String>,
    dumped: Dumped,
    verdict: Verdict,
    bytes: u64,
    taken_at: chrono::DateTime<Utc>,
    read_until: chrono::DateTime<Utc>,
    principals: Principals,
    known: Known,
}

/// Reads `target` into `sink`.
pub(super) async fn dump(
    context: &Context,
    target: &Target,
    request: &DumpRequest,
    patience: Duration,
    sink: Arc<dyn Sink>,
) -> Result<Snapshot, EngineError> {
    let session = context
        .unless_cancelled(server::connect(context, target))
        .await?;
    let Before {
        server,
        since,
        definitions: before,
        bytes,
    } = context.unless_cancelled(look(&session, target)).await?;
    let excluded = excluded(&before, request);
    let taken_at = Utc::now();
    let read = if request.consistent {
        let wanted = Wanted {
            definitions: &before,
            excluded: &excluded,
            since,
        };
        consistently(context, &session, &server, &wanted, &sink).await?
    } else {
        let wanted = With {
            definitions: &before,
            excluded: &excluded,
            since: request.since.as_deref(),
            spare: request.spare,
            patience,
        };
        with_tool(context, &session, &server, &wanted, &sink).await?
    };
    let read_until = Utc::now();
    let definitions = stayed(target, &before, &read)?;
    sink.member(MEMBER, to_member(&definitions)).await?;
    let principals = context
        .unless_cancelled(async { Ok::<_, EngineError>(users::read(&session).await) })
        .await?;
    let seen = Seen {
        server,
        tool: read.tool,
        definitions,
        excluded,
        dumped: read.dumped,
        verdict: read.verdict,
        bytes,
        taken_at,
        read_until,
        principals,
        known: read.known,
    };
    Ok(assemble::snapshot(&session, target, seen))
}

/// What the server says before anything is read.
struct Before {
    server: Server,
    /// Its clock before the definitions were listed.
    since: Option<Timestamp>,
    definitions: Vec<CollectionDefinition>,
    bytes: u64,
}

async fn look(session: &Session, target: &Target) -> Result<Before, EngineError> {
    let server = server::facts(session).await?;
    exists(session, target).await?;
    let since = server::operation_time(session).await?;
    let definitions = catalogue::read(session, session.database()).await?;
    let (bytes, _) = server::size(session, target.database()).await?;
    Ok(Before {
        server,
        since,
        definitions,
        bytes,
    })
}

/// What one way of reading gave.
struct Way {
    tool: String,
    dumped: Dumped,
    verdict: Verdict,
    after: Vec<CollectionDefinition>,
    /// Collections that were left out of the stream.
    left_out: Vec<String>,
    /// Those among them that are known without it.
    known: Known,
}

/// What the tool is to read.
struct With<'a> {
    definitions: &'a [CollectionDefinition],
    excluded: &'a [String],
    since: Option<&'a Snapshot>,
    spare: bool,
    patience: Duration,
}

async fn with_tool(
    context: &Context,
    session: &Session,
    server: &Server,
    wanted: &With<'_>,
    sink: &Arc<dyn Sink>,
) -> Result<Way, EngineError> {
    let before = wanted.definitions;
    let tool = find(context).await?;
    let (watch, known) = context
        .unless_cancelled(async {
            let watch = consistency::begin(session, server, before).await?;
            let since = wanted.since.filter(|_| watch.is_oplog());
            let known = Known::find(session, since, server, before).await?;
            let known = if wanted.spare {
                known
            } else {
                known.without_sparing()
            };
            Ok::<_, EngineError>((watch, known))
        })
        .await?;
    let mut left_out = wanted.excluded.to_vec();
    left_out.extend(known.names().map(str::to_owned));
    let dumped = tool::read(context, session, &tool, &left_out, wanted.patience, sink).await?;
    let (after, verdict) = context
        .unless_cancelled(async {
            let miscounts = counts::take(session, &dumped.namespaces).await?;
            let after = catalogue::read(session, session.database()).await?;
            let mut verdict = watch.end(session, before, &after).await?;
            counts::judge(&miscounts, &mut verdict)?;
            Ok::<_, EngineError>((after, verdict))
        })
        .await?;
    Ok(Way {
        tool: tool.title(),
        dumped,
        verdict,
        after,
        left_out,
        known,
    })
}

async fn consistently(
    context: &Context,
    session: &Session,
    server: &Server,
    wanted: &Wanted<'_>,
    sink: &Arc<dyn Sink>,
) -> Result<Way, EngineError> {
    let read = snapshot_reader::read(context, session, server, wanted, sink).await?;
    let after = context
        .unless_cancelled(catalogue::read(session, session.database()))
        .await?;
    Ok(Way {
        tool: format!("bookend {}", env!("CARGO_PKG_VERSION")),
        dumped: read,
        verdict: Verdict::consistent(),
        after,
        left_out: wanted.excluded.to_vec(),
        known: Known::default(),
    })
}

/// The tool that dumps. Its versions are not the server's.
async fn find(context: &Context) -> Result<Tool, EngineError> {
    Ok(context
        .tools
        .find(MONGODUMP, Some(super::TOOLS_MAJOR))
        .await?)
}

/// A database of which the server knows nothing is no backup of nothing.
async fn exists(session: &Session, target: &Target) -> Result<(), EngineError> {
    let all = catalogue::list(session, session.database()).await?;
    if all.is_empty() {
        return Err(ConnectionError::UnknownDatabase {
            database: target.database().to_owned(),
            server: session.server().to_owned(),
        }
        .into());
    }
    Ok(())
}

/// Collections whose documents stay out.
fn excluded(definitions: &[CollectionDefinition], request: &DumpRequest) -> Vec<String> {
    let matches = |name: &str| {
        let mut patterns = request.exclude_data.iter();
        let wanted = request.data_of.as_ref();
        patterns.any(|pattern| glob_matches(pattern, name))
            || wanted.is_some_and(|wanted| !wanted.contains(name))
    };
    definitions
        .iter()
        .filter(|one| one.kind() != crate::snapshot::ObjectKind::View && matches(one.name()))
        .flat_map(|one| [one.name().to_owned(), one.body_name()])
        .collect()
}

/// The definitions of what was read. Fails by name where a collection went away, came back as
/// another one, or was never listed: nobody can say then what the stream holds of it.
fn stayed(
    target: &Target,
    before: &[CollectionDefinition],
    read: &Way,
) -> Result<Vec<CollectionDefinition>, EngineError> {
    let moved = |table: &str, how: &str| EngineError::Moved {
        table: table.to_owned(),
        database: target.database().to_owned(),
        how: how.to_owned(),
    };
    let after: BTreeMap<&str, &CollectionDefinition> =
        read.after.iter().map(|one| (one.name(), one)).collect();
    let dumped = |name: &str| {
        let mut all = read.dumped.namespaces.iter();
        all.any(|one| one.entry.collection == name)
    };
    for one in before {
        match after.get(one.name()) {
            None => return Err(moved(one.name(), "dropped or renamed")),
            Some(now) if now.uuid() != one.uuid() || now.kind() != one.kind() => {
                return Err(moved(one.name(), "dropped and made again"));
            }
            Some(_) if !dumped(one.name()) && !read.left_out.iter().any(|e| e == one.name()) => {
                return Err(moved(
                    one.name(),
                    "left out by the tool, as if it were not there,",
                ));
            }
            Some(_) => {}
        }
    }
    let mut definitions = before.to_vec();
    for one in &read.dumped.namespaces {
        let name = one.entry.collection.as_str();
        if one.entry.is_users_or_roles() || definitions.iter().any(|known| known.name() == name) {
            continue;
        }
        match after.get(name) {
            Some(created) => definitions.push((*created).clone()),
            None => return Err(moved(name, "created and dropped")),
        }
    }
    definitions.sort_by(|a, b| a.name().cmp(b.name()));
    Ok(definitions)
}
