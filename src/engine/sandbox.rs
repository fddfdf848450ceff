//! Private servers for copies: what an engine is asked for and what it gives.

use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use rand::Rng as _;

use super::{Context, EngineError};
use crate::connection::{Secret, Target};
use crate::process::private_server::{Account, Home, PrivateServer};
use crate::process::{ProcessError, Tool};

pub use crate::process::private_server::{is_private_folder, remove as remove_folder};
pub use crate::process::survivors::{end as end_survivors, find as survivors};

/// How long a private server may take to start.
pub(super) const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// What a private server is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SandboxUse {
    /// A copy is restored, read back and thrown away: only bookend connects.
    #[default]
    Proof,
    /// A migration command connects too, by whatever driver it has: over TCP, and to a
    /// deployment that has transactions.
    Rehearsal,
}

/// The programs that a private server is made of.
#[derive(Clone, Debug)]
pub struct SandboxPrograms {
    /// `PostgreSQL`, `MongoDB`.
    pub product: &'static str,
    /// Their version.
    pub version: String,
    /// Bytes on the disk that a copy needs there, with what the server itself takes.
    pub bytes: u64,
    /// The programs in the order that the engine knows.
    pub tools: Vec<Tool>,
}

/// A private server that runs.
#[derive(Debug)]
pub struct SandboxServer {
    /// How to reach it, with all rights; the database named is the maintenance one.
    pub target: Target,
    /// Its version.
    pub version: String,
    /// What tells it from any other server.
    pub identity: Option<String>,
    /// In words: where it differs from the archive's server.
    pub notes: Vec<String>,
    pub(super) server: PrivateServer,
}

impl SandboxServer {
    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.server.folder()
    }

    /// Ends it and removes its folder.
    ///
    /// # Errors
    /// The folder is still there.
    pub async fn stop(self) -> io::Result<()> {
        self.server.stop().await
    }
}

/// Who private servers run as.
///
/// # Errors
/// bookend is root, and there is no user without rights.
pub fn account() -> io::Result<Account> {
    Account::choose()
}

pub(super) fn unsupported(engine: &str) -> EngineError {
    EngineError::Unsupported {
        what: format!("there is no sandbox for {engine}"),
        advice: "prove on a server: --prove-on TARGET".to_owned(),
    }
}

/// Makes a server's folder, for a user who can run the programs.
pub(super) fn home(folder: &Path, programs: &SandboxPrograms) -> Result<Home, EngineError> {
    let failed = |source: io::Error| ProcessError::Spawn {
        tool: format!("a private server of {}", programs.product),
        source,
    };
    let account = account().map_err(failed)?;
    for tool in &programs.tools {
        if let Some(barred) = account.barred_at(&tool.path) {
            return Err(ProcessError::Unusable {
                tool: tool.name.clone(),
                path: tool.path.clone(),
                problem: format!(
                    "the user that servers run as when bookend is root, {}, may not pass {}",
                    account.name(),
                    barred.display()
                ),
            }
            .into());
        }
    }
    Ok(Home::create(folder, account).map_err(failed)?)
}

/// What an error of making files in a server's folder is told as.
pub(super) fn folder_failed(source: io::Error) -> EngineError {
    ProcessError::Spawn {
        tool: "a private server".to_owned(),
        source,
    }
    .into()
}

/// A password nobody can guess: 160 random bits.
pub(super) fn password() -> Secret {
    let mut random = rand::rng();
    let words: Vec<String> = (0..5)
        .map(|_| format!("{:08x}", random.random::<u32>()))
        .collect();
    Secret::new(words.concat())
}

/// A port of 127.0.0.1 that nobody uses at this moment.
pub(super) fn free_port() -> Result<u16, EngineError> {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    Ok(port.map_err(folder_failed)?.port())
}

/// What `ready` comes to, unless the server ends before or the work is cancelled.
pub(super) async fn await_start<T>(
    context: &Context,
    server: &mut PrivateServer,
    ready: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, EngineError> {
    tokio::select! {
        biased;
        () = context.cancel.cancelled() => Err(EngineError::Cancelled),
        error = server.ended() => Err(error.into()),
        ready = ready => ready,
        () = tokio::time::sleep(STARTS_WITHIN) => Err(ProcessError::Stalled {
            tool: "the private server".to_owned(),
            seconds: STARTS_WITHIN.as_secs(),
        }
        .into()),
    }
}
