//! Rows that stayed are compared by their keys, whatever came or went beside them.

use super::common::{Bookend, TestDatabase};
use super::{bracket_json, server, shop, sql, step};

fn with_more() -> TestDatabase<'static> {
    let shop = shop(server());
    shop.psql(
        "CREATE TYPE mood AS ENUM ('glad', 'sad', 'it''s, so so');
         CREATE TYPE place AS (street text, country text);
         CREATE TABLE people (name text PRIMARY KEY, phone text, note text, at timestamptz,
           mood mood, moods mood[], place place);
         INSERT INTO people SELECT 'p' || i, CASE WHEN i % 2 = 0 THEN '+' || i END, 'n' || i,
           '2020-01-01 10:00:00+00'::timestamptz + i * interval '1 hour',
           (enum_range(NULL::mood))[1 + i % 3], ARRAY['sad', 'glad']::mood[],
           ROW('s' || i, 'c' || i)::place
           FROM generate_series(1, 300) i",
    );
    shop
}

/// What a migration is refused for.
fn lost(bookend: &Bookend, shop: &TestDatabase<'_>, statements: &str) -> Vec<String> {
    let ran = bracket_json(bookend, &shop.url(), &[], &sql(statements)).expect_code(4);
    let document = ran.json();
    assert_eq!(document["state"], "loss_refused", "{statements}: {ran}");
    let causes = document["error"]["causes"].as_array().unwrap().iter();
    let told = |cause: &serde_json::Value| {
        let cause = cause.as_str().unwrap();
        cause.split("   (").next().unwrap().to_owned()
    };
    causes.map(told).collect()
}

const MORE: &str = "INSERT INTO people (name, phone, note) VALUES ('more', '+1', 'x');";

#[test]
fn a_row_that_came_hides_nothing_that_others_lost() {
    let (shop, bookend) = (with_more(), Bookend::new());
    for (statements, expected) in [
        (
            "UPDATE people SET note = ''",
            "public.people.note: had different values, now all 300 values are the same",
        ),
        (
            "ALTER TABLE people ALTER at TYPE date",
            "public.people.at: is date, was timestamp with time zone: not every value reads as before",
        ),
        (
            "UPDATE people SET note = NULL WHERE name < 'p2'",
            "public.people.note: has 111 values fewer",
        ),
        (
            "ALTER TABLE people DROP note; ALTER TABLE people ADD note text",
            "public.people.note: has 300 values fewer",
        ),
    ] {
        let statements = format!("{MORE} {statements}");
        assert_eq!(
            lost(&bookend, &shop, &statements),
            [expected],
            "{statements}"
        );
    }
    // One that went does not either.
    let allowed = ["--allow-loss", "public.people"];
    let statements = "DELETE FROM people WHERE name = 'p1'; UPDATE people SET note = ''";
    let ran = bracket_json(&bookend, &shop.url(), &allowed, &sql(statements)).expect_code(4);
    let causes = ran.json()["error"]["causes"].to_string();
    assert!(
        causes.contains("now all 299 values are the same"),
        "{causes}"
    );
    // And what is only changed is no loss.
    let statements = format!("{MORE} UPDATE people SET note = upper(note)");
    let ran = bracket_json(&bookend, &shop.url(), &[], &sql(&statements)).expect_code(0);
    let lines = step(&ran.json(), "rehearsal")["lines"].to_string();
    assert!(lines.contains("column note (other values)"), "{lines}");
    assert!(lines.contains("no data lost"), "{lines}");
}

#[test]
fn values_that_others_were_added_for_are_lost_all_the_same() {
    let (shop, bookend) = (with_more(), Bookend::new());
    for (statements, rows) in [
        (
            "UPDATE people SET phone = CASE WHEN phone IS NULL AND name > 'p2' THEN '+0' \
             WHEN name > 'p2' THEN phone END",
            56,
        ),
        (
            "UPDATE people SET phone = CASE WHEN phone IS NULL THEN 'new' END",
            150,
        ),
    ] {
        let what = format!("is without {rows} values of before, others were added");
        let expected = format!("public.people.phone: {what}");
        assert_eq!(lost(&bookend, &shop, statements), [expected]);
    }
}

