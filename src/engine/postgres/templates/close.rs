//! Closing a proven copy.

use std::time::Duration;

use crate::connection::Target;
use crate::connection::postgres::Session;
use crate::engine::templates::{TemplateMark, TemplateOrigin};
use crate::engine::{Context, DatabaseCopy, EngineError, Publication};

use super::super::copies::{self, Found, Marker, Sessions, end_sessions, not_ours};
use super::super::quoting::quote_identifier;
use super::super::server;
use super::super::sql_error::sql;
use super::contents;

/// How often and how long sessions of our own on their way out are waited for.
const TRIES: usize = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// Closes a copy and marks it as a template, in one transaction.
pub(super) async fn close(
    context: &Context,
    copy: &DatabaseCopy,
    origin: &TemplateOrigin,
) -> Result<(), EngineError> {
    let contents = contents(context, &copy.target).await?;
    let session = server::maintenance(context, &copy.target).await?;
    let facts = server::facts(&session, &copy.target).await?;
    let found = copies::find(&session, &copy.target, &copy.name).await?;
    let Some(found) = found.filter(|found| found.oid.to_string() == copy.identity) else {
        return Err(not_ours(
            &copy.name,
            "it is not the database that was built",
        ));
    };
    let Some(old) = Marker::find(&found.comment) else {
        return Err(not_ours(
            &copy.name,
            "it carries no mark of bookend any more",
        ));
    };
    if copies::has_subscriptions(&session, &copy.target, found.oid).await? {
        return Err(EngineError::Unsupported {
            what: format!(
                "{} has a subscription, which no clone of it would have",
                copy.name
            ),
            advice: "rehearse it without --template".to_owned(),
        });
    }
    let staging = Publication::staging(&origin.archive, origin.expires);
    let marker = Marker {
        template: Some(TemplateMark {
            manifest_sha256: origin.manifest_sha256.clone(),
            proven_at: origin.proven_at,
            receipt: origin.receipt.clone(),
            seal: String::new(),
            contents,
        }),
        ..old.published(&copy.name, &staging)
    };
    for attempt in 1.. {
        end_sessions(&session, &facts, &copy.target, found.oid, Sessions::Own).await?;
        let sealed = seal(&session, copy, &found, marker.clone()).await;
        let ended = match sealed {
            Ok(true) => session.batch_execute("COMMIT").await.map(|()| true),
            Ok(false) => session.batch_execute("ROLLBACK").await.map(|()| false),
            Err(error) => {
                let _ = session.batch_execute("ROLLBACK").await;
                return Err(error);
            }
        };
        if ended.map_err(not_closed(&copy.target, &copy.name))? {
            break;
        }
        if attempt >= TRIES {
            return Err(not_ours(&copy.name, "another session is connected to it"));
        }
        tokio::time::sleep(PAUSE).await;
    }
    context
        .ledger
        .settle(&copy.name, "kept as a template")
        .map_err(EngineError::Ledger)
}

/// Begins a transaction that closes and marks the copy; false if somebody is connected to it.
/// The seal is the transaction that wrote the database's row in the catalog: nobody can be let
/// in, nor the row be altered otherwise, without another one writing it. (Vacuum keeps it.)
async fn seal(
    session: &Session,
    copy: &DatabaseCopy,
    found: &Found,
    mut marker: Marker,
) -> Result<bool, EngineError> {
    let failed = not_closed(&copy.target, &copy.name);
    let statement = format!(
        "BEGIN; ALTER DATABASE {} ALLOW_CONNECTIONS false",
        quote_identifier(&copy.name)
    );
    session.batch_execute(&statement).await.map_err(&failed)?;
    let row = session
        .query_one(
            "SELECT d.xmin::pg_catalog.text,
                    EXISTS (SELECT FROM pg_catalog.pg_stat_activity a
                             WHERE a.datid = d.oid AND a.usesysid IS NOT NULL)
               FROM pg_catalog.pg_database d WHERE d.oid = $1",
            &[&found.oid],
        )
        .await
        .map_err(&failed)?;
    if row.get(1) {
        return Ok(false);
    }
    if let Some(mark) = &mut marker.template {
        mark.seal = row.get(0);
    }
    let own = copies::own_comment(&found.comment);
    copies::set_marker(session, &copy.target, &copy.name, &marker, own.as_deref()).await?;
    Ok(true)
}

fn not_closed(on: &Target, name: &str) -> impl Fn(tokio_postgres::Error) -> EngineError {
    let (on, what) = (on.clone(), format!("{name} could not be closed"));
    move |error| sql(&on, what.clone())(error)
}
