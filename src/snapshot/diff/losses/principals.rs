//! Users and roles that a database itself defines (MongoDB), and what they may.

use super::super::super::{DatabaseFacts, DatabaseRole, GrantedRole, Privilege};
use super::super::{Loss, LossKind};

/// Users, roles and their rights that are gone; nothing where they could not be read.
pub(super) fn of(before: &DatabaseFacts, after: &DatabaseFacts) -> Vec<Loss> {
    let mut losses = Vec::new();
    let roles = before.roles.as_ref().zip(after.roles.as_ref());
    let gone: Vec<&str> = roles.map_or_else(Vec::new, |(was, are)| {
        let gone = was.iter().filter(|role| named(are, &role.name).is_none());
        gone.map(|role| &*role.name).collect()
    });
    let dropped = |one: &GrantedRole| one.database == before.name && gone.contains(&&*one.role);
    if let Some((was, are)) = roles {
        for role in was {
            let Some(now) = named(are, &role.name) else {
                losses.push(loss("role", &role.name, "is gone".to_owned()));
                continue;
            };
            let mut missing = missing_roles(&role.roles, &now.roles, dropped);
            missing.extend(missing_privileges(&role.privileges, &now.privileges));
            losses.extend(no_longer("role", &role.name, &missing));
        }
    }
    if let Some((was, are)) = before.users.as_ref().zip(after.users.as_ref()) {
        for user in was {
            let Some(now) = are.iter().find(|other| other.name == user.name) else {
                losses.push(loss("user", &user.name, "is gone".to_owned()));
                continue;
            };
            let missing = missing_roles(&user.roles, &now.roles, dropped);
            losses.extend(no_longer("user", &user.name, &missing));
        }
    }
    losses
}

fn named<'a>(roles: &'a [DatabaseRole], name: &str) -> Option<&'a DatabaseRole> {
    roles.iter().find(|role| role.name == name)
}

fn loss(word: &str, name: &str, what: String) -> Loss {
    Loss {
        kind: LossKind::Grant,
        object: format!("{word} {name}"),
        what,
    }
}

fn no_longer(word: &str, name: &str, missing: &[String]) -> Option<Loss> {
    let what = format!("no longer has {}", missing.join("; "));
    (!missing.is_empty()).then(|| loss(word, name, what))
}

fn missing_roles(
    was: &[GrantedRole],
    are: &[GrantedRole],
    dropped: impl Fn(&GrantedRole) -> bool,
) -> Vec<String> {
    let covered = |one: &GrantedRole| {
        are.iter().any(|other| {
            other.database == one.database
                && (other.role == one.role || wider(&one.role).contains(&&*other.role))
        })
    };
    was.iter()
        .filter(|one| !covered(one) && !dropped(one))
        .map(|one| format!("{}@{}", one.role, one.database))
        .collect()
}

/// Built-in roles that may all that one may
/// (<https://www.mongodb.com/docs/manual/reference/built-in-roles/>).
fn wider(role: &str) -> &'static [&'static str] {
    match role {
        "read" => &["readWrite", "dbOwner", "root"],
        "readWrite" | "dbAdmin" | "userAdmin" => &["dbOwner", "root"],
        "dbOwner" => &["root"],
        _ => &[],
    }
}

fn missing_privileges(was: &[Privilege], are: &[Privilege]) -> Vec<String> {
    let mut missing = Vec::new();
    for one in was {
        let now = are.iter().filter(|other| other.resource == one.resource);
        let now: Vec<&String> = now.flat_map(|other| &other.actions).collect();
        let gone = one.actions.iter().filter(|action| !now.contains(action));
        let gone: Vec<&str> = gone.map(String::as_str).collect();
        if !gone.is_empty() {
            missing.push(format!("{} on {}", gone.join(", "), one.resource));
        }
    }
    missing
}
