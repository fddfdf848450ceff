//! Documents out of an archive: the stream of `mongodump`, parsed without a server.

use std::ops::ControlFlow;

use bson::RawDocument;
use tokio_util::sync::CancellationToken;

use crate::engine::EngineError;
use crate::engine::rows::{Field, RowReader, RowVisitor};
use crate::fingerprint::raw_fields;
use crate::snapshot::{SeamError, Source};

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
        let mut seen = Seen {
            objects,
            wanted: Vec::new(),
            visitor,
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

struct Seen<'a> {
    objects: &'a [&'a str],
    /// Whether each namespace, by its number, is asked for.
    wanted: Vec<bool>,
    visitor: &'a mut dyn RowVisitor,
    ended: bool,
}

impl Events for Seen<'_> {
    fn collection(&mut self, _number: usize, entry: CollectionEntry) -> Result<(), String> {
        let wanted = !entry.is_users_or_roles() && self.objects.contains(&&*entry.collection);
        self.wanted.push(wanted);
        Ok(())
    }

    fn document(&mut self, number: usize, document: &[u8]) -> Result<(), String> {
        if self.ended || !self.wanted.get(number).copied().unwrap_or(false) {
            return Ok(());
        }
        let elements = raw_fields(document).map_err(|problem| problem.to_string())?;
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
        self.ended = matches!(self.visitor.row(&fields), ControlFlow::Break(()));
        Ok(())
    }
}
