//! Renames and moves: claimed on evidence, marked where it is weak.

use super::super::super::ObjectKind;
use super::{ROWS, USERS, object, table, told, users};

#[test]
fn a_renamed_column_has_the_same_values_on_the_same_keys() {
    let after = table("public.users", &["id*", "full_name", "city"], &ROWS);
    assert_eq!(
        told(vec![users()], vec![after]),
        [
            "public.users changed, 3 rows",
            "  full_name renamed name same"
        ]
    );
}

#[test]
fn renames_are_found_beside_added_rows_of_nulls_and_other_columns() {
    let rows: [&[&str]; 4] = [
        &["x", "1", "ann", "new"],
        &["y", "2", "bob", "new"],
        &["x", "3", "cid", "new"],
        &["-", "4", "-", "new"],
    ];
    let after = table(
        "public.users",
        &["town", "id*", "full_name", "extra"],
        &rows,
    );
    assert_eq!(
        told(vec![users()], vec![after]),
        [
            "public.users changed, 3→4 rows",
            "  town renamed city same",
            "  full_name renamed name same",
            "  extra added unknown",
            "  note: rows were added; whether those of before are all there still is not known",
            "LOSS public.users may be without some of its 3 rows of before, others were added",
        ]
    );
}

/// `name` copied to the wrong rows has equal bags: no rename, and the values are lost from where
/// they were.
#[test]
fn the_same_values_on_other_rows_are_no_rename() {
    let rows: [&[&str]; 3] = [&["1", "bob", "x"], &["2", "ann", "y"], &["3", "cid", "x"]];
    let after = table("public.users", &["id*", "full_name", "city"], &rows);
    assert_eq!(
        told(vec![users()], vec![after]),
        [
            "public.users changed, 3 rows",
            "  full_name added unknown",
            "  name removed unknown",
            "LOSS public.users.name is gone with 3 values",
        ]
    );
}

#[test]
fn a_column_of_one_value_is_only_probably_renamed_and_not_lost() {
    let columns = |flag| ["id*", flag];
    let rows: [&[&str]; 2] = [&["1", "t"], &["2", "t"]];
    let before = table("public.t", &columns("is_active"), &rows);
    let after = table("public.t", &columns("active"), &rows);
    assert_eq!(
        told(vec![before], vec![after]),
        [
            "public.t changed, 2 rows",
            "  active probably renamed is_active same"
        ]
    );
}

#[test]
fn two_columns_of_equal_values_are_only_probably_renamed() {
    let rows: [&[&str]; 2] = [&["1", "a", "a"], &["2", "b", "b"]];
    let before = table("public.t", &["id*", "created", "updated"], &rows);
    let after = table("public.t", &["id*", "created_at", "updated_at"], &rows);
    assert_eq!(
        told(vec![before], vec![after]),
        [
            "public.t changed, 2 rows",
            "  created_at probably renamed created same",
            "  updated_at probably renamed updated same",
        ]
    );
}

#[test]
fn without_a_key_equal_rows_prove_a_rename_and_equal_bags_do_not() {
    let rows: [&[&str]; 2] = [&["a", "x"], &["b", "y"]];
    let before = || table("public.t", &["name", "city"], &rows);
    let after = table("public.t", &["full_name", "city"], &rows);
    assert_eq!(
        told(vec![before()], vec![after]),
        ["public.t changed, 2 rows", "  full_name renamed name same"]
    );
    // One column more, so that rows can't be compared.
    let wider: [&[&str]; 2] = [&["a", "x", "1"], &["b", "y", "2"]];
    let after = table("public.t", &["full_name", "city", "n"], &wider);
    assert_eq!(
        told(vec![before()], vec![after]),
        [
            "public.t changed, 2 rows",
            "  full_name probably renamed name same-bag",
            "  n added unknown",
            "LOSS public.t.name probably is full_name now: the same 2 values, on which rows is not known",
        ]
    );
}

#[test]
fn a_column_without_values_is_matched_by_its_place() {
    let rows: [&[&str]; 2] = [&["1", "-", "z"], &["2", "-", "z"]];
    let before = table("public.t", &["id*", "old", "c"], &rows);
    let after = table("public.t", &["id*", "new", "c"], &rows);
    assert_eq!(
        told(vec![before], vec![after]),
        [
            "public.t changed, 2 rows",
            "  new probably renamed old unknown"
        ]
    );
}

#[test]
fn a_renamed_table_has_the_same_rows() {
    let after = table("public.people", &USERS, &ROWS);
    assert_eq!(
        told(vec![users()], vec![after]),
        ["public.people renamed public.users, 3 rows"]
    );
}

