//! Where a private server's folder goes: a place with room, that the server's user can reach.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};

use super::{OperationError, SandboxOptions, Workspace};
use crate::engine::sandbox::account;

/// A folder that may hold private servers.
pub(super) struct Candidate {
    /// The folder.
    pub folder: PathBuf,
    /// Free bytes in it, or in words why it cannot be used.
    pub free: Result<u64, String>,
}

/// The first folder with so much room.
pub(super) fn choose(
    ws: &Workspace,
    options: &SandboxOptions,
    bytes: u64,
) -> Result<PathBuf, OperationError> {
    let candidates = candidates(ws, options);
    let mut roomiest: Option<(&Path, u64)> = None;
    for candidate in &candidates {
        match candidate.free {
            Ok(free) if free >= bytes => return Ok(candidate.folder.clone()),
            Ok(free) if roomiest.is_none_or(|(_, most)| most < free) => {
                roomiest = Some((&candidate.folder, free));
            }
            _ => {}
        }
    }
    Err(match roomiest {
        Some((folder, free)) => OperationError::SpaceShort {
            server: format!("this machine ({})", folder.display()),
            bytes,
            free,
        },
        None => OperationError::NoSandboxFolder {
            tried: candidates
                .into_iter()
                .filter_map(|candidate| {
                    let why = candidate.free.err()?;
                    Some(format!("{}: {why}", candidate.folder.display()))
                })
                .collect(),
        },
    })
}

/// Every folder that is asked, in order: the one that was named and no other; else the store,
/// which is where large files are expected, and the places for temporary files.
pub(super) fn candidates(ws: &Workspace, options: &SandboxOptions) -> Vec<Candidate> {
    let store = std::path::absolute(ws.store.dir()).unwrap_or(ws.store.dir().to_owned());
    let folders = match &options.folder {
        Some(folder) => vec![folder.clone()],
        None => [Some(store.join("sandboxes"))]
            .into_iter()
            .chain([env::var_os("TMPDIR").map(PathBuf::from)])
            .chain(["/var/tmp", "/tmp"].map(|folder| Some(PathBuf::from(folder))))
            .flatten()
            .collect(),
    };
    folders
        .into_iter()
        .map(|folder| Candidate {
            free: usable(&folder, &store),
            folder,
        })
        .collect()
}

fn usable(folder: &Path, store: &Path) -> Result<u64, String> {
    let account = account().map_err(|error| error.to_string())?;
    if !folder.is_absolute() {
        return Err("it is not an absolute path".to_owned());
    }
    // The store's own is made where it can be reached, and no other.
    let existing = if folder.starts_with(store) {
        store
    } else {
        folder
    };
    if let Some(barred) = account.barred_at(existing) {
        return Err(format!(
            "{}, as whom servers run when bookend is root, may not pass {}",
            account.name(),
            barred.display()
        ));
    }
    if folder.starts_with(store) && !folder.exists() {
        fs::create_dir(folder).map_err(|error| error.to_string())?;
    }
    access(folder, AccessFlags::W_OK | AccessFlags::X_OK).map_err(|error| error.to_string())?;
    let about = statvfs(folder).map_err(|error| error.to_string())?;
    #[allow(
        clippy::unnecessary_cast,
        clippy::useless_conversion,
        reason = "the types differ between systems"
    )]
    Ok(u64::from(about.blocks_available()) * (about.fragment_size() as u64))
}
