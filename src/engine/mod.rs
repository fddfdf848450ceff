//! The contract that every engine fulfils: reading a database into a [`Sink`], building a
//! copy out of a [`Source`], comparing the copy with the archive, and looking after the
//! databases that bookend made.
//!
//! What an engine cannot do it says in its [`Capabilities`], with the reason; no caller asks
//! which engine it has.

mod capabilities;
mod comparison;
mod error;
mod inspection;
mod lock;
mod made;
pub mod mongodb;
mod observation;
pub mod postgres;
mod request;
pub mod rollback;
pub mod rows;
pub mod sandbox;
mod seal;
mod streams;
pub mod templates;
mod view;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use crate::connection::{EngineKind, Target};
use crate::process::{Tool, ToolBox};
use crate::progress::Progress;
use crate::snapshot::{Sink, Snapshot, Source};

pub use capabilities::{Capabilities, Capability, Publishing};
pub use comparison::{ComparedObject, Comparison, Discrepancy};
pub use error::{EngineError, MissingThing};
pub use inspection::{Check, CheckState, Inspection};
pub use lock::{Claim, Holder, TargetLock};
pub use made::{CopyKind, MadeDatabase, MarkedDatabase, NewName, Publication};
pub use observation::{HeldObject, LongestStatement, Observed, Observer, SeenSession};
pub use request::{DatabaseCopy, DumpRequest, RestoreRequest};
pub use sandbox::{SandboxPrograms, SandboxServer, SandboxUse};
pub use streams::{Flaw, StreamCheck};

/// What a command gives to an engine beside its own arguments.
#[derive(Clone)]
pub struct Context {
    /// Where the vendors' tools are found.
    pub tools: ToolBox,
    /// Workers at once.
    pub jobs: usize,
    /// How long to wait for a lock that somebody holds.
    pub lock_timeout: Duration,
    /// Names this run in session names and markers.
    pub run: String,
    /// Who is told how far things are.
    pub progress: Arc<dyn Progress>,
    /// Cancelled on SIGINT and SIGTERM, or when a sibling fails.
    pub cancel: CancellationToken,
    /// Where names of databases are recorded before they are created.
    pub ledger: Arc<dyn Ledger>,
}

impl Context {
    /// The same for what must be done after an interruption too, such as dropping a copy.
    #[must_use]
    pub fn uninterrupted(&self) -> Self {
        Self {
            cancel: CancellationToken::new(),
            ..self.clone()
        }
    }

    /// One of the vendor's tools, not older than `major`.
    ///
    /// # Errors
    /// There is none, or the command was interrupted while a tool was asked for its version.
    pub async fn tool(&self, name: &str, major: u32) -> Result<Tool, EngineError> {
        self.unless_cancelled(self.tools.find(name, Some(major)))
            .await
    }

    /// What `work` comes to, or the interruption if that is first: for what may wait for long
    /// and leaves nothing behind when it is given up.
    ///
    /// # Errors
    /// [`EngineError::Cancelled`], and the work's own.
    pub async fn unless_cancelled<T, E>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, EngineError>
    where
        EngineError: From<E>,
    {
        tokio::select! {
            done = work => Ok(done?),
            () = self.cancel.cancelled() => Err(EngineError::Cancelled),
        }
    }
}

/// Records names of databases before they exist, so that a crash between `CREATE DATABASE`
/// and the marker is explained and cleaned.
pub trait Ledger: Send + Sync {
    /// Called before a database is created. Must be durable when it returns.
    ///
    /// # Errors
    /// What kept the record from being written; nothing is created then.
    fn announce(&self, database: &MadeDatabase) -> Result<(), std::io::Error>;

    /// Called when the database is gone, or published under another name.
    ///
    /// # Errors
    /// What kept the record from being written.
    fn settle(&self, name: &str, outcome: &str) -> Result<(), std::io::Error>;
}

/// A file that travels inside every archive so that it restores without bookend.
#[derive(Clone, Debug)]
pub struct RestoreKit {
    /// `RESTORE.md`.
    pub readme: String,
    /// `restore.sh`: one fixed script.
    pub script: String,
}

/// What an engine does. Every method may take long, reports to `context.progress` and ends
/// soon after `context.cancel` is cancelled, leaving nothing running.
#[async_trait]
pub trait Engine: Send + Sync {
    /// `postgresql` or `mongodb`, as in manifests.
    fn name(&self) -> &'static str;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Looks at a target without changing anything.
    async fn inspect(&self, context: &Context, target: &Target) -> Result<Inspection, EngineError>;

    /// Looks at the server of a target whose own database may be gone.
    async fn reach(&self, context: &Context, target: &Target) -> Result<Inspection, EngineError>;

    /// Reads the target into `sink`; the source is only read.
    async fn dump(
        &self,
        context: &Context,
        target: &Target,
        request: &DumpRequest,
        sink: Arc<dyn Sink>,
    ) -> Result<Snapshot, EngineError>;

    /// The files that make an archive of `snapshot` restorable with stock tools alone.
    fn restore_kit(&self, snapshot: &Snapshot) -> RestoreKit;

