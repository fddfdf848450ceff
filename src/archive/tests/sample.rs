//! Small archives that are like real ones: an engine's part played by hand.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use crate::archive::{
    Archive, ArchiveError, ArchiveSink, ArchiveSummary, Compression, Depth, ManifestExtra,
    Verified, WriteOptions, verify,
};
use crate::fingerprint::RowHasher;
use crate::snapshot::{
    Column, Content, DatabaseFacts, KeyFacts, LargeObjects, Object, ObjectKind, ServerFacts, Sink,
    Snapshot, Stream, StreamId, StreamKind, WriteRecord,
};

pub fn created() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

pub fn table_id(entry: u32) -> StreamId {
    StreamId {
        kind: StreamKind::CopyText,
        entry,
    }
}

pub fn large_objects_id() -> StreamId {
    StreamId {
        kind: StreamKind::LargeObjects,
        entry: 0,
    }
}

/// A table of two columns, `id` (the key) and `name`, as it is stored.
pub struct Table {
    pub entry: u32,
    pub name: String,
    /// Each is pushed at once; whole rows.
    pub pushes: Vec<Vec<u8>>,
}

impl Table {
    pub fn new(entry: u32, name: &str, rows: std::ops::Range<u32>) -> Self {
        let row = |row: u32| format!("{row}\tname of {}\n", row % 97).into_bytes();
        Self {
            entry,
            name: name.to_owned(),
            pushes: rows.map(row).collect(),
        }
    }

    pub fn copy(&self) -> String {
        format!("COPY {} (id, name) FROM stdin;\n", self.name)
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.pushes.concat()
    }
}

/// The facts that an engine would have read.
pub fn snapshot(tables: &[Table], large_objects: &[u8]) -> Snapshot {
    let mut streams: Vec<Stream> = Vec::new();
    let mut objects = Vec::new();
    for table in tables {
        let mut hasher = RowHasher::new(2, Some(vec![0]));
        hasher.rows(&table.bytes()).unwrap();
        let sums = hasher.finish().unwrap();
        let column = |at: usize, name: &str| Column {
            name: name.to_owned(),
            content: Some(sums.columns[at]),
            ..Column::default()
        };
        streams.push(Stream {
            id: table_id(table.entry),
            objects: vec![table.name.clone()],
            copy: Some(table.copy()),
            rows: sums.rows,
            bytes: table.bytes().len() as u64,
            fingerprint: sums.fingerprint,
        });
        objects.push(Object {
            columns: vec![column(0, "id"), column(1, "name")],
            content: Some(Content {
                rows: sums.rows,
                fingerprint: sums.fingerprint,
                key: sums.key.map(|fingerprint| KeyFacts {
                    columns: vec!["id".to_owned()],
                    fingerprint,
                }),
                ..Content::default()
            }),
            ..object(&table.name)
        });
    }
    if !large_objects.is_empty() {
        streams.push(Stream {
            id: large_objects_id(),
            objects: Vec::new(),
            copy: None,
            rows: 0,
            bytes: large_objects.len() as u64,
            fingerprint: crate::snapshot::Fingerprint::default(),
        });
    }
    empty_snapshot(objects, streams)
}

fn object(name: &str) -> Object {
    Object {
        name: name.to_owned(),
        kind: ObjectKind::Table,
        owner: None,
        comment: None,
        definition: None,
        columns: Vec::new(),
        parts: Vec::new(),
        content: None,
        sequence: None,
        root: None,
        loaded_through_root: false,
        populated: None,
        bytes: 0,
    }
}

fn empty_snapshot(objects: Vec<Object>, streams: Vec<Stream>) -> Snapshot {
    Snapshot {
        engine: "postgresql".to_owned(),
        taken_at: created(),
        read_until: None,
        consistent: Some(true),
        server: ServerFacts::default(),
        database: DatabaseFacts::default(),
        objects,
        streams,
        large_objects: LargeObjects::default(),
        extensions: Vec::new(),
        prerequisites: Vec::new(),
        schema: Vec::new(),
        record: WriteRecord::default(),
        notes: Vec::new(),
        secrets_seen: Vec::new(),
    }
}

pub fn options(compression: Compression) -> WriteOptions {
    WriteOptions {
        compression,
        created: created(),
        engine: "postgresql".to_owned(),
        database: "shop".to_owned(),
    }
}

pub fn extra() -> ManifestExtra {
    ManifestExtra {
        id: "shop-20261120T043512Z".to_owned(),
        tag: None,
        target_label: "shop".to_owned(),
        files: Vec::new(),
    }
}

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(work)
}

pub async fn push_all(sink: &dyn Sink, id: StreamId, pushes: &[Vec<u8>]) {
    let mut part = sink.stream(id);
    for push in pushes {
        if part.push(push).unwrap() {
            part.drain().await.unwrap();
        }
    }
    part.finish().await.unwrap();
}

/// Writes an archive of `tables` to `path`.
pub fn write(
    path: &Path,
    compression: Compression,
    tables: &[Table],
    large_objects: &[Vec<u8>],
) -> Result<ArchiveSummary, ArchiveError> {
    let facts = snapshot(tables, &large_objects.concat());
    block_on(async {
        let sink: Arc<ArchiveSink> =
            ArchiveSink::new(File::create(path).unwrap(), options(compression))?;
        sink.member("toc.dump", b"PGDMP and so on".to_vec()).await?;
        for table in tables {
            let name = format!("{}/copy.sql", table_id(table.entry).folder());
            sink.member(&name, table.copy().into_bytes()).await?;
            push_all(&*sink, table_id(table.entry), &table.pushes).await;
        }
        if !large_objects.is_empty() {
            push_all(&*sink, large_objects_id(), large_objects).await;
        }
        sink.member("restore.sh", b"#!/bin/sh\n".to_vec()).await?;
        sink.finish(&facts, extra()).await
    })
}

/// An archive in a folder of its own.
pub struct Sample {
    pub path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Sample {
    pub fn new(compression: Compression, tables: &[Table], large_objects: &[Vec<u8>]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop-20261120T043512Z.tar");
        write(&path, compression, tables, large_objects).unwrap();
        Self {
            path,
            _folder: folder,
        }
    }

    /// Two tables of a few rows, one without any, and a large object.
    pub fn small() -> Self {
        let tables = [
            Table::new(42, "public.orders", 0..40),
            Table::new(43, "public.empty", 0..0),
            Table::new(44, "public.users", 0..9),
        ];
        Self::new(
            Compression::default(),
            &tables,
            &[b"a large object".to_vec()],
        )
    }

    pub fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.path).unwrap()
    }

    pub fn rewrite(&self, bytes: &[u8]) {
        std::fs::write(&self.path, bytes).unwrap();
    }

    /// Changes one byte. Truncating and writing anew would wait for the disk each time.
    pub fn patch(&self, at: usize, byte: u8) {
        let file = File::options().write(true).open(&self.path).unwrap();
        file.write_all_at(&[byte], at as u64).unwrap();
    }

    pub fn cut(&self, length: usize) {
        let file = File::options().write(true).open(&self.path).unwrap();
        file.set_len(length as u64).unwrap();
    }

    pub fn open(&self) -> Result<Archive, ArchiveError> {
        Archive::open(&self.path)
    }

    pub fn verify(&self) -> Result<Verified, ArchiveError> {
        let archive = self.open()?;
        verify(
            &archive,
            Depth::Rows,
            1,
            &|_, _| (),
            &CancellationToken::new(),
        )
    }
}
