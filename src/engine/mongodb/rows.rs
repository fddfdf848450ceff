//! Documents out of an archive: the stream of `mongodump`, parsed without a server.

use std::ops::ControlFlow;

use bson::RawDocument;
use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use crate::engine::EngineError;
use crate::engine::rows::{Choice, Chosen, Expiry, Field, RowReader, RowVisitor};
use crate::fingerprint::{DocumentProblem, InsideHasher, raw_fields};
use crate::snapshot::{Inside, Object, PartKind, SeamError, Source};

use super::Mongodb;
use super::archive_stream::{CollectionEntry, Events, StreamParser};
use super::definitions::shown;
use super::dump::STREAM;

/// BSON's type bytes of null and of a date, milliseconds since 1970.
const NULL: u8 = 0x0a;
const DATE: u8 = 0x09;

impl RowReader for Mongodb {
    fn visit(
        &self,
        source: &dyn Source,
        objects: &[&str],
        cancel: &CancellationToken,
        visitor: &mut dyn RowVisitor,
    ) -> Result<(), EngineError> {
        let mut visit = |document: &[u8]| with_fields(document, |fields| visitor.row(fields));
        read(source, objects, cancel, &mut visit)
    }

    fn inside(
        &self,
        source: &dyn Source,
        members: &[&str],
        cancel: &CancellationToken,
        chosen: &mut Chosen<'_>,
    ) -> Result<Inside, EngineError> {
        let mut hasher = InsideHasher::new();
        let mut take = |document: &[u8]| {
            match with_fields(document, &mut *chosen)? {
                Choice::Skip => {}
                Choice::Take => hasher.document(document, None)?,
                Choice::Keyed(key) => hasher.document(document, Some(key))?,
            }
            Ok(ControlFlow::Continue(()))
        };
        read(source, members, cancel, &mut take)?;
        Ok(hasher.finish())
    }

    fn expiry(&self, object: &Object, at: DateTime<Utc>) -> Option<Expiry> {
        let parts = object.parts.iter();
        let rules: Vec<(String, i64)> = parts
            .filter(|part| part.kind == PartKind::Index)
            .filter_map(|part| expiring(&part.definition, at))
            .collect();
        let expired = move |fields: &[Field<'_>]| {
            rules.iter().any(|(name, until)| {
                let field = fields.iter().find(|field| field.name == name);
                let date = field.filter(|field| field.kind == DATE);
                let date = date.and_then(|field| field.raw.first_chunk::<8>());
                date.is_some_and(|date| i64::from_le_bytes(*date) <= *until)
            })
        };
        Some(Box::new(expired))
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

/// The field by which an index lets documents expire, and the last date, in milliseconds, that
/// has expired by `at`. Of a path or a partial index a row's fields do not tell it.
fn expiring(definition: &str, at: DateTime<Utc>) -> Option<(String, i64)> {
    let index: serde_json::Value = serde_json::from_str(definition).ok()?;
    let seconds = index.get("expireAfterSeconds")?.as_f64()?;
    let keys = index.get("key")?.as_object()?;
    let plain = keys.len() == 1 && index.get("partialFilterExpression").is_none();
    let field = keys.keys().next().filter(|_| plain)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is out of range saturates"
    )]
    let milliseconds = (seconds * 1000.0) as i64;
    let until = at.timestamp_millis().saturating_sub(milliseconds);
    (!field.contains('.')).then(|| (field.clone(), until))
}

/// Is given a document.
type Take<'a> = dyn FnMut(&[u8]) -> Result<ControlFlow<()>, DocumentProblem> + 'a;

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

/// Gives a document's fields that are not null.
fn with_fields<T>(
    document: &[u8],
    take: impl FnOnce(&[Field<'_>]) -> T,
) -> Result<T, DocumentProblem> {
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
    Ok(take(&fields))
}

struct Seen<'a, 't> {
    objects: &'a [&'a str],
    /// Whether each namespace, by its number, is asked for.
    wanted: Vec<bool>,
    take: &'a mut Take<'t>,
    ended: bool,
}

impl Events for Seen<'_, '_> {
    fn collection(&mut self, _number: usize, entry: CollectionEntry) -> Result<(), String> {
        let wanted = !entry.is_users_or_roles() && self.objects.contains(&&*entry.collection);
        self.wanted.push(wanted);
        Ok(())
    }

    fn document(&mut self, number: usize, document: &[u8]) -> Result<(), String> {
        if self.ended || !self.wanted.get(number).copied().unwrap_or(false) {
            return Ok(());
        }
        let taken = (self.take)(document).map_err(|problem| problem.to_string())?;
        self.ended = taken.is_break();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_index_on_one_field_of_all_documents_tells_what_has_expired() {
        let at = DateTime::from_timestamp(1_000, 0).unwrap();
        let until = |definition: &str| expiring(definition, at);
        let plain = r#"{"v":2,"key":{"e":-1},"name":"e","expireAfterSeconds":60}"#;
        assert_eq!(until(plain), Some(("e".to_owned(), 940_000)));
        let most = r#"{"key":{"e":1},"expireAfterSeconds":2147483647.0}"#;
        assert_eq!(until(most), Some(("e".to_owned(), -2_147_482_647_000)));
        for none in [
            r#"{"key":{"e":1}}"#,
            r#"{"key":{"e":1,"f":1},"expireAfterSeconds":60}"#,
            r#"{"key":{"e.f":1},"expireAfterSeconds":60}"#,
            r#"{"key":{"e":1},"expireAfterSeconds":60,"partialFilterExpression":{"a":1}}"#,
            "CREATE INDEX",
        ] {
            assert_eq!(until(none), None, "{none}");
        }
    }
}
