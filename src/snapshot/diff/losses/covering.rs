//! Whether another index does what one that is gone did. Said only of what is sure.

use super::super::super::PartKind;

type Words = Vec<String>;

/// How nulls of a unique index compare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Nulls {
    /// Each is another value.
    #[default]
    Distinct,
    /// All are one value.
    Equal,
}

/// An index, or the one that a constraint keeps, as far as its text tells.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// No two rows have the same keys.
    pub unique: bool,
    /// It lets documents expire.
    pub expires: bool,
    /// A build that did not end.
    pub invalid: bool,
    method: String,
    keys: Vec<Words>,
    included: Vec<Words>,
    /// Which rows are in it; nothing for all.
    filter: Words,
    nulls: Nulls,
    /// Options that make other keys of the same values.
    options: Vec<Words>,
}

impl Index {
    /// Reads `CREATE INDEX …`, `PRIMARY KEY …`, `UNIQUE …`, or the JSON of a collection's index, in
    /// words without quotes. `None` if it is none of these.
    pub(super) fn of(kind: PartKind, words: &[String]) -> Option<Self> {
        let first = words.first().map(String::as_str);
        match (kind, first) {
            (PartKind::Index, Some("{")) => Some(Self::of_documents(words)),
            (PartKind::Index, _) => Self::created(words),
            (PartKind::Constraint, Some("PRIMARY" | "UNIQUE")) => {
                let mut index = Self::listed(words)?;
                index.unique = true;
                "btree".clone_into(&mut index.method);
                Some(index)
            }
            _ => None,
        }
    }

    fn created(words: &[String]) -> Option<Self> {
        let using = words.iter().position(|word| word == "USING")?;
        let mut index = Self::listed(&words[using..])?;
        index.unique = words.get(1).is_some_and(|word| word == "UNIQUE");
        words.get(using + 1)?.clone_into(&mut index.method);
        Some(index)
    }

    /// The keys in the first brackets, and what follows them.
    fn listed(words: &[String]) -> Option<Self> {
        let open = words.iter().position(|word| word == "(")?;
        let (keys, behind) = group(&words[open..])?;
        let equal = ["NULLS", "NOT", "DISTINCT"];
        let nulls = if has(&words[..open], &equal) || has(behind, &equal) {
            Nulls::Equal
        } else {
            Nulls::Distinct
        };
        let mut index = Self {
            keys,
            nulls,
            invalid: has(behind, &["(", "invalid", ")"]),
            ..Self::default()
        };
        if let Some(at) = behind.iter().position(|word| word == "INCLUDE") {
            index.included = group(&behind[at + 1..])?.0;
        }
        if let Some(at) = behind.iter().position(|word| word == "WHERE") {
            let end = ["TABLESPACE", "invalid"];
            let filter = behind[at + 1..].iter();
            let filter = filter.take_while(|word| !end.contains(&word.as_str()));
            index.filter = filter.cloned().collect();
        }
        Some(index)
    }

    fn of_documents(words: &[String]) -> Self {
        let mut index = Self {
            method: "documents".to_owned(),
            ..Self::default()
        };
        let options = group(words).map_or_else(Vec::new, |(options, _)| options);
        for option in options {
            let value = option.get(2..).unwrap_or_default();
            match option.first().map(String::as_str) {
                Some("key") => index.keys = group(value).map_or_else(Vec::new, |(keys, _)| keys),
                Some("unique") => index.unique = value == ["true"],
                Some("expireAfterSeconds") => index.expires = true,
                Some("partialFilterExpression" | "sparse") => index.filter.extend(option),
                Some("v" | "hidden") | None => {}
                Some(_) => index.options.push(option),
            }
        }
        index
    }

    /// True if this one finds whatever the other one found.
    pub(super) fn finds(&self, gone: &Self) -> bool {
        let method = self.method == gone.method
            || (self.method == "btree" && gone.method == "hash" && gone.keys.len() == 1);
        let held = |column: &Words| self.keys.contains(column) || self.included.contains(column);
        method
            && !self.invalid
            && self.keys.starts_with(&gone.keys)
            && (self.filter.is_empty() || self.filter == gone.filter)
            && self.options == gone.options
            && gone.included.iter().all(held)
    }

    /// True if this one allows no two rows that the other one did not allow.
    pub(super) fn keeps_unique(&self, gone: &Self) -> bool {
        let theirs: Vec<&[String]> = gone.keys.iter().map(|key| undirected(key)).collect();
        self.unique
            && !self.invalid
            && self
                .keys
                .iter()
                .all(|key| theirs.contains(&undirected(key)))
            && (self.filter.is_empty() || self.filter == gone.filter)
            && (self.nulls == Nulls::Equal || gone.nulls == Nulls::Distinct)
            && self.options == gone.options
    }

    /// True if this one lets the same documents expire.
    pub(super) fn lets_expire(&self, gone: &Self) -> bool {
        self.expires && self.keys == gone.keys && self.filter == gone.filter
    }

    /// The columns or paths in it.
    pub(super) fn is_of_documents(&self) -> bool {
        self.method == "documents"
    }

    /// First words of its keys: paths, of documents.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().filter_map(|key| Some(&**key.first()?))
    }
}

fn has(words: &[String], wanted: &[&str]) -> bool {
    words.windows(wanted.len()).any(|some| some == wanted)
}

/// A key without its direction.
fn undirected(key: &[String]) -> &[String] {
    let end = key
        .iter()
        .position(|word| [":", "ASC", "DESC", "NULLS"].contains(&word.as_str()));
    &key[..end.unwrap_or(key.len())]
}

/// What stands between the bracket that `words` begin with and its closing one, cut at the
/// commas; and what is behind it.
fn group(words: &[String]) -> Option<(Vec<Words>, &[String])> {
    let mut depth = 0_u32;
    let mut items: Vec<Words> = vec![Vec::new()];
    for (at, word) in words.iter().enumerate() {
        match word.as_str() {
            "(" | "{" | "[" => depth += 1,
            ")" | "}" | "]" => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            items.retain(|item| !item.is_empty());
            return Some((items, &words[at + 1..]));
        }
        match word.as_str() {
            "," if depth == 1 => items.push(Vec::new()),
            _ if at > 0 => items.last_mut()?.push(word.clone()),
            _ => {}
        }
    }
    None
}
