//! Printed names of the relations that a table of contents lists.

use std::collections::HashMap;

use crate::engine::postgres::compare::printed_identifier;
use crate::engine::postgres::toc::Entry;
use crate::snapshot::{ObjectKind, Snapshot};

/// Finds the name that the facts print for an entry.
pub(super) struct Names<'a>(HashMap<(String, String), &'a str>);

impl<'a> Names<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        let relation = |kind| {
            matches!(
                kind,
                ObjectKind::Table
                    | ObjectKind::PartitionedTable
                    | ObjectKind::ForeignTable
                    | ObjectKind::View
                    | ObjectKind::MaterializedView
                    | ObjectKind::Sequence
            )
        };
        let objects = snapshot.objects.iter().filter(|o| relation(o.kind));
        Self(
            objects
                .filter_map(|object| Some((parts(&object.name)?, object.name.as_str())))
                .collect(),
        )
    }

    /// `quote_ident(schema).quote_ident(name)`.
    pub(super) fn of(&self, entry: &Entry) -> String {
        let key = (entry.namespace.clone(), entry.tag.clone());
        self.0.get(&key).map_or_else(
            || {
                let (schema, name) = (&entry.namespace, &entry.tag);
                format!(
                    "{}.{}",
                    printed_identifier(schema),
                    printed_identifier(name)
                )
            },
            |name| (*name).to_owned(),
        )
    }
}

/// Schema and name of a printed name, without quotes.
pub(super) fn parts(printed: &str) -> Option<(String, String)> {
    let mut quoted = false;
    let dot = printed.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == '.' && !quoted
    });
    let (schema, name) = printed.split_at(dot?.0);
    Some((bare(schema), bare(name.get(1..)?)))
}

fn bare(name: &str) -> String {
    let inner = name
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.map_or_else(|| name.to_owned(), |inner| inner.replace("\"\"", "\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_names_come_apart_at_the_dot_between_them() {
        let parted = |text: &str| parts(text).map(|(a, b)| format!("{a}|{b}"));
        assert_eq!(parted("public.orders").as_deref(), Some("public|orders"));
        assert_eq!(
            parted("\"a.b\".\"c\"\"d.e\"").as_deref(),
            Some("a.b|c\"d.e")
        );
        assert_eq!(parted("orders"), None);
    }
}
