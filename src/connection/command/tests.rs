use super::*;

fn env() -> Environment {
    Environment::empty().with("HOME", "/nonexistent")
}

fn target(url: &str) -> Target {
    Target::parse(url, &env()).unwrap()
}

fn value(command: &CommandEnvironment, name: &str) -> Option<String> {
    let found = command.variables.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.expose().to_owned())
}

#[test]
fn the_command_gets_the_url_in_its_own_dialect_and_libpqs_variables() {
    let shop = target("postgresql+psycopg://al:p%40ss@db:5433/shop?schema=x&sslmode=disable");
    let command = shop
        .with_database("copy")
        .command_environment(&shop, &env());
    let get = |name| value(&command, name);
    assert_eq!(
        get("DATABASE_URL").unwrap(),
        "postgresql+psycopg://al:p%40ss@db:5433/copy?schema=x&sslmode=disable"
    );
    assert_eq!(get("PGHOST").unwrap(), "db");
    assert_eq!(get("PGPORT").unwrap(), "5433");
    assert_eq!(get("PGUSER").unwrap(), "al");
    assert_eq!(get("PGPASSWORD").unwrap(), "p@ss");
    assert_eq!(get("PGDATABASE").unwrap(), "copy");
    assert_eq!(get("PGSSLMODE").unwrap(), "disable");
    assert_eq!(
        command.removed,
        ["PGSERVICE", "PGSERVICEFILE", "PGHOSTADDR"]
    );
    assert!(command.repointed.is_empty());
}

#[test]
fn every_variable_that_names_the_database_is_repointed_in_its_own_form() {
    let shop = target("postgres://al:pw@localhost:5433/shop");
    let caller = env()
        .with("DATABASE_URL", "postgres://al:pw@localhost:5433/shop")
        .with(
            "SQLALCHEMY_URL",
            "postgresql+asyncpg://al:pw@127.0.0.1:5433/shop?pool_size=3",
        )
        .with("DIRECT_URL", "postgresql://owner:other@localhost:5433/shop")
        .with(
            "DSN",
            "host=localhost port=5433 user=al password='p w' dbname=shop",
        )
        .with("OTHER_DATABASE", "postgres://al:pw@localhost:5433/other")
        .with("OTHER_SERVER", "postgres://al:pw@localhost:5434/shop")
        .with("MONGO", "mongodb://localhost:5433/shop")
        .with("WORD", "shop")
        .with("BROKEN", "postgres://%zz");
    let command = shop
        .with_database("copy")
        .command_environment(&shop, &caller);
    assert_eq!(
        command.repointed,
        ["DATABASE_URL", "DIRECT_URL", "DSN", "SQLALCHEMY_URL"]
    );
    let get = |name| value(&command, name).unwrap();
    assert_eq!(get("DATABASE_URL"), "postgres://al:pw@localhost:5433/copy");
    assert_eq!(
        get("SQLALCHEMY_URL"),
        "postgresql+asyncpg://al:pw@127.0.0.1:5433/copy?pool_size=3"
    );
    assert_eq!(
        get("DIRECT_URL"),
        "postgresql://owner:other@localhost:5433/copy"
    );
    assert!(
        get("DSN").contains("dbname='copy'") && get("DSN").contains("password='p w'"),
        "{}",
        get("DSN")
    );
    assert_eq!(value(&command, "OTHER_DATABASE"), None);
}

#[test]
fn a_copy_on_another_server_is_named_in_the_originals_dialect() {
    let shop = target("postgresql+psycopg://al:pw@db/shop?schema=x&sslmode=verify-full");
    let copy = target("postgres://bo:secret@sandbox:7/copy?sslmode=disable");
    let caller = env().with("APP_DB", "postgresql://app:pw@db/shop?connection_limit=5");
    let command = copy.command_environment(&shop, &caller);
    let get = |name| value(&command, name).unwrap();
    assert_eq!(
        get("DATABASE_URL"),
        "postgresql+psycopg://bo:secret@sandbox:7/copy?sslmode=disable&schema=x"
    );
    assert_eq!(
        get("APP_DB"),
        "postgresql://bo:secret@sandbox:7/copy?sslmode=disable&connection_limit=5"
    );
    assert_eq!(get("PGHOST"), "sandbox");
}

#[test]
fn the_target_itself_may_be_the_step() {
    let shop = target("postgres://al:pw@db/shop");
    let caller = env().with("DATABASE_URL", "postgres://al:pw@db/shop");
    let command = shop.command_environment(&shop, &caller);
    assert_eq!(
        value(&command, "DATABASE_URL").unwrap(),
        "postgres://al:pw@db/shop"
    );
    assert_eq!(command.repointed, ["DATABASE_URL"]);
}

#[test]
fn a_database_that_came_from_a_variable_is_named_in_the_url() {
    let env = env().with("PGDATABASE", "shop").with("PGHOST", "db");
    let shop = Target::parse("postgresql://al@", &env).unwrap();
    let command = shop.command_environment(&shop, &env);
    assert_eq!(
        value(&command, "DATABASE_URL").unwrap(),
        "postgresql://al@/shop"
    );
    assert_eq!(value(&command, "PGHOST").unwrap(), "db");
}

#[test]
fn mongodb_has_its_own_three_variables() {
    let shop = target("mongodb://al:pw@db/shop");
    let caller = env().with("APP", "mongodb://al:pw@db:27017/shop");
    let command = shop
        .with_database("copy")
        .command_environment(&shop, &caller);
    for name in ["MONGODB_URI", "MONGO_URL", "MONGO_URI"] {
        assert_eq!(
            value(&command, name).unwrap(),
            "mongodb://al:pw@db/copy?authSource=shop"
        );
    }
    assert_eq!(
        value(&command, "APP").unwrap(),
        "mongodb://al:pw@db:27017/copy?authSource=shop"
    );
    assert!(command.removed.is_empty());
}

#[test]
fn nothing_secret_shows_in_debug_output() {
    let shop = target("postgres://al:canary@db/shop");
    let caller = env().with("APP", "postgres://al:canary@db/shop");
    let command = shop.command_environment(&shop, &caller);
    assert!(!format!("{command:?} {shop:?} {caller:?}").contains("canary"));
}
