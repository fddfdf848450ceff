//! Making a disposable copy one that stays for a while.

use chrono::{DateTime, Utc};

use crate::engine::{Context, DatabaseCopy, EngineError, Publication};

use super::super::server;
use super::marker::{Marker, own_comment};
use super::{find, not_ours, set_marker};

/// Marks a copy as a staging database, under the name that it has.
pub(in super::super) async fn keep(
    context: &Context,
    copy: &DatabaseCopy,
    expires: DateTime<Utc>,
    archive: &str,
) -> Result<(), EngineError> {
    let session = server::maintenance(context, &copy.target).await?;
    let found = find(&session, &copy.target, &copy.name).await?;
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
    let marker = old.published(&copy.name, &Publication::staging(archive, expires));
    let own = own_comment(&found.comment);
    set_marker(&session, &copy.target, &copy.name, &marker, own.as_deref()).await?;
    context
        .ledger
        .settle(&copy.name, "kept as a staging database")
        .map_err(EngineError::Ledger)
}
