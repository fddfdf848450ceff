//! After the documents: what the server filled in, indexes, and a count of everything.

use std::collections::BTreeMap;

use bson::{Document, Timestamp, doc};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::engine::mongodb::definitions::{CollectionDefinition, corrections};
use crate::engine::mongodb::server::{number, refused};
use crate::engine::mongodb::{catalogue, marker};
use crate::engine::{Context, EngineError};
use crate::snapshot::ObjectKind;

use super::Plan;
use super::feed::Fed;
use super::indexes;
use super::repairs::Empty;

/// Puts right what the tool left wrong; in words what is worth telling.
pub(super) async fn finish(
    context: &Context,
    plan: &Plan,
    fed: &Fed,
) -> Result<Vec<String>, EngineError> {
    durable(plan).await?;
    count(plan, fed).await?;
    let all: Vec<_> = fed.empty.iter().map(|one| empty_again(plan, one)).collect();
    stream::iter(all)
        .buffer_unordered(context.jobs.max(1))
        .try_collect::<()>()
        .await?;
    indexes::build(context, plan, fed).await?;
    put_right(plan).await?;
    Ok(notes(plan))
}

/// The tool was told not to wait for the journal or for other members. What was inserted is
/// kept from here on: a write of this kind waits for all that came before it.
async fn durable(plan: &Plan) -> Result<(), EngineError> {
    let what = "what was inserted could not be made durable";
    let answer = plan
        .database()
        .run_command(doc! {
            "update": marker::COLLECTION,
            // There is none: nothing is changed.
            "updates": [{ "q": { "_id": "durable" }, "u": { "$set": { "by": "now" } } }],
            "writeConcern": { "w": "majority", "j": true },
        })
        .await
        .map_err(refused(&plan.session, what))?;
    match answer.get("writeConcernError") {
        None => Ok(()),
        Some(error) => Err(EngineError::Restore {
            what: what.to_owned(),
            reasons: vec![error.to_string()],
            advice: None,
        }),
    }
}

/// Every collection must hold what was fed: the tool leaves documents out with exit code 0.
async fn count(plan: &Plan, fed: &Fed) -> Result<(), EngineError> {
    let mut reasons = Vec::new();
    for (body, fed) in &fed.documents {
        let view = |one: &&CollectionDefinition| one.kind() == ObjectKind::View;
        let mut views = plan.held.iter().filter(view);
        if views.any(|one| one.name() == body) || body == marker::COLLECTION {
            continue;
        }
        let answer = plan
            .database()
            .run_command(doc! { "count": body })
            .await
            .map_err(refused(
                &plan.session,
                format!("{body} could not be counted"),
            ))?;
        let found = number(&answer, "n");
        if found != *fed {
            reasons.push(format!("{body}: {found} documents instead of {fed}"));
        }
    }
    if reasons.is_empty() {
        return Ok(());
    }
    Err(EngineError::Restore {
        what: "mongorestore left documents out".to_owned(),
        reasons,
        advice: None,
    })
}

/// Gives a document its empty timestamps back; an update keeps them, and the field's place.
async fn empty_again(plan: &Plan, one: &Empty) -> Result<(), EngineError> {
    let what = format!(
        "the empty timestamps of {} could not be restored",
        one.collection
    );
    let empty = Timestamp {
        time: 0,
        increment: 0,
    };
    let id: bson::Bson = one
        .id
        .clone()
        .try_into()
        .map_err(|_| EngineError::Restore {
            what: what.clone(),
            reasons: vec!["an _id cannot be decoded".to_owned()],
            advice: None,
        })?;
    let stages: Vec<Document> = one
        .fields
        .iter()
        .map(|field| {
            // Names with dots or dollar signs can't be said in any other way.
            doc! { "$replaceWith": { "$setField": {
                "field": { "$literal": field }, "input": "$$ROOT", "value": empty,
            } } }
        })
        .collect();
    let updates = vec![doc! { "q": { "_id": { "$eq": id } }, "u": stages }];
    plan.database()
        .run_command(doc! { "update": &one.collection, "updates": updates,
        "bypassDocumentValidation": true })
        .await
        .map(drop)
        .map_err(refused(&plan.session, what))
}

/// Options of what the tool made itself.
async fn put_right(plan: &Plan) -> Result<(), EngineError> {
    let database = plan.database();
    let found = catalogue::read(&plan.session, &database).await?;
    let found: BTreeMap<&str, &CollectionDefinition> =
        found.iter().map(|one| (one.name(), one)).collect();
    for one in &plan.held {
        for correction in corrections(one, found.get(one.name()).copied()) {
            let what = format!(
                "{} of {} could not be put right",
                correction.what, correction.collection
            );
            for command in correction.commands {
                database
                    .run_raw_command(command)
                    .await
                    .map_err(refused(&plan.session, what.clone()))?;
            }
        }
    }
    Ok(())
}

fn notes(plan: &Plan) -> Vec<String> {
    let held = plan.definitions.iter().zip(&plan.held);
    let expiring: Vec<&str> = held
        .filter(|(one, held)| one.expires() && !held.expires())
        .map(|(one, _)| one.name())
        .collect();
    if expiring.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "documents of {} expire only when the copy is published: its indexes are made without \
         expireAfterSeconds until then",
        expiring.join(", ")
    )]
}
