//! Which entries of a table of contents make some tables, and nothing else.
//!
//! What matches is followed down its dependencies: schemas, types, functions, extensions, parents,
//! each by its definition. What hangs on a kept table (indexes, constraints, triggers, policies)
//! comes along if all that it needs is there; what does not is told.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::engine::postgres::toc::{Entry, Toc};
use crate::snapshot::{Snapshot, glob_matches};

use super::names::Names;

/// What is restored of an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selection {
    /// Entries by their numbers.
    pub kept: HashSet<i32>,
    /// Printed names of relations that come with their rows or values.
    pub whole: BTreeSet<String>,
    /// Printed names of all relations that are made.
    pub made: BTreeSet<String>,
    /// In words: what is not there because something that it needs was not asked for.
    pub left_out: Vec<String>,
    /// How many of which kind were not asked for.
    pub not_asked: BTreeMap<String, usize>,
}

/// Kinds of entries that are relations.
const RELATIONS: [&str; 5] = [
    "TABLE",
    "FOREIGN TABLE",
    "VIEW",
    "MATERIALIZED VIEW",
    "SEQUENCE",
];

/// Kinds that hang on a relation, or on a domain.
const HANGING: [&str; 13] = [
    "CHECK CONSTRAINT",
    "CONSTRAINT",
    "DEFAULT",
    "FK CONSTRAINT",
    "INDEX",
    "INDEX ATTACH",
    "POLICY",
    "ROW SECURITY",
    "RULE",
    "SEQUENCE OWNED BY",
    "STATISTICS",
    "TABLE ATTACH",
    "TRIGGER",
];

/// Kinds that say something of another entry.
const SAID: [&str; 3] = ["ACL", "COMMENT", "SECURITY LABEL"];

/// Kinds that hold rows or values.
const DATA: [&str; 3] = ["TABLE DATA", "SEQUENCE SET", "MATERIALIZED VIEW DATA"];

/// Kinds that are of the file, or of the database as such.
const ALWAYS: [&str; 5] = [
    "ENCODING",
    "STDSTRINGS",
    "SEARCHPATH",
    "DATABASE",
    "DATABASE PROPERTIES",
];

/// Selects what these patterns ask for.
pub(super) fn select(toc: &Toc, snapshot: &Snapshot, patterns: &[String]) -> Selection {
    let mut work = Work {
        toc,
        by_id: toc.entries.iter().map(|e| (e.dump_id, e)).collect(),
        names: Names::new(snapshot),
        matched: HashSet::new(),
        kept: HashSet::new(),
        left_out: Vec::new(),
    };
    work.find(snapshot, patterns);
    work.tables();
    work.candidates();
    work.hanging();
    work.schemas();
    work.said();
    work.finish()
}

struct Work<'a> {
    toc: &'a Toc,
    by_id: HashMap<i32, &'a Entry>,
    names: Names<'a>,
    /// Relations that were asked for.
    matched: HashSet<i32>,
    kept: HashSet<i32>,
    left_out: Vec<String>,
}

impl<'a> Work<'a> {
    fn entries(&self) -> impl Iterator<Item = &'a Entry> + use<'a> {
        self.toc.entries.iter()
    }

