//! The driver's errors in the words of [`ConnectionError`].

use mongodb::error::{Error, ErrorKind};

use super::MongoUrl;
use crate::connection::ConnectionError;

const UNAUTHORIZED: i32 = 13;
const AUTHENTICATION_FAILED: i32 = 18;

/// What an error means for the connection to the server of `url`.
#[must_use]
pub fn classified(error: &Error, url: &MongoUrl) -> ConnectionError {
    let server = url.server().to_owned();
    let reason = reason(error);
    match error.kind.as_ref() {
        ErrorKind::InvalidArgument { message, .. } => ConnectionError::BadUrl {
            what: message.clone(),
        },
        ErrorKind::InvalidTlsConfig { .. } => ConnectionError::Tls {
            server,
            what: reason,
        },
        ErrorKind::Authentication { .. } => wrong_password(url, &reason),
        ErrorKind::Command(command) if command.code == AUTHENTICATION_FAILED => {
            wrong_password(url, &reason)
        }
        ErrorKind::Command(command) if command.code == UNAUTHORIZED => unauthorized(url, reason),
        ErrorKind::ServerSelection { message, .. } if speaks_of_tls(message) => {
            ConnectionError::Tls {
                server,
                what: reason,
            }
        }
        ErrorKind::ServerSelection { .. } | ErrorKind::DnsResolve { .. } => {
            ConnectionError::Unreachable {
                server,
                source: std::io::Error::other(reason),
            }
        }
        ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } => {
            ConnectionError::Lost { server, reason }
        }
        _ => ConnectionError::Refused { server, reason },
    }
}

/// True if the server went away, rather than refusing something.
#[must_use]
pub fn is_lost(error: &Error) -> bool {
    matches!(
        error.kind.as_ref(),
        ErrorKind::Io(_)
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::ServerSelection { .. }
    ) || matches!(error.kind.as_ref(), ErrorKind::Command(command) if SHUTTING_DOWN.contains(&command.code))
}

/// `InterruptedAtShutdown`, `ShutdownInProgress`.
const SHUTTING_DOWN: [i32; 2] = [11600, 91];

fn wrong_password(url: &MongoUrl, reason: &str) -> ConnectionError {
    if !url.is_external() && !url.user().is_empty() && url.password().is_none() {
        return ConnectionError::NoPassword {
            user: url.user().to_owned(),
            server: url.server().to_owned(),
            note: None,
        };
    }
    if url.user().is_empty() || url.is_external() {
        return ConnectionError::Refused {
            server: url.server().to_owned(),
            reason: reason.to_owned(),
        };
    }
    ConnectionError::WrongPassword {
        user: url.user().to_owned(),
        server: url.server().to_owned(),
        origin: "the URL".to_owned(),
    }
}

fn unauthorized(url: &MongoUrl, reason: String) -> ConnectionError {
    if url.user().is_empty() {
        return ConnectionError::NoPassword {
            user: "any user".to_owned(),
            server: url.server().to_owned(),
            note: None,
        };
    }
    ConnectionError::NotAllowed {
        user: url.user().to_owned(),
        database: url.database().to_owned(),
        server: url.server().to_owned(),
        reason,
    }
}

fn speaks_of_tls(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    ["certificate", "tls", "handshake"]
        .iter()
        .any(|word| reason.contains(word))
}

/// The server's own words, without the driver's wrapping.
pub(super) fn reason(error: &Error) -> String {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => format!("{} ({})", command.message, command.code_name),
        ErrorKind::ServerSelection { message, .. } => {
            met(message).unwrap_or_else(|| message.clone())
        }
        other => other.to_string(),
    }
}

/// What connecting to each server met, out of the driver's print of all it knows of them.
fn met(message: &str) -> Option<String> {
    let mut all: Vec<String> = Vec::new();
    for after in message.split(", Error: Kind: ").skip(1) {
        let end = [", labels: ", ", source: ", " }"].iter();
        let end = end.filter_map(|end| after.find(end)).min();
        let words = after.get(..end.unwrap_or(after.len())).unwrap_or(after);
        let words = words.strip_prefix("I/O error: ").unwrap_or(words);
        let words = match words {
            "unexpected end of file" => {
                "the server closed the connection (one that takes TLS only does that: tls=true)"
            }
            words if words.contains("without sending TLS close_notify") => {
                "the server closed the connection during the TLS handshake (one that asks for a \
                 client certificate does that: tlsCertificateKeyFile)"
            }
            words => words,
        };
        if !all.iter().any(|known| known == words) {
            all.push(words.to_owned());
        }
    }
    (!all.is_empty()).then(|| all.join("; "))
}

#[cfg(test)]
mod tests {
    use super::met;

    #[test]
    fn what_each_server_was_met_with_is_told_once() {
        let one = "Address: a:1, Type: Unknown, Error: Kind: I/O error: Connection refused (os \
                   error 111), labels: {\"RetryableError\"}, source: None, server response: None }";
        let message = format!("Server selection timeout: Servers: [ {{ {one}, {{ {one} ]");
        assert_eq!(met(&message).unwrap(), "Connection refused (os error 111)");
        assert_eq!(met("Server selection timeout: none"), None);
        let message = "Type: Unknown, Error: Kind: I/O error: unexpected end of file, labels: {}";
        assert!(met(message).unwrap().contains("tls=true"));
    }
}
