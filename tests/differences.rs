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

#[tokio::test]
async fn nothing_done_is_nothing_told() {
    let difference = difference_after(Version::V16, "VACUUM FULL customers; ANALYZE").await;
    assert_eq!(told(&difference), Vec::<String>::new());
    assert!(difference.same);
}

#[tokio::test]
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

#[tokio::test]
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
            "LOSS public.moods has 1 row fewer",
            "LOSS public.notes has 2 rows fewer",
            "LOSS public.orders is gone with 300 rows",
        ]
    );
}
