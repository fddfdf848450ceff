//! Making a disposable copy one that stays for a while.

use chrono::{DateTime, Utc};

use crate::engine::mongodb::marker;
use crate::engine::mongodb::server;
use crate::engine::{Context, DatabaseCopy, EngineError, Publication};

use super::ours;

/// Marks a copy as a staging database, under the name that it has. Documents go on not to
/// expire in it.
pub(in crate::engine::mongodb) async fn keep(
    context: &Context,
    copy: &DatabaseCopy,
    expires: DateTime<Utc>,
    archive: &str,
) -> Result<(), EngineError> {
    let session = server::connect(context, &copy.target).await?;
    let database = session.other(&copy.name);
    let found = ours(&session, &database, copy).await?;
    let publication = Publication::staging(archive, expires);
    let marker = found.marker.published(&copy.name, &publication);
    marker::write(&session, &database, &marker).await?;
    context
        .ledger
        .settle(&copy.name, "kept as a staging database")
        .map_err(EngineError::Ledger)
}
