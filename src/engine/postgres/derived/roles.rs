//! Names of roles in the vendor's texts, given to others.
//!
//! The vendor prints keywords in capitals and quotes every name that is not plain lower case, so
//! a bare `TO` is the keyword, and what stands behind it is a role.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{Name, identifier, named_behind, token};
use crate::engine::postgres::compare::printed_identifier;
use crate::engine::postgres::toc::{Entry, statements};
use crate::snapshot::{Part, PartKind, Prerequisite, Snapshot};

/// Who gets what belongs to whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::engine::postgres) struct RoleMap(BTreeMap<String, String>);

impl RoleMap {
    pub(in crate::engine::postgres) fn new(pairs: &[(String, String)]) -> Self {
        Self(pairs.iter().cloned().collect())
    }

    pub(in crate::engine::postgres) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The role that a role's things are given to.
    pub(in crate::engine::postgres) fn of<'a>(&'a self, role: &'a str) -> &'a str {
        self.0.get(role).map_or(role, String::as_str)
    }

    /// Those whose things are given away.
    pub(in crate::engine::postgres) fn old(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Those that get them.
    pub(in crate::engine::postgres) fn new_ones(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }

    /// Whether two of these roles come to be one.
    pub(in crate::engine::postgres) fn merges<'a>(
        &self,
        roles: impl Iterator<Item = &'a str>,
    ) -> bool {
        let mut roles: Vec<&str> = roles.collect();
        roles.sort_unstable();
        roles.dedup();
        let count = roles.len();
        let mut mapped: Vec<&str> = roles.iter().map(|role| self.of(role)).collect();
        mapped.sort_unstable();
        mapped.dedup();
        mapped.len() < count
    }

    /// An entry of the table of contents as the others have it.
    pub(in crate::engine::postgres) fn entry(&self, entry: &Entry) -> Entry {
        let mut mapped = entry.clone();
        if !entry.owner.is_empty() {
            self.of(&entry.owner).clone_into(&mut mapped.owner);
        }
        let behind: &[&str] = match entry.desc.as_str() {
            "ACL" | "DEFAULT ACL" => &["TO", "FROM", "ROLE", "AUTHORIZATION", "BY"],
            "POLICY" => &["TO"],
            "USER MAPPING" => {
                mapped.tag = self.user_mapping(&entry.tag);
                &["FOR"]
            }
            _ => return mapped,
        };
        mapped.defn = if entry.desc.ends_with("ACL") {
            self.grants(entry, behind)
        } else {
            self.text(&entry.defn, behind)
        };
        mapped.drop_stmt = self.text(&entry.drop_stmt, behind);
        mapped
    }

    /// Grants, without those that come to be the owner's own where roles become one: an owner has
    /// the rights anyway, and would be left with marks that no owner has.
    fn grants(&self, entry: &Entry, behind: &[&str]) -> String {
        let owner = self.of(&entry.owner);
        let all = statements(&entry.defn);
        let taken = all
            .iter()
            .any(|one| named_behind(one, "FROM").is_some_and(|role| role == entry.owner));
        // Default privileges in a schema are added to those of the owner, and kept as such.
        let has_them = !taken && (entry.desc == "ACL" || entry.namespace.is_empty());
        let mut granter: Option<String> = None;
        let mut out = String::new();
        for statement in all {
            if statement.starts_with("SET SESSION AUTHORIZATION ") {
                let role = named_behind(statement, "AUTHORIZATION").unwrap_or_default();
                granter = Some(self.of(&role).to_owned()).filter(|role| role != owner);
                continue;
            }
            if statement.starts_with("RESET SESSION AUTHORIZATION") {
                granter = None;
                continue;
            }
            let to = named_behind(statement, "TO");
            let own = to.is_some_and(|role| role != entry.owner && self.of(&role) == owner);
            if own && has_them {
                continue;
            }
            let text = self.text(statement, behind);
            out.push_str(&match &granter {
                None => format!("{text}\n"),
                Some(role) => format!(
                    "SET SESSION AUTHORIZATION {};\n{text}\nRESET SESSION AUTHORIZATION;\n",
                    printed_identifier(role)
                ),
            });
        }
        out
    }

    /// `USER MAPPING role SERVER server`, neither quoted.
    fn user_mapping(&self, tag: &str) -> String {
        let role = tag
            .strip_prefix("USER MAPPING ")
            .and_then(|rest| rest.rsplit_once(" SERVER "));
        role.map_or_else(
            || tag.to_owned(),
            |(role, server)| format!("USER MAPPING {} SERVER {server}", self.of(role)),
        )
    }

