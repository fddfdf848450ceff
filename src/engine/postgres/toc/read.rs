//! The entries: `ReadToc` and `_ReadExtraToc` of the custom format.

use std::collections::HashSet;

use futures_util::FutureExt as _;
use tokio::io::AsyncBufRead;

use super::fields::{Fields, Place, quoted};
use super::header::header;
use super::{DataState, Entry, Section, Toc, TocError};

/// From here on tables name their access method.
const WITH_TABLEAM: u8 = 14;
/// From here on entries carry `pg_class.relkind`.
const WITH_RELKIND: u8 = 16;

/// Reads a table of contents from a pipe or file, exactly to its end, and gives back also
/// the bytes it consists of. What follows it is left in `reader`.
///
/// # Errors
/// [`TocError::Io`] if the reader fails, the others if the bytes are no table of contents.
pub async fn read<R: AsyncBufRead + Unpin>(reader: &mut R) -> Result<(Toc, Vec<u8>), TocError> {
    let mut fields = Fields::new(reader);
    let mut toc = header(&mut fields).await?;
    let count = fields.count("the number of entries").await?;
    let mut seen = HashSet::new();
    for index in 0..count {
        fields.place = Place::Entry {
            index,
            name: String::new(),
        };
        let entry = entry(&mut fields, index, toc.version.1).await?;
        if !seen.insert(entry.dump_id) {
            return Err(fields.bad(format!("the number {} is used twice", entry.dump_id)));
        }
        toc.entries.push(entry);
    }
    Ok((toc, fields.into_bytes()))
}

/// Parses bytes that are a table of contents and nothing more.
///
/// # Errors
/// As [`read`]; bytes after the end are [`TocError::Bad`] too.
pub fn parse(bytes: &[u8]) -> Result<Toc, TocError> {
    let mut rest = bytes;
    // A slice is never pending, so the future is ready when first asked.
    let (toc, read) = read(&mut rest)
        .now_or_never()
        .unwrap_or_else(|| Err(TocError::Io(std::io::ErrorKind::WouldBlock.into())))?;
    if rest.is_empty() {
        return Ok(toc);
    }
    Err(TocError::Bad {
        at: read.len() as u64,
        place: "the end".to_owned(),
        problem: format!("{} more bytes follow", rest.len()),
    })
}

async fn entry<R: AsyncBufRead + Unpin>(
    fields: &mut Fields<'_, R>,
    index: i32,
    minor: u8,
) -> Result<Entry, TocError> {
    let dump_id = fields.int().await?;
    if dump_id <= 0 {
        return Err(fields.bad(format!("the number of the entry is {dump_id}")));
    }
    let had_dumper = fields.int().await? != 0;
    let table_oid = fields.oid("catalog oid").await?;
    let oid = fields.oid("oid").await?;
    let tag = fields.string("name").await?;
    let desc = fields.string("kind").await?;
    fields.place = Place::Entry {
        index,
        name: format!("{} {}", short(&desc), short(&tag)),
    };
    if desc.is_empty() {
        return Err(fields.bad("the entry has no kind"));
    }
    let section = section(fields).await?;
    let defn = fields.string("definition").await?;
    let drop_stmt = fields.string("drop statement").await?;
    let copy_stmt = fields.string("copy statement").await?;
    let namespace = fields.string("schema").await?;
    let tablespace = fields.string("tablespace").await?;
    let tableam = if minor >= WITH_TABLEAM {
        fields.string("access method").await?
    } else {
        String::new()
    };
    let relkind = if minor >= WITH_RELKIND {
        relkind(fields).await?
    } else {
        None
    };
    let owner = fields.string("owner").await?;
    let with_oids = fields.string("oids flag").await? == "true";
    let dependencies = dependencies(fields).await?;
    let (data_state, offset) = data(fields).await?;
    Ok(Entry {
        dump_id,
        had_dumper,
        table_oid,
        oid,
        tag,
        desc,
        section,
        defn,
        drop_stmt,
        copy_stmt,
        namespace,
        tablespace,
        tableam,
        relkind,
        owner,
        with_oids,
        dependencies,
        data_state,
        offset,
    })
}

/// `teSection` of `pg_backup.h`.
async fn section<R: AsyncBufRead + Unpin>(fields: &mut Fields<'_, R>) -> Result<Section, TocError> {
    match fields.int().await? {
        1 => Ok(Section::None),
        2 => Ok(Section::PreData),
        3 => Ok(Section::Data),
        4 => Ok(Section::PostData),
        other => Err(fields.bad(format!("the unknown section {other}"))),
    }
}

/// A character in a number; 0 for entries that are no relation.
async fn relkind<R: AsyncBufRead + Unpin>(
    fields: &mut Fields<'_, R>,
) -> Result<Option<char>, TocError> {
    match fields.int().await? {
        0 => Ok(None),
        value => match u8::try_from(value) {
            Ok(byte) if byte.is_ascii_alphabetic() => Ok(Some(char::from(byte))),
            _ => Err(fields.bad(format!("the relation kind {value}"))),
        },
    }
}

/// Decimal strings until there is none.
async fn dependencies<R: AsyncBufRead + Unpin>(
    fields: &mut Fields<'_, R>,
) -> Result<Vec<i32>, TocError> {
    let mut numbers = Vec::new();
    while let Some(text) = fields.optional("dependency").await? {
        match text.parse() {
            Ok(number) if number > 0 => numbers.push(number),
            _ => return Err(fields.bad(format!("the dependency {}", quoted(&text)))),
        }
    }
    Ok(numbers)
}

/// `ReadOffset`.
async fn data<R: AsyncBufRead + Unpin>(
    fields: &mut Fields<'_, R>,
) -> Result<(DataState, u64), TocError> {
    let state = match fields.byte().await? {
        1 => DataState::NotSet,
        2 => DataState::Set,
        3 => DataState::NoData,
        other => return Err(fields.bad(format!("the unknown data state {other}"))),
    };
    Ok((state, fields.offset().await?))
}

/// Enough of a name to find the object by.
fn short(text: &str) -> String {
    text.chars().take(80).collect()
}
