//! The catalogs' facts of a schema with every kind of object, from real servers.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;
#[path = "proof/restored.rs"]
mod restored;

use bookend::engine::postgres::catalog::{self, CatalogFacts};
use bookend::snapshot::{Object, PartKind, Prerequisite};
use common::{Server, TestDatabase, Version};
use restored::{loaded, without_subscription};

const TABLES: &str = "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind = 'r' AND nspname !~ '^pg_' AND nspname <> 'information_schema'";

/// The facts as `url`'s role reads them.
async fn facts(url: &str) -> CatalogFacts {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    client.batch_execute(begin).await.unwrap();
    let version = "SELECT current_setting('server_version_num')::int";
    let version: i32 = client.query_one(version, &[]).await.unwrap().get(0);
    let rows = client.query(TABLES, &[]).await.unwrap();
    let mut tables: Vec<u32> = rows.iter().map(|row| row.get(0)).collect();
    // Tables with rows stand in a table of contents twice.
    tables.extend(tables.clone());
    let version = u32::try_from(version).unwrap();
    let facts = catalog::read(&client, version, &tables).await.unwrap();
    drop(client);
    connection.await.unwrap().unwrap();
    facts
}

fn object<'a>(facts: &'a CatalogFacts, name: &str) -> &'a Object {
    let found: Vec<&Object> = facts.objects.iter().filter(|o| o.name == name).collect();
    assert_eq!(found.len(), 1, "objects called {name}");
    found[0]
}

/// The parts of a kind, `name: definition` each.
fn parts(object: &Object, kind: PartKind) -> Vec<String> {
    let parts = object.parts.iter().filter(|part| part.kind == kind);
    parts
        .map(|part| format!("{}: {}", part.name, part.definition))
        .collect()
}

