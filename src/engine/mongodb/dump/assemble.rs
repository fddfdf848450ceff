//! Everything that was seen, as one snapshot.

use std::collections::HashMap;

use crate::connection::Target;
use crate::connection::mongodb::Session;
use crate::engine::mongodb::server::Server;
use crate::fingerprint::HashedDocuments;
use crate::snapshot::{
    Content, DatabaseFacts, Fingerprint, LargeObjects, Object, ObjectKind, ServerFacts, Snapshot,
    Stream, WriteRecord,
};

use super::super::definitions::CollectionDefinition;
use super::tool::STREAM;
use super::untouched::anchor;
use super::{Dumped, Seen};

pub(super) fn snapshot(session: &Session, target: &Target, seen: Seen) -> Snapshot {
    let hashed: HashMap<&str, &HashedDocuments> = seen
        .dumped
        .namespaces
        .iter()
        .map(|one| (one.entry.collection.as_str(), &one.hashed))
        .collect();
    let mut objects = objects(&seen.definitions, &|name| {
        hashed
            .get(name)
            .copied()
            .filter(|_| !seen.excluded.iter().any(|excluded| excluded == name))
    });
    let kept = seen.known.kept();
    let unchanged = seen.known.unchanged();
    let untouched = seen.known.fill(&mut objects);
    let mut notes = seen.verdict.notes.clone();
    if objects.iter().all(|object| rows(object) == 0) && seen.excluded.is_empty() {
        notes.push("the database is empty: there is not one document in it".to_owned());
    }
    notes.extend(objects.iter().filter_map(without_data));
    notes.extend(seen.principals.notes);
    Snapshot {
        engine: "mongodb".to_owned(),
        taken_at: seen.taken_at,
        read_until: Some(seen.read_until),
        consistent: seen.verdict.consistent,
        server: server(session, target, &seen.server, seen.tool),
        database: DatabaseFacts {
            name: target.database().to_owned(),
            bytes: seen.bytes,
            connection_limit: -1,
            users: seen.principals.users,
            roles: seen.principals.roles,
            ..DatabaseFacts::default()
        },
        streams: vec![stream(&objects, &seen.dumped)],
        objects,
        large_objects: LargeObjects::default(),
        extensions: Vec::new(),
        prerequisites: Vec::new(),
        schema: Vec::new(),
        record: WriteRecord {
            anchor: anchor(session, &seen.server, target.database(), &seen.definitions),
            untouched,
            kept,
            unchanged,
        },
        notes,
        secrets_seen: Vec::new(),
    }
}

fn server(session: &Session, target: &Target, server: &Server, tool: String) -> ServerFacts {
    ServerFacts {
        version: server.version.clone(),
        version_num: server.version_num,
        tool,
        identity: server.identity.clone(),
        host: target.host().to_owned(),
        port: target.port(),
        user: session.url().user().to_owned(),
        standby: server.secondary,
    }
}

/// The definitions with what their documents come to.
pub(in crate::engine::mongodb) fn objects<'a>(
    definitions: &[CollectionDefinition],
    hashed: &dyn Fn(&str) -> Option<&'a HashedDocuments>,
) -> Vec<Object> {
    let mut objects: Vec<Object> = definitions
        .iter()
        .map(|definition| {
            let mut object = definition.object();
            if object.kind != ObjectKind::View
                && let Some(hashed) = hashed(definition.name())
            {
                object.content = Some(hashed.content());
                object.columns = hashed.columns();
                object.bytes = hashed.bytes;
            }
            object
        })
        .collect();
    objects.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    objects
}

fn rows(object: &Object) -> u64 {
    object.content.as_ref().map_or(0, |content| content.rows)
}

fn without_data(object: &Object) -> Option<String> {
    (object.kind != ObjectKind::View && object.content.is_none())
        .then(|| format!("the documents of {} were left out as asked", object.name))
}

fn stream(objects: &[Object], dumped: &Dumped) -> Stream {
    let with_content = |object: &&Object| object.content.is_some();
    let sums = objects
        .iter()
        .filter_map(|object| object.content.as_ref())
        .map(|content: &Content| content.fingerprint);
    Stream {
        id: STREAM,
        objects: objects
            .iter()
            .filter(with_content)
            .map(|object| object.name.clone())
            .collect(),
        copy: None,
        rows: 0,
        bytes: dumped.bytes,
        fingerprint: sums.fold(Fingerprint::default(), |sum, one| sum + one),
    }
}
