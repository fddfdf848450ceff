//! Sidecars written and read back: odd names, odd times, and tars that somebody made on purpose.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::entry::order;
use super::{Entry, EntryKind, Moment, TreeReader, TreeWriter, compare_sidecars};
use crate::archive::tests::sample::{extra, options, snapshot};
use crate::archive::{Archive, ArchiveSink, Compression, Depth, ManifestExtra, verify};
use crate::snapshot::SeamError;

type Content = (Entry, Vec<u8>);

fn entry(path: &str, kind: EntryKind) -> Entry {
    Entry {
        path: path.as_bytes().to_vec(),
        kind,
        mode: 0o644,
        uid: 1000,
        gid: 1000,
        mtime: Moment {
            seconds: 1_700_000_000,
            nanos: 0,
        },
    }
}

fn folder(path: &str) -> Content {
    (entry(path, EntryKind::Folder), Vec::new())
}

fn file(path: &str, content: &[u8]) -> Content {
    let kind = EntryKind::File(content.len() as u64);
    (entry(path, kind), content.to_vec())
}

fn link(path: &str, target: &str) -> Content {
    let kind = EntryKind::Link(target.as_bytes().to_vec());
    (entry(path, kind), Vec::new())
}

/// Writes an archive without a table, and with one sidecar called `media`.
fn archive_with(
    path: &Path,
    compression: Compression,
    fill: impl FnOnce(&mut TreeWriter) + Send + 'static,
) -> Archive {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async {
        let file = File::create(path).unwrap();
        let sink: Arc<ArchiveSink> = ArchiveSink::new(file, options(compression)).unwrap();
        let (writing, handle) = (Arc::clone(&sink), Handle::current());
        let written = tokio::task::spawn_blocking(move || {
            let mut tree = writing.sidecar(1, ("some/media", "media"), handle);
            fill(&mut tree);
            tree.finish().unwrap()
        });
        let sidecar = written.await.unwrap();
        let extra = ManifestExtra {
            files: vec![sidecar],
            ..extra()
        };
        sink.finish(&snapshot(&[], b""), extra).await.unwrap();
    });
    Archive::open(path).unwrap()
}

fn archive_of(path: &Path, compression: Compression, entries: Vec<Content>) -> Archive {
    archive_with(path, compression, move |tree| {
        for (entry, content) in entries {
            tree.begin(entry).unwrap();
            tree.content(&content).unwrap();
            tree.end().unwrap();
        }
    })
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    (folder, path)
}

fn read_back(archive: &Archive) -> Result<Vec<Content>, SeamError> {
    let mut tree = TreeReader::new(archive, 1).unwrap();
    let mut entries = Vec::new();
    while let Some(entry) = tree.next_entry()? {
        let mut content = Vec::new();
        let mut buffer = [0; 1000];
        loop {
            let read = tree.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            content.extend_from_slice(&buffer[..read]);
        }
        entries.push((entry, content));
    }
    tree.finish()?;
    Ok(entries)
}

fn problems(archive: &Archive) -> Vec<String> {
    let cancel = CancellationToken::new();
    let verified = verify(archive, Depth::Rows, 2, &|_, _| (), &cancel).unwrap();
    let told = verified.damages.into_iter();
    told.map(|one| format!("{}: {}", one.object.unwrap_or_default(), one.problem))
        .collect()
}

#[test]
fn times_are_decimal_seconds_in_both_directions() {
    for (seconds, nanos, text) in [
        (0, 0, "0"),
        (1_700_000_000, 1, "1700000000.000000001"),
        (-1, 500_000_000, "-0.500000000"),
        (-2, 0, "-2"),
        (-2, 999_999_999, "-1.000000001"),
    ] {
        let moment = Moment { seconds, nanos };
        assert_eq!(moment.decimal(), text);
        assert_eq!(Moment::parse(text), Some(moment));
    }
    for bad in ["", "-", "x", "1.x", "1e5", ".5", " 1"] {
        assert_eq!(Moment::parse(bad), None, "{bad}");
    }
}

#[test]
fn a_folder_comes_before_what_is_in_it_and_that_before_its_neighbours() {
    let mut paths = ["a-b", "a/b", "a", "a/b/c", "a.b", "a/B"];
    paths.sort_by(|a, b| order(a.as_bytes(), b.as_bytes()));
    assert_eq!(paths, ["a", "a/B", "a/b", "a/b/c", "a-b", "a.b"]);
}

