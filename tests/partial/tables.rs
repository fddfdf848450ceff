//! `--only` on PostgreSQL.

use serde_json::Value;

use crate::common::{Bookend, Output, PASSWORD, Server, TestDatabase, Version};

const SHOP: &str = "
CREATE SCHEMA sales;
CREATE SCHEMA other;
CREATE TYPE sales.status AS ENUM ('new', 'paid');
CREATE DOMAIN sales.amount AS numeric CHECK (VALUE >= 0);
CREATE FUNCTION sales.known(text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN $1 <> ''''; END';
CREATE FUNCTION sales.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION other.unused() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TABLE sales.customers (id int PRIMARY KEY, name text);
CREATE TABLE sales.orders (
    id serial PRIMARY KEY, customer int REFERENCES sales.customers,
    state sales.status DEFAULT 'new', total sales.amount, note text CHECK (sales.known(note)));
CREATE INDEX orders_state ON sales.orders (state);
CREATE STATISTICS sales.orders_stats ON customer, total FROM sales.orders;
CREATE TRIGGER touch BEFORE UPDATE ON sales.orders FOR EACH ROW EXECUTE FUNCTION sales.touch();
ALTER TABLE sales.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY plain ON sales.orders USING (total >= 0);
CREATE POLICY looking ON sales.orders USING (customer IN (SELECT id FROM sales.customers));
COMMENT ON COLUMN sales.orders.note IS 'what they said';
COMMENT ON INDEX sales.orders_state IS 'for the list';
GRANT SELECT ON sales.orders TO PUBLIC;
CREATE VIEW sales.order_totals AS SELECT state, sum(total) FROM sales.orders GROUP BY 1;
CREATE VIEW sales.order_names AS SELECT o.id, c.name FROM sales.orders o JOIN sales.customers c ON c.id = o.customer;
CREATE VIEW sales.order_names_too AS SELECT * FROM sales.order_names;
CREATE MATERIALIZED VIEW sales.order_count AS SELECT count(*) FROM sales.orders;
CREATE UNIQUE INDEX ON sales.order_count (count);
CREATE TABLE other.events (at int, what text) PARTITION BY RANGE (at);
CREATE TABLE other.events_1 PARTITION OF other.events FOR VALUES FROM (0) TO (10);
CREATE TABLE other.events_2 PARTITION OF other.events FOR VALUES FROM (10) TO (20);
CREATE INDEX ON other.events (at);
CREATE TABLE other.base (id int PRIMARY KEY, x text);
CREATE TABLE other.child (y int) INHERITS (other.base);
CREATE TABLE other.ident (id int GENERATED ALWAYS AS IDENTITY (START 7), v text);
CREATE TABLE other.\"Odd \"\"name\" (id int);
INSERT INTO sales.customers SELECT i, 'c' || i FROM generate_series(1, 5) i;
INSERT INTO sales.orders (customer, total, note) SELECT 1 + i % 5, i, 'n' FROM generate_series(1, 30) i;
INSERT INTO other.events SELECT i, 'e' FROM generate_series(0, 19) i;
INSERT INTO other.base VALUES (1, 'b');
INSERT INTO other.child VALUES (2, 'c', 3);
INSERT INTO other.ident (v) VALUES ('a'), ('b');
REFRESH MATERIALIZED VIEW sales.order_count;
SELECT lo_from_bytea(0, 'large');
";

struct Scene {
    database: TestDatabase<'static>,
    bookend: Bookend,
}

impl Scene {
    fn open(version: Version) -> Self {
        let database = Server::shared(version).database("only");
        database.psql(SHOP);
        let bookend = Bookend::new().env("PGPASSWORD", PASSWORD);
        bookend.succeed(&["backup", &database.url()]);
        Self { database, bookend }
    }

    fn copy(&self) -> String {
        format!("{}_part", self.database.name())
    }

    /// Restores it anew.
    fn only(&self, patterns: &[&str]) -> Output {
        self.drop_copy();
        let copy = self.copy();
        let mut arguments = vec!["--json", "restore", "latest", "--into", &copy];
        for pattern in patterns {
            arguments.extend(["--only", pattern]);
        }
        self.bookend.run(&arguments)
    }

    fn proven(&self, patterns: &[&str]) -> Value {
        let restored = self.only(patterns).expect_code(0).json();
        assert_eq!(restored["verdict"], "identical", "{restored}");
        restored
    }

    fn psql(&self, sql: &str) -> String {
        let server = self.database.server();
        server.psql(&self.copy(), sql).trim().to_owned()
    }

    /// Tables, views and sequences of the copy.
    fn relations(&self) -> String {
        self.psql(
            "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class c
               JOIN pg_namespace n ON n.oid = relnamespace
              WHERE relkind IN ('r', 'p', 'v', 'm', 'S') AND nspname IN ('public', 'sales', 'other')",
        )
    }

    fn drop_copy(&self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.copy());
        let _ = self.database.server().try_psql("postgres", &sql);
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.drop_copy();
    }
}

fn lines(of: &Value) -> Vec<&str> {
    let lines = of.as_array().unwrap().iter();
    lines.map(|line| line.as_str().unwrap()).collect()
}

fn a_table_comes_with_what_it_needs(version: Version) {
    let scene = Scene::open(version);
    let restored = scene.proven(&["sales.orders", "sales.order_*"]);
    assert_eq!(
        scene.relations(),
        "order_count order_totals orders orders_id_seq"
    );
    assert_eq!(
        lines(&restored["left_out"]),
        [
            "view sales.order_names: it needs sales.customers",
            "view sales.order_names_too: it needs sales.customers, sales.order_names",
            "foreign key orders_customer_fkey of sales.orders: it needs sales.customers",
            "policy looking of sales.orders: it needs sales.customers",
        ]
    );
    let first = lines(&restored["not_compared"])[0].to_owned();
    assert!(first.starts_with("what was not asked for: "), "{first}");
    assert!(first.contains("1 large object"), "{first}");
    assert_eq!(scene.psql("SELECT count(*) FROM sales.orders"), "30");
    assert_eq!(scene.psql("SELECT count FROM sales.order_count"), "30");
    assert_eq!(scene.psql("SELECT nextval('sales.orders_id_seq')"), "31");
    let indexes = "SELECT count(*) FROM pg_indexes WHERE schemaname = 'sales'";
    assert_eq!(scene.psql(indexes), "3");
    let trigger = "SELECT count(*) FROM pg_trigger WHERE tgname = 'touch'";
    assert_eq!(scene.psql(trigger), "1");
    let functions = "SELECT string_agg(proname, ' ' ORDER BY proname) FROM pg_proc p
        JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname IN ('sales', 'other')";
    assert_eq!(scene.psql(functions), "known touch");
    let check = "INSERT INTO sales.orders (note) VALUES ('')";
    let server = scene.database.server();
    assert!(server.try_psql(&scene.copy(), check).is_err());
}

#[test]
fn a_table_comes_with_what_it_needs_and_the_rest_is_told_on_16() {
    a_table_comes_with_what_it_needs(Version::V16);
}

#[test]
fn a_table_comes_with_what_it_needs_and_the_rest_is_told_on_18() {
    a_table_comes_with_what_it_needs(Version::V18);
}

#[test]
fn partitions_children_and_sequences_come_with_what_they_hang_on() {
    let scene = Scene::open(Version::V16);
    // A partitioned table's rows are in its partitions.
    scene.proven(&["other.events"]);
    assert_eq!(scene.relations(), "events events_1 events_2");
    assert_eq!(scene.psql("SELECT count(*) FROM other.events"), "20");
    // One partition is attached to its parent still.
    scene.proven(&["other.events_1"]);
    assert_eq!(scene.relations(), "events events_1");
    assert_eq!(scene.psql("SELECT count(*) FROM other.events"), "10");
    // Of a parent that was not asked for there is the definition only.
    scene.proven(&["other.child"]);
    assert_eq!(scene.relations(), "base child");
    assert_eq!(scene.psql("SELECT count(*) FROM ONLY other.base"), "0");
    assert_eq!(scene.psql("SELECT id FROM other.base"), "2");
    scene.proven(&["other.ident"]);
    let next = "INSERT INTO other.ident (v) VALUES ('c') RETURNING id";
    assert_eq!(scene.psql(next), "9");
    scene.proven(&["other.\"Odd \"\"name\""]);
    assert_eq!(scene.relations(), "Odd \"name");
}

#[test]
fn all_of_it_is_all_but_the_large_objects() {
    let scene = Scene::open(Version::V16);
    let restored = scene.proven(&["*"]);
    assert!(lines(&restored["left_out"]).is_empty(), "{restored}");
    assert_eq!(
        scene.psql("SELECT count(*) FROM sales.order_names_too"),
        "30"
    );
    assert_eq!(
        scene.psql("SELECT count(*) FROM pg_largeobject_metadata"),
        "0"
    );
}

#[test]
fn a_pattern_that_matches_nothing_is_told_with_near_names_and_nothing_is_made() {
    let scene = Scene::open(Version::V16);
    for (pattern, near) in [("orders", "sales.orders"), ("sales.ordesr", "sales.orders")] {
        let refused = scene.only(&["sales.orders", pattern]).expect_code(2).json();
        assert_eq!(refused["error"]["code"], "nothing-matches", "{refused}");
        let hint = refused["error"]["hint"].as_str().unwrap();
        assert!(hint.contains(near), "{hint}");
    }
    // A view that has to stay out leaves nothing.
    let refused = scene.only(&["sales.order_names"]).expect_code(4).json();
    let why = refused["error"]["message"].as_str().unwrap();
    assert!(
        why.contains("it needs sales.customers, sales.orders"),
        "{why}"
    );
    let there = format!(
        "SELECT count(*) FROM pg_database WHERE datname LIKE '{}_%'",
        scene.database.name()
    );
    assert_eq!(scene.database.server().psql("postgres", &there).trim(), "0");
}
