//! What can go wrong with a target or a session. No text here ever holds a password.

use std::path::PathBuf;

/// Failures of parsing a target and of connecting to it.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The text is neither a URL nor a connection string that can be understood.
    #[error("the target cannot be understood: {what}")]
    BadUrl {
        /// What is wrong with it, without any value that may be secret.
        what: String,
    },
    /// An option that libpq does not know.
    #[error("unknown connection option \"{key}\"")]
    UnknownOption {
        /// As it was written.
        key: String,
        /// The known option that was probably meant.
        nearest: Option<String>,
    },
    /// An option whose value is not one of those that libpq knows.
    #[error("invalid value \"{value}\" for the connection option \"{key}\": {why}")]
    BadValue {
        /// The option.
        key: String,
        /// As it was written.
        value: String,
        /// What would be right.
        why: String,
    },
    /// The URL names no database.
    #[error("{target} names no database")]
    NoDatabase {
        /// The URL without its password.
        target: String,
    },
    /// `env:NAME` with a variable that is not set or empty.
    #[error("the variable {name} is not set")]
    UnknownVariable {
        /// Its name.
        name: String,
    },
    /// A service or its file is missing or cannot be understood.
    #[error("service file {}: {what}", path.display())]
    ServiceFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// What libpq can and bookend cannot.
    #[error("{what} is not supported")]
    Unsupported {
        /// What.
        what: String,
        /// What the person can do.
        advice: String,
    },
    /// No connection could be made.
    #[error("cannot reach {server}")]
    Unreachable {
        /// Host and port, or the socket's path.
        server: String,
        /// The system's own words.
        #[source]
        source: std::io::Error,
    },
    /// The server did not accept the password (SQLSTATE 28P01).
    #[error("{server} did not accept the password of {user}")]
    WrongPassword {
        /// The role.
        user: String,
        /// The server.
        server: String,
        /// Where the password came from, in words.
        origin: String,
    },
    /// The server asks for a password and none is known.
    #[error("{server} asks for the password of {user}, and none was given{}", note.as_ref().map(|n| format!(" ({n})")).unwrap_or_default())]
    NoPassword {
        /// The role.
        user: String,
        /// The server.
        server: String,
        /// Why a place that could have had one was passed over.
        note: Option<String>,
    },
    /// There is no such database (SQLSTATE 3D000).
    #[error("{server} has no database \"{database}\"")]
    UnknownDatabase {
        /// The name that was asked for.
        database: String,
        /// The server.
        server: String,
    },
    /// The role may not connect (SQLSTATE 28000, 42501).
    #[error("{user} may not connect to \"{database}\" on {server}: {reason}")]
    NotAllowed {
        /// The role.
        user: String,
        /// The database.
        database: String,
        /// The server.
        server: String,
        /// The server's words.
        reason: String,
    },
    /// The server's slots are taken (SQLSTATE 53300).
    #[error("{server} has no connection free: {reason}")]
    TooManyConnections {
        /// The server.
        server: String,
        /// The server's words.
        reason: String,
    },
    /// The server is starting up, shutting down or recovering (SQLSTATE 57P03).
    #[error("{server} does not take connections now: {reason}")]
    NotReady {
        /// The server.
        server: String,
        /// The server's words.
        reason: String,
    },
    /// Anything else that the server said while connecting.
    #[error("{server} refused the connection: {reason}")]
    Refused {
        /// The server.
        server: String,
        /// The server's words.
        reason: String,
    },
    /// No encrypted connection as asked for.
    #[error("no secure connection to {server}: {what}")]
    Tls {
        /// The server, or the file that is wrong.
        server: String,
        /// What is wrong.
        what: String,
    },
    /// Not a server answers but a pooler through which a backup or a run cannot be made.
    #[error("{server} is a pooler in front of PostgreSQL: {what}")]
    Pooler {
        /// The pooler.
        server: String,
        /// Why it does not do.
        what: String,
        /// Where the server itself listens, as far as it tells.
        direct: Option<String>,
    },
    /// The server is not of the kind that `target_session_attrs` asks for.
    #[error("{server} is not what target_session_attrs={asked} asks for")]
    SessionAttributes {
        /// The server.
        server: String,
        /// The value.
        asked: String,
    },
    /// An established session broke: the server went away or ended it.
    #[error("the connection to {server} was lost: {reason}")]
    Lost {
        /// The server.
        server: String,
        /// The last words heard.
        reason: String,
    },
    /// `{url}` or `{password}` in the words of a command, where a process list shows them.
    #[error(
        "{{{placeholder}}} cannot stand in the command's words: a process list would show the password"
    )]
    SecretInCommand {
        /// What stood between the braces.
        placeholder: String,
    },
    /// Asked for PostgreSQL's parameters of something else.
    #[error("{target} is not a {engine} database")]
    OtherEngine {
        /// The URL without its password.
        target: String,
        /// What it was taken for.
        engine: &'static str,
    },
}