    /// A statement with the roles behind these keywords mapped; each is named once in a list.
    fn text(&self, text: &str, behind: &[&str]) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        let mut depth = 0_usize;
        while let Some(first) = rest.chars().next() {
            let taken = token(rest);
            let (piece, after) = rest.split_at(taken);
            out.push_str(piece);
            rest = after;
            match first {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 && behind.contains(&piece) && rest.starts_with(' ') {
                let (names, used) = self.names(&rest[1..]);
                if used > 0 {
                    out.push(' ');
                    out.push_str(&names);
                    rest = &rest[1 + used..];
                }
            }
        }
        out
    }

    /// The list of names that `text` begins with, mapped, and its bytes.
    fn names(&self, text: &str) -> (String, usize) {
        let mut names: Vec<String> = Vec::new();
        let mut used = 0;
        loop {
            let taken = token(&text[used..]);
            let Some(name) = identifier(&text[used..used + taken]) else {
                break;
            };
            used += taken;
            let printed = match name {
                Name::Role(role) => {
                    let mapped = self.of(&role);
                    if mapped == role {
                        text[used - taken..used].to_owned()
                    } else {
                        printed_identifier(mapped)
                    }
                }
                Name::Keyword => text[used - taken..used].to_owned(),
            };
            if !names.contains(&printed) {
                names.push(printed);
            }
            if !text[used..].starts_with(", ") {
                break;
            }
            used += 2;
        }
        (names.join(", "), used)
    }

    /// `NAME=value` stays, `ROLE: NAME=value` becomes that of the other.
    fn setting(&self, line: &str) -> String {
        let taken = token(line);
        let (role, rest) = line.split_at(taken);
        match identifier(role) {
            Some(Name::Role(role)) if rest.starts_with(": ") && self.of(&role) != role => {
                format!("{}{rest}", printed_identifier(self.of(&role)))
            }
            _ => line.to_owned(),
        }
    }

    /// Grants among the facts, as [`RoleMap::grants`] has them.
    fn rights(&self, parts: &mut Vec<Part>, owner: Option<&str>) {
        let mut mapped: Vec<Part> = Vec::new();
        for part in std::mem::take(parts) {
            if part.kind != PartKind::Grant {
                mapped.push(part);
                continue;
            }
            let name = self.of(&part.name).to_owned();
            let own = owner.is_some_and(|owner| part.name != owner && self.of(owner) == name);
            let known = mapped
                .iter_mut()
                .find(|other| other.kind == PartKind::Grant && other.name == name);
            match known {
                _ if own => {}
                Some(known) => known.definition = both(&known.definition, &part.definition),
                None => mapped.push(Part { name, ..part }),
            }
        }
        mapped.sort();
        *parts = mapped;
    }

    /// The facts as the others have them.
    pub(in crate::engine::postgres) fn snapshot(&self, snapshot: &mut Snapshot) {
        for object in &mut snapshot.objects {
            self.rights(&mut object.parts, object.owner.as_deref());
            if let Some(owner) = &mut object.owner {
                *owner = self.of(owner).to_owned();
            }
        }
        let database = &mut snapshot.database;
        database.owner = self.of(&database.owner).to_owned();
        database.grants = unique(
            database
                .grants
                .iter()
                .map(|l| self.text(l, &["TO", "FROM"])),
        );
        database.settings = last_of_each(database.settings.iter().map(|line| self.setting(line)));
        let needed = std::mem::take(&mut snapshot.prerequisites);
        for one in needed {
            let mapped = match one.kind.as_str() {
                "role" if self.of(&one.name) != one.name => Prerequisite {
                    name: self.of(&one.name).to_owned(),
                    create: format!("CREATE ROLE {}", printed_identifier(self.of(&one.name))),
                    ..one
                },
                _ => one,
            };
            let known =
                |other: &Prerequisite| other.kind == mapped.kind && other.name == mapped.name;
            if !snapshot.prerequisites.iter().any(known) {
                snapshot.prerequisites.push(mapped);
            }
        }
    }
}

/// Rights of two lists, `, ` between them.
fn both(a: &str, b: &str) -> String {
    let all: BTreeSet<&str> = a.split(", ").chain(b.split(", ")).collect();
    all.into_iter().collect::<Vec<_>>().join(", ")
}

fn unique(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = lines.collect();
    let mut seen = BTreeSet::new();
    all.retain(|line| seen.insert(line.clone()));
    all
}

