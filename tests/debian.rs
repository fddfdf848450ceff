//! What only Debian's PostgreSQL 15 has: TLS, ICU, contrib. Run by `make test-debian`.

mod common;

use std::process::Command;

use common::{Certificates, Server, ServerOptions, Version};

#[test]
fn the_server_has_icu_and_contrib() {
    let database = Server::shared(Version::V15).database("contrib");
    database.psql("CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION pg_trgm");
    let collations = "SELECT count(*) > 100 FROM pg_collation WHERE collprovider = 'i'";
    assert_eq!(database.psql(collations).trim(), "t");
}

#[test]
fn the_tls_server_is_accepted_by_its_own_name_and_authority_only() {
    let certificates = Certificates::new("localhost", "shop");
    let options = ServerOptions {
        access: vec![
            "hostssl all shop 127.0.0.1/32 cert".to_owned(),
            "hostnossl all all 127.0.0.1/32 reject".to_owned(),
        ],
        tls: Some(&certificates),
        ..ServerOptions::default()
    };
    let server = Server::start(Version::V15, &options);
    server.psql("postgres", "CREATE ROLE shop LOGIN");
    let connect = |host: &str, authority: &std::path::Path, client: bool| {
        let mut psql = Command::new(server.tool("psql"));
        psql.args(["-X", "-A", "-t", "-c", "SELECT current_user"])
            .env_clear()
            .env("PGHOST", host)
            .env("PGPORT", server.port().to_string())
            .env("PGUSER", if client { "shop" } else { "postgres" })
            .env("PGPASSWORD", common::PASSWORD)
            .env("PGDATABASE", "postgres")
            .env("PGSSLMODE", "verify-full")
            .env("PGSSLROOTCERT", authority);
        if client {
            psql.env("PGSSLCERT", certificates.client_certificate_file())
                .env("PGSSLKEY", certificates.client_key_file());
        }
        let done = psql.output().unwrap();
        (
            done.status.success(),
            String::from_utf8_lossy(&done.stderr).into_owned(),
        )
    };
    let own = certificates.authority_file();
    assert_eq!(connect("localhost", &own, false), (true, String::new()));
    assert_eq!(connect("localhost", &own, true), (true, String::new()));
    let (fine, said) = connect("127.0.0.1", &own, false);
    assert!(!fine && said.contains("does not match host name"), "{said}");
    let (fine, said) = connect("localhost", &certificates.other_authority_file(), false);
    assert!(
        !fine && said.contains("certificate verify failed"),
        "{said}"
    );
}
