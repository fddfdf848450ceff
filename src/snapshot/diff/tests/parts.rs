//! Indexes, constraints and definitions, renames allowed for.

use super::super::super::{Extension, Object, ObjectKind, PartKind, SchemaEntry};
use super::super::compare;
use super::{ROWS, USERS, lines, object, part, snapshot, table, told, users};

fn with_index(mut table: Object, name: &str, definition: &str) -> Object {
    table.parts.push(part(PartKind::Index, name, definition));
    table
}

#[test]
fn indexes_come_go_and_change() {
    let before = with_index(
        users(),
        "i",
        "CREATE INDEX i ON public.users USING btree (city)",
    );
    let before = with_index(
        before,
        "gone",
        "CREATE INDEX gone ON public.users USING hash (id)",
    );
    let after = with_index(
        users(),
        "i",
        "CREATE INDEX i ON public.users USING btree (city DESC)",
    );
    let after = with_index(
        after,
        "new",
        "CREATE INDEX new ON public.users USING btree (name)",
    );
    assert_eq!(
        told(vec![before], vec![after]),
        [
            "public.users changed, 3 rows",
            "  index removed gone",
            "  index changed i",
            "  index added new",
            "LOSS public.users index gone is gone: CREATE INDEX gone ON public.users USING hash (id)",
        ]
    );
}

#[test]
fn a_part_does_not_change_because_its_table_and_column_were_renamed() {
    let before = with_index(
        users(),
        "i",
        "CREATE INDEX i ON public.users USING btree (name)",
    );
    let after = table("public.\"Peo ple\"", &["id*", "order", "city"], &ROWS);
    let text = "CREATE INDEX i ON public.\"Peo ple\" USING btree (\"order\")";
    assert_eq!(
        told(vec![before], vec![with_index(after, "i", text)]),
        [
            "public.\"Peo ple\" renamed public.users, 3 rows",
            "  order renamed name same"
        ]
    );
}

#[test]
fn an_index_of_the_same_text_is_renamed() {
    let before = with_index(
        users(),
        "i",
        "CREATE INDEX i ON public.users USING btree (city)",
    );
    let after = with_index(
        users(),
        "j",
        "CREATE INDEX j ON public.users USING btree (city)",
    );
    assert_eq!(
        told(vec![before], vec![after]),
        ["public.users changed, 3 rows", "  index renamed i j"]
    );
}

#[test]
fn a_foreign_key_to_a_renamed_table_is_the_same() {
    let orders = |text: &str| {
        let mut orders = table("public.orders", &["id*"], &[&["1"]]);
        orders.parts.push(part(PartKind::Constraint, "fk", text));
        orders
    };
    let before = vec![
        users(),
        orders("FOREIGN KEY (u) REFERENCES public.users(id)"),
    ];
    let after = vec![
        table("public.people", &USERS, &ROWS),
        orders("FOREIGN KEY (u) REFERENCES public.people(id)"),
    ];
    assert_eq!(
        told(before, after),
        ["public.people renamed public.users, 3 rows"]
    );
}

#[test]
fn owners_comments_and_properties_of_columns_are_told() {
    let mut after = users();
    after.owner = Some("other".to_owned());
    after.comment = Some("now with words".to_owned());
    after.columns[1].nullable = false;
    after.columns[1].default = Some("'x'::text".to_owned());
    after.columns[1].collation = Some("pg_catalog.\"C\"".to_owned());
    assert_eq!(
        told(vec![users()], vec![after]),
        [
            "public.users changed, 3 rows",
            "  name changed same null default collation",
            "  owner: owner → other",
            "  comment: none → now with words",
        ]
    );
}

#[test]
fn objects_of_one_name_and_different_kinds_are_different_objects() {
    let before = vec![object("public.x", ObjectKind::Type)];
    let after = vec![object("public.x", ObjectKind::Function)];
    assert_eq!(told(before, after), ["public.x added", "public.x removed"]);
}

#[test]
fn a_table_replaced_by_a_view_lives_on_under_another_name_or_is_lost() {
    let view = || Object {
        definition: Some("SELECT 1".to_owned()),
        ..object("public.users", ObjectKind::View)
    };
    assert_eq!(
        told(vec![users()], vec![view()]),
        [
            "public.users removed, 3→- rows",
            "public.users added",
            "LOSS public.users is gone with 3 rows",
        ]
    );
    assert_eq!(
        told(
            vec![users()],
            vec![view(), table("public.users_v2", &USERS, &ROWS)]
        ),
        [
            "public.users_v2 renamed public.users, 3 rows",
            "public.users added",
        ]
    );
}

#[test]
fn the_database_itself_is_compared() {
    let mut after = snapshot(Vec::new());
    after.database.settings = vec!["timezone=UTC".to_owned(), "app: work_mem=5MB".to_owned()];
    after.extensions = vec![Extension {
        name: "vector".to_owned(),
        version: "0.8".to_owned(),
        schema: "public".to_owned(),
    }];
    let mut before = snapshot(Vec::new());
    before.database.settings = vec!["timezone=CET".to_owned()];
    let difference = compare(&before, &after);
    let told: Vec<String> = difference
        .database
        .iter()
        .map(|p| format!("{} {:?} {:?}", p.property, p.before, p.after))
        .collect();
    assert_eq!(
        told,
        [
            r#"setting app: work_mem None Some("5MB")"#,
            r#"setting timezone Some("CET") Some("UTC")"#,
            r#"extension vector None Some("0.8 in schema public")"#,
        ]
    );
    assert!(!difference.same);
}

#[test]
fn what_only_the_vendor_knows_is_not_passed_over() {
    let entry = |text: &str| SchemaEntry {
        kind: "SECURITY LABEL".to_owned(),
        namespace: "public".to_owned(),
        tag: "TABLE users".to_owned(),
        owner: String::new(),
        storage: String::new(),
        text: text.to_owned(),
    };
    let with = |text: &str| super::Snapshot {
        schema: vec![entry(text)],
        ..snapshot(vec![users()])
    };
    let difference = compare(&with("secret"), &with("public"));
    assert_eq!(
        difference.notes,
        ["SECURITY LABEL TABLE users in schema public: the definition differs"]
    );
    assert!(!difference.same && !difference.loss);
    assert!(lines(&compare(&with("secret"), &with("secret"))).is_empty());
}
