//! Giving a finished copy its asked name.

use tokio_postgres::error::SqlState;

use crate::connection::Target;
use crate::engine::{Context, DatabaseCopy, EngineError, Publication};

use super::super::quoting::{quote_identifier, quote_literal};
use super::super::restore::preflight;
use super::super::server;
use super::super::sql_error::has_code;
use super::marker::{self, Marker};
use super::rename::{Sessions, rename};
use super::{find, names, not_ours};

/// Gives a copy its asked name and kind in one transaction.
pub(in super::super) async fn publish(
    context: &Context,
    copy: DatabaseCopy,
    publication: &Publication<'_>,
) -> Result<Target, EngineError> {
    let on = &copy.target;
    let Some(into) = copy.request.into.clone() else {
        return Err(not_ours(&copy.name, "no name was asked for it"));
    };
    let session = server::maintenance(context, on).await?;
    preflight::free_name(&session, on, &into).await?;
    let server = server::facts(&session, on).await?;
    let found = find(&session, on, &copy.name).await?;
    let Some(found) = found.filter(|f| f.oid.to_string() == copy.identity) else {
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
    let marker = old.published(&into, publication);
    let own = marker::own_comment(&found.comment);
    let comment = marker.comment(own.as_deref()).unwrap_or_default();
    let mut statements = format!(
        "ALTER DATABASE {} RENAME TO {}; COMMENT ON DATABASE {} IS {}",
        quote_identifier(&copy.name),
        quote_identifier(&into),
        quote_identifier(&into),
        quote_literal(&comment)
    );
    for statement in &copy.finishing {
        statements.push_str("; ");
        statements.push_str(statement);
    }
    rename(&session, &server, on, found.oid, &statements, Sessions::Own)
        .await
        .map_err(|error| taken(error, on, &into))?;
    context
        .ledger
        .settle(&copy.name, &format!("published as {into}"))
        .map_err(EngineError::Ledger)?;
    Ok(on.with_database(&into))
}

fn taken(error: EngineError, on: &Target, into: &str) -> EngineError {
    match error {
        EngineError::Sql { source, .. } if has_code(&source, &SqlState::DUPLICATE_DATABASE) => {
            EngineError::NameTaken {
                name: into.to_owned(),
                server: on.display_url(),
                free: names::free(into, &[]),
            }
        }
        other => other,
    }
}
