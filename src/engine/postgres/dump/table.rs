//! Which relations are read, how, and how the work is cut.

use std::collections::HashMap;

use tokio_postgres::Row;

use crate::connection::Target;
use crate::engine::EngineError;
use crate::engine::postgres::toc::Toc;
use crate::snapshot::{CopyStatement, StreamId, split_qualified};

use super::super::sql_error::sql;
use super::control::Control;
use super::copy_statement::reading;

/// One relation to read.
#[derive(Clone, Debug)]
pub(in super::super) struct TableRead {
    /// Where its rows go.
    pub stream: StreamId,
    /// Printed name of the relation that the rows are read from.
    pub object: String,
    /// pg_dump's statement.
    pub statement: String,
    /// The statement, understood.
    pub copy: CopyStatement,
    /// `WHERE …` of an extension's configuration table; a rule of `pg_extension.extcondition`.
    pub filter: Option<String>,
    /// Positions of the primary key's columns among the copied ones, in key order.
    pub key: Option<Vec<usize>>,
    /// Bytes of the heap.
    pub bytes: u64,
    /// Blocks of the heap, if it may be split by ctid ranges; `None` if not.
    pub blocks: Option<u64>,
    /// Equal means that the same rows read the same; `None` where that cannot be said.
    pub identity: Option<String>,
    /// Its oid, if the transactions that wrote its rows can be seen.
    pub number: Option<u32>,
}

impl TableRead {
    /// True if its rows are restored through the root of its partition tree.
    pub(in super::super) fn is_loaded_through_root(&self) -> bool {
        split_qualified(&self.copy.relation) != split_qualified(&self.object)
    }
}

/// A part of a relation, the unit of a worker's work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Share {
    /// Index of the table.
    pub table: usize,
    /// First block and the block behind the last; `None` for the whole table. The last
    /// range of a table is open-ended.
    pub blocks: Option<(u64, Option<u64>)>,
    /// Bytes of the heap that it covers, roughly.
    pub bytes: u64,
}

/// Ranges are not made smaller than this: each costs a statement, and a ctid-range scan costs
/// the server more than a plain one.
const SMALLEST_RANGE: u64 = 64 << 20;

/// Reads what is needed about the relations of the table of contents' `TABLE DATA` entries.
pub(in super::super) async fn tables(
    control: &Control,
    target: &Target,
    toc: &Toc,
) -> Result<Vec<TableRead>, EngineError> {
    let entries: Vec<_> = toc
        .entries
        .iter()
        .filter(|e| e.desc == "TABLE DATA")
        .collect();
    let oids: Vec<u32> = entries.iter().map(|e| e.oid).collect();
    let facts = relation_facts(control, target, &oids).await?;
    let mut reads = Vec::with_capacity(entries.len());
    for entry in entries {
        let Some(copy) = CopyStatement::parse(&entry.copy_stmt) else {
            return Err(EngineError::Garbled {
                tool: "pg_dump".to_owned(),
                problem: format!("no COPY statement for the data of {}", entry.tag),
            });
        };
        let Some(facts) = facts.get(&entry.oid) else {
            return Err(EngineError::Moved {
                table: entry.tag.clone(),
                database: target.database().to_owned(),
                how: "dropped".to_owned(),
            });
        };
        reads.push(TableRead {
            stream: stream_of(entry.dump_id),
            object: facts.object.clone(),
            statement: entry.copy_stmt.clone(),
            key: key_positions(&copy.columns, &facts.key),
            copy,
            filter: facts.filter.clone(),
            bytes: facts.bytes,
            blocks: facts.splittable_blocks(),
            identity: facts.identity.clone(),
            number: facts.number,
        });
    }
    Ok(reads)
}

/// The stream of a `TABLE DATA` entry.
pub(in super::super) fn stream_of(dump_id: i32) -> StreamId {
    StreamId {
        kind: crate::snapshot::StreamKind::CopyText,
        entry: u32::try_from(dump_id).unwrap_or(0),
    }
}

