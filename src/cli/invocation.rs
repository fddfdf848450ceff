//! One run of the program: its options, its surroundings, and what words on the command line
//! stand for.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::Utc;

use super::error::{failure_of, failure_of_config};
use super::failure::Failure;
use super::options::GlobalOptions;
use super::progress;
use super::screen::Screen;
use super::signals::Signals;
use crate::config::Config;
use crate::connection::{Environment, Target};
use crate::operation::{Engines, OperationError, Workspace};
use crate::process::ToolBox;
use crate::store::{Store, StoredArchive};

/// Options, configuration, environment, screen and signals of one run of the program.
pub struct Invocation {
    /// The options that every command takes.
    pub options: GlobalOptions,
    /// Where to print.
    pub screen: Screen,
    /// Whether a signal came.
    pub signals: Signals,
    /// The caller's variables.
    pub environment: Environment,
    /// `bookend.toml`; empty if there is none.
    pub config: Config,
}

impl Invocation {
    /// Reads the configuration.
    ///
    /// # Errors
    /// A configuration that is wrong (exit 2).
    pub fn new(options: GlobalOptions, screen: Screen, signals: Signals) -> Result<Self, Failure> {
        let environment = Environment::of_process();
        let config = Config::load(options.config.as_deref(), &environment)
            .map_err(|error| failure_of_config(&error))?;
        Ok(Self {
            options,
            screen,
            signals,
            environment,
            config,
        })
    }

    /// The folder where archives live.
    #[must_use]
    pub fn store_folder(&self) -> PathBuf {
        self.options
            .store
            .clone()
            .or_else(|| self.config.store.clone())
            .unwrap_or_else(|| PathBuf::from("backups"))
    }

    /// Opens the store.
    ///
    /// # Errors
    /// A store that cannot be used.
    pub fn store(&self) -> Result<Arc<Store>, Failure> {
        let store = Store::open(&self.store_folder()).map_err(|error| failure_of(&error.into()))?;
        Ok(Arc::new(store))
    }

    /// What an operation works with; `purpose` is the command's name and becomes a part of
    /// session names and markers.
    ///
    /// # Errors
    /// A store that cannot be used.
    pub fn workspace(&self, purpose: &str) -> Result<Workspace, Failure> {
        let folders = self.options.tool_dirs.iter().chain(&self.config.tool_dirs);
        Ok(Workspace {
            store: self.store()?,
            tools: ToolBox::new(folders.cloned().collect()),
            engines: Engines::default(),
            jobs: self.options.workers(),
            lock_timeout: self.options.lock_timeout,
            progress: progress::choose(self.options.progress, self.screen.volume),
            cancel: self.signals.cancel(),
            run: format!("{}-{purpose}", Utc::now().format("%Y%m%dT%H%M%SZ")),
        })
    }

    /// The target that a word stands for; what was chosen is told if nobody named it.
    ///
    /// # Errors
    /// A word that names no database (exit 2).
    pub fn target(&self, word: Option<&str>) -> Result<Target, Failure> {
        let target = self
            .config
            .resolve(word, &self.environment)
            .map_err(|error| failure_of_config(&error))?;
        let chosen = format!("target {} (from {})", target.display_url(), target.origin());
        if word.is_none() {
            self.screen.note(&chosen);
        } else {
            self.screen.detail(&chosen);
        }
        Ok(target)
    }

    /// The file that a word stands for; it may be damaged.
    ///
    /// # Errors
    /// No such archive, or more than one.
    pub fn archive_file(&self, store: &Store, word: &str) -> Result<PathBuf, Failure> {
        store
            .locate(word)
            .map_err(|error| failure_of(&OperationError::from(error)))
    }

    /// The archive that a word stands for.
    ///
    /// # Errors
    /// No such archive, or more than one.
    pub fn archive(&self, store: &Store, word: &str) -> Result<StoredArchive, Failure> {
        let archive = store
            .select(word)
            .map_err(|error| failure_of(&OperationError::from(error)))?;
        if archive.id != word {
            self.screen
                .detail(&format!("archive {}", archive.path.display()));
        }
        Ok(archive)
    }
}
