//! Promises of the parser, over tables of contents of every version.

use chrono::NaiveDate;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, BufReader};

use super::writer::{Writer, write};
use super::{Compression, DataState, Entry, Format, Section, Toc, TocError, parse, read, rewrite};

fn entry() -> impl Strategy<Value = Entry> {
    let text = "\\PC{0,12}";
    let name = "[a-zA-Z\"'. \\n$é]{0,10}";
    (
        (
            any::<bool>(),
            any::<u32>(),
            any::<u32>(),
            name,
            "[A-Z ]{1,12}",
        ),
        prop_oneof![
            Just(Section::None),
            Just(Section::PreData),
            Just(Section::Data),
            Just(Section::PostData)
        ],
        (text, text, text, name, name, name, name),
        prop::option::of(prop_oneof![Just('r'), Just('p'), Just('m')]),
        (any::<bool>(), prop::collection::vec(1..i32::MAX, 0..4)),
        prop_oneof![
            Just(DataState::NotSet),
            Just(DataState::Set),
            Just(DataState::NoData)
        ],
        any::<u32>(),
    )
        .prop_map(
            |(head, section, texts, relkind, tail, data_state, offset)| Entry {
                dump_id: 0,
                had_dumper: head.0,
                table_oid: head.1,
                oid: head.2,
                tag: head.3,
                desc: head.4,
                section,
                defn: texts.0,
                drop_stmt: texts.1,
                copy_stmt: texts.2,
                namespace: texts.3,
                tablespace: texts.4,
                tableam: texts.5,
                relkind,
                owner: texts.6,
                with_oids: tail.0,
                dependencies: tail.1,
                data_state,
                offset: u64::from(offset),
            },
        )
}

/// A table of contents that only says what its version can.
fn toc() -> impl Strategy<Value = Toc> {
    (
        (12..=16_u8, any::<u8>()),
        4..=8_u8,
        prop_oneof![Just(4_u8), Just(8_u8)],
        prop_oneof![
            Just(Compression::None),
            Just(Compression::Gzip),
            Just(Compression::Lz4),
            Just(Compression::Zstd)
        ],
        ("\\PC{0,10}", "[0-9.]{1,6}", "[0-9.]{1,6}"),
        (1901..2100, 1..=12_u32, 1..=28_u32, 0..24_u32, 0..60_u32),
        prop::collection::vec(entry(), 0..6),
    )
        .prop_map(
            |((minor, revision), int_size, off_size, compression, texts, at, entries)| {
                let mut toc = Toc {
                    version: (1, minor, revision),
                    int_size,
                    off_size,
                    format: Format::Custom,
                    compression,
                    created: NaiveDate::from_ymd_opt(at.0, at.1, at.2)
                        .and_then(|date| date.and_hms_opt(at.3, at.4, 7)),
                    dbname: texts.0,
                    server_version: texts.1,
                    dump_version: texts.2,
                    entries,
                };
                if minor < 15 && compression != Compression::None {
                    toc.compression = Compression::Gzip;
                }
                for (number, entry) in (1..).zip(&mut toc.entries) {
                    entry.dump_id = number;
                    if minor < 14 {
                        entry.tableam.clear();
                    }
                    if minor < 16 {
                        entry.relkind = None;
                    }
                }
                toc
            },
        )
}

/// One of every version that has at least something in every field.
fn samples() -> Vec<(Toc, Vec<u8>)> {
    (12..=16)
        .map(|minor| {
            let mut entry = sample_entry();
            if minor < 14 {
                entry.tableam.clear();
            }
            if minor < 16 {
                entry.relkind = None;
            }
            let toc = Toc {
                version: (1, minor, 0),
                int_size: 4,
                off_size: if minor % 2 == 0 { 8 } else { 4 },
                format: Format::Custom,
                compression: Compression::None,
                created: NaiveDate::from_ymd_opt(2026, 11, 20)
                    .and_then(|date| date.and_hms_opt(4, 35, 12)),
                dbname: "shop".to_owned(),
                server_version: "16.14".to_owned(),
                dump_version: "18.4".to_owned(),
                entries: vec![entry],
            };
            let bytes = write(&toc);
            (toc, bytes)
        })
        .collect()
}

