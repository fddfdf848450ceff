//! From the word on the command line to a target.

use super::{Config, ConfigError, TargetConfig};
use crate::connection::{ConnectionError, Environment, Target, nearest};

impl Config {
    /// The target that a word means: a URL, `env:NAME`, a `key=value` string, or a name of
    /// this file. Without a word: the only target of this file, else `DATABASE_URL`, else
    /// `MONGODB_URI`.
    ///
    /// # Errors
    /// An unknown name, nothing to choose, and whatever is wrong with the URL.
    pub fn resolve(&self, word: Option<&str>, env: &Environment) -> Result<Target, ConfigError> {
        match word {
            Some(word) => match self.targets.get(word) {
                Some(target) => self.named(word, target, env),
                None if is_address(word) => {
                    Target::parse(word, env).map_err(|source| wrong("on the command line", source))
                }
                None => Err(self.unknown(word)),
            },
            None => match self.targets.iter().next() {
                Some((name, target)) if self.targets.len() == 1 => self.named(name, target, env),
                _ => Target::from_environment(env)
                    .map_err(|source| wrong("of the environment", source))?
                    .ok_or_else(|| ConfigError::NoTarget {
                        known: self.names(),
                    }),
            },
        }
    }

    /// Whether a word is the name of a target of this file, or a URL.
    #[must_use]
    pub fn is_target(&self, word: &str) -> bool {
        self.targets.contains_key(word) || is_address(word)
    }

    /// The part of this file that a target came from: a URL whose database has the same name
    /// is another matter.
    #[must_use]
    pub fn of<'a>(&'a self, target: &'a Target) -> Option<(&'a str, &'a TargetConfig)> {
        let name = target
            .origin()
            .strip_prefix(&format!("{}: ", self.file()))?;
        self.targets.get(name).map(|of| (name, of))
    }

    fn file(&self) -> String {
        self.path
            .as_ref()
            .and_then(|path| path.file_name())
            .map_or_else(
                || super::DEFAULT_FILE.to_owned(),
                |file| file.to_string_lossy().into_owned(),
            )
    }

    fn named(
        &self,
        name: &str,
        target: &TargetConfig,
        env: &Environment,
    ) -> Result<Target, ConfigError> {
        let file = self.file();
        let origin = format!("{file}: {name}");
        Target::parse(&target.url, env)
            .map(|target| target.with_label(name).with_origin(&origin))
            .map_err(|source| wrong(&format!("{name} of {file}"), source))
    }

    fn names(&self) -> Vec<String> {
        self.targets.keys().cloned().collect()
    }

    fn unknown(&self, word: &str) -> ConfigError {
        ConfigError::UnknownTarget {
            word: word.to_owned(),
            nearest: nearest(word, self.targets.keys().map(String::as_str)).map(str::to_owned),
            known: self.names(),
        }
    }
}

/// Whether a word is an address rather than a name.
fn is_address(word: &str) -> bool {
    word.contains("://") || word.starts_with("env:") || word.contains('=')
}

fn wrong(origin: &str, source: ConnectionError) -> ConfigError {
    ConfigError::Target {
        origin: origin.to_owned(),
        source,
    }
}
