//! Constraints, indexes, triggers, policies: which are lost when they are gone.

use std::collections::BTreeSet;

use super::super::super::{Object, ObjectKind, PartKind};
use super::super::{LossKind, compare};
use super::{ROWS, USERS, part, snapshot, table, users};

const INDEX: &str = "CREATE INDEX i ON public.users USING btree (city)";
const UNIQUE: &str = "CREATE UNIQUE INDEX i ON public.users USING btree (name, city)";

/// A table of users with these parts: kind, name, definition.
pub(super) fn with(parts: &[(PartKind, &str, &str)]) -> Object {
    let mut table = users();
    let parts = parts.iter();
    table.parts = parts
        .map(|(kind, name, text)| part(*kind, name, text))
        .collect();
    table
}

/// `OBJECT: WHAT` of each loss.
pub(super) fn lost(before: Vec<Object>, after: Vec<Object>) -> Vec<String> {
    let difference = compare(&snapshot(before), &snapshot(after));
    let losses = difference.losses.iter();
    losses
        .map(|loss| format!("{}: {}", loss.object, loss.what))
        .collect()
}

/// What is lost when one part gives way to others.
fn replaced(kind: PartKind, definition: &str, now: &[(PartKind, &str, &str)]) -> bool {
    let losses = lost(vec![with(&[(kind, "i", definition)])], vec![with(now)]);
    assert!(losses.len() < 2, "{losses:?}");
    !losses.is_empty()
}

#[test]
fn what_is_gone_is_named_as_a_pattern_can_name_it() {
    use PartKind::{Constraint, Grant, Index, Policy, Setting, Trigger};
    let before = with(&[
        (Constraint, "positive", "CHECK ((id > 0))"),
        (Index, "by city", INDEX),
        (Grant, "app", "INSERT, SELECT"),
        (Policy, "own", "permissive for all to PUBLIC using (true)"),
        (Setting, "row security", "enabled"),
        (
            Trigger,
            "audit",
            "CREATE TRIGGER audit BEFORE INSERT ON public.users FOR EACH ROW EXECUTE FUNCTION f()",
        ),
    ]);
    assert_eq!(
        lost(vec![before], vec![users()]),
        [
            "public.users constraint positive: is gone: CHECK ((id > 0))",
            "public.users grant app: is gone: INSERT, SELECT",
            "public.users index by city: is gone: CREATE INDEX i ON public.users USING btree (city)",
            "public.users policy own: is gone: permissive for all to PUBLIC using (true)",
            "public.users row security: is switched off",
            "public.users trigger audit: is gone: CREATE TRIGGER audit BEFORE INSERT ON public.users FOR EACH ROW EXECUTE FUNCTION f()",
        ]
    );
}

#[test]
fn every_kind_of_constraint_is_lost_when_it_is_gone() {
    for definition in [
        "CHECK ((id > 0))",
        "FOREIGN KEY (id) REFERENCES public.people(id)",
        "UNIQUE (name)",
        "PRIMARY KEY (id)",
        "EXCLUDE USING gist (city WITH =)",
    ] {
        assert!(
            replaced(PartKind::Constraint, definition, &[]),
            "{definition}"
        );
        let again = [(PartKind::Constraint, "other_name", definition)];
        assert!(
            !replaced(PartKind::Constraint, definition, &again),
            "{definition}"
        );
    }
}

