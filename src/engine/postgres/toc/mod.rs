//! The table of contents of `pg_dump`'s custom format, archive versions 1.12 to 1.16.
//!
//! On a pipe `pg_dump` writes the whole table of contents before any data. Those bytes alone
//! are a valid archive for `pg_restore --section=pre-data` and `--section=post-data`.
//!
//! Source of the format: PostgreSQL's `src/bin/pg_dump/pg_backup_archiver.c` (`ReadHead`,
//! `ReadToc`, `ReadInt`, `ReadStr`, `ReadOffset`) and `pg_backup_custom.c`
//! (`_ReadExtraToc`). All numbers are a sign byte and then the magnitude, least significant
//! byte first; all strings a number of bytes and then the bytes, the number -1 being "none".

mod error;
mod fields;
mod header;
mod normalise;
mod read;
mod rewrite;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(in crate::engine::postgres) mod writer;

pub use error::TocError;
pub(super) use fields::int_of;
pub use normalise::schema_entries;
pub(super) use normalise::statements;
pub use read::{parse, read};
pub(super) use rewrite::rewrite;

use chrono::NaiveDateTime;

/// A whole table of contents with its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toc {
    /// Version of the archive format: major, minor, revision.
    pub version: (u8, u8, u8),
    /// Bytes in the magnitude of a number.
    pub int_size: u8,
    /// Bytes in a file offset.
    pub off_size: u8,
    /// How the data after the table of contents is laid out.
    pub format: Format,
    /// How the data after the table of contents is compressed.
    pub compression: Compression,
    /// When it was written, in the local time of whoever ran `pg_dump`; `None` if the header
    /// holds no possible date.
    pub created: Option<NaiveDateTime>,
    /// The database that was dumped.
    pub dbname: String,
    /// Version of the server, as it prints it.
    pub server_version: String,
    /// Version of `pg_dump`.
    pub dump_version: String,
    /// The entries in the order of the file, which is the order of restoring.
    pub entries: Vec<Entry>,
}

/// Layout of the data, the `format` byte of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One file; the only layout that `pg_dump` can write to a pipe.
    Custom,
}

/// Compression of the data blocks. The table of contents itself is never compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Stored as it is.
    None,
    /// zlib.
    Gzip,
    /// LZ4 frames.
    Lz4,
    /// Zstandard frames.
    Zstd,
}

/// Which of the three passes of a restore an entry belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// Belongs to what it describes: comments, grants, security labels.
    None,
    /// Before the data: types, functions, tables.
    PreData,
    /// The data: rows, large objects, sequence values.
    Data,
    /// After the data: indexes, constraints, triggers.
    PostData,
}

/// Whether an entry has data, and whether the file says where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataState {
    /// It has data, whose place is not in the table of contents (written to a pipe).
    NotSet,
    /// It has data at [`Entry::offset`].
    Set,
    /// It has none.
    NoData,
}

/// One entry. A string that the file has as "none" is empty here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number, unique within the file.
    pub dump_id: i32,
    /// Whether data follows for it.
    pub had_dumper: bool,
    /// The catalog that the object is a row of; 0 for none.
    pub table_oid: u32,
    /// The object's oid in that catalog; 0 for none.
    pub oid: u32,
    /// The object's name; for some kinds with its table's name before it.
    pub tag: String,
    /// What it is: `TABLE`, `INDEX`, `ACL`, `TABLE DATA` …
    pub desc: String,
    /// The pass of a restore it belongs to.
    pub section: Section,
    /// The statements that make it.
    pub defn: String,
    /// The statement that drops it.
    pub drop_stmt: String,
    /// For `TABLE DATA`: the `COPY … FROM stdin;` statement.
    pub copy_stmt: String,
    /// Its schema, unquoted.
    pub namespace: String,
    /// Its tablespace, unquoted.
    pub tablespace: String,
    /// Its table access method (from version 1.14).
    pub tableam: String,
    /// `pg_class.relkind` as a character (from version 1.16).
    pub relkind: Option<char>,
    /// Its owner, unquoted.
    pub owner: String,
    /// A table with OIDs, which no supported server has any more.
    pub with_oids: bool,
    /// Numbers of the entries that must be restored before it.
    pub dependencies: Vec<i32>,
    /// Whether data follows.
    pub data_state: DataState,
    /// Where its data is in the file, if [`DataState::Set`].
    pub offset: u64,
}

impl Entry {
    /// Whether a block of data follows the table of contents for this entry.
    #[must_use]
    pub fn has_data(&self) -> bool {
        self.data_state != DataState::NoData
    }
}

impl Toc {
    /// The entries whose rows are read and restored by `COPY`.
    pub fn table_data(&self) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(|entry| entry.desc == "TABLE DATA" && entry.has_data())
    }

    /// The entry of that number.
    #[must_use]
    pub fn entry(&self, dump_id: i32) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.dump_id == dump_id)
    }

    /// The entries that announce large objects, each with the oids it announces: `BLOB`, one
    /// each, and from `pg_dump` 17 on `BLOB METADATA`, up to a thousand, one a line.
    pub fn large_objects(&self) -> impl Iterator<Item = (&Entry, Vec<u32>)> {
        self.entries.iter().filter_map(|entry| {
            let oids = match entry.desc.as_str() {
                "BLOB" => vec![entry.oid],
                "BLOB METADATA" => entry
                    .defn
                    .lines()
                    .filter_map(|line| line.trim().parse().ok())
                    .collect(),
                _ => return None,
            };
            Some((entry, oids))
        })
    }
}
