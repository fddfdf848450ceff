//! What counts as lost, and what does not.

use super::super::super::{LargeObject, LargeObjects, SequenceValue};
use super::super::{Settled, compare};
use super::{ROWS, USERS, lines, object, snapshot, table, told, users};
use crate::snapshot::ObjectKind;

#[test]
fn rows_that_are_gone_are_lost() {
    let after = table("public.users", &USERS, &ROWS[..2]);
    assert_eq!(
        told(vec![users()], vec![after]),
        [
            "public.users changed, 3→2 rows",
            "LOSS public.users has 1 row fewer"
        ]
    );
}

#[test]
fn as_many_rows_with_other_keys_are_not_the_same_rows() {
    let rows: [&[&str]; 3] = [&["1", "ann", "x"], &["2", "bob", "y"], &["9", "cid", "x"]];
    let after = table("public.users", &USERS, &rows);
    assert_eq!(
        told(vec![users()], vec![after]),
        [
            "public.users changed, 3 rows",
            "  id changed other",
            "  note: as many rows as before, but with other keys",
            "LOSS public.users has rows with other keys",
        ]
    );
}

#[test]
fn a_dropped_table_and_a_dropped_column_are_lost_with_their_values() {
    let rest: [&[&str]; 3] = [&["1", "x"], &["2", "y"], &["3", "x"]];
    let after = table("public.users", &["id*", "city"], &rest);
    assert_eq!(
        told(
            vec![users(), table("public.z", &["a"], &[&["1"]])],
            vec![after]
        ),
        [
            "public.users changed, 3 rows",
            "  name removed unknown",
            "public.z removed, 1→- rows",
            "LOSS public.users.name is gone with 3 values",
            "LOSS public.z is gone with 1 row",
        ]
    );
}

#[test]
fn what_held_nothing_is_not_lost() {
    let before = vec![
        table("public.empty", &["id*"], &[]),
        table("public.t", &["id*", "never"], &[&["1", "-"], &["2", "-"]]),
    ];
    let after = vec![table("public.t", &["id*"], &[&["1"], &["2"]])];
    assert_eq!(
        told(before, after),
        [
            "public.empty removed, 0→- rows",
            "public.t changed, 2 rows",
            "  never removed unknown",
        ]
    );
}

#[test]
fn values_that_became_null_are_lost() {
    let rows: [&[&str]; 3] = [&["1", "ann", "-"], &["2", "bob", "y"], &["3", "cid", "x"]];
    let after = table("public.users", &USERS, &rows);
    assert_eq!(
        told(vec![users()], vec![after]),
        [
            "public.users changed, 3 rows",
            "  city changed other",
            "LOSS public.users.city has 1 value fewer",
        ]
    );
}

#[test]
fn rewritten_values_are_a_change_and_many_made_one_are_a_loss() {
    let upper: [&[&str]; 3] = [&["1", "ANN", "x"], &["2", "BOB", "y"], &["3", "CID", "x"]];
    assert_eq!(
        told(vec![users()], vec![table("public.users", &USERS, &upper)]),
        ["public.users changed, 3 rows", "  name changed other"]
    );
    let one: [&[&str]; 3] = [&["1", "n", "x"], &["2", "n", "y"], &["3", "n", "x"]];
    assert_eq!(
        told(vec![users()], vec![table("public.users", &USERS, &one)]),
        [
            "public.users changed, 3 rows",
            "  name changed one-value",
            "LOSS public.users.name had different values, now all 3 values are the same",
        ]
    );
}

#[test]
fn values_swapped_between_rows_are_told() {
    let rows: [&[&str]; 3] = [&["1", "bob", "x"], &["2", "ann", "y"], &["3", "cid", "x"]];
    assert_eq!(
        told(vec![users()], vec![table("public.users", &USERS, &rows)]),
        ["public.users changed, 3 rows", "  name changed other-rows"]
    );
    let keyless = |rows: &[&[&str]]| table("public.t", &["a", "b"], rows);
    assert_eq!(
        told(
            vec![keyless(&[&["1", "x"], &["2", "y"]])],
            vec![keyless(&[&["1", "y"], &["2", "x"]])]
        ),
        [
            "public.t changed, 2 rows",
            "  note: the same values in other combinations"
        ]
    );
}

