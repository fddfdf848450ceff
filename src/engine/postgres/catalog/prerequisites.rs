//! Roles and tablespaces that the database refers to and that live outside it.

use std::collections::BTreeSet;

use tokio_postgres::{Client, Error};

use super::assembly::Assembly;
use crate::snapshot::{DatabaseFacts, Prerequisite};

/// `pg_shdepend` knows every owner, grantee, policy's role and role of default privileges, and
/// (from 14 on) tablespaces; it leaves out the role that `initdb` made, which `$1` brings in.
const ROLES: &str = "\
SELECT r.rolname::text AS name, pg_catalog.concat_ws(' ', 'CREATE ROLE',
    pg_catalog.quote_ident(r.rolname), CASE WHEN r.rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END,
    CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolcreatedb THEN 'CREATEDB' END,
    CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END, CASE WHEN NOT r.rolinherit THEN 'NOINHERIT' END,
    CASE WHEN r.rolreplication THEN 'REPLICATION' END, CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END,
    CASE WHEN r.rolconnlimit >= 0 THEN 'CONNECTION LIMIT ' || r.rolconnlimit END) AS statement
FROM pg_catalog.pg_roles r
WHERE r.rolname !~ '^pg_' AND (r.rolname = ANY ($1) OR r.oid IN (
    SELECT s.refobjid FROM pg_catalog.pg_shdepend s
    WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
    AND (s.dbid = (SELECT d.oid FROM pg_catalog.pg_database d
                   WHERE d.datname = pg_catalog.current_database())
      OR (s.classid = 'pg_catalog.pg_database'::pg_catalog.regclass
          AND s.objid = (SELECT d.oid FROM pg_catalog.pg_database d
                         WHERE d.datname = pg_catalog.current_database())))
    UNION ALL
    SELECT g.setrole FROM pg_catalog.pg_db_role_setting g
    JOIN pg_catalog.pg_database d ON d.oid = g.setdatabase
    WHERE d.datname = pg_catalog.current_database()))
ORDER BY r.rolname";

const TABLESPACES: &str = "\
SELECT t.spcname::text AS name, pg_catalog.format('CREATE TABLESPACE %I LOCATION %L', t.spcname,
    pg_catalog.pg_tablespace_location(t.oid)) AS statement
FROM pg_catalog.pg_tablespace t
WHERE t.oid IN (SELECT c.reltablespace FROM pg_catalog.pg_class c)
AND t.spcname NOT IN ('pg_default', 'pg_global')
ORDER BY t.spcname";

pub(super) async fn read(
    client: &Client,
    assembly: &Assembly,
    database: &DatabaseFacts,
) -> Result<Vec<Prerequisite>, Error> {
    let mut owners: BTreeSet<&str> = assembly.iter().filter_map(|o| o.owner.as_deref()).collect();
    owners.insert(&database.owner);
    let owners: Vec<&str> = owners.into_iter().collect();
    let mut found = Vec::new();
    for row in client.query(ROLES, &[&owners]).await? {
        found.push(prerequisite("role", &row)?);
    }
    for row in client.query(TABLESPACES, &[]).await? {
        found.push(prerequisite("tablespace", &row)?);
    }
    Ok(found)
}

fn prerequisite(kind: &str, row: &tokio_postgres::Row) -> Result<Prerequisite, Error> {
    Ok(Prerequisite {
        kind: kind.to_owned(),
        name: row.try_get("name")?,
        create: row.try_get("statement")?,
    })
}
