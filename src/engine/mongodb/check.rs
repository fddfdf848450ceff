//! Decoding an archive's stream without a server: every document is counted and hashed again,
//! and each collection held against the manifest.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::engine::{Context, EngineError, StreamCheck};
use crate::fingerprint::HashedDocuments;
use crate::snapshot::{Object, ObjectKind, SeamError, Snapshot, Source};

use super::archive_stream::{CollectionEntry, Events, StreamParser};
use super::compare::{self, Expiry};
use super::definitions::{CollectionDefinition, MEMBER};
use super::dump::{Contents, Read, STREAM, objects};
use super::restore::definitions;

/// Reads the whole stream.
pub(super) async fn check(
    context: &Context,
    source: Arc<dyn Source>,
) -> Result<StreamCheck, EngineError> {
    let mut check = StreamCheck::default();
    let definitions = match definitions(source.as_ref()).await {
        Ok(definitions) => Some(definitions),
        Err(EngineError::Seam(SeamError::Damaged { member, problem })) => {
            check.flaw(&member, None, problem);
            None
        }
        Err(error) => return Err(error),
    };
    let (reading, reader) = (context.clone(), Arc::clone(&source));
    let decoded = tokio::task::spawn_blocking(move || decode(&reading, reader.as_ref()))
        .await
        .unwrap_or(Err(EngineError::Cancelled))?;
    hold(
        source.snapshot(),
        definitions.as_deref(),
        &decoded,
        &mut check,
    );
    Ok(check)
}

/// What the stream holds, as far as it could be read.
struct Decoded {
    namespaces: Vec<Read>,
    /// Numbers of those whose last block came.
    ended: BTreeSet<usize>,
    /// What is wrong with the documents of some, by name.
    wrong: Vec<(String, String)>,
    /// Bytes of the stream.
    bytes: u64,
    /// What kept the rest from being read: the member and the problem.
    stopped: Option<(String, String)>,
}

fn decode(context: &Context, source: &dyn Source) -> Result<Decoded, EngineError> {
    let mut seen = Seen::default();
    let stopped = match parse(context, source, &mut seen) {
        Ok(()) => None,
        Err(EngineError::Seam(SeamError::Damaged { member, problem })) => Some((member, problem)),
        Err(error) => return Err(error),
    };
    Ok(Decoded {
        namespaces: seen.contents.finish(),
        ended: seen.ended,
        wrong: seen.wrong,
        bytes: seen.bytes,
        stopped,
    })
}

fn parse(context: &Context, source: &dyn Source, seen: &mut Seen) -> Result<(), EngineError> {
    let garbled = |problem: &dyn std::fmt::Display| SeamError::Damaged {
        member: STREAM.folder(),
        problem: problem.to_string(),
    };
    let mut parser = StreamParser::new();
    for index in 0..source.chunks(STREAM).len() {
        let mut chunk = source.chunk(STREAM, index)?;
        while let Some(piece) = chunk.next_piece()? {
            if context.cancel.is_cancelled() {
                return Err(EngineError::Cancelled);
            }
            let before = seen.contents.documents();
            parser
                .push(&piece, seen)
                .map_err(|problem| garbled(&problem))?;
            let documents = seen.contents.documents() - before;
            let bytes = piece.len() as u64;
            seen.bytes += bytes;
            context.progress.advance(bytes, documents);
        }
    }
    parser.finish().map_err(|problem| garbled(&problem))?;
    Ok(())
}

/// Hashes what streams by, and goes on where one collection's documents are wrong: the others
/// may be well.
#[derive(Default)]
struct Seen {
    contents: Contents,
    names: Vec<String>,
    ended: BTreeSet<usize>,
    wrong: Vec<(String, String)>,
    bytes: u64,
}

impl Seen {
    fn wrong(&mut self, number: usize, problem: impl Into<String>) {
        let name = self.names.get(number).cloned().unwrap_or_default();
        // One sentence for each: a million broken documents are one finding.
        if self.wrong.iter().all(|(known, _)| *known != name) {
            self.wrong.push((name, problem.into()));
        }
    }
}

impl Events for Seen {
    fn collection(&mut self, number: usize, entry: CollectionEntry) -> Result<(), String> {
        self.names.push(entry.collection.clone());
        self.contents.collection(number, entry)
    }

    fn document(&mut self, number: usize, document: &[u8]) -> Result<(), String> {
        if let Err(problem) = self.contents.document(number, document) {
            self.wrong(number, problem);
        }
        Ok(())
    }

    fn wrong_checksum(&mut self, number: usize) -> bool {
        self.wrong(number, "the checksum of its documents is wrong");
        true
    }

