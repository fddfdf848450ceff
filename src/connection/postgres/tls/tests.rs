//! Handshakes in memory against servers with all kinds of certificates.
//!
//! `tests/version1.*` were made with `openssl x509 -req` without extensions, the way that
//! PostgreSQL's own documentation long told people to; `encrypted.key` has a password.

mod world;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, IsCa, KeyIdMethod,
    KeyPair, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::ProtocolVersion::{TLSv1_2, TLSv1_3};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use super::*;
use world::{World, handshake, key_of, server_config, version1};

#[test]
fn require_without_a_root_file_takes_any_certificate() {
    let world = World::new();
    for server in [
        world.named(&["elsewhere.example.com"]),
        world.signed(|_| {}),
    ] {
        world
            .meet(&[("sslmode", "require")], &server, "db.example.com")
            .unwrap();
    }
}

#[test]
fn whatever_the_mode_a_server_must_hold_the_key_of_its_certificate() {
    let world = World::new();
    let options = world.options(&[("sslmode", "require")]).unwrap();
    let thief = key_of(&world.signed(|_| {}));
    let victim = world.named(&["db.example.com"]).chain;
    for chain in [victim, version1().0] {
        for limit in ["TLSv1.2", "TLSv1.3"] {
            let options = TlsOptions {
                versions: world
                    .options(&[("ssl_max_protocol_version", limit)])
                    .unwrap()
                    .versions,
                ..options.clone()
            };
            let error = handshake(
                &options,
                server_config(chain.clone(), &thief),
                "db.example.com",
            )
            .unwrap_err();
            assert!(error.contains("BadSignature"), "{limit}: {error}");
        }
    }
}

#[test]
fn certificates_of_version_1_serve_for_require_and_are_refused_in_words_otherwise() {
    let world = World::new();
    world.write("old.crt", include_str!("tests/version1-ca.crt"));
    let (chain, key) = version1();
    for limit in ["TLSv1.2", "TLSv1.3"] {
        let options = world
            .options(&[("sslmode", "require"), ("ssl_max_protocol_version", limit)])
            .unwrap();
        handshake(
            &options,
            server_config(chain.clone(), &key),
            "db.example.com",
        )
        .unwrap();
    }
    let root = world.path("old.crt");
    let options = world
        .options(&[("sslmode", "verify-ca"), ("sslrootcert", &root)])
        .unwrap();
    let error = handshake(&options, server_config(chain, &key), "db.example.com").unwrap_err();
    assert!(error.contains("of version 1"), "{error}");
}

#[test]
fn a_root_file_turns_require_into_verify_ca() {
    let world = World::with_authority();
    let server = world.named(&["elsewhere.example.com"]);
    let (own, other) = (world.path("ca.crt"), world.path("other.crt"));
    for mode in ["allow", "prefer", "require", "verify-ca"] {
        world
            .meet(
                &[("sslmode", mode), ("sslrootcert", &own)],
                &server,
                "db.example.com",
            )
            .unwrap();
        let error = world.meet(
            &[("sslmode", mode), ("sslrootcert", &other)],
            &server,
            "db.example.com",
        );
        assert!(error.unwrap_err().contains("UnknownIssuer"));
    }
    fs::copy(world.path("other.crt"), world.path("root.crt")).unwrap();
    assert!(
        world
            .meet(&[("sslmode", "require")], &server, "db.example.com")
            .is_err()
    );
}

#[test]
fn verify_modes_need_a_root_file() {
    let world = World::new();
    let server = world.named(&["db.example.com"]);
    for mode in ["verify-ca", "verify-full"] {
        let error = world
            .meet(&[("sslmode", mode)], &server, "db.example.com")
            .unwrap_err();
        assert!(
            error.contains(".postgresql/root.crt does not exist"),
            "{error}"
        );
        let named = [("sslmode", mode), ("sslrootcert", "/nonexistent.crt")];
        assert!(
            world
                .meet(&named, &server, "db.example.com")
                .unwrap_err()
                .contains("/nonexistent.crt")
        );
    }
    world.write("root.crt", "this is no certificate");
    let error = world
        .meet(&[("sslmode", "verify-ca")], &server, "db.example.com")
        .unwrap_err();
    assert!(error.contains("holds no certificate"), "{error}");
}

