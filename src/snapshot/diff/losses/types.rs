//! Types that can hold less than before, where values are others now.

use super::super::super::ObjectKind;
use super::super::objects::Compared;
use super::super::{ColumnChange, ColumnChangeKind, Loss, LossKind, ObjectChange, Values};

/// A column that is narrower and whose values did not all stay. A field has no declared type:
/// what it holds is what was written there.
pub(super) fn of_object(compared: &Compared<'_>) -> Vec<Loss> {
    let (Some((before, _)), Some((after, _))) = (&compared.before, &compared.after) else {
        return Vec::new();
    };
    let table = |kind| {
        use ObjectKind as Kind;
        matches!(kind, Kind::Table | Kind::PartitionedTable)
    };
    if !table(before.kind) || !table(after.kind) {
        return Vec::new();
    }
    of_change(&compared.change)
}

/// The same of a table that is there still.
pub(super) fn of_change(change: &ObjectChange) -> Vec<Loss> {
    if !matches!(
        change.kind,
        ObjectKind::Table | ObjectKind::PartitionedTable
    ) {
        return Vec::new();
    }
    let columns = change.columns.iter();
    columns
        .filter_map(|column| of_column(change.name_before(), column))
        .collect()
}

fn of_column(object: &str, column: &ColumnChange) -> Option<Loss> {
    if column.change != ColumnChangeKind::Changed || column.values != Values::Other {
        return None;
    }
    let changed = column.properties.iter().find(|one| one.property == "type");
    let (old, new) = changed.and_then(|one| Some((one.before.as_ref()?, one.after.as_ref()?)))?;
    (!surely_wider(old, new)).then(|| Loss {
        kind: LossKind::Type,
        object: format!("{object}.{}", column.name),
        what: format!("is {new}, was {old}: not every value reads as before"),
    })
}

/// A type as the server formats it: `character varying(50)`, `timestamp(3) with time zone`.
struct Type<'a> {
    name: String,
    modifiers: Vec<i64>,
    /// What the name was made of, for arrays.
    element: Option<&'a str>,
}

impl<'a> Type<'a> {
    fn parse(text: &'a str) -> Self {
        if let Some(element) = text.strip_suffix("[]") {
            return Self {
                name: "[]".to_owned(),
                modifiers: Vec::new(),
                element: Some(element),
            };
        }
        let (name, modifiers) = match text.split_once('(') {
            Some((name, rest)) => {
                let (inside, behind) = rest.split_once(')').unwrap_or((rest, ""));
                let numbers = inside.split(',').map(|n| n.trim().parse());
                let numbers: Result<Vec<i64>, _> = numbers.collect();
                match numbers {
                    Ok(numbers) => (format!("{name}{behind}"), numbers),
                    Err(_) => (text.to_owned(), Vec::new()),
                }
            }
            None => (text.to_owned(), Vec::new()),
        };
        Self {
            name,
            modifiers,
            element: None,
        }
    }

    fn modifier(&self) -> Option<i64> {
        self.modifiers.first().copied()
    }

    /// Decimal digits before the point that surely fit, for whole numbers those that may come.
    fn whole_digits(&self) -> Option<i64> {
        match (&*self.name, &*self.modifiers) {
            ("smallint", _) => Some(5),
            ("integer", _) => Some(10),
            ("bigint", _) => Some(19),
            ("numeric", [precision]) => Some(*precision),
            ("numeric", [precision, scale]) => Some(precision - scale),
            _ => None,
        }
    }

    fn scale(&self) -> Option<i64> {
        match (&*self.name, &*self.modifiers) {
            ("smallint" | "integer" | "bigint", _) | ("numeric", [_]) => Some(0),
            ("numeric", [_, scale]) => Some(*scale),
            _ => None,
        }
    }
}

