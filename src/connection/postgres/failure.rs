//! From tokio-postgres's errors to words and kinds that a person can act on.

use std::error::Error as _;
use std::io;

use tokio_postgres::error::SqlState;

use super::hosts::{Host, Way};
use super::params::Params;
use crate::connection::ConnectionError;

/// What an attempt was about.
pub struct Attempt<'a> {
    /// With which parameters.
    pub params: &'a Params,
    /// To which host.
    pub host: &'a Host,
    /// To which database.
    pub database: &'a str,
}

/// Says what an error of connecting means.
pub fn explain(error: tokio_postgres::Error, attempt: &Attempt<'_>) -> ConnectionError {
    let server = attempt.host.shown();
    if let Some(refusal) = error.as_db_error() {
        return said_by_server(refusal.code(), refusal.message(), server, attempt);
    }
    // The kind of an error is private to tokio-postgres; its words are not.
    let words = error.to_string();
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    if words.starts_with("error performing TLS handshake") {
        return ConnectionError::Tls {
            server,
            what: tls_words(&error),
        };
    }
    if words.starts_with("invalid configuration") && cause == "password missing" {
        return ConnectionError::NoPassword {
            user: attempt.params.user.clone(),
            server,
            note: attempt.params.notes.first().cloned(),
        };
    }
    if words.starts_with("authentication error") {
        return authentication(cause, server);
    }
    if error.is_closed() {
        return unreachable(
            server,
            io::Error::other("the server closed the connection unexpectedly"),
        );
    }
    match error
        .into_source()
        .map(<dyn std::error::Error + Send + Sync>::downcast::<io::Error>)
    {
        Some(Ok(source)) => unreachable_with_advice(*source, attempt.host),
        Some(Err(source)) => ConnectionError::Refused {
            server,
            reason: source.to_string(),
        },
        None => ConnectionError::Refused {
            server,
            reason: words,
        },
    }
}

fn said_by_server(
    code: &SqlState,
    message: &str,
    server: String,
    attempt: &Attempt<'_>,
) -> ConnectionError {
    let user = attempt.params.user.clone();
    let database = attempt.database.to_owned();
    let reason = message.to_owned();
    // No server says this: PgBouncer does, before it looks for one.
    if message.starts_with("unsupported startup parameter") {
        return ConnectionError::Pooler {
            server,
            what: format!("it takes no such option with a connection ({message})"),
            direct: None,
        };
    }
    match *code {
        SqlState::INVALID_PASSWORD => ConnectionError::WrongPassword {
            user,
            server,
            origin: attempt
                .params
                .password
                .as_ref()
                .map_or("the password file", |(_, from)| from)
                .to_owned(),
        },
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION | SqlState::INSUFFICIENT_PRIVILEGE => {
            ConnectionError::NotAllowed {
                user,
                database,
                server,
                reason,
            }
        }
        SqlState::INVALID_CATALOG_NAME => ConnectionError::UnknownDatabase { database, server },
        SqlState::TOO_MANY_CONNECTIONS => ConnectionError::TooManyConnections { server, reason },
        SqlState::CANNOT_CONNECT_NOW => ConnectionError::NotReady { server, reason },
        SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN => {
            ConnectionError::Lost { server, reason }
        }
        _ => ConnectionError::Refused { server, reason },
    }
}

fn authentication(cause: String, server: String) -> ConnectionError {
    if cause.starts_with("unsupported") {
        return ConnectionError::Unsupported {
            what: format!("the way {server} wants to authenticate (GSSAPI or SSPI)"),
            advice: "use a role with a password or a client certificate".to_owned(),
        };
    }
    let reason = if cause.is_empty() {
        "authentication failed".to_owned()
    } else {
        cause
    };
    ConnectionError::Refused { server, reason }
}

/// The innermost words of a failed handshake.
fn tls_words(error: &tokio_postgres::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let words = innermost.to_string();
    let plain = words
        .strip_prefix("invalid peer certificate: ")
        .map_or(words.clone(), |what| {
            format!("the server's certificate is not accepted: {what}")
        });
    // `Other(OtherError(Refusal("…")))`: only the words inside are for people.
    match plain
        .split_once("Refusal(\"")
        .and_then(|(_, rest)| rest.split_once("\")"))
    {
        Some((inside, _)) => inside.to_owned(),
        None if words.contains("UnknownIssuer") => {
            "the server's certificate is not from a trusted authority (sslrootcert)".to_owned()
        }
        None => plain,
    }
}

fn unreachable_with_advice(source: io::Error, host: &Host) -> ConnectionError {
    let source = match (&host.way, source.kind()) {
        (Way::Socket(_), io::ErrorKind::NotFound) => io::Error::new(
            source.kind(),
            "there is no such socket: the server is not running, or listens elsewhere",
        ),
        (_, io::ErrorKind::UnexpectedEof) => io::Error::new(
            source.kind(),
            "the server closed the connection unexpectedly",
        ),
        _ => source,
    };
    unreachable(host.shown(), source)
}

/// No connection to a server.
pub fn unreachable(server: String, source: io::Error) -> ConnectionError {
    ConnectionError::Unreachable { server, source }
}

/// Whether an error of an established session means that the session is gone.
pub fn means_lost(error: &tokio_postgres::Error) -> bool {
    if let Some(refusal) = error.as_db_error() {
        return matches!(
            *refusal.code(),
            SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW
        ) || refusal.code().code() == "57P04"
            || refusal.code().code() == "57P05";
    }
    error.is_closed()
        || error
            .source()
            .is_some_and(<dyn std::error::Error>::is::<io::Error>)
}
