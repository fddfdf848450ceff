//! Grants, users and roles: what somebody may no longer do.

use super::super::super::{
    DatabaseFacts, DatabaseRole, DatabaseUser, GrantedRole, Object, PartKind, Privilege, Snapshot,
};
use super::super::compare;
use super::lost_definitions::{lost, with};
use super::{snapshot, table};

fn granted(text: &str) -> Object {
    with(&[(PartKind::Grant, "app", text)])
}

#[test]
fn each_right_counts_by_itself() {
    for (before, after, gone) in [
        ("SELECT", "INSERT, SELECT", ""),
        ("INSERT, SELECT", "SELECT", "INSERT"),
        ("SELECT on column city", "SELECT", ""),
        ("SELECT", "SELECT on column city", "SELECT"),
        ("SELECT", "SELECT WITH GRANT OPTION", ""),
        (
            "SELECT WITH GRANT OPTION",
            "SELECT",
            "SELECT WITH GRANT OPTION",
        ),
        ("SELECT", "SELECT; not TRIGGER", "TRIGGER"),
        ("SELECT; not TRIGGER", "SELECT", ""),
    ] {
        let told = lost(vec![granted(before)], vec![granted(after)]);
        let expected: Vec<String> = Some(gone)
            .filter(|gone| !gone.is_empty())
            .map(|gone| format!("public.users grant app: is gone: {gone}"))
            .into_iter()
            .collect();
        assert_eq!(told, expected, "{before} → {after}");
    }
}

#[test]
fn an_owner_and_everybody_need_no_grant() {
    let mut owned = with(&[]);
    owned.owner = Some("app".to_owned());
    assert!(lost(vec![granted("SELECT")], vec![owned]).is_empty());
    let open = with(&[(PartKind::Grant, "PUBLIC", "SELECT")]);
    assert!(lost(vec![granted("SELECT")], vec![open]).is_empty());
}

#[test]
fn a_grant_on_a_renamed_column_is_still_there_and_one_on_a_dropped_column_is_no_loss_of_its_own() {
    let mut renamed = table("public.users", &["id*", "name", "town"], &super::ROWS);
    renamed.parts = granted("SELECT on column town").parts;
    let before = granted("SELECT on column city");
    assert!(lost(vec![before], vec![renamed]).is_empty());
}

fn database(grants: &[&str]) -> Snapshot {
    let grants = grants.iter().map(|line| (*line).to_owned()).collect();
    Snapshot {
        database: DatabaseFacts {
            grants,
            ..DatabaseFacts::default()
        },
        ..snapshot(Vec::new())
    }
}

fn told(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let losses = compare(before, after).losses;
    losses
        .iter()
        .map(|loss| format!("{}: {}", loss.object, loss.what))
        .collect()
}

#[test]
fn grants_on_the_database_are_compared_right_by_right() {
    let before = database(&["GRANT CONNECT, CREATE TO app"]);
    let fewer = database(&["GRANT CONNECT TO app", "REVOKE TEMPORARY FROM PUBLIC"]);
    assert_eq!(
        told(&before, &fewer),
        [
            "database grant PUBLIC: is gone: TEMPORARY",
            "database grant app: is gone: CREATE",
        ]
    );
    assert!(
        told(
            &before,
            &database(&["GRANT CONNECT, CREATE, TEMPORARY TO app"])
        )
        .is_empty()
    );
    assert!(
        told(
            &fewer,
            &database(&["GRANT CONNECT TO app WITH GRANT OPTION"])
        )
        .is_empty()
    );
}

fn role(role: &str) -> GrantedRole {
    GrantedRole {
        role: role.to_owned(),
        database: "shop".to_owned(),
    }
}

fn user(roles: &[&str]) -> DatabaseUser {
    DatabaseUser {
        name: "app".to_owned(),
        roles: roles.iter().map(|name| role(name)).collect(),
        mechanisms: Vec::new(),
        restrictions: Vec::new(),
        create: String::new(),
    }
}

fn auditors(actions: &[&str]) -> DatabaseRole {
    DatabaseRole {
        name: "auditors".to_owned(),
        roles: Vec::new(),
        privileges: vec![Privilege {
            resource: "{}".to_owned(),
            actions: actions.iter().map(|action| (*action).to_owned()).collect(),
        }],
        restrictions: Vec::new(),
        create: String::new(),
    }
}

fn principals(users: &[DatabaseUser], roles: &[DatabaseRole]) -> Snapshot {
    let mut snapshot = snapshot(Vec::new());
    snapshot.database.name = "shop".to_owned();
    snapshot.database.users = Some(users.to_vec());
    snapshot.database.roles = Some(roles.to_vec());
    snapshot
}

#[test]
fn users_and_roles_that_are_gone_or_may_less_are_lost() {
    let before = principals(
        &[user(&["read", "auditors"])],
        &[auditors(&["find", "stats"])],
    );
    assert_eq!(
        told(&before, &principals(&[], &[auditors(&["find"])])),
        [
            "role auditors: no longer has stats on {}",
            "user app: is gone",
        ]
    );
    // What the role that is gone gave is told once.
    assert_eq!(
        told(&before, &principals(&[user(&["readWrite"])], &[])),
        ["role auditors: is gone"]
    );
    let same = principals(
        &[user(&["dbOwner", "auditors"])],
        &[auditors(&["find", "stats", "x"])],
    );
    assert!(told(&before, &same).is_empty());
    let less = principals(&[user(&["auditors"])], &[auditors(&["find", "stats"])]);
    assert_eq!(told(&before, &less), ["user app: no longer has read@shop"]);
}
