//! Losing data: what a rehearsal may lose, and whether the migration came out like it. Pure.

use serde_json::{Value, json};

use super::event::Matched;
use super::journal::Setback;
use super::undo::{ASTRAY, word};
use crate::report::figures::counted;
use crate::snapshot::diff::{
    Change, ColumnChange, ColumnChangeKind, Difference, Loss, ObjectChange,
};
use crate::snapshot::glob_matches;

/// So many losses are told one by one.
const TOLD: usize = 40;

/// The losses that no pattern names.
#[must_use]
pub fn refused<'a>(losses: &'a [Loss], allowed: &[String]) -> Vec<&'a Loss> {
    let named = |loss: &&Loss| {
        allowed
            .iter()
            .any(|pattern| glob_matches(pattern, &loss.object))
    };
    losses.iter().filter(|loss| !named(loss)).collect()
}

/// Why a run that lost so much in its rehearsal does not go on: each loss with the flag that
/// would allow it.
#[must_use]
pub fn setback(losses: &[(Option<&str>, &Loss)]) -> Setback {
    let told = losses.iter().take(TOLD).map(|(target, loss)| {
        let target = target.map_or_else(String::new, |target| format!("{target}: "));
        format!(
            "{target}{}: {}   ({})",
            loss.object,
            loss.what,
            flag(&loss.object)
        )
    });
    let mut causes: Vec<String> = told.collect();
    if let Some(more) = losses.len().checked_sub(TOLD).filter(|more| *more > 0) {
        causes.push(format!("and {}", counted(more as u64, "more", "more")));
    }
    let mut flags: Vec<String> = losses.iter().map(|(_, loss)| flag(&loss.object)).collect();
    flags.dedup();
    flags.truncate(TOLD);
    let what = if losses.iter().any(|(_, loss)| loss.kind.is_content()) {
        "data"
    } else {
        "definitions"
    };
    Setback {
        code: "loss".to_owned(),
        message: format!(
            "COMMAND lost {what} on the copy: {}; it was not started on the target",
            counted(losses.len() as u64, "loss", "losses")
        ),
        causes,
        hint: Some(format!("if that is meant: {}", flags.join(" "))),
    }
}

/// What allows losses of `object`, as a shell takes it.
fn flag(object: &str) -> String {
    let between = if object.starts_with('-') { '=' } else { ' ' };
    format!("--allow-loss{between}{}", word(object))
}

/// Whether a migration changed what its rehearsal had changed, and in words what came out
/// otherwise.
#[must_use]
pub fn matched(rehearsed: &Difference, real: &Difference) -> (Matched, Vec<String>) {
    let mut lines = Vec::new();
    let more: Vec<&Loss> = real
        .losses
        .iter()
        .filter(|loss| is_new(loss, &rehearsed.losses))
        .collect();
    for loss in more.iter().take(TOLD) {
        lines.push(format!(
            "lost, and not in the rehearsal: {}: {}",
            loss.object, loss.what
        ));
    }
    let otherwise = otherwise(rehearsed, real);
    for object in otherwise.iter().take(TOLD) {
        lines.push(format!("otherwise than rehearsed: {object}"));
    }
    let as_rehearsed = more.is_empty() && otherwise.is_empty();
    if as_rehearsed {
        lines.push("as rehearsed".to_owned());
    }
    let matched = Matched {
        as_rehearsed: Some(as_rehearsed),
        lost_more: !more.is_empty(),
    };
    (matched, lines)
}

/// A loss of an object that lost nothing before, or lost less. A definition is gone or it is
/// not; its text may be another one on a copy, where nothing expires.
fn is_new(loss: &Loss, rehearsed: &[Loss]) -> bool {
    !rehearsed.iter().any(|before| {
        if before.object != loss.object || before.kind != loss.kind {
            return false;
        }
        !loss.kind.is_content()
            || (amount(&loss.what) <= amount(&before.what)
                && without_amount(&loss.what) == without_amount(&before.what))
    })
}

fn amount(what: &str) -> u64 {
    let digits: String = what
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(|c| c.is_ascii_digit() || *c == ',')
        .filter(char::is_ascii_digit)
        .collect();
    digits.parse().unwrap_or(0)
}

