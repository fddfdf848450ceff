use super::*;
use crate::connection::Target;
use crate::connection::postgres::SslMode;

fn env() -> Environment {
    Environment::empty().with("HOME", "/nonexistent")
}

fn parse(text: &str) -> Params {
    Params::parse(text, &env()).unwrap()
}

fn shown(params: &Params) -> String {
    let hosts: Vec<String> = params.hosts.iter().map(Host::shown).collect();
    format!("{}@{}/{}", params.user, hosts.join(","), params.database)
}

#[test]
fn variables_fill_in_what_the_url_leaves_open() {
    let env = env()
        .with("PGHOST", "db")
        .with("PGPORT", "5433")
        .with("PGUSER", "al")
        .with("PGDATABASE", "shop")
        .with("PGPASSWORD", "secret")
        .with("PGSSLMODE", "require");
    let params = Params::parse("postgresql://", &env).unwrap();
    assert_eq!(shown(&params), "al@db:5433/shop");
    assert_eq!(params.password().unwrap().expose(), "secret");
    assert_eq!(params.tls.mode, SslMode::Require);
    let params = Params::parse("postgresql://bo:own@other:1/x?sslmode=disable", &env).unwrap();
    assert_eq!(shown(&params), "bo@other:1/x");
    assert_eq!(params.password().unwrap().expose(), "own");
    assert_eq!(params.tls.mode, SslMode::Disable);
}

fn expected(text: &str) -> &'static str {
    if text.starts_with("postgres:") {
        "postgres://u@h:5432/"
    } else {
        "postgresql://u@h:5432/"
    }
}

