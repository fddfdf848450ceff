//! What crashes left of private servers: looking at it, and removing it.

use std::path::Path;

use super::{MadeSandbox, OperationError, Store, Workspace};
use crate::engine::Ledger as _;
use crate::engine::sandbox::{end_survivors, is_private_folder, remove_folder, survivors};

/// A private server that a crash left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxLeft {
    /// What was recorded.
    pub made: MadeSandbox,
    /// Whether it is on this machine.
    pub here: bool,
    /// Whether its folder is there.
    pub folder: bool,
    /// What of it still runs.
    pub processes: Vec<i32>,
}

/// Private servers that no living command holds.
///
/// # Errors
/// The record cannot be read.
pub async fn left(store: &Store) -> Result<Vec<SandboxLeft>, OperationError> {
    let mut left = Vec::new();
    for made in store.unsettled_sandboxes()? {
        if store.is_held(&made.name) {
            continue;
        }
        let here = made.host == host();
        left.push(SandboxLeft {
            folder: here && made.folder.exists(),
            processes: if here {
                survivors(&made.folder).await
            } else {
                Vec::new()
            },
            here,
            made,
        });
    }
    Ok(left)
}

/// Ends and removes what crashes left on this machine, and tells what was removed. What cannot
/// be removed is told too and stays in the record: it is in nobody's way.
pub async fn sweep(ws: &Workspace) {
    let left = match left(&ws.store).await {
        Ok(left) => left,
        Err(error) => {
            ws.progress.note(&format!("{error}"));
            return;
        }
    };
    for one in left.into_iter().filter(|one| one.here) {
        let folder = one.made.folder.display().to_string();
        match remove(&ws.store, &one.made).await {
            Ok(true) => ws.progress.note(&format!(
                "a sandbox that a crash left behind was removed: {folder}"
            )),
            Ok(false) => {}
            Err(error) => ws.progress.note(&format!(
                "a sandbox that a crash left behind is still there: {folder}: {}",
                words(&error)
            )),
        }
    }
}

fn words(error: &OperationError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// True if it was removed, false if another command is at it.
async fn remove(store: &Store, made: &MadeSandbox) -> Result<bool, OperationError> {
    let holder = format!("process {}, removing it", std::process::id());
    let Ok(_lock) = store.lock(&made.name, &holder) else {
        return Ok(false);
    };
    let failed = |source: std::io::Error| OperationError::SandboxLeft {
        folder: made.folder.display().to_string(),
        after: None,
        source,
    };
    if !end_survivors(&made.folder).await {
        return Err(failed(std::io::Error::other("its server cannot be ended")));
    }
    if made.folder.exists() {
        if !is_ours(made) {
            return Err(failed(std::io::Error::other(
                "the folder is not as it was made: look at it and remove it yourself",
            )));
        }
        remove_folder(&made.folder).map_err(failed)?;
    }
    settle(store, made, "removed after a crash")?;
    Ok(true)
}

/// The record is a file that people can edit: what it names is removed only if it looks like
/// what bookend makes.
fn is_ours(made: &MadeSandbox) -> bool {
    made.name.starts_with("bookend-sandbox-")
        && made.folder.file_name() == Some(Path::new(&made.name).as_os_str())
        && is_private_folder(&made.folder)
}

/// Settles the server, and every database that was announced on it.
pub(super) fn settle(
    store: &Store,
    made: &MadeSandbox,
    outcome: &str,
) -> Result<(), OperationError> {
    let mut databases = Vec::new();
    for known in store.unsettled_sandboxes()? {
        if known.name == made.name && known.identity.is_some() {
            databases = store.unsettled()?;
            databases.retain(|database| database.identity == known.identity);
        }
    }
    if !databases.is_empty() {
        let ledger = store.ledger()?;
        for database in databases {
            let settled = ledger.settle(&database.name, "gone with its sandbox");
            settled.map_err(crate::engine::EngineError::Ledger)?;
            store.release(&database.name);
        }
    }
    Ok(store.settle_sandbox(&made.name, outcome)?)
}

/// The name of this machine.
pub(super) fn host() -> String {
    nix::unistd::gethostname()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}
