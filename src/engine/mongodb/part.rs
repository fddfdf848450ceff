//! Some collections of an archive, as if it held no others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bson::{Bson, RawBsonRef};

use super::definitions::{CollectionDefinition, MEMBER, to_member};
use super::restore::definitions;
use crate::engine::EngineError;
use crate::engine::view::{View, nothing_left};
use crate::snapshot::{ObjectKind, Snapshot, Source, glob_matches};

/// What a restore reads, and what is to be told of it.
pub(super) struct Part {
    /// What to read instead of the archive.
    pub source: Arc<dyn Source>,
    /// What the documents of collections that were not asked for go by in the stream.
    pub skipped: BTreeSet<String>,
    /// In words: what was left out because something that it needs was not asked for.
    pub left_out: Vec<String>,
    /// In words: what was not asked for; `None` for all of an archive.
    pub not_asked: Option<String>,
}

/// What of the archive matches `only`; all of it if that is empty.
pub(super) async fn part(source: Arc<dyn Source>, only: &[String]) -> Result<Part, EngineError> {
    let mut part = Part {
        source,
        skipped: BTreeSet::new(),
        left_out: Vec::new(),
        not_asked: None,
    };
    if only.is_empty() {
        return Ok(part);
    }
    let all = definitions(part.source.as_ref()).await?;
    let kept = select(&all, only, &mut part.left_out);
    if kept.is_empty() {
        return Err(nothing_left(&part.left_out));
    }
    let (kept, others): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|one| kept.contains(one.name()));
    part.skipped = others.iter().map(CollectionDefinition::body_name).collect();
    part.not_asked = Some(format!(
        "what was not asked for: {} of {} collections and views",
        others.len(),
        others.len() + kept.len()
    ));
    let archive = part.source.snapshot();
    let objects = archive.objects.iter();
    let objects = objects.filter(|object| kept.iter().any(|one| one.name() == object.name));
    let snapshot = Snapshot {
        objects: objects.cloned().collect(),
        ..archive.clone()
    };
    part.source = Arc::new(View {
        snapshot,
        members: BTreeMap::from([(MEMBER, to_member(&kept))]),
        archive: Arc::clone(&part.source),
    });
    Ok(part)
}

/// Collections that match, and those views that match whose every source is there.
fn select(
    all: &[CollectionDefinition],
    only: &[String],
    left_out: &mut Vec<String>,
) -> BTreeSet<String> {
    let matched = all
        .iter()
        .filter(|one| only.iter().any(|pattern| glob_matches(pattern, one.name())));
    let (mut open, collections): (Vec<_>, Vec<_>) =
        matched.partition(|one| one.kind() == ObjectKind::View);
    let mut kept: BTreeSet<String> = collections
        .iter()
        .map(|one| one.name().to_owned())
        .collect();
    // A view may read what is nowhere: that does not keep it from being made.
    let lacking = |view: &CollectionDefinition, kept: &BTreeSet<String>| -> Vec<String> {
        let known = |name: &String| all.iter().any(|one| one.name() == name);
        let mut names = read_by(view);
        names.retain(|name| known(name) && !kept.contains(name));
        names.into_iter().collect()
    };
    loop {
        let before = open.len();
        open.retain(|view| {
            let whole = lacking(view, &kept).is_empty();
            if whole {
                kept.insert(view.name().to_owned());
            }
            !whole
        });
        if open.len() == before {
            break;
        }
    }
    for view in open {
        let names = lacking(view, &kept).join(", ");
        left_out.push(format!("view {}: it needs {names}", view.name()));
    }
    kept
}

/// Names of what a view reads.
fn read_by(view: &CollectionDefinition) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    if let Some(RawBsonRef::String(on)) = view.option("viewOn") {
        names.insert(on.to_owned());
    }
    if let Some(Ok(pipeline)) = view.option("pipeline").map(Bson::try_from) {
        walk(&pipeline, &mut names);
    }
    names
}

/// Stages that read other collections, at any depth.
fn walk(value: &Bson, names: &mut BTreeSet<String>) {
    match value {
        Bson::Array(all) => all.iter().for_each(|one| walk(one, names)),
        Bson::Document(document) => {
            for (key, value) in document {
                let field = match key.as_str() {
                    "$lookup" | "$graphLookup" => "from",
                    "$unionWith" => "coll",
                    _ => "",
                };
                match value {
                    Bson::String(name) if key == "$unionWith" => {
                        names.insert(name.clone());
                    }
                    Bson::Document(inner) => {
                        names.extend(inner.get_str(field).ok().map(str::to_owned));
                    }
                    _ => {}
                }
                walk(value, names);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_reads_what_its_pipeline_names_at_any_depth() {
        let pipeline = bson::bson!([
            { "$lookup": { "from": "a", "as": "x", "pipeline": [{ "$unionWith": "b" }] } },
            { "$facet": { "f": [{ "$graphLookup": { "from": "c" } }] } },
            { "$unionWith": { "coll": "d", "pipeline": [] } },
            { "$match": { "from": "never" } },
        ]);
        let mut names = BTreeSet::new();
        walk(&pipeline, &mut names);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(names, ["a", "b", "c", "d"]);
    }
}
