//! Tables that have grown: rows that went while more came are lost, and none that stayed are.

use super::common::{Bookend, Output, TestDatabase};
use super::{bracket_json, server, shop, sql, step};

fn with_more() -> TestDatabase<'static> {
    let shop = shop(server());
    shop.psql(
        "CREATE TABLE keyless (a int, b text);
         INSERT INTO keyless SELECT i, 'k' || i FROM generate_series(1, 100) i;
         CREATE TABLE parted (id int, v text) PARTITION BY RANGE (id);
         CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (1000);
         CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (1000) TO (2000);
         INSERT INTO parted SELECT i, 'p' || i FROM generate_series(1, 60) i;
         CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
         INSERT INTO alembic_version VALUES ('ae1027a6acf')",
    );
    shop
}

fn ran(shop: &TestDatabase<'_>, options: &[&str], statements: &str) -> Output {
    bracket_json(&Bookend::new(), &shop.url(), options, &sql(statements))
}

#[test]
fn rows_that_come_and_rows_that_change_are_no_loss() {
    let shop = with_more();
    for statements in [
        "INSERT INTO users (name) SELECT 'more ' || i FROM generate_series(1, 30) i",
        "UPDATE users SET name = upper(name); INSERT INTO users (name) VALUES ('one more')",
        "UPDATE users SET id = id WHERE id < 9; ALTER TABLE users ADD nick text; \
         INSERT INTO users (name) VALUES ('and one more')",
        "INSERT INTO keyless VALUES (7, 'seven')",
        "INSERT INTO parted SELECT i, 'p' || i FROM generate_series(900, 1100) i",
        "UPDATE alembic_version SET version_num = '27c6a30d7c24'",
    ] {
        let ran = ran(&shop, &[], statements).expect_code(0);
        let document = ran.json();
        assert_eq!(document["as_rehearsed"], true, "{statements}: {ran}");
        let lines = step(&document, "rehearsal")["lines"].to_string();
        assert!(lines.contains("no data lost"), "{statements}: {lines}");
        assert!(!lines.contains("not known"), "{statements}: {lines}");
    }
}

#[test]
fn rows_that_were_replaced_by_more_are_a_loss() {
    let shop = with_more();
    for (statements, object, what) in [
        (
            "DELETE FROM orders; INSERT INTO orders (id, total) \
             SELECT 100000 + i, i FROM generate_series(1, 2001) i",
            "public.orders",
            "is without 2,000 rows of before (gone), others were added",
        ),
        (
            "UPDATE orders SET total = 0 WHERE id = 5; DELETE FROM orders WHERE id < 4; \
             INSERT INTO orders (total) SELECT i FROM generate_series(1, 10) i",
            "public.orders",
            "is without 3 rows of before (gone), others were added",
        ),
        (
            "DELETE FROM keyless WHERE a <= 20; \
             INSERT INTO keyless SELECT 1000 + i, 'n' FROM generate_series(1, 62) i",
            "public.keyless",
            "is without 20 rows of before (gone or changed), others were added",
        ),
        (
            "DELETE FROM parted WHERE id = 1; INSERT INTO parted VALUES (1500, 'a'), (1501, 'b')",
            "public.parted",
            "is without 1 row of before (gone or changed), others were added",
        ),
    ] {
        let refused = ran(&shop, &[], statements).expect_code(4);
        let document = refused.json();
        assert_eq!(document["state"], "loss_refused", "{statements}: {refused}");
        let causes = document["error"]["causes"].to_string();
        let told = format!("{object}: {what}   (--allow-loss {object})");
        assert!(causes.contains(&told), "{statements}: {causes}");
    }
    let statements = "DELETE FROM orders WHERE id <= 3; \
                      INSERT INTO orders (total) SELECT i FROM generate_series(1, 5) i";
    let allowed = ran(&shop, &["--allow-loss", "public.orders*"], statements).expect_code(0);
    assert_eq!(allowed.json()["as_rehearsed"], true, "{allowed}");
    assert_eq!(shop.psql("SELECT count(*) FROM orders").trim(), "2002");
}

#[test]
fn a_copy_whose_rows_are_hidden_by_command_is_a_rehearsal_that_failed() {
    let shop = shop(server());
    let role = format!("{}_owner", shop.name());
    shop.psql(&format!(
        "CREATE ROLE {role} LOGIN CREATEDB PASSWORD 'x' IN ROLE pg_read_all_data;
         ALTER TABLE users OWNER TO {role}; ALTER TABLE orders OWNER TO {role};
         GRANT CREATE ON SCHEMA public TO {role}; ALTER DATABASE {} OWNER TO {role}",
        shop.name()
    ));
    let url = server().url_of(&role, "x", shop.name());
    let command = sql("ALTER TABLE users ENABLE ROW LEVEL SECURITY; \
                       ALTER TABLE users FORCE ROW LEVEL SECURITY");
    let ran = bracket_json(&Bookend::new(), &url, &[], &command).expect_code(5);
    let document = ran.json();
    assert_eq!(document["state"], "rehearsal_failed", "{ran}");
    assert!(
        document["error"]["hint"].to_string().contains("BYPASSRLS"),
        "{ran}"
    );
}

#[test]
fn names_in_values_are_restored_and_found_the_same() {
    let shop = shop(server());
    shop.psql(
        "CREATE TABLE named (r regclass, p regprocedure[]); CREATE FUNCTION f(int) RETURNS int
             LANGUAGE sql AS 'SELECT $1';
         INSERT INTO named VALUES ('users', ARRAY['f(int)'::regprocedure])",
    );
    let bookend = Bookend::new();
    let made = bookend.succeed(&["backup", "--json", "--prove", &shop.url()]);
    assert_eq!(made.json()["proof"], "identical", "{made}");
}