/// What the catalogs say about one relation.
#[derive(Clone, Debug)]
pub(in super::super) struct RelationFacts {
    /// Printed name.
    pub object: String,
    /// Bytes of the heap's main fork.
    pub bytes: u64,
    /// Bytes of a block.
    pub block_size: u64,
    /// Heap access method on a server that has ctid-range scans (14 and newer).
    pub splittable: bool,
    /// Primary key columns in key order; empty for none.
    pub key: Vec<String>,
    /// The extension's condition on a configuration table.
    pub filter: Option<String>,
    /// Its oid and file, and number, name and type of each column; `None` if the text of its values
    /// may change while its rows do not.
    pub identity: Option<String>,
    /// Its oid, if it is a heap that is read whole and whose system columns may be read.
    pub number: Option<u32>,
}

/// Reads [`RelationFacts`] for relations by oid, under the control session's snapshot.
pub(in super::super) async fn relation_facts(
    control: &Control,
    target: &Target,
    oids: &[u32],
) -> Result<HashMap<u32, RelationFacts>, EngineError> {
    let rows = control
        .session
        .query(
            &format!("{RELATION_FACTS} WHERE c.oid = ANY ($1)"),
            &[&oids],
        )
        .await
        .map_err(sql(target, "the tables' facts could not be read"))?;
    Ok(by(&rows, control, |row| row.get(0)))
}

/// The same by printed name; names that do not exist are left out.
pub(in super::super) async fn relation_facts_by_name(
    control: &Control,
    target: &Target,
    names: &[&str],
) -> Result<HashMap<String, RelationFacts>, EngineError> {
    let rows = control
        .session
        .query(
            &format!(
                "{RELATION_FACTS} WHERE pg_catalog.format('%I.%I', n.nspname, c.relname) = ANY ($1)"
            ),
            &[&names],
        )
        .await
        .map_err(sql(target, "the tables' facts could not be read"))?;
    Ok(by(&rows, control, |row| row.get(1)))
}

fn by<K: std::hash::Hash + Eq>(
    rows: &[Row],
    control: &Control,
    key: impl Fn(&Row) -> K,
) -> HashMap<K, RelationFacts> {
    let mut facts = HashMap::with_capacity(rows.len());
    for row in rows {
        let heap: bool = row.get(4);
        facts.insert(
            key(row),
            RelationFacts {
                object: row.get(1),
                bytes: u64::try_from(row.get::<_, Option<i64>>(2).unwrap_or(0)).unwrap_or(0),
                block_size: u64::try_from(row.get::<_, i64>(3)).unwrap_or(8192),
                splittable: heap && control.version_num >= 140_000,
                key: row.get(5),
                filter: row.get(6),
                identity: row.get(7),
                number: row.get(8),
            },
        );
    }
    facts
}

impl RelationFacts {
    /// Blocks, if it may be read by ctid ranges. A filtered table may not: it is small, and
    /// its condition may be more than a `WHERE`.
    pub(in super::super) fn splittable_blocks(&self) -> Option<u64> {
        (self.splittable && self.filter.is_none()).then(|| self.bytes / self.block_size.max(1))
    }
}

/// The identity leaves out tables with types whose values may be printed otherwise although
/// nobody wrote: those that hold the number of something with a name, domains, composites and
/// what extensions define. Labels of an enumeration are part of it.
const RELATION_FACTS: &str = "
SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname),
       pg_catalog.pg_relation_size(c.oid),
       pg_catalog.current_setting('block_size')::pg_catalog.int8,
       c.relkind = 'r' AND coalesce(am.amname = 'heap', false),
       coalesce((SELECT pg_catalog.array_agg(a.attname::pg_catalog.text ORDER BY k.position)
                   FROM pg_catalog.pg_index i
                  CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::pg_catalog.int2[])
                             WITH ORDINALITY AS k(attnum, position)
                   JOIN pg_catalog.pg_attribute a
                     ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                  WHERE i.indrelid = c.oid AND i.indisprimary
                    AND k.position <= i.indnkeyatts), '{}'),
       config.condition,
       CASE WHEN c.relkind = 'r' AND am.amname = 'heap' AND config.condition IS NULL
                 AND pg_catalog.has_table_privilege(c.oid, 'SELECT') THEN
           (SELECT c.oid::pg_catalog.text || ' ' || pg_catalog.pg_relation_filenode(c.oid)
                   || coalesce(pg_catalog.string_agg(
                       pg_catalog.format(' %s %I %s %s', a.attnum, a.attname,
                                         a.atttypid, a.atttypmod)
                       || CASE WHEN t.typtype = 'e' THEN
                              (SELECT coalesce(pg_catalog.string_agg(
                                          pg_catalog.format(' %s %I', e.oid, e.enumlabel),
                                          '' ORDER BY e.oid), '')
                                 FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid)
                              ELSE '' END,
                       ',' ORDER BY a.attnum), '')
              FROM pg_catalog.pg_attribute a
              JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            HAVING pg_catalog.bool_and(t.typtype = 'e' OR t.oid < 10000
                       AND t.typtype IN ('b', 'r', 'm')
                       AND t.typname !~ '^_?(reg|aclitem)') IS NOT FALSE)
       END,
       CASE WHEN c.relkind = 'r' AND am.amname = 'heap' AND config.condition IS NULL
                 AND pg_catalog.has_table_privilege(c.oid, 'SELECT') THEN c.oid END
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
  LEFT JOIN (SELECT f.oid, nullif(f.condition, '') AS condition
               FROM pg_catalog.pg_extension e
              CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(e.extconfig),
                                            pg_catalog.unnest(e.extcondition))
                         AS f(oid, condition)) AS config ON config.oid = c.oid";

