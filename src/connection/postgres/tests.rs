//! The grammars of URLs and `key=value` strings, held against what libpq does with them
//! (the cases of its own `src/interfaces/libpq/t/001_uri.pl`, and what psql 15 was seen to say).

use super::key_value;
use super::uri::Url;
use crate::connection::ConnectionError;

fn read(text: &str) -> Result<String, ConnectionError> {
    let options = Url::parse(text)?.options()?;
    let mut pairs: Vec<String> = options
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    pairs.sort();
    Ok(pairs.join(" "))
}

#[test]
fn urls_mean_what_they_mean_to_libpq() {
    for (url, meaning) in [
        (
            "postgresql://u:secret@host:12345/db",
            "dbname=db host=host password=secret port=12345 user=u",
        ),
        (
            "postgresql://u@host:12345/db",
            "dbname=db host=host port=12345 user=u",
        ),
        ("postgresql://u@host/db", "dbname=db host=host user=u"),
        (
            "postgresql://host:12345/db",
            "dbname=db host=host port=12345",
        ),
        ("postgresql://u@host:12345/", "host=host port=12345 user=u"),
        ("postgresql://u@", "user=u"),
        ("postgresql://host:12345", "host=host port=12345"),
        ("postgresql://host", "host=host"),
        ("postgresql://", ""),
        ("postgres:///", ""),
        ("postgres:///db", "dbname=db"),
        ("postgres://u@/db", "dbname=db user=u"),
        ("postgresql://?hostaddr=127.0.0.1", "hostaddr=127.0.0.1"),
        (
            "postgresql://example.com?hostaddr=63.1.2.4",
            "host=example.com hostaddr=63.1.2.4",
        ),
        ("postgresql://%68ost/", "host=host"),
        (
            "postgresql://host/db?u%73er=other&port=12345",
            "dbname=db host=host port=12345 user=other",
        ),
        (
            "postgresql://host:12345?user=u",
            "host=host port=12345 user=u",
        ),
        ("postgresql://host?", "host=host"),
        (
            "postgresql://[::1]:12345/db",
            "dbname=db host=::1 port=12345",
        ),
        ("postgresql://[2001:db8::1234]/", "host=2001:db8::1234"),
        ("postgresql://[::1]", "host=::1"),
        (
            "postgres://?host=/path/to/socket/dir",
            "host=/path/to/socket/dir",
        ),
        ("postgres://@host", "host=host"),
        ("postgres://host:/", "host=host"),
        ("postgres://:12345/", "port=12345"),
        (
            "postgres://u@:12345?host=/dir",
            "host=/dir port=12345 user=u",
        ),
        (
            "postgres://%2Fvar%2Flib%2Fpostgresql/db",
            "dbname=db host=/var/lib/postgresql",
        ),
        (
            "postgres://h1,h2:2,[::3]:3/db",
            "dbname=db host=h1,h2,::3 port=,2,3",
        ),
        ("postgres://h1,h2/db", "dbname=db host=h1,h2 port=,"),
        (
            "postgres://h/db?ssl=true",
            "dbname=db host=h sslmode=require",
        ),
        (
            "postgres://u:a%40b%2Fc%3Ad%25%C3%A9@h/d%2Fb%20c",
            "dbname=d/b c host=h password=a@b/c:d%é user=u",
        ),
        (
            "postgres://u:p:q@h/db",
            "dbname=db host=h password=p:q user=u",
        ),
        ("postgres://u:@h/db", "dbname=db host=h user=u"),
        ("postgres://h/db#x", "dbname=db#x host=h"),
        ("POSTGRES://h/db", "dbname=db host=h"),
        ("postgresql+psycopg://u@h/db", "dbname=db host=h user=u"),
        (
            "postgres+asyncpg://h/db?ssl=verify-full",
            "dbname=db host=h sslmode=verify-full",
        ),
    ] {
        assert_eq!(
            read(url).map_err(|e| e.to_string()),
            Ok(meaning.to_owned()),
            "{url}"
        );
    }
}

