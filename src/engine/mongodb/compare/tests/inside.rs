//! What came and went inside of documents.

use std::collections::BTreeMap;

use super::*;
use crate::fingerprint::InsideHasher;
use crate::snapshot::diff::{Difference, Values};
use crate::snapshot::{Inside, Looked};

fn inside(documents: &[RawDocumentBuf]) -> Inside {
    let mut hasher = InsideHasher::new();
    for document in documents {
        hasher.document(document.as_bytes(), None).unwrap();
    }
    hasher.finish()
}

fn looked(before: &[RawDocumentBuf], after: &[RawDocumentBuf]) -> Difference {
    let of = |documents| snapshot(vec![object("c", rawdoc! {}, documents)]);
    let (first, second) = (of(before), of(after));
    let mut found = diff::compare(&first, &second);
    assert_eq!(found.open_inside, ["c"]);
    found.look_inside(
        "c",
        (&first, &inside(before)),
        (&second, &inside(after)),
        &Looked::All,
    );
    assert!(found.open_inside.is_empty());
    found
}

fn lost(found: &Difference) -> Vec<String> {
    assert_eq!(found.loss, !found.losses.is_empty());
    let losses = found.losses.iter();
    losses
        .map(|loss| format!("{}: {}", loss.object, loss.what))
        .collect()
}

/// Each changed field: what happened to it, and its name before where that is another.
fn told(found: &Difference) -> BTreeMap<String, (ColumnChangeKind, Option<String>)> {
    let columns = found.objects[0].columns.iter();
    columns
        .map(|one| (one.name.clone(), (one.change, one.from.clone())))
        .collect()
}

fn people(each: impl Fn(i32) -> RawDocumentBuf) -> Vec<RawDocumentBuf> {
    (0..20).map(each).collect()
}

fn addressed(n: i32) -> RawDocumentBuf {
    let address = rawdoc! { "street": format!("s{n}"), "zip": format!("z{n}") };
    rawdoc! { "_id": n, "name": format!("n{n}"), "address": address }
}

#[test]
fn a_value_that_is_gone_from_within_is_lost() {
    let after = people(|n| {
        let address = rawdoc! { "street": format!("s{n}") };
        rawdoc! { "_id": n, "name": format!("n{n}"), "address": address }
    });
    let found = looked(&people(addressed), &after);
    assert_eq!(lost(&found), ["c.address.zip: is gone with 20 values"]);
    let some = people(|n| match n {
        0..5 => rawdoc! { "_id": n, "name": format!("n{n}"), "address": { "street": "x" } },
        _ => addressed(n),
    });
    let found = looked(&people(addressed), &some);
    assert_eq!(lost(&found), ["c.address.zip: has 5 values fewer"]);
}

#[test]
fn a_document_that_is_gone_is_one_loss() {
    let after = people(|n| rawdoc! { "_id": n, "name": format!("n{n}") });
    let found = looked(&people(addressed), &after);
    assert_eq!(lost(&found), ["c.address: is gone with 20 values"]);
    assert_eq!(told(&found).len(), 1);
    let some = people(|n| match n {
        0..5 => rawdoc! { "_id": n, "name": format!("n{n}") },
        _ => addressed(n),
    });
    let found = looked(&people(addressed), &some);
    assert_eq!(lost(&found), ["c.address: has 5 values fewer"]);
}

#[test]
fn names_inside_that_changed_are_renames() {
    let after = people(|n| {
        let address = rawdoc! { "street": format!("s{n}"), "postcode": format!("z{n}") };
        rawdoc! { "_id": n, "name": format!("n{n}"), "address": address }
    });
    let found = looked(&people(addressed), &after);
    assert_eq!(lost(&found), [""; 0]);
    let renamed = &told(&found)["address.postcode"];
    let from = Some("address.zip".to_owned());
    assert_eq!(*renamed, (ColumnChangeKind::Renamed, from));
}

#[test]
fn a_field_that_went_into_a_document_and_one_that_came_out_of_it_are_kept() {
    let nested = people(|n| {
        let who = rawdoc! { "name": format!("n{n}") };
        let address = rawdoc! { "street": format!("s{n}"), "zip": format!("z{n}") };
        rawdoc! { "_id": n, "who": who, "address": address }
    });
    let (plain, into) = (people(addressed), ("who.name", "name"));
    for (before, after, (to, from)) in
        [(&plain, &nested, into), (&nested, &plain, (into.1, into.0))]
    {
        // A document that came or went makes looking inside worth it only where there was one.
        let of = |documents| snapshot(vec![object("c", rawdoc! {}, documents)]);
        let (first, second) = (of(before), of(after));
        let mut found = diff::compare(&first, &second);
        found.look_inside(
            "c",
            (&first, &inside(before)),
            (&second, &inside(after)),
            &Looked::All,
        );
        assert_eq!(lost(&found), [""; 0]);
        let renamed = told(&found)[to].clone();
        assert_eq!(renamed, (ColumnChangeKind::Renamed, Some(from.to_owned())));
    }
}

