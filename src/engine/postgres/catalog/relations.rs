//! Tables, views, materialized views, foreign tables, sequences and schemas.

use tokio_postgres::{Client, Error, Row};

use super::Relation;
use super::assembly::{Assembly, class};
use super::sql::{USER_SCHEMA, not_member, options};
use crate::snapshot::{ObjectKind, PartKind};

/// Reads every relation that the vendor's tools dump, and `dumped` whatever they are.
pub(super) async fn read(
    client: &Client,
    dumped: &[u32],
    assembly: &mut Assembly,
) -> Result<(), Error> {
    for row in client.query(&query(), &[&dumped]).await? {
        relation(&row, assembly)?;
    }
    let oids = assembly.relation_oids();
    for row in client.query(KEYS, &[&oids]).await? {
        let oid: u32 = row.try_get("oid")?;
        if let Some(relation) = assembly.relation_mut(oid) {
            relation.key = row.try_get("key")?;
        }
    }
    schemas(client, assembly).await
}

/// Key columns in key order, of the tables that have a primary key in force.
const KEYS: &str = "\
SELECT k.conrelid AS oid,
       pg_catalog.array_agg(a.attname::text ORDER BY u.position) AS key
FROM pg_catalog.unnest($1::oid[]) AS wanted(oid)
JOIN pg_catalog.pg_constraint k ON k.conrelid = wanted.oid AND k.contype = 'p'
CROSS JOIN LATERAL pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u(number, position)
JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number
GROUP BY k.conrelid";

/// The size functions open the relation and so wait for its lock: they are asked only for
/// what the caller has locked already. For indexes, of which there are many, the pages that
/// the last vacuum counted are good enough. Values of an extension's sequences are dumped where
/// it asks for that; the table of contents does not tell their oids.
fn query() -> String {
    let not_member = not_member("pg_class", "c.oid");
    let options = options("f.ftoptions");
    format!(
        "SELECT c.oid, c.relkind::text AS relkind,
    pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS name,
    pg_catalog.pg_get_userbyid(c.relowner)::text AS owner,
    c.relpersistence::text AS persistence, coalesce(am.amname::text, '') AS access_method,
    ts.spcname::text AS tablespace,
    pg_catalog.array_to_string(c.reloptions, ', ') AS options, 
    pg_catalog.array_to_string(t.reloptions, ', ') AS toast_options,
    c.relrowsecurity AS row_security, c.relforcerowsecurity AS forced,
    c.relreplident::text AS identity, c.relispopulated AS populated,
    CASE WHEN c.relkind = 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) END AS partition_key,
    pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS bound,
    CASE WHEN c.relispartition THEN
        (SELECT pg_catalog.quote_ident(rn.nspname) || '.' || pg_catalog.quote_ident(r.relname)
         FROM pg_catalog.pg_class r JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
         WHERE r.oid = pg_catalog.pg_partition_root(c.oid)) END AS root,
    (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(pn.nspname) || '.'
            || pg_catalog.quote_ident(p.relname), ', ' ORDER BY i.inhseqno)
     FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
     JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
     WHERE i.inhrelid = c.oid) AS parents,
    CASE WHEN c.reloftype <> 0 THEN pg_catalog.format_type(c.reloftype, NULL) END AS of_type,
    CASE WHEN c.relkind IN ('v', 'm') THEN pg_catalog.pg_get_viewdef(c.oid) END AS definition,
    (SELECT pg_catalog.quote_ident(s.srvname) || coalesce(' OPTIONS (' || {options} || ')', '')
     FROM pg_catalog.pg_foreign_table f JOIN pg_catalog.pg_foreign_server s
     ON s.oid = f.ftserver WHERE f.ftrelid = c.oid) AS server,
    NOT {not_member} AS member, coalesce(heap.pages, c.relpages) AS pages,
    (coalesce(heap.pages, c.relpages) + coalesce(t.relpages, 0)
        + coalesce((SELECT pg_catalog.sum(ic.relpages) FROM pg_catalog.pg_index i
            JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
            WHERE i.indrelid = c.oid), 0)::bigint)
    * pg_catalog.current_setting('block_size')::bigint AS bytes
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
LEFT JOIN pg_catalog.pg_tablespace ts ON ts.oid = c.reltablespace
LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid
LEFT JOIN (SELECT DISTINCT given.oid FROM pg_catalog.unnest($1::oid[]) AS given(oid)) AS dumped
    ON dumped.oid = c.oid
