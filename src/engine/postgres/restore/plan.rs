//! From the vendor's table of contents to tasks: what is loaded, which statements follow when.
//!
//! Only what takes long is scheduled here: loads, indexes, constraints. Everything else of the
//! post-data section (triggers, rules, policies, refreshes, grants …) is left to pg_restore,
//! which does it in the table of contents' order afterwards.

use std::collections::{HashMap, HashSet};

use crate::engine::postgres::toc::{Entry, Section, Toc};
use crate::snapshot::{CopyStatement, Object, Source, Stream, StreamId, StreamKind};

use super::super::dump::table::stream_of;
use super::schedule::{Node, TaskId};

/// One thing that a worker does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Loads chunks of a stream.
    Load(Load),
    /// Runs the statements of an entry.
    Statement(Statement),
}

/// Chunks of one stream, loaded by one `COPY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Load {
    /// The stream.
    pub stream: StreamId,
    /// Printed name of the table that the rows came from.
    pub object: String,
    /// pg_dump's statement, understood.
    pub copy: CopyStatement,
    /// First chunk and the one behind the last.
    pub chunks: (usize, usize),
    /// True if this is all of the table's data and goes into that very table, which this
    /// restore made: then it is emptied and loaded in one transaction, frozen.
    pub whole: bool,
}

/// A statement of the vendor's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// What it makes, for errors and the screen.
    pub label: String,
    /// The text.
    pub text: String,
    /// Tablespace; empty for the default.
    pub tablespace: String,
}

/// Tasks, their nodes, and the post-data entries that are left to pg_restore.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// What is done.
    pub tasks: Vec<Task>,
    /// When.
    pub nodes: Vec<Node>,
    /// Entries for `pg_restore --use-list`, in their order.
    pub rest: Vec<i32>,
}

/// Kinds that are scheduled.
const SCHEDULED: [&str; 4] = ["INDEX", "CONSTRAINT", "FK CONSTRAINT", "INDEX ATTACH"];

/// A table is loaded by several workers at once only if it holds more than this (bytes of
/// COPY text) and outweighs the rest: one worker can empty and freeze it in one transaction,
/// which saves the server a fifth of the work (measured, docs/benchmarks.md).
const SPLIT_ABOVE: u64 = 256 << 20;

/// Makes the plan. `schema_only`: statements without data.
pub(super) fn plan(toc: &Toc, source: &dyn Source, jobs: usize, schema_only: bool) -> Plan {
    let mut plan = Plan::default();
    let mut loads = Loads::default();
    if !schema_only {
        loads = plan_loads(&mut plan, toc, source, jobs);
    }
    plan_statements(&mut plan, toc, &loads);
    plan
}

/// Which load tasks fill which table.
#[derive(Default)]
struct Loads {
    /// By the table's oid in the source.
    by_table: HashMap<u32, Vec<TaskId>>,
    /// Uncompressed bytes by the table's oid.
    bytes: HashMap<u32, u64>,
    all: Vec<TaskId>,
}

/// What every load is planned from, looked up once.
struct Facts<'a> {
    source: &'a dyn Source,
    objects: HashMap<&'a str, &'a Object>,
    /// A table's oid by the entry of its stream.
    oid_of: HashMap<u32, u32>,
    /// Oids of tables that this restore makes. An extension's own tables come with rows of the
    /// extension's, which must stay.
    made: HashSet<u32>,
    /// Uncompressed bytes of all streams.
    total: u64,
    jobs: usize,
}

impl<'a> Facts<'a> {
    fn new(toc: &Toc, source: &'a dyn Source, jobs: usize) -> Self {
        let snapshot = source.snapshot();
        let described = |desc: &'static str| toc.entries.iter().filter(move |e| e.desc == desc);
        Self {
            source,
            objects: snapshot
                .objects
                .iter()
                .map(|object| (object.name.as_str(), object))
                .collect(),
            oid_of: described("TABLE DATA")
                .map(|entry| (stream_of(entry.dump_id).entry, entry.oid))
                .collect(),
            made: described("TABLE").map(|entry| entry.oid).collect(),
            total: snapshot.streams.iter().map(|stream| stream.bytes).sum(),
            jobs,
        }
    }