#[test]
fn a_table_renamed_and_changed_at_once_is_still_that_table() {
    let rows: [&[&str]; 3] = [&["1", "ann", "1"], &["2", "bob", "1"], &["3", "cid", "1"]];
    let after = table("public.people", &["id*", "full_name", "active"], &rows);
    assert_eq!(
        told(vec![users()], vec![after]),
        [
            "public.people renamed public.users, 3 rows",
            "  full_name renamed name same",
            "  active added unknown",
            "  city removed unknown",
            "LOSS public.users.city is gone with 3 values",
        ]
    );
}

/// Two tables that count from 1 have equal keys; that says nothing.
#[test]
fn equal_keys_alone_are_no_rename() {
    let rows: [&[&str]; 3] = [&["1", "p"], &["2", "q"], &["3", "r"]];
    let after = table("public.products", &["id*", "title"], &rows);
    assert_eq!(
        told(vec![users()], vec![after]),
        [
            "public.products added, -→3 rows",
            "public.users removed, 3→- rows",
            "LOSS public.users is gone with 3 rows",
        ]
    );
}

#[test]
fn an_empty_table_of_the_same_columns_is_probably_renamed() {
    let before = table("public.a", &["id*", "x"], &[]);
    let after = table("public.b", &["id*", "x"], &[]);
    assert_eq!(
        told(vec![before], vec![after]),
        ["public.b probably renamed public.a, 0 rows"]
    );
}

#[test]
fn two_equal_tables_swapped_for_two_others_are_only_probably_renamed() {
    let rows: [&[&str]; 2] = [&["1", "a"], &["2", "b"]];
    let named = |name| table(name, &["id*", "x"], &rows);
    let lines = told(
        vec![named("public.a"), named("public.b")],
        vec![named("public.c"), named("public.d")],
    );
    assert_eq!(
        lines,
        [
            "public.c probably renamed public.a, 2 rows",
            "public.d probably renamed public.b, 2 rows",
        ]
    );
}

#[test]
fn a_column_moved_to_another_table_with_the_same_keys_is_not_lost() {
    let rest: [&[&str]; 3] = [&["1", "ann"], &["2", "bob"], &["3", "cid"]];
    let cities: [&[&str]; 3] = [&["1", "x"], &["2", "y"], &["3", "x"]];
    let after = vec![
        table("public.users", &["id*", "name"], &rest),
        table("public.places", &["user_id*", "town"], &cities),
    ];
    assert_eq!(
        told(vec![users()], after),
        [
            "public.places added, -→3 rows",
            "  town added public.users.city same",
            "public.users changed, 3 rows",
            "  city moved public.places.town same",
        ]
    );
}

#[test]
fn a_column_moved_to_a_table_with_keys_of_its_own_is_probably_there() {
    let rest: [&[&str]; 3] = [&["1", "ann"], &["2", "bob"], &["3", "cid"]];
    let cities: [&[&str]; 3] = [&["11", "1", "x"], &["12", "2", "y"], &["13", "3", "x"]];
    let after = vec![
        table("public.users", &["id*", "name"], &rest),
        table("public.places", &["id*", "user_id", "town"], &cities),
    ];
    assert_eq!(
        told(vec![users()], after),
        [
            "public.places added, -→3 rows",
            "  town probably added public.users.city same-bag",
            "public.users changed, 3 rows",
            "  city probably moved public.places.town same-bag",
            "LOSS public.users.city probably is public.places.town now: the same 3 values, on which rows is not known",
        ]
    );
}

#[test]
fn a_table_merged_into_another_is_not_lost() {
    let profiles: [&[&str]; 3] = [&["1", "bio a"], &["2", "bio b"], &["3", "bio c"]];
    let wide: [&[&str]; 3] = [
        &["1", "ann", "x", "bio a"],
        &["2", "bob", "y", "bio b"],
        &["3", "cid", "x", "bio c"],
    ];
    let before = vec![
        users(),
        table("public.profiles", &["user_id*", "bio"], &profiles),
    ];
    let after = vec![table(
        "public.users",
        &["id*", "name", "city", "bio"],
        &wide,
    )];
    assert_eq!(
        told(before, after),
        [
            "public.profiles removed, 3→- rows",
            "  bio moved public.users.bio same",
            "public.users changed, 3 rows",
            "  bio added public.profiles.bio same",
        ]
    );
}

#[test]
fn a_view_of_the_same_definition_is_probably_renamed() {
    let view = |name: &str| super::Object {
        definition: Some("SELECT 1 AS x".to_owned()),
        ..object(name, ObjectKind::View)
    };
    assert_eq!(
        told(vec![view("public.v")], vec![view("public.w")]),
        ["public.w probably renamed public.v"]
    );
}
