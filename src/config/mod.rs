//! `bookend.toml`: targets by name, and defaults.

mod error;
mod read;
mod resolve;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::connection::Environment;

pub use error::ConfigError;

/// Where the file is looked for unless `--config` says otherwise.
pub const DEFAULT_FILE: &str = "bookend.toml";

/// What `bookend.toml` says. Paths in it count from the file's own folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The file it was read from; `None` if there is none.
    pub path: Option<PathBuf>,
    /// Where archives live.
    pub store: Option<PathBuf>,
    /// Where the vendors' tools are, before `PATH`.
    pub tool_dirs: Vec<PathBuf>,
    /// Where folders of private servers go.
    pub sandbox_dir: Option<PathBuf>,
    /// Targets by name.
    pub targets: BTreeMap<String, TargetConfig>,
    /// What `prune` keeps.
    pub keep: Keep,
}

/// One `[target.NAME]`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TargetConfig {
    /// The URL, `env:NAME`, or `key=value` string. It may hold a password.
    pub url: String,
    /// Where its proof goes: `same-server`, `sandbox` or a target.
    pub prove_on: Option<String>,
    /// What `bookend run NAME` alone runs.
    pub migrate: Vec<String>,
    /// Variables for the migration command, as templates.
    pub env: BTreeMap<String, String>,
    /// Files and folders that travel with the archive.
    pub files: Vec<PathBuf>,
}

/// `[keep]`: what `prune` keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// That many newest archives of each target.
    pub last: Option<u32>,
    /// Archives younger than that.
    pub days: Option<u32>,
}

impl Config {
    /// Reads the file of `--config`, else `bookend.toml` in the current folder if there is
    /// one.
    ///
    /// # Errors
    /// A named file that is missing, what is not TOML, unknown keys, and a password in a
    /// file that others can read.
    pub fn load(path: Option<&Path>, env: &Environment) -> Result<Self, ConfigError> {
        match path {
            Some(path) => read::file(path, env),
            None if Path::new(DEFAULT_FILE).exists() => read::file(Path::new(DEFAULT_FILE), env),
            None => Ok(Self::default()),
        }
    }

    /// The settings of a target of this file.
    #[must_use]
    pub fn target(&self, name: &str) -> Option<&TargetConfig> {
        self.targets.get(name)
    }
}

/// The URL may hold a password.
impl std::fmt::Debug for TargetConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TargetConfig")
            .field("url", &"***")
            .field("prove_on", &self.prove_on.as_ref().map(|_| "***"))
            .field("migrate", &self.migrate)
            .field("env", &self.env.keys())
            .field("files", &self.files)
            .finish()
    }
}

#[cfg(test)]
mod tests;
