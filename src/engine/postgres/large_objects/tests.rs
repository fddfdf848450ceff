//! Promises of the stream parser.

use proptest::prelude::*;

use super::{LargeObjectError, LargeObjectStream};
use crate::engine::postgres::toc::writer::{Writer, write};
use crate::engine::postgres::toc::{
    Compression, DataState, Entry, Format, Section, Toc, parse, schema_entries,
};
use crate::fingerprint::LargeObjectHasher;
use crate::snapshot::LargeObjects;

fn entry(dump_id: i32, desc: &str, tag: &str) -> Entry {
    Entry {
        dump_id,
        had_dumper: desc == "BLOBS",
        table_oid: 0,
        oid: 0,
        tag: tag.to_owned(),
        desc: desc.to_owned(),
        section: Section::Data,
        defn: String::new(),
        drop_stmt: String::new(),
        copy_stmt: String::new(),
        namespace: String::new(),
        tablespace: String::new(),
        tableam: String::new(),
        relkind: None,
        owner: "shop".to_owned(),
        with_oids: false,
        dependencies: Vec::new(),
        data_state: if desc == "BLOBS" {
            DataState::NotSet
        } else {
            DataState::NoData
        },
        offset: 0,
    }
}

/// As `pg_dump` 16 writes it with `blocks` of one, as 18 with more: a list of oids and a block
/// for each group.
fn toc(blocks: &[Vec<(u32, Vec<u8>)>]) -> Toc {
    let mut entries = Vec::new();
    for (number, block) in (1..).zip(blocks) {
        let mut metadata = entry(number * 2, "BLOB METADATA", "many");
        let oids = block.iter().map(|(oid, _)| oid.to_string());
        metadata.defn = oids.collect::<Vec<_>>().join("\n");
        entries.push(metadata);
        entries.push(entry(number * 2 + 1, "BLOBS", "many"));
    }
    Toc {
        version: (1, 16, 0),
        int_size: 4,
        off_size: 8,
        format: Format::Custom,
        compression: Compression::None,
        created: None,
        dbname: "shop".to_owned(),
        server_version: "18.4".to_owned(),
        dump_version: "18.4".to_owned(),
        entries,
    }
}

/// The blocks, each content cut into pieces of `piece` bytes.
fn stream(blocks: &[Vec<(u32, Vec<u8>)>], piece: usize) -> Vec<u8> {
    let mut out = Writer {
        bytes: Vec::new(),
        int_size: 4,
        off_size: 8,
        minor: 16,
    };
    for (number, block) in (1..).zip(blocks) {
        out.bytes.push(3);
        out.int(number * 2 + 1);
        for (oid, content) in block {
            out.int(oid.cast_signed());
            for piece in content.chunks(piece) {
                out.int(piece.len().try_into().unwrap());
                out.bytes.extend(piece);
            }
            out.int(0);
        }
        out.int(0);
    }
    out.bytes
}

fn sample() -> Vec<Vec<(u32, Vec<u8>)>> {
    vec![
        vec![(4711, b"hello, world".to_vec()), (4712, Vec::new())],
        vec![(u32::MAX, vec![0; 40]), (1 << 31, vec![3])],
    ]
}

fn hashed(toc: &Toc, pieces: &[&[u8]]) -> Result<LargeObjects, LargeObjectError> {
    let mut stream = LargeObjectStream::new(toc)?;
    for piece in pieces {
        stream.push(piece)?;
    }
    stream.finish()
}

#[test]
fn every_object_is_found_with_its_size_and_hash() {
    let blocks = sample();
    let found = hashed(&toc(&blocks), &[&stream(&blocks, 5)]).unwrap();
    assert_eq!((found.count, found.bytes), (4, 53));
    let oids: Vec<u32> = found.each.iter().map(|object| object.oid).collect();
    assert_eq!(oids, [4711, 4712, 1 << 31, u32::MAX]);
    let mut hasher = LargeObjectHasher::new(4711);
    hasher.update(b"hello, world");
    assert_eq!(found.each[0].fingerprint, hasher.finish());
    let mut sum = crate::snapshot::Fingerprint::default();
    found
        .each
        .iter()
        .for_each(|object| sum += object.fingerprint);
    assert_eq!(found.fingerprint, sum);
}

