//! CHECK constraints that must be off the new tables while data goes in.
//!
//! A CHECK whose function reads tables sees them as they are in the middle of a load: not the
//! rows of the same `COPY`, not the tables that come later. Stock tools lose such a table's
//! rows. So a CHECK that calls anything but built-in or compiled functions is taken off the
//! empty tables, and put back, validated, when all data is in.

use tokio_postgres::{Client, Error};

/// Statements, each without the final semicolon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldBack {
    /// Printed names with their constraints, for people.
    pub constraints: Vec<String>,
    /// To run after pre-data, before any data.
    pub before_data: Vec<String>,
    /// To run after post-data (a function may read a materialized view), with the database's
    /// own `search_path`: the functions may rely on it.
    pub after_data: Vec<String>,
}

/// Constraints that call, directly or through an operator or a cast, a function that is neither
/// built in nor compiled. Constraints that are not validated are not there during the data (the
/// vendor's tools make them afterwards). Inherited ones go and come with the parent's; a table's
/// own ones stay when the parent's go, so parents come first both times. A domain inside an array, a range or a composite column can't be
/// altered while such columns exist: its constraint stays where it is.
const CONSTRAINTS: &str = "\
WITH RECURSIVE written AS (
    SELECT p.oid FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
    WHERE l.lanname NOT IN ('internal', 'c') AND p.oid >= 16384
), uses AS (
    SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass::oid AS class, w.oid FROM written w
    UNION ALL
    SELECT o.tableoid, o.oid FROM pg_catalog.pg_operator o JOIN written w ON w.oid = o.oprcode
    UNION ALL
    SELECT c.tableoid, c.oid FROM pg_catalog.pg_cast c JOIN written w ON w.oid = c.castfunc
), chosen AS (
    SELECT DISTINCT k.oid FROM pg_catalog.pg_constraint k
    JOIN pg_catalog.pg_depend d ON d.classid = k.tableoid AND d.objid = k.oid
    JOIN uses u ON u.class = d.refclassid AND u.oid = d.refobjid
    WHERE k.contype = 'c' AND k.convalidated AND NOT EXISTS (
        SELECT 1 FROM pg_catalog.pg_depend m WHERE m.deptype = 'e'
        AND ((m.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND m.objid = k.conrelid)
          OR (m.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND m.objid = k.contypid)))
), ancestry AS (
    SELECT k.conrelid AS oid, k.conrelid AS up, 0 AS depth
    FROM chosen JOIN pg_catalog.pg_constraint k USING (oid) WHERE k.conrelid <> 0
    UNION ALL
    SELECT a.oid, i.inhparent, a.depth + 1
    FROM ancestry a JOIN pg_catalog.pg_inherits i ON i.inhrelid = a.up
), reach AS (
    SELECT k.contypid AS domain, k.contypid AS type, false AS contained
    FROM chosen JOIN pg_catalog.pg_constraint k USING (oid) WHERE k.contypid <> 0
    UNION
    SELECT r.domain, t.oid, r.contained OR t.typtype <> 'd'
    FROM reach r JOIN pg_catalog.pg_type t ON t.typbasetype = r.type
        OR (t.typelem = r.type) OR EXISTS (
            SELECT 1 FROM pg_catalog.pg_attribute a
            WHERE a.attrelid = t.typrelid AND a.atttypid = r.type AND NOT a.attisdropped)
        OR EXISTS (SELECT 1 FROM pg_catalog.pg_range g
            WHERE g.rngtypid = t.oid AND g.rngsubtype = r.type)
)
SELECT k.conislocal AS local, pg_catalog.quote_ident(k.conname) AS name,
    pg_catalog.pg_get_constraintdef(k.oid) AS definition,
    CASE WHEN k.contypid <> 0 THEN 'DOMAIN' ELSE 'TABLE' END AS word,
    CASE WHEN k.contypid <> 0 THEN pg_catalog.quote_ident(tn.nspname) || '.'
             || pg_catalog.quote_ident(t.typname)
         ELSE pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(c.relname)
    END AS whole,
    pg_catalog.quote_literal(pg_catalog.obj_description(k.oid, 'pg_constraint')) AS comment,
    EXISTS (SELECT 1 FROM reach r JOIN pg_catalog.pg_attribute a ON a.atttypid = r.type
        JOIN pg_catalog.pg_class rel ON rel.oid = a.attrelid AND rel.relkind IN ('r', 'p', 'm')
        WHERE r.domain = k.contypid AND r.contained AND NOT a.attisdropped) AS fixed
FROM chosen
JOIN pg_catalog.pg_constraint k USING (oid)
LEFT JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_type t ON t.oid = k.contypid
LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
WHERE k.contypid <> 0 OR c.relkind IN ('r', 'p')
ORDER BY coalesce((SELECT pg_catalog.max(a.depth) FROM ancestry a WHERE a.oid = k.conrelid), 0),
    whole, name";

pub(super) async fn read(client: &Client, notes: &mut Vec<String>) -> Result<HeldBack, Error> {
    let mut held = HeldBack::default();
    let mut comments = Vec::new();
    for row in client.query(CONSTRAINTS, &[]).await? {
        let (name, whole): (String, String) = (row.try_get("name")?, row.try_get("whole")?);
        let (word, definition): (&str, &str) = (row.try_get("word")?, row.try_get("definition")?);
        if row.try_get("fixed")? {
            notes.push(format!(
                "constraint {name} of domain {whole} calls a function and stays in force while \
                 data is restored: the domain is used inside another type"
            ));
            continue;
        }
        if row.try_get("local")? {
            held.constraints.push(format!("{whole}: {name}"));
            let drop = format!("ALTER {word} {whole} DROP CONSTRAINT {name}");
            held.before_data.push(drop);
            let add = format!("ALTER {word} {whole} ADD CONSTRAINT {name} {definition}");
            held.after_data.push(add);
        }
        if let Some(comment) = row.try_get::<_, Option<String>>("comment")? {
            let domain = if word == "DOMAIN" { "DOMAIN " } else { "" };
            let on = format!("COMMENT ON CONSTRAINT {name} ON {domain}{whole}");
            comments.push(format!("{on} IS {comment}"));
        }
    }
    held.after_data.append(&mut comments);
    Ok(held)
}
