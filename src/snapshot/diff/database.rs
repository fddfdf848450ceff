//! The database itself: locale, settings, grants, owner; extensions; large objects.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{
    DatabaseFacts, DatabaseRole, DatabaseUser, GrantedRole, Snapshot, names_secret,
};
use super::{PropertyChange, property};

pub(super) fn compare(before: &Snapshot, after: &Snapshot) -> Vec<PropertyChange> {
    let (a, b) = (&before.database, &after.database);
    let owner = |facts: &DatabaseFacts| Some(facts.owner.clone()).filter(|o| !o.is_empty());
    let limit = |facts: &DatabaseFacts| {
        let limit = Some(facts.connection_limit).filter(|limit| *limit >= 0);
        limit.map(|limit| limit.to_string())
    };
    let mut changes: Vec<PropertyChange> = [
        property("owner", owner(a), owner(b)),
        property("comment", a.comment.clone(), b.comment.clone()),
        property("connection limit", limit(a), limit(b)),
    ]
    .into_iter()
    .flatten()
    .collect();
    changes.extend(maps("locale", &a.locale, &b.locale));
    let settings = maps(
        "setting",
        &assignments(&a.settings),
        &assignments(&b.settings),
    );
    changes.extend(settings.into_iter().map(without_secret));
    changes.extend(sets("grant", &a.grants, &b.grants));
    changes.extend(maps("extension", &extensions(before), &extensions(after)));
    changes.extend(principals(a, b));
    changes.extend(large_objects(before, after));
    changes
}

/// Users and roles, where both sides could be read.
fn principals(a: &DatabaseFacts, b: &DatabaseFacts) -> Vec<PropertyChange> {
    let mut changes = Vec::new();
    if let (Some(a), Some(b)) = (&a.roles, &b.roles) {
        let said = |roles: &[DatabaseRole]| roles.iter().map(role).collect();
        changes.extend(maps("role", &said(a), &said(b)));
    }
    if let (Some(a), Some(b)) = (&a.users, &b.users) {
        let said = |users: &[DatabaseUser]| users.iter().map(user).collect();
        changes.extend(maps("user", &said(a), &said(b)));
    }
    changes
}

fn role(role: &DatabaseRole) -> (String, String) {
    let mut said: Vec<String> = granted(&role.roles);
    let privileges = role.privileges.iter();
    said.extend(privileges.map(|one| format!("{} on {}", one.actions.join(", "), one.resource)));
    said.extend(role.restrictions.iter().cloned());
    (role.name.clone(), said.join("; "))
}

fn user(user: &DatabaseUser) -> (String, String) {
    let mut said = granted(&user.roles);
    said.extend([user.mechanisms.join(", ")]);
    said.extend(user.restrictions.iter().cloned());
    (user.name.clone(), said.join("; "))
}

fn granted(roles: &[GrantedRole]) -> Vec<String> {
    let roles = roles.iter();
    roles
        .map(|one| format!("{}@{}", one.role, one.database))
        .collect()
}

fn assignments(lines: &[String]) -> BTreeMap<String, String> {
    let split = lines.iter().map(|line| match line.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (line.clone(), String::new()),
    });
    split.collect()
}

/// That a secret changed is told, not what it was.
fn without_secret(mut change: PropertyChange) -> PropertyChange {
    if names_secret(&change.property) {
        for value in [&mut change.before, &mut change.after]
            .into_iter()
            .flatten()
        {
            "…".clone_into(value);
        }
    }
    change
}

fn extensions(snapshot: &Snapshot) -> BTreeMap<String, String> {
    let all = snapshot.extensions.iter();
    all.map(|e| {
        (
            e.name.clone(),
            format!("{} in schema {}", e.version, e.schema),
        )
    })
    .collect()
}

fn maps(
    what: &str,
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> Vec<PropertyChange> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let change = |name: &&String| {
        let (a, b) = (before.get(*name).cloned(), after.get(*name).cloned());
        property(&format!("{what} {name}"), a, b)
    };
    names.iter().filter_map(change).collect()
}

fn sets(what: &str, before: &[String], after: &[String]) -> Vec<PropertyChange> {
    let gone = before.iter().filter(|line| !after.contains(line));
    let new = after.iter().filter(|line| !before.contains(line));
    gone.filter_map(|line| property(what, Some(line.clone()), None))
        .chain(new.filter_map(|line| property(what, None, Some(line.clone()))))
        .collect()
}

fn large_objects(before: &Snapshot, after: &Snapshot) -> Option<PropertyChange> {
    let (a, b) = (&before.large_objects, &after.large_objects);
    let said = |count: u64, bytes: u64| Some(format!("{count} with {bytes} bytes"));
    if a.fingerprint == b.fingerprint && a.count == b.count {
        return None;
    }
    Some(PropertyChange {
        property: "large objects".to_owned(),
        before: said(a.count, a.bytes),
        after: said(b.count, b.bytes),
    })
}
