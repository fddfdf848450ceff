//! What of a table of contents the proof compares.

use std::collections::BTreeMap;

use super::{Entry, Toc};
use crate::snapshot::{LargeObjects, SchemaEntry};

/// Entries that say how the file is to be read, or that name the database itself, whose
/// settings, grants and comment are compared as facts and not as text.
const OF_THE_FILE_OR_DATABASE: [&str; 5] = [
    "ENCODING",
    "STDSTRINGS",
    "SEARCHPATH",
    "DATABASE",
    "DATABASE PROPERTIES",
];

/// Entries of data, which is compared by its content.
const OF_DATA: [&str; 8] = [
    "TABLE DATA",
    "SEQUENCE SET",
    "MATERIALIZED VIEW DATA",
    "BLOBS",
    "BLOB COMMENTS",
    "STATISTICS DATA",
    "BLOB",
    "BLOB METADATA",
];

/// The entries as the proof compares them, sorted: without entry numbers, without what names
/// the database itself, without data, and with texts in one form. Large objects come one by
/// one, or above [`LargeObjects::LISTED`] as how many each owner has.
#[must_use]
pub fn schema_entries(toc: &Toc) -> Vec<SchemaEntry> {
    let groups: BTreeMap<i32, Vec<u32>> = toc
        .large_objects()
        .map(|(entry, oids)| (entry.dump_id, oids))
        .collect();
    let mut entries = large_objects(toc, &groups);
    for entry in &toc.entries {
        if is_compared(entry) {
            entries.extend(compared(entry, &groups));
        }
    }
    entries.sort();
    entries
}

fn is_compared(entry: &Entry) -> bool {
    let kind = entry.desc.as_str();
    // Comments, grants and labels are tagged with the kind and name of what they are on.
    !(OF_THE_FILE_OR_DATABASE.contains(&kind)
        || OF_DATA.contains(&kind)
        || (is_attached(kind) && entry.tag.starts_with("DATABASE ")))
}

fn is_attached(kind: &str) -> bool {
    matches!(kind, "ACL" | "COMMENT" | "SECURITY LABEL")
}

fn compared(entry: &Entry, groups: &BTreeMap<i32, Vec<u32>>) -> Vec<SchemaEntry> {
    let text = if entry.desc.ends_with("ACL") {
        grants(&entry.defn)
    } else {
        without_attribute_versions(trimmed(&entry.defn))
    };
    let whole = SchemaEntry {
        kind: entry.desc.clone(),
        namespace: entry.namespace.clone(),
        tag: entry.tag.clone(),
        owner: entry.owner.clone(),
        storage: storage(entry),
        text,
    };
    match group_of(entry, groups) {
        Some(oids) => one_by_one(&whole, oids),
        None => vec![whole],
    }
}

/// The large objects that an entry of `pg_dump` 17 and newer is about at once: its text names
/// the first of them only.
fn group_of<'a>(entry: &Entry, groups: &'a BTreeMap<i32, Vec<u32>>) -> Option<&'a [u32]> {
    if !(is_attached(&entry.desc) && entry.tag.starts_with("LARGE OBJECTS ")) {
        return None;
    }
    entry
        .dependencies
        .iter()
        .find_map(|number| groups.get(number))
        .map(Vec::as_slice)
}

fn one_by_one(whole: &SchemaEntry, oids: &[u32]) -> Vec<SchemaEntry> {
    let Some(first) = oids.first() else {
        return vec![whole.clone()];
    };
    let named = format!("LARGE OBJECT {first} ");
    oids.iter()
        .map(|oid| SchemaEntry {
            tag: format!("LARGE OBJECT {oid}"),
            text: whole.text.replace(&named, &format!("LARGE OBJECT {oid} ")),
            ..whole.clone()
        })
        .collect()
}

/// Entries for the large objects themselves: that they are there, and whose they are.
fn large_objects(toc: &Toc, groups: &BTreeMap<i32, Vec<u32>>) -> Vec<SchemaEntry> {
    let count: usize = groups.values().map(Vec::len).sum();
    let entry = |tag: String, owner: &str| SchemaEntry {
        kind: "LARGE OBJECT".to_owned(),
        namespace: String::new(),
        tag,
        owner: owner.to_owned(),
        storage: String::new(),
        text: String::new(),
    };
    if count as u64 <= LargeObjects::LISTED {
        return toc
            .large_objects()
            .flat_map(|(of, oids)| {
                oids.into_iter()
                    .map(|oid| entry(oid.to_string(), &of.owner))
            })
            .collect();
    }
    let mut owners: BTreeMap<&str, usize> = BTreeMap::new();
    for (of, oids) in toc.large_objects() {
        *owners.entry(&of.owner).or_default() += oids.len();
    }
    owners
        .into_iter()
        .map(|(owner, count)| entry(format!("{count} large objects"), owner))
        .collect()
}