fn without_amount(what: &str) -> String {
    // "1 row", "2 rows".
    what.split(' ')
        .filter(|word| !word.chars().all(|c| c.is_ascii_digit() || c == ','))
        .map(|word| word.trim_end_matches('s'))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether all definitions that a rehearsal changed were changed in just that way by what was
/// found. Rows alone tell nothing: others may write to the same table.
#[must_use]
pub fn repeats(rehearsed: &Difference, found: &Difference) -> bool {
    let telling = |object: &&ObjectChange| {
        let redefined = |column: &ColumnChange| {
            column.change != ColumnChangeKind::Changed || !column.properties.is_empty()
        };
        object.change != Change::Changed
            || !object.parts.is_empty()
            || object.columns.iter().any(redefined)
    };
    let found: Vec<_> = found.objects.iter().map(shape).collect();
    let mut telling = rehearsed.objects.iter().filter(telling).peekable();
    telling.peek().is_some() && telling.all(|object| found.contains(&shape(object)))
}

/// Why a run whose rehearsal seems to have gone to the target as well does not go on.
#[must_use]
pub fn repeated(changes: Vec<String>) -> Setback {
    Setback {
        code: ASTRAY.to_owned(),
        message: "the target was changed in just the way in which COMMAND changed the copy: it seems to have been there, too".to_owned(),
        causes: changes,
        hint: Some(
            "the before-archive holds the target as it was; point COMMAND at DATABASE_URL, PG* or \
             MONGODB_URI, or tell it with --env NAME={url}"
                .to_owned(),
        ),
    }
}

/// Objects that changed in another way, by name.
fn otherwise(rehearsed: &Difference, real: &Difference) -> Vec<String> {
    let (a, b) = (shapes(rehearsed), shapes(real));
    let mut names: Vec<String> = a
        .iter()
        .filter(|one| !b.contains(one))
        .chain(b.iter().filter(|one| !a.contains(one)))
        .map(|(name, _)| name.clone())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// What happened to each object, however many rows there were: a fresh backup, or writes of
/// others that were accepted, may have moved the numbers.
fn shapes(difference: &Difference) -> Vec<(String, Value)> {
    // Rows expire whenever the server gets to it.
    let objects = difference.objects.iter().filter_map(|object| {
        let mut object = object.clone();
        object.without_expiry().then_some(object)
    });
    let mut shapes: Vec<(String, Value)> = objects.map(|object| shape(&object)).collect();
    for change in &difference.database {
        if change.property != "large objects" {
            shapes.push(("the database".to_owned(), json!(change)));
        }
    }
    shapes
}

fn shape(object: &ObjectChange) -> (String, Value) {
    let mut object = object.clone();
    let grown = |before: Option<u64>, after: Option<u64>| {
        before.unwrap_or(0).cmp(&after.unwrap_or(0)) as i8
    };
    let rows = grown(object.rows_before, object.rows_after);
    (object.rows_before, object.rows_after) = (None, None);
    object.columns.iter_mut().for_each(without_counts);
    // Where a sequence stands is a number too.
    for property in &mut object.properties {
        if property.property == "value" {
            (property.before, property.after) = (None, None);
        }
    }
    let name = object.object.clone();
    (name, json!([object, rows]))
}

fn without_counts(column: &mut ColumnChange) {
    (column.values_before, column.values_after) = (None, None);
}

#[cfg(test)]
mod tests {
    use super::{matched, refused, setback};
    use crate::snapshot::diff::{Difference, Loss, LossKind};

    fn loss(object: &str, what: &str) -> Loss {
        Loss {
            kind: LossKind::Rows,
            object: object.to_owned(),
            what: what.to_owned(),
        }
    }

    fn losing(losses: &[Loss]) -> Difference {
        Difference {
            loss: !losses.is_empty(),
            losses: losses.to_vec(),
            ..Difference::default()
        }
    }

    #[test]
    fn patterns_allow_what_they_name_and_nothing_else() {
        let losses = [
            loss("public.orders", "has 5 fewer rows"),
            loss("public.users.name", "is gone with 7 values"),
        ];
        let left = |allowed: &[&str]| {
            let allowed: Vec<String> = allowed.iter().map(|p| (*p).to_owned()).collect();
            refused(&losses, &allowed).len()
        };
        assert_eq!(left(&[]), 2);
        assert_eq!(left(&["public.orders"]), 1);
        assert_eq!(left(&["public.users"]), 2, "a column is not its table");
        assert_eq!(left(&["public.users.*", "public.orders"]), 0);
        assert_eq!(left(&["*"]), 0);
    }

    #[test]
    fn each_loss_is_told_with_the_flag_that_would_allow_it() {
        let one = loss("public.\"Or ders\"", "has 5 fewer rows");
        let told = setback(&[(Some("shop"), &one)]);
        assert_eq!(
            told.causes,
            ["shop: public.\"Or ders\": has 5 fewer rows   (--allow-loss 'public.\"Or ders\"')"]
        );
        assert_eq!(
            told.hint.unwrap(),
            "if that is meant: --allow-loss 'public.\"Or ders\"'"
        );
    }

    #[test]
    fn a_name_that_looks_like_a_flag_is_none() {
        let one = loss("-dash", "has 1 row fewer");
        assert_eq!(
            setback(&[(None, &one)]).hint.unwrap(),
            "if that is meant: --allow-loss=-dash"
        );
    }

    #[test]
    fn a_definition_that_was_gone_in_the_rehearsal_too_is_not_lost_more() {
        let index = |what: &str| Loss {
            kind: LossKind::Index,
            ..loss("todos index e", what)
        };
        let rehearsed = losing(&[index("is gone: {}")]);
        let real = losing(&[index(r#"is gone: {"expireAfterSeconds":5}"#)]);
        assert!(!matched(&rehearsed, &real).0.lost_more);
        assert!(matched(&losing(&[]), &real).0.lost_more);
    }

    #[test]
    fn losing_more_than_in_the_rehearsal_is_told() {
        let rehearsed = losing(&[loss("a", "has 5 fewer rows")]);
        for (real, lost_more) in [
            (losing(&[loss("a", "has 5 fewer rows")]), false),
            (losing(&[loss("a", "has 1 fewer row")]), false),
            (losing(&[]), false),
            (losing(&[loss("a", "has 6 fewer rows")]), true),
            (losing(&[loss("a", "has 1,200 fewer rows")]), true),
            (losing(&[loss("b", "has 1 fewer row")]), true),
            (losing(&[loss("a", "is gone with 5 rows")]), true),
        ] {
            let (found, lines) = matched(&rehearsed, &real);
            assert_eq!(found.lost_more, lost_more, "{real:?}");
            assert_eq!(found.as_rehearsed, Some(!lost_more));
            assert!(!lines.is_empty());
        }
    }
}
