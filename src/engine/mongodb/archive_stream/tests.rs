use bson::{RawDocumentBuf, rawdoc};
use proptest::prelude::*;

use super::*;

/// Written by mongodump 100.7.0 from a mongod 6.0.5: all kinds of collections.
const REAL: &[u8] = include_bytes!("../../../../tests/data/mongodump-100.7.0.archive");

#[derive(Clone, Debug, Default, PartialEq)]
struct Recorder {
    header: Header,
    entries: Vec<CollectionEntry>,
    prelude_ended: bool,
    documents: Vec<Vec<Vec<u8>>>,
    ended: Vec<(usize, u64)>,
}

impl Events for Recorder {
    fn header(&mut self, header: &Header) -> Result<(), String> {
        self.header = header.clone();
        Ok(())
    }

    fn collection(&mut self, number: usize, entry: CollectionEntry) -> Result<(), String> {
        assert_eq!(number, self.entries.len());
        self.entries.push(entry);
        self.documents.push(Vec::new());
        Ok(())
    }

    fn prelude_ended(&mut self) -> Result<(), String> {
        self.prelude_ended = true;
        Ok(())
    }

    fn document(&mut self, number: usize, document: &[u8]) -> Result<(), String> {
        self.documents[number].push(document.to_vec());
        Ok(())
    }

    fn ended(&mut self, number: usize, documents: u64) -> Result<(), String> {
        self.ended.push((number, documents));
        Ok(())
    }
}

fn parse<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Recorder, Vec<NamespaceSummary>), StreamError> {
    let (mut parser, mut recorder) = (StreamParser::new(), Recorder::default());
    for piece in pieces {
        parser.push(piece, &mut recorder)?;
    }
    Ok((recorder, parser.finish()?))
}

fn entry(collection: &str, kind: &str) -> CollectionEntry {
    CollectionEntry {
        db: "shop".to_owned(),
        collection: collection.to_owned(),
        metadata: "{}".to_owned(),
        size: 0,
        kind: kind.to_owned(),
    }
}

fn header() -> Header {
    Header {
        concurrent_collections: 4,
        server_version: "6.0.5".to_owned(),
        tool_version: "100.7.0".to_owned(),
    }
}

fn bytes(documents: &[RawDocumentBuf]) -> Vec<u8> {
    documents
        .iter()
        .flat_map(|d| d.as_bytes().to_vec())
        .collect()
}

/// A collection in two blocks with another one's between them, a view and a time series.
fn small() -> Vec<u8> {
    let entries = [
        entry("orders", "collection"),
        entry("a\nb.ü", "collection"),
        entry("open", "view"),
        entry("ts", "timeseries"),
    ];
    let mut out = prelude(&header(), &entries);
    let [mut orders, mut other, view, mut series] = entries.each_ref().map(NamespaceWriter::new);
    orders.block(
        &bytes(&[rawdoc! { "_id": 1 }, rawdoc! { "_id": 2 }]),
        &mut out,
    );
    other.block(
        &bytes(&[rawdoc! { "_id": "x", "deep": { "a": [1, 2] } }]),
        &mut out,
    );
    orders.block(&bytes(&[rawdoc! { "_id": 3, "text": "abc" }]), &mut out);
    series.block(&bytes(&[rawdoc! { "_id": 1, "data": {} }]), &mut out);
    for writer in [view, orders, series, other] {
        writer.end(&mut out);
    }
    out
}

fn problem(stream: &[u8]) -> String {
    parse([stream]).unwrap_err().to_string()
}

#[test]
fn what_is_written_is_read_back() {
    let (recorder, summaries) = parse([&*small()]).unwrap();
    assert_eq!(recorder.header, header());
    assert!(recorder.prelude_ended);
    assert_eq!(recorder.entries[3].kind, "timeseries");
    assert_eq!(
        recorder.documents[0],
        [
            rawdoc! { "_id": 1 }.into_bytes(),
            rawdoc! { "_id": 2 }.into_bytes(),
            rawdoc! { "_id": 3, "text": "abc" }.into_bytes()
        ]
    );
    assert_eq!(recorder.ended, [(2, 0), (0, 3), (3, 1), (1, 1)]);
    assert_eq!(summaries[0].documents, 3);
    assert_eq!(summaries[3].collection, "system.buckets.ts");
}

#[test]
fn a_stream_cut_anywhere_is_not_whole() {
    let stream = small();
    for end in 0..stream.len() {
        assert!(parse([&stream[..end]]).is_err(), "cut at byte {end}");
    }
    for end in (0..REAL.len()).rev().step_by(7) {
        assert!(parse([&REAL[..end]]).is_err(), "cut at byte {end}");
    }
}

