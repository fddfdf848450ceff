//! What an entry of the vendor's table of contents is called in a report, and which object
//! it belongs to.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::engine::postgres::quoting::quote_identifier;
use crate::snapshot::{ObjectKind, PartKind, SchemaEntry, Snapshot};

/// The object that an entry is about, and what of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    /// Printed name.
    pub object: String,
    /// `table`, `trigger`, `grant` …
    pub kind: String,
    /// True if the entry is about a part of the object.
    pub is_part: bool,
}

/// Finds objects by what the vendor's tags say. Tags join names with blanks and dots, some
/// quoted and some not, so they are looked up rather than taken apart.
pub(super) struct Names<'a> {
    /// Schema and tag, both in [`plain`] form: the object's printed name.
    of_tags: BTreeMap<(String, String), &'a str>,
}

impl<'a> Names<'a> {
    pub(super) fn new(archive: &'a Snapshot, copy: &'a Snapshot) -> Self {
        let mut of_tags = BTreeMap::new();
        let mut of_objects = BTreeMap::new();
        for object in copy.objects.iter().chain(&archive.objects) {
            let Some((schema, name)) = split(&object.name) else {
                continue;
            };
            let (schema, name) = (plain(schema), plain(name));
            let mut add = |schema: &str, tag: String| {
                of_tags.insert((schema.to_owned(), tag), &*object.name);
            };
            for column in object.columns.iter().map(|column| plain(&column.name)) {
                add(&schema, format!("{name} {column}"));
                add(&schema, format!("{name}.{column}"));
            }
            for part in &object.parts {
                let (kind, part) = (part.kind, plain(&part.name));
                match kind {
                    PartKind::Statistics => {
                        if let Some((schema, part)) = split(&part) {
                            add(schema, part.to_owned());
                        }
                        continue;
                    }
                    PartKind::Index | PartKind::Constraint => add(&schema, part.clone()),
                    _ => {}
                }
                add(&schema, format!("{name} {part}"));
                add(&schema, format!("{part} ON {name}"));
            }
            let typed = matches!(object.kind, ObjectKind::Type | ObjectKind::Schema);
            if !typed {
                of_objects.insert((schema, name), &*object.name);
            }
        }
        of_tags.append(&mut of_objects);
        Self { of_tags }
    }

    fn find(&self, namespace: &str, tag: &str) -> Option<String> {
        let key = (plain(namespace), plain(tag));
        self.of_tags.get(&key).map(|name| (*name).to_owned())
    }

    fn found_or_printed(&self, entry: &SchemaEntry) -> String {
        self.find(&entry.namespace, &entry.tag)
            .unwrap_or_else(|| printed(&entry.namespace, &entry.tag))
    }

    /// What `entry` is about.
    pub(super) fn subject(&self, entry: &SchemaEntry) -> Subject {
        if let Some((_, word)) = PARTS.iter().find(|(kind, _)| *kind == entry.kind) {
            return Subject {
                object: self.found_or_printed(entry),
                kind: (*word).to_owned(),
                is_part: true,
            };
        }
        match &*entry.kind {
            "COMMENT" => self.tagged(entry, "comment"),
            "SECURITY LABEL" => self.tagged(entry, "security label"),
            "ACL" => self.tagged(entry, "grant"),
            "DEFAULT ACL" => default_privileges(entry),
            _ => self.whole(entry),
        }
    }

    /// Comments and grants have tags like `TABLE orders`, `COLUMN orders.id`,
    /// `CONSTRAINT c ON orders`, `FUNCTION f(integer)`.
    fn tagged(&self, entry: &SchemaEntry, kind: &str) -> Subject {
        let word = TAG_WORDS
            .iter()
            .copied()
            .filter(|word| {
                entry
                    .tag
                    .strip_prefix(word)
                    .is_some_and(|r| r.starts_with(' '))
            })
            .max_by_key(|word| word.len())
            .unwrap_or_default();
        let rest = entry.tag[word.len()..].trim_start();
        let object = match self.find(&entry.namespace, rest) {
            Some(name) => name,
            None if PLAIN_WORDS.contains(&word) => qualified(&entry.namespace, rest),
            None => format!(
                "{} {}",
                word.to_lowercase(),
                qualified(&entry.namespace, rest)
            ),
        };
        Subject {
            object,
            kind: kind.to_owned(),
            is_part: true,
        }
    }