#[test]
fn verify_full_checks_the_name_by_libpqs_rules() {
    let world = World::with_authority();
    let root = world.path("ca.crt");
    let full = [("sslmode", "verify-full"), ("sslrootcert", root.as_str())];
    for (names, host, fine) in [
        (&["db.example.com"][..], "db.example.com", true),
        (&["db.example.com"], "DB.EXAMPLE.COM", true),
        (&["*.example.com"], "db.example.com", true),
        (&["*.example.com"], "a.db.example.com", false),
        (&["db.example.com"], "other.example.com", false),
        (&["127.0.0.1", "::1"], "127.0.0.1", true),
        (&["127.0.0.1", "::1"], "::1", true),
        (&["127.0.0.2"], "127.0.0.1", false),
        (&["localhost"], "127.0.0.1", false),
        // The common name counts only where there is no alternative name of the host's kind.
        (&[], "common.example.com", true),
        (&["db.example.com"], "common.example.com", false),
        (&["127.0.0.1"], "common.example.com", true),
    ] {
        let result = world.meet(&full, &world.named(names), host);
        assert_eq!(result.is_ok(), fine, "{names:?} {host} {result:?}");
        if let Err(error) = result {
            assert!(error.contains(&format!("not for {host}")), "{error}");
        }
    }
}

