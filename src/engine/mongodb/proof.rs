//! The proof: the copy read back, every document hashed, compared with the archive.

use std::collections::HashMap;
use std::sync::Arc;

use crate::engine::{ComparedObject, Comparison, Context, DatabaseCopy, EngineError};
use crate::fingerprint::HashedDocuments;
use crate::snapshot::{DatabaseFacts, Object, ServerFacts, Snapshot, Source, WriteRecord};

use super::compare::{self, Expiry};
use super::part::part;
use super::{catalogue, dump, scan, server, users};

/// Reads all of the copy and compares.
pub(super) async fn compare(
    context: &Context,
    source: Arc<dyn Source>,
    copy: &DatabaseCopy,
) -> Result<Comparison, EngineError> {
    let part = part(source, &copy.request.only).await?;
    let archive = part.source.snapshot();
    let session = server::connect(context, &copy.target).await?;
    let server = server::facts(&session).await?;
    let database = session.other(&copy.name);
    let definitions = catalogue::read(&session, &database).await?;
    let hashing = scan::hash(context, &session, &database, &definitions);
    let hashed = tokio::select! {
        biased;
        () = context.cancel.cancelled() => return Err(EngineError::Cancelled),
        hashed = hashing => hashed?,
    };
    let hashed: HashMap<&str, &HashedDocuments> = hashed
        .iter()
        .map(|(name, one)| (name.as_str(), one))
        .collect();
    let objects = dump::objects(&definitions, &|name| hashed.get(name).copied());
    let principals = users::read(&session).await;
    let found = Snapshot {
        objects,
        record: WriteRecord {
            anchor: dump::anchor(&session, &server, &copy.name, &definitions),
            ..WriteRecord::default()
        },
        // Nobody makes the archive's users in a copy: what it is held against later is the copy.
        database: DatabaseFacts {
            users: principals.users,
            roles: principals.roles,
            ..archive.database.clone()
        },
        server: ServerFacts {
            identity: server.identity.clone(),
            ..archive.server.clone()
        },
        ..archive.clone()
    };
    let mut not_compared: Vec<String> = part.not_asked.clone().into_iter().collect();
    not_compared.extend(compare::not_compared(archive));
    let expiry = if copy.request.nothing_expires {
        Expiry::AsArchived
    } else {
        Expiry::Held
    };
    if expiry == Expiry::Held && archive_expires(copy) {
        not_compared.push("expireAfterSeconds: given back when the copy is published".to_owned());
    }
    Ok(Comparison {
        differences: compare::all(archive, &found, expiry, copy.request.schema_only),
        objects: found.objects.iter().filter_map(figures).collect(),
        not_compared,
        server_version: server.version,
        server_identity: server.identity,
        found: Some(Box::new(found)),
    })
}

fn archive_expires(copy: &DatabaseCopy) -> bool {
    let mut notes = copy.notes.iter();
    notes.any(|note| note.contains("expireAfterSeconds"))
}

fn figures(object: &Object) -> Option<ComparedObject> {
    let content = object.content.as_ref()?;
    Some(ComparedObject {
        object: object.name.clone(),
        rows: content.rows,
        fingerprint: content.fingerprint,
    })
}
