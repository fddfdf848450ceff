//! What is wrong with a target or with reaching it.

use super::super::failure::{Exit, Failure};
use crate::connection::ConnectionError;

pub(super) fn failure(error: &ConnectionError) -> Failure {
    let (exit, code) = kind(error);
    let failure = Failure::of(exit, code, error);
    match hint(error) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn kind(error: &ConnectionError) -> (Exit, &'static str) {
    match error {
        ConnectionError::BadUrl { .. } => (Exit::Usage, "bad-target"),
        ConnectionError::UnknownOption { .. } => (Exit::Usage, "unknown-option"),
        ConnectionError::BadValue { .. } => (Exit::Usage, "bad-value"),
        ConnectionError::NoDatabase { .. } => (Exit::Usage, "no-database"),
        ConnectionError::UnknownVariable { .. } => (Exit::Usage, "unknown-variable"),
        ConnectionError::ServiceFile { .. } => (Exit::Usage, "service-file"),
        ConnectionError::SecretInCommand { .. } => (Exit::Usage, "secret-in-command"),
        ConnectionError::OtherEngine { .. } => (Exit::Usage, "other-engine"),
        ConnectionError::Unsupported { .. } => (Exit::Connection, "unsupported-connection"),
        ConnectionError::Unreachable { .. } => (Exit::Connection, "unreachable"),
        ConnectionError::WrongPassword { .. } => (Exit::Connection, "wrong-password"),
        ConnectionError::NoPassword { .. } => (Exit::Connection, "no-password"),
        ConnectionError::UnknownDatabase { .. } => (Exit::Connection, "unknown-database"),
        ConnectionError::NotAllowed { .. } => (Exit::Connection, "not-allowed"),
        ConnectionError::TooManyConnections { .. } => (Exit::Connection, "too-many-connections"),
        ConnectionError::NotReady { .. } => (Exit::Connection, "not-ready"),
        ConnectionError::Refused { .. } => (Exit::Connection, "refused-by-server"),
        ConnectionError::Tls { .. } => (Exit::Connection, "tls"),
        ConnectionError::SessionAttributes { .. } => (Exit::Connection, "session-attributes"),
        ConnectionError::Pooler { .. } => (Exit::Connection, "pooler"),
        ConnectionError::Lost { .. } => (Exit::Connection, "connection-lost"),
    }
}

fn hint(error: &ConnectionError) -> Option<String> {
    let hint = match error {
        ConnectionError::BadUrl { .. } => {
            "a target looks like postgres://USER@HOST:PORT/DATABASE or mongodb://USER@HOST:PORT/DATABASE; write special characters as %XX".to_owned()
        }
        ConnectionError::UnknownOption { nearest, .. } => match nearest {
            Some(nearest) => format!("did you mean {nearest}?"),
            None => return None,
        },
        ConnectionError::NoDatabase { target } => {
            format!("add its name: {}/DATABASE", target.trim_end_matches('/'))
        }
        ConnectionError::UnknownVariable { name } => format!("export {name}=postgres://USER@HOST/DATABASE"),
        ConnectionError::Unsupported { advice, .. } => advice.clone(),
        ConnectionError::Unreachable { source, .. }
            if source.kind() == std::io::ErrorKind::TimedOut =>
        {
            "check host and port, and that no firewall drops what is sent there; connect_timeout=SECONDS (PGCONNECT_TIMEOUT) waits longer, 0 for ever".to_owned()
        }
        ConnectionError::Unreachable { .. } => {
            "check host and port, and that the server runs and takes connections from here".to_owned()
        }
        ConnectionError::WrongPassword { origin, .. } => {
            format!("the password came from {origin}: correct it there, or check the user's name")
        }
        ConnectionError::NoPassword { .. } => {
            "give it in the URL, or else in PGPASSWORD or ~/.pgpass (mode 0600) for PostgreSQL, for MongoDB in the URL that MONGODB_URI holds".to_owned()
        }
        ConnectionError::UnknownDatabase { .. } => {
            "check the name: psql -l, or show dbs in mongosh, lists the databases of a server".to_owned()
        }
        ConnectionError::NotAllowed { .. } => {
            "the server's configuration and the role's rights decide: ask who looks after the server".to_owned()
        }
        ConnectionError::TooManyConnections { .. } => {
            "use fewer with --jobs, or end idle sessions".to_owned()
        }
        ConnectionError::Pooler { server, direct: Some(direct), .. } => {
            format!("connect to PostgreSQL itself: {direct} in place of {server}")
        }
        ConnectionError::Pooler { server, direct: None, .. } => format!(
            "connect to PostgreSQL itself in place of {server}: its own port is usually 5432"
        ),
        ConnectionError::NotReady { .. } => "try again when the server is up".to_owned(),
        ConnectionError::Tls { .. } => {
            "check the authority's file (sslrootcert, tlsCAFile), the client's certificate (sslcert, tlsCertificateKeyFile) and the name in the server's certificate; the vendor's shell with the same URL says the same".to_owned()
        }
        ConnectionError::Lost { .. } => "see the server's log, then run the command again".to_owned(),
        ConnectionError::SecretInCommand { .. } => {
            "hand it over in a variable: --env 'NAME={url}'".to_owned()
        }
        ConnectionError::BadValue { .. }
        | ConnectionError::ServiceFile { .. }
        | ConnectionError::Refused { .. }
        | ConnectionError::SessionAttributes { .. }
        | ConnectionError::OtherEngine { .. } => return None,
    };
    Some(hint)
}
