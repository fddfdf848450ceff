//! What changed in an object, detail by detail, in words: the one reading of a difference that
//! the long and the short rendering share.

use super::figures::{count, counted, numbered};
use crate::snapshot::diff::{
    Change, ColumnChange, ColumnChangeKind, ObjectChange, PartChange, PropertyChange, Values,
};
use crate::snapshot::{Noun, Nouns, ObjectKind, PartKind};

/// Longer definitions are cut.
pub(super) const WIDTH: usize = 100;

/// What happened to something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Added,
    Removed,
    Changed,
}

impl Sign {
    fn of(change: &Change) -> Self {
        match change {
            Change::Added => Self::Added,
            Change::Removed => Self::Removed,
            Change::Renamed { .. } | Change::Changed => Self::Changed,
        }
    }

    /// As it stands before what it is about.
    pub(super) fn symbol(self) -> char {
        match self {
            Self::Added => '+',
            Self::Removed => '-',
            Self::Changed => '~',
        }
    }
}

/// A column, an index, a constraint … of an object that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Detail {
    pub sign: Sign,
    /// What it is.
    pub noun: Noun,
    /// Which: `age`, `name → full_name`.
    pub name: String,
    /// What is known of its values.
    pub facts: Vec<String>,
    /// What of it is another now.
    pub properties: Vec<PropertyChange>,
    /// Whether its number says enough where there is little room.
    pub is_countable: bool,
}

impl Detail {
    /// `column name → full_name (same values)`
    pub(super) fn words(&self) -> String {
        let (noun, name) = (self.noun.one, &self.name);
        if self.facts.is_empty() {
            format!("{noun} {name}")
        } else {
            format!("{noun} {name} ({})", self.facts.join(", "))
        }
    }
}

/// `public.users`, or `public.people → public.users`.
pub(super) fn name(object: &ObjectChange) -> String {
    match &object.change {
        Change::Renamed { from } => format!("{from} → {}", object.object),
        Change::Added | Change::Removed | Change::Changed => object.object.clone(),
    }
}

/// What happened to the object as a whole.
pub(super) fn sign(object: &ObjectChange) -> Sign {
    Sign::of(&object.change)
}

/// Every detail. What belongs to a new or a gone object is new or gone with it: of those only
/// what came from elsewhere, or went there, is told.
pub(super) fn details(object: &ObjectChange) -> Vec<Detail> {
    let stays = sign(object) == Sign::Changed;
    let nouns = object.kind.nouns();
    let columns = object
        .columns
        .iter()
        .filter(|column| stays || column.to.is_some() || column.from.is_some())
        .map(|change| column(nouns, change));
    let parts = object.parts.iter().filter(|_| stays).map(part);
    columns.chain(parts).collect()
}

fn column(nouns: Nouns, change: &ColumnChange) -> Detail {
    let name = &change.name;
    let probably = if change.probably { "probably " } else { "" };
    let from = change.from.as_deref().unwrap_or("?");
    let (sign, name) = match change.change {
        ColumnChangeKind::Added => match &change.from {
            Some(from) => (Sign::Added, format!("{name}, {probably}from {from}")),
            None => (Sign::Added, name.clone()),
        },
        ColumnChangeKind::Removed => (Sign::Removed, name.clone()),
        ColumnChangeKind::Renamed => (Sign::Changed, format!("{probably}{from} → {name}")),
        ColumnChangeKind::Moved => {
            let to = change.to.as_deref().unwrap_or("?");
            (Sign::Removed, format!("{name}, {probably}moved to {to}"))
        }
        ColumnChangeKind::Changed => (Sign::Changed, name.clone()),
    };
    let comes_or_goes = matches!(
        change.change,
        ColumnChangeKind::Added | ColumnChangeKind::Removed
    );
    Detail {
        sign,
        noun: if change.inside {
            nouns.inner
        } else {
            nouns.column
        },
        name,
        facts: values(nouns, change)
            .into_iter()
            .chain(held(change))
            .collect(),
        properties: change.properties.clone(),
        is_countable: comes_or_goes && change.from.is_none(),
    }
}

