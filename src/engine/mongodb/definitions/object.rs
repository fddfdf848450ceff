//! Definitions as the parts of a snapshot's object, for people and for comparing.

use std::collections::BTreeSet;

use bson::RawBsonRef;

use super::ext_json::{self, Numbers};
use super::{CollectionDefinition, Field, IndexDefinition, document};
use crate::snapshot::{Object, ObjectKind, Part, PartKind};

/// Options that say nothing of how the collection behaves, and are other ones in every copy.
pub const DIFFERENT_BY_NATURE: [&str; 2] = ["uuid", "temp"];

/// What holds where nothing is said, as text: `collMod` leaves it said.
const DEFAULTS: [(&str, &str); 2] = [
    ("validationLevel", "\"strict\""),
    ("validationAction", "\"error\""),
];

/// What is a view, rather than how it is.
const VIEW: [&str; 2] = ["viewOn", "pipeline"];

/// What an index is, rather than how it is; `ns` and `background` are remnants.
const NOT_TOLD_OF_INDEXES: [&str; 3] = ["name", "ns", "background"];

impl CollectionDefinition {
    /// The collection as an object without content.
    #[must_use]
    pub fn object(&self) -> Object {
        Object {
            name: self.name.clone(),
            kind: self.kind,
            owner: None,
            comment: None,
            definition: (self.kind == ObjectKind::View).then(|| self.view()),
            columns: Vec::new(),
            parts: self.parts(),
            content: None,
            sequence: None,
            root: None,
            loaded_through_root: false,
            populated: None,
            bytes: 0,
        }
    }

    /// `{"viewOn":…,"pipeline":[…]}`.
    fn view(&self) -> String {
        let fields = self.options.iter();
        let fields = fields.filter(|(name, _)| VIEW.contains(&name.as_str()));
        let fields: Vec<Field> = fields.cloned().collect();
        ext_json::document(&document(&fields), Numbers::Readable)
    }

    /// Options and indexes, sorted.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let told = |name: &str| {
            let view = self.kind == ObjectKind::View && VIEW.contains(&name);
            !view && !DIFFERENT_BY_NATURE.contains(&name)
        };
        let options = self.options.iter().filter(|(name, _)| told(name.as_str()));
        let settings = options.map(|(name, value)| Part {
            kind: PartKind::Setting,
            name: name.as_str().to_owned(),
            definition: plain(value.as_raw_bson_ref()),
        });
        let settings =
            settings.filter(|part| !DEFAULTS.contains(&(&*part.name, &*part.definition)));
        let indexes = self.indexes.iter().map(|index| Part {
            kind: PartKind::Index,
            name: index.name.clone(),
            definition: index.text(),
        });
        let mut parts: Vec<Part> = settings.chain(indexes).collect();
        parts.sort();
        parts
    }
}

impl IndexDefinition {
    /// The key first, then the options by name: the server changes their order when one is
    /// modified.
    fn text(&self) -> String {
        let told = self.fields.iter();
        let mut told: Vec<&Field> = told
            .filter(|(name, _)| !NOT_TOLD_OF_INDEXES.contains(&name.as_str()))
            .collect();
        told.sort_by_key(|(name, _)| (name.as_str() != "key", name.as_str()));
        let told = told.iter().map(|(name, value)| {
            let value = plain(value.as_raw_bson_ref());
            format!("{}:{value}", ext_json::quoted(name.as_str()))
        });
        format!("{{{}}}", told.collect::<Vec<_>>().join(","))
    }
}

/// The value of an option. Of a number its type is left out: the server itself changes an
/// option's int into a long, and means the same by it.
fn plain(value: RawBsonRef<'_>) -> String {
    match value {
        RawBsonRef::Int64(number) => number.to_string(),
        RawBsonRef::Double(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
            format!("{number:.0}")
        }
        value => ext_json::value(value, Numbers::Readable),
    }
}

/// A part that two definitions of one object have differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartDifference<'a> {
    /// An index or a setting.
    pub kind: PartKind,
    /// Its name.
    pub name: &'a str,
    /// As it should be; `None` if it should not be.
    pub expected: Option<&'a str>,
    /// As it is; `None` if it is not there.
    pub found: Option<&'a str>,
}

/// Every part that differs, sorted.
#[must_use]
pub fn part_differences<'a>(expected: &'a [Part], found: &'a [Part]) -> Vec<PartDifference<'a>> {
    let named = |part: &'a Part| (part.kind, part.name.as_str());
    let names: BTreeSet<_> = expected.iter().chain(found).map(named).collect();
    let text = |parts: &'a [Part], name| {
        let part = parts.iter().find(|part| named(part) == name);
        part.map(|part| part.definition.as_str())
    };
    let all = names.into_iter().map(|name| PartDifference {
        kind: name.0,
        name: name.1,
        expected: text(expected, name),
        found: text(found, name),
    });
    all.filter(|part| part.expected != part.found).collect()
}