#[test]
fn an_index_is_not_lost_where_another_one_surely_does_its_work() {
    use PartKind::{Constraint, Index};
    let on = |rest: &str| format!("CREATE INDEX j ON public.users USING {rest}");
    for (now, lost) in [
        ((Index, on("btree (city, name)")), false),
        ((Index, on("btree (city) INCLUDE (name)")), false),
        ((Index, on("btree (name, city)")), true),
        ((Index, on("hash (city)")), true),
        ((Index, on("btree (city) WHERE (id > 5)")), true),
        ((Index, on("btree (city, name) (invalid)")), true),
        ((Constraint, "UNIQUE (city, name)".to_owned()), false),
        ((Constraint, "PRIMARY KEY (city)".to_owned()), false),
    ] {
        let now = [(now.0, "j", &*now.1)];
        assert_eq!(replaced(Index, INDEX, &now), lost, "{now:?}");
    }
    let hash = "CREATE INDEX i ON public.users USING hash (city)";
    assert!(!replaced(Index, hash, &[(Index, "j", INDEX)]));
    let partial = "CREATE INDEX i ON public.users USING btree (city) WHERE (id > 5)";
    assert!(!replaced(Index, partial, &[(Index, "j", INDEX)]));
    let leftover = "CREATE INDEX i ON public.users USING btree (city) (invalid)";
    assert!(!replaced(Index, leftover, &[]));
}

#[test]
fn uniqueness_is_lost_unless_fewer_columns_keep_it() {
    use PartKind::{Constraint, Index};
    let unique = |rest: &str| format!("CREATE UNIQUE INDEX i ON public.users USING btree {rest}");
    for (now, lost) in [
        ((Index, unique("(city)")), false),
        ((Index, unique("(city DESC, name)")), false),
        ((Constraint, "UNIQUE (name)".to_owned()), false),
        ((Constraint, "PRIMARY KEY (city, name)".to_owned()), false),
        ((Index, unique("(name, city, id)")), true),
        ((Index, unique("(name) WHERE (id > 5)")), true),
        ((Index, UNIQUE.replace("UNIQUE ", "")), true),
    ] {
        let now = [(now.0, "i", &*now.1)];
        assert_eq!(replaced(Index, UNIQUE, &now), lost, "{now:?}");
    }
    let key = [(Constraint, "i", "UNIQUE (id)")];
    assert!(!replaced(Constraint, "PRIMARY KEY (id)", &key));
    let wider = [(Constraint, "i", "PRIMARY KEY (id, city)")];
    assert!(replaced(Constraint, "PRIMARY KEY (id)", &wider));
    let loose = [(Constraint, "i", "UNIQUE (name)")];
    assert!(replaced(
        Constraint,
        "UNIQUE NULLS NOT DISTINCT (name)",
        &loose
    ));
}

#[test]
fn a_check_is_not_lost_where_a_check_demands_it_too() {
    let now = |text| [(PartKind::Constraint, "j", text)];
    let check = "CHECK ((id > 0))";
    let kind = PartKind::Constraint;
    assert!(!replaced(
        kind,
        check,
        &now("CHECK (((id > 0) AND (id < 9)))")
    ));
    assert!(replaced(
        kind,
        check,
        &now("CHECK (((id > 0) OR (id < 9)))")
    ));
    assert!(replaced(kind, check, &now("CHECK ((id > 1))")));
    // Under its name it is a change, which the difference tells.
    assert!(!replaced(kind, check, &[(kind, "i", "CHECK ((id >= 0))")]));
    let mut strict = users();
    strict.columns[1].nullable = false;
    let before = with(&[(kind, "i", "CHECK ((name IS NOT NULL))")]);
    assert!(lost(vec![before.clone()], vec![strict.clone()]).is_empty());
    let mut nullable = strict.clone();
    nullable.columns[1].nullable = true;
    assert_eq!(
        lost(vec![strict.clone()], vec![nullable]),
        ["public.users.name not null: is gone: the column may be null now"]
    );
    assert!(lost(vec![strict], vec![before]).is_empty());
}

