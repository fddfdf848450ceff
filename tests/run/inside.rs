//! What is gone from inside JSON values is lost, and what went elsewhere or came is not.

use super::common::{Bookend, TestDatabase};
use super::{bracket_json, server, shop, sql, step};

fn with_settings() -> TestDatabase<'static> {
    let shop = shop(server());
    shop.psql(
        "ALTER TABLE users ADD settings jsonb, ADD log json;
         UPDATE users SET settings = jsonb_build_object('theme', 'theme ' || id, 'mail',
             jsonb_build_object('weekly', id % 2 = 0, 'to', name || E'\\t@\\\\'),
             'tags', jsonb_build_array('a' || id, 'b')),
           log = json_build_object('at', id);
         ALTER TABLE users ADD labels text[], ADD parts jsonb[];
         UPDATE users SET labels = ARRAY['vip', 'a,\"b' || id],
           parts = ARRAY[jsonb_build_object('s', id, 't', 'x'), '{\"t\": null}'];
         CREATE TABLE events (id int, at int, data jsonb, PRIMARY KEY (id, at))
           PARTITION BY RANGE (at);
         CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (50);
         CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (50) TO (200);
         INSERT INTO events SELECT i, i, jsonb_build_object('kind', 'k' || i, 'n', i)
           FROM generate_series(1, 100) i;",
    );
    shop
}

#[test]
fn values_gone_from_inside_of_json_are_a_loss() {
    let shop = with_settings();
    let bookend = Bookend::new();
    for (statements, object, what) in [
        (
            "UPDATE users SET settings = settings - 'theme'",
            "public.users.settings.theme",
            "is gone with 500 values",
        ),
        (
            "UPDATE users SET settings = settings #- '{mail,to}' WHERE id <= 70",
            "public.users.settings.mail.to",
            "has 70 values fewer",
        ),
        (
            "UPDATE users SET settings = jsonb_set(settings, '{tags}', (settings -> 'tags') - 'b')",
            "public.users.settings.tags.$",
            "has 500 values fewer",
        ),
        (
            "UPDATE users SET log = '{}' WHERE id < 11; INSERT INTO users (name) VALUES ('more')",
            "public.users.log.at",
            "has 10 values fewer",
        ),
        (
            "UPDATE events SET data = data - 'kind' WHERE at < 60",
            "public.events.data.kind",
            "has 59 values fewer",
        ),
        (
            "UPDATE users SET labels = array_remove(labels, 'vip')",
            "public.users.labels.$",
            "has 500 values fewer",
        ),
        (
            "UPDATE users SET parts = ARRAY(SELECT m - 's' FROM unnest(parts) m)",
            "public.users.parts.$.s",
            "is gone with 500 values",
        ),
        (
            "UPDATE users SET settings = NULL WHERE id = 7",
            "public.users.settings",
            "has 1 value fewer",
        ),
    ] {
        let refused = bracket_json(&bookend, &shop.url(), &[], &sql(statements)).expect_code(4);
        let document = refused.json();
        assert_eq!(document["state"], "loss_refused", "{statements}: {refused}");
        let causes = document["error"]["causes"].as_array().unwrap();
        assert_eq!(causes.len(), 1, "{statements}: {causes:?}");
        let told = causes[0].as_str().unwrap();
        assert!(told.contains(&format!("{object}: {what}")), "{told}");
    }
    // The flag that a refusal prints allows it.
    let statements = "UPDATE users SET settings = settings #- '{tags}' #- '{mail,weekly}'";
    let patterns = ["--allow-loss", "public.users.settings.*"];
    let allowed = bracket_json(&bookend, &shop.url(), &patterns, &sql(statements)).expect_code(0);
    assert_eq!(allowed.json()["as_rehearsed"], true, "{allowed}");
}

#[test]
fn values_that_went_into_json_and_came_out_of_it_are_no_loss() {
    let shop = with_settings();
    let bookend = Bookend::new();
    for (statements, told) in [
        (
            "UPDATE users SET settings = (settings - 'theme') || jsonb_build_object('look', \
             settings -> 'theme')",
            "settings.theme → settings.look",
        ),
        (
            "UPDATE users SET settings = settings || jsonb_build_object('name', name);
             ALTER TABLE users DROP name",
            "name → settings.name",
        ),
        (
            "ALTER TABLE users ADD name text, ADD weekly bool;
             UPDATE users SET name = settings ->> 'name',
             weekly = (settings #>> '{mail,weekly}')::bool,
             settings = settings - 'name' #- '{mail,weekly}'",
            "settings.mail.weekly → weekly",
        ),
        (
            "UPDATE events SET data = (data - 'kind') || jsonb_build_object('what', data -> 'kind')",
            "data.kind → data.what",
        ),
        (
            "UPDATE users SET settings = settings || '{\"new\": 1}'",
            "column settings (other values), +1 inner value",
        ),
    ] {
        let ran = bracket_json(&bookend, &shop.url(), &[], &sql(statements)).expect_code(0);
        let document = ran.json();
        assert_eq!(document["as_rehearsed"], true, "{statements}: {ran}");
        let lines = step(&document, "rehearsal")["lines"].to_string();
        assert!(lines.contains("no data lost"), "{statements}: {lines}");
        assert!(lines.contains(told), "{statements}: {lines}");
    }
}