    /// The topmost table that the rows of `object` go in through, if not itself.
    fn root(&self, object: &str) -> Option<&'a str> {
        let object = self.objects.get(object)?;
        object
            .root
            .as_deref()
            .filter(|_| object.loaded_through_root)
    }

    fn oid(&self, stream: &Stream) -> u32 {
        self.oid_of.get(&stream.id.entry).copied().unwrap_or(0)
    }
}

fn plan_loads(plan: &mut Plan, toc: &Toc, source: &dyn Source, jobs: usize) -> Loads {
    let facts = Facts::new(toc, source, jobs);
    let mut loads = Loads::default();
    let mut through_root: HashMap<&str, Vec<(u32, Vec<TaskId>)>> = HashMap::new();
    for stream in &source.snapshot().streams {
        let (StreamKind::CopyText, Some(copy)) = (
            stream.id.kind,
            stream.copy.as_deref().and_then(CopyStatement::parse),
        ) else {
            continue;
        };
        let tasks = plan_stream(plan, &facts, stream, &copy);
        let oid = facts.oid(stream);
        loads.all.extend(&tasks);
        loads.bytes.insert(oid, stream.bytes);
        match stream.objects.first().and_then(|object| facts.root(object)) {
            Some(root) => through_root.entry(root).or_default().push((oid, tasks)),
            None => drop(loads.by_table.insert(oid, tasks)),
        }
    }
    // Rows that go in through a root may land in any leaf: each waits for all of them.
    for family in through_root.into_values() {
        let all: Vec<TaskId> = family.iter().flat_map(|(_, tasks)| tasks.clone()).collect();
        for (oid, _) in family {
            loads.by_table.insert(oid, all.clone());
        }
    }
    loads
}

/// Plans the loads of one stream.
fn plan_stream(
    plan: &mut Plan,
    facts: &Facts<'_>,
    stream: &Stream,
    copy: &CopyStatement,
) -> Vec<TaskId> {
    let object = stream.objects.first().cloned().unwrap_or_default();
    let chunks = facts.source.chunks(stream.id);
    let alone = facts.root(&object).is_none() && facts.made.contains(&facts.oid(stream));
    let mut tasks = Vec::new();
    for range in parts(stream.bytes, facts.total, chunks.len(), facts.jobs) {
        let bytes: u64 = chunks[range.0..range.1].iter().map(|c| c.bytes).sum();
        tasks.push(plan.tasks.len());
        plan.nodes.push(Node {
            cost: bytes + 1,
            ..Node::default()
        });
        plan.tasks.push(Task::Load(Load {
            stream: stream.id,
            object: object.clone(),
            copy: copy.clone(),
            whole: alone && range == (0, chunks.len()),
            chunks: range,
        }));
    }
    tasks
}

/// Ranges of chunks, one for each `COPY`.
fn parts(bytes: u64, total: u64, chunks: usize, jobs: usize) -> Vec<(usize, usize)> {
    if chunks == 0 {
        return Vec::new();
    }
    let fair = total / jobs.max(1) as u64;
    let parts = if jobs > 1 && bytes > SPLIT_ABOVE && 2 * bytes > 3 * fair {
        jobs.min(chunks)
    } else {
        1
    };
    (0..parts)
        .map(|part| (chunks * part / parts, chunks * (part + 1) / parts))
        .collect()
}