    fn direct(&self, entry: &Entry) -> impl Iterator<Item = &'a Entry> + use<'a> {
        let all = entry.dependencies.iter();
        all.filter_map(|id| self.by_id.get(id).copied())
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// An entry and everything that it needs.
    fn closure(&self, entry: &'a Entry) -> Vec<&'a Entry> {
        let mut seen = HashSet::from([entry.dump_id]);
        let mut all = vec![entry];
        let mut at = 0;
        while let Some(next) = all.get(at).copied() {
            at += 1;
            let more = self.direct(next).filter(|one| seen.insert(one.dump_id));
            all.extend(more.collect::<Vec<_>>());
        }
        all
    }

    fn keep(&mut self, entry: &'a Entry) {
        let all = self.closure(entry);
        self.kept.extend(all.iter().map(|one| one.dump_id));
    }

    fn is_kept(&self, entry: &Entry) -> bool {
        self.kept.contains(&entry.dump_id)
    }

    /// Relations that `entry` needs and that are not kept, by their names. A sequence may come
    /// along; if it belongs to a table, that is named.
    fn lacking(&self, entry: &'a Entry) -> Vec<String> {
        let all = self.closure(entry).into_iter().filter(|one| {
            is_relation(one)
                && one.desc != "SEQUENCE"
                && one.dump_id != entry.dump_id
                && !self.is_kept(one)
        });
        let mut names: Vec<String> = all.map(|one| self.names.of(one)).collect();
        names.sort();
        names.dedup();
        names
    }

    /// What matches, and the partitions of what matches: the rows are theirs.
    fn find(&mut self, snapshot: &Snapshot, patterns: &[String]) {
        let matches = |name: &str| patterns.iter().any(|one| glob_matches(one, name));
        let roots: HashMap<&str, &str> = snapshot
            .objects
            .iter()
            .filter_map(|object| Some((object.name.as_str(), object.root.as_deref()?)))
            .collect();
        for entry in self.entries().filter(|entry| is_relation(entry)) {
            let name = self.names.of(entry);
            let root = roots.get(name.as_str());
            if matches(&name) || root.is_some_and(|root| matches(root)) {
                self.matched.insert(entry.dump_id);
            }
        }
        loop {
            let before = self.matched.len();
            for attach in self.entries().filter(|entry| entry.desc == "TABLE ATTACH") {
                let (child, parents): (Vec<_>, Vec<_>) = self
                    .direct(attach)
                    .filter(|one| is_relation(one))
                    .partition(|one| is_about(attach, one));
                if parents
                    .iter()
                    .any(|one| self.matched.contains(&one.dump_id))
                {
                    self.matched.extend(child.iter().map(|one| one.dump_id));
                }
            }
            if self.matched.len() == before {
                return;
            }
        }
    }

    /// Tables that were asked for, what they need, and the parents of partitions.
    fn tables(&mut self) {
        let asked = |one: &&Entry| matches!(one.desc.as_str(), "TABLE" | "FOREIGN TABLE");
        for entry in self.entries().filter(asked) {
            if self.matched.contains(&entry.dump_id) {
                self.keep(entry);
            }
        }
        loop {
            let before = self.kept.len();
            for attach in self.entries().filter(|entry| entry.desc == "TABLE ATTACH") {
                let child = self
                    .direct(attach)
                    .any(|one| is_about(attach, one) && self.is_kept(one));
                if child {
                    self.keep(attach);
                }
            }
            // Sequences of kept tables: of serial and identity columns.
            for sequence in self.entries().filter(|entry| entry.desc == "SEQUENCE") {
                let owned = self
                    .direct(sequence)
                    .any(|one| is_relation(one) && self.is_kept(one));
                if owned {
                    self.keep(sequence);
                }
            }
            if self.kept.len() == before {
                return;
            }
        }
    }

    /// Views and sequences that were asked for, if all tables that they need are there.
    fn candidates(&mut self) {
        let mut open: Vec<&Entry> = self
            .entries()
            .filter(|one| self.matched.contains(&one.dump_id) && !self.is_kept(one))
            .collect();
        loop {
            let before = open.len();
            for entry in std::mem::take(&mut open) {
                if self.lacking(entry).is_empty() {
                    self.keep(entry);
                } else {
                    open.push(entry);
                }
            }
            if open.len() == before {
                break;
            }
        }
        for entry in open {
            let lacking = self.lacking(entry).join(", ");
            let what = format!("{} {}", entry.desc.to_lowercase(), self.names.of(entry));
            self.left_out.push(format!("{what}: it needs {lacking}"));
        }
    }

    /// The relation that an entry hangs on.
    fn own(&self, entry: &Entry) -> Option<&'a Entry> {
        let relations: Vec<&Entry> = self.direct(entry).filter(|one| is_relation(one)).collect();
        let about = relations.iter().filter(|one| is_about(entry, one));
        about
            .max_by_key(|one| one.tag.len())
            .or(relations.first())
            .copied()
    }

    fn hanging(&mut self) {
        for entry in self.entries() {
            if self.is_kept(entry) {
                continue;
            }
            if DATA.contains(&entry.desc.as_str()) {
                let of = self.own(entry).filter(|one| self.is_kept(one));
                let asked = |one: &Entry| self.matched.contains(&one.dump_id);
                if of.is_some_and(|one| entry.desc != "TABLE DATA" || asked(one)) {
                    self.kept.insert(entry.dump_id);
                }
            } else if HANGING.contains(&entry.desc.as_str()) {
                self.hang(entry);
            }
        }
    }

    fn hang(&mut self, entry: &'a Entry) {
        let attaching = entry.desc.ends_with(" ATTACH");
        let Some(own) = self.own(entry).filter(|_| !attaching) else {
            // Of a domain, or from child to parent: nothing but what is there already.
            let mut all = self.direct(entry).peekable();
            if all.peek().is_some() && all.all(|one| self.is_kept(one)) {
                self.kept.insert(entry.dump_id);
            }
            return;
        };
        if !self.is_kept(own) {
            return;
        }
        let lacking = self.lacking(entry);
        if lacking.is_empty() {
            self.keep(entry);
            return;
        }
        let kind = match entry.desc.as_str() {
            "FK CONSTRAINT" => "foreign key".to_owned(),
            other => other.to_lowercase(),
        };
        let part = entry
            .tag
            .strip_prefix(&own.tag)
            .map_or(&*entry.tag, str::trim_start);
        self.left_out.push(format!(
            "{kind} {part} of {}: it needs {}",
            self.names.of(own),
            lacking.join(", ")
        ));
    }

    fn schemas(&mut self) {
        let used: HashSet<&str> = self
            .entries()
            .filter(|entry| self.is_kept(entry) && !entry.namespace.is_empty())
            .map(|entry| entry.namespace.as_str())
            .collect();
        for entry in self.entries().filter(|entry| entry.desc == "SCHEMA") {
            if used.contains(entry.tag.as_str()) {
                self.keep(entry);
            }
        }
    }

    /// Comments, grants and labels of what is kept.
    fn said(&mut self) {
        let used: HashSet<String> = self
            .entries()
            .filter(|entry| self.is_kept(entry))
            .map(|entry| format!("SCHEMA {}", entry.namespace))
            .collect();
        for entry in self.entries() {
            let kind = entry.desc.as_str();
            let of_database = SAID.contains(&kind) && entry.tag.starts_with("DATABASE ");
            if ALWAYS.contains(&kind) || of_database {
                self.kept.insert(entry.dump_id);
            } else if SAID.contains(&kind) {
                let on: Vec<&Entry> = self.direct(entry).collect();
                // The schema `public` has grants, and no entry of its own.
                let implied = on.is_empty() && used.contains(&entry.tag);
                if implied || (!on.is_empty() && on.iter().all(|one| self.is_kept(one))) {
                    self.kept.insert(entry.dump_id);
                }
            }
        }
    }

    fn finish(self) -> Selection {
        let mut selection = Selection {
            left_out: self.left_out.clone(),
            ..Selection::default()
        };
        for entry in self.entries() {
            let kept = self.is_kept(entry);
            if is_relation(entry) && kept {
                let name = self.names.of(entry);
                // A sequence that comes with its table comes with its value.
                if self.matched.contains(&entry.dump_id) || entry.desc == "SEQUENCE" {
                    selection.whole.insert(name.clone());
                }
                selection.made.insert(name);
            }
            let part = [&HANGING[..], &SAID, &DATA, &ALWAYS].concat();
            if !kept && !part.contains(&entry.desc.as_str()) {
                let kind = entry.desc.to_lowercase();
                *selection.not_asked.entry(kind).or_default() += 1;
            }
        }
        selection.kept = self.kept;
        selection
    }
}

fn is_relation(entry: &Entry) -> bool {
    RELATIONS.contains(&entry.desc.as_str())
}

/// Whether the tag of `entry` begins with the name of `relation`, as those of constraints,
/// triggers and policies do.
fn is_about(entry: &Entry, relation: &Entry) -> bool {
    let rest = entry.tag.strip_prefix(&relation.tag);
    entry.namespace == relation.namespace
        && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}
