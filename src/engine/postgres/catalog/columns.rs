//! Columns of relations and row types.

use tokio_postgres::{Client, Error, Row};

use super::assembly::{Assembly, class};
use super::sql::{Version, options};
use crate::snapshot::{Column, PartKind};

pub(super) async fn read(
    client: &Client,
    version: Version,
    assembly: &mut Assembly,
) -> Result<(), Error> {
    let holders = assembly.column_holders();
    for row in client.query(&query(version), &[&holders]).await? {
        column(&row, assembly)?;
    }
    Ok(())
}

/// Options that begin with `pg_` are the server's own notes (15.20 keeps a version there, which
/// no reload brings back).
fn query(version: Version) -> String {
    let compression = version.since(14, "nullif(a.attcompression::text, '')", "NULL::text");
    let foreign = options("a.attfdwoptions");
    format!(
        "SELECT a.attrelid AS relation, a.attnum::int4 AS number, a.attname::text AS name,
    pg_catalog.format_type(a.atttypid, a.atttypmod) AS data_type,
    NOT a.attnotnull AS nullable,
    pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS expression,
    a.attgenerated::text AS generated, a.attidentity::text AS identity,
    CASE WHEN a.attcollation <> t.typcollation THEN
        (SELECT pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(co.collname)
         FROM pg_catalog.pg_collation co
         JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
         WHERE co.oid = a.attcollation) END AS collation,
    CASE WHEN a.attstorage <> t.typstorage THEN
        CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external'
             WHEN 'm' THEN 'main' ELSE 'extended' END END AS storage,
    CASE {compression} WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END AS compression,
    nullif(a.attstattarget, -1)::int4 AS statistics,
    (SELECT pg_catalog.string_agg(option, ', ') FROM pg_catalog.unnest(a.attoptions) AS option
     WHERE option !~ '^pg_') AS options,
    {foreign} AS foreign_options
FROM pg_catalog.unnest($1::oid[]) AS wanted(oid)
JOIN pg_catalog.pg_class c ON c.oid = wanted.oid AND c.relkind <> 'S'
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
ORDER BY a.attrelid, a.attnum"
    )
}

fn column(row: &Row, assembly: &mut Assembly) -> Result<(), Error> {
    let relation: u32 = row.try_get("relation")?;
    let name: String = row.try_get("name")?;
    let expression: Option<String> = row.try_get("expression")?;
    let (default, generated) = match row.try_get("generated")? {
        "s" => (None, expression.map(|text| format!("stored {text}"))),
        "v" => (None, expression.map(|text| format!("virtual {text}"))),
        _ => (expression, None),
    };
    let identity = match row.try_get("identity")? {
        "a" => Some("always".to_owned()),
        "d" => Some("by default".to_owned()),
        _ => None,
    };
    for (setting, text) in settings(row)? {
        let name = format!("{setting} of column {name}");
        assembly.add_part((class::RELATION, relation), PartKind::Setting, &name, text);
    }
    let column = Column {
        name,
        data_type: row.try_get("data_type")?,
        nullable: row.try_get("nullable")?,
        default,
        generated,
        identity,
        collation: row.try_get("collation")?,
        comment: None,
        content: None,
    };
    assembly.add_column(relation, row.try_get("number")?, column);
    Ok(())
}

fn settings(row: &Row) -> Result<Vec<(&'static str, String)>, Error> {
    let mut settings = Vec::new();
    for name in ["storage", "compression", "options", "foreign_options"] {
        let text: Option<String> = row.try_get(name)?;
        let shown = if name == "foreign_options" {
            "foreign options"
        } else {
            name
        };
        settings.extend(text.map(|text| (shown, text)));
    }
    let statistics: Option<i32> = row.try_get("statistics")?;
    settings.extend(statistics.map(|target| ("statistics target", target.to_string())));
    Ok(settings)
}
