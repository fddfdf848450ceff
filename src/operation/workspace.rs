//! What every operation works with.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::OperationError;
use crate::connection::EngineKind;
use crate::engine::{Context, Engine, Ledger, MadeDatabase, for_kind};
use crate::process::ToolBox;
use crate::progress::{Progress, Silent};
use crate::snapshot::Nouns;
use crate::store::{DatabaseLedger, Store};

/// Gives the engine for a kind of target. Tests put their own in.
#[derive(Clone)]
pub struct Engines(Arc<dyn Fn(EngineKind) -> Option<Arc<dyn Engine>> + Send + Sync>);

impl Default for Engines {
    fn default() -> Self {
        Self(Arc::new(for_kind))
    }
}

impl fmt::Debug for Engines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Engines")
    }
}

impl Engines {
    /// The same engine whatever the target.
    #[must_use]
    pub fn only(engine: Arc<dyn Engine>) -> Self {
        Self(Arc::new(move |_| Some(Arc::clone(&engine))))
    }

    /// The engine for a kind of target.
    ///
    /// # Errors
    /// [`OperationError::NoEngine`] where there is none yet.
    pub fn get(&self, kind: EngineKind) -> Result<Arc<dyn Engine>, OperationError> {
        (self.0)(kind).ok_or_else(|| OperationError::NoEngine {
            engine: kind.name().to_owned(),
        })
    }

    /// The engine that a manifest names.
    ///
    /// # Errors
    /// [`OperationError::NoEngine`] where there is none of that name.
    pub fn named(&self, name: &str) -> Result<Arc<dyn Engine>, OperationError> {
        match EngineKind::named(name) {
            Some(kind) => self.get(kind),
            None => Err(OperationError::NoEngine {
                engine: name.to_owned(),
            }),
        }
    }

    /// What users of the engine of that name call the things that are counted; of one that is
    /// not known, the words of most.
    #[must_use]
    pub fn nouns(&self, name: &str) -> Nouns {
        self.named(name)
            .map_or(Nouns::TABLES, |engine| engine.capabilities().nouns)
    }
}

/// The store, the tools and the limits of one command.
#[derive(Clone)]
pub struct Workspace {
    /// Where archives live.
    pub store: Arc<Store>,
    /// Where the vendors' tools are found.
    pub tools: ToolBox,
    /// The engines.
    pub engines: Engines,
    /// Workers at once.
    pub jobs: usize,
    /// How long to wait for a lock that somebody holds.
    pub lock_timeout: Duration,
    /// Who is told how far things are.
    pub progress: Arc<dyn Progress>,
    /// Cancelled on SIGINT and SIGTERM.
    pub cancel: CancellationToken,
    /// Names this run in session names and markers.
    pub run: String,
}

impl Workspace {
    /// What engines are given.
    #[must_use]
    pub fn context(&self) -> Context {
        Context {
            tools: self.tools.clone(),
            jobs: self.jobs,
            lock_timeout: self.lock_timeout,
            run: self.run.clone(),
            progress: Arc::clone(&self.progress),
            cancel: self.cancel.child_token(),
            ledger: self.ledger(),
        }
    }

    /// Progress is told in the words of the engine's users from here on.
    pub(super) fn speak(&self, engine: &dyn Engine) {
        let row = engine.capabilities().nouns.row;
        self.progress.counts(row.one, row.many);
    }

    /// The same for cleaning up after a failure or a signal: it is not cancelled with the
    /// rest, or the copies would stay.
    #[must_use]
    pub fn cleaning_context(&self) -> Context {
        Context {
            progress: Arc::new(Silent),
            cancel: CancellationToken::new(),
            ..self.context()
        }
    }

    fn ledger(&self) -> Arc<dyn Ledger> {
        Arc::new(StoreLedger(Arc::clone(&self.store)))
    }
}

/// The store's record of databases, opened when something is to be recorded: what only reads
/// archives works in a store that cannot be written.
struct StoreLedger(Arc<Store>);

impl Ledger for StoreLedger {
    fn announce(&self, database: &MadeDatabase) -> io::Result<()> {
        let holder = format!("{} (process {})", database.run, std::process::id());
        let held = self.0.hold(&database.name, &holder);
        held.map_err(io::Error::other)?;
        self.open()?.announce(database)
    }

    fn settle(&self, name: &str, outcome: &str) -> io::Result<()> {
        self.open()?.settle(name, outcome)?;
        self.0.release(name);
        Ok(())
    }
}

impl StoreLedger {
    fn open(&self) -> io::Result<DatabaseLedger> {
        self.0.ledger().map_err(io::Error::other)
    }
}
