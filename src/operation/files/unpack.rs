//! Putting an archive's files into a new folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::FilesError;
use crate::archive::{Archive, TreeReader};
use crate::operation::{OperationError, Workspace, open};
use crate::store::{FolderDraft, StoreError, Unpacked};

/// Files that were put into a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilesRestored {
    /// The new folder.
    pub folder: PathBuf,
    /// Files in it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// In words: what is not as it was.
    pub notes: Vec<String>,
}

/// Puts an archive's files into the new folder `folder`; its database is left alone.
///
/// # Errors
/// [`OperationError::Files`] if the folder is there or cannot be written; whatever is wrong with the
/// archive. Nothing is left under the folder's name.
pub async fn restore_files(
    ws: &Workspace,
    archive: &Path,
    folder: &Path,
) -> Result<FilesRestored, OperationError> {
    let opened = open(archive).await?;
    let draft = begin(ws, folder)?;
    let draft = unpack(ws, &opened, draft, folder).await?;
    if ws.cancel.is_cancelled() {
        return Err(OperationError::Cancelled);
    }
    Ok(publish(draft, folder)?)
}

/// Begins the folder, so that one that is there is found before anything is made.
pub(in crate::operation) fn begin(
    ws: &Workspace,
    folder: &Path,
) -> Result<FolderDraft, FilesError> {
    FolderDraft::begin(&ws.store, folder).map_err(|error| not_written(folder, error))
}

/// Unpacks everything and syncs it, on a thread that may block.
pub(in crate::operation) async fn unpack(
    ws: &Workspace,
    archive: &Arc<Archive>,
    mut draft: FolderDraft,
    folder: &Path,
) -> Result<FolderDraft, OperationError> {
    let files = &archive.manifest().files;
    let bytes = files.iter().map(|one| one.bytes).sum();
    ws.progress.phase("files", Some(bytes));
    let (archive, progress) = (Arc::clone(archive), Arc::clone(&ws.progress));
    let cancel = ws.cancel.clone();
    let unpacked = tokio::task::spawn_blocking(move || -> Result<FolderDraft, StoreError> {
        let advance = |bytes: u64| {
            progress.advance(bytes, 0);
            !cancel.is_cancelled()
        };
        let mut number = 1;
        while let Some(tree) = TreeReader::new(&archive, number) {
            draft.unpack(tree, &advance)?;
            number += 1;
        }
        draft.sync()?;
        Ok(draft)
    });
    let unpacked = unpacked.await;
    ws.progress.finish();
    let unpacked = unpacked.map_err(|_| OperationError::Broken {
        what: "unpacking the files",
    })?;
    unpacked.map_err(|error| match error {
        StoreError::Archive(error) => error.into(),
        error => not_written(folder, error).into(),
    })
}

/// Gives the folder its name.
pub(in crate::operation) fn publish(
    draft: FolderDraft,
    folder: &Path,
) -> Result<FilesRestored, FilesError> {
    let unpacked = draft.unpacked();
    let folder = draft
        .publish()
        .map_err(|error| not_written(folder, error))?;
    Ok(FilesRestored {
        folder,
        files: unpacked.files,
        bytes: unpacked.bytes,
        notes: notes(unpacked),
    })
}

fn notes(unpacked: Unpacked) -> Vec<String> {
    let mut notes = Vec::new();
    if unpacked.leading_out > 0 {
        notes.push(format!(
            "symbolic links among the files that lead out of their folder, as they did: {}",
            unpacked.leading_out
        ));
    }
    if unpacked.lost_bits > 0 {
        notes.push(format!(
            "files and folders that belonged to another user and lost their set-user, set-group or sticky bit: {}",
            unpacked.lost_bits
        ));
    }
    notes
}

fn not_written(folder: &Path, error: StoreError) -> FilesError {
    let folder = folder.to_owned();
    match error {
        StoreError::Taken { .. } => FilesError::Taken { folder },
        error => FilesError::NotWritten {
            folder,
            source: Box::new(error),
        },
    }
}