fn sample_entry() -> Entry {
    Entry {
        dump_id: 217,
        had_dumper: true,
        table_oid: 1259,
        oid: 16_390,
        tag: "orders".to_owned(),
        desc: "TABLE DATA".to_owned(),
        section: Section::Data,
        defn: "-- none".to_owned(),
        drop_stmt: "-- none".to_owned(),
        copy_stmt: "COPY public.orders (id) FROM stdin;\n".to_owned(),
        namespace: "public".to_owned(),
        tablespace: "fast".to_owned(),
        tableam: "heap".to_owned(),
        relkind: Some('r'),
        owner: "shop".to_owned(),
        with_oids: false,
        dependencies: vec![216, 3],
        data_state: DataState::NotSet,
        offset: 0,
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

proptest! {
    #[test]
    fn what_is_written_is_read(toc in toc()) {
        prop_assert_eq!(parse(&write(&toc)).unwrap(), toc);
    }

    #[test]
    fn what_is_rewritten_is_read_with_the_change_only(toc in toc()) {
        let bytes = write(&toc);
        let same = rewrite(&bytes, &toc, |entry| Some(entry.clone())).unwrap();
        prop_assert_eq!(&same, &bytes);
        let change = |entry: &Entry| {
            let owner = "another é".to_owned();
            (entry.dump_id % 2 == 0).then(|| Entry { owner, ..entry.clone() })
        };
        let changed = parse(&rewrite(&bytes, &toc, change).unwrap()).unwrap();
        let expected: Vec<Entry> = toc.entries.iter().filter_map(change).collect();
        prop_assert_eq!(changed.entries, expected);
    }

    #[test]
    fn what_follows_stays_in_the_pipe(toc in toc(), buffer in 1..80_usize, rest in any::<[u8; 9]>()) {
        let head = write(&toc);
        let mut bytes = head.clone();
        bytes.extend(rest);
        block_on(async {
            let mut pipe = BufReader::with_capacity(buffer, bytes.as_slice());
            let (found, exact) = read(&mut pipe).await.unwrap();
            assert_eq!(found, toc);
            assert_eq!(exact, head);
            let mut after = Vec::new();
            pipe.read_to_end(&mut after).await.unwrap();
            assert_eq!(after, rest);
        });
    }

    #[test]
    fn flipped_bytes_give_an_error_or_another_table_but_no_panic(
        toc in toc(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..4),
    ) {
        let mut bytes = write(&toc);
        for (at, bits) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= bits;
        }
        if let Ok(other) = parse(&bytes) {
            // Whatever was read can be written and read again.
            let again = parse(&write(&other)).unwrap();
            prop_assert_eq!(again.entries, other.entries);
        }
    }

    #[test]
    fn garbage_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(parse(&bytes).is_err());
        let mut bytes = bytes;
        bytes.splice(0..0, *b"PGDMP\x01\x10\x00\x04\x08\x01");
        prop_assert!(parse(&bytes).is_err());
    }
}

#[test]
fn a_table_cut_at_any_byte_is_cut() {
    for (toc, bytes) in samples() {
        assert_eq!(parse(&bytes).unwrap(), toc);
        for length in 0..bytes.len() {
            match parse(&bytes[..length]) {
                Err(TocError::Cut { at, .. }) => assert_eq!(at, length as u64),
                other => panic!("cut at {length}: {other:?}"),
            }
        }
    }
}

#[test]
fn no_byte_can_be_changed_into_a_panic() {
    for (_, bytes) in samples() {
        for at in 0..bytes.len() {
            for value in [0, 1, 2, 3, 4, 5, 0x7f, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] = value;
                let _any = parse(&bytes);
            }
        }
    }
}

#[test]
fn bytes_after_the_end_are_refused() {
    for (_, mut bytes) in samples() {
        bytes.push(0);
        assert!(matches!(parse(&bytes), Err(TocError::Bad { .. })));
    }
}