fn plan_statements(plan: &mut Plan, toc: &Toc, loads: &Loads) {
    let by_id: HashMap<i32, &Entry> = toc.entries.iter().map(|e| (e.dump_id, e)).collect();
    let mut section = Section::PreData;
    let mut scheduled: HashMap<i32, TaskId> = HashMap::new();
    let mut late: HashSet<i32> = HashSet::new();
    for entry in &toc.entries {
        // Comments and grants have no section of their own: they go with what is before them.
        if entry.section != Section::None {
            section = entry.section;
        }
        if section != Section::PostData {
            continue;
        }
        let waits_for_rest = entry.dependencies.iter().any(|d| late.contains(d));
        if !SCHEDULED.contains(&entry.desc.as_str())
            || waits_for_rest
            || is_on_materialized_view(entry, &by_id)
        {
            late.insert(entry.dump_id);
            plan.rest.push(entry.dump_id);
            continue;
        }
        let task = plan.tasks.len();
        plan.nodes.push(node(entry, &by_id, loads, &scheduled));
        plan.tasks.push(Task::Statement(Statement {
            label: format!("{} {}", entry.desc.to_lowercase(), entry.tag),
            text: entry.defn.clone(),
            tablespace: entry.tablespace.clone(),
        }));
        scheduled.insert(entry.dump_id, task);
    }
}

fn is_on_materialized_view(entry: &Entry, by_id: &HashMap<i32, &Entry>) -> bool {
    entry
        .dependencies
        .iter()
        .any(|d| by_id.get(d).is_some_and(|e| e.desc == "MATERIALIZED VIEW"))
}

fn node(
    entry: &Entry,
    by_id: &HashMap<i32, &Entry>,
    loads: &Loads,
    scheduled: &HashMap<i32, TaskId>,
) -> Node {
    let mut after: Vec<TaskId> = Vec::new();
    let mut bytes = 0;
    let tables = tables_of(entry, by_id);
    for table in &tables {
        after.extend(loads.by_table.get(table).into_iter().flatten());
        bytes += loads.bytes.get(table).copied().unwrap_or(0);
    }
    after.extend(entry.dependencies.iter().filter_map(|d| scheduled.get(d)));
    // A foreign key is checked against rows of two families of tables, and one on a
    // partitioned table reaches down to all of its leaves.
    if entry.desc == "FK CONSTRAINT" {
        after.extend(&loads.all);
    }
    after.sort_unstable();
    after.dedup();
    let shared = entry.desc == "INDEX";
    Node {
        cost: cost(entry, bytes),
        after,
        exclusive: if shared { Vec::new() } else { tables.clone() },
        shared: if shared { tables } else { Vec::new() },
    }
}

/// Oids of the tables that an entry works on: its own dependencies, and for the attaching of
/// an index those of the indexes.
fn tables_of(entry: &Entry, by_id: &HashMap<i32, &Entry>) -> Vec<u32> {
    let direct = |entry: &Entry| -> Vec<u32> {
        entry
            .dependencies
            .iter()
            .filter_map(|d| by_id.get(d))
            .filter(|e| e.desc == "TABLE")
            .map(|e| e.oid)
            .collect()
    };
    let mut tables = direct(entry);
    if entry.desc == "INDEX ATTACH" {
        for index in entry.dependencies.iter().filter_map(|d| by_id.get(d)) {
            tables.extend(direct(index));
        }
    }
    tables.sort_unstable();
    tables.dedup();
    tables
}

/// Rough costs in bytes of COPY text that load in the same time (measured on PostgreSQL 15:
/// docs/benchmarks.md); only their order matters.
fn cost(entry: &Entry, bytes: u64) -> u64 {
    let text = &entry.defn;
    let (times, of) = match entry.desc.as_str() {
        "INDEX" if text.contains(" USING gin ") => (3, 1),
        "INDEX" if text.contains(" USING gist ") || text.contains(" USING spgist ") => (4, 1),
        "INDEX" if text.contains(" USING brin ") => (1, 10),
        "INDEX" => (1, 2),
        "CONSTRAINT" => (1, 3),
        "FK CONSTRAINT" => (1, 4),
        _ => (0, 1),
    };
    bytes * times / of + 1
}
