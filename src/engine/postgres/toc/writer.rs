//! Writes a table of contents as `pg_dump` of any version does; for tests.

use chrono::{Datelike as _, Timelike as _};

use super::{Compression, DataState, Entry, Section, Toc};

/// The bytes of `toc`, in its own version.
pub(in crate::engine::postgres) fn write(toc: &Toc) -> Vec<u8> {
    let mut out = Writer {
        bytes: b"PGDMP".to_vec(),
        int_size: toc.int_size,
        off_size: toc.off_size,
        minor: toc.version.1,
    };
    out.header(toc);
    out.int(i32::try_from(toc.entries.len()).unwrap());
    for entry in &toc.entries {
        out.entry(entry);
    }
    out.bytes
}

pub(in crate::engine::postgres) struct Writer {
    pub(in crate::engine::postgres) bytes: Vec<u8>,
    pub(in crate::engine::postgres) int_size: u8,
    pub(in crate::engine::postgres) off_size: u8,
    pub(in crate::engine::postgres) minor: u8,
}

impl Writer {
    fn header(&mut self, toc: &Toc) {
        let (major, minor, revision) = toc.version;
        self.bytes
            .extend([major, minor, revision, toc.int_size, toc.off_size, 1]);
        let number = match toc.compression {
            Compression::None => 0,
            Compression::Gzip => 1,
            Compression::Lz4 => 2,
            Compression::Zstd => 3,
        };
        if self.minor >= 15 {
            self.bytes.push(number);
        } else {
            // Before 1.15 it is a level, -1 being zlib's default.
            self.int(if number == 0 { 0 } else { -1 });
        }
        let at = toc.created.unwrap_or_default();
        self.int(at.second().try_into().unwrap());
        self.int(at.minute().try_into().unwrap());
        self.int(at.hour().try_into().unwrap());
        self.int(at.day().try_into().unwrap());
        self.int(at.month0().try_into().unwrap());
        self.int(at.year() - 1900);
        self.int(0);
        self.string(&toc.dbname);
        self.string(&toc.server_version);
        self.string(&toc.dump_version);
    }

    pub(in crate::engine::postgres) fn int(&mut self, value: i32) {
        self.bytes.push(u8::from(value < 0));
        let magnitude = u64::from(value.unsigned_abs()).to_le_bytes();
        self.bytes.extend(&magnitude[..usize::from(self.int_size)]);
    }

    pub(in crate::engine::postgres) fn string(&mut self, text: &str) {
        self.int(text.len().try_into().unwrap());
        self.bytes.extend(text.as_bytes());
    }

    pub(in crate::engine::postgres) fn entry(&mut self, entry: &Entry) {
        self.int(entry.dump_id);
        self.int(i32::from(entry.had_dumper));
        self.string(&entry.table_oid.to_string());
        self.string(&entry.oid.to_string());
        self.string(&entry.tag);
        self.string(&entry.desc);
        self.int(match entry.section {
            Section::None => 1,
            Section::PreData => 2,
            Section::Data => 3,
            Section::PostData => 4,
        });
        for text in [
            &entry.defn,
            &entry.drop_stmt,
            &entry.copy_stmt,
            &entry.namespace,
            &entry.tablespace,
        ] {
            self.optional(text);
        }
        if self.minor >= 14 {
            self.optional(&entry.tableam);
        }
        if self.minor >= 16 {
            self.int(entry.relkind.map_or(0, |kind| kind as i32));
        }
        self.string(&entry.owner);
        self.string(if entry.with_oids { "true" } else { "false" });
        for dependency in &entry.dependencies {
            self.string(&dependency.to_string());
        }
        self.int(-1);
        self.bytes.push(match entry.data_state {
            DataState::NotSet => 1,
            DataState::Set => 2,
            DataState::NoData => 3,
        });
        self.bytes
            .extend(&entry.offset.to_le_bytes()[..usize::from(self.off_size)]);
    }

    /// As `pg_dump` writes what an entry does not have.
    fn optional(&mut self, text: &str) {
        if text.is_empty() {
            self.int(-1);
        } else {
            self.string(text);
        }
    }
}