#[test]
fn a_target_without_a_database_is_refused_and_the_users_name_is_no_substitute() {
    for text in [
        "postgres://u:canary@h",
        "postgres://u@h/",
        "host=h user=u password=canary",
        "postgres://u@h?dbname=",
    ] {
        match Params::parse(text, &env()).unwrap_err() {
            ConnectionError::NoDatabase { target } => assert_eq!(target, expected(text)),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn hosts_addresses_and_ports_are_matched_up() {
    for (text, hosts) in [
        (
            "postgres://u@h1,h2:2,[::3]/d",
            "u@h1:5432,h2:2,[::3]:5432/d",
        ),
        ("host=h1,h2 port=7 user=u dbname=d", "u@h1:7,h2:7/d"),
        ("host=h1,h2 port=,7 user=u dbname=d", "u@h1:5432,h2:7/d"),
        ("host=h hostaddr=10.0.0.1 user=u dbname=d", "u@h:5432/d"),
        (
            "hostaddr=10.0.0.1,::1 user=u dbname=d",
            "u@10.0.0.1:5432,[::1]:5432/d",
        ),
        (
            "host=/run/pg port=7 user=u dbname=d",
            "u@/run/pg/.s.PGSQL.7/d",
        ),
        (
            "host=@abstract port=7 user=u dbname=d",
            "u@@abstract/.s.PGSQL.7/d",
        ),
    ] {
        assert_eq!(shown(&parse(text)), hosts, "{text}");
    }
    for text in [
        "host=h1,h2 hostaddr=10.0.0.1 dbname=d",
        "host=h1,h2,h3 port=1,2 dbname=d",
        "host=h port=0 dbname=d",
        "host=h port=65536 dbname=d",
        "host=h port=x dbname=d",
        "hostaddr=h dbname=d",
    ] {
        assert!(Params::parse(text, &env()).is_err(), "{text}");
    }
}

#[test]
fn abstract_sockets_begin_with_a_zero_byte() {
    let params = parse("host=@name dbname=d");
    assert_eq!(params.hosts[0].way, hosts::Way::Socket("\0name".into()));
}

#[test]
fn values_that_mean_nothing_are_refused() {
    for option in [
        "sslmode=on",
        "sslmode=Require",
        "target_session_attrs=master",
        "channel_binding=yes",
        "connect_timeout=soon",
        "keepalives=x",
        "load_balance_hosts=always",
        "sslnegotiation=later",
        "sslcertmode=maybe",
        "sslsni=2",
        "ssl_min_protocol_version=TLSv4",
    ] {
        let error = Params::parse(&format!("host=h dbname=d {option}"), &env()).unwrap_err();
        assert!(
            matches!(error, ConnectionError::BadValue { .. }),
            "{option}: {error:?}"
        );
    }
}

#[test]
fn what_cannot_be_honoured_is_refused_and_never_passed_over() {
    for option in [
        "gssencmode=require",
        "sslpassword=canary",
        "sslcrldir=/x",
        "requirepeer=postgres",
        "require_auth=scram-sha-256",
        "replication=database",
        "min_protocol_version=3.2",
        "scram_client_key=canary",
        "ssl_max_protocol_version=TLSv1.1",
    ] {
        let error = Params::parse(&format!("host=h dbname=d {option}"), &env()).unwrap_err();
        assert!(
            matches!(error, ConnectionError::Unsupported { .. }),
            "{option}: {error:?}"
        );
        assert!(!format!("{error:?}").contains("canary"));
    }
    let env = env().with("PGGSSENCMODE", "require");
    assert!(matches!(
        Params::parse("postgres://h/d", &env),
        Err(ConnectionError::Unsupported { .. })
    ));
    for option in [
        "gssencmode=prefer",
        "gssencmode=disable",
        "sslcompression=0",
        "krbsrvname=x",
    ] {
        assert!(
            Params::parse(
                &format!("host=h dbname=d {option}"),
                &env.clone().without("PGGSSENCMODE")
            )
            .is_ok()
        );
    }
}

#[test]
fn timeouts_and_keepalives_are_libpqs() {
    let limit =
        |text: &str| parse(&format!("host=h dbname=d connect_timeout={text}")).connect_timeout;
    assert_eq!(
        parse("host=h dbname=d").connect_timeout,
        Some(Duration::from_secs(20))
    );
    assert_eq!(limit("0"), None);
    assert_eq!(limit("-1"), None);
    assert_eq!(limit("1"), Some(Duration::from_secs(2)));
    assert_eq!(limit("10"), Some(Duration::from_secs(10)));
    let params = parse(
        "host=h dbname=d keepalives=0 keepalives_idle=7 keepalives_interval=8 keepalives_count=9 tcp_user_timeout=1500",
    );
    let expected = Keepalives {
        on: false,
        idle: Duration::from_secs(7),
        interval: Duration::from_secs(8),
        count: 9,
        user_timeout: Some(Duration::from_millis(1500)),
    };
    assert_eq!(params.keepalives, expected);
}

#[test]
fn weak_modes_are_refused_where_libpq_refuses_them() {
    for option in [
        "sslrootcert=system sslmode=require",
        "sslnegotiation=direct",
        "sslnegotiation=direct sslmode=prefer",
    ] {
        let error = Params::parse(&format!("host=h dbname=d {option}"), &env()).unwrap_err();
        assert!(
            matches!(error, ConnectionError::BadValue { .. }),
            "{option}"
        );
    }
    assert_eq!(
        parse("host=h dbname=d sslrootcert=system").tls.mode,
        SslMode::VerifyFull
    );
}

fn with_passfile(text: &str, target: &str) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".pgpass");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let env = Environment::empty().with("HOME", folder.path().to_str().unwrap());
    let params = Params::parse(target, &env).unwrap();
    params
        .password()
        .map(|password| password.expose().to_owned())
}

#[test]
fn the_password_file_is_asked_by_host_port_database_and_user() {
    let text = "h:5432:d:u:right\nlocalhost:5432:*:*:socket\n";
    assert_eq!(
        with_passfile(text, "postgres://u@h/d").as_deref(),
        Some("right")
    );
    assert_eq!(with_passfile(text, "postgres://u@h/other"), None);
    assert_eq!(
        with_passfile(text, "postgres://u:own@h/d").as_deref(),
        Some("own")
    );
    assert_eq!(
        with_passfile(text, "postgres://u@/d?host=/var/run/postgresql").as_deref(),
        Some("socket")
    );
    assert_eq!(with_passfile(text, "postgres://u@/d?host=/elsewhere"), None);
    assert_eq!(
        with_passfile(text, "host=h hostaddr=10.0.0.1 user=u dbname=d").as_deref(),
        Some("right")
    );
}

#[test]
fn a_password_found_for_one_database_serves_its_copies() {
    let target = Target::parse("postgres://u:secret@h/d", &env())
        .unwrap()
        .with_database("copy");
    assert_eq!(target.password().unwrap().expose(), "secret");
    assert_eq!((target.database(), target.label()), ("copy", "d"));
}

#[test]
fn a_password_file_that_others_can_read_is_told_of() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pass");
    std::fs::write(&path, "*:*:*:*:secret\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let env = env().with("PGPASSFILE", path.to_str().unwrap());
    let target = Target::parse("postgres://u@h/d", &env).unwrap();
    assert!(target.password().is_none());
    assert!(
        target.notes()[0].contains("can be read by others"),
        "{:?}",
        target.notes()
    );
}

#[test]
fn a_service_goes_before_variables_and_after_the_url() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("services");
    std::fs::write(
        &file,
        "[shop]\nhost=service\nport=7\nuser=su\ndbname=sd\npassword=sp\n",
    )
    .unwrap();
    let env = env()
        .with("PGSERVICEFILE", file.to_str().unwrap())
        .with("PGHOST", "variable")
        .with("PGCONNECT_TIMEOUT", "9");
    let params = Params::parse("service=shop user=own", &env).unwrap();
    assert_eq!(shown(&params), "own@service:7/sd");
    assert_eq!(params.connect_timeout, Some(Duration::from_secs(9)));
    assert_eq!(
        params.secret_url().expose(),
        "postgresql://own:sp@service:7/sd"
    );
    let params = Params::parse("postgres:///x", &env.clone().with("PGSERVICE", "shop")).unwrap();
    assert_eq!(shown(&params), "su@service:7/x");
    let params = Params::parse("postgres://?service=shop", &env).unwrap();
    assert_eq!(shown(&params), "su@service:7/sd");
    let missing = Params::parse("service=nothing", &env).unwrap_err();
    assert!(
        matches!(missing, ConnectionError::ServiceFile { .. }),
        "{missing:?}"
    );
}

#[test]
fn hosts_are_compared_by_what_they_mean() {
    for (a, b, same) in [
        ("h", "H", true),
        ("localhost", "127.0.0.1", true),
        ("::1", "localhost", true),
        ("/tmp", "localhost", true),
        ("/tmp", "/run", false),
        ("h", "localhost", false),
    ] {
        assert_eq!(hosts::same_host(a, b), same, "{a} {b}");
    }
}
