//! Roles of the archive, made anew in a private server: by name and attributes. An archive
//! knows neither passwords nor memberships, and nobody logs in as one of them.

use crate::snapshot::Prerequisite;

use super::super::quoting::quote_identifier;

/// Attributes that something in a database may depend on: an event trigger's owner must be a
/// superuser, a policy is skipped for who bypasses row security.
const ATTRIBUTES: [&str; 6] = [
    "SUPERUSER",
    "CREATEDB",
    "CREATEROLE",
    "NOINHERIT",
    "REPLICATION",
    "BYPASSRLS",
];

/// The role that nearly every server has, and that grants may name although the archive does
/// not list it: `pg_shdepend` has no entries for the role that `initdb` made.
const USUAL: &str = "postgres";

/// A statement for each role but `superuser`, which is there.
pub(super) fn statements(prerequisites: &[Prerequisite], superuser: &str) -> Vec<String> {
    let listed = prerequisites.iter().filter(|p| p.kind == "role");
    let mut statements: Vec<String> = listed
        .clone()
        .filter(|role| role.name != superuser)
        .map(statement)
        .collect();
    if superuser != USUAL && listed.clone().all(|role| role.name != USUAL) {
        statements.push(format!("CREATE ROLE {USUAL} NOLOGIN SUPERUSER"));
    }
    statements
}

fn statement(role: &Prerequisite) -> String {
    let mut statement = format!("CREATE ROLE {} NOLOGIN", quote_identifier(&role.name));
    // Words of the archive's own statement behind the name, which may hold any of them.
    let behind = role
        .create
        .rsplit_once('"')
        .map_or(role.create.as_str(), |(_, rest)| rest);
    for word in behind
        .split_whitespace()
        .skip(usize::from(behind.starts_with("CREATE ROLE ")) * 3)
    {
        if ATTRIBUTES.contains(&word) {
            statement.push(' ');
            statement.push_str(word);
        }
    }
    statement
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str, create: &str) -> Prerequisite {
        Prerequisite {
            kind: "role".to_owned(),
            name: name.to_owned(),
            create: create.to_owned(),
        }
    }

    #[test]
    fn roles_keep_their_attributes_and_nobody_logs_in() {
        let roles = [
            role("app", "CREATE ROLE app LOGIN CREATEDB CONNECTION LIMIT 5"),
            role(
                "odd SUPERUSER",
                "CREATE ROLE \"odd SUPERUSER\" NOLOGIN BYPASSRLS",
            ),
            role("me", "CREATE ROLE me LOGIN"),
            Prerequisite {
                kind: "tablespace".to_owned(),
                ..role("fast", "CREATE TABLESPACE fast LOCATION '/x'")
            },
        ];
        assert_eq!(
            statements(&roles, "me"),
            [
                "CREATE ROLE \"app\" NOLOGIN CREATEDB",
                "CREATE ROLE \"odd SUPERUSER\" NOLOGIN BYPASSRLS",
                "CREATE ROLE postgres NOLOGIN SUPERUSER",
            ]
        );
    }

    #[test]
    fn the_usual_superuser_is_made_once() {
        let roles = [role("postgres", "CREATE ROLE postgres LOGIN SUPERUSER")];
        assert_eq!(
            statements(&roles, "app"),
            ["CREATE ROLE \"postgres\" NOLOGIN SUPERUSER"]
        );
        assert!(statements(&roles, "postgres").is_empty());
    }
}
