//! Constraints, indexes, triggers, rules, policies and extended statistics.

use tokio_postgres::{Client, Error};

use super::assembly::{Assembly, class};
use super::sql::Version;
use crate::snapshot::PartKind;

/// How comments and differences call the kinds.
fn label(kind: PartKind, name: &str) -> String {
    let word = match kind {
        PartKind::Constraint => "constraint",
        PartKind::Index => "index",
        PartKind::Trigger => "trigger",
        PartKind::Rule => "rule",
        PartKind::Policy => "policy",
        PartKind::Statistics => "statistics",
        PartKind::Grant | PartKind::Setting => "setting",
    };
    format!("{word} {name}")
}

pub(super) async fn read(
    client: &Client,
    version: Version,
    assembly: &mut Assembly,
) -> Result<(), Error> {
    let clone = triggers_of_partitions(version);
    let triggers = TRIGGERS.replace("{clone}", clone);
    let target = version.since(13, "nullif(s.stxstattarget, -1)::int4", "NULL::int4");
    let statistics = STATISTICS.replace("{target}", target);
    for (kind, query) in [
        (PartKind::Constraint, CONSTRAINTS),
        (PartKind::Index, INDEXES),
        (PartKind::Trigger, &triggers),
        (PartKind::Rule, RULES),
        (PartKind::Policy, POLICIES),
        (PartKind::Statistics, &statistics),
    ] {
        of_kind(client, kind, query, assembly).await?;
    }
    marks(client, assembly).await
}

async fn of_kind(
    client: &Client,
    kind: PartKind,
    query: &str,
    assembly: &mut Assembly,
) -> Result<(), Error> {
    let oids = assembly.relation_oids();
    for row in client.query(query, &[&oids]).await? {
        let whole = (class::RELATION, row.try_get("relation")?);
        let part = (row.try_get("class")?, row.try_get("oid")?);
        let name: String = row.try_get("name")?;
        assembly.add_part(whole, kind, &name, row.try_get("definition")?);
        assembly.belongs(part, whole, label(kind, &name));
    }
    Ok(())
}

/// `NOT NULL` stands with its column, whether or not the server (18) keeps a constraint for
/// it. The index of a constraint may carry the comment, so it belongs to the table too.
const CONSTRAINTS: &str = "\
SELECT k.tableoid AS class, k.oid, k.conrelid AS relation, k.conname::text AS name,
    pg_catalog.pg_get_constraintdef(k.oid)
    || CASE WHEN k.coninhcount > 0 AND k.conislocal AND k.contype = 'c'
            THEN ' (also inherited)' WHEN k.coninhcount > 0 THEN ' (inherited)' ELSE '' END
    || coalesce((SELECT CASE WHEN i.reltablespace <> 0 THEN
            (SELECT ' USING INDEX TABLESPACE ' || pg_catalog.quote_ident(s.spcname)
             FROM pg_catalog.pg_tablespace s WHERE s.oid = i.reltablespace) END
        FROM pg_catalog.pg_class i WHERE i.oid = k.conindid AND k.contype IN ('p', 'u', 'x')), '')
    AS definition
FROM pg_catalog.unnest($1::oid[]) AS wanted(oid)
JOIN pg_catalog.pg_constraint k ON k.conrelid = wanted.oid
WHERE k.contype IN ('c', 'p', 'u', 'f', 'x')
AND (k.contype <> 'f' OR k.conparentid = 0)";

/// Indexes that no constraint brings along. The server leaves out tablespaces.
const INDEXES: &str = "\
SELECT c.tableoid AS class, c.oid, i.indrelid AS relation, c.relname::text AS name,
    pg_catalog.pg_get_indexdef(c.oid)
    || coalesce((SELECT ' TABLESPACE ' || pg_catalog.quote_ident(s.spcname)
        FROM pg_catalog.pg_tablespace s WHERE s.oid = c.reltablespace), '')
    || CASE WHEN i.indisvalid THEN '' ELSE ' (invalid)' END AS definition
FROM pg_catalog.unnest($1::oid[]) AS wanted(oid)
JOIN pg_catalog.pg_index i ON i.indrelid = wanted.oid
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint k
    WHERE k.conindid = c.oid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x'))";