/// True if every value of the first type is known to fit into the second, in whatever text:
/// only then is a rewritten value no loss of the type's.
fn surely_wider(old: &str, new: &str) -> bool {
    let (a, b) = (Type::parse(old), Type::parse(new));
    if let (Some(a), Some(b)) = (a.element, b.element) {
        return a == b || surely_wider(a, b);
    }
    if a.name == b.name && a.name != "numeric" {
        return match (a.modifier(), b.modifier()) {
            (_, None) => true,
            (Some(a), Some(b)) => a <= b,
            // Times without a precision have six digits.
            (None, Some(b)) => a.name.starts_with("time") && b >= 6,
        };
    }
    let unbounded = b.name == "text" || (b.name == "character varying" && b.modifiers.is_empty());
    unbounded || fits(&a, &b)
}

/// The same for two types of different names, or of numbers.
fn fits(a: &Type<'_>, b: &Type<'_>) -> bool {
    let within = |a: Option<i64>, b: Option<i64>| a.zip(b).is_some_and(|(a, b)| a <= b);
    match (&*a.name, &*b.name) {
        ("character varying" | "character", "character varying" | "character") => {
            within(a.modifier(), b.modifier())
        }
        (_, "smallint" | "integer" | "bigint") => {
            whole(&a.name) > 0 && whole(&a.name) < whole(&b.name)
        }
        (_, "numeric") if b.modifiers.is_empty() => {
            whole(&a.name) > 0 || a.name == "numeric" || a.name == "money"
        }
        (_, "numeric") => {
            within(a.whole_digits(), b.whole_digits()) && within(a.scale(), b.scale())
        }
        ("date", name) => name.starts_with("timestamp"),
        ("timestamp without time zone", "timestamp with time zone") => {
            b.modifier().is_none_or(|b| a.modifier().unwrap_or(6) <= b)
        }
        ("smallint", "real")
        | ("smallint" | "integer" | "real", "double precision")
        | ("json", "jsonb")
        | ("cidr", "inet")
        | ("macaddr", "macaddr8") => true,
        _ => false,
    }
}

/// Whole numbers by their size; a boolean fits into each. 0 for what is none.
fn whole(name: &str) -> u8 {
    match name {
        "boolean" => 1,
        "smallint" => 2,
        "integer" => 3,
        "bigint" => 4,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::surely_wider;

    #[test]
    fn what_surely_fits_is_wider() {
        for (old, new) in [
            ("integer", "bigint"),
            ("boolean", "smallint"),
            ("integer", "numeric(12,2)"),
            ("bigint", "numeric"),
            ("numeric(10,2)", "numeric(12,4)"),
            ("numeric(10,2)", "numeric"),
            ("character varying(5)", "character varying(50)"),
            ("character varying(5)", "text"),
            ("character(5)", "character varying(5)"),
            ("date", "timestamp without time zone"),
            ("timestamp without time zone", "timestamp with time zone"),
            ("timestamp(3) with time zone", "timestamp(6) with time zone"),
            ("timestamp with time zone", "timestamp(6) with time zone"),
            ("real", "double precision"),
            ("json", "jsonb"),
            ("integer[]", "bigint[]"),
            ("public.mood", "text"),
        ] {
            assert!(surely_wider(old, new), "{old} → {new}");
        }
    }

    #[test]
    fn what_may_not_fit_is_not() {
        for (old, new) in [
            ("bigint", "integer"),
            ("integer", "boolean"),
            ("double precision", "integer"),
            ("integer", "numeric(5,2)"),
            ("numeric", "numeric(10,2)"),
            ("numeric(10,2)", "numeric(10,1)"),
            ("numeric(10,2)", "integer"),
            ("character varying(50)", "character varying(5)"),
            ("text", "character varying(5)"),
            ("text", "integer"),
            ("timestamp with time zone", "timestamp without time zone"),
            ("timestamp without time zone", "date"),
            (
                "timestamp without time zone",
                "timestamp(0) without time zone",
            ),
            ("timestamp(3) with time zone", "timestamp(0) with time zone"),
            ("bigint", "double precision"),
            ("jsonb", "json"),
            ("bigint[]", "integer[]"),
            ("text[]", "text[]x"),
            ("text", "public.mood"),
            ("numeric(10,2)", "numeric(10,-2)"),
        ] {
            assert!(!surely_wider(old, new), "{old} → {new}");
        }
    }
}
