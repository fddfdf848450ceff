use super::*;
use crate::connection::postgres::hosts::Host;
use crate::connection::target::encode;

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
fn the_shown_url_says_what_holds_and_never_a_password() {
    for (text, url) in [
        (
            "postgresql+psycopg://al:canary@h/d?schema=s&password=canary",
            "postgresql+psycopg://al@h:5432/d?schema=s",
        ),
        (
            "host=h user=al password=canary dbname='a b'",
            "postgresql://al@h:5432/a%20b",
        ),
        (
            "postgres://al@[::1]:7,h2/d",
            "postgres://al@[::1]:7,h2:5432/d",
        ),
        (
            "postgres://al@/d?host=/run/pg&sslmode=disable",
            "postgres://al@:5432/d?host=/run/pg&sslmode=disable",
        ),
    ] {
        let params = parse(text);
        assert_eq!(params.display_url(), url);
        assert!(!format!("{params:?}").contains("canary"), "{params:?}");
    }
}

#[test]
fn a_key_value_target_becomes_a_url_that_means_the_same() {
    for text in [
        "host=h port=7 user='a b' password='p@:/?#%' dbname='d/b' sslmode=disable",
        "host=/run/pg port=7 user=u dbname=d",
        "host=h1,h2 port=1,2 user=u dbname=d",
        "host=::1 user=u dbname=d",
    ] {
        let params = parse(text);
        let url = params.secret_url();
        let again = Params::parse(url.expose(), &env()).unwrap();
        assert_eq!(shown(&again), shown(&params));
        assert_eq!(again.password(), params.password());
        assert_eq!(again.tls.mode, params.tls.mode);
    }
}

#[test]
fn every_character_survives_in_names_and_passwords() {
    for hard in [
        r#"a"b'c\d$(e)`f`"#,
        "p@ss:w/rd?#[]%&=+ ",
        "päß 字 😀",
        "%40",
        "-rf",
        "{url}",
        "a\nb\tc",
    ] {
        let encoded = encode(hard);
        let params = parse(&format!("postgres://{encoded}:{encoded}@h/{encoded}"));
        assert_eq!((params.user(), params.database()), (hard, hard));
        assert_eq!(params.password().unwrap().expose(), hard);
        let copy = params.with_database(&format!("{hard}_copy"));
        let again = parse(copy.secret_url().expose());
        assert_eq!(again.database(), format!("{hard}_copy"));
        assert_eq!(again.password(), params.password());
    }
}

#[test]
fn a_tool_needs_nothing_but_its_variables() {
    let env = env()
        .with("PGAPPNAME", "x")
        .with("PGSERVICE", "")
        .with("PGCLIENTENCODING", "LATIN1");
    let text = "postgres://u:pw@h1:1,h2:2/d?sslmode=verify-full&sslrootcert=/r.crt&options=-c%20role%3Dx&schema=s";
    let variables: std::collections::BTreeMap<String, String> = Params::parse(text, &env)
        .unwrap()
        .tool_environment("bookend 7")
        .into_iter()
        .map(|(name, value)| (name, value.expose().to_owned()))
        .collect();
    let value = |name: &str| variables.get(name).map(String::as_str);
    assert_eq!(
        (value("PGHOST"), value("PGPORT")),
        (Some("h1,h2"), Some("1,2"))
    );
    assert_eq!(
        (value("PGUSER"), value("PGPASSWORD"), value("PGDATABASE")),
        (Some("u"), Some("pw"), Some("d"))
    );
    assert_eq!(
        (value("PGSSLMODE"), value("PGSSLROOTCERT")),
        (Some("verify-full"), Some("/r.crt"))
    );
    assert_eq!(
        (value("PGAPPNAME"), value("PGCLIENTENCODING")),
        (Some("bookend 7"), Some("UTF8"))
    );
    let options = value("PGOPTIONS").unwrap();
    assert!(
        options.starts_with("-c role=x -c datestyle=ISO ")
            && options.contains("-c statement_timeout=0")
    );
    assert_eq!(value("PGSERVICE"), None);
    assert_eq!(value("PGCONNECT_TIMEOUT"), Some("20"));
}
