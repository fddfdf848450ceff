use std::fs::File;
use std::io::Read as _;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use super::sample::{
    Sample, Table, block_on, created, extra, large_objects_id, options, push_all, snapshot,
    table_id, write,
};
use crate::archive::{Archive, ArchiveError, ArchiveSink, Compression, Depth, verify};
use crate::snapshot::{SeamError, Sink, Source, StreamId};

fn read_stream(archive: &Archive, id: StreamId) -> Vec<u8> {
    let mut whole = Vec::new();
    for (index, facts) in archive.chunks(id).iter().enumerate() {
        let before = whole.len();
        let mut chunk = archive.chunk(id, index).unwrap();
        while let Some(piece) = chunk.next_piece().unwrap() {
            assert!(!piece.is_empty() && piece.len() <= 256 << 10);
            whole.extend_from_slice(&piece);
        }
        assert_eq!((whole.len() - before) as u64, facts.bytes);
    }
    whole
}

/// Text that compresses badly, so that members fill up.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        b'!' + u8::try_from(state % 90).unwrap()
    };
    (0..length)
        .map(|_| next())
        .map(|byte| if byte == b'\\' { b'/' } else { byte })
        .collect()
}

fn noisy_rows(rows: u32, length: usize) -> Vec<Vec<u8>> {
    let row = |row: u32| {
        let mut text = format!("{row}\t").into_bytes();
        text.extend_from_slice(&noise(length, u64::from(row) + 77));
        text.push(b'\n');
        text
    };
    (0..rows).map(row).collect()
}

#[test]
fn everything_comes_back_with_every_compression() {
    for compression in ["zstd:1", "gzip:1", "none"] {
        let tables = [
            Table::new(42, "public.orders", 0..100_000),
            Table::new(43, "public.empty", 0..0),
            Table {
                entry: 44,
                name: "public.noise".into(),
                pushes: noisy_rows(3000, 1500),
            },
        ];
        let objects = [noise(1 << 20, 3), noise(3 << 20, 4), noise(10, 5)];
        let sample = Sample::new(compression.parse().unwrap(), &tables, &objects);
        let archive = sample.open().unwrap();
        for table in &tables {
            let id = table_id(table.entry);
            assert!(
                read_stream(&archive, id) == table.bytes(),
                "{compression} {}",
                table.name
            );
        }
        assert!(archive.chunks(table_id(43)).is_empty());
        assert!(archive.chunks(table_id(44)).len() > 1 || compression != "none");
        assert!(read_stream(&archive, large_objects_id()) == objects.concat());
        assert_eq!(archive.snapshot(), &snapshot(&tables, &objects.concat()));
        let verified = sample.verify().unwrap();
        assert_eq!(verified.damages, []);
        assert_eq!(verified.rows, 103_000);
        assert_eq!(verified.bytes, archive.manifest().archive.bytes_raw);
    }
}

#[test]
fn members_and_head_come_back() {
    let sample = Sample::small();
    let archive = sample.open().unwrap();
    let toc = block_on(archive.member("toc.dump")).unwrap();
    assert_eq!(toc.as_deref(), Some(&b"PGDMP and so on"[..]));
    assert!(block_on(archive.member("nothing")).unwrap().is_none());
    assert_eq!(archive.id(), "shop-20261120T043512Z");
    let (head, files, sha256) = Archive::head(&sample.path).unwrap();
    assert!(files.is_empty());
    assert_eq!(
        (&head, sha256),
        (&archive.manifest().archive, archive.manifest_sha256())
    );
    assert_eq!((head.objects, head.rows), (3, 49));
    assert_eq!(archive.size(), sample.bytes().len() as u64);
    assert!(archive.chunk(table_id(42), 1).is_err());
}

#[test]
fn the_same_content_makes_the_same_bytes() {
    assert!(Sample::small().bytes() == Sample::small().bytes());
}

#[test]
fn any_tar_reader_sees_the_members_in_order() {
    let sample = Sample::small();
    let mut tar = tar::Archive::new(File::open(&sample.path).unwrap());
    let mut seen = Vec::new();
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header();
        let mode = header.mode().unwrap();
        assert_eq!(
            header.mtime().unwrap(),
            u64::try_from(created().timestamp()).unwrap()
        );
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        assert_eq!(mode, if name == "restore.sh" { 0o700 } else { 0o600 });
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        seen.push(name);
    }
    let expected = [
        "bookend.json",
        "toc.dump",
        "data/00042/copy.sql",
        "data/00042/0001.copy.zst",
        "data/00043/copy.sql",
        "data/00044/copy.sql",
        "data/00044/0001.copy.zst",
        "large_objects/0001.dump.zst",
        "restore.sh",
        "manifest.json",
    ];
    assert_eq!(seen, expected);
}

#[test]
fn every_chunk_of_a_table_holds_whole_rows() {
    let mut pushes = noisy_rows(50, 100_000);
    pushes.insert(20, noisy_rows(1, 5 << 20).remove(0));
    let table = Table {
        entry: 7,
        name: "t".into(),
        pushes,
    };
    let sample = Sample::new(Compression::None, &[table], &[]);
    let archive = sample.open().unwrap();
    let id = table_id(7);
    let chunks = archive.chunks(id).len();
    assert!(chunks > 3);
    for index in 0..chunks {
        let mut chunk = archive.chunk(id, index).unwrap();
        let mut last = None;
        while let Some(piece) = chunk.next_piece().unwrap() {
            last = piece.last().copied();
        }
        assert_eq!(last, Some(b'\n'));
    }
}

