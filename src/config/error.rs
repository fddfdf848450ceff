//! What can be wrong with `bookend.toml` and with the word for a target.

use std::path::PathBuf;

use crate::connection::ConnectionError;

/// Failures of reading the file and of resolving a target.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{}, line {line}: {what}", path.display())]
    NotToml {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What the parser says.
        what: String,
    },
    /// A key that means nothing.
    #[error("{}: unknown key \"{key}\"", path.display())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key with the tables around it.
        key: String,
        /// The known key that was probably meant.
        nearest: Option<String>,
        /// All keys that may stand there.
        known: Vec<String>,
    },
    /// A key with a value of the wrong kind.
    #[error("{}: \"{key}\" must be {expected}", path.display())]
    WrongValue {
        /// The file.
        path: PathBuf,
        /// The key with the tables around it.
        key: String,
        /// What it must be, in words.
        expected: String,
    },
    /// A key that is designed and not built yet.
    #[error("{}: \"{key}\" is not supported yet", path.display())]
    NotYet {
        /// The file.
        path: PathBuf,
        /// The key with the tables around it.
        key: String,
    },
    /// A password in a file that others can read.
    #[error("{}: \"{key}\" holds a password, and others can read the file", path.display())]
    PasswordInPublicFile {
        /// The file.
        path: PathBuf,
        /// The key with the tables around it.
        key: String,
    },
    /// A word that is neither a URL nor the name of a target.
    #[error("there is no target \"{word}\"")]
    UnknownTarget {
        /// The word.
        word: String,
        /// The names that exist.
        known: Vec<String>,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// No target was given and none can be chosen.
    #[error("no target: {}", if known.is_empty() { "none is given, and DATABASE_URL is not set".to_owned() } else { format!("bookend.toml has several ({})", known.join(", ")) })]
    NoTarget {
        /// The names that exist.
        known: Vec<String>,
    },
    /// The target's URL is wrong.
    #[error("target {origin}")]
    Target {
        /// Where the URL came from.
        origin: String,
        /// What is wrong with it.
        #[source]
        source: ConnectionError,
    },
}