#[test]
fn a_cut_stream_says_what_is_missing() {
    let stream = small();
    assert!(problem(b"").contains("it is empty"));
    let whole = problem(&stream[..stream.len() - 4]);
    assert!(whole.contains("last block has no end"), "{whole}");
    let entries = [entry("orders", "collection"), entry("other", "collection")];
    let mut out = prelude(&header(), &entries);
    NamespaceWriter::new(&entries[0]).end(&mut out);
    assert!(problem(&out).contains("shop.other has no end"));
}

#[test]
fn bytes_one_by_one_are_the_same_stream() {
    let stream = small();
    let one_by_one = parse(stream.chunks(1)).unwrap();
    assert_eq!(one_by_one, parse([&*stream]).unwrap());
}

#[test]
fn a_real_dump_is_read() {
    let (recorder, summaries) = parse(REAL.chunks(1000)).unwrap();
    assert_eq!(recorder.header, header());
    let kind = |name: &str| {
        let entry = recorder.entries.iter().find(|e| e.collection == name);
        entry.unwrap().kind.clone()
    };
    assert_eq!(kind("todos"), "collection");
    assert_eq!(kind("sorted"), "view");
    assert_eq!(kind("ts"), "timeseries");
    let documents = |name: &str| {
        let summary = summaries.iter().find(|s| s.collection == name);
        summary.unwrap().documents
    };
    assert_eq!(documents("todos"), 40);
    assert_eq!(documents("types"), 1);
    assert_eq!(documents("empty"), 0);
    assert_eq!(documents("sorted"), 0);
    assert_eq!(documents("a\nb"), 1);
    assert_eq!(documents("system.buckets.ts"), 2);
}

#[test]
fn a_byte_changed_in_a_document_breaks_the_checksum() {
    let at = small().windows(3).position(|w| w == b"abc").unwrap();
    let mut stream = small();
    stream[at] ^= 1;
    assert_eq!(
        parse([&*stream]).unwrap_err(),
        StreamError::Checksum {
            namespace: "shop.orders".to_owned()
        }
    );
}

#[test]
fn a_byte_changed_anywhere_is_an_error_or_another_prelude() {
    let stream = small();
    let whole = parse([&*stream]).unwrap().0;
    for at in 0..stream.len() {
        for bit in [0, 3, 7] {
            let mut changed = stream.clone();
            changed[at] ^= 1 << bit;
            if let Ok((recorder, _)) = parse([&*changed]) {
                // The prelude has no checksum, and block headers none but their names.
                assert_eq!(recorder.documents, whole.documents, "byte {at}");
            }
        }
    }
}

#[test]
fn absurd_lengths_are_refused_before_anything_is_allocated() {
    let too_long = i32::try_from(LONGEST_DOCUMENT).unwrap() + 1;
    for length in [i32::MAX, too_long, 4, 0, -2, i32::MIN] {
        let mut stream = prelude(&header(), &[entry("orders", "collection")]);
        NamespaceWriter::new(&entry("orders", "collection")).open(&mut stream);
        stream.extend_from_slice(&length.to_le_bytes());
        let (mut parser, mut recorder) = (StreamParser::new(), Recorder::default());
        // The first two bytes apart, so that the length is read from what was set aside too.
        let (most, last) = stream.split_at(stream.len() - 2);
        parser.push(most, &mut recorder).unwrap();
        let error = parser.push(last, &mut recorder).unwrap_err();
        assert!(matches!(error, StreamError::Garbled { .. }), "{error}");
        assert!(error.to_string().contains(&format!("{length} bytes")));
        assert!(parser.carry.capacity() <= 64);
    }
}

#[test]
fn the_longest_document_is_held_once_and_let_go() {
    let entry = entry("big", "collection");
    let text = "x".repeat((16 << 20) - 30);
    let document = bytes(&[rawdoc! { "_id": 1, "t": text }]);
    let mut stream = prelude(&header(), std::slice::from_ref(&entry));
    let mut writer = NamespaceWriter::new(&entry);
    writer.block(&document, &mut stream);
    writer.end(&mut stream);
    let (mut parser, mut recorder) = (StreamParser::new(), Recorder::default());
    for piece in stream.chunks(64 << 10) {
        parser.push(piece, &mut recorder).unwrap();
        assert!(parser.carry.capacity() <= LONGEST_DOCUMENT);
    }
    assert!(parser.carry.capacity() <= 1 << 20);
    assert_eq!(parser.finish().unwrap()[0].bytes, document.len() as u64);
}

