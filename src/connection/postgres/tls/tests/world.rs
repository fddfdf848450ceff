//! A home folder with certificates, an authority, and servers to shake hands with.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConnection, ServerConfig, ServerConnection};

use super::super::TlsOptions;
use crate::connection::{ConnectionError, Environment};

/// A home folder and an authority.
pub struct World {
    pub home: tempfile::TempDir,
    pub authority: Issuer<'static, KeyPair>,
}

/// A certificate with its key.
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub pem: String,
    pub key: KeyPair,
}

impl World {
    pub fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".postgresql")).unwrap();
        let world = Self {
            authority: authority("ca").0,
            home,
        };
        world.write("other.crt", &authority("other").1);
        world
    }

    /// A world whose authority's certificate is in `ca.crt`.
    pub fn with_authority() -> Self {
        let mut world = Self::new();
        let (issuer, pem) = authority("ca");
        world.write("ca.crt", &pem);
        world.authority = issuer;
        world
    }

    pub fn path(&self, name: &str) -> String {
        self.home
            .path()
            .join(".postgresql")
            .join(name)
            .to_str()
            .unwrap()
            .to_owned()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub fn options(&self, pairs: &[(&'static str, &str)]) -> Result<TlsOptions, ConnectionError> {
        let env = Environment::empty().with("HOME", self.home.path().to_str().unwrap());
        TlsOptions::read(
            &pairs.iter().map(|(k, v)| (*k, (*v).to_owned())).collect(),
            &env,
        )
    }

    pub fn signed(&self, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.use_authority_key_identifier_extension = true;
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        Identity {
            chain: vec![certificate.der().clone()],
            pem: certificate.pem(),
            key,
        }
    }

    pub fn named(&self, names: &[&str]) -> Identity {
        self.signed(|params| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            params.subject_alt_names = CertificateParams::new(names).unwrap().subject_alt_names;
            params
                .distinguished_name
                .push(DnType::CommonName, "common.example.com");
        })
    }

    /// What a handshake with `host` comes to.
    pub fn meet(
        &self,
        pairs: &[(&'static str, &str)],
        server: &Identity,
        host: &str,
    ) -> Result<(), String> {
        let options = self.options(pairs).map_err(|e| e.to_string())?;
        handshake(
            &options,
            server_config(server.chain.clone(), &key_of(server)),
            host,
        )
    }
}

pub fn authority(name: &str) -> (Issuer<'static, KeyPair>, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, format!("authority {name}"));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    (Issuer::new(params, key), pem)
}

pub fn key_of(identity: &Identity) -> PrivateKeyDer<'static> {
    PrivateKeyDer::try_from(identity.key.serialize_der()).unwrap()
}

/// A server that shows `chain` and signs with `key`, whether they fit or not.
pub fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: &PrivateKeyDer<'static>,
) -> ServerConfig {
    let provider = rustls::crypto::ring::default_provider();
    let key = provider
        .key_provider
        .load_private_key(key.clone_key())
        .unwrap();
    let resolver = Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, key)));
    ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(resolver)
}

pub fn handshake(options: &TlsOptions, server: ServerConfig, host: &str) -> Result<(), String> {
    let client = options
        .client_config("server")
        .map_err(|error| error.to_string())?;
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
    let mut server = ServerConnection::new(Arc::new(server)).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut wire.as_slice()).unwrap();
        let refused = server.process_new_packets().err();
        let mut wire = Vec::new();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut wire.as_slice()).unwrap();
        client
            .process_new_packets()
            .map_err(|error| error.to_string())?;
        if let Some(refused) = refused {
            return Err(refused.to_string());
        }
    }
    Ok(())
}

pub fn version1() -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = vec![CertificateDer::from_pem_slice(include_bytes!("version1.crt")).unwrap()];
    (
        chain,
        PrivateKeyDer::from_pem_slice(include_bytes!("version1.key")).unwrap(),
    )
}
