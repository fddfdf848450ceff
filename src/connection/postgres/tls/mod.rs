//! Encryption by libpq's rules, done by rustls.
//!
//! | sslmode | a root file exists | none exists |
//! | --- | --- | --- |
//! | `allow`, `prefer`, `require` | the chain is checked | nothing is checked |
//! | `verify-ca` | the chain is checked | error |
//! | `verify-full` | the chain and the host's name are checked | error |
//!
//! The left column's first row is libpq's own backward compatibility: `require` with a root
//! file is `verify-ca`.

mod files;
mod names;
mod verifier;

use std::path::PathBuf;
use std::sync::Arc;

use rustls::{ClientConfig, SupportedProtocolVersion, version};

use super::params::non_empty;
use super::resolve::Options;
use super::values::{self, SslMode};
use crate::connection::{ConnectionError, Environment};
use files::ClientKey;
use verifier::Verifier;

/// What a connection's encryption is to be like.
#[derive(Clone, Debug)]
pub struct TlsOptions {
    /// When to encrypt, and what to check.
    pub mode: SslMode,
    /// TLS without asking the server first (PostgreSQL 17 and newer).
    pub direct: bool,
    roots: Roots,
    revoked: Option<PathBuf>,
    client: Option<ClientFiles>,
    client_required: bool,
    server_name_indication: bool,
    versions: Vec<&'static SupportedProtocolVersion>,
}

/// The authorities that are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Roots {
    /// Those of a file.
    File(PathBuf),
    /// Those of the operating system (`sslrootcert=system`).
    System,
    /// There is nothing to check against; the place where a file could be.
    None(PathBuf),
}

/// The client's own certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ClientFiles {
    certificate: PathBuf,
    key: PathBuf,
}

impl TlsOptions {
    /// Reads the options and looks which of the default files are there.
    pub fn read(options: &Options, env: &Environment) -> Result<Self, ConnectionError> {
        let folder = env.home().unwrap_or_default().join(".postgresql");
        let system = non_empty(options, "sslrootcert") == Some("system");
        let default_mode = if system {
            SslMode::VerifyFull
        } else {
            SslMode::Prefer
        };
        let mode = non_empty(options, "sslmode").map_or(Ok(default_mode), values::ssl_mode)?;
        if system && mode != SslMode::VerifyFull {
            return Err(weak(
                "sslmode",
                options,
                "sslrootcert=system needs sslmode=verify-full",
            ));
        }
        let direct = match non_empty(options, "sslnegotiation") {
            Some(value) => values::one_of(
                "sslnegotiation",
                value,
                &[("postgres", false), ("direct", true)],
            )?,
            None => false,
        };
        if direct && mode < SslMode::Require {
            return Err(weak(
                "sslmode",
                options,
                "sslnegotiation=direct needs sslmode=require or stronger",
            ));
        }
        let file = |key: &str, default: &str| {
            non_empty(options, key).map_or_else(|| folder.join(default), PathBuf::from)
        };
        let root = file("sslrootcert", "root.crt");
        let revoked = file("sslcrl", "root.crl");
        Ok(Self {
            mode,
            direct,
            roots: match system {
                true => Roots::System,
                false if root.exists() => Roots::File(root),
                false => Roots::None(root),
            },
            revoked: (non_empty(options, "sslcrl").is_some() || revoked.exists())
                .then_some(revoked),
            client: client_files(options, &file)?,
            client_required: non_empty(options, "sslcertmode") == Some("require"),
            server_name_indication: match non_empty(options, "sslsni") {
                Some(value) => values::one_of("sslsni", value, &[("0", false), ("1", true)])?,
                None => true,
            },
            versions: versions(options)?,
        })
    }

    /// Builds what performs the handshakes; files are read now.
    pub fn connector(&self, server: &str) -> Result<Connector, ConnectionError> {
        self.client_config(server).map(Connector::new)
    }

