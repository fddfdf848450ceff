//! Servers that go away in the middle.

use std::path::Path;

use nix::sys::signal::Signal;

use super::common::server::Stop;
use super::common::{Bookend, Server, ServerOptions, Version};
use super::scene::{
    DUMP_AT_ONCE, archives_are_whole, big, expect, fake, partials, wait_for_file, wait_until,
};

const COPYING: &str = "SELECT count(*) > 0 FROM pg_stat_activity
    WHERE application_name LIKE 'bookend%' AND state = 'active' AND query LIKE 'COPY %'";

const END_COPYING: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name LIKE 'bookend%' AND query LIKE 'COPY %'";

#[test]
fn a_server_that_goes_in_the_middle_of_copy_leaves_no_archive() {
    let server = Server::start(Version::V16, &ServerOptions::default());
    let database = server.database("going");
    database.psql(&big("filled", 60));
    let bookend = Bookend::new().env("DATABASE_URL", database.url());
    // Without its postmaster alone, a backend may go on to the end of its statement.
    for how in [Some(Stop::Immediate), Some(Stop::Fast), None] {
        let tools = fake(&bookend, "pg_dump", DUMP_AT_ONCE);
        let running = bookend.spawn(&[
            "backup",
            "--json",
            "--compress",
            "zstd:19",
            "--tool-dir",
            &tools,
        ]);
        wait_for_file(&Path::new(&tools).join("ended"));
        wait_until(&server, database.name(), COPYING);
        // Held still, so that the server surely has rows left to send.
        running.signal(Signal::SIGSTOP);
        match how {
            Some(how) => server.stop(how),
            None => drop(server.psql("postgres", END_COPYING)),
        }
        running.signal(Signal::SIGCONT);
        let output = running.wait();
        expect(
            &output,
            7,
            "connection-lost",
            &[database.name(), "run the command again"],
        );
        assert!(bookend.archives().is_empty() && partials(&bookend).is_empty());
        if how.is_some() {
            server.start_again();
        }
    }
    let output = bookend.succeed(&["backup", "--json"]);
    assert_eq!(output.json()["rows"], 60_000);
    archives_are_whole(&bookend);
}

#[test]
fn a_server_that_goes_in_the_middle_of_a_restore_leaves_a_copy_that_is_told() {
    let server = Server::start(Version::V16, &ServerOptions::default());
    let database = server.database("coming");
    database.psql(super::scene::SLOW_TO_LOAD);
    let bookend = Bookend::new().env("DATABASE_URL", database.url());
    bookend.succeed(&["backup", "-q"]);
    let running = bookend.spawn(&["restore", "latest", "--into", "back", "--json"]);
    wait_until(&server, "postgres", COPYING);
    server.stop(Stop::Immediate);
    let output = running.wait();
    assert_eq!(output.code, Some(7), "{output}");
    let _ = &output
        .stderr
        .find("bookend copies drop")
        .expect("what to do about it");
    let status = bookend.succeed(&["status", "--json"]).json();
    let left = status["left_behind"].as_array().unwrap();
    assert_eq!(left.len(), 1, "{status}");
    let name = left[0]["name"].as_str().unwrap().to_owned();
    assert!(
        output.stderr.contains(&name),
        "names what is left: {output}"
    );
    server.start_again();
    bookend.succeed(&["copies", "drop", &name]);
    let status = bookend.succeed(&["status", "--json"]).json();
    assert_eq!(
        status["left_behind"].as_array().unwrap().len(),
        0,
        "{status}"
    );
    let output = bookend.succeed(&["restore", "latest", "--into", "back", "--json"]);
    assert_eq!(output.json()["verdict"], "identical", "{output}");
}
