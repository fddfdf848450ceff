//! The server is restarted while a step is under way, at every step.

use super::common::restarts::{allowed, judge, restarted_at, untouched};
use super::common::server::Stop;
use super::common::{Bookend, Server, ServerOptions, Version};
use super::{arguments, copies, shop, sql};

const STEPS: [&str; 8] = [
    "preflight",
    "before",
    "proof",
    "rehearsal",
    "gap",
    "migration",
    "check",
    "after",
];

#[test]
fn a_server_that_restarts_at_any_step_leaves_the_target_before_or_after_and_all_is_told() {
    let server = Server::start(Version::V16, &ServerOptions::default());
    let shop = shop(&server);
    let url = shop.url();
    let bookend = Bookend::new().env("DATABASE_URL", url.clone());
    let command = sql("ALTER TABLE users ADD email text");
    let options = [
        "--json",
        "--check",
        "psql -qXc 'SELECT email FROM users LIMIT 1'",
    ];
    for (number, step) in STEPS.into_iter().enumerate() {
        let how = [Stop::Immediate, Stop::Fast][number % 2];
        let output = restarted_at(&bookend, step, &arguments(&url, &options, &command), || {
            server.stop(how);
            server.start_again();
        });
        let untouched = untouched(&bookend);
        let state = judge(&bookend, step, &output, &url);
        assert!(allowed(step).contains(&state.as_str()), "{step}: {output}");
        let migrated = shop.try_psql("SELECT email FROM users LIMIT 1").is_ok();
        assert!(!(untouched && migrated), "{step}: {output}");
        assert!(
            migrated || !state.starts_with("completed"),
            "{step}: {output}"
        );
        let rows = shop.psql("SELECT count(*), sum(id) FROM users");
        assert_eq!(rows.trim(), "500|125250");
        assert_eq!(copies(&shop), "", "{step}: {output}");
        let open = "SELECT count(*) FROM pg_database
                     WHERE NOT datallowconn AND datname <> 'template0' OR datconnlimit >= 0";
        assert_eq!(server.psql("postgres", open).trim(), "0", "{step}");
        shop.psql("ALTER TABLE users DROP COLUMN IF EXISTS email");
    }
    // Nothing of all that is in the way of the next one.
    bookend.succeed(&arguments(&url, &options, &command));
}
