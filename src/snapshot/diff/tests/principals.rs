//! Users and roles.

use super::super::compare;
use super::snapshot;
use crate::snapshot::{DatabaseUser, GrantedRole, Snapshot};

fn with(users: Option<Vec<DatabaseUser>>) -> Snapshot {
    let mut with = snapshot(Vec::new());
    with.database.users = users;
    with
}

fn user(name: &str, role: &str) -> DatabaseUser {
    DatabaseUser {
        name: name.to_owned(),
        roles: vec![GrantedRole {
            role: role.to_owned(),
            database: "shop".to_owned(),
        }],
        mechanisms: vec!["SCRAM-SHA-256".to_owned()],
        restrictions: Vec::new(),
        create: String::new(),
    }
}

#[test]
fn users_are_compared_by_name_where_both_sides_could_be_read() {
    let before = with(Some(vec![user("app", "read"), user("old", "read")]));
    let after = with(Some(vec![user("app", "readWrite")]));
    let found = compare(&before, &after).database;
    let told: Vec<String> = found
        .iter()
        .map(|one| format!("{}: {:?} {:?}", one.property, one.before, one.after))
        .collect();
    assert_eq!(
        told,
        [
            "user app: Some(\"read@shop; SCRAM-SHA-256\") Some(\"readWrite@shop; SCRAM-SHA-256\")",
            "user old: Some(\"read@shop; SCRAM-SHA-256\") None",
        ]
    );
    assert!(compare(&before, &with(None)).same);
}