    /// Decodes, without a server, what in an archive only the engine can decode, and holds it
    /// against the manifest. What the archive layer reads by itself (digests, frames, rows of
    /// COPY text) is not read for its own sake.
    async fn check_streams(
        &self,
        context: &Context,
        source: Arc<dyn Source>,
    ) -> Result<StreamCheck, EngineError>;

    /// Builds a disposable copy on the server of `on`. On failure nothing is left behind, or
    /// the error says what is.
    async fn restore(
        &self,
        context: &Context,
        source: Arc<dyn Source>,
        on: &Target,
        request: &RestoreRequest,
    ) -> Result<DatabaseCopy, EngineError>;

    /// Compares a copy with what it was made from, reading all of it.
    async fn compare(
        &self,
        context: &Context,
        source: Arc<dyn Source>,
        copy: &DatabaseCopy,
    ) -> Result<Comparison, EngineError>;

    /// A name for a new database on the server of `on`: possible there and free now.
    async fn new_name(
        &self,
        context: &Context,
        on: &Target,
        wanted: &NewName<'_>,
    ) -> Result<String, EngineError>;

    /// Gives a copy its asked name and its final kind, in one transaction where the engine
    /// can. Fails with [`EngineError::NameTaken`] if somebody was faster; the copy stays.
    async fn publish(
        &self,
        context: &Context,
        copy: DatabaseCopy,
        publication: &Publication<'_>,
    ) -> Result<Target, EngineError>;

    /// Makes a disposable copy a staging database under the name that it has, which anybody
    /// may drop once it expires.
    async fn keep(
        &self,
        context: &Context,
        copy: &DatabaseCopy,
        expires: DateTime<Utc>,
        archive: &str,
    ) -> Result<(), EngineError>;

    /// Holds a target for one run, against runs from any machine. Where somebody else has it:
    /// [`EngineError::Held`].
    async fn lock(
        &self,
        context: &Context,
        target: &Target,
        claim: &Claim,
    ) -> Result<Box<dyn TargetLock>, EngineError>;

    /// Drops a copy if it still is the disposable one that bookend made.
    async fn discard(&self, context: &Context, copy: DatabaseCopy) -> Result<(), EngineError>;

    /// Watches a database while somebody else works on it, without being in it.
    async fn observe(
        &self,
        context: &Context,
        target: &Target,
    ) -> Result<Box<dyn Observer>, EngineError>;

    /// What inside a copy leads out of it, each in words, ways to the original first.
    async fn links(
        &self,
        context: &Context,
        copy: &Target,
        original: &Target,
    ) -> Result<Vec<String>, EngineError>;

    /// Databases on the server of `on` that carry a marker.
    async fn copies(
        &self,
        context: &Context,
        on: &Target,
    ) -> Result<Vec<MarkedDatabase>, EngineError>;

    /// Drops a marked database by name: disposable and staging ones only, after checking
    /// that the marker is genuine.
    async fn drop_marked(
        &self,
        context: &Context,
        on: &Target,
        name: &str,
    ) -> Result<(), EngineError>;

    /// Drops a staging database whose time is over by this machine's clock and the server's,
    /// after checking that it is the one that was marked, under the name that it was given.
    async fn drop_expired(
        &self,
        context: &Context,
        on: &Target,
        name: &str,
    ) -> Result<(), EngineError>;

    /// Drops a database that the ledger announced, has no marker yet and is empty.
    /// `Ok(false)` if there is none of that name.
    async fn drop_announced(
        &self,
        context: &Context,
        on: &Target,
        made: &MadeDatabase,
    ) -> Result<bool, EngineError>;

    /// Finds the programs of a private server that an archive of `snapshot` can be restored
    /// on: those of its own server's major version.
    async fn sandbox_programs(
        &self,
        _context: &Context,
        _snapshot: &Snapshot,
    ) -> Result<SandboxPrograms, EngineError> {
        Err(sandbox::unsupported(self.name()))
    }

    /// Starts a private server in `folder`, which is not there yet, with all that the archive
    /// needs outside of its database. On failure nothing runs any more.
    async fn sandbox(
        &self,
        _context: &Context,
        _snapshot: &Snapshot,
        _programs: &SandboxPrograms,
        _folder: &Path,
        _purpose: SandboxUse,
    ) -> Result<SandboxServer, EngineError> {
        Err(sandbox::unsupported(self.name()))
    }

    /// How it reads single rows out of its archives; `None` if it cannot.
    fn rows(&self) -> Option<&dyn rows::RowReader> {
        None
    }

    /// How it puts a copy in an original's place; `None` if it cannot.
    fn rollback(&self) -> Option<&dyn rollback::Rollback> {
        None
    }

    /// How it keeps pristine templates that copies are cloned from; `None` if it cannot.
    fn templates(&self) -> Option<&dyn templates::Templates> {
        None
    }
}

/// The engine for a kind of target.
#[must_use]
pub fn for_kind(kind: EngineKind) -> Option<Arc<dyn Engine>> {
    match kind {
        EngineKind::Postgresql => Some(Arc::new(postgres::Postgres)),
        EngineKind::Mongodb => Some(Arc::new(mongodb::Mongodb::default())),
    }
}

/// Where an engine may put short-lived files (0600, removed at once).
#[must_use]
pub fn scratch() -> PathBuf {
    std::env::temp_dir()
}