/// Positions of key columns among the copied ones; `None` without a key or if a key column is
/// not copied (generated columns).
pub(in super::super) fn key_positions(columns: &[String], key: &[String]) -> Option<Vec<usize>> {
    if key.is_empty() {
        return None;
    }
    key.iter()
        .map(|name| columns.iter().position(|column| column == name))
        .collect()
}

/// Cuts the work on the tables that are wanted into shares, largest first.
///
/// A ctid-range scan costs the server about a quarter more CPU than a plain one (measured,
/// docs/benchmarks.md), and one stream alone keeps a server process and a worker busy. So a
/// table is split only if it is more than one and a half times a worker's share of the work.
pub(in super::super) fn shares(
    tables: &[TableRead],
    jobs: usize,
    wanted: impl Fn(usize) -> bool,
) -> Vec<Share> {
    let wanted = || {
        tables
            .iter()
            .enumerate()
            .filter(|(index, _)| wanted(*index))
    };
    let total: u64 = wanted().map(|(_, table)| table.bytes).sum();
    let fair = total / jobs.max(1) as u64;
    let mut shares = Vec::with_capacity(tables.len());
    for (index, table) in wanted() {
        let splits = match table.blocks {
            Some(_)
                if jobs > 1 && 2 * table.bytes > 3 * fair && table.bytes >= 2 * SMALLEST_RANGE =>
            {
                (table.bytes / SMALLEST_RANGE).clamp(2, 2 * jobs as u64)
            }
            _ => 1,
        };
        push_shares(&mut shares, index, table, splits);
    }
    shares.sort_by_key(|share| std::cmp::Reverse(share.bytes));
    shares
}

fn push_shares(shares: &mut Vec<Share>, index: usize, table: &TableRead, splits: u64) {
    let blocks = table.blocks.unwrap_or(0);
    if splits < 2 {
        shares.push(Share {
            table: index,
            blocks: None,
            bytes: table.bytes,
        });
        return;
    }
    for part in 0..splits {
        let first = blocks * part / splits;
        let end = (part + 1 < splits).then(|| blocks * (part + 1) / splits);
        shares.push(Share {
            table: index,
            blocks: Some((first, end)),
            bytes: table.bytes / splits,
        });
    }
}

impl Share {
    /// The statement that reads this share.
    pub(in super::super) fn statement(&self, table: &TableRead) -> String {
        let condition = self.range().or_else(|| table.filter.clone());
        reading(&table.copy, &table.object, condition.as_deref())
    }

    /// The statement that counts this share's rows, and those that are not older than `age` or
    /// do not tell: only a server older than 9.4, or a superuser's surgery, writes 2
    /// (`FrozenTransactionId`).
    pub(super) fn counting(&self, table: &TableRead, age: i32) -> String {
        format!(
            "SELECT pg_catalog.count(*),
                    pg_catalog.count(*) FILTER (WHERE pg_catalog.age(xmin) <= {age}
                                                   OR xmin = '2'::pg_catalog.xid)
               FROM ONLY {} {}",
            table.object,
            self.range().unwrap_or_default()
        )
    }

    fn range(&self) -> Option<String> {
        self.blocks.map(|(first, end)| match end {
            Some(end) => format!("WHERE ctid >= '({first},0)' AND ctid < '({end},0)'"),
            None => format!("WHERE ctid >= '({first},0)'"),
        })
    }
}
