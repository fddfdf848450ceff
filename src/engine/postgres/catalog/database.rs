//! The database itself: locale, settings, grants, comment; and its extensions.

use std::collections::BTreeMap;

use tokio_postgres::{Client, Error, Row};

use super::sql::Version;
use crate::snapshot::{DatabaseFacts, Extension};

pub(super) async fn read(client: &Client, version: Version) -> Result<DatabaseFacts, Error> {
    let row = client.query_one(&query(version), &[]).await?;
    let bytes: i64 = row.try_get("bytes")?;
    Ok(DatabaseFacts {
        name: row.try_get("name")?,
        owner: row.try_get("owner")?,
        bytes: u64::try_from(bytes).unwrap_or(0),
        locale: locale(&row)?,
        settings: lines(client, SETTINGS).await?,
        grants: lines(client, GRANTS).await?,
        comment: row.try_get("comment")?,
        connection_limit: row.try_get("connection_limit")?,
        ..DatabaseFacts::default()
    })
}

/// The names of the locale's columns changed: `daticulocale` (15, 16) is `datlocale` (17).
fn query(version: Version) -> String {
    let provider = version.since(
        15,
        "CASE d.datlocprovider WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu'
            WHEN 'b' THEN 'builtin' ELSE d.datlocprovider::text END",
        "'libc'",
    );
    let locale = version.since(
        17,
        "d.datlocale",
        version.since(15, "d.daticulocale", "NULL"),
    );
    let rules = version.since(16, "d.daticurules", "NULL");
    let recorded = version.since(15, "d.datcollversion", "NULL");
    let actual = version.since(
        15,
        "pg_catalog.pg_database_collation_actual_version(d.oid)",
        "NULL",
    );
    format!(
        "SELECT d.datname::text AS name, pg_catalog.pg_get_userbyid(d.datdba)::text AS owner,
    pg_catalog.pg_database_size(d.oid) AS bytes,
    pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding, {provider} AS provider,
    d.datcollate::text AS collate, d.datctype::text AS ctype, {locale}::text AS locale,
    {rules}::text AS icu_rules, {recorded}::text AS collation_version,
    {actual}::text AS library_version, d.datconnlimit AS connection_limit,
    pg_catalog.shobj_description(d.oid, 'pg_database') AS comment
FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()"
    )
}

/// What a copy must be created with. The version recorded at creation stands under
/// `collation version`; where the server's library has moved on since, `library version`
/// holds what it is now.
fn locale(row: &Row) -> Result<BTreeMap<String, String>, Error> {
    let mut locale = BTreeMap::new();
    for (column, name) in [
        ("encoding", "encoding"),
        ("provider", "provider"),
        ("collate", "collate"),
        ("ctype", "ctype"),
        ("locale", "locale"),
        ("icu_rules", "icu rules"),
        ("collation_version", "collation version"),
        ("library_version", "library version"),
    ] {
        if let Some(text) = row.try_get::<_, Option<String>>(column)? {
            locale.insert(name.to_owned(), text);
        }
    }
    if locale.get("library version") == locale.get("collation version") {
        locale.remove("library version");
    }
    Ok(locale)
}

/// `NAME=value` for the database, `ROLE: NAME=value` (the role quoted where it must be) for
/// a role in it.
const SETTINGS: &str = "\
SELECT CASE WHEN s.setrole = 0 THEN '' ELSE pg_catalog.quote_ident(
        pg_catalog.pg_get_userbyid(s.setrole)) || ': ' END || setting AS line
FROM pg_catalog.pg_db_role_setting s
JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS setting
WHERE d.datname = pg_catalog.current_database()
ORDER BY (s.setrole <> 0), pg_catalog.pg_get_userbyid(s.setrole), setting";

/// Statements without the database's name: `GRANT CONNECT TO app`, `REVOKE CONNECT FROM PUBLIC`.
const GRANTS: &str = "\
WITH held AS (
    SELECT d.datacl AS acl, pg_catalog.acldefault('d', d.datdba) AS stock, d.datdba AS owner
    FROM pg_catalog.pg_database d
    WHERE d.datname = pg_catalog.current_database() AND d.datacl IS NOT NULL
), items AS (
    SELECT i.*, false AS taken FROM held h CROSS JOIN LATERAL (
        SELECT grantee, privilege_type, is_grantable FROM pg_catalog.aclexplode(h.acl)
        EXCEPT SELECT grantee, privilege_type, is_grantable
        FROM pg_catalog.aclexplode(h.stock)) AS i
    UNION ALL
    SELECT i.grantee, i.privilege_type, false, true FROM held h CROSS JOIN LATERAL (
        SELECT grantee, privilege_type FROM pg_catalog.aclexplode(h.stock)
        EXCEPT SELECT grantee, privilege_type FROM pg_catalog.aclexplode(h.acl)) AS i
)
SELECT CASE WHEN taken THEN 'REVOKE ' ELSE 'GRANT ' END
    || pg_catalog.string_agg(privilege_type, ', ' ORDER BY privilege_type)
    || CASE WHEN taken THEN ' FROM ' ELSE ' TO ' END
    || CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(
        pg_catalog.pg_get_userbyid(grantee)) END
    || CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS line
FROM items GROUP BY taken, grantee, is_grantable ORDER BY taken DESC, line";

async fn lines(client: &Client, query: &str) -> Result<Vec<String>, Error> {
    let rows = client.query(query, &[]).await?;
    rows.iter().map(|row| row.try_get("line")).collect()
}

/// Extensions, those of `initdb` (`plpgsql`) included: a migration may drop or update them.
pub(super) async fn extensions(client: &Client) -> Result<Vec<Extension>, Error> {
    let query = "SELECT e.extname::text AS name, e.extversion AS version,
    n.nspname::text AS schema
FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
ORDER BY e.extname";
    let mut extensions = Vec::new();
    for row in client.query(query, &[]).await? {
        extensions.push(Extension {
            name: row.try_get("name")?,
            version: row.try_get("version")?,
            schema: row.try_get("schema")?,
        });
    }
    Ok(extensions)
}