#[test]
fn parts_written_at_once_interleave_and_lose_nothing() {
    let parts: Vec<_> = (0..4).map(|part| noisy_rows(400, 9000 + part)).collect();
    let all = Table {
        entry: 1,
        name: "t".into(),
        pushes: parts.concat(),
    };
    let facts = snapshot(std::slice::from_ref(&all), &[]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .build()
        .unwrap();
    runtime.block_on(async {
        let sink = ArchiveSink::new(
            File::create(&path).unwrap(),
            options(Compression::default()),
        );
        let sink = sink.unwrap();
        let mut tasks = Vec::new();
        for part in parts {
            let sink = std::sync::Arc::clone(&sink);
            tasks.push(tokio::spawn(async move {
                push_all(&*sink, table_id(1), &part).await;
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        sink.finish(&facts, extra()).await.unwrap();
    });
    let archive = Archive::open(&path).unwrap();
    assert_eq!(read_stream(&archive, table_id(1)).len(), all.bytes().len());
    let heard = AtomicU64::new(0);
    let hear = |_, rows| {
        heard.fetch_add(rows, Ordering::Relaxed);
    };
    let verified = verify(&archive, Depth::Rows, 3, &hear, &CancellationToken::new()).unwrap();
    assert_eq!(verified.damages, []);
    assert_eq!((verified.rows, heard.into_inner()), (1600, 1600));
}

#[test]
fn a_part_that_was_not_finished_keeps_the_archive_from_being_finished() {
    let folder = tempfile::tempdir().unwrap();
    let file = File::create(folder.path().join("a.tar")).unwrap();
    block_on(async {
        let sink = ArchiveSink::new(file, options(Compression::default())).unwrap();
        drop(sink.stream(table_id(1)));
        let finished = sink.finish(&snapshot(&[], &[]), extra()).await;
        assert!(matches!(finished, Err(ArchiveError::Incomplete { .. })));
    });
}

#[test]
fn rows_that_nobody_counted_keep_the_archive_from_being_finished() {
    let stored = Table::new(1, "t", 0..10);
    for (claimed, entry) in [
        (Table::new(1, "t", 0..11), 1),
        (Table::new(1, "t", 0..10), 2),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join("a.tar")).unwrap();
        let facts = snapshot(&[claimed], &[]);
        block_on(async {
            let sink = ArchiveSink::new(file, options(Compression::default())).unwrap();
            push_all(&*sink, table_id(entry), &stored.pushes).await;
            let finished = sink.finish(&facts, extra()).await;
            assert!(
                matches!(finished, Err(ArchiveError::Incomplete { .. })),
                "{finished:?}"
            );
        });
    }
}

#[test]
fn a_full_disk_is_told_by_whatever_comes_next() {
    let file = || File::options().write(true).open("/dev/full").unwrap();
    let no_space = |error: &SeamError| {
        let SeamError::Io { source, .. } = error else {
            panic!("{error:?}")
        };
        assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
    };
    block_on(async {
        let sink = ArchiveSink::new(file(), options(Compression::None)).unwrap();
        let mut part = sink.stream(table_id(1));
        let piece = noise(1 << 20, 1);
        let failed = loop {
            if part.push(&piece).unwrap()
                && let Err(error) = part.drain().await
            {
                break error;
            }
        };
        no_space(&failed);
        no_space(&part.finish().await.unwrap_err());
        no_space(&sink.member("x", Vec::new()).await.unwrap_err());
        // Little data fails only when it is flushed, and must not look finished either.
        let sink = ArchiveSink::new(file(), options(Compression::None)).unwrap();
        let finished = sink.finish(&snapshot(&[], &[]), extra()).await;
        let Err(ArchiveError::Seam(error)) = finished else {
            panic!("{finished:?}")
        };
        no_space(&error);
    });
}

#[test]
fn a_name_that_could_escape_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = File::create(folder.path().join("a.tar")).unwrap();
    block_on(async {
        let sink = ArchiveSink::new(file, options(Compression::default())).unwrap();
        let _ = sink.member("../../etc/passwd", Vec::new()).await;
        assert!(sink.finish(&snapshot(&[], &[]), extra()).await.is_err());
    });
}

#[test]
fn nothing_can_be_added_after_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = File::create(folder.path().join("a.tar")).unwrap();
    block_on(async {
        let sink = ArchiveSink::new(file, options(Compression::default())).unwrap();
        sink.finish(&snapshot(&[], &[]), extra()).await.unwrap();
        assert!(sink.finish(&snapshot(&[], &[]), extra()).await.is_err());
        let late = sink.member("late", Vec::new()).await;
        assert!(matches!(late, Err(SeamError::Closed)), "{late:?}");
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn rows_of_any_kind_come_back(
        rows in proptest::collection::vec("[^\t\n\u{0}]{0,300}", 0..40),
        giant in proptest::option::of(0_usize..3_000_000),
        kind in 0_usize..3,
    ) {
        let compression = ["zstd:1", "gzip:1", "none"][kind].parse().unwrap();
        let row = |(at, row): (usize, &String)| format!("{at}\t{row}\n").into_bytes();
        let mut pushes: Vec<_> = rows.iter().enumerate().map(row).collect();
        if let Some(length) = giant {
            let mut row = b"99\t".to_vec();
            row.extend(noise(length, 9));
            row.push(b'\n');
            pushes.insert(pushes.len() / 2, row);
        }
        let table = Table { entry: 5, name: "t".into(), pushes };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        let summary = write(&path, compression, std::slice::from_ref(&table), &[]).unwrap();
        prop_assert_eq!(summary.bytes_stored, std::fs::metadata(&path).unwrap().len());
        let archive = Archive::open(&path).unwrap();
        prop_assert!(read_stream(&archive, table_id(5)) == table.bytes());
        let verified = verify(&archive, Depth::Rows, 1, &|_, _| (), &CancellationToken::new()).unwrap();
        prop_assert_eq!(verified.damages, vec![]);
    }
}