/// Of two roles' settings that come to be one's, the last is what is set.
fn last_of_each(lines: impl Iterator<Item = String>) -> Vec<String> {
    let all: Vec<String> = lines.collect();
    let about = |line: &str| line.split('=').next().unwrap_or_default().to_owned();
    let kept = all.iter().enumerate().filter(|(at, line)| {
        let later = all.iter().skip(at + 1);
        !later.into_iter().any(|other| about(other) == about(line))
    });
    kept.map(|(_, line)| line.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> RoleMap {
        let pair = |old: &str, new: &str| (old.to_owned(), new.to_owned());
        RoleMap::new(&[
            pair("app", "New"),
            pair("we\"ird", "plain"),
            pair("orders", "x"),
        ])
    }

    #[test]
    fn roles_are_mapped_where_they_stand_and_nothing_else_is() {
        let acl = &["TO", "FROM", "ROLE", "AUTHORIZATION", "BY"];
        for (text, expected) in [
            (
                "GRANT SELECT(app),UPDATE(app) ON TABLE public.app TO app WITH GRANT OPTION;",
                "GRANT SELECT(app),UPDATE(app) ON TABLE public.app TO \"New\" WITH GRANT OPTION;",
            ),
            (
                "REVOKE ALL ON FUNCTION public.\"TO app\"(app public.app) FROM PUBLIC;",
                "REVOKE ALL ON FUNCTION public.\"TO app\"(app public.app) FROM PUBLIC;",
            ),
            (
                "SET SESSION AUTHORIZATION app;\nGRANT ALL ON TABLE t TO \"we\"\"ird\";\nRESET SESSION AUTHORIZATION;",
                "SET SESSION AUTHORIZATION \"New\";\nGRANT ALL ON TABLE t TO plain;\nRESET SESSION AUTHORIZATION;",
            ),
            (
                "ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA app GRANT ALL ON TABLES TO orders;",
                "ALTER DEFAULT PRIVILEGES FOR ROLE \"New\" IN SCHEMA app GRANT ALL ON TABLES TO x;",
            ),
        ] {
            assert_eq!(map().text(text, acl), expected);
        }
        let policy = "CREATE POLICY app ON public.orders FOR SELECT TO app, orders, \"New\" USING ((owner = 'TO app'::text));";
        assert_eq!(
            map().text(policy, &["TO"]),
            "CREATE POLICY app ON public.orders FOR SELECT TO \"New\", x USING ((owner = 'TO app'::text));"
        );
    }

    #[test]
    fn settings_of_two_roles_that_become_one_are_one() {
        let map = RoleMap::new(&[
            ("a".to_owned(), "c".to_owned()),
            ("b".to_owned(), "c".to_owned()),
        ]);
        assert_eq!(map.setting("a: work_mem=1"), "c: work_mem=1");
        assert_eq!(map.setting("a.x=a: 1"), "a.x=a: 1");
        let lines = ["a: work_mem=1", "b: work_mem=2", "b: x=1"];
        let mapped = last_of_each(lines.iter().map(|line| map.setting(line)));
        assert_eq!(mapped, ["c: work_mem=2", "c: x=1"]);
        assert!(map.merges(["a", "b"].into_iter()));
        assert!(map.merges(["a", "c"].into_iter()));
        assert!(!map.merges(["a", "d"].into_iter()));
    }

    #[test]
    fn a_grant_to_who_comes_to_be_the_owner_is_none() {
        let pair = |old: &str, new: &str| (old.to_owned(), new.to_owned());
        let map = RoleMap::new(&[pair("boss", "n"), pair("app", "n")]);
        let acl = Entry {
            desc: "ACL".to_owned(),
            owner: "boss".to_owned(),
            defn: "GRANT SELECT ON TABLE t TO app WITH GRANT OPTION;\nSET SESSION AUTHORIZATION app;\nGRANT SELECT ON TABLE t TO x;\nRESET SESSION AUTHORIZATION;\n".to_owned(),
            ..sample()
        };
        assert_eq!(map.entry(&acl).defn, "GRANT SELECT ON TABLE t TO x;\n");
        let taken = Entry {
            defn: "REVOKE ALL ON TABLE t FROM boss;\nGRANT SELECT ON TABLE t TO app;\n".to_owned(),
            ..acl
        };
        assert_eq!(
            map.entry(&taken).defn,
            "REVOKE ALL ON TABLE t FROM n;\nGRANT SELECT ON TABLE t TO n;\n"
        );
    }

    fn sample() -> Entry {
        Entry {
            dump_id: 1,
            had_dumper: false,
            table_oid: 0,
            oid: 0,
            tag: "TABLE t".to_owned(),
            desc: String::new(),
            section: crate::engine::postgres::toc::Section::None,
            defn: String::new(),
            drop_stmt: String::new(),
            copy_stmt: String::new(),
            namespace: "public".to_owned(),
            tablespace: String::new(),
            tableam: String::new(),
            relkind: None,
            owner: String::new(),
            with_oids: false,
            dependencies: Vec::new(),
            data_state: crate::engine::postgres::toc::DataState::NoData,
            offset: 0,
        }
    }
}
