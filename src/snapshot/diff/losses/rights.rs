//! Grants that are gone: each right by itself, so that a wider grant covers a narrower one.

use std::collections::BTreeSet;

use super::super::super::{DatabaseFacts, Part, PartKind};
use super::super::objects::Compared;
use super::super::{Change, ColumnChangeKind, Loss, LossKind};

/// One right: its name, whether it may be passed on, and of which column alone.
type Right = (String, bool, Option<String>);

/// What somebody has on an object, and what is taken away of what there is without a grant.
#[derive(Default)]
struct Rights {
    held: BTreeSet<Right>,
    taken: BTreeSet<String>,
}

impl Rights {
    /// Reads `SELECT, UPDATE WITH GRANT OPTION; INSERT on column a; not EXECUTE`.
    fn parse(text: &str) -> Self {
        let mut rights = Self::default();
        for piece in text.split("; ") {
            if let Some(taken) = piece.strip_prefix("not ") {
                rights.taken.extend(taken.split(", ").map(str::to_owned));
                continue;
            }
            let (list, column) = match piece.split_once(" on column ") {
                Some((list, column)) => (list, Some(column.to_owned())),
                None => (piece, None),
            };
            for right in list.split(", ") {
                let plain = right.strip_suffix(" WITH GRANT OPTION");
                let name = plain.unwrap_or(right).to_owned();
                rights.held.insert((name, plain.is_some(), column.clone()));
            }
        }
        rights
    }

    fn covers(&self, (name, passed_on, column): &Right) -> bool {
        self.held.iter().any(|(other, passes_on, of)| {
            other == name && (*passes_on || !passed_on) && (of.is_none() || of == column)
        })
    }
}

/// Rights on an object that is still there. Of columns that are not, nothing is told; an owner
/// needs no grant; and what everybody has nobody needs.
pub(super) fn of_object(compared: &Compared<'_>) -> Vec<Loss> {
    let (Some((before, _)), Some((after, _))) = (&compared.before, &compared.after) else {
        return Vec::new();
    };
    let columns = compared.change.columns.iter();
    let went: BTreeSet<&str> = columns
        .filter(|c| {
            matches!(
                c.change,
                ColumnChangeKind::Removed | ColumnChangeKind::Moved
            )
        })
        .map(|column| &*column.name)
        .collect();
    let grants = |parts: &[Part], name: &str| {
        let grants = parts.iter().filter(|part| part.kind == PartKind::Grant);
        let of = grants.filter(|part| part.name == name);
        Rights::parse(
            &of.map(|part| &*part.definition)
                .collect::<Vec<_>>()
                .join("; "),
        )
    };
    let everybody = grants(&after.parts, "PUBLIC");
    let mut losses = Vec::new();
    for part in &compared.change.parts {
        let kept = matches!(part.change, Change::Renamed { .. });
        if part.kind != PartKind::Grant || kept || is_owner(after.owner.as_deref(), &part.name) {
            continue;
        }
        let (was, is) = (
            grants(&before.parts, &part.name),
            grants(&after.parts, &part.name),
        );
        let mut gone: Vec<String> = Vec::new();
        for right in &was.held {
            let column = right.2.as_ref().map(|name| {
                let renamed = compared.renames.columns().get(name);
                renamed.unwrap_or(name).clone()
            });
            let of_gone = right.2.as_ref().is_some_and(|name| went.contains(&**name));
            let now = (right.0.clone(), right.1, column);
            if !of_gone && !is.covers(&now) && !everybody.covers(&now) {
                gone.push(said(right));
            }
        }
        gone.extend(is.taken.difference(&was.taken).cloned());
        if !gone.is_empty() {
            losses.push(Loss {
                kind: LossKind::Grant,
                object: format!("{} grant {}", before.name, part.name),
                what: format!("is gone: {}", gone.join(", ")),
            });
        }
    }
    losses
}

fn is_owner(owner: Option<&str>, printed: &str) -> bool {
    owner.is_some_and(|owner| {
        owner == printed || format!("\"{}\"", owner.replace('"', "\"\"")) == printed
    })
}

fn said((name, passed_on, column): &Right) -> String {
    let option = if *passed_on { " WITH GRANT OPTION" } else { "" };
    let column = column
        .as_ref()
        .map_or_else(String::new, |column| format!(" on column {column}"));
    format!("{name}{option}{column}")
}

/// Rights on the database itself.
pub(super) fn of_database(before: &DatabaseFacts, after: &DatabaseFacts) -> Vec<Loss> {
    let owner = |grantee: &str| is_owner(Some(&after.owner), grantee);
    let mut lost: BTreeSet<(String, String)> = BTreeSet::new();
    for line in before.grants.iter().filter(|l| !after.grants.contains(l)) {
        if let Some((rights, grantee)) = line_of(line, "GRANT ", " TO ") {
            let now = after
                .grants
                .iter()
                .filter_map(|l| line_of(l, "GRANT ", " TO "));
            let now: Vec<&str> = now
                .filter(|(_, other)| {
                    let name = |whom: &str| without_option(whom).to_owned();
                    name(other) == name(grantee)
                        && (other.len() >= grantee.len() || *other == grantee)
                        || name(other) == "PUBLIC"
                })
                .flat_map(|(rights, _)| rights.split(", "))
                .collect();
            let gone = rights.split(", ").filter(|right| !now.contains(right));
            let name = without_option(grantee);
            lost.extend(gone.map(|right| (name.to_owned(), right.to_owned())));
        }
    }
    for line in after.grants.iter().filter(|l| !before.grants.contains(l)) {
        if let Some((rights, grantee)) = line_of(line, "REVOKE ", " FROM ") {
            let was: Vec<&str> = before
                .grants
                .iter()
                .filter_map(|l| line_of(l, "REVOKE ", " FROM "))
                .filter(|(_, other)| *other == grantee)
                .flat_map(|(rights, _)| rights.split(", "))
                .collect();
            let taken = rights.split(", ").filter(|right| !was.contains(right));
            lost.extend(taken.map(|right| (grantee.to_owned(), right.to_owned())));
        }
    }
    let names: BTreeSet<&str> = lost.iter().map(|(name, _)| &**name).collect();
    let names = names.into_iter().filter(|name| !owner(name));
    names
        .map(|name| {
            let rights = lost.iter().filter(|(other, _)| other == name);
            let rights: Vec<&str> = rights.map(|(_, right)| &**right).collect();
            Loss {
                kind: LossKind::Grant,
                object: format!("database grant {name}"),
                what: format!("is gone: {}", rights.join(", ")),
            }
        })
        .collect()
}

fn line_of<'a>(line: &'a str, verb: &str, word: &str) -> Option<(&'a str, &'a str)> {
    line.strip_prefix(verb)?.split_once(word)
}

fn without_option(grantee: &str) -> &str {
    grantee
        .strip_suffix(" WITH GRANT OPTION")
        .unwrap_or(grantee)
}
