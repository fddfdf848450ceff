//! The proof can fail: one difference at a time is made in a restored copy, and each is found
//! and named. And it raises no false alarm: the untouched copies are identical.

mod common;

use std::sync::Arc;
use std::time::Duration;

use bookend::archive::{Archive, ArchiveSink, ManifestExtra, WriteOptions};
use bookend::connection::{EngineKind, Environment, Target};
use bookend::engine::{
    Context, DatabaseCopy, Discrepancy, DumpRequest, Engine, Ledger, MadeDatabase, RestoreRequest,
    for_kind,
};
use bookend::process::ToolBox;
use bookend::progress::Silent;
use bookend::snapshot::{Sink, Source};
use chrono::Utc;
use common::{Server, TestDatabase, Version};
use tokio_util::sync::CancellationToken;

/// Copies go with the server.
struct NoLedger;

impl Ledger for NoLedger {
    fn announce(&self, _database: &MadeDatabase) -> std::io::Result<()> {
        Ok(())
    }

    fn settle(&self, _name: &str, _outcome: &str) -> std::io::Result<()> {
        Ok(())
    }
}

fn context(version: Version) -> Context {
    Context {
        tools: ToolBox::new(vec![version.bin()]),
        jobs: 2,
        lock_timeout: Duration::from_secs(20),
        run: "test".to_owned(),
        progress: Arc::new(Silent),
        cancel: CancellationToken::new(),
        ledger: Arc::new(NoLedger),
    }
}

/// An archive of a database, and one copy restored from it.
struct Restored {
    context: Context,
    engine: Arc<dyn Engine>,
    archive: Arc<dyn Source>,
    copy: DatabaseCopy,
    _folder: tempfile::TempDir,
}

impl Restored {
    async fn of(database: &TestDatabase<'_>, request: &RestoreRequest) -> Self {
        let context = context(database.server().version());
        let engine = for_kind(EngineKind::Postgresql).unwrap();
        let target = Target::parse(&database.url(), &Environment::default()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        let options = WriteOptions {
            compression: bookend::archive::Compression::None,
            created: Utc::now(),
            engine: "postgresql".to_owned(),
            database: database.name().to_owned(),
        };
        let file = std::fs::File::create_new(&path).unwrap();
        let sink = ArchiveSink::new(file, options).unwrap();
        let dump = DumpRequest::default();
        let into = Arc::clone(&sink) as Arc<dyn Sink>;
        let snapshot = engine.dump(&context, &target, &dump, into).await.unwrap();
        let extra = ManifestExtra {
            id: "a".to_owned(),
            tag: None,
            target_label: "a".to_owned(),
        };
        sink.finish(&snapshot, extra).await.unwrap();
        let archive: Arc<dyn Source> = Arc::new(Archive::open(&path).unwrap());
        let source = Arc::clone(&archive);
        let copy = engine
            .restore(&context, source, &target, request)
            .await
            .unwrap();
        Self {
            context,
            engine,
            archive,
            copy,
            _folder: folder,
        }
    }

    async fn differences(&self, copy: &DatabaseCopy) -> Vec<Discrepancy> {
        let source = Arc::clone(&self.archive);
        let compared = self.engine.compare(&self.context, source, copy).await;
        compared.unwrap().differences
    }

    /// What is found in a clone of the copy in which `sql` was run.
    async fn differences_after(&self, server: &Server, sql: &str) -> Vec<Discrepancy> {
        let clone = server.database_named(&format!("{}_clone", self.copy.name));
        server.psql("postgres", &format!("DROP DATABASE \"{}\"", clone.name()));
        let clone_sql = format!(
            "CREATE DATABASE \"{}\" TEMPLATE \"{}\"",
            clone.name(),
            self.copy.name
        );
        server.psql("postgres", &clone_sql);
        clone.psql(sql);
        let copy = DatabaseCopy {
            name: clone.name().to_owned(),
            target: self.copy.target.with_database(clone.name()),
            ..self.copy.clone()
        };
        self.differences(&copy).await
    }

    async fn discard(self) {
        self.engine.discard(&self.context, self.copy).await.unwrap();
    }
}

fn loaded<'a>(server: &'a Server, file: &str) -> TestDatabase<'a> {
    let database = server.database("proof");
    let sql = std::fs::read_to_string(format!("tests/sql/{file}")).unwrap();
    database.psql(&sql);
    database
}

/// A difference: what is done to the copy; then for each line that must be found `OBJECT KIND`,
/// a part of what is expected and a part of what is found. No other line may be found.
struct Case(
    &'static str,
    &'static [(&'static str, &'static str, &'static str, &'static str)],
);