#[test]
fn a_row_replaced_by_a_duplicate_is_told() {
    let keyless = |rows: &[&[&str]]| table("public.t", &["a"], rows);
    assert_eq!(
        told(
            vec![keyless(&[&["1"], &["2"], &["3"]])],
            vec![keyless(&[&["1"], &["1"], &["3"]])]
        ),
        ["public.t changed, 3 rows", "  a changed other"]
    );
}

const OPEN: [&str; 3] = [
    "public.users changed, 3→4 rows",
    "  note: rows were added; whether those of before are all there still is not known",
    "LOSS public.users may be without some of its 3 rows of before, others were added",
];

#[test]
fn added_rows_are_no_loss_once_those_of_before_are_known_to_be_there() {
    let after: [&[&str]; 4] = [ROWS[0], ROWS[1], ROWS[2], &["4", "dee", "-"]];
    let before = snapshot(vec![users()]);
    let mut after = snapshot(vec![table("public.users", &USERS, &after)]);
    let found = compare(&before, &after);
    assert_eq!(found.unsettled, ["public.users"]);
    assert_eq!(lines(&found), OPEN);
    // The server knows.
    let kept = [("public.users".to_owned(), "public.users".to_owned())];
    after.record.kept = kept.clone().into();
    let known = compare(&before, &after);
    assert_eq!(lines(&known), [OPEN[0]]);
    assert!(known.unsettled.is_empty() && !known.loss);
    // Of another table by now under that name.
    after.record.kept = [(kept[0].0.clone(), "public.others".to_owned())].into();
    assert!(compare(&before, &after).loss);
    // Somebody looked.
    let mut settled = found.clone();
    settled.settle("public.users", Settled::Gone(0));
    assert_eq!(lines(&settled), [OPEN[0]]);
    let mut settled = found.clone();
    settled.settle("public.users", Settled::Gone(2));
    assert_eq!(
        lines(&settled),
        [
            OPEN[0],
            "  note: 2 rows of before gone, others were added",
            "LOSS public.users is without 2 rows of before (gone), others were added",
        ]
    );
    let mut settled = found;
    settled.settle("public.users", Settled::GoneOrChanged(1));
    assert!(
        settled.losses[0]
            .what
            .contains("1 row of before (gone or changed)")
    );
    assert!(settled.unsettled.is_empty());
}

#[test]
fn a_type_change_that_keeps_the_text_keeps_the_values() {
    let mut after = users();
    after.columns[0].data_type = "bigint".to_owned();
    assert_eq!(
        told(vec![users()], vec![after]),
        ["public.users changed, 3 rows", "  id changed same type"]
    );
}

#[test]
fn sequences_and_populated_views_are_properties() {
    let sequence = |last| super::Object {
        sequence: Some(SequenceValue { last, called: true }),
        ..object("public.s", ObjectKind::Sequence)
    };
    let view = |populated| super::Object {
        populated: Some(populated),
        ..object("public.v", ObjectKind::MaterializedView)
    };
    assert_eq!(
        told(
            vec![sequence(5), view(true)],
            vec![sequence(6), view(false)]
        ),
        [
            "public.v changed",
            "  content: populated → not populated",
            "public.s changed",
            "  value: 5 → 6"
        ]
    );
}

#[test]
fn large_objects_that_are_gone_are_lost_even_if_others_came() {
    let with = |oids: &[u32]| {
        let mut all = LargeObjects::default();
        for oid in oids {
            let fingerprint = super::Fingerprint(u128::from(*oid));
            all.count += 1;
            all.bytes += 10;
            all.fingerprint += fingerprint;
            all.each.push(LargeObject {
                oid: *oid,
                bytes: 10,
                fingerprint,
            });
        }
        super::Snapshot {
            large_objects: all,
            ..snapshot(Vec::new())
        }
    };
    let difference = compare(&with(&[1, 2]), &with(&[2, 3]));
    assert_eq!(lines(&difference), ["LOSS large objects 1 object gone"]);
    assert_eq!(difference.database[0].property, "large objects");
}