#[test]
fn a_document_that_was_taken_apart_is_lost_as_far_as_it_is() {
    let flat = people(|n| {
        rawdoc! { "_id": n, "name": format!("n{n}"), "street": format!("s{n}"),
        "zip": format!("z{n}") }
    });
    let found = looked(&people(addressed), &flat);
    assert_eq!(lost(&found), [""; 0]);
    let columns = &found.objects[0].columns;
    let address = columns.iter().find(|one| one.name == "address").unwrap();
    let kept = (ColumnChangeKind::Removed, Values::Same);
    assert_eq!((address.change, address.values), kept);
    let part = people(|n| rawdoc! { "_id": n, "name": format!("n{n}"), "zip": format!("z{n}") });
    let found = looked(&people(addressed), &part);
    assert_eq!(lost(&found), ["c.address.street: is gone with 20 values"]);
}

#[test]
fn a_document_under_another_name_is_told_as_a_whole() {
    let renamed = |n| {
        let home = rawdoc! { "street": format!("s{n}"), "zip": format!("z{n}") };
        rawdoc! { "_id": n, "name": "all the same now", "home": home, "tags": [n] }
    };
    let before = people(|n| {
        let address = rawdoc! { "street": format!("s{n}"), "zip": format!("z{n}") };
        rawdoc! { "_id": n, "name": "all the same now", "address": address, "tags": [n, n + 1] }
    });
    let found = looked(&before, &people(renamed));
    assert_eq!(lost(&found), ["c.tags.$: has 20 values fewer"]);
    let names: Vec<String> = told(&found).into_keys().collect();
    assert_eq!(names, ["home", "tags", "tags.$"]);
}

#[test]
fn elements_of_arrays_that_are_gone_take_what_they_held_along() {
    let order = |items: i32| {
        move |n: i32| {
            let mut all = bson::RawArrayBuf::new();
            for i in 0..items {
                all.push(rawdoc! { "sku": format!("{n}-{i}"), "price": i });
            }
            rawdoc! { "_id": n, "items": all }
        }
    };
    let found = looked(&people(order(4)), &people(order(3)));
    assert_eq!(lost(&found), ["c.items.$: has 20 values fewer"]);
    let found = looked(&people(order(3)), &people(order(4)));
    assert_eq!(lost(&found), [""; 0]);
}

#[test]
fn an_array_that_is_gone_takes_its_elements_along() {
    let before = people(|n| rawdoc! { "_id": n, "a": { "list": [n, 2, 3], "b": 1 } });
    let after = people(|n| match n {
        0..3 => rawdoc! { "_id": n, "a": { "b": 1 } },
        _ => before[usize::try_from(n).unwrap()].clone(),
    });
    assert_eq!(
        lost(&looked(&before, &after)),
        ["c.a.list: has 3 values fewer"]
    );
    let after = people(|n| rawdoc! { "_id": n, "a": { "b": 1 } });
    assert_eq!(
        lost(&looked(&before, &after)),
        ["c.a.list: is gone with 20 values"]
    );
}

#[test]
fn a_document_that_is_a_plain_value_now_is_lost_with_what_it_held() {
    let after = people(|n| rawdoc! { "_id": n, "name": format!("n{n}"), "address": "unknown" });
    let gone = |path| format!("c.address.{path}: is gone with 20 values");
    let found = looked(&people(addressed), &after);
    assert_eq!(lost(&found), [gone("street"), gone("zip")]);
}

#[test]
fn documents_that_are_gone_take_what_they_held_along() {
    let mut before = people(|n| rawdoc! { "_id": n, "address": { "zip": "z" } });
    let within = rawdoc! { "zip": "z", "old": { "a": 1 } };
    before[7] = rawdoc! { "_id": 7, "address": within, "list": [1, 2, 3] };
    let mut after = before.clone();
    after.remove(7);
    let found = looked(&before, &after);
    assert_eq!(lost(&found), ["c: has 1 document fewer"]);
}

