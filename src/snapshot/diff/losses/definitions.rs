//! Constraints, indexes, triggers, policies and validators that are gone.

use std::collections::BTreeSet;

use super::super::super::{Object, ObjectKind, Part, PartKind};
use super::super::definitions::Renames;
use super::super::objects::Compared;
use super::super::{Change, ColumnChangeKind, Loss, LossKind, PartChange};
use super::covering::Index;
use super::shortened;

/// Settings without which policies do not hold.
const ROW_SECURITY: [&str; 2] = ["row security", "forced row security"];

/// What is gone of an object that is still there; `gone` are the objects that are not.
pub(super) fn of_object(compared: &Compared<'_>, gone: &BTreeSet<&str>) -> Vec<Loss> {
    let (Some((before, _)), Some((after, _))) = (&compared.before, &compared.after) else {
        return Vec::new();
    };
    let pair = Pair {
        before,
        after,
        renames: &compared.renames,
        went: went(compared),
        gone,
        indexes: after.parts.iter().filter_map(index_of).collect(),
    };
    let parts = compared.change.parts.iter();
    let mut losses: Vec<Loss> = parts.filter_map(|part| pair.part(part)).collect();
    losses.extend(pair.nulls(compared));
    losses
}

/// Columns that are no longer here: what belonged to them is gone with them.
fn went<'a>(compared: &'a Compared<'_>) -> BTreeSet<&'a str> {
    let columns = compared.change.columns.iter().filter(|column| {
        matches!(
            column.change,
            ColumnChangeKind::Removed | ColumnChangeKind::Moved
        )
    });
    columns.map(|column| &*column.name).collect()
}

fn index_of(part: &Part) -> Option<Index> {
    Index::of(part.kind, &Renames::default().said(&part.definition))
}

struct Pair<'a> {
    before: &'a Object,
    after: &'a Object,
    renames: &'a Renames,
    went: BTreeSet<&'a str>,
    gone: &'a BTreeSet<&'a str>,
    /// Everything that finds rows or keeps them unique now.
    indexes: Vec<Index>,
}

