//! What makes one definition into another where a collection exists already.

use bson::{RawDocumentBuf, cstr};

use super::object::{PartDifference, part_differences};
use super::{CollectionDefinition, IndexDefinition, TTL};
use crate::snapshot::{ObjectKind, PartKind};

/// One thing to put right.
#[derive(Clone, Debug, PartialEq)]
pub struct Correction {
    /// The collection.
    pub collection: String,
    /// In words: which part of it.
    pub what: String,
    /// To be sent in this order. None if the server has no way to change it: the collection
    /// must be made anew.
    pub commands: Vec<RawDocumentBuf>,
}

/// What makes `found` (`None`: the collection is missing) into `expected`; empty if nothing
/// needs to be done. Documents are never touched; views, which have none, are made anew.
#[must_use]
pub fn corrections(
    expected: &CollectionDefinition,
    found: Option<&CollectionDefinition>,
) -> Vec<Correction> {
    let Some(found) = found else {
        let commands = [Some(expected.create()), expected.create_indexes()];
        return vec![expected.correction("it is missing", commands.into_iter().flatten())];
    };
    if expected.kind != found.kind {
        return vec![expected.correction("its kind", [])];
    }
    if expected.kind == ObjectKind::View {
        return of_view(expected, found);
    }
    let (should, is) = (expected.parts(), found.parts());
    let differences = part_differences(&should, &is);
    let (indexes, options): (Vec<_>, Vec<_>) = differences
        .iter()
        .partition(|difference| difference.kind == PartKind::Index);
    let mut all = of_options(expected, &options);
    for difference in indexes {
        all.push(of_index(expected, found, difference));
    }
    all
}

impl CollectionDefinition {
    fn correction(
        &self,
        what: &str,
        commands: impl IntoIterator<Item = RawDocumentBuf>,
    ) -> Correction {
        Correction {
            collection: self.name.clone(),
            what: what.to_owned(),
            commands: commands.into_iter().collect(),
        }
    }
}

fn of_view(expected: &CollectionDefinition, found: &CollectionDefinition) -> Vec<Correction> {
    let (should, is) = (expected.object(), found.object());
    if should == is {
        return Vec::new();
    }
    let commands = [found.drop(), expected.create()];
    vec![expected.correction("the view", commands)]
}

/// Validation, which is changed as one.
const VALIDATION: [&str; 3] = ["validator", "validationLevel", "validationAction"];

/// What else `collMod` changes, and its word for it.
const CHANGEABLE: [(&str, &str); 5] = [
    ("size", "cappedSize"),
    ("max", "cappedMax"),
    (
        "changeStreamPreAndPostImages",
        "changeStreamPreAndPostImages",
    ),
    ("recordPreImages", "recordPreImages"),
    (TTL, TTL),
];

fn of_options(
    expected: &CollectionDefinition,
    differences: &[&PartDifference<'_>],
) -> Vec<Correction> {
    let mut all = Vec::new();
    let is_validation = |d: &&&PartDifference<'_>| VALIDATION.contains(&d.name);
    if differences.iter().any(|d| is_validation(&d)) {
        all.push(expected.correction("validation", [expected.set_validation()]));
    }
    for difference in differences.iter().filter(|d| !is_validation(d)) {
        let changeable = CHANGEABLE.iter().find(|(name, _)| *name == difference.name);
        // What was not there before is not added: only capped collections have a size.
        let change = changeable.filter(|_| difference.found.is_some() || difference.name == TTL);
        let command = match (change, difference.expected) {
            (Some((name, known_as)), Some(_)) => expected.change_option(name, known_as),
            (Some((TTL, _)), None) => {
                let mut command = expected.coll_mod();
                command.append(cstr!("expireAfterSeconds"), "off");
                Some(command)
            }
            _ => None,
        };
        all.push(expected.correction(&format!("option {}", difference.name), command));
    }
    all
}

impl CollectionDefinition {
    /// `collMod` with the validator and how it is applied; what is not said is the default.
    fn set_validation(&self) -> RawDocumentBuf {
        let mut command = self.coll_mod();
        match self.option("validator") {
            Some(validator) => command.append(cstr!("validator"), validator),
            None => command.append(cstr!("validator"), RawDocumentBuf::new()),
        }
        for (name, default) in [
            (cstr!("validationLevel"), "strict"),
            (cstr!("validationAction"), "error"),
        ] {
            let said = self.option(name.as_str());
            let said = said.and_then(bson::RawBsonRef::as_str);
            command.append(name, said.unwrap_or(default));
        }
        command
    }
}

fn of_index(
    expected: &CollectionDefinition,
    found: &CollectionDefinition,
    difference: &PartDifference<'_>,
) -> Correction {
    let what = format!("index {}", difference.name);
    let named = |definition: &'_ CollectionDefinition| -> Option<IndexDefinition> {
        let mut indexes = definition.indexes.iter();
        indexes.find(|i| i.name == difference.name).cloned()
    };
    let (should, is) = (named(expected), named(found));
    let with_collection = [&should, &is].into_iter().flatten();
    if with_collection
        .into_iter()
        .any(IndexDefinition::comes_with_collection)
    {
        return expected.correction(&what, []);
    }
    let mut commands = Vec::new();
    if is.is_some() {
        commands.push(expected.drop_index(difference.name));
    }
    commands.extend(should.and_then(|index| expected.create_these([&index])));
    expected.correction(&what, commands)
}
