//! What collections lose beside documents.

use super::super::super::{Object, ObjectKind, PartKind};
use super::super::{Settled, compare};
use super::lost_definitions::lost;
use super::{ROWS, lines, part, snapshot, table};

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

#[test]
fn documents_that_expired_are_told_and_those_that_are_gone_beside_them_are_lost() {
    let ttl = r#"{"key":{"at":1},"expireAfterSeconds":60,"v":2}"#;
    let of = |rows: &[&[&str]]| {
        let mut todos = table("todos", &["_id*", "title", "reviewers"], rows);
        todos.kind = ObjectKind::Collection;
        todos.parts = vec![part(PartKind::Index, "at", ttl)];
        snapshot(vec![todos])
    };
    let before = of(&ROWS);
    let settled = |after: &[&[&str]], gone, expired| {
        let mut found = compare(&before, &of(after));
        assert_eq!(found.open_expiry, ["todos"]);
        found.settle("todos", Settled::Expired { gone, expired });
        assert!(found.open_expiry.is_empty() && found.unsettled.is_empty());
        let mut object = found.objects[0].clone();
        (lines(&found), object.without_expiry())
    };
    let note = "  note: 2 documents expired meanwhile";
    assert_eq!(
        settled(&ROWS[..1], 0, 2),
        (
            vec!["todos changed, 3→1 rows".to_owned(), note.to_owned()],
            false
        )
    );
    let (told, more) = settled(&ROWS[..1], 1, 1);
    assert_eq!(told[2], "LOSS todos has 1 document fewer");
    assert!(more);
    // As many as before, by other keys: one expired, and one came.
    let (told, more) = settled(&[ROWS[0], ROWS[1], &["9", "new", "-"]], 0, 1);
    assert!(
        told.iter().all(|line| !line.starts_with("LOSS")),
        "{told:?}"
    );
    assert!(more);
    // More than before, and one is gone that had not expired.
    let many: Vec<&[&str]> = vec![
        ROWS[0],
        &["7", "a", "-"],
        &["8", "b", "-"],
        &["9", "c", "-"],
    ];
    let (told, _) = settled(&many, 1, 1);
    let lost = "LOSS todos is without 1 document of before (gone), others were added";
    assert!(told.contains(&lost.to_owned()), "{told:?}");
}
