//! What changed between the sidecars of two archives, by their listings: read side by side, so
//! that it takes no memory however many files there are.

use std::cmp::Ordering;
use std::collections::VecDeque;

use serde::Serialize;

use super::super::error::ArchiveError;
use super::super::reader::Archive;
use super::entry::{Line, order};
use super::read::damaged;
use super::stream::TreeStream;
use super::{Sidecar, TreeId, TreePart};
use crate::snapshot::SeamError;

/// So many paths of each kind are named.
const NAMED: usize = 5;
/// A line is one path and less than a kilobyte of facts; a path is never as long as this.
const LINE_LIMIT: usize = 1 << 20;

/// What changed in one sidecar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SidecarChange {
    /// Its name.
    pub name: String,
    /// `added`, `removed` or `changed`.
    pub change: &'static str,
    /// Files before; `None` if it was not there.
    pub files_before: Option<u64>,
    /// Files after; `None` if it is not there.
    pub files_after: Option<u64>,
    /// Bytes before.
    pub bytes_before: Option<u64>,
    /// Bytes after.
    pub bytes_after: Option<u64>,
    /// Files, folders and links that came.
    pub added: u64,
    /// That went.
    pub removed: u64,
    /// With other content, kind or mode. When they were written does not count.
    pub changed: u64,
    /// The first of them, each with `+`, `-` or `~` before its path.
    pub some: Vec<String>,
}

/// What changed from the sidecars of `a` to those of `b`; they are paired by their names.
///
/// # Errors
/// A listing cannot be read.
pub fn compare_sidecars(a: &Archive, b: &Archive) -> Result<Vec<SidecarChange>, ArchiveError> {
    let (before, after) = (&a.manifest().files, &b.manifest().files);
    let find = |all: &[Sidecar], name: &str| all.iter().position(|one| one.name == name);
    let mut changes = Vec::new();
    for (index, one) in before.iter().enumerate() {
        let change = match find(after, &one.name) {
            None => Some(alone(one, false)),
            Some(other) if after[other].listing_sha256 == one.listing_sha256 => None,
            Some(other) => both((a, one, index), (b, &after[other], other))?,
        };
        changes.extend(change);
    }
    let new = after.iter().filter(|one| find(before, &one.name).is_none());
    changes.extend(new.map(|one| alone(one, true)));
    Ok(changes)
}

/// One that only one of the archives has.
fn alone(sidecar: &Sidecar, came: bool) -> SidecarChange {
    let entries = sidecar.files + sidecar.folders + sidecar.links;
    let (files, bytes) = (Some(sidecar.files), Some(sidecar.bytes));
    let base = SidecarChange {
        name: sidecar.name.clone(),
        ..SidecarChange::default()
    };
    if came {
        SidecarChange {
            change: "added",
            files_after: files,
            bytes_after: bytes,
            added: entries,
            ..base
        }
    } else {
        SidecarChange {
            change: "removed",
            files_before: files,
            bytes_before: bytes,
            removed: entries,
            ..base
        }
    }
}

/// One that both have; `None` if nothing but times changed.
fn both(
    (a, before, at): (&Archive, &Sidecar, usize),
    (b, after, other): (&Archive, &Sidecar, usize),
) -> Result<Option<SidecarChange>, SeamError> {
    let mut change = SidecarChange {
        name: before.name.clone(),
        change: "changed",
        files_before: Some(before.files),
        files_after: Some(after.files),
        bytes_before: Some(before.bytes),
        bytes_after: Some(after.bytes),
        ..SidecarChange::default()
    };
    let (mut old, mut new) = (Lines::new(a, before, at), Lines::new(b, after, other));
    let (mut left, mut right) = (old.line()?, new.line()?);
    loop {
        let which = match (&left, &right) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((one, _)), Some((two, _))) => order(one, two),
        };
        if let (Ordering::Equal, Some((path, one)), Some((_, two))) = (which, &left, &right)
            && !one.is_same_as(two)
        {
            change.changed += 1;
            name(&mut change.some, '~', change.changed, path);
        }
        if let (Ordering::Less, Some((path, _))) = (which, &left) {
            change.removed += 1;
            name(&mut change.some, '-', change.removed, path);
        }
        if let (Ordering::Greater, Some((path, _))) = (which, &right) {
            change.added += 1;
            name(&mut change.some, '+', change.added, path);
        }
        if which.is_le() {
            left = old.line()?;
        }
        if which.is_ge() {
            right = new.line()?;
        }
    }
    let any = change.added + change.removed + change.changed > 0;
    Ok(any.then_some(change))
}

fn name(some: &mut Vec<String>, sign: char, number: u64, path: &[u8]) {
    if number <= NAMED as u64 {
        some.push(format!("{sign}{}", String::from_utf8_lossy(path)));
    }
}

/// The lines of a listing.
struct Lines<'a> {
    stream: TreeStream<'a>,
    sidecar: &'a Sidecar,
    waiting: VecDeque<u8>,
    ended: bool,
}

impl<'a> Lines<'a> {
    fn new(archive: &'a Archive, sidecar: &'a Sidecar, index: usize) -> Self {
        let id = TreeId {
            number: u32::try_from(index + 1).unwrap_or(u32::MAX),
            part: TreePart::Listing,
        };
        Self {
            stream: TreeStream::new(archive, id),
            sidecar,
            waiting: VecDeque::new(),
            ended: false,
        }
    }

    /// The next line, and the path in it.
    fn line(&mut self) -> Result<Option<(Vec<u8>, Line)>, SeamError> {
        let end = loop {
            if let Some(end) = self.waiting.iter().position(|byte| *byte == b'\n') {
                break end;
            }
            if self.ended && self.waiting.is_empty() {
                return Ok(None);
            }
            if self.ended || self.waiting.len() > LINE_LIMIT {
                return Err(self.unreadable());
            }
            let mut buffer = [0; 16 << 10];
            let filled = self.stream.fill(&mut buffer)?;
            self.ended = filled == 0;
            self.waiting.extend(&buffer[..filled]);
        };
        let text: Vec<u8> = self.waiting.drain(..=end).collect();
        let line: Option<Line> = serde_json::from_slice(&text).ok();
        let read = line.and_then(|line| Some((line.path()?, line)));
        read.map(Some).ok_or_else(|| self.unreadable())
    }

    fn unreadable(&self) -> SeamError {
        damaged(self.sidecar, "its listing cannot be read")
    }
}