const TRIGGERS: &str = "\
SELECT t.tableoid AS class, t.oid, t.tgrelid AS relation, t.tgname::text AS name,
    pg_catalog.pg_get_triggerdef(t.oid) || CASE t.tgenabled WHEN 'O' THEN ''
        WHEN 'D' THEN ' (disabled)' WHEN 'R' THEN ' (enabled on replica)'
        ELSE ' (enabled always)' END AS definition
FROM pg_catalog.unnest($1::oid[]) AS wanted(oid)
JOIN pg_catalog.pg_trigger t ON t.tgrelid = wanted.oid
WHERE NOT t.tgisinternal AND ({clone})";

/// A trigger on a partitioned table has clones on its partitions: they are told apart only
/// where somebody switched one of them.
fn triggers_of_partitions(version: Version) -> &'static str {
    version.since(
        13,
        "t.tgparentid = 0 OR t.tgenabled <> (SELECT p.tgenabled
            FROM pg_catalog.pg_trigger p WHERE p.oid = t.tgparentid)",
        "NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
            WHERE d.classid = t.tableoid AND d.objid = t.oid
            AND d.refclassid = t.tableoid AND d.deptype IN ('P', 'S'))",
    )
}

const RULES: &str = "\
SELECT r.tableoid AS class, r.oid, r.ev_class AS relation, r.rulename::text AS name,
    pg_catalog.pg_get_ruledef(r.oid) || CASE r.ev_enabled WHEN 'O' THEN ''
        WHEN 'D' THEN ' (disabled)' WHEN 'R' THEN ' (enabled on replica)'
        ELSE ' (enabled always)' END AS definition
FROM pg_catalog.unnest($1::oid[]) AS wanted(oid)
JOIN pg_catalog.pg_rewrite r ON r.ev_class = wanted.oid
WHERE r.rulename <> '_RETURN'";

const POLICIES: &str = "\
SELECT p.tableoid AS class, p.oid, p.polrelid AS relation, p.polname::text AS name,
    CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END || ' for '
    || CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update'
            WHEN 'd' THEN 'delete' ELSE 'all' END || ' to '
    || coalesce((SELECT pg_catalog.string_agg(CASE WHEN role.oid = 0 THEN 'PUBLIC'
            ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(role.oid)) END, ', '
            ORDER BY pg_catalog.pg_get_userbyid(role.oid))
        FROM pg_catalog.unnest(p.polroles) AS role(oid)), '')
    || coalesce(' using (' || pg_catalog.pg_get_expr(p.polqual, p.polrelid) || ')', '')
    || coalesce(' with check (' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) || ')', '')
    AS definition
FROM pg_catalog.unnest($1::oid[]) AS wanted(oid)
JOIN pg_catalog.pg_policy p ON p.polrelid = wanted.oid";

const STATISTICS: &str = "\
SELECT s.tableoid AS class, s.oid, s.stxrelid AS relation,
    pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(s.stxname) AS name,
    pg_catalog.pg_get_statisticsobjdef(s.oid)
    || coalesce(' (statistics target ' || {target} || ')', '') AS definition
FROM pg_catalog.unnest($1::oid[]) AS wanted(oid)
JOIN pg_catalog.pg_statistic_ext s ON s.stxrelid = wanted.oid
JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace";

/// Which index a table is clustered on, and which one is its replica identity.
async fn marks(client: &Client, assembly: &mut Assembly) -> Result<(), Error> {
    let query = "SELECT i.indrelid AS relation, c.relname::text AS name,
    i.indisclustered AS clustered, i.indisreplident AS identity
FROM pg_catalog.unnest($1::oid[]) AS wanted(oid)
JOIN pg_catalog.pg_index i ON i.indrelid = wanted.oid
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
WHERE i.indisclustered OR i.indisreplident";
    let oids = assembly.relation_oids();
    for row in client.query(query, &[&oids]).await? {
        let whole = (class::RELATION, row.try_get("relation")?);
        let index: String = row.try_get("name")?;
        for (column, setting) in [
            ("clustered", "clustered on"),
            ("identity", "replica identity"),
        ] {
            if row.try_get(column)? {
                assembly.add_part(whole, PartKind::Setting, setting, format!("index {index}"));
            }
        }
    }
    Ok(())
}
