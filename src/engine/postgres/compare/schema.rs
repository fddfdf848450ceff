//! Definitions: the copy's entries against the archive's.

use std::collections::{BTreeMap, BTreeSet};

use super::lines;
use super::naming::{Names, quote};
use crate::engine::postgres::quoting::quote_identifier;
use crate::engine::postgres::redaction::redacted;
use crate::engine::{Discrepancy, RestoreRequest};
use crate::snapshot::{SchemaEntry, Snapshot};

/// What comparing definitions showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaVerdict {
    /// The differences so far.
    pub differences: Vec<Discrepancy>,
    /// True if a reference could excuse some of them: make one and compare again.
    pub needs_reference: bool,
}

/// Kinds whose text holds expressions that PostgreSQL may print differently after a reload.
const EXPRESSIVE: [&str; 18] = [
    "CHECK CONSTRAINT",
    "CONSTRAINT",
    "DEFAULT",
    "DOMAIN",
    "FOREIGN TABLE",
    "FUNCTION",
    "INDEX",
    "MATERIALIZED VIEW",
    "POLICY",
    "PROCEDURE",
    "PUBLICATION TABLE",
    "RULE",
    "STATISTICS",
    "TABLE",
    "TABLE ATTACH",
    "TRIGGER",
    "VIEW",
    "TYPE",
];

/// Kinds whose owner is that of the object they belong to, which is compared there.
const SUBORDINATE: [&str; 17] = [
    "ACL",
    "CHECK CONSTRAINT",
    "COMMENT",
    "CONSTRAINT",
    "DEFAULT",
    "FK CONSTRAINT",
    "INDEX",
    "INDEX ATTACH",
    "POLICY",
    "PUBLICATION TABLE",
    "PUBLICATION TABLES IN SCHEMA",
    "ROW SECURITY",
    "RULE",
    "SECURITY LABEL",
    "SEQUENCE OWNED BY",
    "TABLE ATTACH",
    "TRIGGER",
];

/// Compares the definitions of `copy` with those of `archive`, leaving out what `request`
/// asked to be left out. `reference` are the entries of a definition-only restore of the
/// archive, made on the same server as the copy.
#[must_use]
pub fn schema(
    archive: &Snapshot,
    copy: &Snapshot,
    reference: Option<&[SchemaEntry]>,
    request: &RestoreRequest,
) -> SchemaVerdict {
    let expected = grouped(&archive.schema, request);
    let found = grouped(&copy.schema, request);
    let reference = reference.map(|entries| grouped(entries, request));
    let mut comparison = Comparison {
        names: Names::new(archive, copy),
        archive,
        copy,
        reference,
        request,
        whole: BTreeSet::new(),
        verdict: SchemaVerdict::default(),
        parts: Vec::new(),
    };
    let keys: BTreeSet<&Key> = expected.keys().chain(found.keys()).collect();
    let none = Vec::new();
    for key in keys {
        let wanted = expected.get(key).unwrap_or(&none);
        let got = found.get(key).unwrap_or(&none);
        comparison.group(wanted, got);
    }
    comparison.finish()
}

/// Kind, schema, tag. Not unique: operators of one name share it.
type Key<'a> = (&'a str, &'a str, &'a str);

type Groups<'a> = BTreeMap<Key<'a>, Vec<&'a SchemaEntry>>;

fn grouped<'a>(entries: &'a [SchemaEntry], request: &RestoreRequest) -> Groups<'a> {
    let mut groups = Groups::new();
    for entry in entries {
        let left_out = request.no_privileges && entry.kind.contains("ACL");
        if !left_out {
            let key = (&*entry.kind, &*entry.namespace, &*entry.tag);
            groups.entry(key).or_default().push(entry);
        }
    }
    groups
}

struct Comparison<'a> {
    names: Names<'a>,
    archive: &'a Snapshot,
    copy: &'a Snapshot,
    reference: Option<Groups<'a>>,
    request: &'a RestoreRequest,
    /// Objects that are missing or extra as a whole.
    whole: BTreeSet<String>,
    verdict: SchemaVerdict,
    /// Missing or extra parts, told only if their object is not missing or extra itself.
    parts: Vec<Discrepancy>,
}

impl<'a> Comparison<'a> {
    /// Entries under one key: equal ones go away, then the most alike are compared.
    fn group(&mut self, expected: &[&'a SchemaEntry], found: &[&'a SchemaEntry]) {
        let mut expected = expected.to_vec();
        let mut found = found.to_vec();
        pair(&mut expected, &mut found, |a, b| a == b, |_, _| {});
        let mut pairs = Vec::new();
        let mut keep = |a, b| pairs.push((a, b));
        pair(
            &mut expected,
            &mut found,
            |a, b| a.text == b.text,
            &mut keep,
        );
        pair(
            &mut expected,
            &mut found,
            |a, b| a.owner == b.owner,
            &mut keep,
        );
        pair(&mut expected, &mut found, |_, _| true, &mut keep);
        for (expected, found) in pairs {
            self.entry(expected, found);
        }
        for entry in expected {
            self.lonely(entry, true);
        }
        for entry in found {
            self.lonely(entry, false);
        }
    }