const CASES: &[Case] = &[
    // One cell.
    Case(
        "UPDATE customers SET city = 'elsewhere' WHERE id = 7",
        &[(
            "public.customers",
            "content",
            "column city: 200 values",
            "column city: 200 values",
        )],
    ),
    Case(
        "UPDATE customers SET mood = NULL WHERE id = 3",
        &[(
            "public.customers",
            "content",
            "column mood: 66 values",
            "column mood: 65 values",
        )],
    ),
    Case(
        "UPDATE notes SET what = 'another' WHERE ctid = (SELECT min(ctid) FROM notes)",
        &[("public.notes", "content", "column what", "column what")],
    ),
    // Rows.
    Case(
        "DELETE FROM notes WHERE ctid = (SELECT min(ctid) FROM notes)",
        &[("public.notes", "rows", "100 rows", "99 rows")],
    ),
    Case(
        "INSERT INTO notes SELECT * FROM notes LIMIT 1",
        &[("public.notes", "rows", "100 rows", "101 rows")],
    ),
    Case(
        "DELETE FROM notes WHERE ctid = (SELECT min(ctid) FROM notes);
          INSERT INTO notes SELECT * FROM notes LIMIT 1",
        &[
            ("public.notes", "content", "column at", "column at"),
            ("public.notes", "content", "column what", "column what"),
        ],
    ),
    Case(
        "TRUNCATE notes",
        &[("public.notes", "rows", "100 rows", "0 rows")],
    ),
    Case(
        "DELETE FROM moods WHERE n = 5",
        &[("public.moods", "rows", "80 rows", "79 rows")],
    ),
    Case(
        "UPDATE moods SET n = 500 WHERE n = 5",
        &[("public.moods", "content", "column n", "column n")],
    ),
    // Values swapped between two rows.
    Case(
        "UPDATE customers c SET city = o.city FROM customers o
          WHERE (c.id, o.id) IN ((1, 2), (2, 1))",
        &[(
            "public.customers",
            "content",
            "column city: each value on its own row",
            "column city: the same values on other rows",
        )],
    ),
    Case(
        "UPDATE notes n SET at = o.at FROM notes o WHERE (n.ctid, o.ctid) IN (
              ((SELECT min(ctid) FROM notes), (SELECT max(ctid) FROM notes)),
              ((SELECT max(ctid) FROM notes), (SELECT min(ctid) FROM notes)))",
        &[(
            "public.notes",
            "content",
            "rows with fingerprint",
            "the same values in other rows",
        )],
    ),
    // Sequences.
    Case(
        "SELECT nextval('tickets')",
        &[("public.tickets", "sequence", "41, called", "42, called")],
    ),
    Case(
        "SELECT setval('tickets', 41, false)",
        &[(
            "public.tickets",
            "sequence",
            "41, called",
            "41, not called yet",
        )],
    ),
    Case(
        "SELECT nextval('customers_id_seq')",
        &[(
            "public.customers_id_seq",
            "sequence",
            "200, called",
            "201, called",
        )],
    ),
    Case(
        "ALTER SEQUENCE tickets INCREMENT 2",
        &[(
            "public.tickets",
            "sequence",
            "INCREMENT BY 1",
            "INCREMENT BY 2",
        )],
    ),
    // Triggers.
    Case(
        "DROP TRIGGER \"other; touched\" ON customers",
        &[(
            "public.customers",
            "trigger",
            "CREATE TRIGGER \"other; touched\"",
            "missing",
        )],
    ),
    Case(
        "ALTER TABLE customers DISABLE TRIGGER touched",
        &[("public.customers", "trigger", "", "DISABLE TRIGGER touched")],
    ),
    Case(
        "CREATE TRIGGER new BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION touch()",
        &[("public.orders", "trigger", "nothing", "CREATE TRIGGER new")],
    ),
    // Columns.
    Case(
        "ALTER TABLE customers ALTER status SET DEFAULT 'old'",
        &[(
            "public.customers",
            "default",
            "column status: 'new'",
            "column status: 'old'",
        )],
    ),
    Case(
        "ALTER TABLE orders ALTER id DROP DEFAULT",
        &[("public.orders", "default", "SET DEFAULT nextval", "missing")],
    ),
    Case(
        "ALTER TABLE customers ALTER city TYPE text COLLATE \"POSIX\"",
        &[(
            "public.customers",
            "collation",
            "column city: pg_catalog.\"C\"",
            "column city: pg_catalog.\"POSIX\"",
        )],
    ),
    Case(
        "ALTER TABLE customers ALTER name DROP NOT NULL",
        &[(
            "public.customers",
            "not null",
            "column name: not null",
            "column name: nullable",
        )],
    ),
    Case(
        "ALTER TABLE customers ALTER score TYPE numeric(12, 2)",
        &[(
            "public.customers",
            "type",
            "column score: numeric(10,2)",
            "column score: numeric(12,2)",
        )],
    ),
    Case(
        "ALTER TABLE customers ADD extra int",
        &[("public.customers", "column", "nothing", "extra integer")],
    ),
    Case(
        "ALTER TABLE customers ALTER id SET GENERATED ALWAYS",
        &[(
            "public.customers_id_seq",
            "identity",
            "BY DEFAULT",
            "ALWAYS",
        )],
    ),
    Case(
        "ALTER TABLE customers ALTER name SET STORAGE EXTERNAL",
        &[("public.customers", "storage", "", "SET STORAGE EXTERNAL")],
    ),
    // Constraints and indexes.
    Case(
        "ALTER TABLE customers DROP CONSTRAINT customers_status_check",
        &[(
            "public.customers",
            "constraint",
            "CONSTRAINT customers_status_check",
            "missing",
        )],
    ),
    Case(
        "ALTER TABLE customers DROP CONSTRAINT customers_status_check;
          ALTER TABLE customers ADD CHECK (status IN ('new', 'old', 'other'))",
        &[(
            "public.customers",
            "constraint",
            "CONSTRAINT customers_status_check",
            "'other'",
        )],
    ),
    Case(
        "ALTER TABLE orders DROP CONSTRAINT orders_customer_fkey",
        &[(
            "public.orders",
            "foreign key",
            "ADD CONSTRAINT orders_customer_fkey",
            "missing",
        )],
    ),
    Case(
        "DROP INDEX customers_city",
        &[(
            "public.customers",
            "index",
            "CREATE INDEX customers_city",
            "missing",
        )],
    ),
    Case(
        "DROP INDEX customers_city; CREATE INDEX customers_city ON customers (city DESC)",
        &[(
            "public.customers",
            "index",
            "btree (city)",
            "btree (city DESC)",
        )],
    ),
    Case(
        "DROP STATISTICS customers_stats",
        &[(
            "public.customers",
            "statistics",
            "CREATE STATISTICS",
            "missing",
        )],
    ),
    // Row security.
    Case(
        "ALTER TABLE customers DISABLE ROW LEVEL SECURITY",
        &[(
            "public.customers",
            "row security",
            "ENABLE ROW LEVEL SECURITY",
            "missing",
        )],
    ),
    Case(
        "ALTER TABLE customers FORCE ROW LEVEL SECURITY",
        &[(
            "public.customers",
            "row security",
            "",
            "FORCE ROW LEVEL SECURITY",
        )],
    ),
    Case(
        "DROP POLICY all_rows ON customers",
        &[(
            "public.customers",
            "policy",
            "CREATE POLICY all_rows",
            "missing",
        )],
    ),
    Case(
        "ALTER POLICY all_rows ON customers USING (false)",
        &[(
            "public.customers",
            "policy",
            "USING (true)",
            "USING (false)",
        )],
    ),
    // Owners, grants, comments.
    Case(
        "ALTER TABLE notes OWNER TO pg_monitor",
        &[("public.notes", "owner", "postgres", "pg_monitor")],
    ),
    Case(
        "GRANT SELECT ON notes TO pg_monitor",
        &[(
            "public.notes",
            "grant",
            "nothing",
            "GRANT SELECT ON TABLE public.notes TO pg_monitor",
        )],
    ),
    Case(
        "REVOKE SELECT ON customers FROM pg_monitor",
        &[(
            "public.customers",
            "grant",
            "GRANT SELECT ON TABLE public.customers TO pg_monitor",
            "missing",
        )],
    ),
    Case(
        "GRANT INSERT ON customers TO pg_monitor",
        &[(
            "public.customers",
            "grant",
            "GRANT SELECT ON",
            "GRANT SELECT,INSERT ON",
        )],
    ),
    Case(
        "COMMENT ON TABLE customers IS 'who paid'",
        &[("public.customers", "comment", "'who buys'", "'who paid'")],
    ),
    Case(
        "COMMENT ON COLUMN customers.name IS NULL",
        &[(
            "public.customers",
            "comment",
            "'how they are called'",
            "missing",
        )],
    ),
    // Other objects.
    Case(
        "CREATE OR REPLACE VIEW fresh AS SELECT id, name FROM customers WHERE status IN ('new', 'off')",
        &[("public.fresh", "view", "'old'", "'off'")],
    ),
    Case(
        "DROP VIEW fresh",
        &[(
            "public.fresh",
            "view",
            "CREATE VIEW public.fresh",
            "missing",
        )],
    ),
    Case(
        "ALTER TYPE mood ADD VALUE 'glad'",
        &[("public.mood", "type", "", "'glad'")],
    ),
    Case(
        "ALTER DOMAIN positive DROP CONSTRAINT positive_check",
        &[(
            "public.positive",
            "constraint",
            "CONSTRAINT positive_check",
            "missing",
        )],
    ),
    Case(
        "CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN OLD; END $$",
        &[("public.touch()", "function", "RETURN NEW", "RETURN OLD")],
    ),
    Case(
        "CREATE TABLE extra (id int PRIMARY KEY)",
        &[(
            "public.extra",
            "table",
            "nothing",
            "CREATE TABLE public.extra",
        )],
    ),
    Case(
        "DROP TABLE notes",
        &[(
            "public.notes",
            "table",
            "CREATE TABLE public.notes",
            "missing",
        )],
    ),
    Case(
        "REFRESH MATERIALIZED VIEW totals WITH NO DATA",
        &[("public.totals", "populated", "populated", "not populated")],
    ),
    Case(
        "DROP TABLE vectors; DROP EXTENSION vector",
        &[
            ("public.vectors", "table", "CREATE TABLE", "missing"),
            ("vector", "extension", "", "missing"),
        ],
    ),
    Case(
        "UPDATE pg_extension SET extversion = '0.0.1' WHERE extname = 'vector'",
        &[("vector", "extension", "version 0", "version 0.0.1")],
    ),
    // Large objects.
    Case(
        "SELECT lo_put(880002, 0, 'S')",
        &[("large object 880002", "large object", "6 bytes", "6 bytes")],
    ),
    Case(
        "SELECT lo_unlink(880002)",
        &[("large object 880002", "large object", "6 bytes", "missing")],
    ),
    Case(
        "SELECT lo_from_bytea(880003, 'x')",
        &[("large object 880003", "large object", "nothing", "1 bytes")],
    ),
    Case(
        "COMMENT ON LARGE OBJECT 880001 IS 'another'",
        &[("large object 880001", "comment", "a comment", "another")],
    ),
    Case(
        "GRANT SELECT ON LARGE OBJECT 880001 TO pg_monitor",
        &[("large object 880001", "grant", "", "pg_monitor")],
    ),
    Case(
        "ALTER LARGE OBJECT 880002 OWNER TO pg_monitor",
        &[("large object 880002", "owner", "postgres", "pg_monitor")],
    ),
];