/// What is not in the text because `pg_restore` sets it beside.
fn storage(entry: &Entry) -> String {
    let named = |what: &str, name: &str| (!name.is_empty()).then(|| format!("{what} {name}"));
    [
        named("access method", &entry.tableam),
        named("tablespace", &entry.tablespace),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join(", ")
}

/// Without white space at the end, and without empty lines there.
fn trimmed(text: &str) -> String {
    text.trim_end().to_owned()
}

/// Some minor releases (seen: 15.20) note a version of their own among a column's options, new
/// with every load. Their own `pg_dump` leaves it out, one of a newer major release does not.
fn without_attribute_versions(text: String) -> String {
    const OPTION: &str = "pg_attver=";
    if !text.contains(OPTION) {
        return text;
    }
    let kept = statements(&text).into_iter().filter_map(|statement| {
        let of_column = statement.starts_with("ALTER ") && statement.ends_with(");");
        let split = statement.rsplit_once(" SET (").filter(|_| of_column);
        let Some((head, options)) = split else {
            return Some(statement.to_owned());
        };
        let options = options.trim_end_matches(");").split(", ");
        let kept: Vec<&str> = options.filter(|o| !o.starts_with(OPTION)).collect();
        (!kept.is_empty()).then(|| format!("{head} SET ({});", kept.join(", ")))
    });
    let kept: Vec<String> = kept.collect();
    kept.join("\n")
}

/// The statements of an access control list, sorted: their order follows the order in which
/// rights were once given, and means nothing. Rights given by somebody else than the owner
/// come between `SET SESSION AUTHORIZATION` and `RESET SESSION AUTHORIZATION`, which then
/// stands before each of them.
fn grants(text: &str) -> String {
    let mut granter = String::new();
    let mut all = Vec::new();
    for statement in statements(text) {
        if statement.starts_with("SET SESSION AUTHORIZATION ") {
            granter = format!("{statement} ");
        } else if statement.starts_with("RESET SESSION AUTHORIZATION") {
            granter.clear();
        } else {
            all.push(format!("{granter}{statement}"));
        }
    }
    all.sort();
    all.join("\n")
}

/// Cuts at semicolons that are not within a quoted name or a string.
pub(in crate::engine::postgres) fn statements(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(end) = end_of_statement(rest) {
        let (statement, after) = rest.split_at(end);
        found.push(statement.trim());
        rest = after;
    }
    found.push(rest.trim());
    found.retain(|statement| !statement.is_empty());
    found
}

/// The place after the first semicolon outside quotes. A doubled quote closes and opens, so
/// it needs no care.
fn end_of_statement(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, ';') => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_in_another_order_are_the_same() {
        let one = "REVOKE ALL ON TABLE t FROM a;\nGRANT SELECT ON TABLE t TO b;\nGRANT ALL ON TABLE t TO \"c;\nd\";\n";
        let other = "GRANT ALL ON TABLE t TO \"c;\nd\";\nREVOKE ALL ON TABLE t FROM a;\nGRANT SELECT ON TABLE t TO b;\n";
        assert_eq!(grants(one), grants(other));
        assert_eq!(statements(one).len(), 3);
        assert_ne!(grants(one), grants("GRANT SELECT ON TABLE t TO b;\n"));
    }

    #[test]
    fn versions_that_the_server_keeps_among_options_are_left_out() {
        let text = "CREATE TABLE t (\n    \"pg_attver=\" int\n);\n\n\nALTER TABLE ONLY \"t\n;\" ALTER COLUMN a SET (pg_attver=58058);\nALTER TABLE ONLY t ALTER COLUMN b SET (n_distinct=5, pg_attver=58058);";
        assert_eq!(
            without_attribute_versions(text.to_owned()),
            "CREATE TABLE t (\n    \"pg_attver=\" int\n);\nALTER TABLE ONLY t ALTER COLUMN b SET (n_distinct=5);"
        );
    }

    #[test]
    fn who_gave_a_right_matters() {
        let by_owner = "GRANT SELECT ON TABLE t TO b;\n";
        let by_other = "SET SESSION AUTHORIZATION x;\nGRANT SELECT ON TABLE t TO b;\nRESET SESSION AUTHORIZATION;\n";
        assert_ne!(grants(by_owner), grants(by_other));
        assert_eq!(
            grants(by_other),
            "SET SESSION AUTHORIZATION x; GRANT SELECT ON TABLE t TO b;"
        );
    }

    #[test]
    fn an_apostrophe_in_a_quoted_name_opens_no_string() {
        assert_eq!(statements("GRANT a ON \"it's\" TO b;\nGRANT c;").len(), 2);
    }
}