#[test]
fn links_that_lead_out_of_the_restored_folder_are_known() {
    for (path, target, out) in [
        ("media/a", "b", false),
        ("media/a", "../b", false),
        ("media/a", "../../b", true),
        ("media/x/a", "../../media/b", false),
        ("media/a", "x/../../b", false),
        ("media/a", "x/../../../b", true),
        ("media/a", "/etc/passwd", true),
    ] {
        assert_eq!(link(path, target).0.leads_out(), out, "{path} -> {target}");
    }
}

#[test]
fn everything_comes_back_as_it_was() {
    let long = format!("media/{}", "n".repeat(240));
    let mut odd = file("media/odd", b"x");
    odd.0.path = b"media/o\xffd \n-name".to_vec();
    odd.0.mtime = Moment {
        seconds: -5,
        nanos: 7,
    };
    odd.0.mode = 0o4755;
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .take(400_000)
    .flatten()
    .collect();
    let entries = vec![
        folder("media"),
        file("media/--help", b""),
        folder("media/empty"),
        link("media/l", "./a//b/../c"),
        link("media/m", &"t/".repeat(150)),
        file("media/noise", &noise),
        (
            Entry {
                path: long.into_bytes(),
                ..entry("", EntryKind::File(512))
            },
            vec![7; 512],
        ),
    ];
    let entries: Vec<Content> = {
        let mut all = entries;
        all.push(odd);
        all.sort_by(|(a, _), (b, _)| order(&a.path, &b.path));
        all
    };
    for compression in ["zstd", "gzip:1", "none"] {
        let (_folder, path) = place();
        let archive = archive_of(&path, compression.parse().unwrap(), entries.clone());
        assert!(read_back(&archive).unwrap() == entries, "{compression}");
        assert_eq!(problems(&archive), Vec::<String>::new());
        let chunks = archive.manifest().members.iter();
        let chunks = chunks.filter(|one| one.name.starts_with("files/0001/"));
        assert!(chunks.count() > 1, "one chunk of all");
    }
}

/// Format 1.0 knew neither `tree` nor `files`: what it did know must agree with what is stored.
#[test]
fn a_reader_of_format_1_0_takes_the_chunks_for_plain_members() {
    let (_folder, path) = place();
    let content = vec![0; 100_000];
    let archive = archive_of(
        &path,
        Compression::default(),
        vec![folder("media"), file("media/a", &content)],
    );
    let members = &archive.manifest().members;
    let chunks: Vec<_> = members.iter().filter(|one| one.tree.is_some()).collect();
    assert_eq!(chunks.len(), 2);
    for chunk in chunks {
        assert_eq!((chunk.bytes, chunk.stream), (chunk.stored, None));
        assert_ne!(chunk.raw_bytes(), chunk.stored);
    }
    let raw = archive.manifest().archive.bytes_raw;
    assert!(raw > 100_000, "{raw}");
}

#[test]
fn what_would_be_written_elsewhere_is_refused_by_name() {
    let outside = "lies outside";
    let below = "is no path below it";
    let no_folder = "is no folder of it";
    let twice = "comes twice or too late";
    for (entries, problem) in [
        (vec![file("/etc/passwd", b"x")], below),
        (vec![folder("media"), file("media/../../x", b"x")], below),
        (vec![folder("media"), file("media/./x", b"x")], below),
        (vec![folder("media"), file("media//x", b"x")], below),
        (vec![folder("media"), link("media/l", "")], below),
        (vec![folder("other"), file("other/x", b"x")], outside),
        (vec![folder("mediax")], outside),
        (vec![file("media/x", b"x")], no_folder),
        (
            vec![
                folder("media"),
                link("media/l", "/tmp"),
                file("media/l/x", b"x"),
            ],
            no_folder,
        ),
        (
            vec![
                folder("media"),
                file("media/a", b"x"),
                file("media/a", b"y"),
            ],
            twice,
        ),
        (
            vec![
                folder("media"),
                link("media/a", "/tmp/y"),
                file("media/a", b"y"),
            ],
            twice,
        ),
        (
            vec![
                folder("media"),
                file("media/b", b"x"),
                file("media/a", b"y"),
            ],
            twice,
        ),
        (
            vec![link("media", "/tmp"), file("media/x", b"x")],
            no_folder,
        ),
    ] {
        let (_folder, path) = place();
        let archive = archive_of(&path, Compression::default(), entries);
        let refused = read_back(&archive).unwrap_err().to_string();
        assert!(refused.starts_with("files/media: "), "{refused}");
        assert!(refused.contains(problem), "{refused}");
        let told = problems(&archive);
        assert!(told[0].contains(problem), "{told:?}");
    }
}