fn shown(differences: &[Discrepancy]) -> String {
    let lines = differences.iter().map(|d| {
        format!(
            "  {} · {}: expected {}, found {}\n",
            d.object, d.kind, d.expected, d.found
        )
    });
    lines.collect()
}

/// What is wrong with what was found for a case, if anything is.
fn judged(Case(sql, expected): &Case, found: &[Discrepancy]) -> Option<String> {
    let mut left: Vec<&Discrepancy> = found.iter().collect();
    let mut wanting = Vec::new();
    for (object, kind, before, after) in *expected {
        let fits = |d: &&Discrepancy| {
            d.object == *object
                && d.kind == *kind
                && d.expected.contains(before)
                && d.found.contains(after)
        };
        match left.iter().position(fits) {
            Some(at) => {
                left.remove(at);
            }
            None => wanting.push(format!("  {object} · {kind}: {before} … {after}\n")),
        }
    }
    (!wanting.is_empty() || !left.is_empty()).then(|| {
        format!(
            "after {sql}\n found\n{} wanted\n{}",
            shown(found),
            wanting.concat()
        )
    })
}

async fn every_difference_is_found(version: Version) {
    let server = Server::shared(version);
    let database = loaded(server, "provable.sql");
    let restored = Restored::of(&database, &RestoreRequest::default()).await;
    assert_eq!(shown(&restored.differences(&restored.copy).await), "");
    let mut wrong = Vec::new();
    for case in CASES {
        let found = restored.differences_after(server, case.0).await;
        wrong.extend(judged(case, &found));
    }
    restored.discard().await;
    assert!(
        wrong.is_empty(),
        "{} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_difference_is_found_and_named_by_16() {
    every_difference_is_found(Version::V16).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_difference_is_found_and_named_by_18() {
    every_difference_is_found(Version::V18).await;
}
