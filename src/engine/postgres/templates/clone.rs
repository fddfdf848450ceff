//! Cloning a template.

use chrono::Utc;

use crate::connection::Target;
use crate::connection::postgres::Session;
use crate::engine::templates::TemplateMark;
use crate::engine::{Context, CopyKind, DatabaseCopy, EngineError, MadeDatabase, RestoreRequest};
use crate::snapshot::Snapshot;

use super::super::copies::{self, Marker, names, set_marker};
use super::super::quoting::quote_identifier;
use super::super::restore::{self, create};
use super::super::server::{self, Server};
use super::super::sql_error::sql;

/// Makes a disposable copy from a template.
pub(super) async fn clone_from(
    context: &Context,
    on: &Target,
    (template, mark): (&str, &TemplateMark),
    snapshot: &Snapshot,
) -> Result<DatabaseCopy, EngineError> {
    let session = server::maintenance(context, on).await?;
    let server = server::facts(&session, on).await?;
    // A size of nothing is one that this role may not ask for.
    let found = copies::find(&session, on, template).await?;
    let bytes = found.map(|found| found.bytes).filter(|bytes| *bytes > 0);
    let made = MadeDatabase {
        name: names::random(&snapshot.database.name),
        kind: CopyKind::Disposable,
        engine: "postgresql".to_owned(),
        server: on.display_url(),
        identity: server.identity.clone(),
        run: context.run.clone(),
        made: Utc::now(),
        contents: Some(mark.contents.clone()),
    };
    context
        .ledger
        .announce(&made)
        .map_err(EngineError::Ledger)?;
    let statement = statement(&made.name, template, server.version_num, bytes);
    if let Err(error) = create_unless_cancelled(context, &session, &statement).await {
        // Without the server's own word it may still be at it: then the record stays.
        if error.as_db_error().is_some() {
            let _ = context.ledger.settle(&made.name, "not created");
        }
        if context.cancel.is_cancelled() {
            return Err(EngineError::Cancelled);
        }
        return Err(create::not_created(on, &server, error));
    }
    match finished(context, &session, (on, &server), &made, snapshot).await {
        Ok(copy) => Ok(copy),
        Err(error) => {
            // Marked or not: what the clone holds is on record. What stays is on record too.
            let context = context.uninterrupted();
            let _left = copies::drop_announced(&context, on, &made).await;
            Err(error)
        }
    }
}

/// From this size on files are copied; below it, blocks through the write-ahead log.
///
/// Copying files makes the server write a checkpoint before and one after, which is what a small
/// clone consists of; copying through the log costs the template's whole size in it, to be
/// archived and streamed, and to bring checkpoints of its own. Measured, in seconds through the
/// log and by files: 9 MB 0.5 and 2.0, 45 MB 0.8 and 2.2, 168 MB 1.5 and 2.3 (15); 493 MB
/// 1.7 to 2.9 and 2.3 to 3.2 (15, 18), for 477 MB of log and 2 kB.
const FILES_FROM: u64 = 256 << 20;

/// Servers before 15 copy files, and have no word for it.
fn statement(name: &str, template: &str, version_num: u32, bytes: Option<u64>) -> String {
    let strategy = match bytes {
        _ if version_num < 150_000 => "",
        Some(bytes) if bytes < FILES_FROM => " STRATEGY WAL_LOG",
        Some(_) | None => " STRATEGY FILE_COPY",
    };
    format!(
        "CREATE DATABASE {} TEMPLATE {}{strategy}",
        quote_identifier(name),
        quote_identifier(template)
    )
}

/// A large template takes a while: the server is told to give up after a signal.
async fn create_unless_cancelled(
    context: &Context,
    session: &Session,
    statement: &str,
) -> Result<(), tokio_postgres::Error> {
    let creating = session.batch_execute(statement);
    tokio::pin!(creating);
    tokio::select! {
        created = &mut creating => created,
        () = context.cancel.cancelled() => {
            // If it cannot be told, its own end is waited for.
            let _ = session.cancel_handle().cancel().await;
            creating.await
        }
    }
}

/// What a clone does not get from its template: the marker, settings, grants, comment.
async fn finished(
    context: &Context,
    session: &Session,
    (on, server): (&Target, &Server),
    made: &MadeDatabase,
    snapshot: &Snapshot,
) -> Result<DatabaseCopy, EngineError> {
    let name = &made.name;
    let row = session
        .query_one(
            "SELECT oid FROM pg_catalog.pg_database WHERE datname = $1",
            &[name],
        )
        .await
        .map_err(sql(on, format!("{name} could not be looked up")))?;
    let oid: u32 = row.get(0);
    let marker = Marker::disposable(server.system(), oid, &context.run, made.made);
    set_marker(session, on, name, &marker, None).await?;
    let copy = DatabaseCopy {
        target: on.with_database(name),
        name: name.clone(),
        identity: oid.to_string(),
        request: RestoreRequest::default(),
        finishing: Vec::new(),
        notes: Vec::new(),
        left_out: Vec::new(),
    };
    restore::database_level(context, &copy, snapshot).await?;
    if context.cancel.is_cancelled() {
        return Err(EngineError::Cancelled);
    }
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_copied_where_the_server_has_the_choice_and_it_pays() {
        assert_eq!(
            statement("co\"py", "t", 160_004, Some(1 << 30)),
            r#"CREATE DATABASE "co""py" TEMPLATE "t" STRATEGY FILE_COPY"#
        );
        assert!(statement("copy", "t", 160_004, None).ends_with("STRATEGY FILE_COPY"));
        assert!(statement("copy", "t", 150_000, Some(9 << 20)).ends_with("STRATEGY WAL_LOG"));
        assert_eq!(
            statement("copy", "t", 140_012, Some(1 << 30)),
            r#"CREATE DATABASE "copy" TEMPLATE "t""#
        );
    }
}
