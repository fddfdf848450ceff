//! Checking a server's certificate as far as `sslmode` asks for.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use x509_cert::der::{Decode, Encode};
use x509_cert::{Certificate, Version};

use super::names;

/// What is checked of a server's certificate.
#[derive(Debug)]
pub struct Verifier {
    chain: Option<Chain>,
    name: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
struct Chain {
    webpki: Arc<WebPkiServerVerifier>,
    roots: Vec<CertificateDer<'static>>,
}

/// A reason of our own for refusing a certificate, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refusal(String);

impl Verifier {
    /// Checks nothing but that the server holds the key of the certificate it shows, which
    /// channel binding leans on.
    pub fn of_nothing(provider: &CryptoProvider) -> Self {
        Self {
            chain: None,
            name: false,
            algorithms: provider.signature_verification_algorithms,
        }
    }

    /// Checks that the certificate comes from one of `roots`, and if asked the host's name.
    pub fn of_chain(
        roots: Vec<CertificateDer<'static>>,
        revoked: Vec<CertificateRevocationListDer<'static>>,
        name: bool,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let mut store = RootCertStore::empty();
        let (_, unusable) = store.add_parsable_certificates(roots.iter().cloned());
        if store.is_empty() {
            return Err(format!(
                "none of the {unusable} trusted certificates can be used"
            ));
        }
        let webpki =
            WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
                .with_crls(revoked)
                .build()
                .map_err(|error| error.to_string())?;
        Ok(Self {
            chain: Some(Chain { webpki, roots }),
            name,
            algorithms: provider.signature_verification_algorithms,
        })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        match chain.webpki.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        ) {
            // The name is looked at last, so everything else is fine; libpq's rules for names
            // (the common name counts where no alternative name stands) are our own.
            Ok(_)
            | Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => {}
            Err(error) => chain.judge(&error, end_entity, now)?,
        }
        if self.name {
            names::check(end_entity, server_name).map_err(refusal)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
            .or_else(|error| self.verify_old_certificate_tls12(error, message, cert, dss))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms).or_else(|error| {
            let key = key_of_old_certificate(cert, error)?;
            let key = key.to_der().map_err(|_| CertificateError::BadEncoding)?;
            verify_tls13_signature_with_raw_key(
                message,
                &SubjectPublicKeyInfoDer::from(key.as_slice()),
                dss,
                &self.algorithms,
            )
        })
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl Verifier {
    fn verify_old_certificate_tls12(
        &self,
        error: Error,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = key_of_old_certificate(cert, error)?;
        let algorithms = self
            .algorithms
            .mapping
            .iter()
            .find(|(scheme, _)| *scheme == dss.scheme);
        let fits = algorithms.is_some_and(|(_, algorithms)| {
            algorithms.iter().any(|algorithm| {
                let bits = key.subject_public_key.raw_bytes();
                algorithm
                    .verify_signature(bits, message, dss.signature())
                    .is_ok()
            })
        });
        if fits {
            Ok(HandshakeSignatureValid::assertion())
        } else {
            Err(CertificateError::BadSignature.into())
        }
    }
}

impl Chain {
    /// Second thoughts on webpki's refusals: what OpenSSL takes safely is taken, the rest
    /// gets words that say what is wrong with the certificate.
    fn judge(
        &self,
        error: &Error,
        end_entity: &CertificateDer<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let Ok(certificate) = Certificate::from_der(end_entity) else {
            return Err(error.clone());
        };
        let facts = &certificate.tbs_certificate;
        let trusted_itself = self
            .roots
            .iter()
            .any(|root| root.as_ref() == end_entity.as_ref());
        if trusted_itself && facts.issuer == facts.subject {
            let (from, until) = (&facts.validity.not_before, &facts.validity.not_after);
            if now.as_secs() < from.to_unix_duration().as_secs() {
                return Err(refusal(
                    "the server's certificate is not valid yet".to_owned(),
                ));
            }
            if now.as_secs() > until.to_unix_duration().as_secs() {
                return Err(refusal("the server's certificate has expired".to_owned()));
            }
            return Ok(());
        }
        let words = format!("{error:?}");
        if facts.version != Version::V3 {
            return Err(refusal(
                "the server's certificate is of version 1, which is not supported: make one of version 3 \
                 (with subjectAltName)"
                    .to_owned(),
            ));
        }
        if words.contains("CaUsedAsEndEntity") {
            return Err(refusal(
                "the server's certificate is marked as an authority (CA:TRUE) and is not in sslrootcert \
                 itself: make one with CA:FALSE, or trust this one"
                    .to_owned(),
            ));
        }
        Err(error.clone())
    }
}

/// webpki reads version 3 only; the key of an older certificate is read here.
fn key_of_old_certificate(
    cert: &CertificateDer<'_>,
    error: Error,
) -> Result<x509_cert::spki::SubjectPublicKeyInfoOwned, Error> {
    match Certificate::from_der(cert) {
        Ok(parsed) if parsed.tbs_certificate.version != Version::V3 => {
            Ok(parsed.tbs_certificate.subject_public_key_info)
        }
        _ => Err(error),
    }
}

fn refusal(words: String) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(Refusal(
        words,
    )))))
}
