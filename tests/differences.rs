//! What a migration did, from two backups of a real server.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;
#[path = "proof/restored.rs"]
mod restored;

use bookend::snapshot::diff::{Change, Difference, compare};
use common::{Server, Version};
use restored::{loaded, snapshot_of};

async fn difference_after(version: Version, migration: &str) -> Difference {
    let database = loaded(Server::shared(version), "provable.sql");
    let folder = tempfile::tempdir().unwrap();
    let before = snapshot_of(&database, &folder.path().join("before.tar")).await;
    database.psql(migration);
    let after = snapshot_of(&database, &folder.path().join("after.tar")).await;
    compare(&before, &after)
}

/// `object: what` of every object, column and part that is different.
fn told(difference: &Difference) -> Vec<String> {
    let mut lines = Vec::new();
    for change in &difference.objects {
        let name = &change.object;
        let probably = if change.probably { "probably " } else { "" };
        let rows = match (change.rows_before, change.rows_after) {
            (Some(a), Some(b)) if a != b => format!(" {a}→{b} rows"),
            _ => String::new(),
        };
        lines.push(match &change.change {
            Change::Renamed { from } => format!("{name}: {probably}renamed from {from}{rows}"),
            other => format!("{name}: {other:?}{rows}"),
        });
        for column in &change.columns {
            let probably = if column.probably { "probably " } else { "" };
            let ends: String = [("from", &column.from), ("to", &column.to)]
                .iter()
                .filter_map(|(word, end)| Some(format!(" {word} {}", end.as_ref()?)))
                .collect();
            let properties: Vec<&str> = column.properties.iter().map(|p| &*p.property).collect();
            lines.push(format!(
                "{name}.{}: {probably}{:?}{ends} {:?} {}",
                column.name,
                column.change,
                column.values,
                properties.join(" ")
            ));
        }
        for part in &change.parts {
            lines.push(format!(
                "{name} {:?} {}: {:?}",
                part.kind, part.name, part.change
            ));
        }
        for property in &change.properties {
            lines.push(format!("{name} {}", property.property));
        }
    }
    // In which leaf a row of a hash partition by enum is depends on the enum's oids.
    lines.retain(|line| !line.starts_with("public.moods_"));
    let losses = difference.losses.iter();
    lines.extend(losses.map(|loss| format!("LOSS {} {}", loss.object, loss.what)));
    lines
        .iter()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_done_is_nothing_told() {
    let difference = difference_after(Version::V16, "VACUUM FULL customers; ANALYZE").await;
    assert_eq!(told(&difference), Vec::<String>::new());
    assert!(difference.same);
}

#[tokio::test(flavor = "multi_thread")]
async fn renames_and_moves_are_told_from_losses() {
    for version in [Version::V16, Version::V18] {
        let difference = difference_after(
            version,
            "ALTER TABLE customers RENAME TO clients;
             ALTER TABLE clients RENAME name TO \"full Name\";
             CREATE TABLE addresses (client_id int PRIMARY KEY REFERENCES clients, city text);
             INSERT INTO addresses SELECT id, city FROM clients;
             ALTER TABLE clients DROP city CASCADE;
             ALTER TABLE clients ADD active boolean NOT NULL DEFAULT true;
             ALTER TABLE clients DROP score;
             CREATE INDEX clients_name ON clients (\"full Name\");
             ALTER TABLE clients DISABLE TRIGGER touched;",
        )
        .await;
        assert_eq!(
            told(&difference),
            [
                "public.addresses: Added",
                "public.addresses.city: Added from public.customers.city Same",
                "public.clients: renamed from public.customers",
                "public.clients.full Name: Renamed from name Same",
                "public.clients.active: Added Unknown",
                "public.clients.city: Moved to public.addresses.city Same",
                "public.clients.score: Removed Unknown",
                "public.clients Index clients_name: Added",
                "public.clients Index customers_city: Removed",
                "public.clients Trigger touched: Changed",
                "public.clients Statistics public.customers_stats: Removed",
                "public.fresh: Changed",
                "public.fresh definition",
                "LOSS public.customers.score is gone with 200 values",
            ]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_is_told() {
    let difference = difference_after(
        Version::V16,
        "DELETE FROM notes WHERE what = 'note 7';
         DROP MATERIALIZED VIEW totals;
         DROP TABLE orders;
         UPDATE customers SET city = 'nowhere';
         UPDATE customers SET mood = NULL WHERE id < 10;
         ALTER TABLE customers ALTER score TYPE numeric(10, 1);
         DELETE FROM moods WHERE n = 3;
         SELECT lo_unlink(880002);
         SELECT nextval('tickets');",
    )
    .await;
    assert_eq!(
        told(&difference),
        [
            "public.customers: Changed",
            "public.customers.city: Changed OneValue",
            "public.customers.mood: Changed Other",
            "public.customers.score: Changed Other type",
            "public.notes: Changed 100→98 rows",
            "public.orders: Removed",
            "public.moods: Changed 80→79 rows",
            "public.totals: Removed",
            "public.orders_id_seq: Removed",
            "public.tickets: Changed",
            "public.tickets value",
            "LOSS large objects 1 object gone",
            "LOSS public.customers.city had different values, now all 200 values are the same",
            "LOSS public.customers.mood has 3 values fewer",
            "LOSS public.customers.score is numeric(10,1), was numeric(10,2): not every value reads as before",
            "LOSS public.moods has 1 row fewer",
            "LOSS public.notes has 2 rows fewer",
            "LOSS public.orders is gone with 300 rows",
        ]
    );
}

const MADE: &str = "
    CREATE TABLE buyers (id serial PRIMARY KEY, email text NOT NULL UNIQUE, nick varchar(50),
        born timestamp, big bigint, CONSTRAINT grown CHECK (id > 0));
    INSERT INTO buyers (email, nick, born, big)
        SELECT 'mail ' || g, 'nickname ' || g, '2020-01-01 10:00'::timestamp + g * interval '1 hour', g
        FROM generate_series(1, 50) g;
    CREATE TABLE sales (id bigserial PRIMARY KEY, buyer int NOT NULL REFERENCES buyers, at date,
        status text CHECK (status IN ('new', 'paid')));
    INSERT INTO sales (buyer, at, status) SELECT g, '2020-01-01', 'new' FROM generate_series(1, 50) g;
    CREATE INDEX sales_at ON sales (at);
    CREATE INDEX sales_partial ON sales (at) WHERE status = 'new';
    CREATE UNIQUE INDEX buyers_big ON buyers (big);
    CREATE TABLE rooms (id int PRIMARY KEY, during int4range, EXCLUDE USING gist (during WITH &&));
    CREATE TABLE keyless (v varchar(20));
    INSERT INTO keyless SELECT g || ' is a long value' FROM generate_series(1, 9) g;
    CREATE TABLE parts (id int NOT NULL, at date NOT NULL, v text) PARTITION BY RANGE (at);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
    CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
    CREATE INDEX parts_v ON parts (v);
    INSERT INTO parts SELECT g, '2020-06-01'::date + g * 8, 'v' || g FROM generate_series(1, 50) g;
    CREATE SEQUENCE tickets_free; SELECT nextval('tickets_free');
    CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
    CREATE TRIGGER audit BEFORE INSERT ON sales FOR EACH ROW EXECUTE FUNCTION watch();
    ALTER TABLE sales ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON sales USING (true);
    GRANT SELECT, UPDATE ON sales TO pg_monitor; GRANT SELECT (nick) ON buyers TO pg_monitor;";

/// The losses of each migration, done one after the other on one database.
async fn lost_by(migrations: &[&str]) -> Vec<Vec<String>> {
    let server = Server::shared(Version::V16);
    let database = server.database("lost");
    database.psql(MADE);
    let folder = tempfile::tempdir().unwrap();
    let mut before = snapshot_of(&database, &folder.path().join("0.tar")).await;
    let mut all = Vec::new();
    for (number, migration) in migrations.iter().enumerate() {
        database.psql(migration);
        let path = folder.path().join(format!("{}.tar", number + 1));
        let after = snapshot_of(&database, &path).await;
        let losses = compare(&before, &after).losses.into_iter();
        all.push(
            losses
                .map(|loss| format!("{}: {}", loss.object, loss.what))
                .collect(),
        );
        before = after;
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_that_are_gone_are_lost() {
    let lost = lost_by(&[
        "ALTER TABLE buyers DROP CONSTRAINT grown; ALTER TABLE buyers ALTER email DROP NOT NULL",
        "ALTER TABLE buyers DROP CONSTRAINT buyers_email_key; DROP INDEX buyers_big",
        "ALTER TABLE sales DROP CONSTRAINT sales_buyer_fkey; DROP INDEX sales_at",
        "ALTER TABLE rooms DROP CONSTRAINT rooms_during_excl; ALTER TABLE rooms DROP CONSTRAINT rooms_pkey",
        "REVOKE UPDATE ON sales FROM pg_monitor; REVOKE SELECT (nick) ON buyers FROM pg_monitor",
        "DROP TRIGGER audit ON sales; DROP POLICY own ON sales",
        "ALTER TABLE sales DISABLE ROW LEVEL SECURITY",
        "DROP INDEX parts_v; ALTER TABLE parts ALTER id DROP NOT NULL",
    ])
    .await;
    let lost: Vec<Vec<&str>> = lost
        .iter()
        .map(|l| l.iter().map(String::as_str).collect())
        .collect();
    assert_eq!(
        lost,
        [
            vec![
                "public.buyers constraint grown: is gone: CHECK ((id > 0))",
                "public.buyers.email not null: is gone: the column may be null now",
            ],
            vec![
                "public.buyers constraint buyers_email_key: is gone: UNIQUE (email)",
                "public.buyers index buyers_big: is gone: CREATE UNIQUE INDEX buyers_big ON public.buyers USING btree (big)",
            ],
            vec![
                "public.sales constraint sales_buyer_fkey: is gone: FOREIGN KEY (buyer) REFERENCES public.buyers(id)",
                "public.sales index sales_at: is gone: CREATE INDEX sales_at ON public.sales USING btree (at)",
            ],
            vec![
                "public.rooms constraint rooms_during_excl: is gone: EXCLUDE USING gist (during WITH &&)",
                "public.rooms constraint rooms_pkey: is gone: PRIMARY KEY (id)",
            ],
            vec![
                "public.buyers grant pg_monitor: is gone: SELECT on column nick",
                "public.sales grant pg_monitor: is gone: UPDATE",
            ],
            vec![
                "public.sales policy own: is gone: permissive for all to PUBLIC using (true)",
                "public.sales trigger audit: is gone: CREATE TRIGGER audit BEFORE INSERT ON public.sales FOR EACH ROW EXECUTE FUNCTION public.watch()",
            ],
            vec!["public.sales row security: is switched off"],
            vec![
                "public.parts index parts_v: is gone: CREATE INDEX parts_v ON ONLY public.parts USING btree (v)",
                "public.parts.id not null: is gone: the column may be null now",
            ],
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_a_type_has_no_room_for_and_sequences_set_back_are_lost() {
    let lost = lost_by(&[
        "ALTER TABLE buyers ALTER nick TYPE varchar(10) USING left(nick, 10)",
        "ALTER TABLE buyers ALTER born TYPE date",
        "ALTER TABLE keyless ALTER v TYPE varchar(5) USING left(v, 5)",
        "SELECT setval('sales_id_seq', 50, false)",
        "SELECT setval('sales_id_seq', 1)",
        "DROP SEQUENCE tickets_free",
    ])
    .await;
    let lost: Vec<Vec<&str>> = lost
        .iter()
        .map(|l| l.iter().map(String::as_str).collect())
        .collect();
    assert_eq!(
        lost,
        [
            [
                "public.buyers.nick: is character varying(10), was character varying(50): not every value reads as before"
            ],
            [
                "public.buyers.born: is date, was timestamp without time zone: not every value reads as before"
            ],
            [
                "public.keyless.v: is character varying(5), was character varying(20): not every value reads as before"
            ],
            [
                "public.sales_id_seq: is set back to 50 (not called yet) from 50: it may hand out values again"
            ],
            [
                "public.sales_id_seq: is set back to 1 from 50 (not called yet): it may hand out values again"
            ],
            ["public.tickets_free: is gone, it stood at 1"],
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_reviewers_let_pass_is_no_loss() {
    let migrations = [
        // Wider, renamed, replaced, or moved along.
        "ALTER TABLE buyers ALTER big TYPE numeric(21,2), ALTER id TYPE bigint",
        "ALTER TABLE sales ALTER at TYPE timestamptz",
        "ALTER TABLE buyers ALTER nick TYPE text",
        "ALTER TABLE buyers RENAME CONSTRAINT grown TO adult; ALTER INDEX sales_at RENAME TO sales_when",
        "DROP INDEX sales_when; CREATE INDEX sales_wide ON sales (at, buyer)",
        "ALTER TABLE buyers DROP CONSTRAINT buyers_email_key; CREATE UNIQUE INDEX by_mail ON buyers (email)",
        "ALTER TABLE buyers ADD CONSTRAINT mail UNIQUE USING INDEX by_mail",
        "ALTER TABLE sales DROP CONSTRAINT sales_buyer_fkey;
         ALTER TABLE sales ADD CONSTRAINT to_buyer FOREIGN KEY (buyer) REFERENCES buyers ON DELETE CASCADE",
        "ALTER TABLE sales DROP CONSTRAINT sales_status_check;
         ALTER TABLE sales ADD CONSTRAINT sales_status_check CHECK (status IN ('new', 'paid', 'void'))",
        "ALTER TABLE sales RENAME buyer TO customer; ALTER TABLE buyers RENAME TO customers",
        "ALTER SEQUENCE sales_id_seq RENAME TO sales_numbers; SELECT nextval('sales_numbers')",
        // SERIAL made an identity.
        "ALTER TABLE customers ALTER id DROP DEFAULT; DROP SEQUENCE buyers_id_seq;
         ALTER TABLE customers ALTER id ADD GENERATED BY DEFAULT AS IDENTITY;
         SELECT setval(pg_get_serial_sequence('customers', 'id'), 50)",
        "REVOKE UPDATE ON sales FROM pg_monitor; GRANT UPDATE ON sales TO pg_monitor WITH GRANT OPTION",
        "CREATE OR REPLACE TRIGGER audit AFTER INSERT ON sales FOR EACH ROW EXECUTE FUNCTION watch()",
        "DROP VIEW IF EXISTS nothing; DROP TABLE rooms",
        "ALTER TABLE customers ADD CHECK (email IS NOT NULL); ALTER TABLE customers ALTER email DROP NOT NULL",
    ];
    let lost = lost_by(&migrations).await;
    for (migration, losses) in migrations.iter().zip(lost) {
        assert_eq!(losses, Vec::<String>::new(), "{migration}");
    }
}