fn values(nouns: Nouns, column: &ColumnChange) -> Option<String> {
    let gone_or_new = matches!(
        column.change,
        ColumnChangeKind::Added | ColumnChangeKind::Removed
    );
    let rows = nouns.row.many;
    match column.values {
        Values::Same if column.change == ColumnChangeKind::Changed => None,
        Values::Same if column.change == ColumnChangeKind::Removed => {
            Some("what it held went elsewhere".to_owned())
        }
        Values::Same => Some("same values".to_owned()),
        Values::SameBag => Some(format!("same values, on which {rows} is not known")),
        Values::OtherRows => Some(format!("same values on other {rows}")),
        Values::Other => Some("other values".to_owned()),
        Values::OneValue => Some("all values are one now".to_owned()),
        Values::Unknown if gone_or_new => None,
        Values::Unknown => Some("values not compared".to_owned()),
    }
}

/// How many values there are, where that tells something.
fn held(column: &ColumnChange) -> Option<String> {
    match (column.values_before, column.values_after) {
        (Some(before), Some(after)) if before != after => Some(format!(
            "{} → {}",
            count(before),
            counted(after, "value", "values")
        )),
        (Some(values), None) | (None, Some(values)) => Some(counted(values, "value", "values")),
        _ => None,
    }
}

fn part(change: &PartChange) -> Detail {
    let definition = PropertyChange {
        property: "definition".to_owned(),
        before: change.before.clone(),
        after: change.after.clone(),
    };
    Detail {
        sign: Sign::of(&change.change),
        noun: part_noun(change.kind),
        name: match &change.change {
            Change::Renamed { from } => format!("{from} → {}", change.name),
            _ => change.name.clone(),
        },
        facts: Vec::new(),
        properties: match change.change {
            Change::Changed => vec![definition],
            _ => Vec::new(),
        },
        is_countable: true,
    }
}

/// `5,000 → 5,100 rows`, `1,200 rows`; `None` where there is nothing to say.
pub(super) fn rows(object: &ObjectChange) -> Option<String> {
    let noun = object.kind.nouns().row;
    match (object.rows_before, object.rows_after) {
        (Some(before), Some(after)) if before == after => None,
        (Some(before), Some(after)) => {
            Some(format!("{} → {}", count(before), numbered(after, noun)))
        }
        (Some(rows), None) | (None, Some(rows)) => Some(numbered(rows, noun)),
        (None, None) => None,
    }
}

/// What a property was and what it is, each on one line and not too long.
pub(super) fn sides(change: &PropertyChange) -> (String, String) {
    let told = |value: &Option<String>| {
        value
            .as_deref()
            .map_or_else(|| "nothing".to_owned(), shortened)
    };
    (told(&change.before), told(&change.after))
}

fn shortened(value: &str) -> String {
    let words = value.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= WIDTH {
        return words;
    }
    let cut: String = words.chars().take(WIDTH - 1).collect();
    format!("{cut}…")
}

/// What an object is.
pub(super) fn kind(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Table => "table",
        ObjectKind::PartitionedTable => "partitioned table",
        ObjectKind::ForeignTable => "foreign table",
        ObjectKind::View => "view",
        ObjectKind::MaterializedView => "materialized view",
        ObjectKind::Sequence => "sequence",
        ObjectKind::Function => "function",
        ObjectKind::Type => "type",
        ObjectKind::Schema => "schema",
        ObjectKind::Other => "object",
        ObjectKind::Collection => "collection",
        ObjectKind::TimeSeries => "time series",
    }
}

fn part_noun(kind: PartKind) -> Noun {
    let (one, many) = match kind {
        PartKind::Constraint => ("constraint", "constraints"),
        PartKind::Index => ("index", "indexes"),
        PartKind::Trigger => ("trigger", "triggers"),
        PartKind::Rule => ("rule", "rules"),
        PartKind::Policy => ("policy", "policies"),
        PartKind::Grant => ("grant", "grants"),
        PartKind::Statistics => ("statistics object", "statistics objects"),
        PartKind::Setting => ("setting", "settings"),
    };
    Noun { one, many }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_definitions_are_cut() {
        let long = "x ".repeat(200);
        assert_eq!(shortened(&long).chars().count(), WIDTH);
        assert_eq!(shortened("a\n  b"), "a b");
    }

    #[test]
    fn fields_of_documents_are_no_columns_of_rows() {
        let change = ColumnChange {
            name: "full_name".to_owned(),
            change: ColumnChangeKind::Renamed,
            from: Some("name".to_owned()),
            to: None,
            probably: false,
            inside: false,
            values_before: None,
            values_after: None,
            values: Values::OtherRows,
            properties: Vec::new(),
        };
        assert_eq!(
            column(Nouns::COLLECTIONS, &change).words(),
            "field name → full_name (same values on other documents)"
        );
    }
}
