//! Encrypted connections to a real server: the same answer as psql's for every `sslmode`,
//! root file and client certificate. Run by `make test-debian`.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::process::Command;

use bookend::connection::{ConnectionError, Environment, Target};
use common::{Certificates, PASSWORD, Server, ServerOptions, Version};

/// What psql and bookend each say to a text: encrypted or not, or nothing for a refusal.
struct Both<'a> {
    server: &'a Server,
    env: Environment,
}

const ENCRYPTED: &str = "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

impl Both<'_> {
    fn psql(&self, text: &str) -> Option<String> {
        let done = Command::new(self.server.tool("psql"))
            .args(["-X", "-w", "-A", "-t", "-c", ENCRYPTED, text])
            .env_clear()
            .envs(self.env.iter())
            .output()
            .unwrap();
        done.status
            .success()
            .then(|| String::from_utf8_lossy(&done.stdout).trim().to_owned())
    }

    async fn bookend(&self, text: &str) -> Result<String, ConnectionError> {
        let target = Target::parse(text, &self.env)?;
        let session = target.postgres()?.connect("bookend test").await?;
        Ok(session.query_one(ENCRYPTED, &[]).await.unwrap().get(0))
    }

    /// Both agree, and it comes out as expected.
    async fn agree(&self, text: &str, expected: Option<bool>) -> Option<ConnectionError> {
        let expected = expected.map(|encrypted| encrypted.to_string());
        assert_eq!(self.psql(text), expected, "psql: {text}");
        let (found, error) = match self.bookend(text).await {
            Ok(found) => (Some(found), None),
            Err(error) => (None, Some(error)),
        };
        assert_eq!(found, expected, "bookend: {text} {error:?}");
        error
    }
}

fn server(certificates: &Certificates) -> Server {
    let access = [
        "hostssl all by_certificate 127.0.0.1/32 cert",
        "hostssl all with_certificate 127.0.0.1/32 scram-sha-256 clientcert=verify-full",
        "hostnossl all only_plain 127.0.0.1/32 scram-sha-256",
        "hostssl all only_plain 127.0.0.1/32 reject",
        "hostssl all only_encrypted 127.0.0.1/32 scram-sha-256",
        "hostnossl all only_encrypted 127.0.0.1/32 reject",
    ];
    let options = ServerOptions {
        access: access.map(str::to_owned).to_vec(),
        tls: Some(certificates),
        ..ServerOptions::default()
    };
    let server = Server::start(Version::V15, &options);
    for role in [
        "by_certificate",
        "with_certificate",
        "only_plain",
        "only_encrypted",
    ] {
        server.psql(
            "postgres",
            &format!("CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'"),
        );
    }
    server
}

/// A host, options with `OWN` and `OTHER` (root files), and whether the session is encrypted.
/// The server's certificate names localhost and not 127.0.0.1.
const MODES: &[(&str, &str, Option<bool>)] = &[
    ("localhost", "sslmode=disable", Some(false)),
    ("localhost", "sslmode=allow", Some(false)),
    ("localhost", "sslmode=prefer", Some(true)),
    ("localhost", "", Some(true)),
    ("localhost", "sslmode=require", Some(true)),
    ("localhost", "sslmode=verify-ca", None),
    ("localhost", "sslmode=verify-full", None),
    ("localhost", "sslmode=verify-ca&sslrootcert=OWN", Some(true)),
    ("127.0.0.1", "sslmode=verify-ca&sslrootcert=OWN", Some(true)),
    (
        "localhost",
        "sslmode=verify-full&sslrootcert=OWN",
        Some(true),
    ),
    ("127.0.0.1", "sslmode=verify-full&sslrootcert=OWN", None),
    ("localhost", "sslmode=verify-ca&sslrootcert=OTHER", None),
    ("localhost", "sslmode=verify-full&sslrootcert=OTHER", None),
    ("localhost", "sslmode=require&sslrootcert=OTHER", None),
    ("localhost", "sslmode=require&sslrootcert=OWN", Some(true)),
    // libpq falls back to plain where the handshake fails and encryption is a preference.
    ("localhost", "sslmode=prefer&sslrootcert=OTHER", Some(false)),
    (
        "localhost",
        "sslmode=require&channel_binding=require",
        Some(true),
    ),
    ("localhost", "sslmode=disable&channel_binding=require", None),
    (
        "localhost",
        "sslmode=require&ssl_min_protocol_version=TLSv1.3",
        Some(true),
    ),
    (
        "localhost",
        "sslmode=require&ssl_max_protocol_version=TLSv1.2",
        Some(true),
    ),
    ("localhost", "ssl=true", Some(true)),
    (
        "localhost",
        "sslmode=verify-full&sslrootcert=OWN&hostaddr=127.0.0.1",
        Some(true),
    ),
    (
        "elsewhere",
        "sslmode=verify-full&sslrootcert=OWN&hostaddr=127.0.0.1",
        None,
    ),
    (
        "elsewhere",
        "sslmode=verify-ca&sslrootcert=OWN&hostaddr=127.0.0.1",
        Some(true),
    ),
];