    fn ended(&mut self, number: usize, _documents: u64) -> Result<(), String> {
        self.ended.insert(number);
        Ok(())
    }
}

/// Holds what was decoded against the manifest.
fn hold(
    archive: &Snapshot,
    definitions: Option<&[CollectionDefinition]>,
    decoded: &Decoded,
    check: &mut StreamCheck,
) {
    let folder = STREAM.folder();
    if let Some((member, problem)) = &decoded.stopped {
        check.flaw(member, None, problem);
    }
    let expected: u64 = archive.streams.iter().map(|stream| stream.bytes).sum();
    if decoded.stopped.is_none() && decoded.bytes != expected {
        let problem = format!("it holds {} bytes instead of {expected}", decoded.bytes);
        check.flaw(&folder, None, problem);
    }
    for (name, problem) in &decoded.wrong {
        check.flaw(&folder, Some(name), problem);
    }
    let whole = whole(decoded);
    check.rows = whole.values().map(|one| one.documents).sum();
    let mut told: BTreeSet<&str> = decoded
        .wrong
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    for object in archive.objects.iter().filter(|one| one.content.is_some()) {
        if !whole.contains_key(object.name.as_str()) && told.insert(&object.name) {
            let problem = match decoded.stopped {
                Some(_) => "its documents could not be read to their end",
                None => "the stream holds nothing of it",
            };
            check.flaw(&folder, Some(&object.name), problem);
        }
    }
    for name in unknown(archive, &whole) {
        check.flaw(
            &folder,
            Some(name),
            "the manifest knows of no documents of it",
        );
    }
    if let Some(definitions) = definitions {
        let found = with_objects(
            archive,
            objects(definitions, &|name| whole.get(name).copied()),
        );
        differences(archive, &found, &told, check);
    }
}

/// Namespaces of which everything was read, by name.
fn whole(decoded: &Decoded) -> HashMap<&str, &HashedDocuments> {
    decoded
        .namespaces
        .iter()
        .enumerate()
        .filter(|(number, one)| decoded.ended.contains(number) && !one.entry.is_users_or_roles())
        .map(|(_, one)| (one.entry.collection.as_str(), &one.hashed))
        .collect()
}

/// Namespaces with documents that the manifest does not have.
fn unknown<'a>(archive: &Snapshot, whole: &HashMap<&'a str, &HashedDocuments>) -> Vec<&'a str> {
    let known = |name: &str| {
        let mut objects = archive.objects.iter();
        objects.any(|one| one.name == name && one.content.is_some())
    };
    let mut unknown: Vec<&str> = whole
        .iter()
        .filter(|(name, hashed)| hashed.documents > 0 && !known(name))
        .map(|(name, _)| *name)
        .collect();
    unknown.sort_unstable();
    unknown
}

fn with_objects(archive: &Snapshot, objects: Vec<Object>) -> Snapshot {
    Snapshot {
        objects,
        ..archive.clone()
    }
}

/// What the definitions and the documents that were read say otherwise than the manifest;
/// `told` was told of already.
fn differences(
    archive: &Snapshot,
    found: &Snapshot,
    told: &BTreeSet<&str>,
    check: &mut StreamCheck,
) {
    for one in compare::definitions(archive, found, Expiry::AsArchived) {
        let problem = format!(
            "{}: expected {}, found {}",
            one.kind, one.expected, one.found
        );
        check.flaw(MEMBER, Some(&one.object), problem);
    }
    let folder = STREAM.folder();
    let by_name: HashMap<&str, &Object> = found
        .objects
        .iter()
        .map(|one| (one.name.as_str(), one))
        .collect();
    for object in archive
        .objects
        .iter()
        .filter(|one| !told.contains(one.name.as_str()))
    {
        let Some(found) = by_name.get(object.name.as_str()) else {
            continue;
        };
        for one in compare::documents_of(object, found) {
            let problem = format!(
                "{}: expected {}, found {}",
                one.kind, one.expected, one.found
            );
            check.flaw(&folder, Some(&one.object), problem);
        }
        if is_forged(object, found) {
            let problem = "its documents are as the manifest says, its fields are not";
            check.flaw(&folder, Some(&object.name), problem);
        }
    }
}

/// Equal documents cannot have other fields: one of the two was not made from the other.
fn is_forged(object: &Object, found: &Object) -> bool {
    let (Some(a), Some(b)) = (&object.content, &found.content) else {
        return false;
    };
    let same_documents = a.rows == b.rows && a.fingerprint == b.fingerprint;
    object.kind != ObjectKind::View && same_documents && (a != b || object.columns != found.columns)
}