impl Pair<'_> {
    fn part(&self, part: &PartChange) -> Option<Loss> {
        let removed = match part.change {
            Change::Removed => true,
            Change::Changed => false,
            Change::Added | Change::Renamed { .. } => return self.weakened(part),
        };
        let before = part.before.as_deref()?;
        let words = self.renames.said(before);
        if self.belongs_to_what_went(before) {
            return None;
        }
        match part.kind {
            PartKind::Constraint => self.constraint(part, removed, before, &words),
            PartKind::Index => self.index(part, removed, before, &words),
            PartKind::Trigger if removed => {
                Some(self.loss(LossKind::Trigger, "trigger", part, before))
            }
            PartKind::Policy if removed => {
                Some(self.loss(LossKind::Policy, "policy", part, before))
            }
            PartKind::Setting => self.setting(part, removed, before),
            PartKind::Trigger
            | PartKind::Policy
            | PartKind::Grant
            | PartKind::Rule
            | PartKind::Statistics => None,
        }
    }

    fn loss(&self, kind: LossKind, word: &str, part: &PartChange, definition: &str) -> Loss {
        Loss {
            kind,
            object: format!("{} {word} {}", self.before.name, part.name),
            what: format!("is gone: {}", shortened(definition)),
        }
    }

    fn constraint(
        &self,
        part: &PartChange,
        removed: bool,
        definition: &str,
        words: &[String],
    ) -> Option<Loss> {
        let first = words.first().map(String::as_str);
        let kept = if let Some(gone) = Index::of(part.kind, words) {
            self.indexes.iter().any(|index| index.keeps_unique(&gone))
        } else if first == Some("FOREIGN") {
            self.refers(words)
        } else if first == Some("CHECK") {
            let stays = part
                .after
                .as_deref()
                .is_some_and(|now| now.starts_with("CHECK"));
            stays || self.checks(words)
        } else {
            // Of other kinds it is only known that they are there.
            !removed
        };
        (!kept).then(|| self.loss(LossKind::Constraint, "constraint", part, definition))
    }

    /// True if a foreign key of the same columns to the same table is there, or the table that
    /// it led to is not.
    fn refers(&self, words: &[String]) -> bool {
        let Some(wanted) = reference(words) else {
            return false;
        };
        let dropped = |name: &&str| Renames::default().said(name) == wanted.1;
        self.gone.iter().any(dropped)
            || self
                .definitions(PartKind::Constraint)
                .any(|words| reference(&words) == Some(wanted))
    }

    /// True if a check of now says the same, alone or among other conditions, or if all that was
    /// checked is that a column is not null and it cannot be.
    fn checks(&self, words: &[String]) -> bool {
        let wanted = condition(words);
        let not_null = match wanted {
            [column, is, not, null] if [&**is, &**not, &**null] == ["IS", "NOT", "NULL"] => {
                Some(column)
            }
            _ => None,
        };
        let columns = &self.after.columns;
        not_null.is_some_and(|name| columns.iter().any(|c| c.name == *name && !c.nullable))
            || self
                .definitions(PartKind::Constraint)
                .filter(|words| words.first().is_some_and(|word| word == "CHECK"))
                .any(|words| conditions(condition(&words)).contains(&wanted))
    }

    fn definitions(&self, kind: PartKind) -> impl Iterator<Item = Vec<String>> {
        let parts = self
            .after
            .parts
            .iter()
            .filter(move |part| part.kind == kind);
        parts.map(|part| Renames::default().said(&part.definition))
    }

    fn index(
        &self,
        part: &PartChange,
        removed: bool,
        definition: &str,
        words: &[String],
    ) -> Option<Loss> {
        let loss = |what: &str| {
            let mut loss = self.loss(LossKind::Index, "index", part, definition);
            if !removed {
                loss.what = format!("{what}: {}", shortened(definition));
            }
            loss
        };
        let Some(gone) = Index::of(part.kind, words) else {
            return removed.then(|| loss("is gone"));
        };
        if gone.invalid {
            return None;
        }
        let now = &self.indexes;
        if gone.unique && !now.iter().any(|index| index.keeps_unique(&gone)) {
            return Some(loss("no longer keeps values unique"));
        }
        if gone.expires && !now.iter().any(|index| index.lets_expire(&gone)) {
            return Some(loss("no longer lets documents expire"));
        }
        let said = self.renames.said(part.after.as_deref().unwrap_or(""));
        if Index::of(part.kind, &said).is_some_and(|index| index.invalid) {
            return Some(loss("is invalid now"));
        }
        let needless = gone.unique || now.iter().any(|index| index.finds(&gone));
        (removed && !needless).then(|| loss("is gone"))
    }

    fn setting(&self, part: &PartChange, removed: bool, definition: &str) -> Option<Loss> {
        let name = &*part.name;
        let named = |kind, what: String| {
            let object = format!("{} {name}", self.before.name);
            Some(Loss { object, what, kind })
        };
        match name {
            "validator" if removed => named(
                LossKind::Validator,
                format!("is gone: {}", shortened(definition)),
            ),
            "validationLevel" | "validationAction" => self.weakened(part),
            "expireAfterSeconds" if removed => named(
                LossKind::Option,
                "is gone: documents no longer expire".to_owned(),
            ),
            name if removed && ROW_SECURITY.contains(&name) => {
                named(LossKind::Policy, "is switched off".to_owned())
            }
            _ => None,
        }
    }

    /// A validator that is obeyed less than before. What is not said is the strictest.
    fn weakened(&self, part: &PartChange) -> Option<Loss> {
        let strength = |text: Option<&str>| match text.map(|text| text.trim_matches('"')) {
            Some("off" | "warn") => 0,
            Some("moderate") => 1,
            _ => 2,
        };
        let told = ["validationLevel", "validationAction"].contains(&&*part.name);
        let (was, is) = (part.before.as_deref(), part.after.as_deref());
        let validated = |object: &Object| object.parts.iter().any(|p| p.name == "validator");
        let weaker = told
            && part.kind == PartKind::Setting
            && strength(is) < strength(was)
            && validated(self.before)
            && validated(self.after);
        weaker.then(|| Loss {
            kind: LossKind::Validator,
            object: format!("{} {}", self.before.name, part.name),
            what: format!("is {} now: the validator is obeyed less", is.unwrap_or("")),
        })
    }

    /// True if a column that it is made of is no longer here.
    fn belongs_to_what_went(&self, definition: &str) -> bool {
        let words = Renames::default().said(definition);
        if let Some(index) = Index::of(PartKind::Index, &words)
            && index.is_of_documents()
        {
            let field = |path: &str| {
                path.split('.')
                    .next()
                    .is_some_and(|f| self.went.contains(f))
            };
            return index.paths().any(field);
        }
        // What an index or trigger is called and stands on does not make it a column's.
        let begins = ["USING", "OF", "WHEN"];
        let skipped = words
            .iter()
            .position(|word| begins.contains(&word.as_str()));
        let created = words.first().is_some_and(|word| word == "CREATE");
        let told = match skipped {
            Some(at) if created => &words[at..],
            None if created => &[],
            _ => &words[..],
        };
        // A foreign key's other end is not here.
        let end = told.iter().position(|word| word == "REFERENCES");
        let told = &told[..end.unwrap_or(told.len())];
        let called = |at: usize| told.get(at + 1).is_some_and(|next| next == "(");
        let mut words = told.iter().enumerate();
        words.any(|(at, word)| self.went.contains(&**word) && !called(at))
    }

    /// Columns that may be null now.
    fn nulls(&self, compared: &Compared<'_>) -> Vec<Loss> {
        use ObjectKind as Kind;
        let table = |kind| {
            matches!(
                kind,
                Kind::Table | Kind::PartitionedTable | Kind::ForeignTable
            )
        };
        if !table(self.before.kind) || !table(self.after.kind) {
            return Vec::new();
        }
        let checked = |name: &str| {
            let wanted = [name, "IS", "NOT", "NULL"];
            self.definitions(PartKind::Constraint)
                .filter(|words| words.first().is_some_and(|word| word == "CHECK"))
                .any(|words| conditions(condition(&words)).iter().any(|c| *c == wanted))
        };
        let columns = compared.change.columns.iter();
        columns
            .filter(|column| {
                let null = column.properties.iter().find(|p| p.property == "null");
                null.is_some_and(|null| null.after.as_deref() == Some("nullable"))
                    && !checked(&column.name)
            })
            .map(|column| Loss {
                kind: LossKind::NotNull,
                object: format!(
                    "{}.{} not null",
                    self.before.name,
                    column.from.as_ref().unwrap_or(&column.name)
                ),
                what: "is gone: the column may be null now".to_owned(),
            })
            .collect()
    }
}

