use super::*;

const FILE: &str = "\
# services
[other]
host=elsewhere

[shop]
host=db.example.com
port=5433
  user=alice
password=a=b c
host=second counts for nothing
[last]
dbname=x
";

fn look(service: &str, text: &str) -> Result<Option<Vec<(&'static str, String)>>, ConnectionError> {
    find(text, service, Path::new("pg_service.conf"))
}

#[test]
fn a_service_is_its_section_and_nothing_more() {
    let options = look("shop", FILE).unwrap().unwrap();
    let expected = [
        ("host", "db.example.com"),
        ("port", "5433"),
        ("user", "alice"),
        ("password", "a=b c"),
    ];
    assert_eq!(options, expected.map(|(k, v)| (k, v.to_owned())));
}

#[test]
fn a_service_that_is_not_there_is_not_found() {
    assert!(look("nothing", FILE).unwrap().is_none());
}

#[test]
fn nonsense_in_the_service_is_an_error_that_names_the_line() {
    for (text, words) in [
        ("[shop]\nhost", "line 2 has no"),
        ("[shop]\nhots=x", "line 2: unknown option \"hots\""),
        ("[shop]\nservice=x", "cannot refer"),
        ("[shop]\nldap://x=y", "LDAP"),
    ] {
        let error = look("shop", text).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn nonsense_in_another_service_does_not_matter() {
    assert!(
        look("shop", "[bad]\nrubbish\n[shop]\nport=1")
            .unwrap()
            .is_some()
    );
}

#[test]
fn the_users_file_goes_before_the_systems() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let system = folder.path().join("system");
    std::fs::create_dir_all(&home).unwrap();
    std::fs::create_dir_all(&system).unwrap();
    std::fs::write(home.join(".pg_service.conf"), "[a]\nhost=own\n").unwrap();
    std::fs::write(
        system.join("pg_service.conf"),
        "[a]\nhost=system\n[b]\nhost=b\n",
    )
    .unwrap();
    let env = Environment::empty()
        .with("HOME", home.to_str().unwrap())
        .with("PGSYSCONFDIR", system.to_str().unwrap());
    assert_eq!(read("a", None, &env).unwrap(), [("host", "own".to_owned())]);
    assert_eq!(read("b", None, &env).unwrap(), [("host", "b".to_owned())]);
    let missing = read("c", None, &env).unwrap_err().to_string();
    assert!(missing.contains("\"c\" is not defined"), "{missing}");
    let named = read("a", Some("/nonexistent/file"), &env)
        .unwrap_err()
        .to_string();
    assert!(
        named.contains("/nonexistent/file: it does not exist"),
        "{named}"
    );
}