#[test]
fn what_libpq_refuses_is_refused() {
    for (url, words) in [
        ("postgres://[::1", "lacks its \"]\""),
        ("postgres://[]", "is empty"),
        ("postgres://[::1]z", "between the \"]\""),
        ("postgresql://host?zzz", "lacks its \"=\""),
        ("postgresql://host?user=a&zzz", "lacks its \"=\""),
        ("postgresql://host?key=key=value", "more than one \"=\""),
        ("postgres://host?dbname=%XXfoo", "two hexadecimal digits"),
        ("postgresql://a%00b", "%00"),
        ("postgresql://%1", "two hexadecimal digits"),
        ("postgresql://%", "two hexadecimal digits"),
        ("postgresql://u:%zz@host/db", "two hexadecimal digits"),
        ("postgresql://%+1/db", "two hexadecimal digits"),
        ("postgresql://%ff/db", "UTF-8"),
    ] {
        let error = read(url).unwrap_err().to_string();
        assert!(error.contains(words), "{url}: {error}");
    }
}

#[test]
fn an_unknown_query_key_is_an_error_with_the_nearest_known_one() {
    match read("postgresql://host/db?u%7aer=x").unwrap_err() {
        ConnectionError::UnknownOption { key, nearest } => {
            assert_eq!((key.as_str(), nearest.as_deref()), ("uzer", Some("user")));
        }
        other => panic!("{other:?}"),
    }
    for url in [
        "postgres://h/d?SSLMODE=require",
        "postgres://h/d?colour=1",
        "postgres://h/d?ssl=maybe",
    ] {
        assert!(read(url).is_err(), "{url}");
    }
}

#[test]
fn the_query_keys_of_orms_are_kept_for_the_command_and_not_sent_to_the_server() {
    let text = "postgresql://u@h/db?schema=public&connection_limit=5&pgbouncer=true&sslaccept=strict\
                &x-migrations-table=m&options%5Bsearch_path%5D=a&sslmode=require";
    assert_eq!(
        read(text).unwrap(),
        "dbname=db host=h sslmode=require user=u"
    );
    let url = Url::parse(text).unwrap();
    assert_eq!(url.to_string(), text);
    assert_eq!(
        url.with_database("copy").to_string(),
        text.replace("/db?", "/copy?")
    );
}

#[test]
fn a_url_is_written_again_as_it_was() {
    for url in [
        "postgresql+psycopg://al:p%40ss@h1:1,[::2]:2/db?sslmode=require",
        "postgres://h/db",
        "postgres://:5433/db",
        "postgresql://u@/db?host=/tmp",
        "postgresql://%2Ftmp/db",
    ] {
        assert_eq!(Url::parse(url).unwrap().to_string(), url);
    }
}

#[test]
fn another_database_goes_where_the_old_one_stood() {
    for (url, moved) in [
        (
            "postgres://u:p@h/db?schema=x",
            "postgres://u:p@h/a%20b%2Fc?schema=x",
        ),
        (
            "postgres://h?dbname=db&user=u",
            "postgres://h/a%20b%2Fc?user=u",
        ),
        ("postgres://", "postgres:///a%20b%2Fc"),
    ] {
        let url = Url::parse(url).unwrap().with_database("a b/c");
        assert_eq!(url.to_string(), moved);
        assert!(read(&url.to_string()).unwrap().contains("dbname=a b/c"));
    }
}

#[test]
fn debug_output_of_a_url_shows_nothing_secret() {
    let url = Url::parse("postgres://u:canary@h/db?password=canary").unwrap();
    assert!(!format!("{url:?}").contains("canary"));
}

fn pairs(text: &str) -> Result<String, ConnectionError> {
    let pairs: Vec<String> = key_value::parse(text)?
        .iter()
        .map(|(key, value)| format!("{key}=<{value}>"))
        .collect();
    Ok(pairs.join(" "))
}