async fn with_nasty(version: Version, check: impl AsyncFnOnce(&TestDatabase<'_>, CatalogFacts)) {
    let database = loaded(Server::shared(version), "nasty.sql");
    let facts = facts(&database.url()).await;
    check(&database, facts).await;
    without_subscription(&database);
}

#[tokio::test]
async fn tables_have_their_columns_and_parts() {
    for version in [Version::V16, Version::V18] {
        with_nasty(version, async |_, facts| {
            let orders = object(&facts, "nasty.orders");
            let names: Vec<&str> = orders.columns.iter().map(|c| &*c.name).collect();
            let expected = "id status kind placed amount during parent_id email notes";
            assert_eq!(names.join(" "), expected);
            let status = &orders.columns[1];
            assert_eq!(status.data_type, "character varying(10)");
            assert!(!status.nullable);
            assert_eq!(status.default.as_deref(), Some("'new'::character varying"));
            let notes = &orders.columns[8];
            assert_eq!(notes.collation.as_deref(), Some("pg_catalog.\"POSIX\""));
            assert_eq!(
                parts(orders, PartKind::Grant),
                [
                    "\"Nasty$(id)\": SELECT",
                    "\"nasty role; \"\"x\"\"\": REFERENCES on column id; UPDATE on column status; UPDATE on column notes",
                    if version == Version::V16 {
                        "PUBLIC: INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE"
                    } else {
                        "PUBLIC: INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE"
                    },
                    "nasty_reader: INSERT WITH GRANT OPTION, SELECT WITH GRANT OPTION",
                ]
            );
            let triggers = parts(orders, PartKind::Trigger).join("\n");
            assert!(triggers.contains("nasty.fail() (disabled)"), "{triggers}");
            assert!(triggers.contains("nasty.touch() (enabled on replica)"));
            assert_eq!(parts(orders, PartKind::Index).len(), 4);
            assert_eq!(parts(orders, PartKind::Constraint).len(), 8);
            assert_eq!(parts(orders, PartKind::Statistics).len(), 2);
            let tenants = object(&facts, "nasty.tenants");
            assert_eq!(tenants.owner.as_deref(), Some("nasty_owner"));
            assert_eq!(parts(tenants, PartKind::Policy).len(), 3);
            let settings = parts(tenants, PartKind::Setting).join("\n");
            assert!(settings.contains("row security: enabled"), "{settings}");
            let grants = parts(tenants, PartKind::Grant);
            assert_eq!(grants[1], "nasty_reader: SELECT on column secret");
        })
        .await;
    }
}

#[tokio::test]
async fn every_kind_of_object_has_its_facts() {
    with_nasty(Version::V18, async |_, facts| {
        let everything = object(&facts, "nasty.everything");
        let by_name = |name: &str| everything.columns.iter().find(|c| c.name == name).unwrap();
        assert_eq!(by_name("id").identity.as_deref(), Some("always"));
        assert_eq!(
            by_name("twice").generated.as_deref(),
            Some("stored (i * 2)")
        );
        assert!(
            everything
                .columns
                .iter()
                .all(|c| !c.name.starts_with("dropped"))
        );
        let leaf = object(&facts, "nasty.events_2025_rest_0");
        assert_eq!(leaf.root.as_deref(), Some("nasty.events"));
        assert_eq!(object(&facts, "nasty.not_filled").populated, Some(false));
        assert_eq!(object(&facts, "nasty.z_first").populated, Some(true));
        let value = |name: &str| object(&facts, name).sequence.unwrap();
        assert_eq!(
            (
                value("nasty.never_called").last,
                value("nasty.never_called").called
            ),
            (100, false)
        );
        assert_eq!(
            (
                value("nasty.set_not_called").last,
                value("nasty.set_not_called").called
            ),
            (77, false)
        );
        assert_eq!(value("nasty.biggest").last, i64::MAX);
        assert_eq!(value("nasty.\"se'q; \"\"x\"\"\"").last, 5);
        for name in [
            "c.\"a.b\"",
            "\"a.b\".c",
            "nasty.\"../../etc/passwd\"",
            "nasty.\"new\nline\ttab\"",
            "nasty.\"order\"",
            "nasty.add(integer,integer,integer[])",
            "nasty.\"we(i,r)d\"(text)",
            "nasty.total(integer)",
            "nasty.mood",
            "\"a.b\"",
            "publication \"nasty \"\"some\"\"\"",
            "subscription nasty_sub",
            "event trigger nasty_guard",
            "operator nasty.===(integer,integer)",
            "cast (nasty.blob AS pg_catalog.text)",
            "text search configuration nasty.search",
            "collation nasty.\"Pl\"\"ain\"",
            "foreign-data wrapper dummy",
            "user mapping for nasty_reader on server \"ser\"\"ver\"",
            "large object 910001",
            "language nasty_plpgsql",
            "access method nasty_heap",
        ] {
            object(&facts, name);
        }
        let members = facts
            .objects
            .iter()
            .filter(|o| o.name.contains("plpgsql_call"));
        assert_eq!(members.count(), 0, "members of extensions are not ours");
        let keys = facts
            .relations
            .values()
            .find(|r| r.name == "nasty.by_mood_2");
        assert_eq!(keys.unwrap().key, ["id", "m"]);
    })
    .await;
}

#[tokio::test]
async fn constraints_that_read_tables_are_held_back_parents_first() {
    with_nasty(Version::V16, async |database, facts| {
        let held = &facts.held_back;
        assert_eq!(
            held.constraints,
            [
                "nasty.node: is_node",
                "nasty.tree: parent_exists",
                "nasty.tree_parts: node_exists",
                "nasty.tree_use: node_exists",
                "public.aa_looks_up: aa_looks_up_code_check",
                "nasty.tree_use_child: node_exists",
            ]
        );
        // They can be taken off and put back where they are, comments and inheritance included.
        let before = database.psql(CHECKS);
        for statement in held.before_data.iter().chain(&held.after_data) {
            database.psql(statement);
        }
        assert_eq!(database.psql(CHECKS), before);
        assert!(before.contains("reads the table"));
    })
    .await;
}

const CHECKS: &str =
    "SELECT conrelid::regclass, contypid::regtype, conname, conislocal, coninhcount,
        convalidated, pg_get_constraintdef(oid), obj_description(oid, 'pg_constraint')
    FROM pg_constraint WHERE contype = 'c' ORDER BY 1, 2, 3";

#[tokio::test]
async fn what_is_outside_the_database_is_listed() {
    with_nasty(Version::V16, async |_, facts| {
        let role = |name: &str, create: &str| Prerequisite {
            kind: "role".to_owned(),
            name: name.to_owned(),
            create: create.to_owned(),
        };
        for wanted in [
            role("Nasty$(id)", "CREATE ROLE \"Nasty$(id)\" NOLOGIN"),
            role(
                "nasty role; \"x\"",
                "CREATE ROLE \"nasty role; \"\"x\"\"\" NOLOGIN",
            ),
            role("nasty_owner", "CREATE ROLE nasty_owner NOLOGIN"),
            role("nasty_reader", "CREATE ROLE nasty_reader NOLOGIN"),
        ] {
            assert!(facts.prerequisites.contains(&wanted), "{wanted:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn secrets_of_the_schema_are_named_and_never_shown() {
    with_nasty(Version::V16, async |_, facts| {
        assert_eq!(
            facts.secrets_seen,
            [
                "server \"ser\"\"ver\": password",
                "user mapping for nasty_reader on server \"ser\"\"ver\": user, password",
                "subscription nasty_sub: its connection string",
            ]
        );
        assert!(!format!("{facts:?}").contains("s3cret"));
    })
    .await;
}

/// pg_dump needs no superuser, so neither does this.
#[tokio::test]
async fn an_ordinary_role_reads_the_same_facts() {
    for version in [Version::V16, Version::V18] {
        with_nasty(version, async |database, facts_of_superuser| {
            let server = database.server();
            let role = format!("reader_of_{}", database.name());
            server.psql(
                "postgres",
                &format!("CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT pg_read_all_data TO {role}"),
            );
            let found = facts(&server.url_of(&role, "x", database.name())).await;
            server.psql("postgres", &format!("DROP ROLE {role}"));
            assert_eq!(found.objects, facts_of_superuser.objects);
            assert!(
                found.notes.contains(
                    &"subscription nasty_sub does not come along: only a superuser may read it"
                        .to_owned()
                )
            );
        })
        .await;
    }
}