    fn whole(&self, entry: &SchemaEntry) -> Subject {
        let word = entry.kind.to_lowercase();
        let object = if PLAIN_WORDS.contains(&&*entry.kind) {
            self.found_or_printed(entry)
        } else {
            let tag = entry.tag.strip_prefix(&*entry.kind);
            let tag = tag.unwrap_or(&entry.tag).trim_start();
            format!("{word} {}", qualified(&entry.namespace, tag))
        };
        Subject {
            object,
            kind: word,
            is_part: false,
        }
    }
}

/// Kinds of entries that are about a part of a table, with the word for a report.
const PARTS: [(&str, &str); 12] = [
    ("CONSTRAINT", "constraint"),
    ("CHECK CONSTRAINT", "constraint"),
    ("FK CONSTRAINT", "foreign key"),
    ("INDEX", "index"),
    ("INDEX ATTACH", "index attachment"),
    ("TABLE ATTACH", "partition"),
    ("TRIGGER", "trigger"),
    ("RULE", "rule"),
    ("POLICY", "policy"),
    ("DEFAULT", "default"),
    ("STATISTICS", "statistics"),
    ("ROW SECURITY", "row security"),
];

/// Kinds whose objects are called by their name alone.
const PLAIN_WORDS: [&str; 20] = [
    "TABLE",
    "COLUMN",
    "VIEW",
    "MATERIALIZED VIEW",
    "FOREIGN TABLE",
    "SEQUENCE",
    "SEQUENCE OWNED BY",
    "INDEX",
    "CONSTRAINT",
    "TRIGGER",
    "RULE",
    "POLICY",
    "FUNCTION",
    "PROCEDURE",
    "AGGREGATE",
    "SCHEMA",
    "EXTENSION",
    "TYPE",
    "DOMAIN",
    "SHELL TYPE",
];

/// Words that the tags of comments and grants begin with; the longest that fits is it.
const TAG_WORDS: [&str; 36] = [
    "TABLE",
    "COLUMN",
    "VIEW",
    "MATERIALIZED VIEW",
    "FOREIGN TABLE",
    "SEQUENCE",
    "INDEX",
    "CONSTRAINT",
    "TRIGGER",
    "RULE",
    "POLICY",
    "FUNCTION",
    "PROCEDURE",
    "AGGREGATE",
    "SCHEMA",
    "EXTENSION",
    "TYPE",
    "DOMAIN",
    "STATISTICS",
    "COLLATION",
    "CONVERSION",
    "CAST",
    "OPERATOR",
    "OPERATOR CLASS",
    "OPERATOR FAMILY",
    "TEXT SEARCH CONFIGURATION",
    "TEXT SEARCH DICTIONARY",
    "TEXT SEARCH PARSER",
    "TEXT SEARCH TEMPLATE",
    "EVENT TRIGGER",
    "FOREIGN DATA WRAPPER",
    "SERVER",
    "FOREIGN SERVER",
    "PUBLICATION",
    "SUBSCRIPTION",
    "LARGE OBJECT",
];

/// As the server names them: `default acl for role x in schema y on tables`.
fn default_privileges(entry: &SchemaEntry) -> Subject {
    let schema = match &*entry.namespace {
        "" => String::new(),
        namespace => format!(" in schema {}", quote(namespace)),
    };
    let on = entry.tag.rsplit(' ').next().unwrap_or_default();
    let owner = quote(&entry.owner);
    Subject {
        object: format!(
            "default acl for role {owner}{schema} on {}",
            on.to_lowercase()
        ),
        kind: "grant".to_owned(),
        is_part: true,
    }
}

/// A name without its quotes, and argument lists without blanks: tags quote some names and
/// not others, and put blanks after commas where the server does not.
fn plain(name: &str) -> String {
    name.replace('"', "").replace(", ", ",")
}

/// Schema and name of a printed name, both still quoted.
fn split(printed: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    for (at, c) in printed.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '.' if !quoted => return Some((&printed[..at], &printed[at + 1..])),
            _ => {}
        }
    }
    None
}

/// `quote_ident(schema).quote_ident(name)`.
fn printed(namespace: &str, name: &str) -> String {
    qualified(namespace, &quote(name))
}

/// A name that is quoted already, with its schema.
fn qualified(namespace: &str, name: &str) -> String {
    if namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{}.{name}", quote(namespace))
    }
}

/// An identifier quoted where its characters ask for it. Key words are not known here, so a
/// table called `order` is found in the facts instead.
pub(super) fn quote(name: &str) -> Cow<'_, str> {
    let mut bytes = name.bytes();
    let first = bytes.next();
    let simple = first.is_some_and(|b| b.is_ascii_lowercase() || b == b'_')
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if simple {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(quote_identifier(name))
    }
}
