use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::connection::ConnectionError;

fn load_with_mode(text: &str, mode: u32) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bookend.toml");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    Config::load(Some(&path), &Environment::empty())
}

fn load(text: &str) -> Result<Config, ConfigError> {
    load_with_mode(text, 0o644)
}

const FULL: &str = r#"
store = "backups"
tool_dirs = ["/opt/pg/bin"]
[target.shop]
url      = "env:SHOP_URL"
prove_on = "same-server"
migrate  = ["python", "manage.py", "migrate"]
env      = { DB_NAME = "{database}", URL = "{url}" }
files    = ["media"]
[keep]
last = 10
days = 30
"#;

#[test]
fn every_key_is_read_and_paths_count_from_the_files_folder() {
    let config = load(FULL).unwrap();
    let folder = config.path.as_ref().unwrap().parent().unwrap();
    let shop = config.target("shop").unwrap();
    assert_eq!(
        config.store.as_deref(),
        Some(folder.join("backups").as_path())
    );
    assert_eq!(config.tool_dirs, [PathBuf::from("/opt/pg/bin")]);
    assert_eq!(shop.url, "env:SHOP_URL");
    assert_eq!(shop.prove_on.as_deref(), Some("same-server"));
    assert_eq!(shop.migrate, ["python", "manage.py", "migrate"]);
    assert_eq!(shop.env["DB_NAME"], "{database}");
    assert_eq!(shop.files, [folder.join("media")]);
    assert_eq!(
        config.keep,
        Keep {
            last: Some(10),
            days: Some(30)
        }
    );
}