#[tokio::test]
async fn every_mode_means_what_it_means_to_psql() {
    let certificates = Certificates::new("localhost", "by_certificate");
    let server = server(&certificates);
    let home = tempfile::tempdir().unwrap();
    let both = Both {
        server: &server,
        env: Environment::empty().with("HOME", home.path().to_str().unwrap()),
    };
    let own = certificates.authority_file().display().to_string();
    let other = certificates.other_authority_file().display().to_string();
    let port = server.port();
    for (host, options, expected) in MODES {
        let options = options.replace("OWN", &own).replace("OTHER", &other);
        let text = format!("postgres://postgres:{PASSWORD}@{host}:{port}/postgres?{options}");
        let text = text.strip_suffix('?').unwrap_or(&text);
        let error = both.agree(text, *expected).await;
        let plain = options.contains("sslmode=disable");
        assert!(
            plain || error.is_none() || matches!(error, Some(ConnectionError::Tls { .. })),
            "{text} {error:?}"
        );
    }
}

#[tokio::test]
async fn a_root_file_in_the_home_folder_counts_without_being_named() {
    let certificates = Certificates::new("localhost", "by_certificate");
    let server = server(&certificates);
    let home = tempfile::tempdir().unwrap();
    let both = Both {
        server: &server,
        env: Environment::empty().with("HOME", home.path().to_str().unwrap()),
    };
    let (own, other) = (
        certificates.authority_file(),
        certificates.other_authority_file(),
    );
    let port = server.port();
    std::fs::create_dir(home.path().join(".postgresql")).unwrap();
    let text = format!("postgres://postgres:{PASSWORD}@localhost:{port}/postgres?sslmode=");
    for (file, expected) in [(&own, Some(true)), (&other, None)] {
        std::fs::copy(file, home.path().join(".postgresql/root.crt")).unwrap();
        both.agree(&format!("{text}require"), expected).await;
        both.agree(&format!("{text}verify-full"), expected).await;
    }
}

#[tokio::test]
async fn allow_and_prefer_try_what_the_server_wants() {
    let certificates = Certificates::new("localhost", "by_certificate");
    let server = server(&certificates);
    let both = Both {
        server: &server,
        env: Environment::empty().with("HOME", "/nonexistent"),
    };
    for (role, mode, expected) in [
        ("only_plain", "disable", Some(false)),
        ("only_plain", "allow", Some(false)),
        ("only_plain", "prefer", Some(false)),
        ("only_plain", "require", None),
        ("only_encrypted", "disable", None),
        ("only_encrypted", "allow", Some(true)),
        ("only_encrypted", "prefer", Some(true)),
        ("only_encrypted", "require", Some(true)),
    ] {
        let url = server.url_of(role, PASSWORD, "postgres");
        both.agree(&format!("{url}?sslmode={mode}"), expected).await;
        let url = server.url_of(role, "wrong", "postgres");
        both.agree(&format!("{url}?sslmode={mode}"), None).await;
    }
    let wrong = both
        .bookend(&server.url_of("postgres", "wrong", "postgres"))
        .await
        .unwrap_err();
    assert!(
        matches!(wrong, ConnectionError::WrongPassword { .. }),
        "{wrong:?}"
    );
}

#[tokio::test]
async fn client_certificates_are_shown_as_psql_shows_them() {
    use std::os::unix::fs::PermissionsExt;
    let certificates = Certificates::new("localhost", "by_certificate");
    let server = server(&certificates);
    let home = tempfile::tempdir().unwrap();
    let both = Both {
        server: &server,
        env: Environment::empty().with("HOME", home.path().to_str().unwrap()),
    };
    let (certificate, key) = (
        certificates.client_certificate_file(),
        certificates.client_key_file(),
    );
    let named = format!(
        "sslmode=require&sslcert={}&sslkey={}",
        certificate.display(),
        key.display()
    );
    let url = |role: &str, options: &str| {
        format!("{}?{options}", server.url_of(role, PASSWORD, "postgres"))
    };
    both.agree(&url("by_certificate", &named), Some(true)).await;
    both.agree(&url("by_certificate", "sslmode=require"), None)
        .await;
    // The certificate is another role's.
    both.agree(&url("with_certificate", &named), None).await;
    let missing = url(
        "by_certificate",
        &format!("sslmode=require&sslcert={}", certificate.display()),
    );
    both.agree(&missing, None).await;
    // The same files at their usual place; the key must be private.
    let folder = home.path().join(".postgresql");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(&certificate, folder.join("postgresql.crt")).unwrap();
    std::fs::copy(&key, folder.join("postgresql.key")).unwrap();
    let text = url("by_certificate", "sslmode=require");
    both.agree(&text, Some(true)).await;
    let public = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(folder.join("postgresql.key"), public).unwrap();
    let error = both.agree(&text, None).await.unwrap();
    assert!(
        error
            .to_string()
            .contains("others can read the private key"),
        "{error}"
    );
}

#[tokio::test]
async fn a_statement_of_an_encrypted_session_can_be_cancelled() {
    let certificates = Certificates::new("localhost", "by_certificate");
    let server = server(&certificates);
    let url = server.url_of("only_encrypted", PASSWORD, "postgres") + "?sslmode=require";
    let target = Target::parse(&url, &Environment::empty().with("HOME", "/nonexistent")).unwrap();
    let session = target
        .postgres()
        .unwrap()
        .connect("bookend test")
        .await
        .unwrap();
    let (client, handle) = (
        std::sync::Arc::clone(&session.client),
        session.cancel_handle(),
    );
    let sleeping = tokio::spawn(async move { client.batch_execute("SELECT pg_sleep(60)").await });
    let running = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE pid = {} AND query LIKE '%pg_sleep%'",
        session.backend_pid()
    );
    while server.psql("postgres", &running).trim() != "1" {
        tokio::task::yield_now().await;
    }
    handle.cancel().await.unwrap();
    let error = sleeping.await.unwrap().unwrap_err();
    assert_eq!(error.code().unwrap().code(), "57014");
}