/// Columns of a foreign key, and the table that it leads to.
fn reference(words: &[String]) -> Option<(&[String], &[String])> {
    let open = words.iter().position(|word| word == "(")?;
    let close = words.iter().position(|word| word == ")")?;
    let at = words.iter().position(|word| word == "REFERENCES")?;
    let rest = words.get(at + 1..)?;
    let end = rest
        .iter()
        .position(|word| word == "(")
        .unwrap_or(rest.len());
    (words.first()? == "FOREIGN").then_some((words.get(open..close)?, &rest[..end]))
}

/// What a `CHECK (…)` demands, without the brackets around it.
fn condition(words: &[String]) -> &[String] {
    let end = words.iter().rposition(|word| word == ")").unwrap_or(0);
    let inside = words.get(1..=end).unwrap_or_default();
    unbracketed(inside)
}

/// Takes off the brackets that enclose all of it.
fn unbracketed(mut words: &[String]) -> &[String] {
    loop {
        let enclosed = words.first().is_some_and(|word| word == "(")
            && closing(words).is_some_and(|at| at + 1 == words.len());
        if !enclosed {
            return words;
        }
        words = &words[1..words.len() - 1];
    }
}

/// Where the bracket that `words` begin with is closed.
fn closing(words: &[String]) -> Option<usize> {
    let mut depth = 0_u32;
    for (at, word) in words.iter().enumerate() {
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The condition itself and, if it is several that must all hold, each of them.
fn conditions(all: &[String]) -> Vec<&[String]> {
    let mut depth = 0_u32;
    let mut parts = Vec::new();
    let mut from = 0;
    for (at, word) in all.iter().enumerate() {
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            // `OR` binds less: nothing is known of its sides. Nor where a BETWEEN has an AND.
            "OR" | "BETWEEN" if depth == 0 => return vec![all],
            "AND" if depth == 0 => {
                parts.push(unbracketed(&all[from..at]));
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(unbracketed(&all[from..]));
    parts.push(all);
    parts
}
