//! Bundles written, read, and damaged.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::sample::{Sample, created};
use crate::archive::{
    Archive, ArchiveError, Bundle, BundleAbout, BundleEntry, BundleKind, BundleVerified,
    BundleWriter, Missing, is_bundle, is_called_bundle, verify_bundle,
};

fn about() -> BundleAbout {
    BundleAbout {
        format: BundleWriter::format(),
        run: "20261120T043512Z-shop".to_owned(),
        created_at: created(),
    }
}

/// A bundle with an archive, a text and an empty file.
fn bundle(folder: &Path) -> PathBuf {
    let sample = Sample::small();
    let archive = &sample.path;
    let path = folder.join("20261120T043512Z-shop.bundle.tar");
    let mut writer = BundleWriter::start(File::create_new(&path).unwrap(), about()).unwrap();
    let entry = |name: &str, kind| BundleEntry::new(name, kind);
    writer
        .bytes(
            entry("README.md", BundleKind::Readme),
            b"# how to look inside\n",
        )
        .unwrap();
    let file = File::open(archive).unwrap();
    let size = file.metadata().unwrap().len();
    writer
        .copy(
            BundleEntry {
                source: Some(archive.display().to_string()),
                ..entry("archives/shop-before.tar", BundleKind::Archive)
            },
            &file,
            size,
            &|_| {},
            &CancellationToken::new(),
        )
        .unwrap();
    writer
        .bytes(entry("command.log", BundleKind::Log), b"")
        .unwrap();
    let missing = Missing {
        what: "the archive after".to_owned(),
        why: "it was not made".to_owned(),
    };
    let (manifest, bytes) = writer.finish("failed".to_owned(), vec![missing]).unwrap();
    assert_eq!(manifest.members.len(), 4);
    assert_eq!(bytes, path.metadata().unwrap().len());
    path
}

fn verified(path: &Path) -> Result<BundleVerified, ArchiveError> {
    verify_bundle(
        &Bundle::open(path)?,
        1,
        &|_, _| {},
        &CancellationToken::new(),
    )
}

#[test]
fn what_was_written_is_read_and_found_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = bundle(folder.path());
    assert!(is_bundle(&path));
    let opened = Bundle::open(&path).unwrap();
    assert_eq!(opened.manifest().state, "failed");
    assert_eq!(opened.manifest().missing[0].why, "it was not made");
    let inside = opened.archives().next().unwrap();
    let archive = opened.archive(inside).unwrap();
    assert_eq!(archive.id(), "shop-before");
    let found = verified(&path).unwrap();
    assert_eq!(found.damages, []);
    assert_eq!((found.members, found.archives), (5, 1));
    assert!(found.rows > 0);
}

#[test]
fn stock_tar_reads_it_and_the_archive_inside_is_the_one_that_went_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = bundle(folder.path());
    let mut tar = tar::Archive::new(File::open(&path).unwrap());
    let mut names = Vec::new();
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        assert_eq!(entry.header().mode().unwrap(), 0o600);
        let name = entry.path().unwrap().display().to_string();
        if name == "archives/shop-before.tar" {
            let out = folder.path().join("out.tar");
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            File::create(&out).unwrap().write_all(&bytes).unwrap();
            assert!(Archive::open(&out).is_ok());
        }
        names.push(name);
    }
    assert_eq!(
        names,
        [
            "bundle.json",
            "README.md",
            "archives/shop-before.tar",
            "command.log",
            "manifest.json"
        ]
    );
}

#[test]
fn every_changed_byte_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = bundle(folder.path());
    let whole = std::fs::read(&path).unwrap();
    let changed = folder.path().join("changed.bundle.tar");
    // Each byte would take a minute; primes and blocks do not share a pattern.
    for at in (0..whole.len())
        .step_by(61)
        .chain(whole.len() - 1300..whole.len())
    {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x20;
        std::fs::write(&changed, &bytes).unwrap();
        let found = verified(&changed);
        let seen = match &found {
            Ok(found) => !found.damages.is_empty(),
            Err(error) => error.is_damage() || matches!(error, ArchiveError::Newer { .. }),
        };
        assert!(seen, "byte {at}: {found:?}");
    }
}

#[test]
fn a_bundle_that_is_cut_or_longer_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = bundle(folder.path());
    let whole = std::fs::read(&path).unwrap();
    let changed = folder.path().join("changed.bundle.tar");
    for length in [
        0,
        1,
        511,
        512,
        2000,
        whole.len() / 2,
        whole.len() - 1,
        whole.len() - 512,
    ] {
        std::fs::write(&changed, &whole[..length]).unwrap();
        let error = verified(&changed).unwrap_err();
        assert!(error.is_damage(), "{length}: {error:?}");
    }
    std::fs::write(&changed, [whole.as_slice(), &[0; 512]].concat()).unwrap();
    assert!(verified(&changed).unwrap_err().is_damage());
}

#[test]
fn an_archive_is_no_bundle_and_a_bundle_no_archive() {
    let folder = tempfile::tempdir().unwrap();
    let path = bundle(folder.path());
    let error = Archive::open(&path).unwrap_err();
    assert!(error.to_string().contains("it is a bundle"), "{error}");
    let sample = Sample::small();
    assert!(!is_bundle(&sample.path));
    let error = Bundle::open(&sample.path).unwrap_err();
    assert!(
        matches!(error, ArchiveError::NotAnArchive { .. }),
        "{error:?}"
    );
}

#[test]
fn bundles_go_by_their_name_where_their_beginning_is_damaged() {
    for (name, bundle) in [
        ("20261120T043512Z-shop.bundle.tar", true),
        ("a/20261120T043512Z-shop.bundle-2.tar", true),
        ("shop-20261120T043512Z.tar", false),
        ("my.bundle-20261120T043512Z.tar", false),
        ("bundle.tar", false),
    ] {
        assert_eq!(is_called_bundle(Path::new(name)), bundle, "{name}");
    }
}

#[test]
fn a_file_that_becomes_shorter_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let mut writer = BundleWriter::start(File::create_new(&path).unwrap(), about()).unwrap();
    let source = folder.path().join("log");
    std::fs::write(&source, "ten bytes!").unwrap();
    let error = writer
        .copy(
            BundleEntry::new("command.log", BundleKind::Log),
            &File::open(&source).unwrap(),
            11,
            &|_| {},
            &CancellationToken::new(),
        )
        .unwrap_err();
    assert!(
        error.to_string().contains("command.log became shorter"),
        "{error}"
    );
}
