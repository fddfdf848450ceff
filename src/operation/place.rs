//! Where a copy goes, and whether it fits there.

use super::{OperationError, Workspace};
use crate::connection::Target;
use crate::engine::{Engine, Inspection};

/// Up to this size a copy goes to the archive's own server without being asked to, even if
/// nobody can say how much space is free there: a full disk on a production server is worse
/// than no proof.
pub const UNKNOWN_SPACE_LIMIT: u64 = 5 << 30;

/// Where a copy goes.
#[derive(Clone, Debug)]
pub enum Place {
    /// To the archive's own server, because nothing else was asked for.
    SameServer(Target),
    /// To the server of this target, as was asked for.
    Other(Target),
}

impl Place {
    /// The server.
    #[must_use]
    pub fn target(&self) -> &Target {
        match self {
            Self::SameServer(target) | Self::Other(target) => target,
        }
    }

    /// Whether a copy of so many bytes may go there.
    ///
    /// # Errors
    /// [`OperationError::SpaceShort`] and [`OperationError::SpaceUnknown`].
    pub fn room_for(&self, bytes: u64, free: Option<u64>) -> Result<(), OperationError> {
        let server = || self.target().display_url();
        match (free, self) {
            (Some(free), _) if free < bytes => Err(OperationError::SpaceShort {
                server: server(),
                bytes,
                free,
            }),
            (None, Self::SameServer(_)) if bytes > UNKNOWN_SPACE_LIMIT => {
                Err(OperationError::SpaceUnknown {
                    server: server(),
                    bytes,
                })
            }
            _ => Ok(()),
        }
    }
}

/// Refuses a place where the copy does not fit.
pub(super) async fn check_room(
    ws: &Workspace,
    engine: &dyn Engine,
    place: &Place,
    bytes: u64,
) -> Result<Inspection, OperationError> {
    let inspection = engine.reach(&ws.context(), place.target()).await?;
    place.room_for(bytes, inspection.free_bytes)?;
    Ok(inspection)
}