#[test]
fn an_unknown_key_is_named_with_its_nearest() {
    for (text, key, meant) in [
        ("stroe = \"x\"", "stroe", Some("store")),
        (
            "[target.a]\nurl=\"env:X\"\nproveon=\"x\"",
            "target.a.proveon",
            Some("prove_on"),
        ),
        ("[keep]\nlats = 1", "keep.lats", Some("last")),
        ("[keep]\ncolour = 1", "keep.colour", None),
    ] {
        match load(text).unwrap_err() {
            ConfigError::UnknownKey {
                key: found,
                nearest,
                ..
            } => {
                assert_eq!((found.as_str(), nearest.as_deref()), (key, meant));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn values_of_the_wrong_kind_are_named() {
    for (text, key) in [
        ("store = 1", "store"),
        ("store = \"\"", "store"),
        ("tool_dirs = \"x\"", "tool_dirs"),
        ("target = 1", "target"),
        ("[target]\na = 1", "target.a"),
        ("[target.a]", "target.a.url"),
        (
            "[target.a]\nurl=\"x\"\nmigrate=\"make migrate\"",
            "target.a.migrate",
        ),
        ("[target.a]\nurl=\"x\"\nmigrate=[1]", "target.a.migrate"),
        ("[target.a]\nurl=\"x\"\nenv={A=1}", "target.a.env"),
        ("[keep]\nlast = -1", "keep.last"),
        ("[keep]\nlast = \"1\"", "keep.last"),
    ] {
        match load(text).unwrap_err() {
            ConfigError::WrongValue { key: found, .. } => assert_eq!(found, key, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn what_is_not_toml_is_named_with_its_line() {
    let error = load("store = \"a\"\n\n[target\n").unwrap_err();
    assert!(
        matches!(error, ConfigError::NotToml { line: 3, .. }),
        "{error:?}"
    );
}

#[test]
fn discovery_is_said_to_come_later() {
    let error = load("[target.a]\ndiscover = { from = \"x\" }").unwrap_err();
    assert!(matches!(error, ConfigError::NotYet { .. }), "{error:?}");
}

#[test]
fn a_password_needs_a_private_file() {
    for value in [
        "url = \"postgres://al:canary@db/shop\"",
        "url = \"mongodb://al:canary@db/shop\"",
        "url = \"host=db user=al password=canary dbname=shop\"",
        "url = \"postgres://db/shop?user=al&password=canary\"",
        "url = \"env:X\"\nprove_on = \"postgres://al:canary@db/shop\"",
        "url = \"env:X\"\nenv = { A = \"postgres://al:canary@db/shop\" }",
    ] {
        let text = format!("[target.shop]\n{value}");
        for mode in [0o644, 0o640, 0o604] {
            let error = load_with_mode(&text, mode).unwrap_err();
            assert!(
                matches!(error, ConfigError::PasswordInPublicFile { .. }),
                "{error:?}"
            );
            assert!(!format!("{error:?} {error}").contains("canary"));
        }
        let config = load_with_mode(&text, 0o600).unwrap();
        assert!(!format!("{config:?}").contains("canary"));
    }
    assert!(load("[target.a]\nurl=\"postgres://al@db/shop\"\nenv={A=\"{url}\"}").is_ok());
}

#[test]
fn a_named_file_must_exist() {
    let missing = Config::load(
        Some(Path::new("/nonexistent/bookend.toml")),
        &Environment::empty(),
    );
    assert!(matches!(
        missing.unwrap_err(),
        ConfigError::Unreadable { .. }
    ));
}

#[test]
fn a_word_is_a_name_or_an_address() {
    let config = load(FULL).unwrap();
    let env = Environment::empty().with("SHOP_URL", "postgres://al@db/shop_production");
    let shop = config.resolve(Some("shop"), &env).unwrap();
    assert_eq!((shop.label(), shop.database()), ("shop", "shop_production"));
    assert_eq!(shop.origin(), "bookend.toml: shop");
    let url = config
        .resolve(Some("postgres://al@db/other"), &env)
        .unwrap();
    assert_eq!((url.label(), url.origin()), ("other", "command line"));
    let named = config.resolve(Some("env:SHOP_URL"), &env).unwrap();
    assert_eq!(named.origin(), "SHOP_URL");
    match config.resolve(Some("shpo"), &env).unwrap_err() {
        ConfigError::UnknownTarget { nearest, .. } => assert_eq!(nearest.as_deref(), Some("shop")),
        other => panic!("{other:?}"),
    }
    assert!(
        config.is_target("shop") && config.is_target("postgres://x/y") && !config.is_target("x")
    );
}

#[test]
fn without_a_word_the_only_target_goes_before_the_environment() {
    let config = load(FULL).unwrap();
    let env = Environment::empty()
        .with("SHOP_URL", "postgres://al@db/shop")
        .with("DATABASE_URL", "postgres://al@db/environment")
        .with("MONGODB_URI", "mongodb://db/mongo");
    assert_eq!(config.resolve(None, &env).unwrap().database(), "shop");
    let none = Config::default();
    assert_eq!(none.resolve(None, &env).unwrap().origin(), "DATABASE_URL");
    let env = env.without("DATABASE_URL");
    assert_eq!(none.resolve(None, &env).unwrap().database(), "mongo");
    let nothing = none.resolve(None, &Environment::empty()).unwrap_err();
    assert!(matches!(nothing, ConfigError::NoTarget { .. }));
}

#[test]
fn of_several_targets_none_is_chosen() {
    let config = load("[target.a]\nurl=\"env:A\"\n[target.b]\nurl=\"env:B\"").unwrap();
    let error = config.resolve(None, &Environment::empty()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no target: bookend.toml has several (a, b)"
    );
}

#[test]
fn a_wrong_url_is_an_error_that_says_where_it_stands() {
    let config = load(FULL).unwrap();
    let error = config
        .resolve(Some("shop"), &Environment::empty())
        .unwrap_err();
    assert_eq!(error.to_string(), "target shop of bookend.toml");
    let ConfigError::Target { source, .. } = error else {
        panic!()
    };
    assert!(matches!(source, ConnectionError::UnknownVariable { .. }));
}
