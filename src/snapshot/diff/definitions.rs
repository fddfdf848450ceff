//! Definitions as texts: whether two say the same once renames are allowed for.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{SchemaEntry, Snapshot};
use super::ObjectChange;

/// Names before, and what they are now.
#[derive(Clone, Debug, Default)]
pub(super) struct Renames {
    /// Printed names of objects.
    objects: Vec<(String, String)>,
    /// Names of columns, unquoted.
    columns: BTreeMap<String, String>,
}

impl Renames {
    pub(super) fn of_objects(objects: Vec<(String, String)>) -> Self {
        Self {
            objects,
            columns: BTreeMap::new(),
        }
    }

    /// The same, within one object whose columns were renamed.
    pub(super) fn with_columns(&self, columns: BTreeMap<String, String>) -> Self {
        Self {
            objects: self.objects.clone(),
            columns,
        }
    }

    /// Names of columns before, unquoted, and what they are now.
    pub(super) fn columns(&self) -> &BTreeMap<String, String> {
        &self.columns
    }

    /// What `before` says in the names of now: its words and signs, nothing quoted.
    pub(super) fn said(&self, before: &str) -> Vec<String> {
        let objects = self.with_objects(tokens(before).into_iter().map(str::to_owned).collect());
        let named = objects.iter().map(|token| {
            let name = self.columns.get(&unquoted(token));
            name.cloned().unwrap_or_else(|| unquoted(token))
        });
        named.collect()
    }

    /// Both: these first.
    pub(super) fn and(&self, other: &Self) -> Self {
        let mut objects = self.objects.clone();
        objects.extend(other.objects.iter().cloned());
        Self {
            objects,
            columns: other.columns.clone(),
        }
    }

    /// True if `after` is what `before` becomes by the renames.
    pub(super) fn explain(&self, before: &str, after: &str) -> bool {
        if before == after {
            return true;
        }
        let target = tokens(after);
        let objects = self.with_objects(tokens(before).into_iter().map(str::to_owned).collect());
        if objects == target {
            return true;
        }
        let target = target.iter().map(|token| unquoted(token));
        self.said(before).into_iter().eq(target)
    }

    fn with_objects(&self, mut text: Vec<String>) -> Vec<String> {
        for (from, to) in &self.objects {
            let from: Vec<String> = tokens(from).into_iter().map(str::to_owned).collect();
            let to: Vec<String> = tokens(to).into_iter().map(str::to_owned).collect();
            let mut at = 0;
            while !from.is_empty() && at + from.len() <= text.len() {
                if text[at..at + from.len()] == from[..] {
                    text.splice(at..at + from.len(), to.iter().cloned());
                    at += to.len();
                } else {
                    at += 1;
                }
            }
        }
        text
    }
}

fn unquoted(token: &str) -> String {
    match token.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
        Some(name) => name.replace("\"\"", "\""),
        None => token.to_owned(),
    }
}

/// Words, quoted names, strings and single signs; blanks left out.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '"' | '\'' => closing(rest, first),
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        tokens.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// Behind the closing quote; a doubled one begins another token, which is as good.
fn closing(text: &str, quote: char) -> usize {
    match text[1..].find(quote) {
        Some(at) => at + 2,
        None => text.len(),
    }
}

/// Differences that no structured fact shows, from the vendor's own definitions. Only where
/// the same tool wrote both: two versions word things differently.
pub(super) fn only_in_text(
    before: &Snapshot,
    after: &Snapshot,
    told: &[ObjectChange],
) -> Vec<String> {
    if before.server.tool != after.server.tool || before.schema.is_empty() {
        return Vec::new();
    }
    let mut entries: BTreeMap<&SchemaEntry, i64> = BTreeMap::new();
    for entry in &before.schema {
        *entries.entry(entry).or_default() += 1;
    }
    for entry in &after.schema {
        *entries.entry(entry).or_default() -= 1;
    }
    entries.retain(|_, count| *count != 0);
    if entries.is_empty() || !told.is_empty() {
        // What changed is told in structured words; its texts change with it.
        return Vec::new();
    }
    let notes: BTreeSet<String> = entries
        .keys()
        .map(|entry| {
            let place = if entry.namespace.is_empty() {
                String::new()
            } else {
                format!(" in schema {}", entry.namespace)
            };
            format!(
                "{} {}{place}: the definition differs",
                entry.kind, entry.tag
            )
        })
        .collect();
    notes.into_iter().collect()
}
