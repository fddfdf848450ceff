//! What collections lose beside documents.

use super::super::super::{Object, ObjectKind, PartKind};
use super::lost_definitions::lost;
use super::{ROWS, part, table};

fn todos(parts: &[(PartKind, &str, &str)]) -> Vec<Object> {
    let mut todos = table("todos", &["_id*", "title", "reviewers"], &ROWS);
    todos.kind = ObjectKind::Collection;
    let parts = parts.iter();
    todos.parts = parts
        .map(|(kind, name, text)| part(*kind, name, text))
        .collect();
    vec![todos]
}

fn indexed(text: &str) -> Vec<Object> {
    todos(&[(PartKind::Index, "i", text)])
}

#[test]
fn an_index_and_what_it_kept_are_lost_unless_another_one_keeps_it() {
    for (before, after, gone) in [
        (r#"{"key":{"title":1},"v":2}"#, None, "is gone"),
        (
            r#"{"key":{"title":1},"v":2}"#,
            Some(r#"{"key":{"title":1,"x":-1},"v":2}"#),
            "",
        ),
        (
            r#"{"key":{"title":1},"v":2}"#,
            Some(r#"{"key":{"title":1},"sparse":true,"v":2}"#),
            "",
        ),
        (
            r#"{"key":{"title":1},"unique":true,"v":2}"#,
            None,
            "is gone",
        ),
        (
            r#"{"key":{"title":1},"unique":true,"v":2}"#,
            Some(r#"{"key":{"title":1},"v":2}"#),
            "no longer keeps values unique",
        ),
        (
            r#"{"key":{"at":1},"expireAfterSeconds":60,"v":2}"#,
            Some(r#"{"key":{"at":1},"v":2}"#),
            "no longer lets documents expire",
        ),
        (
            r#"{"key":{"at":1},"expireAfterSeconds":60,"v":2}"#,
            Some(r#"{"key":{"at":1},"expireAfterSeconds":90,"v":2}"#),
            "",
        ),
        (r#"{"key":{"reviewers.name":1},"v":2}"#, None, "is gone"),
    ] {
        let now = after.map_or_else(|| todos(&[]), indexed);
        let losses = lost(indexed(before), now);
        let expected = format!("todos index i: {gone}: {before}");
        let expected: Vec<String> = (!gone.is_empty()).then_some(expected).into_iter().collect();
        assert_eq!(losses, expected, "{before} → {after:?}");
    }
}

#[test]
fn an_index_of_a_field_that_is_gone_is_no_loss_of_its_own() {
    let before = indexed(r#"{"key":{"reviewers.name":1},"v":2}"#);
    let rest: [&[&str]; 3] = [&["1", "ann"], &["2", "bob"], &["3", "cid"]];
    let mut after = table("todos", &["_id*", "title"], &rest);
    after.kind = ObjectKind::Collection;
    assert_eq!(
        lost(before, vec![after]),
        ["todos.reviewers: is gone with 3 values"]
    );
}

#[test]
fn a_validator_that_is_gone_or_obeyed_less_is_lost() {
    let setting = |name, text| (PartKind::Setting, name, text);
    let validator = setting("validator", r#"{"title":{"$type":"string"}}"#);
    let looser = setting("validator", "{}");
    assert_eq!(
        lost(todos(&[validator]), todos(&[])),
        [r#"todos validator: is gone: {"title":{"$type":"string"}}"#]
    );
    assert!(lost(todos(&[validator]), todos(&[looser])).is_empty());
    let warning = setting("validationAction", "\"warn\"");
    assert_eq!(
        lost(todos(&[validator]), todos(&[validator, warning])),
        ["todos validationAction: is \"warn\" now: the validator is obeyed less"]
    );
    assert!(lost(todos(&[validator, warning]), todos(&[validator])).is_empty());
    let expiring = setting("expireAfterSeconds", "60");
    assert_eq!(
        lost(todos(&[expiring]), todos(&[])),
        ["todos expireAfterSeconds: is gone: documents no longer expire"]
    );
}
