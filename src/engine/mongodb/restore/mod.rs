//! Building a copy: the collections by commands of our own out of the raw definitions, their
//! documents by `mongorestore`, and after them what the tool leaves wrong.

mod create;
mod feed;
mod finish;
mod indexes;
mod repairs;
mod tool;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::connection::Target;
use crate::connection::mongodb::Session;
use crate::engine::{Context, DatabaseCopy, EngineError, RestoreRequest};
use crate::snapshot::{SeamError, Snapshot, Source};

use super::definitions::{CollectionDefinition, MEMBER, from_member};
use super::part::{Part, part};
use super::server::{self, Server};
use super::{copies, names};

/// Everything that a restore works with.
pub(super) struct Plan {
    pub session: Session,
    pub server: Server,
    pub source: Arc<dyn Source>,
    /// As archived.
    pub definitions: Vec<CollectionDefinition>,
    /// The same without anything that deletes documents by their age.
    pub held: Vec<CollectionDefinition>,
    /// What documents go by in the stream that are not to be restored.
    pub skipped: BTreeSet<String>,
    /// The copy's name.
    pub name: String,
    pub patience: Duration,
}

impl Plan {
    pub(super) fn database(&self) -> mongodb::Database {
        self.session.other(&self.name)
    }

    pub(super) fn snapshot(&self) -> &Snapshot {
        self.source.snapshot()
    }
}

/// Builds a disposable copy on the server of `on`.
pub(super) async fn restore(
    context: &Context,
    source: Arc<dyn Source>,
    on: &Target,
    request: &RestoreRequest,
    patience: Duration,
) -> Result<DatabaseCopy, EngineError> {
    let session = context
        .unless_cancelled(server::connect(context, on))
        .await?;
    let server = context.unless_cancelled(server::facts(&session)).await?;
    let Part {
        source,
        skipped,
        left_out,
        ..
    } = part(source, &request.only).await?;
    let definitions = definitions(source.as_ref()).await?;
    let tool = tool::find(context).await?;
    let plan = Plan {
        name: context
            .unless_cancelled(name(&session, on, source.snapshot(), &definitions, request))
            .await?,
        held: if request.nothing_expires {
            definitions.clone()
        } else {
            let held = definitions.iter();
            held.map(CollectionDefinition::without_expiry).collect()
        },
        session,
        server,
        source,
        definitions,
        skipped,
        patience,
    };
    let identity = create::database(context, &plan, on).await?;
    let copy = DatabaseCopy {
        target: on.with_database(&plan.name),
        name: plan.name.clone(),
        identity,
        request: request.clone(),
        finishing: Vec::new(),
        notes: Vec::new(),
        left_out,
    };
    match build(context, &plan, &tool).await {
        Ok(notes) => Ok(DatabaseCopy { notes, ..copy }),
        Err(error) => Err(abandoned(context, copy, error).await),
    }
}

async fn build(
    context: &Context,
    plan: &Plan,
    tool: &crate::process::Tool,
) -> Result<Vec<String>, EngineError> {
    context
        .unless_cancelled(create::collections(context, plan))
        .await?;
    // Ends the tool and waits for it: what it still inserts would come back after the copy
    // was dropped.
    let fed = tool::run(context, plan, tool).await?;
    context
        .unless_cancelled(finish::finish(context, plan, &fed))
        .await
}

/// Drops a half-built copy; the first error is what is told, unless the copy stays.
async fn abandoned(context: &Context, copy: DatabaseCopy, error: EngineError) -> EngineError {
    let name = copy.name.clone();
    match copies::discard(context, copy).await {
        Ok(()) => error,
        Err(left) => EngineError::Restore {
            what: error.to_string(),
            reasons: vec![format!("the half-built copy {name} is still there: {left}")],
            advice: Some(format!("bookend copies drop {name}")),
        },
    }
}

/// What the archive says that the collections are.
pub(super) async fn definitions(
    source: &dyn Source,
) -> Result<Vec<CollectionDefinition>, EngineError> {
    let damaged = |problem: String| SeamError::Damaged {
        member: MEMBER.to_owned(),
        problem,
    };
    let member = source
        .member(MEMBER)
        .await?
        .ok_or_else(|| damaged("it is missing".to_owned()))?;
    from_member(&member).map_err(|error| damaged(error.to_string()).into())
}

/// The name that the copy is built under: the asked one, or a random one.
async fn name(
    session: &Session,
    on: &Target,
    snapshot: &Snapshot,
    definitions: &[CollectionDefinition],
    request: &RestoreRequest,
) -> Result<String, EngineError> {
    let longest = names::longest_beside(definitions);
    let Some(into) = &request.into else {
        let name = names::random(&snapshot.database.name, longest);
        if name.len() > longest {
            return Err(EngineError::Unsupported {
                what: format!(
                    "beside the archive's longest collection the name of a copy may have {longest} \
                     bytes, and a random one has {}",
                    name.len()
                ),
                advice: format!(
                    "restore into a name of at most {longest} bytes: bookend restore ARCHIVE --into NAME"
                ),
            });
        }
        return Ok(name);
    };
    names::check(into, longest)?;
    let taken = server::databases(session).await?;
    match names::clash(into, &taken) {
        None => Ok(into.clone()),
        Some(clash) => Err(EngineError::NameTaken {
            name: clash.to_owned(),
            server: on.display_url(),
            free: names::free(into, &taken, longest),
        }),
    }
}