#[test]
fn unknown_versions_are_refused_by_name() {
    let with = |major, minor| {
        let (_, mut bytes) = samples().remove(0);
        bytes[5] = major;
        bytes[6] = minor;
        parse(&bytes).unwrap_err().to_string()
    };
    assert!(
        with(1, 17).contains("1.17 is not known yet"),
        "{}",
        with(1, 17)
    );
    assert!(with(2, 0).contains("2.0 is not known yet"));
    assert!(with(1, 11).contains("1.11 is too old"));
    assert!(with(0, 14).contains("0.14 is too old"));
}

#[test]
fn other_layouts_and_files_are_named() {
    let (_, mut bytes) = samples().remove(0);
    bytes[10] = 3;
    assert!(
        parse(&bytes)
            .unwrap_err()
            .to_string()
            .contains("tar layout")
    );
    assert!(matches!(
        parse(b"-- PostgreSQL dump"),
        Err(TocError::NotPgDump)
    ));
}

/// The header of a file with `count` entries, and what `then` writes after it.
fn with_count(count: i32, then: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let (mut toc, _) = samples().remove(4);
    toc.entries.clear();
    let mut bytes = write(&toc);
    bytes.truncate(bytes.len() - 5);
    let mut out = Writer {
        bytes,
        int_size: 4,
        off_size: 8,
        minor: 16,
    };
    out.int(count);
    then(&mut out);
    out.bytes
}

#[test]
fn absurd_numbers_are_refused_or_cut_and_claim_no_memory() {
    // 2^31 entries, none of them there.
    let many = with_count(i32::MAX, |_| {});
    assert!(matches!(parse(&many), Err(TocError::Cut { .. })));
    assert!(matches!(
        parse(&with_count(-1, |_| {})),
        Err(TocError::Bad { .. })
    ));
    for length in [-2, i32::MIN + 1, i32::MAX, 0x4000_0000] {
        let bytes = with_count(1, |out| {
            out.int(1);
            out.int(0);
            out.int(length);
        });
        assert!(
            matches!(parse(&bytes), Err(TocError::Bad { .. })),
            "{length}"
        );
    }
}

#[test]
fn two_entries_of_one_number_are_refused() {
    let (mut toc, _) = samples().remove(4);
    toc.entries.push(toc.entries[0].clone());
    let error = parse(&write(&toc)).unwrap_err().to_string();
    assert!(error.contains("217 is used twice"), "{error}");
}

#[test]
fn a_text_that_is_not_utf8_names_entry_and_field() {
    let (_, bytes) = samples().remove(4);
    let at = bytes
        .windows(6)
        .position(|window| window == b"public")
        .unwrap();
    let mut bytes = bytes;
    bytes[at] = 0xe9;
    let error = parse(&bytes).unwrap_err().to_string();
    assert!(
        error.starts_with("the copy statement of entry 1 (TABLE DATA orders) is not valid UTF-8"),
        "{error}"
    );
}

#[test]
fn an_error_of_the_pipe_is_handed_on() {
    let (_, bytes) = samples().remove(4);
    let failing = failing_after(&bytes[..60]);
    block_on(async {
        let error = read(&mut BufReader::new(failing)).await.unwrap_err();
        assert!(matches!(&error, TocError::Io(source) if source.to_string() == "pg_dump died"));
    });
}

/// Gives `bytes` and then an error.
fn failing_after(bytes: &[u8]) -> impl tokio::io::AsyncRead + Unpin + '_ {
    struct Failing<'a>(&'a [u8]);
    impl tokio::io::AsyncRead for Failing<'_> {
        fn poll_read(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            buf: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            if self.0.is_empty() {
                return std::task::Poll::Ready(Err(std::io::Error::other("pg_dump died")));
            }
            buf.put_slice(self.0);
            self.0 = &[];
            std::task::Poll::Ready(Ok(()))
        }
    }
    Failing(bytes)
}
