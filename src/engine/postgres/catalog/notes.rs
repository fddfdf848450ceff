//! In words: what does not come along, what is made anew, and where secrets are.

use tokio_postgres::{Client, Error};

use super::assembly::Assembly;
use super::sql::secret_pattern;
use crate::snapshot::ObjectKind;

/// Notes, and places where the schema itself holds secrets.
pub(super) async fn read(
    client: &Client,
    assembly: &Assembly,
) -> Result<(Vec<String>, Vec<String>), Error> {
    let mut notes = of_objects(assembly);
    for query in [INVALID_INDEXES, PREPARED, SLOTS, PLACE] {
        notes.extend(lines(client, query).await?);
    }
    let mut secrets = lines(client, &SECRETS.replace("{secret}", &secret_pattern())).await?;
    let subscriptions = assembly
        .iter()
        .filter(|object| object.kind == ObjectKind::Other)
        .filter(|object| object.name.starts_with("subscription "));
    // pg_dump asks the same (`getSubscriptions`): others may not read the connection string.
    let superuser = client
        .query_one(
            "SELECT pg_catalog.current_setting('is_superuser') = 'on' AS yes",
            &[],
        )
        .await?
        .try_get("yes")?;
    for subscription in subscriptions {
        let name = &subscription.name;
        if superuser {
            secrets.push(format!("{name}: its connection string"));
        } else {
            notes.push(format!(
                "{name} does not come along: only a superuser may read it"
            ));
        }
    }
    Ok((notes, secrets))
}

async fn lines(client: &Client, query: &str) -> Result<Vec<String>, Error> {
    let rows = client.query(query, &[]).await?;
    rows.iter().map(|row| row.try_get("line")).collect()
}

fn of_objects(assembly: &Assembly) -> Vec<String> {
    let mut notes = Vec::new();
    let of = |kind: ObjectKind| assembly.iter().filter(move |object| object.kind == kind);
    let views = names(of(ObjectKind::MaterializedView).filter(|v| v.populated == Some(true)));
    if !views.is_empty() {
        notes.push(format!(
            "materialized views are computed anew by a restore: {}",
            shortened(&views)
        ));
    }
    let foreign = names(of(ObjectKind::ForeignTable));
    if !foreign.is_empty() {
        notes.push(format!(
            "foreign tables come along as definitions, their rows live elsewhere: {}",
            shortened(&foreign)
        ));
    }
    let unread = names(of(ObjectKind::Sequence).filter(|s| s.sequence.is_none()));
    if !unread.is_empty() {
        notes.push(format!(
            "values of sequences that could not be read: {}",
            shortened(&unread)
        ));
    }
    notes
}

fn names<'a>(objects: impl Iterator<Item = &'a crate::snapshot::Object>) -> Vec<&'a str> {
    let mut names: Vec<&str> = objects.map(|object| object.name.as_str()).collect();
    names.sort_unstable();
    names
}

/// The first few, and how many more.
fn shortened(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let first = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// The vendor's tools leave them out: an aborted `CREATE INDEX CONCURRENTLY`.
const INVALID_INDEXES: &str = "\
SELECT pg_catalog.format('index %I.%I is invalid (a CREATE INDEX CONCURRENTLY that failed?) and does not come along',
    n.nspname, c.relname) AS line
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE NOT (i.indisvalid AND i.indisready) AND t.relkind <> 'p'
AND n.nspname !~ '^pg_' ORDER BY 1";

const PREPARED: &str = "\
SELECT pg_catalog.format('prepared transaction %L by %s is not part of what was read', gid, owner) AS line
FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database() ORDER BY 1";

const SLOTS: &str = "\
SELECT pg_catalog.format('replication slot %s does not come along', slot_name) AS line
FROM pg_catalog.pg_replication_slots WHERE database = pg_catalog.current_database() ORDER BY 1";

const PLACE: &str = "\
SELECT pg_catalog.format('the database''s own tablespace %I is not asked for by a restore', t.spcname) AS line
FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace
WHERE d.datname = pg_catalog.current_database() AND t.spcname <> 'pg_default'
UNION ALL SELECT 'the database is marked as a template, a restored one is not'
FROM pg_catalog.pg_database d
WHERE d.datname = pg_catalog.current_database() AND d.datistemplate";

/// Options are named, never shown.
const SECRETS: &str = "\
SELECT pg_catalog.format('user mapping for %s on server %I: %s',
    CASE WHEN m.umuser = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(m.usename) END, m.srvname,
    (SELECT pg_catalog.string_agg(pg_catalog.split_part(option, '=', 1), ', ')
     FROM pg_catalog.unnest(m.umoptions) AS option)) AS line
FROM pg_catalog.pg_user_mappings m WHERE pg_catalog.cardinality(m.umoptions) > 0
UNION ALL
SELECT pg_catalog.format('server %I: %s', s.srvname, pg_catalog.string_agg(o.name, ', '))
FROM pg_catalog.pg_foreign_server s CROSS JOIN LATERAL (
    SELECT pg_catalog.split_part(option, '=', 1) AS name
    FROM pg_catalog.unnest(s.srvoptions) AS option) AS o
WHERE o.name ~* '{secret}' GROUP BY s.srvname
UNION ALL
SELECT pg_catalog.format('setting %s', pg_catalog.split_part(setting, '=', 1))
FROM pg_catalog.pg_db_role_setting r
JOIN pg_catalog.pg_database d ON d.oid = r.setdatabase
CROSS JOIN LATERAL pg_catalog.unnest(r.setconfig) AS setting
WHERE d.datname = pg_catalog.current_database()
AND pg_catalog.split_part(setting, '=', 1) ~* '{secret}'
ORDER BY 1";