LEFT JOIN LATERAL (SELECT pg_catalog.pg_relation_size(c.oid)
        / pg_catalog.current_setting('block_size')::bigint AS pages
    WHERE dumped.oid IS NOT NULL AND c.relkind = 'r') AS heap ON true
WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
AND (dumped.oid IS NOT NULL OR ({USER_SCHEMA} AND {not_member})
    OR (c.relkind = 'S' AND c.oid IN
        (SELECT pg_catalog.unnest(e.extconfig) FROM pg_catalog.pg_extension e)))"
    )
}

fn kind_of(relkind: &str) -> ObjectKind {
    match relkind {
        "r" => ObjectKind::Table,
        "p" => ObjectKind::PartitionedTable,
        "f" => ObjectKind::ForeignTable,
        "v" => ObjectKind::View,
        "m" => ObjectKind::MaterializedView,
        "S" => ObjectKind::Sequence,
        _ => ObjectKind::Other,
    }
}

fn relation(row: &Row, assembly: &mut Assembly) -> Result<(), Error> {
    let oid: u32 = row.try_get("oid")?;
    let name: String = row.try_get("name")?;
    let kind = kind_of(row.try_get("relkind")?);
    let access_method: String = row.try_get("access_method")?;
    let bytes: i64 = row.try_get("bytes")?;
    let pages: i64 = row.try_get("pages")?;
    let settings = settings(row, kind, &access_method)?;
    let address = (class::RELATION, oid);
    let object = assembly.add(address, name.clone(), kind);
    object.owner = row.try_get("owner")?;
    object.definition = match kind {
        ObjectKind::PartitionedTable => row.try_get("partition_key")?,
        ObjectKind::ForeignTable => row.try_get("server")?,
        _ => row.try_get("definition")?,
    };
    object.root = row.try_get("root")?;
    object.bytes = u64::try_from(bytes).unwrap_or(0);
    if kind == ObjectKind::MaterializedView {
        object.populated = Some(row.try_get("populated")?);
    }
    for (setting, text) in settings {
        assembly.add_part(address, PartKind::Setting, setting, text);
    }
    assembly.add_relation(
        oid,
        Relation {
            name,
            kind,
            key: Vec::new(),
            access_method,
            pages: u64::try_from(pages).unwrap_or(0),
            extension_member: row.try_get("member")?,
        },
    );
    Ok(())
}

/// What is not the default, under the names that a difference shows.
fn settings(
    row: &Row,
    kind: ObjectKind,
    access_method: &str,
) -> Result<Vec<(&'static str, String)>, Error> {
    let mut settings = Vec::new();
    let mut add = |name, text: Option<String>| settings.extend(text.map(|text| (name, text)));
    let partition: Option<String> = row.try_get("bound")?;
    let parents: Option<String> = row.try_get("parents")?;
    if partition.is_some() {
        add("partition of", parents);
    } else {
        add("inherits", parents);
    }
    add("partition bound", partition);
    add("of type", row.try_get("of_type")?);
    add("options", row.try_get("options")?);
    add("toast options", row.try_get("toast_options")?);
    add("tablespace", row.try_get("tablespace")?);
    let other_method = !access_method.is_empty() && access_method != "heap";
    if other_method && kind != ObjectKind::Sequence {
        add("access method", Some(access_method.to_owned()));
    }
    if row.try_get::<_, &str>("persistence")? == "u" {
        add("persistence", Some("unlogged".to_owned()));
    }
    if row.try_get("row_security")? {
        add("row security", Some("enabled".to_owned()));
    }
    if row.try_get("forced")? {
        add("forced row security", Some("enabled".to_owned()));
    }
    match row.try_get("identity")? {
        "f" => add("replica identity", Some("full".to_owned())),
        "n" if matches!(kind, ObjectKind::Table | ObjectKind::PartitionedTable) => {
            add("replica identity", Some("nothing".to_owned()));
        }
        _ => {}
    }
    Ok(settings)
}

async fn schemas(client: &Client, assembly: &mut Assembly) -> Result<(), Error> {
    let query = format!(
        "SELECT n.tableoid AS class, n.oid, pg_catalog.quote_ident(n.nspname) AS name,
    pg_catalog.pg_get_userbyid(n.nspowner)::text AS owner
FROM pg_catalog.pg_namespace n WHERE {USER_SCHEMA} AND {}",
        not_member("pg_namespace", "n.oid")
    );
    for row in client.query(&query, &[]).await? {
        let address = (row.try_get("class")?, row.try_get("oid")?);
        let object = assembly.add(address, row.try_get("name")?, ObjectKind::Schema);
        object.owner = row.try_get("owner")?;
    }
    Ok(())
}
