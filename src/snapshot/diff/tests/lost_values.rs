//! Narrowed types, and sequences that were set back.

use super::super::super::{Object, ObjectKind, SequenceValue};
use super::lost_definitions::lost;
use super::{object, table};

fn typed(data_type: &str, key: bool, values: [&str; 2]) -> Object {
    let rows: [&[&str]; 2] = [&["1", values[0]], &["2", values[1]]];
    let id = if key { "id*" } else { "id" };
    let mut table = table("public.t", &[id, "v"], &rows);
    data_type.clone_into(&mut table.columns[1].data_type);
    table
}

#[test]
fn a_narrower_type_with_other_values_is_a_loss_with_a_key_and_without() {
    for key in [true, false] {
        let before = typed("character varying(50)", key, ["truncated", "kept"]);
        let cut = typed("character varying(5)", key, ["trunc", "kept"]);
        assert_eq!(
            lost(vec![before.clone()], vec![cut]),
            [
                "public.t.v: is character varying(5), was character varying(50): not every value reads as before"
            ]
        );
        let whole = typed("character varying(9)", key, ["truncated", "kept"]);
        assert!(lost(vec![before], vec![whole]).is_empty());
    }
}

#[test]
fn a_wider_type_whose_text_is_another_one_is_no_loss() {
    let before = typed("integer", true, ["1", "2"]);
    let after = typed("numeric(12,2)", true, ["1.00", "2.00"]);
    assert!(lost(vec![before], vec![after]).is_empty());
    let before = typed("date", true, ["2020-01-01", "2020-01-02"]);
    let after = typed(
        "timestamp without time zone",
        true,
        ["2020-01-01 00:00:00", "2020-01-02 00:00:00"],
    );
    assert!(lost(vec![before.clone()], vec![after.clone()]).is_empty());
    assert_eq!(lost(vec![after], vec![before]).len(), 1);
}

fn sequence(name: &str, definition: &str, last: i64, called: bool) -> Object {
    Object {
        definition: Some(format!("AS bigint START 1 INCREMENT {definition}")),
        sequence: Some(SequenceValue { last, called }),
        ..object(name, ObjectKind::Sequence)
    }
}

#[test]
fn a_sequence_that_may_hand_out_a_value_again_is_lost() {
    for (before, after, set_back) in [
        ((5, true), (6, true), false),
        ((5, true), (6, false), false),
        ((5, true), (5, false), true),
        ((5, true), (4, true), true),
        ((5, false), (4, true), false),
        ((1, false), (1, false), false),
    ] {
        let with = |value: (i64, bool)| vec![sequence("public.s", "1 CACHE 1", value.0, value.1)];
        let losses = lost(with(before), with(after));
        assert_eq!(!losses.is_empty(), set_back, "{before:?} → {after:?}");
    }
    let down = |last| vec![sequence("public.s", "-1", last, true)];
    assert!(lost(down(-5), down(-6)).is_empty());
    assert_eq!(
        lost(down(-6), down(-5)),
        ["public.s: is set back to -5 from -6: it may hand out values again"]
    );
    let round = |last| vec![sequence("public.s", "1 CACHE 1 CYCLE", last, true)];
    assert!(lost(round(9), round(1)).is_empty());
}

#[test]
fn the_sequence_that_takes_over_a_column_goes_on_where_the_old_one_stood() {
    let table = || table("public.t", &["id*"], &[&["1"]]);
    let serial = || sequence("public.t_id_seq", "1 OWNED BY public.t.id", 300, true);
    let identity = |last| sequence("public.t_id_seq1", "1 IDENTITY OF public.t.id", last, true);
    let before = || vec![table(), serial()];
    assert!(lost(before(), vec![table(), identity(300)]).is_empty());
    assert_eq!(
        lost(before(), vec![table(), identity(1)]),
        [
            "public.t_id_seq: was replaced by public.t_id_seq1 to 1 from 300: it may hand out values again"
        ]
    );
    // Nobody counts here any more.
    assert!(lost(before(), vec![table()]).is_empty());
}

#[test]
fn a_sequence_of_no_column_is_lost_with_where_it_stood() {
    let tickets = |called| sequence("public.tickets", "1", 7, called);
    assert_eq!(
        lost(vec![tickets(true)], vec![]),
        ["public.tickets: is gone, it stood at 7"]
    );
    assert!(lost(vec![tickets(false)], vec![]).is_empty());
}