#[test]
fn a_self_signed_certificate_is_fine_where_it_is_the_trusted_one() {
    let world = World::new();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["db.example.com".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = |params: &CertificateParams| {
        let certificate = params.self_signed(&key).unwrap();
        world.write("own.crt", &certificate.pem());
        server_config(
            vec![certificate.der().clone()],
            &PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
    };
    let path = world.path("own.crt");
    let pairs = [("sslmode", "verify-full"), ("sslrootcert", path.as_str())];
    let server = own(&params);
    let options = world.options(&pairs).unwrap();
    handshake(&options, server.clone(), "db.example.com").unwrap();
    assert!(
        handshake(&options, server, "other.example.com")
            .unwrap_err()
            .contains("not for")
    );
    params.not_after = date_time_ymd(2001, 1, 1);
    let expired = own(&params);
    assert!(
        handshake(&options, expired, "db.example.com")
            .unwrap_err()
            .contains("expired")
    );
}

#[test]
fn certificates_that_are_wrong_are_refused_with_the_reason() {
    let world = World::with_authority();
    let root = world.path("ca.crt");
    let pairs = [("sslmode", "verify-ca"), ("sslrootcert", root.as_str())];
    let expired = world.signed(|params| params.not_after = date_time_ymd(2001, 1, 1));
    assert!(
        world
            .meet(&pairs, &expired, "h")
            .unwrap_err()
            .contains("expired")
    );
    let early = world.signed(|params| params.not_before = date_time_ymd(4000, 1, 1));
    assert!(
        world
            .meet(&pairs, &early, "h")
            .unwrap_err()
            .contains("not valid yet")
    );
    let authority = world.signed(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    assert!(
        world
            .meet(&pairs, &authority, "h")
            .unwrap_err()
            .contains("marked as an authority")
    );
}

#[test]
fn a_revoked_certificate_is_refused() {
    let world = World::with_authority();
    let serial = SerialNumber::from(42_u64);
    let revoked = world.signed(|params| params.serial_number = Some(serial.clone()));
    let fine = world.signed(|params| params.serial_number = Some(SerialNumber::from(43_u64)));
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(2020, 1, 1),
        next_update: date_time_ymd(4000, 1, 1),
        crl_number: SerialNumber::from(1_u64),
        issuing_distribution_point: None,
        revoked_certs: vec![RevokedCertParams {
            serial_number: serial,
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        }],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    world.write(
        "revoked.crl",
        &list.signed_by(&world.authority).unwrap().pem().unwrap(),
    );
    let (root, list) = (world.path("ca.crt"), world.path("revoked.crl"));
    let pairs = [
        ("sslmode", "verify-ca"),
        ("sslrootcert", root.as_str()),
        ("sslcrl", list.as_str()),
    ];
    world.meet(&pairs, &fine, "h").unwrap();
    assert!(
        world
            .meet(&pairs, &revoked, "h")
            .unwrap_err()
            .contains("Revoked")
    );
    // Without being named, the one in the home folder counts.
    fs::copy(&list, world.path("root.crl")).unwrap();
    assert!(
        world
            .meet(&pairs[..2], &revoked, "h")
            .unwrap_err()
            .contains("Revoked")
    );
    let missing = [
        ("sslmode", "verify-ca"),
        ("sslrootcert", root.as_str()),
        ("sslcrl", "/nonexistent"),
    ];
    assert!(
        world
            .meet(&missing, &fine, "h")
            .unwrap_err()
            .contains("revocation list /nonexistent")
    );
}

#[test]
fn the_clients_certificate_is_shown_to_a_server_that_asks() {
    let world = World::with_authority();
    let server = world.named(&["h"]);
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(
        CertificateDer::pem_file_iter(world.path("ca.crt"))
            .unwrap()
            .map(Result::unwrap),
    );
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let asks = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(asks)
        .with_single_cert(server.chain.clone(), key_of(&server))
        .unwrap();
    let connect = |pairs: &[(&'static str, &str)]| {
        let options = world.options(pairs).map_err(|error| error.to_string())?;
        handshake(&options, config.clone(), "h")
    };
    assert!(connect(&[("sslmode", "require")]).is_err());
    assert!(
        connect(&[("sslcertmode", "require")])
            .unwrap_err()
            .contains("no client certificate")
    );
    let client = world.signed(|_| {});
    world.write("postgresql.crt", &client.pem);
    assert!(
        connect(&[])
            .unwrap_err()
            .contains("not its private key file")
    );
    world.write("postgresql.key", &client.key.serialize_pem());
    connect(&[("sslmode", "require")]).unwrap();
    assert!(connect(&[("sslcertmode", "disable")]).is_err());
    world.write("postgresql.key", include_str!("tests/encrypted.key"));
    let error = connect(&[]).unwrap_err();
    assert!(error.contains("encrypted private key"), "{error}");
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let world = World::new();
    let client = world.signed(|_| {});
    world.write("postgresql.crt", &client.pem);
    world.write("postgresql.key", &client.key.serialize_pem());
    let path = world.path("postgresql.key");
    let root = nix::unistd::geteuid().is_root();
    for (mode, fine) in [
        (0o600, true),
        (0o400, true),
        (0o640, root),
        (0o644, false),
        (0o660, false),
    ] {
        fs::set_permissions(Path::new(&path), fs::Permissions::from_mode(mode)).unwrap();
        let config = world.options(&[]).unwrap().client_config("h");
        assert_eq!(config.is_ok(), fine, "{mode:o}");
    }
}

#[test]
fn only_the_asked_versions_are_spoken() {
    let world = World::new();
    let chosen = |pairs| {
        world
            .options(pairs)
            .unwrap()
            .versions
            .iter()
            .map(|v| v.version)
            .collect::<Vec<_>>()
    };
    assert_eq!(chosen(&[]), [TLSv1_2, TLSv1_3]);
    assert_eq!(
        chosen(&[("ssl_min_protocol_version", "TLSv1.3")]),
        [TLSv1_3]
    );
    assert_eq!(
        chosen(&[
            ("ssl_max_protocol_version", "tlsv1.2"),
            ("ssl_min_protocol_version", "TLSv1")
        ]),
        [TLSv1_2]
    );
}