    /// An entry that only one side has.
    fn lonely(&mut self, entry: &SchemaEntry, missing: bool) {
        let subject = self.names.subject(entry);
        let text = lines::shortened(&lines::headline(&redacted(&entry.text)));
        let (expected, found) = if missing {
            (text, "missing".to_owned())
        } else {
            ("nothing".to_owned(), text)
        };
        let is_part = subject.is_part;
        let discrepancy = Discrepancy {
            object: subject.object,
            kind: subject.kind,
            expected,
            found,
        };
        if is_part {
            self.parts.push(discrepancy);
        } else {
            self.whole.insert(discrepancy.object.clone());
            self.verdict.differences.push(discrepancy);
        }
    }

    /// Two entries of one name that are not equal.
    fn entry(&mut self, expected: &'a SchemaEntry, found: &'a SchemaEntry) {
        let subject = self.names.subject(expected);
        let mut tell = |kind: &str, expected: &str, found: &str| {
            self.verdict.differences.push(Discrepancy {
                object: subject.object.clone(),
                kind: kind.to_owned(),
                expected: lines::shortened(expected),
                found: lines::shortened(found),
            });
        };
        let owned = !SUBORDINATE.contains(&&*expected.kind) && !self.request.no_owner;
        if owned && expected.owner != found.owner {
            tell("owner", &expected.owner, &found.owner);
        }
        if expected.storage != found.storage {
            tell("storage", &expected.storage, &found.storage);
        }
        let (texts, owners) = (
            [&expected.text, &found.text],
            [&*expected.owner, &*found.owner],
        );
        if self.request.no_owner && expected.kind == "ACL" {
            let [expected_text, found_text] = texts.map(|text| granted_to_others(text, owners));
            let expected = SchemaEntry {
                text: expected_text,
                ..expected.clone()
            };
            self.text(&expected, &found_text, &subject.object, &subject.kind);
        } else {
            self.text(expected, &found.text, &subject.object, &subject.kind);
        }
    }

    fn text(&mut self, expected: &SchemaEntry, found: &str, object: &str, kind: &str) {
        if expected.text == found {
            return;
        }
        let mut against = &*expected.text;
        if EXPRESSIVE.contains(&&*expected.kind) {
            match self.reference_for(expected, found) {
                None => self.verdict.needs_reference |= self.reference.is_none(),
                Some(reference) => against = reference,
            }
        }
        let facts = super::columns::Facts::of(self.archive, self.copy, object);
        if against == found {
            // The expressions are excused; what is not an expression is held to the facts.
            let strict = facts.plain_differences();
            self.verdict.differences.extend(strict);
            return;
        }
        let (against, found) = (redacted(against), redacted(found));
        if against == found {
            let (expected, found) = ("a secret in its definition", "another secret");
            let told = [facts.tell(kind, expected, found)];
            self.verdict.differences.extend(told);
            return;
        }
        let told = lines::differing(&against, &found)
            .into_iter()
            .flat_map(|pair| facts.named(kind, &pair));
        self.verdict.differences.extend(told);
    }

    /// The reference's text for an entry: equal to the copy's if any of that name is.
    fn reference_for(&self, expected: &SchemaEntry, found: &str) -> Option<&'a str> {
        let key = (&*expected.kind, &*expected.namespace, &*expected.tag);
        let entries = self.reference.as_ref()?.get(&key)?;
        let same = entries.iter().find(|entry| entry.text == found);
        let entry = same.or_else(|| entries.first())?;
        Some(&entry.text)
    }

    fn finish(mut self) -> SchemaVerdict {
        let whole = self.whole;
        let parts = self.parts.into_iter();
        let of_what_is_there = parts.filter(|part| !whole.contains(&part.object));
        self.verdict.differences.extend(of_what_is_there);
        self.verdict.differences.sort();
        self.verdict.differences.dedup();
        self.verdict
    }
}

/// Takes pairs that match out of both lists, in order.
fn pair<'a>(
    expected: &mut Vec<&'a SchemaEntry>,
    found: &mut Vec<&'a SchemaEntry>,
    matches: impl Fn(&SchemaEntry, &SchemaEntry) -> bool,
    mut keep: impl FnMut(&'a SchemaEntry, &'a SchemaEntry),
) {
    expected.retain(|entry| {
        let Some(at) = found.iter().position(|other| matches(entry, other)) else {
            return true;
        };
        keep(entry, found.remove(at));
        false
    });
}

/// Without owners, what is granted to or taken from an owner says nothing.
fn granted_to_others(text: &str, owners: [&str; 2]) -> String {
    let of_owner = |line: &&str| {
        owners.iter().any(|owner| {
            [quote(owner).into_owned(), quote_identifier(owner)]
                .iter()
                .flat_map(|owner| [format!(" TO {owner};"), format!(" FROM {owner};")])
                .any(|end| line.ends_with(&end))
        })
    };
    let lines: Vec<&str> = text.lines().filter(|line| !of_owner(line)).collect();
    lines.join("\n")
}
