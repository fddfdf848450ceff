//! What is wrong with archives, the store and the configuration.

use super::super::failure::{Exit, Failure};
use super::{connection, interrupted};
use crate::config::ConfigError;
use crate::operation::ArchiveError;
use crate::snapshot::SeamError;
use crate::store::StoreError;

pub(super) fn archive(error: &ArchiveError) -> Failure {
    match error {
        ArchiveError::Io { .. } => Failure::of(Exit::Failed, "archive-io", error),
        ArchiveError::NotAnArchive { .. } => Failure::of(Exit::Usage, "not-an-archive", error)
            .hint("bookend list shows what the store holds"),
        ArchiveError::Newer { .. } => Failure::of(Exit::Failed, "newer-format", error)
            .hint("upgrade bookend, or restore with restore.sh from inside the archive"),
        ArchiveError::Cut { .. } => Failure::of(Exit::Different, "damaged", error)
            .hint("take another backup; what is listed as whole can be taken out with tar"),
        ArchiveError::Damaged { .. } => {
            Failure::of(Exit::Different, "damaged", error).hint("take another backup")
        }
        ArchiveError::Incomplete { .. } => Failure::of(Exit::Failed, "incomplete", error)
            .hint("nothing was published; run the backup again"),
        ArchiveError::Seam(error) => seam(error),
        ArchiveError::Cancelled => interrupted(),
    }
}

pub(super) fn seam(error: &SeamError) -> Failure {
    match error {
        SeamError::Io { source, .. } => {
            let failure = Failure::of(Exit::Failed, "archive-io", error);
            match source.kind() {
                std::io::ErrorKind::StorageFull => {
                    failure.hint("free space there, or keep archives elsewhere: --store DIR")
                }
                _ => failure,
            }
        }
        SeamError::Damaged { .. } => Failure::of(Exit::Different, "damaged", error)
            .hint("bookend verify ARCHIVE names everything that is hit"),
        SeamError::Closed => Failure::of(Exit::Failed, "archive-io", error),
    }
}

pub(super) fn store(error: &StoreError) -> Failure {
    Failure::of(Exit::Failed, "store", error)
}

/// What a wrong configuration is told as.
#[must_use]
pub fn failure_of_config(error: &ConfigError) -> Failure {
    match error {
        ConfigError::Unreadable { .. } => Failure::of(Exit::Usage, "config-unreadable", error),
        ConfigError::NotToml { .. } => Failure::of(Exit::Usage, "config-not-toml", error),
        ConfigError::UnknownKey { nearest, known, .. } => {
            Failure::of(Exit::Usage, "config-unknown-key", error).hint(match nearest {
                Some(nearest) => format!("did you mean {nearest}?"),
                None => format!("known here: {}", known.join(", ")),
            })
        }
        ConfigError::WrongValue { .. } => Failure::of(Exit::Usage, "config-wrong-value", error),
        ConfigError::NotYet { .. } => Failure::of(Exit::Usage, "config-not-yet", error)
            .hint("take it out of the file until a later version"),
        ConfigError::PasswordInPublicFile { path, .. } => {
            Failure::of(Exit::Usage, "config-password", error).hint(format!(
                "write \"env:NAME\" and set the variable, or: chmod 600 {}",
                path.display()
            ))
        }
        ConfigError::UnknownTarget { known, nearest, .. } => {
            Failure::of(Exit::Usage, "unknown-target", error).hint(
                match (nearest, known.as_slice()) {
                    (Some(nearest), _) => format!("did you mean {nearest}?"),
                    (None, []) => "give a URL: postgres://USER@HOST:PORT/DATABASE".to_owned(),
                    (None, known) => format!("bookend.toml has {}", known.join(", ")),
                },
            )
        }
        ConfigError::NoTarget { .. } => Failure::of(Exit::Usage, "no-target", error)
            .hint("name one: a URL, env:NAME, or a name from bookend.toml"),
        ConfigError::Target { origin, source } => {
            let failure = connection::failure(source);
            Failure {
                exit: Exit::Usage,
                message: format!("{} (target {origin})", failure.message),
                ..failure
            }
        }
    }
}
