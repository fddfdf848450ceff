//! Users and roles of a database: what the server says of them, but for their passwords.

use bson::{Bson, Document, doc};

use crate::connection::mongodb::Session;
use crate::snapshot::{DatabaseRole, DatabaseUser, GrantedRole, Privilege};

use super::definitions::{quoted, readable};
use super::server::{UNAUTHORIZED, code, words};

/// What was found.
#[derive(Default)]
pub(super) struct Principals {
    /// `None` if they could not be read.
    pub users: Option<Vec<DatabaseUser>>,
    /// `None` if they could not be read.
    pub roles: Option<Vec<DatabaseRole>>,
    /// In words.
    pub notes: Vec<String>,
}

/// Reads those that are defined in the session's database.
pub(super) async fn read(session: &Session) -> Principals {
    let mut found = Principals::default();
    match users(session).await {
        Ok(users) => found.users = Some(users),
        Err(error) => found
            .notes
            .push(unread("users", "viewUser", session, &error)),
    }
    match roles(session).await {
        Ok(roles) => found.roles = Some(roles),
        Err(error) => found
            .notes
            .push(unread("roles", "viewRole", session, &error)),
    }
    found.notes.extend(note(&found));
    found
}

fn unread(what: &str, right: &str, session: &Session, error: &mongodb::error::Error) -> String {
    let why = match code(error) {
        Some(UNAUTHORIZED) => format!(
            "{} has not the right {right}; the role userAdmin on the database has it",
            session.url().user()
        ),
        _ => words(error),
    };
    format!("{what} of the database could not be read and are not in the archive: {why}")
}

/// What a restore leaves to be done.
fn note(found: &Principals) -> Option<String> {
    let users = found.users.iter().flatten().map(|user| &user.name);
    let roles = found.roles.iter().flatten().map(|role| &role.name);
    let (users, roles): (Vec<_>, Vec<_>) = (users.collect(), roles.collect());
    let named = |word: &str, names: &[&String]| {
        let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        (!names.is_empty()).then(|| format!("{word} {}", names.join(", ")))
    };
    let both = [named("users", &users), named("roles", &roles)];
    let both: Vec<String> = both.into_iter().flatten().collect();
    (!both.is_empty()).then(|| {
        format!(
            "{} of the database are in the archive as facts, without passwords; a restore does not \
             create them: bookend show prints the commands that do",
            both.join(" and ")
        )
    })
}

type Answer<T> = Result<Vec<T>, mongodb::error::Error>;

async fn users(session: &Session) -> Answer<DatabaseUser> {
    let all = session.command(doc! { "usersInfo": 1 }).await?;
    let names = documents(&all, "users");
    let names: Vec<Document> = names
        .iter()
        .filter_map(|user| {
            Some(doc! { "user": user.get_str("user").ok()?, "db": session.database().name() })
        })
        .collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    // Restrictions are only told of users that are named.
    let exact = doc! { "usersInfo": names, "showAuthenticationRestrictions": true };
    let answer = session.command(exact).await?;
    let mut users: Vec<DatabaseUser> = documents(&answer, "users").iter().map(user).collect();
    users.sort();
    Ok(users)
}

fn user(user: &Document) -> DatabaseUser {
    let mut found = DatabaseUser {
        name: text(user, "user"),
        roles: granted(user),
        mechanisms: texts(user, "mechanisms"),
        restrictions: restrictions(user),
        create: String::new(),
    };
    let name = quoted(&found.name);
    let roles = listed(&found.roles, &text(user, "db"));
    let restrictions = restricted(&found.restrictions);
    found.create = format!(
        "db.createUser({{user: {name}, pwd: passwordPrompt(), roles: [{roles}]{restrictions}}})"
    );
    found
}

async fn roles(session: &Session) -> Answer<DatabaseRole> {
    let command = doc! {
        "rolesInfo": 1, "showPrivileges": true, "showAuthenticationRestrictions": true,
    };
    let answer = session.command(command).await?;
    let mut roles: Vec<DatabaseRole> = documents(&answer, "roles").iter().map(role).collect();
    roles.sort();
    Ok(roles)
}