#[test]
fn what_went_along_with_a_rename_is_not_lost() {
    use PartKind::{Constraint, Index};
    let before = with(&[
        (Constraint, "ck", "CHECK ((name <> ''::text))"),
        (Constraint, "un", "UNIQUE (name)"),
        (
            Index,
            "i",
            "CREATE INDEX i ON public.users USING btree (name)",
        ),
    ]);
    let mut after = table("public.people", &["id*", "full name", "city"], &ROWS);
    after.parts = vec![
        part(Constraint, "ck2", "CHECK ((\"full name\" <> ''::text))"),
        part(Constraint, "un2", "UNIQUE (\"full name\")"),
        part(
            Index,
            "j",
            "CREATE INDEX j ON public.people USING btree (\"full name\", id)",
        ),
    ];
    assert_eq!(lost(vec![before], vec![after]), Vec::<String>::new());
}

#[test]
fn what_belonged_to_something_that_is_gone_is_one_loss_with_it() {
    use PartKind::{Constraint, Grant, Index, Trigger};
    let parts = [
        (Constraint, "ck", "CHECK ((city <> ''::text))"),
        (
            Constraint,
            "fk",
            "FOREIGN KEY (city) REFERENCES public.cities(name)",
        ),
        (
            Constraint,
            "fk2",
            "FOREIGN KEY (name) REFERENCES public.names(name)",
        ),
        (Grant, "app", "SELECT on column city"),
        (Index, "i", INDEX),
        (
            Trigger,
            "t",
            "CREATE TRIGGER t BEFORE UPDATE OF city ON public.users FOR EACH ROW EXECUTE FUNCTION f()",
        ),
    ];
    let names = table("public.names", &["name"], &[]);
    let before = vec![with(&parts), names];
    let rest: [&[&str]; 3] = [&["1", "ann"], &["2", "bob"], &["3", "cid"]];
    let after = table("public.users", &["id*", "name"], &rest);
    assert_eq!(
        lost(before.clone(), vec![after]),
        ["public.users.city: is gone with 3 values"]
    );
    assert_eq!(lost(before, vec![]), ["public.users: is gone with 3 rows"]);
}

#[test]
fn a_foreign_key_with_other_actions_is_a_change() {
    let kind = PartKind::Constraint;
    let key = "FOREIGN KEY (id) REFERENCES public.people(id)";
    let cascades = format!("{key} ON DELETE CASCADE");
    assert!(!replaced(kind, key, &[(kind, "i", &cascades)]));
    assert!(!replaced(kind, key, &[(kind, "j", &cascades)]));
    let elsewhere = "FOREIGN KEY (id) REFERENCES public.others(id)";
    assert!(replaced(kind, key, &[(kind, "i", elsewhere)]));
}

#[test]
fn what_leaves_have_through_their_root_is_one_loss() {
    let family = |parts: bool| {
        let text = |name: &str| format!("CREATE INDEX {name}_i ON {name} USING btree (city)");
        let with = |mut object: Object| {
            if parts {
                let text = text(&object.name);
                object
                    .parts
                    .push(part(PartKind::Index, &format!("{}_i", object.name), &text));
            }
            object.columns[1].nullable = !parts;
            object
        };
        let mut root = with(table("public.r", &USERS, &[]));
        root.kind = ObjectKind::PartitionedTable;
        root.content = None;
        let leaf = |name: &str, rows: &[&[&str]]| {
            let mut leaf = with(table(name, &USERS, rows));
            leaf.root = Some("public.r".to_owned());
            leaf
        };
        vec![
            root,
            leaf("public.r1", &ROWS[..1]),
            leaf("public.r2", &ROWS[1..]),
        ]
    };
    assert_eq!(
        lost(family(true), family(false)),
        [
            "public.r index public.r_i: is gone: CREATE INDEX public.r_i ON public.r USING btree (city)",
            "public.r.name not null: is gone: the column may be null now",
        ]
    );
}

#[test]
fn content_is_told_from_definitions() {
    let kinds = [LossKind::Rows, LossKind::Type, LossKind::Sequence];
    assert!(kinds.iter().all(|kind| kind.is_content()));
    let kinds: BTreeSet<LossKind> = [LossKind::Index, LossKind::Grant, LossKind::NotNull].into();
    assert!(!kinds.iter().any(|kind| kind.is_content()));
}
