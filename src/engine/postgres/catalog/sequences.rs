//! Sequences: how they count, whose they are, and where they stand.

use tokio_postgres::{Client, Error};

use super::assembly::{Assembly, class};
use super::sql::Version;
use crate::snapshot::SequenceValue;

/// Sequences in one statement: enough that 5,000 are few round trips, few enough for the
/// planner.
const BATCH: usize = 250;

/// A sequence's parameters, and a `SELECT`able name where its value may be read.
const DEFINITIONS: &str = "\
SELECT c.oid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS name,
    pg_catalog.format('AS %s START %s INCREMENT %s MINVALUE %s MAXVALUE %s CACHE %s%s',
        pg_catalog.format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin,
        s.seqmax, s.seqcache, CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END)
    || coalesce((SELECT pg_catalog.format(' %s %I.%I.%I',
            CASE d.deptype WHEN 'i' THEN 'IDENTITY OF' ELSE 'OWNED BY' END,
            tn.nspname, t.relname, a.attname)
        FROM pg_catalog.pg_depend d
        JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
        JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
        JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
        AND d.refclassid = d.classid AND d.deptype IN ('a', 'i')), '') AS definition,
    pg_catalog.has_sequence_privilege(c.oid, 'SELECT')
        AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
        AND NOT (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery()) AS readable
FROM pg_catalog.unnest($1::oid[]) AS wanted(oid)
JOIN pg_catalog.pg_class c ON c.oid = wanted.oid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_sequence s ON s.seqrelid = c.oid";

pub(super) async fn read(
    client: &Client,
    version: Version,
    assembly: &mut Assembly,
) -> Result<(), Error> {
    let oids = assembly.relation_oids();
    let mut readable: Vec<(u32, String)> = Vec::new();
    for row in client.query(DEFINITIONS, &[&oids]).await? {
        let oid: u32 = row.try_get("oid")?;
        if let Some(object) = assembly.get_mut((class::RELATION, oid)) {
            object.definition = row.try_get("definition")?;
        }
        if row.try_get("readable")? {
            readable.push((oid, row.try_get("name")?));
        }
    }
    if version.has(18) {
        return at_once(client, &readable, assembly).await;
    }
    for batch in readable.chunks(BATCH) {
        let selects: Vec<String> = batch.iter().map(|(oid, name)| select(*oid, name)).collect();
        values(client, &selects.join(" UNION ALL "), &[], assembly).await?;
    }
    Ok(())
}

fn select(oid: u32, name: &str) -> String {
    format!("SELECT '{oid}'::oid AS oid, last_value, is_called FROM {name}")
}

/// Servers from 18 on give the values of all sequences in one statement.
async fn at_once(
    client: &Client,
    readable: &[(u32, String)],
    assembly: &mut Assembly,
) -> Result<(), Error> {
    let oids: Vec<u32> = readable.iter().map(|(oid, _)| *oid).collect();
    let query = "SELECT wanted.oid, value.last_value, value.is_called
FROM pg_catalog.unnest($1::oid[]) AS wanted(oid)
CROSS JOIN LATERAL pg_catalog.pg_get_sequence_data(wanted.oid) AS value
WHERE value.last_value IS NOT NULL";
    values(client, query, &[&oids], assembly).await
}

async fn values(
    client: &Client,
    query: &str,
    parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    assembly: &mut Assembly,
) -> Result<(), Error> {
    for row in client.query(query, parameters).await? {
        let value = SequenceValue {
            last: row.try_get("last_value")?,
            called: row.try_get("is_called")?,
        };
        if let Some(object) = assembly.get_mut((class::RELATION, row.try_get("oid")?)) {
            object.sequence = Some(value);
        }
    }
    Ok(())
}
