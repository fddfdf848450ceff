//! Comparing a copy with what it was made from: the copy is read the same way into a sink that
//! only hashes, its definitions are compared entry by entry.

use std::sync::Arc;

use chrono::Utc;

use crate::connection::Target;
use crate::engine::{
    ComparedObject, Comparison, Context, DatabaseCopy, EngineError, RestoreRequest,
};
use crate::snapshot::{
    CopyStatement, LargeObjects, Nothing, SchemaEntry, Snapshot, Source, StreamId, StreamKind,
};

use super::assemble::{self, Facts};
use super::derived::{self, RoleMap};
use super::dump::contents::Contents;
use super::dump::control::Control;
use super::dump::table::{RelationFacts, TableRead, key_positions, relation_facts_by_name};
use super::dump::{contents, large_objects, workers};
use super::toc;
use super::{compare, copies, restore};

/// Compares `copy` with `source`.
pub(super) async fn compare(
    context: &Context,
    source: Arc<dyn Source>,
    copy: &DatabaseCopy,
) -> Result<Comparison, EngineError> {
    let roles = RoleMap::new(&copy.request.role_map);
    let needed = source.snapshot().prerequisites.iter();
    let merging = roles.merges(needed.filter(|p| p.kind == "role").map(|p| &*p.name));
    let derived = derived::derive(source, &copy.request).await?;
    let source = derived.source;
    let (toc, _) = restore::contents(source.as_ref()).await?;
    let mut archive = Snapshot {
        schema: toc::schema_entries(&toc),
        ..source.snapshot().clone()
    };
    let mut found = Box::pin(read_copy(context, &archive, copy)).await?;
    let one_by_one = |entries: &mut Vec<SchemaEntry>| {
        if merging {
            *entries = derived::merged(std::mem::take(entries), found.server.version_num);
        }
    };
    one_by_one(&mut archive.schema);
    let mut schema = std::mem::take(&mut found.schema);
    one_by_one(&mut schema);
    found.schema = schema;
    let mut verdict = compare::schema(&archive, &found, None, &copy.request);
    if verdict.needs_reference {
        let reference = reference(context, Arc::clone(&source), copy).await?;
        verdict = compare::schema(&archive, &found, Some(&reference), &copy.request);
    }
    let content = compare::content(&archive, &found, &copy.request);
    Ok(Comparison {
        differences: compare::merged(verdict.differences, content),
        objects: compared_objects(&found),
        not_compared: derived
            .not_asked
            .into_iter()
            .chain(not_compared(&archive, &copy.request))
            .collect(),
        server_version: found.server.version.clone(),
        server_identity: found.server.identity.clone(),
        // As a backup has it: definitions as texts are for this comparison only.
        found: Some(Box::new(Snapshot {
            schema: Vec::new(),
            ..found
        })),
    })
}

/// The copy's own snapshot, its definitions in [`Snapshot::schema`].
async fn read_copy(
    context: &Context,
    archive: &Snapshot,
    copy: &DatabaseCopy,
) -> Result<Snapshot, EngineError> {
    let target = &copy.target;
    let control = Control::open(context, target).await?;
    let taken_at = Utc::now();
    let with_data = !copy.request.schema_only;
    let definitions = async {
        let contents = definitions(context, target, &control).await?;
        let facts = assemble::facts(&control, target, &contents.toc).await?;
        Ok::<(Contents, Facts), EngineError>((contents, facts))
    };
    let rows = async {
        let tables = if with_data {
            reads(&control, target, archive).await?
        } else {
            Vec::new()
        };
        let tables = Arc::new(tables);
        let contents = workers::read_all(
            context,
            target,
            &control,
            Arc::clone(&tables),
            Arc::new(Nothing),
            None,
        )
        .await?;
        Ok::<_, EngineError>((tables, contents))
    };
    let large = async {
        if with_data {
            large_objects::read(context, target, &control, Arc::new(Nothing)).await
        } else {
            Ok((LargeObjects::default(), 0))
        }
    };
    let ((definitions, facts), (tables, contents), large_objects) =
        tokio::try_join!(definitions, rows, large)?;
    let schema = toc::schema_entries(&definitions.toc);
    let snapshot = assemble::snapshot(assemble::Parts {
        target,
        control: &control,
        taken_at,
        toc: &definitions.toc,
        tool: &definitions.tool,
        facts,
        tables: &tables,
        contents,
        large_objects,
        excluded: Vec::new(),
        schema_only: !with_data,
    });
    Ok(Snapshot { schema, ..snapshot })
}