#[test]
fn other_versions_and_other_files_are_refused_by_name() {
    let mut stream = small();
    let at = stream.windows(3).position(|w| w == b"0.1").unwrap();
    stream[at + 2] = b'2';
    assert!(problem(&stream).contains("format 0.2"));
    assert!(problem(b"PGDMP\x01").contains("begins with 5047444d"));
}

#[test]
fn what_cannot_be_in_a_stream_is_refused() {
    let one = entry("one", "collection");
    let begun = || prelude(&header(), std::slice::from_ref(&one));
    let writer = || NamespaceWriter::new(&one);

    let mut unlisted = begun();
    NamespaceWriter::new(&entry("other", "collection")).open(&mut unlisted);
    assert!(problem(&unlisted).contains("shop.other, which is not listed"));

    let mut after_end = begun();
    writer().end(&mut after_end);
    writer().open(&mut after_end);
    assert!(problem(&after_end).contains("after its end"));

    let mut no_header = begun();
    no_header.extend_from_slice(&TERMINATOR);
    assert!(problem(&no_header).contains("where a header should be"));

    let mut in_last = begun();
    writer().end(&mut in_last);
    in_last.truncate(in_last.len() - 4);
    in_last.extend_from_slice(&bytes(&[rawdoc! { "_id": 1 }]));
    assert!(problem(&in_last).contains("documents in the last block"));

    let twice = prelude(&header(), &[one.clone(), one.clone()]);
    assert!(problem(&twice).contains("listed twice"));

    let mut no_zero = begun();
    writer().block(&[5, 0, 0, 0, 1], &mut no_zero);
    assert!(problem(&no_zero).contains("last byte is not zero"));
}

#[test]
fn what_a_listener_refuses_ends_the_parsing() {
    struct Refusing;
    impl Events for Refusing {
        fn collection(&mut self, _: usize, _: CollectionEntry) -> Result<(), String> {
            Ok(())
        }
        fn document(&mut self, _: usize, _: &[u8]) -> Result<(), String> {
            Err("no more".to_owned())
        }
    }
    let error = StreamParser::new().push(&small(), &mut Refusing);
    assert!(error.unwrap_err().to_string().ends_with("no more"));
}

prop_compose! {
    fn documents()(contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20))
        -> Vec<Vec<u8>>
    {
        let document = |content: Vec<u8>| {
            let length = u32::try_from(content.len() + 5).unwrap();
            [&length.to_le_bytes()[..], &content, &[0]].concat()
        };
        contents.into_iter().map(document).collect()
    }
}

proptest! {
    /// Any collections, their documents in any blocks that interleave in any way, handed over
    /// in any pieces.
    #[test]
    fn any_stream_is_read_as_it_was_written(
        collections in prop::collection::vec(documents(), 0..5),
        order in prop::collection::vec((any::<usize>(), 1..4_usize), 0..60),
        piece in 1..700_usize,
        cut in any::<prop::sample::Index>(),
    ) {
        let names = (0..collections.len()).map(|n| entry(&format!("c{n}"), "collection"));
        let entries: Vec<CollectionEntry> = names.collect();
        let mut stream = prelude(&header(), &entries);
        let mut writers: Vec<_> = entries.iter().map(NamespaceWriter::new).collect();
        let mut written = vec![0; collections.len()];
        let rest = (0..collections.len()).map(|n| (n, usize::MAX));
        let order = order.into_iter().filter(|_| !collections.is_empty());
        for (n, count) in order.map(|(n, count)| (n % collections.len(), count)).chain(rest) {
            let block = collections[n][written[n]..].iter().take(count);
            let block: Vec<_> = block.cloned().collect();
            written[n] += block.len();
            writers[n].block(&block.concat(), &mut stream);
        }
        for writer in writers {
            writer.end(&mut stream);
        }
        let (recorder, summaries) = parse(stream.chunks(piece)).unwrap();
        prop_assert_eq!(&recorder.entries, &entries);
        prop_assert_eq!(&recorder.documents, &collections);
        prop_assert_eq!(summaries.len(), collections.len());
        let end = cut.index(stream.len());
        prop_assert!(parse(stream[..end].chunks(piece)).is_err());
    }

    /// Garbage is an error, whatever it is and however it comes.
    #[test]
    fn garbage_is_an_error(garbage in prop::collection::vec(any::<u8>(), 0..400), piece in 1..50_usize) {
        let stream = [&MAGIC[..], &garbage].concat();
        prop_assert!(parse(stream.chunks(piece)).is_err());
        let stream = [prelude(&header(), &[entry("c", "collection")]), garbage].concat();
        prop_assert!(parse(stream.chunks(piece)).is_err());
    }
}
