//! Comments and grants, of whatever was put together before.

use std::collections::BTreeMap;

use tokio_postgres::{Client, Error};

use super::assembly::{Address, Assembly};
use crate::snapshot::PartKind;

pub(super) async fn read(client: &Client, assembly: &mut Assembly) -> Result<(), Error> {
    grants(client, assembly).await?;
    comments(client, assembly).await
}

/// System objects have oids below 16384 and comments of their own; the schema `public` is
/// the exception, whose stock comment says nothing.
const COMMENTS: &str = "\
SELECT d.classoid, d.objoid, d.objsubid, d.description
FROM pg_catalog.pg_description d
WHERE d.objoid >= 16384
OR (d.classoid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
    AND d.description <> 'standard public schema')";

async fn comments(client: &Client, assembly: &mut Assembly) -> Result<(), Error> {
    for row in client.query(COMMENTS, &[]).await? {
        let address = (row.try_get("classoid")?, row.try_get("objoid")?);
        assembly.comment(
            address,
            row.try_get("objsubid")?,
            row.try_get("description")?,
        );
    }
    Ok(())
}

/// Rights that differ from what the owner and `PUBLIC` have anyway, each with its grantee:
/// granted beyond that, or taken away from it. Columns have no rights of their own to begin
/// with.
const GRANTS: &str = "\
WITH held AS (
    SELECT c.tableoid AS class, c.oid, 0 AS number, c.relacl AS acl,
        pg_catalog.acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\",
            c.relowner) AS stock
    FROM pg_catalog.pg_class c WHERE c.relacl IS NOT NULL
    UNION ALL
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, a.attrelid, a.attnum, a.attacl, NULL::aclitem[]
    FROM pg_catalog.pg_attribute a WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
    UNION ALL
    SELECT p.tableoid, p.oid, 0, p.proacl, pg_catalog.acldefault('f', p.proowner)
    FROM pg_catalog.pg_proc p WHERE p.proacl IS NOT NULL
    UNION ALL
    SELECT t.tableoid, t.oid, 0, t.typacl, pg_catalog.acldefault('T', t.typowner)
    FROM pg_catalog.pg_type t WHERE t.typacl IS NOT NULL
    UNION ALL
    SELECT n.tableoid, n.oid, 0, n.nspacl, pg_catalog.acldefault('n', n.nspowner)
    FROM pg_catalog.pg_namespace n WHERE n.nspacl IS NOT NULL
    UNION ALL
    SELECT l.tableoid, l.oid, 0, l.lanacl, pg_catalog.acldefault('l', l.lanowner)
    FROM pg_catalog.pg_language l WHERE l.lanacl IS NOT NULL
    UNION ALL
    SELECT f.tableoid, f.oid, 0, f.fdwacl, pg_catalog.acldefault('F', f.fdwowner)
    FROM pg_catalog.pg_foreign_data_wrapper f WHERE f.fdwacl IS NOT NULL
    UNION ALL
    SELECT s.tableoid, s.oid, 0, s.srvacl, pg_catalog.acldefault('S', s.srvowner)
    FROM pg_catalog.pg_foreign_server s WHERE s.srvacl IS NOT NULL
    UNION ALL
    SELECT d.tableoid, d.oid, 0, d.defaclacl, CASE WHEN d.defaclnamespace = 0
        THEN pg_catalog.acldefault(CASE d.defaclobjtype WHEN 'S' THEN 's'
            ELSE d.defaclobjtype END, d.defaclrole) END
    FROM pg_catalog.pg_default_acl d
    UNION ALL
    SELECT 'pg_catalog.pg_largeobject'::pg_catalog.regclass, m.oid, 0, m.lomacl,
        pg_catalog.acldefault('L', m.lomowner)
    FROM pg_catalog.pg_largeobject_metadata m WHERE m.lomacl IS NOT NULL
), items AS (
    SELECT h.class, h.oid, h.number, false AS taken, i.grantee, i.privilege_type, i.is_grantable
    FROM held h CROSS JOIN LATERAL (
        SELECT grantee, privilege_type, is_grantable FROM pg_catalog.aclexplode(h.acl)
        EXCEPT SELECT grantee, privilege_type, is_grantable
        FROM pg_catalog.aclexplode(h.stock)) AS i
    UNION ALL
    SELECT h.class, h.oid, h.number, true, i.grantee, i.privilege_type, false
    FROM held h CROSS JOIN LATERAL (
        SELECT grantee, privilege_type FROM pg_catalog.aclexplode(h.stock)
        EXCEPT SELECT grantee, privilege_type FROM pg_catalog.aclexplode(h.acl)) AS i
)
SELECT class, oid, number::int4 AS number, taken,
    CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(
        pg_catalog.pg_get_userbyid(grantee)) END AS grantee,
    pg_catalog.string_agg(privilege_type
        || CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END, ', '
        ORDER BY privilege_type, is_grantable) AS rights
FROM items GROUP BY class, oid, number, taken, grantee ORDER BY class, oid, number, taken";

/// Grants of one grantee on one object become one part, columns included, so that a grant
/// that changed is one change.
async fn grants(client: &Client, assembly: &mut Assembly) -> Result<(), Error> {
    let mut parts: BTreeMap<(Address, String), Vec<String>> = BTreeMap::new();
    for row in client.query(GRANTS, &[]).await? {
        let address: Address = (row.try_get("class")?, row.try_get("oid")?);
        let number: i32 = row.try_get("number")?;
        let rights: String = row.try_get("rights")?;
        let column = match number {
            0 => None,
            number => assembly.column_name(address.1, number),
        };
        let text = match (row.try_get("taken")?, column) {
            (true, _) => format!("not {rights}"),
            (false, None) => rights,
            (false, Some(column)) => format!("{rights} on column {column}"),
        };
        parts
            .entry((address, row.try_get("grantee")?))
            .or_default()
            .push(text);
    }
    for ((address, grantee), texts) in parts {
        assembly.add_part(address, PartKind::Grant, &grantee, texts.join("; "));
    }
    Ok(())
}