/// Other kinds of entries, and what other tars know, after a sound first one.
#[test]
fn entries_that_are_no_files_are_refused() {
    use tar::{EntryType, Header};
    let raw = |kind: EntryType, size: u64, content: &[u8]| {
        let mut header = Header::new_gnu();
        header.set_path("media/x").unwrap();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(size);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    };
    let mut broken = raw(EntryType::Regular, 0, b"");
    broken[0] ^= 1;
    for (bytes, problem) in [
        (raw(EntryType::Link, 0, b""), "neither a file"),
        (raw(EntryType::Char, 0, b""), "neither a file"),
        (raw(EntryType::Fifo, 0, b""), "neither a file"),
        (raw(EntryType::GNUSparse, 0, b""), "neither a file"),
        (raw(EntryType::Directory, 512, &[1; 512]), "is no file"),
        (raw(EntryType::GNULongName, 1 << 40, b""), "too long"),
        (
            raw(EntryType::XHeader, 15, b"15 path=/etc/x\n"),
            "sets path",
        ),
        (raw(EntryType::XHeader, 9, b"not a pax"), "cannot be read"),
        (raw(EntryType::Regular, 1 << 40, b""), "ends within a file"),
        (broken, "header of an entry is damaged"),
        (vec![0; 1536], "something follows its end"),
    ] {
        let (_folder, path) = place();
        let archive = archive_with(&path, Compression::None, move |tree| {
            tree.begin(folder("media").0).unwrap();
            tree.end().unwrap();
            tree.content(&bytes).unwrap();
        });
        let refused = read_back(&archive).unwrap_err().to_string();
        assert!(refused.contains(problem), "{refused} is not {problem}");
    }
}

#[test]
fn two_trees_are_compared_by_their_listings_and_not_by_times() {
    let (_a, before) = place();
    let (_b, after) = place();
    let mut touched = file("media/touched", b"same");
    let old = vec![
        folder("media"),
        file("media/changed", b"one"),
        file("media/gone", b"x"),
        link("media/link", "a"),
        touched.clone(),
    ];
    touched.0.mtime.seconds += 5;
    let new = vec![
        folder("media"),
        file("media/changed", b"two"),
        link("media/link", "b"),
        folder("media/new"),
        file("media/new/er", b"y"),
        touched.clone(),
    ];
    let old = archive_of(&before, Compression::default(), old);
    let new = archive_of(&after, Compression::default(), new);
    let changes = compare_sidecars(&old, &new).unwrap();
    assert_eq!(changes.len(), 1);
    let one = &changes[0];
    assert_eq!((one.added, one.removed, one.changed), (2, 1, 2));
    assert_eq!(
        one.some,
        [
            "~media/changed",
            "-media/gone",
            "~media/link",
            "+media/new",
            "+media/new/er"
        ]
    );
    assert!(compare_sidecars(&old, &old).unwrap().is_empty());
    let (_c, only) = place();
    let only = archive_of(
        &only,
        Compression::default(),
        vec![folder("media"), file("media/touched", b"same")],
    );
    let (_d, times) = place();
    let times = archive_of(
        &times,
        Compression::default(),
        vec![folder("media"), touched],
    );
    assert!(compare_sidecars(&only, &times).unwrap().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a folder's names and files are, they come back, and verify finds nothing.
    #[test]
    fn any_folder_comes_back(
        files in proptest::collection::btree_map(
            proptest::collection::vec(any::<u8>().prop_filter("no name", |b| !matches!(b, 0 | b'/')), 1..200),
            (proptest::collection::vec(any::<u8>(), 0..3000), 0_u32..0o10000, any::<i32>(), 0_u32..1_000_000_000),
            0..12,
        ),
    ) {
        let mut entries = vec![folder("media")];
        for (name, (content, mode, seconds, nanos)) in files {
            if matches!(name.as_slice(), b"." | b"..") {
                continue;
            }
            let kind = EntryKind::File(content.len() as u64);
            let one = Entry {
                path: [b"media/", name.as_slice()].concat(),
                mode,
                mtime: Moment { seconds: i64::from(seconds), nanos },
                ..entry("", kind)
            };
            entries.push((one, content));
        }
        let (_folder, path) = place();
        let archive = archive_of(&path, Compression::default(), entries.clone());
        prop_assert!(read_back(&archive).unwrap() == entries);
        prop_assert_eq!(problems(&archive), Vec::<String>::new());
    }
}
