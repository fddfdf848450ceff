//! Certificates for a TLS server, made anew for each test.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// An authority, a server certificate for one host name, a client certificate for one role,
/// and another authority that signed none of them.
pub struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    /// `host` is the only name in the server's certificate, `role` the client's common name.
    pub fn new(host: &str, role: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let certificates = Self { folder };
        let issuer = certificates.authority("ca");
        certificates.authority("other-ca");
        certificates.leaf(&issuer, "server", host, ExtendedKeyUsagePurpose::ServerAuth);
        certificates.leaf(&issuer, "client", role, ExtendedKeyUsagePurpose::ClientAuth);
        certificates
    }

    /// The authority that signed the server's and the client's certificate (`sslrootcert`).
    pub fn authority_file(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// An authority that the server's certificate does not come from.
    pub fn other_authority_file(&self) -> PathBuf {
        self.folder.path().join("other-ca.crt")
    }

    /// The role's certificate (`sslcert`).
    pub fn client_certificate_file(&self) -> PathBuf {
        self.folder.path().join("client.crt")
    }

    /// The role's key (`sslkey`).
    pub fn client_key_file(&self) -> PathBuf {
        self.folder.path().join("client.key")
    }

    /// Certificate and key of `server` or `client` in one file, as MongoDB takes them.
    pub fn pem(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(format!("{name}.pem"));
        let read = |end: &str| std::fs::read_to_string(path.with_extension(end)).expect("made");
        // At once: another test may be reading it.
        let mut file = tempfile::NamedTempFile::new_in(self.folder.path()).expect("room for it");
        let text = read("crt") + &read("key");
        std::io::Write::write_all(&mut file, text.as_bytes()).expect("room for it");
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(file.path(), readable).expect("our own file");
        file.persist(&path).expect("the same folder");
        path
    }

    /// Copies what the server needs into its data folder.
    pub fn write_server_files(&self, data: &Path) {
        for name in ["server.crt", "server.key", "ca.crt"] {
            std::fs::copy(self.folder.path().join(name), data.join(name)).expect("room for it");
        }
    }

    fn authority(&self, name: &str) -> Issuer<'static, KeyPair> {
        let mut params = CertificateParams::new(Vec::new()).expect("no names, no fault");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, format!("bookend test {name}"));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        self.write(&format!("{name}.crt"), &certificate.pem());
        Issuer::new(params, key)
    }

    fn leaf(
        &self,
        issuer: &Issuer<'static, KeyPair>,
        file: &str,
        name: &str,
        usage: ExtendedKeyUsagePurpose,
    ) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a valid name");
        params.distinguished_name.push(DnType::CommonName, name);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, issuer).expect("a certificate");
        self.write(&format!("{file}.crt"), &certificate.pem());
        self.write(&format!("{file}.key"), &key.serialize_pem());
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("room for it");
        // libpq and the server refuse a key that others may read.
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&path, private).expect("own file");
    }
}