/// The copy's table of contents. Nobody else works on it, so pg_dump's locks are not needed.
async fn definitions(
    context: &Context,
    target: &Target,
    control: &Control,
) -> Result<Contents, EngineError> {
    let request = crate::engine::DumpRequest::default();
    let mut contents = contents::read(context, target, control, &request).await?;
    contents.release().await;
    Ok(contents)
}

/// The archive's streams, read from the relations of the same names, with the archive's column
/// lists: inherited children come back with other column order.
async fn reads(
    control: &Control,
    target: &Target,
    archive: &Snapshot,
) -> Result<Vec<TableRead>, EngineError> {
    let streams: Vec<_> = archive
        .streams
        .iter()
        .filter(|stream| stream.id.kind == StreamKind::CopyText)
        .collect();
    let names: Vec<&str> = streams
        .iter()
        .filter_map(|stream| stream.objects.first().map(String::as_str))
        .collect();
    let facts = relation_facts_by_name(control, target, &names).await?;
    Ok(streams
        .iter()
        .filter_map(|stream| {
            let object = stream.objects.first()?;
            let statement = stream.copy.clone()?;
            let copy = CopyStatement::parse(&statement)?;
            // A table that is missing is found by comparing the definitions.
            let facts = facts.get(object)?;
            let key = archive_key(archive, object);
            Some(table_read(stream.id, statement, copy, facts, &key))
        })
        .collect())
}

/// Key columns as the archive has them, whatever became of the key in the copy.
fn archive_key(archive: &Snapshot, object: &str) -> Vec<String> {
    archive
        .objects
        .iter()
        .find(|o| o.name == object)
        .and_then(|o| o.content.as_ref()?.key.as_ref())
        .map(|key| key.columns.clone())
        .unwrap_or_default()
}

fn table_read(
    stream: StreamId,
    statement: String,
    copy: CopyStatement,
    facts: &RelationFacts,
    key: &[String],
) -> TableRead {
    TableRead {
        stream,
        object: facts.object.clone(),
        statement,
        key: key_positions(&copy.columns, key),
        copy,
        filter: facts.filter.clone(),
        bytes: facts.bytes,
        blocks: facts.splittable_blocks(),
        identity: facts.identity.clone(),
        number: facts.number,
    }
}

/// The archive's definitions restored once more, without rows: how this server prints back what
/// the archive says.
async fn reference(
    context: &Context,
    source: Arc<dyn Source>,
    copy: &DatabaseCopy,
) -> Result<Vec<SchemaEntry>, EngineError> {
    context
        .progress
        .status("how this server prints the archive's definitions");
    // What was to be mapped or left out is already.
    let request = RestoreRequest {
        into: None,
        schema_only: true,
        no_owner: copy.request.no_owner,
        no_privileges: copy.request.no_privileges,
        ..RestoreRequest::default()
    };
    let second = restore::restore(context, source, &copy.target, &request).await?;
    let read = async {
        let control = Control::open(context, &second.target).await?;
        definitions(context, &second.target, &control).await
    }
    .await;
    let dropped = copies::discard(context, second).await;
    let contents = read?;
    dropped?;
    Ok(toc::schema_entries(&contents.toc))
}

fn compared_objects(copy: &Snapshot) -> Vec<ComparedObject> {
    copy.objects
        .iter()
        .filter_map(|object| {
            let content = object.content.as_ref()?;
            Some(ComparedObject {
                object: object.name.clone(),
                rows: content.rows,
                fingerprint: content.fingerprint,
            })
        })
        .collect()
}

/// In words what the comparison did not cover.
fn not_compared(archive: &Snapshot, request: &RestoreRequest) -> Vec<String> {
    let mut words = compare::not_compared(archive);
    words.push("owner and connection limit of the database (set when it is published)".to_owned());
    for (left_out, text) in [
        (
            request.schema_only,
            "rows, sequence values and large objects, as asked",
        ),
        (request.no_owner, "owners, as asked"),
        (request.no_privileges, "grants, as asked"),
    ] {
        if left_out {
            words.push(text.to_owned());
        }
    }
    words
}
