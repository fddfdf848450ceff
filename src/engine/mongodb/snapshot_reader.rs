//! One point in time although others write: every collection read by ourselves at one
//! snapshot of a replica set.

use std::sync::Arc;

use crate::connection::mongodb::Session;
use crate::engine::{Context, EngineError};
use crate::snapshot::Sink;

use super::definitions::CollectionDefinition;
use super::dump::Dumped;
use super::server::Server;

/// Reads everything at one snapshot.
pub(super) async fn read(
    _context: &Context,
    _session: &Session,
    _server: &Server,
    _before: &[CollectionDefinition],
    _excluded: &[String],
    _sink: &Arc<dyn Sink>,
) -> Result<Dumped, EngineError> {
    Err(EngineError::Unsupported {
        what: "not there yet".to_owned(),
        advice: String::new(),
    })
}
