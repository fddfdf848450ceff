//! Documents out of an archive: the stream of `mongodump`, parsed without a server.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use bson::RawDocument;
use tokio_util::sync::CancellationToken;

use crate::engine::EngineError;
use crate::engine::rows::{Field, RowReader, RowVisitor};
use crate::fingerprint::{DocumentProblem, InsideHasher, raw_fields};
use crate::snapshot::{Inside, SeamError, Source};

use super::Mongodb;
use super::archive_stream::{CollectionEntry, Events, StreamParser};
use super::definitions::shown;
use super::dump::STREAM;

/// BSON's type byte of null.
const NULL: u8 = 0x0a;

impl RowReader for Mongodb {
    fn visit(
        &self,
        source: &dyn Source,
        objects: &[&str],
        cancel: &CancellationToken,
        visitor: &mut dyn RowVisitor,
    ) -> Result<(), EngineError> {
        let mut visit = |_: &str, document: &[u8]| show(document, visitor);
        read(source, objects, cancel, &mut visit)
    }

    fn inside(
        &self,
        source: &dyn Source,
        objects: &[&str],
        cancel: &CancellationToken,
    ) -> Result<BTreeMap<String, Inside>, EngineError> {
        let mut hashers: BTreeMap<String, InsideHasher> = BTreeMap::new();
        let mut take = |collection: &str, document: &[u8]| {
            match hashers.get_mut(collection) {
                Some(hasher) => hasher.document(document)?,
                None => hashers
                    .entry(collection.to_owned())
                    .or_default()
                    .document(document)?,
            }
            Ok(ControlFlow::Continue(()))
        };
        read(source, objects, cancel, &mut take)?;
        let finished = hashers.into_iter();
        Ok(finished.map(|(name, one)| (name, one.finish())).collect())
    }

    fn shown(&self, kind: u8, raw: &[u8]) -> String {
        let mut document = Vec::with_capacity(raw.len() + 7);
        let length = i32::try_from(raw.len() + 7).unwrap_or(i32::MAX);
        document.extend_from_slice(&length.to_le_bytes());
        document.extend([kind, 0]);
        document.extend_from_slice(raw);
        document.push(0);
        let value = RawDocument::from_bytes(&document).ok();
        let value = value.and_then(|document| document.iter().next()?.ok());
        value.map_or_else(|| "…".to_owned(), |(_, value)| shown(value))
    }
}

/// Is given a collection's name and a document of it.
type Take<'a> = dyn FnMut(&str, &[u8]) -> Result<ControlFlow<()>, DocumentProblem> + 'a;

/// Every document of these collections, until `take` breaks off.
fn read(
    source: &dyn Source,
    objects: &[&str],
    cancel: &CancellationToken,
    take: &mut Take<'_>,
) -> Result<(), EngineError> {
    let mut seen = Seen {
        objects,
        wanted: Vec::new(),
        take,
        ended: false,
    };
    let mut parser = StreamParser::new();
    for index in 0..source.chunks(STREAM).len() {
        let mut chunk = source.chunk(STREAM, index)?;
        while let Some(piece) = chunk.next_piece()? {
            if cancel.is_cancelled() {
                return Err(EngineError::Cancelled);
            }
            parser.push(&piece, &mut seen).map_err(|problem| {
                EngineError::Seam(SeamError::Damaged {
                    member: STREAM.folder(),
                    problem: problem.to_string(),
                })
            })?;
            if seen.ended {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn show(document: &[u8], visitor: &mut dyn RowVisitor) -> Result<ControlFlow<()>, DocumentProblem> {
    let elements = raw_fields(document)?;
    let names: Vec<_> = elements
        .iter()
        .map(|element| String::from_utf8_lossy(element.name))
        .collect();
    let fields: Vec<Field<'_>> = elements
        .iter()
        .zip(&names)
        .filter(|(element, _)| element.kind != NULL)
        .map(|(element, name)| Field {
            name,
            raw: element.value,
            kind: element.kind,
        })
        .collect();
    Ok(visitor.row(&fields))
}

struct Seen<'a, 't> {
    objects: &'a [&'a str],
    /// The name of each namespace, by its number, if it is asked for.
    wanted: Vec<Option<String>>,
    take: &'a mut Take<'t>,
    ended: bool,
}

impl Events for Seen<'_, '_> {
    fn collection(&mut self, _number: usize, entry: CollectionEntry) -> Result<(), String> {
        let wanted = !entry.is_users_or_roles() && self.objects.contains(&&*entry.collection);
        self.wanted.push(wanted.then_some(entry.collection));
        Ok(())
    }

    fn document(&mut self, number: usize, document: &[u8]) -> Result<(), String> {
        let Some(Some(collection)) = self.wanted.get(number).filter(|_| !self.ended) else {
            return Ok(());
        };
        let taken = (self.take)(collection, document).map_err(|problem| problem.to_string())?;
        self.ended = taken.is_break();
        Ok(())
    }
}
