//! What is wrong with archives, the store and the configuration.

use std::io::ErrorKind;

use super::super::failure::{Exit, Failure};
use super::{connection, interrupted};
use crate::config::ConfigError;
use crate::operation::ArchiveError;
use crate::snapshot::SeamError;
use crate::store::StoreError;

pub(super) fn archive(error: &ArchiveError) -> Failure {
    match error {
        ArchiveError::Io { source, .. } => {
            io(Failure::of(Exit::Failed, "archive-io", error), source)
        }
        ArchiveError::NotAnArchive { .. } => Failure::of(Exit::Usage, "not-an-archive", error)
            .hint("bookend list shows what the store holds"),
        ArchiveError::Newer { .. } => Failure::of(Exit::Failed, "newer-format", error).hint(
            "without a newer bookend: restore.sh inside the archive restores it with stock tools",
        ),
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
        SeamError::Io { source, .. } => io(Failure::of(Exit::Failed, "archive-io", error), source),
        SeamError::Damaged { .. } => Failure::of(Exit::Different, "damaged", error)
            .hint("bookend verify ARCHIVE names everything that is hit"),
        SeamError::Closed => Failure::of(Exit::Failed, "archive-io", error),
    }
}

/// So many names fit a line.
const NAMED: usize = 5;

pub(super) fn store(error: &StoreError) -> Failure {
    match error {
        StoreError::Io { source, .. } => {
            let failure = io(Failure::of(Exit::Failed, "store-io", error), source);
            match source.kind() {
                ErrorKind::NotFound | ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
                    failure.hint("--store DIR names the folder where archives live")
                }
                _ => failure,
            }
        }
        StoreError::BadName { .. } => Failure::of(Exit::Usage, "bad-name", error),
        StoreError::NoSuchArchive { word, store, there } => {
            let mut failure = Failure::of(Exit::Usage, "no-such-archive", error);
            if word.contains('/') {
                failure.message = format!(
                    "there is no file {word:?}, and no archive of that name in {}",
                    store.display()
                );
            }
            if there.is_empty() {
                failure.hint("the store is empty: bookend backup, or --store DIR")
            } else {
                let named = there.iter().take(NAMED).cloned().collect::<Vec<_>>();
                failure.hint(format!("bookend list; the newest are {}", named.join(", ")))
            }
        }
        StoreError::Ambiguous { .. } => {
            Failure::of(Exit::Usage, "ambiguous-archive", error).hint("type more of the name")
        }
        StoreError::Busy { .. } => {
            Failure::of(Exit::Refused, "busy", error).hint("wait for it to end; bookend status")
        }
        StoreError::Taken { .. } => Failure::of(Exit::Refused, "file-taken", error)
            .hint("nothing is overwritten: give another name, or remove the file"),
        StoreError::BadReceipt { path, .. } => Failure::of(Exit::Failed, "bad-receipt", error)
            .hint(format!(
                "bookend verify --prove writes a new one; or remove {}",
                path.display()
            )),
        StoreError::Archive(error) => archive(error),
    }
}

fn io(failure: Failure, source: &std::io::Error) -> Failure {
    match source.kind() {
        ErrorKind::FileTooLarge => failure.hint(
            "the limit of a file's size (ulimit -f) or of the file system: raise it, or keep archives elsewhere: --store DIR",
        ),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            failure.hint("free space in the store, or keep archives elsewhere: --store DIR")
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            failure.hint("use a folder that you may write: --store DIR")
        }
        _ => failure,
    }
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
                    (None, []) => "give a URL (postgres://USER@HOST:PORT/DATABASE), env:NAME of a variable that holds one, or name it in bookend.toml: [target.NAME] url = \"env:DATABASE_URL\"".to_owned(),
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
