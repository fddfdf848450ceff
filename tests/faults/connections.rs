//! Targets that are wrong, and servers that do not answer.

use std::net::TcpListener;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::common::{Bookend, Server, Version};
use super::scene::{Scene, expect};

#[test]
fn a_wrong_password_is_named_with_user_and_origin() {
    let server = Server::shared(Version::V16);
    let url = server.url_of("postgres", "wrong", "postgres");
    let bookend = Bookend::new().env("DATABASE_URL", url);
    let output = bookend.run(&["backup", "--json"]);
    expect(
        &output,
        7,
        "wrong-password",
        &["postgres", "the password came from"],
    );
    assert!(bookend.archives().is_empty());
}

#[test]
fn an_unknown_database_is_named() {
    let server = Server::shared(Version::V16);
    let bookend = Bookend::new();
    for command in ["backup", "run"] {
        let url = server.url("nowhere");
        let mut line = vec![command, "--json", &url];
        if command == "run" {
            line.extend(["--", "touch", "started"]);
        }
        let output = bookend.run(&line);
        expect(&output, 7, "unknown-database", &["nowhere"]);
        assert!(!output.stderr.contains("test-postgres"), "{output}");
    }
    assert!(!bookend.work().join("started").exists());
}

#[test]
fn a_url_without_a_database_is_a_mistake_of_the_command_line() {
    let server = Server::shared(Version::V16);
    let bookend = Bookend::new();
    for tail in ["", "/"] {
        let url = format!("postgres://postgres@127.0.0.1:{}{tail}", server.port());
        let output = bookend.run(&["backup", "--json", &url]);
        expect(&output, 2, "no-database", &["/DATABASE"]);
    }
}

#[test]
fn nobody_listening_is_unreachable() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let url = format!("postgres://postgres@127.0.0.1:{port}/shop");
    let output = Bookend::new().run(&["backup", "--json", &url]);
    let place = format!("127.0.0.1:{port}");
    expect(&output, 7, "unreachable", &[&place, "check host and port"]);
}

#[test]
fn a_server_that_never_answers_can_be_interrupted() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let url = format!("postgres://postgres@127.0.0.1:{port}/shop");
    let bookend = Bookend::new();
    let running = bookend.spawn(&["backup", "--json", &url]);
    let _taken = silent.accept().unwrap();
    running.signal(Signal::SIGINT);
    let output = running.wait();
    expect(&output, 130, "interrupted", &["SIGINT"]);
    assert!(output.took < Duration::from_secs(10), "{:?}", output.took);
}

#[test]
fn names_and_passwords_may_hold_every_special_character() {
    let server = Server::shared(Version::V16);
    let password = r#"p@ss:w/o?r#d%25 'q' "d" \b $(f) &=é"#;
    let role = "us'er \"x\" @%";
    let name = r#"d=b 'q' "d" \e $(f) %25 @/:?#&"#;
    server.psql(
        "postgres",
        &format!(
            "CREATE ROLE \"{}\" SUPERUSER LOGIN PASSWORD '{}'",
            role.replace('"', "\"\""),
            password.replace('\'', "''")
        ),
    );
    let database = server.database_named(name);
    database.psql("CREATE TABLE t AS SELECT generate_series(1, 10) AS n");
    let bookend = Bookend::new().env("DATABASE_URL", server.url_of(role, password, name));
    let output = bookend.succeed(&["backup", "--prove", "--json"]);
    assert_eq!(output.json()["rows"], 10, "{output}");
    assert_eq!(output.json()["proof"], "identical", "{output}");
    // And without a URL: the conventions of libpq.
    let plain = Bookend::new()
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", server.port().to_string())
        .env("PGUSER", role)
        .env("PGPASSWORD", password);
    let words = format!(
        "dbname='{}'",
        name.replace('\\', r"\\").replace('\'', r"\'")
    );
    let output = plain.succeed(&["backup", "--json", &words]);
    assert_eq!(output.json()["rows"], 10, "{output}");
    let into = format!("{name} 2");
    let archive = bookend.archives().pop().unwrap();
    let restored = bookend.succeed(&[
        "restore",
        archive.to_str().unwrap(),
        "--into",
        &into,
        "--json",
    ]);
    assert_eq!(restored.json()["verdict"], "identical", "{restored}");
    assert_eq!(server.psql(&into, "SELECT count(*) FROM t").trim(), "10");
    let quoted = super::common::database::quote(&into);
    server.psql("postgres", &format!("DROP DATABASE {quoted}"));
}

#[test]
fn a_database_that_nobody_may_connect_to_is_told_so() {
    let scene = Scene::small("closed");
    let name = scene.database.name();
    let close = format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false");
    scene.server.psql("postgres", &close);
    let output = scene.bookend.run(&["backup", "--json"]);
    let open = format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true");
    scene.server.psql("postgres", &open);
    assert_eq!(output.code, Some(7), "{output}");
    assert!(output.stderr.contains(name), "{output}");
    scene.is_untouched();
}
