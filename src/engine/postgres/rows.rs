//! Rows out of an archive: COPY text, field by field.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use tokio_util::sync::CancellationToken;

use crate::engine::EngineError;
use crate::engine::rows::{Field, RowReader, RowVisitor};
use crate::fingerprint::InsideHasher;
use crate::snapshot::{
    Column, CopyStatement, Inside, KeyFacts, Object, SeamError, Source, StreamId, StreamKind,
};

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
        objects: &[&str],
        cancel: &CancellationToken,
    ) -> Result<BTreeMap<String, Inside>, EngineError> {
        let mut found = BTreeMap::new();
        for name in objects {
            let all = source.snapshot().objects.iter();
            let members: Vec<&Object> = all
                .filter(|one| one.name == *name || one.root.as_deref() == Some(*name))
                .filter(|one| one.content.is_some())
                .collect();
            let Some(object) = members.first() else {
                continue;
            };
            let mut inside = InsideRows {
                json: object
                    .columns
                    .iter()
                    .filter(|one| holds_json(one))
                    .collect(),
                key: object.content.as_ref().and_then(|one| one.key.as_ref()),
                hasher: InsideHasher::new(),
            };
            let names: Vec<&str> = members.iter().map(|one| one.name.as_str()).collect();
            self.visit(source, &names, cancel, &mut inside)?;
            found.insert((*name).to_owned(), inside.hasher.finish());
        }
        Ok(found)
    }

    fn shown(&self, _kind: u8, raw: &[u8]) -> String {
        String::from_utf8_lossy(&unescaped(raw)).into_owned()
    }
}

fn holds_json(column: &Column) -> bool {
    matches!(column.data_type.as_str(), "json" | "jsonb")
}

/// Looks into the JSON values of a table's rows.
struct InsideRows<'a> {
    json: Vec<&'a Column>,
    key: Option<&'a KeyFacts>,
    hasher: InsideHasher,
}

impl RowVisitor for InsideRows<'_> {
    fn row(&mut self, fields: &[Field<'_>]) -> ControlFlow<()> {
        let raw = |name: &str| fields.iter().find(|field| field.name == name);
        let key = self.key.and_then(|key| {
            let parts: Option<Vec<&[u8]>> = key
                .columns
                .iter()
                .map(|name| Some(raw(name)?.raw))
                .collect();
            Some(parts?.join(&b'\t'))
        });
        for field in fields {
            if self.json.iter().any(|column| column.name == field.name) {
                let text = unescaped(field.raw);
                let text = String::from_utf8_lossy(&text);
                // A value that is nested too deeply for the parser stays a whole.
                let _whole = self.hasher.json(field.name, key.as_deref(), &text);
            }
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
