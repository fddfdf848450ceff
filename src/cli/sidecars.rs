//! Files that travel along, in words and in JSON.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::error::failure_of;
use super::{Failure, Invocation};
use crate::connection::Target;
use crate::operation::{self, FilesRestored, Sidecar, SidecarChange};
use crate::report::figures::{counted, printable, size};
use crate::report::sidecar;

/// The paths of a target in the configuration, then those of the command line; all of them are
/// there.
///
/// # Errors
/// One that is not (exit 2).
pub(super) fn of(
    invocation: &Invocation,
    target: &Target,
    asked: &[PathBuf],
) -> Result<Vec<PathBuf>, Failure> {
    let configured = invocation.config.of(target);
    let configured = configured.into_iter().flat_map(|(_, of)| of.files.iter());
    let paths: Vec<PathBuf> = configured.chain(asked).cloned().collect();
    operation::there(&paths).map_err(|error| failure_of(&error.into()))?;
    Ok(paths)
}

/// `[{path, name, files, bytes, …}]`.
pub(super) fn document(files: &[Sidecar]) -> Value {
    let one = |sidecar: &Sidecar| {
        json!({
            "path": sidecar.path,
            "name": sidecar.name,
            "files": sidecar.files,
            "bytes": sidecar.bytes,
            "changed": sidecar.changed,
            "left_out": sidecar.left_out,
        })
    };
    files.iter().map(one).collect()
}

/// A line for each.
pub(super) fn lines(files: &[Sidecar]) -> Vec<String> {
    let line = |one: &Sidecar| sidecar::line(&one.path, one.files, one.bytes, one.changed);
    files.iter().map(line).collect()
}

/// What a restore put where.
pub(super) fn restored(files: &FilesRestored) -> String {
    format!(
        "  files      {} · {} · {}\n",
        printable(&files.folder.to_string_lossy()),
        counted(files.files, "file", "files"),
        size(files.bytes)
    )
}

/// The same in JSON, null where nothing was put anywhere.
pub(super) fn restored_document(files: Option<&FilesRestored>) -> Value {
    files.map_or(
        Value::Null,
        |files| json!({ "folder": files.folder, "files": files.files, "bytes": files.bytes }),
    )
}

/// What changed from one archive to the other.
pub(super) fn changes(changes: &[SidecarChange]) -> String {
    let mut text = String::new();
    for change in changes {
        let before = change.bytes_before.map_or_else(|| "none".to_owned(), size);
        let after = change.bytes_after.map_or_else(|| "none".to_owned(), size);
        text.push_str(&format!(
            "files/{}: {} (+{} -{} ~{}), {before} → {after}\n",
            printable(&change.name),
            change.change,
            change.added,
            change.removed,
            change.changed
        ));
        for path in &change.some {
            text.push_str(&format!("  {}\n", printable(path)));
        }
    }
    text
}
