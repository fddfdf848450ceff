//! The database, its marker and its collections.

use bson::{Bson, Document, RawDocumentBuf, doc};
use chrono::Utc;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::connection::Target;
use crate::engine::mongodb::definitions::CollectionDefinition;
use crate::engine::mongodb::marker::{self, Marker};
use crate::engine::mongodb::server::refused;
use crate::engine::{Context, CopyKind, EngineError, MadeDatabase};
use crate::snapshot::ObjectKind;

use super::Plan;

/// Announces and makes the database with its marker; gives what it is known by.
pub(super) async fn database(
    context: &Context,
    plan: &Plan,
    on: &Target,
) -> Result<String, EngineError> {
    let made = Utc::now();
    context
        .ledger
        .announce(&MadeDatabase {
            name: plan.name.clone(),
            kind: CopyKind::Disposable,
            engine: "mongodb".to_owned(),
            server: on.display_url(),
            identity: plan.server.identity.clone(),
            run: context.run.clone(),
            made,
            contents: None,
        })
        .map_err(EngineError::Ledger)?;
    let database = plan.database();
    let uuid = match marker::create(&plan.session, &database).await {
        Ok(uuid) => uuid,
        Err(error) => {
            // Nothing was made: there is nothing for a later command to clean.
            let _unwritten = context.ledger.settle(&plan.name, "never made");
            return Err(error);
        }
    };
    let marker = Marker::disposable(plan.server.identity.as_deref(), &uuid, &context.run, made);
    marker::write(&plan.session, &database, &marker).await?;
    keep_expiry(plan).await?;
    Ok(uuid)
}

/// The commands that let documents expire again, for when the copy is published: kept in the
/// copy itself.
async fn keep_expiry(plan: &Plan) -> Result<(), EngineError> {
    let commands: Vec<RawDocumentBuf> = plan
        .definitions
        .iter()
        .flat_map(|one| one.restore_expiry(plan.server.version_num))
        .collect();
    if commands.is_empty() {
        return Ok(());
    }
    let kept = commands.iter().enumerate().map(|(number, command)| {
        let bytes = bson::Binary {
            subtype: bson::spec::BinarySubtype::Generic,
            bytes: command.as_bytes().to_vec(),
        };
        doc! { "_id": format!("expiry-{number:06}"), "command": Bson::Binary(bytes) }
    });
    plan.database()
        .collection::<Document>(marker::COLLECTION)
        .insert_many(kept)
        .await
        .map(drop)
        .map_err(refused(
            &plan.session,
            "what lets documents expire could not be kept",
        ))
}

/// Makes every collection and view, with its raw options, but those that the tool insists on
/// making itself.
pub(super) async fn collections(context: &Context, plan: &Plan) -> Result<(), EngineError> {
    let (views, others): (Vec<_>, Vec<_>) = plan
        .held
        .iter()
        .filter(|one| !is_made_by_the_tool(plan, one))
        .partition(|one| one.kind() == ObjectKind::View);
    for group in [others, views] {
        let all: Vec<_> = group.into_iter().map(|one| create(plan, one)).collect();
        stream::iter(all)
            .buffer_unordered(context.jobs.max(1))
            .try_collect::<()>()
            .await?;
    }
    Ok(())
}

/// `mongorestore` fails where a time series exists, and loses documents where `system.js`
/// does (both seen). What was left out of the archive it does not make.
fn is_made_by_the_tool(plan: &Plan, one: &CollectionDefinition) -> bool {
    let in_the_stream = plan
        .snapshot()
        .objects
        .iter()
        .any(|object| object.name == one.name() && object.content.is_some());
    in_the_stream && (one.kind() == ObjectKind::TimeSeries || one.name() == "system.js")
}

async fn create(plan: &Plan, one: &CollectionDefinition) -> Result<(), EngineError> {
    let what = format!("{} could not be created in {}", one.name(), plan.name);
    plan.database()
        .run_raw_command(one.create())
        .await
        .map(drop)
        .map_err(refused(&plan.session, what))
}
