//! Rows out of an archive: COPY text, field by field.

use std::ops::ControlFlow;

use tokio_util::sync::CancellationToken;

use crate::engine::EngineError;
use crate::engine::rows::{Choice, Chosen, Field, RowReader, RowVisitor};
use crate::fingerprint::{InsideHasher, value_hash};
use crate::snapshot::{CopyStatement, Inside, KeyFacts, SeamError, Source, StreamId, StreamKind};

use super::Postgres;

impl RowReader for Postgres {
    fn visit(
        &self,
        source: &dyn Source,
        objects: &[&str],
        cancel: &CancellationToken,
        visitor: &mut dyn RowVisitor,
    ) -> Result<(), EngineError> {
        let streams = source.snapshot().streams.iter().filter(|stream| {
            let named = stream.objects.first().map(String::as_str);
            stream.id.kind == StreamKind::CopyText && named.is_some_and(|n| objects.contains(&n))
        });
        for stream in streams {
            let parsed = stream.copy.as_deref().and_then(CopyStatement::parse);
            let columns = parsed.map(|copy| copy.columns).unwrap_or_default();
            let read = read(source, stream.id, &columns, cancel, visitor)?;
            if read.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn inside(
        &self,
        source: &dyn Source,
        members: &[&str],
        cancel: &CancellationToken,
        chosen: &mut Chosen<'_>,
    ) -> Result<Inside, EngineError> {
        let mut objects = source.snapshot().objects.iter();
        let first = objects.find(|one| one.content.is_some() && members.contains(&&*one.name));
        let Some(object) = first else {
            return Ok(Inside::default());
        };
        let columns = object.columns.iter();
        let mut inside = InsideRows {
            inner: columns
                .filter_map(|one| Some((one.name.as_str(), inner(&one.data_type)?)))
                .collect(),
            key: object.content.as_ref().and_then(|one| one.key.as_ref()),
            hasher: InsideHasher::new(),
            chosen,
        };
        self.visit(source, members, cancel, &mut inside)?;
        Ok(inside.hasher.finish())
    }

    fn shown(&self, _kind: u8, raw: &[u8]) -> String {
        String::from_utf8_lossy(&unescaped(raw)).into_owned()
    }
}

/// How a column's values hold others.
#[derive(Clone, Copy)]
enum Inner {
    Json,
    Array { json: bool },
}

fn inner(data_type: &str) -> Option<Inner> {
    let json = |name: &str| matches!(name, "json" | "jsonb");
    match data_type.strip_suffix("[]") {
        // Its elements are parted by semicolons.
        Some("box") => None,
        Some(element) => Some(Inner::Array {
            json: json(element),
        }),
        None => json(data_type).then_some(Inner::Json),
    }
}

/// Looks at what a table's rows hold, and into JSON and arrays.
struct InsideRows<'a, 'c> {
    inner: Vec<(&'a str, Inner)>,
    key: Option<&'a KeyFacts>,
    hasher: InsideHasher,
    chosen: &'a mut Chosen<'c>,
}

impl InsideRows<'_, '_> {
    /// As the key of a row is hashed while it is dumped.
    fn own_key(&self, fields: &[Field<'_>]) -> Option<u128> {
        let raw = |name: &String| fields.iter().find(|field| field.name == name);
        let columns = self.key?.columns.iter();
        let parts: Option<Vec<&[u8]>> = columns.map(|name| Some(raw(name)?.raw)).collect();
        Some(value_hash(&parts?.join(&b'\t')).0)
    }
}

impl RowVisitor for InsideRows<'_, '_> {
    fn row(&mut self, fields: &[Field<'_>]) -> ControlFlow<()> {
        let key = match (self.chosen)(fields) {
            Choice::Skip => return ControlFlow::Continue(()),
            Choice::Take => self.own_key(fields),
            Choice::Keyed(key) => Some(key),
        };
        let columns = fields.iter().map(|field| (field.name, field.raw));
        self.hasher.copied_row(key, columns);
        for field in fields {
            let mut inner = self.inner.iter();
            let Some((name, inner)) = inner.find(|(name, _)| *name == field.name) else {
                continue;
            };
            let text = unescaped(field.raw);
            let text = String::from_utf8_lossy(&text);
            // A value that the parser does not take stays a whole.
            let _whole = match inner {
                Inner::Json => self.hasher.json(name, key, &text),
                Inner::Array { json } => self.hasher.array(name, key, &text, *json),
            };
        }
        ControlFlow::Continue(())
    }
}

fn read(
    source: &dyn Source,
    id: StreamId,
    columns: &[String],
    cancel: &CancellationToken,
    visitor: &mut dyn RowVisitor,
) -> Result<ControlFlow<()>, EngineError> {
    let mut carry: Vec<u8> = Vec::new();
    for index in 0..source.chunks(id).len() {
        let mut chunk = source.chunk(id, index)?;
        while let Some(piece) = chunk.next_piece()? {
            if cancel.is_cancelled() {
                return Err(EngineError::Cancelled);
            }
            let mut rest: &[u8] = &piece;
            while let Some(end) = memchr::memchr(b'\n', rest) {
                let row = &rest[..end];
                rest = &rest[end + 1..];
                let shown = if carry.is_empty() {
                    show(row, columns, id, visitor)?
                } else {
                    carry.extend_from_slice(row);
                    let shown = show(&carry, columns, id, visitor)?;
                    carry.clear();
                    shown
                };
                if shown.is_break() {
                    return Ok(shown);
                }
            }
            carry.extend_from_slice(rest);
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn show(
    row: &[u8],
    columns: &[String],
    id: StreamId,
    visitor: &mut dyn RowVisitor,
) -> Result<ControlFlow<()>, EngineError> {
    let mut fields = Vec::with_capacity(columns.len());
    let mut values = row.split(|byte| *byte == b'\t');
    for name in columns {
        let Some(raw) = values.next() else {
            return Err(EngineError::Seam(SeamError::Damaged {
                member: id.folder(),
                problem: "a row has fewer fields than the table has columns".to_owned(),
            }));
        };
        if raw != b"\\N" {
            fields.push(Field { name, raw, kind: 0 });
        }
    }
    Ok(visitor.row(&fields))
}

/// Takes COPY's escapes back (`src/backend/commands/copyto.c`, `CopyAttributeOutText`).
fn unescaped(raw: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            text.push(byte);
            continue;
        }
        text.extend(bytes.next().map(|escaped| match escaped {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            other => other,
        }));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::unescaped;

    #[test]
    fn escapes_are_taken_back() {
        assert_eq!(unescaped(br"a\tb\\n\n"), b"a\tb\\n\n");
        assert_eq!(unescaped(br"\\N"), br"\N");
        assert_eq!(unescaped(b""), b"");
        // A value that was cut may end within an escape.
        assert_eq!(unescaped(br"a\"), b"a");
    }
}