#[test]
fn how_the_stream_is_cut_into_pieces_changes_nothing() {
    let blocks = sample();
    let (toc, bytes) = (toc(&blocks), stream(&blocks, 7));
    let whole = hashed(&toc, &[&bytes]).unwrap();
    for at in 0..=bytes.len() {
        let (head, tail) = bytes.split_at(at);
        assert_eq!(hashed(&toc, &[head, tail]).unwrap(), whole, "cut at {at}");
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(hashed(&toc, &single).unwrap(), whole);
    assert_eq!(hashed(&toc, &[&stream(&blocks, 1)]).unwrap(), whole);
}

#[test]
fn a_stream_that_ends_anywhere_else_is_cut() {
    let blocks = sample();
    let (toc, bytes) = (toc(&blocks), stream(&blocks, 7));
    for length in 0..bytes.len() {
        let error = hashed(&toc, &[&bytes[..length]]).unwrap_err();
        assert!(
            matches!(error, LargeObjectError::Cut { at, .. } if at == length as u64),
            "{length}: {error}"
        );
    }
}

#[test]
fn a_flipped_byte_is_an_error_or_another_hash() {
    let blocks = sample();
    let (toc, bytes) = (toc(&blocks), stream(&blocks, 7));
    let whole = hashed(&toc, &[&bytes]).unwrap();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1 << bit;
            assert_ne!(hashed(&toc, &[&bytes]).ok().as_ref(), Some(&whole), "{at}");
        }
    }
}

#[test]
fn what_the_table_of_contents_does_not_name_is_garbled() {
    let blocks = sample();
    let bytes = stream(&blocks, 7);
    let error = |toc: &Toc, bytes: &[u8]| hashed(toc, &[bytes]).unwrap_err().to_string();
    let mut fewer = toc(&blocks);
    fewer.entries.pop();
    assert!(error(&fewer, &bytes).contains("a block of entry 5"));
    let mut one_more = toc(&blocks);
    one_more.entries[0].defn += "\n4713";
    assert!(error(&one_more, &bytes).contains("5 large objects are named and 4 are there"));
    let doubled = [bytes.as_slice(), bytes.as_slice()].concat();
    assert!(error(&toc(&blocks), &doubled).contains("had it already"));
    assert!(error(&toc(&blocks), b"\x01\x00\x03").contains("a block of type 1"));
    let mut compressed = toc(&blocks);
    compressed.compression = Compression::Gzip;
    assert_eq!(
        LargeObjectStream::new(&compressed).unwrap_err(),
        LargeObjectError::Compressed
    );
}

#[test]
fn an_object_that_comes_twice_is_garbled() {
    let blocks = vec![vec![(7, b"a".to_vec()), (7, b"b".to_vec())]];
    let error = hashed(&toc(&blocks), &[&stream(&blocks, 9)]).unwrap_err();
    assert!(error.to_string().contains("large object 7 comes twice"));
}

#[test]
fn many_objects_are_summed_and_not_listed() {
    let many = u32::try_from(LargeObjects::LISTED).unwrap() + 1;
    let blocks = vec![(1..=many).map(|oid| (oid, vec![1])).collect::<Vec<_>>()];
    let found = hashed(&toc(&blocks), &[&stream(&blocks, 9)]).unwrap();
    assert_eq!(found.count, u64::from(many));
    assert!(found.each.is_empty());
    let entries = schema_entries(&toc(&blocks));
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].tag, "10001 large objects");
}

#[test]
fn grants_on_a_group_are_compared_object_by_object() {
    let blocks = vec![vec![(4712, Vec::new()), (4713, Vec::new())]];
    let mut toc = toc(&blocks);
    let mut acl = entry(9, "ACL", "LARGE OBJECTS 4712..4713");
    acl.defn = "GRANT SELECT ON LARGE OBJECT 4712 TO PUBLIC;\n".to_owned();
    acl.dependencies = vec![2];
    toc.entries.push(acl);
    let toc = parse(&write(&toc)).unwrap();
    let texts: Vec<(String, String)> = schema_entries(&toc)
        .into_iter()
        .map(|entry| (format!("{} {}", entry.kind, entry.tag), entry.text))
        .collect();
    let expected = [
        (
            "ACL LARGE OBJECT 4712",
            "GRANT SELECT ON LARGE OBJECT 4712 TO PUBLIC;",
        ),
        (
            "ACL LARGE OBJECT 4713",
            "GRANT SELECT ON LARGE OBJECT 4713 TO PUBLIC;",
        ),
        ("LARGE OBJECT 4712", ""),
        ("LARGE OBJECT 4713", ""),
    ]
    .map(|(kind, text)| (kind.to_owned(), text.to_owned()));
    assert_eq!(texts, expected);
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let toc = toc(&sample());
        let _any = hashed(&toc, &[&bytes]);
        let mut begun = vec![3, 0, 3, 0, 0, 0];
        begun.extend(&bytes);
        let _any = hashed(&toc, &[&begun]);
    }
}
