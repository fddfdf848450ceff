//! Certificates, keys and revocation lists out of files.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use crate::connection::ConnectionError;

/// All certificates of a file.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |problem: String| format!("certificate file {}: {problem}", path.display());
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(error.to_string()))?;
    if found.is_empty() {
        Err(wrong("it holds no certificate".to_owned()))
    } else {
        Ok(found)
    }
}

/// The authorities that the operating system trusts.
pub fn system_roots() -> Result<Vec<CertificateDer<'static>>, String> {
    let loaded = rustls_native_certs::load_native_certs();
    if loaded.certs.is_empty() {
        let why = loaded
            .errors
            .first()
            .map_or_else(|| "none are installed".to_owned(), ToString::to_string);
        return Err(format!(
            "the system's trusted certificates cannot be read: {why}"
        ));
    }
    Ok(loaded.certs)
}

/// All revocation lists of a file.
pub fn revocations(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    let wrong = |problem: String| format!("revocation list {}: {problem}", path.display());
    let found: Vec<_> = CertificateRevocationListDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(error.to_string()))?;
    if found.is_empty() {
        Err(wrong("it holds no revocation list".to_owned()))
    } else {
        Ok(found)
    }
}

/// The client's certificate with its key.
pub struct ClientKey(Arc<CertifiedKey>);

impl ClientKey {
    /// Reads both, after the check that nobody else can read the key.
    pub fn read(
        certificate: &Path,
        key: &Path,
        provider: &CryptoProvider,
    ) -> Result<Self, ConnectionError> {
        let chain = certificates(certificate).map_err(|what| wrong(certificate, what))?;
        check_rights(key)?;
        let text = std::fs::read(key).map_err(|error| wrong(key, error.to_string()))?;
        refuse_encrypted(&text, key)?;
        let parsed = PrivateKeyDer::from_pem_slice(&text)
            .map_err(|error| wrong(key, format!("the private key cannot be read: {error}")))?;
        let signer = provider
            .key_provider
            .load_private_key(parsed)
            .map_err(|error| wrong(key, format!("the private key cannot be used: {error}")))?;
        Ok(Self(Arc::new(CertifiedKey::new(chain, signer))))
    }

    /// Presents it to servers that ask. Whether key and certificate fit is left to the
    /// server: rustls' own check refuses version 1 certificates, which OpenSSL takes.
    pub fn resolver(self) -> Arc<dyn ResolvesClientCert> {
        Arc::new(SingleCertAndKey::from(self.0))
    }
}

/// libpq's rule: 0600 or less, or 0640 or less if root owns it.
fn check_rights(key: &Path) -> Result<(), ConnectionError> {
    let facts = std::fs::metadata(key).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => wrong(
            key,
            "a certificate is present, but not its private key file".to_owned(),
        ),
        _ => wrong(key, error.to_string()),
    })?;
    if !facts.is_file() {
        return Err(wrong(
            key,
            "the private key is not a regular file".to_owned(),
        ));
    }
    let forbidden = if facts.uid() == 0 { 0o037 } else { 0o077 };
    if facts.mode() & forbidden != 0 {
        return Err(wrong(
            key,
            "others can read the private key; chmod 0600 it".to_owned(),
        ));
    }
    Ok(())
}

fn refuse_encrypted(text: &[u8], key: &Path) -> Result<(), ConnectionError> {
    let text = String::from_utf8_lossy(text);
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(ConnectionError::Unsupported {
            what: format!("the encrypted private key {}", key.display()),
            advice: format!(
                "decrypt it: openssl pkey -in {} -out NEW.key",
                key.display()
            ),
        });
    }
    Ok(())
}

fn wrong(path: &Path, what: String) -> ConnectionError {
    ConnectionError::Tls {
        server: path.display().to_string(),
        what,
    }
}