#[test]
fn key_value_strings_mean_what_they_mean_to_libpq() {
    for (text, meaning) in [
        ("host=h dbname=db", "host=<h> dbname=<db>"),
        ("  host = h\tdbname =\n'my db' ", "host=<h> dbname=<my db>"),
        (
            r"password='it\'s \\ it' user=u",
            r"password=<it's \ it> user=<u>",
        ),
        (r"user=a\ b password=c\'d", "user=<a b> password=<c'd>"),
        ("host='' dbname=x", "host=<> dbname=<x>"),
        ("host= dbname=x", "host=<dbname=x>"),
        ("user=a'b", "user=<a'b>"),
        (r"user=a\", "user=<a>"),
        ("host=h", "host=<h>"),
        ("user='a'password=b", "user=<a> password=<b>"),
    ] {
        assert_eq!(
            pairs(text).map_err(|e| e.to_string()),
            Ok(meaning.to_owned()),
            "{text}"
        );
    }
}

#[test]
fn key_value_strings_that_libpq_refuses_are_refused() {
    for (text, words) in [
        ("shop", "neither a URL nor key=value"),
        ("host=h dbname", "no \"=\" after it"),
        ("host=h my db", "no \"=\" after it"),
        ("dbname='my db", "no closing quote"),
        ("hots=h", "unknown connection option \"hots\""),
        (
            "host=h schema=public",
            "unknown connection option \"schema\"",
        ),
        ("Host=h", "unknown connection option \"Host\""),
        ("mysql://host/db", "neither a URL"),
    ] {
        let error = pairs(text).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[test]
fn key_value_strings_survive_being_written_and_read() {
    let hard = [
        ("password", r"it's a \ 'mess'"),
        ("dbname", ""),
        ("user", " x "),
    ];
    let text = key_value::render(hard.into_iter());
    assert_eq!(
        key_value::parse(&text).unwrap(),
        hard.map(|(k, v)| (k, v.to_owned()))
    );
}

#[test]
fn errors_about_a_url_never_show_its_password() {
    for text in [
        "postgres://u:canary%zz@h/db",
        "postgres://u:can@ary@h:x/db?zzz",
        "postgres://u:canary@h/db?uzer=canary",
        "host=h password='canary",
        "host=h password=canary canary",
    ] {
        let error = read(text).and_then(|_| pairs(text)).unwrap_err();
        assert!(
            !format!("{error} {error:?}").contains("canary"),
            "{error:?}"
        );
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_a_parser_panic(text in "\\PC{0,60}", url in "postgres(ql)?://[a-z%:@/?#\\[\\],=&0-9é]{0,40}") {
        let _ = read(&text);
        let _ = read(&url);
        let _ = pairs(&text);
    }

    #[test]
    fn whatever_can_be_parsed_is_written_so_that_it_means_the_same(
        url in "postgresql://([a-z%40]{1,8}(:[a-z0-9]{0,5})?@)?[a-z0-9.,:]{0,12}(/[a-z]{0,5})?(\\?user=[a-z]{0,3}(&port=[0-9]{1,3})?)?"
    ) {
        if let Ok(parsed) = Url::parse(&url) {
            let again = Url::parse(&parsed.to_string()).unwrap();
            proptest::prop_assert_eq!(parsed.options().ok(), again.options().ok(), "{}", url);
        }
    }

    #[test]
    fn any_database_name_and_password_survive_a_url(name in "\\PC{1,30}", password in "\\PC{1,30}") {
        let url = Url::of_options([("host", "h"), ("dbname", "x"), ("password", &password)].into_iter()).with_database(&name);
        let options = Url::parse(&url.to_string()).unwrap().options().unwrap();
        proptest::prop_assert!(options.contains(&("dbname", name)));
        proptest::prop_assert!(options.contains(&("password", password)));
    }
}