    fn client_config(&self, server: &str) -> Result<ClientConfig, ConnectionError> {
        let wrong = |what: String| ConnectionError::Tls {
            server: server.to_owned(),
            what,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = match &self.roots {
            Roots::None(path) if self.mode >= SslMode::VerifyCa => {
                return Err(wrong(format!(
                    "root certificate file {} does not exist; name one in sslrootcert, or use sslrootcert=system",
                    path.display()
                )));
            }
            Roots::None(_) => Verifier::of_nothing(&provider),
            Roots::File(path) => Verifier::of_chain(
                files::certificates(path).map_err(wrong)?,
                self.revocations().map_err(wrong)?,
                self.mode == SslMode::VerifyFull,
                &provider,
            )
            .map_err(wrong)?,
            Roots::System => Verifier::of_chain(
                files::system_roots().map_err(wrong)?,
                self.revocations().map_err(wrong)?,
                true,
                &provider,
            )
            .map_err(wrong)?,
        };
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&self.versions)
            .map_err(|error| wrong(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &self.client {
            Some(files) => {
                let key = ClientKey::read(&files.certificate, &files.key, &provider)?;
                config.with_client_cert_resolver(key.resolver())
            }
            None if self.client_required => {
                return Err(wrong(
                    "sslcertmode=require, and there is no client certificate".to_owned(),
                ));
            }
            None => config.with_no_client_auth(),
        };
        config.enable_sni = self.server_name_indication;
        if self.direct {
            config.alpn_protocols = vec![b"postgresql".to_vec()];
        }
        Ok(config)
    }

    fn revocations(
        &self,
    ) -> Result<Vec<rustls::pki_types::CertificateRevocationListDer<'static>>, String> {
        self.revoked
            .as_ref()
            .map_or(Ok(Vec::new()), |path| files::revocations(path))
    }
}

/// Performs handshakes for tokio-postgres.
pub type Connector = tokio_postgres_rustls::MakeRustlsConnect;

/// The client's files: named, or the default ones if the certificate is there.
fn client_files(
    options: &Options,
    file: &impl Fn(&str, &str) -> PathBuf,
) -> Result<Option<ClientFiles>, ConnectionError> {
    let send = match non_empty(options, "sslcertmode") {
        Some(value) => values::one_of(
            "sslcertmode",
            value,
            &[("disable", false), ("allow", true), ("require", true)],
        )?,
        None => true,
    };
    let certificate = file("sslcert", "postgresql.crt");
    // A named file that is missing is passed over by libpq too; the server then asks for it.
    if !send || !certificate.exists() {
        return Ok(None);
    }
    Ok(Some(ClientFiles {
        certificate,
        key: file("sslkey", "postgresql.key"),
    }))
}

/// The protocol versions between the asked limits. rustls has nothing below 1.2.
fn versions(options: &Options) -> Result<Vec<&'static SupportedProtocolVersion>, ConnectionError> {
    let known = [("TLSv1", 0), ("TLSv1.1", 1), ("TLSv1.2", 2), ("TLSv1.3", 3)];
    let limit = |key: &str, default: i32| match non_empty(options, key) {
        Some(value) => {
            let canonical = known
                .iter()
                .map(|(word, _)| *word)
                .find(|w| w.eq_ignore_ascii_case(value));
            values::one_of(key, canonical.unwrap_or(value), &known)
        }
        None => Ok(default),
    };
    let (low, high) = (
        limit("ssl_min_protocol_version", 2)?,
        limit("ssl_max_protocol_version", 3)?,
    );
    let mut chosen = Vec::new();
    for (number, version) in [(2, &version::TLS12), (3, &version::TLS13)] {
        if (low..=high).contains(&number) {
            chosen.push(version);
        }
    }
    if chosen.is_empty() {
        return Err(ConnectionError::Unsupported {
            what: "a TLS version below 1.2".to_owned(),
            advice: "raise ssl_max_protocol_version to TLSv1.2 or TLSv1.3".to_owned(),
        });
    }
    Ok(chosen)
}

fn weak(key: &str, options: &Options, why: &str) -> ConnectionError {
    ConnectionError::BadValue {
        key: key.to_owned(),
        value: non_empty(options, key).unwrap_or("prefer").to_owned(),
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests;
