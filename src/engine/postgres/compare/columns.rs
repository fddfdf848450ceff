//! Which property of which column a differing line is about, by the catalogs' facts.

use super::lines::{self, LinePair};
use super::naming::quote;
use crate::engine::Discrepancy;
use crate::engine::postgres::quoting::quote_identifier;
use crate::snapshot::{Column, Object, Snapshot};

/// The facts of one object on both sides.
pub(super) struct Facts<'a> {
    object: &'a str,
    expected: &'a [Column],
    found: &'a [Column],
}

/// A property's kind, what the archive has, what the copy has.
type Property = (&'static str, String, String);

impl<'a> Facts<'a> {
    pub(super) fn of(archive: &'a Snapshot, copy: &'a Snapshot, object: &'a str) -> Self {
        let columns = |snapshot: &'a Snapshot| {
            let found: Option<&'a Object> = snapshot.objects.iter().find(|o| o.name == object);
            found.map_or(&[][..], |o| &o.columns)
        };
        Self {
            object,
            expected: columns(archive),
            found: columns(copy),
        }
    }

    pub(super) fn tell(&self, kind: &str, expected: &str, found: &str) -> Discrepancy {
        Discrepancy {
            object: self.object.to_owned(),
            kind: kind.to_owned(),
            expected: lines::shortened(expected),
            found: lines::shortened(found),
        }
    }

    /// Properties that are printed alike after any reload: names, types, nullability,
    /// collation. (Identity stands with its sequence.) Columns are taken by name: a child's may come in another order.
    pub(super) fn plain_differences(&self) -> Vec<Discrepancy> {
        if self.expected.is_empty() || self.found.is_empty() {
            return Vec::new();
        }
        let mut told = Vec::new();
        for column in self.expected {
            let Some(other) = self.found.iter().find(|c| c.name == column.name) else {
                told.push(self.tell("column", &described(column), "missing"));
                continue;
            };
            for (kind, expected, found) in plain_properties(column, other) {
                told.push(self.property(column, kind, &expected, &found));
            }
        }
        for column in self.found {
            if !self.expected.iter().any(|c| c.name == column.name) {
                told.push(self.tell("column", "nothing", &described(column)));
            }
        }
        told
    }

    fn property(&self, column: &Column, kind: &str, expected: &str, found: &str) -> Discrepancy {
        let name = &column.name;
        self.tell(
            kind,
            &format!("column {name}: {expected}"),
            &format!("column {name}: {found}"),
        )
    }

    /// What a pair of differing lines is about: properties of a column, a constraint, or,
    /// when nothing more is known, `kind` with the lines themselves.
    pub(super) fn named(&self, kind: &str, pair: &LinePair<'_>) -> Vec<Discrepancy> {
        let line = pair.expected.or(pair.found).unwrap_or_default();
        let by_column = |column: &&Column| starts_with_name(line, &column.name);
        let before = self.expected.iter().find(by_column);
        let after = self.found.iter().find(by_column);
        let of_column = kind.ends_with("table") && (before.is_some() || after.is_some());
        if of_column && let (Some(before), Some(after)) = (before, after) {
            let properties = self.changed(before, after, pair);
            if !properties.is_empty() {
                return properties;
            }
        }
        let kind = if of_column {
            "column"
        } else {
            kind_of_line(line).unwrap_or(kind)
        };
        let expected = pair.expected.unwrap_or("nothing");
        vec![self.tell(kind, expected, pair.found.unwrap_or("missing"))]
    }

    fn changed(&self, before: &Column, after: &Column, pair: &LinePair<'_>) -> Vec<Discrepancy> {
        plain_properties(before, after)
            .into_iter()
            .chain(expressions(before, after, pair))
            .map(|(kind, expected, found)| self.property(before, kind, &expected, &found))
            .collect()
    }
}

fn starts_with_name(line: &str, name: &str) -> bool {
    let begins = |name: &str| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    begins(&quote(name)) || begins(&quote_identifier(name))
}

fn kind_of_line(line: &str) -> Option<&'static str> {
    let within = |words: &str| line.contains(words);
    if line.starts_with("CONSTRAINT ") || within(" ADD CONSTRAINT ") {
        Some("constraint")
    } else if within(" ENABLE TRIGGER ") || within(" DISABLE TRIGGER ") {
        Some("trigger")
    } else if within(" ROW LEVEL SECURITY") {
        Some("row security")
    } else if within(" REPLICA IDENTITY ") {
        Some("replica identity")
    } else if within(" SET STATISTICS ") {
        Some("statistics target")
    } else if within(" SET STORAGE ") || within(" SET COMPRESSION ") {
        Some("storage")
    } else if within(" SET DEFAULT ") {
        Some("default")
    } else if within(" ADD GENERATED ") {
        Some("identity")
    } else if within(" CLUSTER ON ") {
        Some("clustered index")
    } else {
        None
    }
}

fn described(column: &Column) -> String {
    format!("column {} {}", column.name, column.data_type)
}

fn or_none(text: Option<&String>) -> String {
    text.cloned().unwrap_or_else(|| "none".to_owned())
}

fn plain_properties(a: &Column, b: &Column) -> Vec<Property> {
    let null = |nullable| if nullable { "nullable" } else { "not null" }.to_owned();
    let all = [
        ("type", a.data_type.clone(), b.data_type.clone()),
        ("not null", null(a.nullable), null(b.nullable)),
        (
            "collation",
            or_none(a.collation.as_ref()),
            or_none(b.collation.as_ref()),
        ),
    ];
    all.into_iter().filter(|(_, a, b)| a != b).collect()
}

/// Expressions are compared by the lines, the expected one of which may be the reference's:
/// the archive's own facts may print the same expression differently.
fn expressions(a: &Column, b: &Column, pair: &LinePair<'_>) -> Vec<Property> {
    let line = pair.expected.unwrap_or_default();
    let all = [
        (
            "default",
            " DEFAULT ",
            a.default.as_ref(),
            b.default.as_ref(),
        ),
        (
            "generated",
            " GENERATED ALWAYS AS ",
            a.generated.as_ref(),
            b.generated.as_ref(),
        ),
    ];
    all.into_iter()
        .filter(|(_, word, a, b)| a != b && !says(line, word, *b))
        .map(|(kind, _, a, b)| (kind, or_none(a), or_none(b)))
        .collect()
}

/// True if a column's line has this expression behind `word`, or nothing if there is none.
fn says(line: &str, word: &str, expression: Option<&String>) -> bool {
    let Some((_, rest)) = line.split_once(word) else {
        return expression.is_none();
    };
    let Some(expression) = expression else {
        return false;
    };
    let bare = expression.trim_start_matches("stored ");
    let bare = bare.trim_start_matches("virtual ");
    let ends = |rest: &str| rest.is_empty() || rest.starts_with(' ');
    [bare.to_owned(), format!("({bare})")]
        .iter()
        .any(|text| rest.strip_prefix(&**text).is_some_and(ends))
}
