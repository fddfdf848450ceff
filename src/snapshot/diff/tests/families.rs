//! Partitions: rows may change leaves without being lost.

use super::super::super::{Object, ObjectKind};
use super::{object, table, told};

const ROWS: [&[&str]; 4] = [&["1", "a"], &["2", "b"], &["3", "c"], &["4", "d"]];

fn root() -> Object {
    let columns = table("public.p", &["id*", "x"], &[]).columns;
    let mut root = Object {
        columns,
        ..object("public.p", ObjectKind::PartitionedTable)
    };
    for column in &mut root.columns {
        column.content = None;
    }
    root
}

fn leaf(name: &str, rows: &[&[&str]]) -> Object {
    Object {
        root: Some("public.p".to_owned()),
        ..table(name, &["id*", "x"], rows)
    }
}

#[test]
fn rows_that_changed_leaves_are_not_lost() {
    let before = vec![
        root(),
        leaf("public.p1", &ROWS[..2]),
        leaf("public.p2", &ROWS[2..]),
    ];
    let after = vec![
        root(),
        leaf("public.p1", &ROWS[..3]),
        leaf("public.p2", &ROWS[3..]),
    ];
    assert_eq!(
        told(before, after),
        ["public.p1 changed, 2→3 rows", "public.p2 changed, 2→1 rows",]
    );
}

#[test]
fn a_dropped_leaf_is_a_loss_of_the_root() {
    let before = vec![
        root(),
        leaf("public.p1", &ROWS[..3]),
        leaf("public.p2", &ROWS[3..]),
    ];
    let after = vec![root(), leaf("public.p1", &ROWS[..3])];
    assert_eq!(
        told(before, after),
        [
            "public.p2 removed, 1→- rows",
            "public.p changed, 4→3 rows",
            "LOSS public.p has 1 row fewer",
        ]
    );
}

#[test]
fn a_detached_leaf_keeps_its_rows() {
    let before = vec![
        root(),
        leaf("public.p1", &ROWS[..3]),
        leaf("public.p2", &ROWS[3..]),
    ];
    let alone = Object {
        root: None,
        ..leaf("public.p2", &ROWS[3..])
    };
    let after = vec![root(), leaf("public.p1", &ROWS[..3]), alone];
    assert_eq!(
        told(before, after),
        [
            "public.p2 changed, 1 rows",
            "  partition of: public.p → none"
        ]
    );
}

#[test]
fn a_detached_leaf_that_was_emptied_is_a_loss() {
    let before = vec![
        root(),
        leaf("public.p1", &ROWS[..3]),
        leaf("public.p2", &ROWS[3..]),
    ];
    let alone = Object {
        root: None,
        ..leaf("public.p2", &[])
    };
    let after = vec![root(), leaf("public.p1", &ROWS[..3]), alone];
    assert_eq!(
        told(before, after),
        [
            "public.p2 changed, 1→0 rows",
            "  partition of: public.p → none",
            "LOSS public.p2 has 1 row fewer",
        ]
    );
}

#[test]
fn a_table_that_became_partitioned_is_that_table() {
    let before = vec![table("public.p", &["id*", "x"], &ROWS)];
    let after = vec![
        root(),
        leaf("public.p1", &ROWS[..1]),
        leaf("public.p2", &ROWS[1..]),
    ];
    assert_eq!(
        told(before, after),
        [
            "public.p1 added, -→1 rows",
            "public.p2 added, -→3 rows",
            "public.p changed, 4 rows",
            "  kind: table → partitioned-table",
        ]
    );
}

/// Row hashes depend on the order of columns, which may differ from leaf to leaf.
#[test]
fn leaves_with_other_column_orders_are_compared_by_columns() {
    let turned = |rows: &[&[&str]]| Object {
        root: Some("public.p".to_owned()),
        ..table("public.p2", &["x", "id*"], rows)
    };
    let before = vec![
        root(),
        leaf("public.p1", &ROWS[..3]),
        turned(&[&["d", "4"]]),
    ];
    let after = vec![
        root(),
        leaf("public.p1", &ROWS[..2]),
        turned(&[&["c", "3"], &["d", "4"]]),
    ];
    assert_eq!(
        told(before, after),
        ["public.p1 changed, 3→2 rows", "public.p2 changed, 1→2 rows",]
    );
}

#[test]
fn a_dropped_family_is_one_loss() {
    let before = vec![
        root(),
        leaf("public.p1", &ROWS[..3]),
        leaf("public.p2", &ROWS[3..]),
    ];
    assert_eq!(
        told(before, Vec::new()),
        [
            "public.p1 removed, 3→- rows",
            "public.p2 removed, 1→- rows",
            "public.p removed, 4→- rows",
            "LOSS public.p is gone with 4 rows",
        ]
    );
}