fn role(role: &Document) -> DatabaseRole {
    let privileges = documents(role, "privileges");
    let mut privileges: Vec<Privilege> = privileges.iter().map(privilege).collect();
    privileges.sort();
    let mut found = DatabaseRole {
        name: text(role, "role"),
        roles: granted(role),
        privileges,
        restrictions: restrictions(role),
        create: String::new(),
    };
    let name = quoted(&found.name);
    let roles = listed(&found.roles, &text(role, "db"));
    let privileges: Vec<String> = found.privileges.iter().map(said).collect();
    let (privileges, restrictions) = (privileges.join(", "), restricted(&found.restrictions));
    found.create = format!(
        "db.createRole({{role: {name}, privileges: [{privileges}], roles: [{roles}]{restrictions}}})"
    );
    found
}

fn privilege(privilege: &Document) -> Privilege {
    let resource = privilege.get_document("resource");
    Privilege {
        resource: resource.map(readable).unwrap_or_default(),
        actions: texts(privilege, "actions"),
    }
}

fn said(privilege: &Privilege) -> String {
    let actions: Vec<String> = privilege.actions.iter().map(|one| quoted(one)).collect();
    let (resource, actions) = (&privilege.resource, actions.join(", "));
    format!("{{resource: {resource}, actions: [{actions}]}}")
}

/// For a command: a role of the database itself by its name alone, so that the command does
/// in a database of another name.
fn listed(roles: &[GrantedRole], database: &str) -> String {
    let said = roles.iter().map(|one| {
        let role = quoted(&one.role);
        if one.database == database {
            return role;
        }
        format!("{{role: {role}, db: {}}}", quoted(&one.database))
    });
    said.collect::<Vec<_>>().join(", ")
}

fn restricted(restrictions: &[String]) -> String {
    if restrictions.is_empty() {
        return String::new();
    }
    format!(
        ", authenticationRestrictions: [{}]",
        restrictions.join(", ")
    )
}

/// Sorted.
fn granted(of: &Document) -> Vec<GrantedRole> {
    let roles = documents(of, "roles");
    let mut roles: Vec<GrantedRole> = roles
        .iter()
        .map(|role| GrantedRole {
            role: text(role, "role"),
            database: text(role, "db"),
        })
        .collect();
    roles.sort();
    roles
}

/// Restrictions of where from and where to one may log in. The server wraps them in arrays
/// that differ from version to version.
fn restrictions(of: &Document) -> Vec<String> {
    let mut found = Vec::new();
    flat(of.get("authenticationRestrictions"), &mut found);
    found.sort();
    found
}

fn flat(value: Option<&Bson>, found: &mut Vec<String>) {
    match value {
        Some(Bson::Array(all)) => all.iter().for_each(|one| flat(Some(one), found)),
        Some(Bson::Document(one)) if !one.is_empty() => found.push(readable(one)),
        _ => {}
    }
}

fn documents(of: &Document, key: &str) -> Vec<Document> {
    let all = of.get_array(key).cloned().unwrap_or_default();
    all.into_iter()
        .filter_map(|one| match one {
            Bson::Document(one) => Some(one),
            _ => None,
        })
        .collect()
}

fn text(of: &Document, key: &str) -> String {
    of.get_str(key).unwrap_or_default().to_owned()
}

fn texts(of: &Document, key: &str) -> Vec<String> {
    let all = of.get_array(key).cloned().unwrap_or_default();
    let mut texts: Vec<String> = all
        .iter()
        .filter_map(|one| one.as_str().map(str::to_owned))
        .collect();
    texts.sort();
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_says_everything_in_a_fixed_order() {
        let found = role(&doc! {
            "role": "some", "db": "shop", "isBuiltin": false,
            "roles": [{ "role": "read", "db": "shop" }, { "role": "find", "db": "admin" }],
            "privileges": [
                { "resource": { "db": "shop", "collection": "z" }, "actions": ["find"] },
                { "resource": { "db": "shop", "collection": "a" }, "actions": ["insert", "find"] },
            ],
            "authenticationRestrictions": [[{ "clientSource": ["127.0.0.1"] }], []],
        });
        let wanted = "db.createRole({role: \"some\", privileges: [\
            {resource: {\"db\":\"shop\",\"collection\":\"a\"}, actions: [\"find\", \"insert\"]}, \
            {resource: {\"db\":\"shop\",\"collection\":\"z\"}, actions: [\"find\"]}], \
            roles: [{role: \"find\", db: \"admin\"}, \"read\"], \
            authenticationRestrictions: [{\"clientSource\":[\"127.0.0.1\"]}]})";
        assert_eq!(found.create, wanted);
    }

    #[test]
    fn nobody_is_no_note() {
        assert_eq!(note(&Principals::default()), None);
    }
}