#[test]
fn a_type_that_can_hold_less_is_a_loss_where_values_are_others_now() {
    let (shop, bookend) = (with_more(), Bookend::new());
    let shortened = "ALTER TYPE mood RENAME TO mood_old; CREATE TYPE mood AS ENUM ('glad', 'sad');
        ALTER TABLE people ALTER moods TYPE mood[] USING moods::text[]::mood[],
        ALTER mood TYPE mood USING (CASE mood::text WHEN 'it''s, so so' THEN 'sad'
        ELSE mood::text END)::mood; DROP TYPE mood_old";
    let expected = "public.people.mood: is without 'it''s, so so' of public.mood: \
                    not every value reads as before";
    assert_eq!(lost(&bookend, &shop, shortened), [expected]);
    let statements = format!("{MORE} {shortened}");
    assert_eq!(lost(&bookend, &shop, &statements), [expected]);
    let expected = "public.people.place: is without country of public.place: \
                    not every value reads as before";
    let dropped = "ALTER TYPE place DROP ATTRIBUTE country CASCADE";
    assert_eq!(lost(&bookend, &shop, dropped), [expected]);
    // Nobody had it.
    let unused = "DELETE FROM people WHERE mood > 'sad'";
    let allowed = ["--allow-loss", "public.people"];
    let ran = bracket_json(&bookend, &shop.url(), &allowed, &sql(unused));
    assert_eq!(ran.code, Some(0), "{ran}");
    let ran = bracket_json(&bookend, &shop.url(), &[], &sql(shortened)).expect_code(0);
    let lines = step(&ran.json(), "rehearsal")["lines"].to_string();
    assert!(lines.contains("no data lost"), "{lines}");
}

#[test]
fn rows_are_known_by_the_key_that_they_had() {
    let (shop, bookend) = (with_more(), Bookend::new());
    let replaced = "ALTER TABLE people DROP CONSTRAINT people_pkey, ADD id serial PRIMARY KEY, \
                    ADD UNIQUE (name)";
    let statements = format!("{replaced}; DELETE FROM people WHERE name = 'p7'; {MORE}");
    let expected = "public.people: is without 1 row of before (gone), others were added";
    assert_eq!(lost(&bookend, &shop, &statements), [expected]);
    let statements = format!("{replaced}; {MORE}");
    let ran = bracket_json(&bookend, &shop.url(), &[], &sql(&statements)).expect_code(0);
    let document = ran.json();
    assert_eq!(document["as_rehearsed"], true, "{document:#}");
    let lines = step(&document, "rehearsal")["lines"].to_string();
    assert!(lines.contains("no data lost"), "{lines}");
}

#[test]
fn a_column_that_went_into_a_new_value_of_json_is_there_still() {
    let (shop, bookend) = (with_more(), Bookend::new());
    let statements = "ALTER TABLE people ADD extra jsonb; \
                      UPDATE people SET extra = jsonb_build_object('note', note); \
                      ALTER TABLE people DROP note";
    let ran = bracket_json(&bookend, &shop.url(), &[], &sql(statements)).expect_code(0);
    let lines = step(&ran.json(), "rehearsal")["lines"].to_string();
    let told = "column note → extra.note (same values), +1 column";
    assert!(lines.contains(told), "{lines}");
    let generated = "ALTER TABLE people DROP phone; \
                     ALTER TABLE people ADD phone text GENERATED ALWAYS AS (name || '!') STORED";
    let expected = "public.people.phone: is generated now, its 150 values are not";
    assert_eq!(lost(&bookend, &shop, generated), [expected]);
}
