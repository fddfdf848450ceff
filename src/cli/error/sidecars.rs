//! What is wrong with files that travel along.

use std::io::ErrorKind;

use super::super::failure::{Exit, Failure};
use super::files;
use crate::operation::FilesError;
use crate::store::StoreError;

pub(super) fn failure(error: &FilesError) -> Failure {
    match error {
        FilesError::Missing { .. } | FilesError::Special { .. } => {
            Failure::of(Exit::Usage, "files-missing", error).hint(
                "nothing was done; correct --files or `files` of the target in bookend.toml, whose paths count from its own folder",
            )
        }
        FilesError::Unreadable { source, .. } => {
            let failure = Failure::of(Exit::Failed, "files-unreadable", error);
            match source.kind() {
                ErrorKind::PermissionDenied => failure.hint(
                    "no archive was made; run bookend as a user who may read all of it, or change its mode",
                ),
                _ => failure.hint("no archive was made; if it reads again, run the backup again"),
            }
        }
        FilesError::Vanished { .. } | FilesError::Replaced { .. } | FilesError::Shrunk { .. } => {
            Failure::of(Exit::Failed, "files-changed", error).hint(
                "no archive was made; run it again while nothing is taken away there, or name only folders whose files stay",
            )
        }
        FilesError::Taken { .. } => Failure::of(Exit::Refused, "files-taken", error)
            .hint("nothing was made; choose another folder: --files-into DIR, or leave them out: --no-files"),
        FilesError::NotWritten { source, .. } => {
            let failure = Failure::of(Exit::Failed, "files-not-written", error);
            match reason(source) {
                Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge) => {
                    failure.hint("nothing was published; free space there, or choose another place: --files-into DIR")
                }
                _ => failure.hint("nothing was published; choose another place: --files-into DIR"),
            }
        }
        FilesError::Behind { archive, source, .. } => {
            let inner = failure_of_source(source);
            Failure::of(Exit::Failed, "files-behind", error)
                .because(inner.causes)
                .hint(format!("bookend restore {archive} --only-files --files-into DIR"))
        }
    }
}

fn failure_of_source(error: &FilesError) -> Failure {
    match error {
        FilesError::NotWritten { source, .. } => files::store(source),
        other => Failure::of(Exit::Failed, "files", other),
    }
}

fn reason(error: &StoreError) -> Option<ErrorKind> {
    match error {
        StoreError::Io { source, .. } => Some(source.kind()),
        _ => None,
    }
}
