//! Where a copy goes, and whether it fits there.

use super::sandbox::SandboxOptions;
use super::{OperationError, Workspace};
use crate::connection::Target;
use crate::engine::{Engine, SandboxUse};

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
    /// To a private server on this machine, made for it and removed with it.
    Sandbox(SandboxOptions),
}

impl Place {
    /// The server, if it is one that is there already.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        match self {
            Self::SameServer(target) | Self::Other(target) => Some(target),
            Self::Sandbox(_) => None,
        }
    }

    /// The same for a copy that a migration command works on too.
    #[must_use]
    pub fn for_rehearsal(self) -> Self {
        match self {
            Self::Sandbox(options) => Self::Sandbox(SandboxOptions {
                purpose: SandboxUse::Rehearsal,
                ..options
            }),
            other => other,
        }
    }

    /// In words: a URL without a password, or `sandbox`.
    #[must_use]
    pub fn shown(&self) -> String {
        self.target()
            .map_or_else(|| "sandbox".to_owned(), Target::display_url)
    }

    /// Whether a copy of so many bytes may go there.
    ///
    /// # Errors
    /// [`OperationError::SpaceShort`] and [`OperationError::SpaceUnknown`].
    pub fn room_for(&self, bytes: u64, free: Option<u64>) -> Result<(), OperationError> {
        let server = || self.shown();
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

/// Refuses a server where the copy does not fit. A sandbox is looked at when it is opened.
pub(super) async fn check_room(
    ws: &Workspace,
    engine: &dyn Engine,
    place: &Place,
    bytes: u64,
) -> Result<(), OperationError> {
    let Some(target) = place.target() else {
        return Ok(());
    };
    let inspection = engine.reach(&ws.context(), target).await?;
    place.room_for(bytes, inspection.free_bytes)
}
