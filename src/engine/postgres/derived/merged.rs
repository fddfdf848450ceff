//! Grants to roles that became one: what is granted counts, not by how many statements.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::postgres::compare::printed_identifier;
use crate::engine::postgres::toc::statements;
use crate::snapshot::SchemaEntry;

/// What `ALL` is on a kind of object; `MAINTAIN` on tables came with 17.
const ALL: [(&str, &[&str]); 11] = [
    (
        "TABLE",
        &[
            "SELECT",
            "INSERT",
            "UPDATE",
            "DELETE",
            "TRUNCATE",
            "REFERENCES",
            "TRIGGER",
            "MAINTAIN",
        ],
    ),
    ("SEQUENCE", &["USAGE", "SELECT", "UPDATE"]),
    ("FUNCTION", &["EXECUTE"]),
    ("PROCEDURE", &["EXECUTE"]),
    ("ROUTINE", &["EXECUTE"]),
    ("SCHEMA", &["USAGE", "CREATE"]),
    ("TYPE", &["USAGE"]),
    ("LANGUAGE", &["USAGE"]),
    ("FOREIGN DATA WRAPPER", &["USAGE"]),
    ("FOREIGN SERVER", &["USAGE"]),
    ("LARGE OBJECT", &["SELECT", "UPDATE"]),
];

/// The entries with every right on a line of its own, each once; entries of one object and owner
/// are one, and those that say nothing are left out. `version_num` is the copy's server's.
pub(in crate::engine::postgres) fn merged(
    entries: Vec<SchemaEntry>,
    version_num: u32,
) -> Vec<SchemaEntry> {
    let mut rights: BTreeMap<[String; 4], (SchemaEntry, BTreeSet<String>)> = BTreeMap::new();
    let mut all = Vec::new();
    for entry in entries {
        if !entry.kind.ends_with("ACL") {
            all.push(entry);
            continue;
        }
        let key = [&entry.kind, &entry.namespace, &entry.tag, &entry.owner].map(String::clone);
        let lines = one_by_one(&entry, version_num);
        rights
            .entry(key)
            .or_insert_with(|| (entry, BTreeSet::new()))
            .1
            .extend(lines);
    }
    for (entry, lines) in rights.into_values() {
        let lines = told(&entry, &lines);
        if !lines.is_empty() {
            let text = lines.join("\n");
            all.push(SchemaEntry { text, ..entry });
        }
    }
    all.sort();
    all
}

const OPTION: &str = " WITH GRANT OPTION;";

/// Without what another line says too: a right with the option to grant it, and, where nothing was
/// taken from the owner, what the owner has anyway.
fn told(entry: &SchemaEntry, lines: &BTreeSet<String>) -> Vec<String> {
    let owner = printed_identifier(&entry.owner);
    let taken = format!(" FROM {owner};");
    let owns = (entry.kind == "ACL" || entry.namespace.is_empty())
        && !lines.iter().any(|line| line.ends_with(&taken));
    let to_owner = [format!(" TO {owner};"), format!(" TO {owner}{OPTION}")];
    lines
        .iter()
        .filter(|line| {
            let stronger = format!("{}{OPTION}", line.trim_end_matches(';'));
            let implied = owns && to_owner.iter().any(|end| line.ends_with(end));
            !implied && !lines.contains(&stronger)
        })
        .cloned()
        .collect()
}

fn one_by_one(entry: &SchemaEntry, version_num: u32) -> Vec<String> {
    let mut lines = Vec::new();
    for statement in statements(&entry.text) {
        let Some((before, rights, behind)) = taken_apart(statement) else {
            lines.push(statement.to_owned());
            continue;
        };
        for right in rights.split(',') {
            let right = right.trim();
            for one in expanded(right, behind, version_num) {
                lines.push(format!("{before}GRANT {one} ON {behind}"));
            }
        }
    }
    lines
}

/// What stands before `GRANT`, the rights, and what stands behind `ON`.
fn taken_apart(statement: &str) -> Option<(&str, &str, &str)> {
    let at = if statement.starts_with("GRANT ") {
        0
    } else if statement.starts_with("ALTER DEFAULT PRIVILEGES ") {
        statement.find(" GRANT ")? + 1
    } else {
        return None;
    };
    let (before, grant) = statement.split_at(at);
    let (rights, behind) = grant.strip_prefix("GRANT ")?.split_once(" ON ")?;
    // A column's name may hold anything: then the statement stays as it is.
    (!rights.contains('"')).then_some((before, rights, behind))
}

fn expanded(right: &str, behind: &str, version_num: u32) -> Vec<String> {
    let on = |word: &str| {
        behind
            .strip_prefix(word)
            .is_some_and(|rest| rest.starts_with(' ') || rest.starts_with("S "))
    };
    let known = ALL.iter().find(|(word, _)| right == "ALL" && on(word));
    match known {
        Some((_, rights)) => rights
            .iter()
            .filter(|one| **one != "MAINTAIN" || version_num >= 170_000)
            .map(|one| (*one).to_owned())
            .collect(),
        None => vec![right.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acl(text: &str) -> SchemaEntry {
        SchemaEntry {
            kind: "ACL".to_owned(),
            namespace: "public".to_owned(),
            tag: "TABLE t".to_owned(),
            owner: "boss".to_owned(),
            storage: String::new(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn what_two_roles_had_is_what_one_has() {
        let two = acl(
            "GRANT SELECT ON TABLE public.t TO n;\nGRANT INSERT,SELECT ON TABLE public.t TO n;",
        );
        let one = acl("GRANT SELECT,INSERT ON TABLE public.t TO n;");
        assert_eq!(
            merged(vec![two], 160_000),
            merged(vec![one.clone()], 160_000)
        );
        let less = acl("GRANT SELECT ON TABLE public.t TO n;");
        assert_ne!(merged(vec![less], 160_000), merged(vec![one], 160_000));
        let rights = "SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER";
        let many = acl(&format!("GRANT {rights} ON TABLE public.t TO n;"));
        let all = acl("GRANT ALL ON TABLE public.t TO n;");
        assert_eq!(
            merged(vec![many.clone()], 160_000),
            merged(vec![all.clone()], 160_000)
        );
        assert_ne!(merged(vec![many], 180_000), merged(vec![all], 180_000));
    }

    #[test]
    fn what_the_owner_has_anyway_is_no_grant_unless_it_was_taken() {
        let own = acl("GRANT SELECT ON TABLE public.t TO boss;");
        assert_eq!(merged(vec![own], 160_000), []);
        let taken =
            acl("GRANT SELECT ON TABLE public.t TO boss;\nREVOKE ALL ON TABLE public.t FROM boss;");
        assert_eq!(merged(vec![taken], 160_000).len(), 1);
        let stronger = acl(
            "GRANT SELECT ON TABLE public.t TO n WITH GRANT OPTION;\nGRANT SELECT ON TABLE public.t TO n;",
        );
        assert_eq!(
            merged(vec![stronger], 160_000)[0].text,
            "GRANT SELECT ON TABLE public.t TO n WITH GRANT OPTION;"
        );
    }
}
