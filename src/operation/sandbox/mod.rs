//! Private servers for copies: started for one archive, ended with the work, recorded in the
//! store before they are started so that nothing of them outlives a crash for long.

mod ground;
mod leftovers;

use std::path::PathBuf;
use std::sync::Arc;

use chrono::Utc;

use super::{OperationError, Workspace};
use crate::archive::Archive;
use crate::connection::Target;
use crate::engine::{Engine, SandboxPrograms, SandboxServer, SandboxUse};
use crate::snapshot::Snapshot;
use crate::snapshot::Source as _;
use crate::store::{MadeSandbox, SandboxFacts, Store};

pub use leftovers::{SandboxLeft, left, sweep};

/// How a private server is to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SandboxOptions {
    /// What it is for.
    pub purpose: SandboxUse,
    /// Its folder goes in here; by default into the store if the server's user can get there,
    /// else to where temporary files go.
    pub folder: Option<PathBuf>,
}

impl SandboxOptions {
    /// Free bytes where its folder would go, if that can be known.
    #[must_use]
    pub fn free_bytes(&self, ws: &Workspace) -> Option<u64> {
        ground::candidates(ws, self)
            .into_iter()
            .filter_map(|place| place.free.ok())
            .max()
    }
}

/// A private server that runs. Closing it removes everything of it; dropping it does what can
/// be done at once.
#[derive(Debug)]
pub struct Sandbox {
    server: SandboxServer,
    made: MadeSandbox,
    original_version: String,
    store: Arc<Store>,
}

impl Sandbox {
    /// How to reach the server, with all rights. It names no database of anybody's.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.server.target
    }

    /// What a receipt and the screen say of it.
    #[must_use]
    pub fn facts(&self) -> SandboxFacts {
        SandboxFacts {
            server: self.made.server.clone(),
            original_version: self.original_version.clone(),
            notes: self.server.notes.clone(),
        }
    }

    /// Ends the server, removes its folder and settles what was recorded in it; also after a
    /// signal.
    ///
    /// # Errors
    /// [`OperationError::SandboxLeft`]: it is still there, and the store knows of it.
    pub async fn close(self) -> Result<(), OperationError> {
        let folder = self.server.folder().display().to_string();
        let stopped = self.server.stop().await;
        stopped.map_err(|source| OperationError::SandboxLeft {
            folder,
            after: None,
            source,
        })?;
        leftovers::settle(&self.store, &self.made, "removed")
    }

    /// Closes it because of `error`, which stays what is told; if it cannot be closed either,
    /// both are.
    pub(super) async fn closed_after(self, error: OperationError) -> OperationError {
        match self.close().await {
            Err(OperationError::SandboxLeft { folder, source, .. }) => {
                OperationError::SandboxLeft {
                    folder,
                    after: Some(error.to_string()),
                    source,
                }
            }
            Ok(()) | Err(_) => error,
        }
    }
}

/// Whether there are programs for a private server for an archive, without starting one.
///
/// # Errors
/// Programs of the archive's version are missing.
pub async fn look(ws: &Workspace, snapshot: &Snapshot) -> Result<(), OperationError> {
    let engine = ws.engines.named(&snapshot.engine)?;
    engine.sandbox_programs(&ws.context(), snapshot).await?;
    Ok(())
}

/// Starts a private server for an archive, after removing what crashes left of earlier ones.
///
/// # Errors
/// Programs of the archive's version are missing, no folder has room, or the installation
/// lacks what the archive needs. Nothing runs then.
pub async fn open(
    ws: &Workspace,
    archive: &Archive,
    options: &SandboxOptions,
) -> Result<Sandbox, OperationError> {
    sweep(ws).await;
    let snapshot = archive.snapshot();
    let engine = ws.engines.named(&snapshot.engine)?;
    let programs = engine.sandbox_programs(&ws.context(), snapshot).await?;
    let bytes = match options.purpose {
        SandboxUse::Proof => programs.bytes,
        // A migration may write every table anew.
        SandboxUse::Rehearsal => programs.bytes.saturating_mul(2),
    };
    let parent = ground::choose(ws, options, bytes)?;
    let name = format!("bookend-sandbox-{:016x}", rand::random::<u64>());
    let made = MadeSandbox {
        folder: parent.join(&name),
        name,
        server: format!("{} {}", programs.product, programs.version),
        archive: archive.id().to_owned(),
        run: ws.run.clone(),
        host: leftovers::host(),
        process: std::process::id(),
        made: Utc::now(),
        identity: None,
    };
    ws.store.announce_sandbox(&made)?;
    ws.progress.note(&format!(
        "sandbox: {} (the archive's server: {}) in {}",
        made.server,
        snapshot.server.version,
        made.folder.display()
    ));
    let server = start(ws, engine.as_ref(), snapshot, &programs, &made, options).await?;
    let sandbox = Sandbox {
        server,
        made,
        original_version: snapshot.server.version.clone(),
        store: Arc::clone(&ws.store),
    };
    match checked(&sandbox, snapshot) {
        Ok(()) => Ok(sandbox),
        Err(error) => Err(sandbox.closed_after(error).await),
    }
}

async fn start(
    ws: &Workspace,
    engine: &dyn Engine,
    snapshot: &Snapshot,
    programs: &SandboxPrograms,
    made: &MadeSandbox,
    options: &SandboxOptions,
) -> Result<SandboxServer, OperationError> {
    ws.progress.phase("sandbox", None);
    let context = ws.context();
    let started = engine
        .sandbox(&context, snapshot, programs, &made.folder, options.purpose)
        .await;
    ws.progress.finish();
    match started {
        Ok(server) => Ok(server),
        Err(error) => {
            if !made.folder.exists() {
                leftovers::settle(&ws.store, made, "not started")?;
            }
            Err(error.into())
        }
    }
}

/// The guard against restoring into the original, whatever went wrong before.
fn checked(sandbox: &Sandbox, snapshot: &Snapshot) -> Result<(), OperationError> {
    let here = sandbox.server.identity.as_deref();
    if here.is_some() && here == snapshot.server.identity.as_deref() {
        return Err(OperationError::SandboxIsOriginal {
            archive: sandbox.made.archive.clone(),
        });
    }
    if let Some(identity) = here {
        sandbox
            .store
            .sandbox_started(&sandbox.made.name, identity)?;
    }
    Ok(())
}
