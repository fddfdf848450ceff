//! What was seen of others' writes, and what came out otherwise than rehearsed. Pure.

use super::super::event::{Done, Event};
use super::super::memory;
use super::super::step::Step;
use super::View;
use crate::report::run::{RunQuiet, RunWritten};
use crate::snapshot::diff::{Difference, ObjectChange, Values};

/// How it is found out whether others wrote while COMMAND ran.
const BY_COMPARING: &str = "the two archives differ as the rehearsed copy did; writes that leave the same counts are not told from COMMAND's";

/// What is known of more than that.
const BEYOND: &str = "more changed than on the rehearsed copy: others wrote, or COMMAND did otherwise. A rollback puts the before-backup back, and this is not in it. Writes to what COMMAND wrote to as well are not told apart";

impl View<'_> {
    /// Of the gap as it was recorded, of the migration as far as the rehearsal tells.
    pub(super) fn quiet(&self) -> Vec<RunQuiet> {
        let mut all = Vec::new();
        for record in self.records {
            for facts in &record.detail.quiet {
                all.push(RunQuiet {
                    target: self.label(Some(facts.target)),
                    step: Step::Gap.word().to_owned(),
                    verdict: facts.verdict.clone(),
                    how: facts.how.clone(),
                    tables_read: facts.objects_read,
                    written: facts.written.clone(),
                    why: facts.why.clone(),
                });
            }
            if let (Event::Done(Done::Compare(_)), Some(target)) = (&record.event, record.target) {
                let real = record.detail.difference.as_ref();
                let rehearsed = memory::rehearsed(self.records, target);
                let told = during(parsed(rehearsed).as_ref(), parsed(real).as_ref());
                all.push(RunQuiet {
                    target: self.label(Some(target)),
                    step: Step::Migration.word().to_owned(),
                    ..told
                });
            }
        }
        all
    }

    /// What came out otherwise than rehearsed, of several targets with its name.
    pub(super) fn unlike_rehearsal(&self) -> Vec<String> {
        let several = self.terms.is_some_and(|terms| terms.targets > 1);
        let mut all = Vec::new();
        for record in self.records {
            let label = self.label(record.target).filter(|_| several);
            all.extend(record.detail.unlike.iter().map(|line| match &label {
                Some(label) => format!("{label}: {line}"),
                None => line.clone(),
            }));
        }
        all
    }
}

fn parsed(difference: Option<&serde_json::Value>) -> Option<Difference> {
    serde_json::from_value(difference?.clone()).ok()
}

/// What others wrote while COMMAND ran, as far as it can be known.
fn during(rehearsed: Option<&Difference>, real: Option<&Difference>) -> RunQuiet {
    let unknown = |why: &str| RunQuiet {
        verdict: "unknown".to_owned(),
        why: Some(why.to_owned()),
        ..RunQuiet::default()
    };
    let Some(real) = real else {
        return unknown("the archives could not be compared");
    };
    let Some(rehearsed) = rehearsed else {
        return unknown("without a rehearsal writes of others are not told from COMMAND's");
    };
    let written = beyond(rehearsed, real);
    if written.is_empty() {
        return RunQuiet {
            verdict: "quiet".to_owned(),
            how: BY_COMPARING.to_owned(),
            ..RunQuiet::default()
        };
    }
    RunQuiet {
        verdict: "written".to_owned(),
        why: Some(BEYOND.to_owned()),
        written,
        ..RunQuiet::default()
    }
}

/// Objects whose content changed otherwise than on the copy.
fn beyond(rehearsed: &Difference, real: &Difference) -> Vec<RunWritten> {
    let of = |difference: &Difference, name: &str| {
        let objects = difference.objects.iter();
        objects.clone().find(|one| one.object == name).cloned()
    };
    let mut names: Vec<&str> = Vec::new();
    for object in real.objects.iter().chain(&rehearsed.objects) {
        if !names.contains(&&*object.object) {
            names.push(&object.object);
        }
    }
    let mut written = Vec::new();
    for name in names {
        let (was, is) = (of(rehearsed, name), of(real, name));
        let rows = net(was.as_ref()).abs_diff(net(is.as_ref()));
        let touched = |one: Option<&ObjectChange>| one.is_some_and(touches);
        let rows_at_least = if rows > 0 {
            Some(u64::try_from(rows).unwrap_or(u64::MAX))
        } else if touched(is.as_ref()) && !touched(was.as_ref()) {
            None
        } else {
            continue;
        };
        written.push(RunWritten {
            object: name.to_owned(),
            rows_at_least,
        });
    }
    written
}

/// Rows more than before.
fn net(object: Option<&ObjectChange>) -> i128 {
    let rows = |rows: Option<u64>| i128::from(rows.unwrap_or(0));
    object.map_or(0, |one| rows(one.rows_after) - rows(one.rows_before))
}

/// True if values are others now, or a sequence stands elsewhere.
fn touches(object: &ObjectChange) -> bool {
    let other = |values| matches!(values, Values::Other | Values::OtherRows | Values::OneValue);
    object.columns.iter().any(|column| other(column.values))
        || object.properties.iter().any(|one| one.property == "value")
        || !object.notes.is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{during, parsed};
    use crate::snapshot::diff::Difference;

    fn difference(objects: &[(&str, u64, u64)]) -> Difference {
        let object = |(name, before, after): &(&str, u64, u64)| {
            json!({"object": name, "kind": "table", "change": "changed", "rows_before": before,
                   "rows_after": after, "columns": [], "parts": [], "properties": [], "notes": []})
        };
        let objects: Vec<Value> = objects.iter().map(object).collect();
        let value = json!({"same": false, "loss": false, "objects": objects, "losses": [],
                           "database": [], "notes": []});
        parsed(Some(&value)).unwrap()
    }

    #[test]
    fn what_changed_beyond_the_rehearsal_is_told_with_its_rows() {
        let rehearsed = difference(&[("a", 10, 12), ("b", 5, 5)]);
        let real = difference(&[("a", 20, 22), ("b", 5, 5), ("c", 7, 10)]);
        let told = during(Some(&rehearsed), Some(&real));
        assert_eq!(told.verdict, "written");
        assert_eq!(told.written.len(), 1);
        assert_eq!(told.written[0].object, "c");
        assert_eq!(told.written[0].rows_at_least, Some(3));
        assert!(told.why.unwrap().contains("not told apart"));
    }

    #[test]
    fn the_same_as_on_the_copy_is_quiet_and_without_a_rehearsal_nothing_is_known() {
        let real = difference(&[("a", 20, 22)]);
        assert_eq!(
            during(Some(&difference(&[("a", 1, 3)])), Some(&real)).verdict,
            "quiet"
        );
        let unknown = during(None, Some(&real));
        assert_eq!(unknown.verdict, "unknown");
        assert!(unknown.why.unwrap().contains("without a rehearsal"));
    }
}
