//! An archive as a restore was asked to have it: with other roles, or only a part of it.
//!
//! The vendor's table of contents is worded otherwise before anything reads it, and the facts
//! with it. So a restore makes what was asked for, and a comparison holds the copy against
//! just that, and neither knows of it.

mod merged;
mod names;
mod part;
mod roles;
mod selection;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::view::{View, nothing_left};
use crate::engine::{EngineError, RestoreRequest};
use crate::snapshot::{Snapshot, Source};

use super::restore;
use super::toc::{self, Toc};

pub(super) use merged::merged;
pub(super) use roles::RoleMap;

/// What a restore reads, and what is to be told of it.
pub(super) struct Derived {
    /// What to read instead of the archive.
    pub source: Arc<dyn Source>,
    /// In words: what is worth telling.
    pub notes: Vec<String>,
    /// In words: what was left out because something that it needs was not asked for.
    pub left_out: Vec<String>,
    /// In words: what was not asked for, and so is not compared; `None` for all of an archive.
    pub not_asked: Option<String>,
}

/// The archive as `request` wants it.
pub(super) async fn derive(
    source: Arc<dyn Source>,
    request: &RestoreRequest,
) -> Result<Derived, EngineError> {
    let mut derived = Derived {
        source,
        notes: Vec::new(),
        left_out: Vec::new(),
        not_asked: None,
    };
    if !request.only.is_empty() {
        in_part(&mut derived, &request.only).await?;
    }
    if !request.role_map.is_empty() {
        with_roles(&mut derived, &RoleMap::new(&request.role_map)).await?;
    }
    Ok(derived)
}

async fn with_roles(derived: &mut Derived, map: &RoleMap) -> Result<(), EngineError> {
    let (toc, bytes) = restore::contents(derived.source.as_ref()).await?;
    let mut snapshot = derived.source.snapshot().clone();
    for old in map.old() {
        let known = |p: &crate::snapshot::Prerequisite| p.kind == "role" && p.name == old;
        if !snapshot.prerequisites.iter().any(known) {
            derived.notes.push(format!(
                "--role-map: nothing in the archive belongs or is granted to {old}"
            ));
        }
    }
    map.snapshot(&mut snapshot);
    let bytes = rewritten(&bytes, &toc, |entry| Some(map.entry(entry)))?;
    derived.source = Arc::new(View {
        snapshot,
        members: BTreeMap::from([("toc.dump", bytes)]),
        archive: Arc::clone(&derived.source),
    });
    Ok(())
}

/// Only what matches the patterns, with what it needs.
async fn in_part(derived: &mut Derived, patterns: &[String]) -> Result<(), EngineError> {
    let archive = &derived.source;
    let (toc, bytes) = restore::contents(archive.as_ref()).await?;
    let selection = selection::select(&toc, archive.snapshot(), patterns);
    if selection.whole.is_empty() {
        return Err(nothing_left(&selection.left_out));
    }
    let kept = |entry: &toc::Entry| selection.kept.contains(&entry.dump_id);
    let bytes = rewritten(&bytes, &toc, |entry| kept(entry).then(|| entry.clone()))?;
    let toc = part::contents(&toc, &selection);
    let mut members = BTreeMap::from([
        ("toc.dump", bytes),
        ("sequences.sql", part::sequences(&toc)),
    ]);
    for name in ["before_data.sql", "after_data.sql"] {
        let script = archive.member(name).await?.unwrap_or_default();
        let script = String::from_utf8_lossy(&script).into_owned();
        members.insert(name, part::constraints(&script, &toc, &selection));
    }
    derived.not_asked = Some(not_asked(archive.snapshot(), &selection));
    derived.source = Arc::new(View {
        snapshot: part::facts(archive.snapshot(), &toc, &selection),
        members,
        archive: Arc::clone(archive),
    });
    derived.left_out = selection.left_out;
    Ok(())
}

/// In words: `12 tables, 3 views, 2 large objects`.
fn not_asked(snapshot: &Snapshot, selection: &selection::Selection) -> String {
    let mut counted: Vec<String> = selection
        .not_asked
        .iter()
        .map(|(kind, count)| format!("{count} {}", plural(kind, *count)))
        .collect();
    let large = snapshot.large_objects.count;
    if large > 0 {
        let large_usize = usize::try_from(large).unwrap_or(usize::MAX);
        counted.push(format!("{large} {}", plural("large object", large_usize)));
    }
    if counted.is_empty() {
        counted.push("nothing".to_owned());
    }
    format!("what was not asked for: {}", counted.join(", "))
}

fn plural(kind: &str, count: usize) -> String {
    match kind {
        _ if count == 1 => kind.to_owned(),
        "default acl" => "default acls".to_owned(),
        kind if kind.ends_with('y') => format!("{}ies", kind.trim_end_matches('y')),
        kind if kind.ends_with("ss") => format!("{kind}es"),
        kind => format!("{kind}s"),
    }
}

/// The table of contents with other words.
pub(super) fn rewritten(
    bytes: &[u8],
    toc: &Toc,
    change: impl Fn(&toc::Entry) -> Option<toc::Entry>,
) -> Result<Vec<u8>, EngineError> {
    toc::rewrite(bytes, toc, change).ok_or_else(|| EngineError::Garbled {
        tool: "pg_dump".to_owned(),
        problem: "the table of contents could not be taken apart".to_owned(),
    })
}
