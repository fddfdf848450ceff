//! Enums, domains, ranges, composite and base types.

use tokio_postgres::{Client, Error};

use super::assembly::{Assembly, class};
use super::sql::{USER_SCHEMA, Version, not_member};
use crate::snapshot::{ObjectKind, PartKind};

pub(super) async fn read(
    client: &Client,
    version: Version,
    assembly: &mut Assembly,
) -> Result<(), Error> {
    for row in client.query(&query(version), &[]).await? {
        let oid: u32 = row.try_get("oid")?;
        let row_type: u32 = row.try_get("row_type")?;
        let address = (class::TYPE, oid);
        let object = assembly.add(address, row.try_get("name")?, ObjectKind::Type);
        object.owner = row.try_get("owner")?;
        object.definition = row.try_get("definition")?;
        if row_type != 0 {
            let label = "type".to_owned();
            assembly.belongs((class::RELATION, row_type), address, label);
        }
    }
    constraints(client, assembly).await
}

/// Array types, tables' row types and multiranges come with what they belong to.
fn query(version: Version) -> String {
    let multirange = version.since(14, "m", "-");
    let range_end = version.since(
        14,
        "', multirange ' || pg_catalog.format_type(r.rngmultitypid, NULL)",
        "''",
    );
    format!(
        "SELECT t.oid, CASE WHEN t.typtype = 'c' THEN t.typrelid ELSE 0 END AS row_type,
    pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname) AS name,
    pg_catalog.pg_get_userbyid(t.typowner)::text AS owner,
    CASE WHEN NOT t.typisdefined THEN 'shell' ELSE CASE t.typtype
    WHEN 'e' THEN 'enum (' || coalesce((SELECT pg_catalog.string_agg(
            pg_catalog.quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
        FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid), '') || ')'
    WHEN 'd' THEN 'domain over ' || pg_catalog.format_type(t.typbasetype, t.typtypmod)
        || CASE WHEN t.typnotnull THEN ' not null' ELSE '' END
        || coalesce(' default ' || t.typdefault, '')
        || coalesce((SELECT ' collate ' || pg_catalog.quote_ident(cn.nspname) || '.'
                || pg_catalog.quote_ident(co.collname)
            FROM pg_catalog.pg_collation co
            JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
            JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
            WHERE co.oid = t.typcollation AND b.typcollation <> t.typcollation), '')
    WHEN 'r' THEN (SELECT 'range of ' || pg_catalog.format_type(r.rngsubtype, NULL)
            || coalesce(', canonical ' || nullif(r.rngcanonical::oid, 0)::pg_catalog.regproc, '')
            || coalesce(', difference ' || nullif(r.rngsubdiff::oid, 0)::pg_catalog.regproc, '')
            || {range_end}
        FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid)
    WHEN 'c' THEN 'composite'
    ELSE pg_catalog.format('base input %s output %s length %s', t.typinput, t.typoutput, t.typlen)
    END END AS definition
FROM pg_catalog.pg_type t
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE {USER_SCHEMA} AND t.typtype <> '{multirange}'
AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_type e
    WHERE e.typarray = t.oid AND e.oid = t.typelem)
AND (t.typtype <> 'c' OR EXISTS (SELECT 1 FROM pg_catalog.pg_class c
    WHERE c.oid = t.typrelid AND c.relkind = 'c'))
AND {}",
        not_member("pg_type", "t.oid")
    )
}

async fn constraints(client: &Client, assembly: &mut Assembly) -> Result<(), Error> {
    let query = "SELECT k.tableoid AS class, k.oid, k.contypid AS type, k.conname::text AS name,
    pg_catalog.pg_get_constraintdef(k.oid) AS definition
FROM pg_catalog.pg_constraint k WHERE k.contypid <> 0 AND k.contype = 'c'";
    for row in client.query(query, &[]).await? {
        let name: String = row.try_get("name")?;
        let whole = (class::TYPE, row.try_get("type")?);
        let part = (row.try_get("class")?, row.try_get("oid")?);
        let definition = row.try_get("definition")?;
        assembly.add_part(whole, PartKind::Constraint, &name, definition);
        assembly.belongs(part, whole, format!("constraint {name}"));
    }
    Ok(())
}