#[test]
fn values_inside_that_changed_are_told_and_no_loss() {
    let after = people(|n| {
        let address = rawdoc! { "street": format!("s{n}"), "zip": format!("Z{n}") };
        rawdoc! { "_id": n, "name": format!("n{n}"), "address": address }
    });
    let found = looked(&people(addressed), &after);
    assert_eq!(lost(&found), [""; 0]);
    assert!(told(&found).contains_key("address.zip"));
    assert!(!told(&found).contains_key("address.street"));
    let one = people(|n| {
        let address = rawdoc! { "street": format!("s{n}"), "zip": "redacted" };
        rawdoc! { "_id": n, "name": format!("n{n}"), "address": address }
    });
    let found = looked(&people(addressed), &one);
    let all = "had different values, now all 20 values are the same";
    assert_eq!(lost(&found), [format!("c.address.zip: {all}")]);
}

#[test]
fn names_that_are_data_are_compared_as_one() {
    let prices = |days: i32| {
        move |n: i32| {
            let mut prices = RawDocumentBuf::new();
            for day in 0..days {
                let name = bson::raw::CString::try_from(format!("d{n}-{day}")).unwrap();
                prices.append(&name, day);
            }
            rawdoc! { "_id": n, "prices": prices }
        }
    };
    let found = looked(&people(prices(40)), &people(prices(39)));
    assert_eq!(lost(&found), ["c.prices.*: has 20 values fewer"]);
    let found = looked(&people(prices(40)), &people(prices(3)));
    assert_eq!(lost(&found), ["c.prices.*: has 740 values fewer"]);
}

#[test]
fn a_field_that_is_called_what_a_path_is_stays_that_field() {
    let document = |zip: &'static str| move |n: i32| rawdoc! { "_id": n, "a.b": format!("x{n}"), "a": { "b": zip, "c": n } };
    let found = looked(&people(document("1")), &people(document("2")));
    assert_eq!(lost(&found), [""; 0]);
    assert!(!told(&found).contains_key("a.b"));
}

#[test]
fn what_is_the_same_is_not_looked_into() {
    let after = people(|n| {
        let address = rawdoc! { "street": format!("s{n}"), "zip": format!("z{n}") };
        rawdoc! { "_id": n, "name": "other", "address": address }
    });
    let of = |documents| snapshot(vec![object("c", rawdoc! {}, documents)]);
    let found = diff::compare(&of(&people(addressed)), &of(&after));
    assert!(found.open_inside.is_empty());
}

#[test]
fn rows_that_stayed_are_looked_at_unless_they_are_known_to_be_as_they_were() {
    let before = snapshot(vec![object("c", rawdoc! {}, &people(addressed))]);
    let mut more = people(addressed);
    more.push(addressed(20));
    let mut after = snapshot(vec![object("c", rawdoc! {}, &more)]);
    assert_eq!(diff::compare(&before, &after).open_inside, ["c"]);
    // That none was deleted says nothing of their fields.
    after.record.kept = [("c".to_owned(), "c".to_owned())].into();
    assert_eq!(diff::compare(&before, &after).open_inside, ["c"]);
    after.record.unchanged = ["c".to_owned()].into();
    assert!(diff::compare(&before, &after).open_inside.is_empty());
}

#[test]
fn of_rows_that_stayed_only_they_are_compared() {
    let fields = |n: i32| rawdoc! { "_id": n, "a": format!("a{n}"), "b": { "c": n, "d": 1 } };
    let before = people(fields);
    let now = |n: i32| {
        let mut document = rawdoc! { "_id": n, "b": { "c": n } };
        if n >= 4 {
            document.append(bson::raw::cstr!("a"), format!("a{n}"));
        }
        document
    };
    let mut after = people(now);
    after.extend((20..30).map(fields));
    let of = |documents: &[RawDocumentBuf]| snapshot(vec![object("c", rawdoc! {}, documents)]);
    let (first, second) = (of(&before), of(&after));
    let mut found = diff::compare(&first, &second);
    found.settle("c", Settled::Gone(0));
    let common = inside(&after[..20]);
    let looked = Looked::Common {
        emptied: [("a".to_owned(), 4)].into(),
    };
    found.look_inside("c", (&first, &inside(&before)), (&second, &common), &looked);
    let expected = ["c.a: has 4 values fewer", "c.b.d: is gone with 20 values"];
    assert_eq!(lost(&found), expected);
}
