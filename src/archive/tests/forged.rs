//! Archives that somebody made or edited on purpose, digests and all.

use std::io::Read as _;

use super::sample::Sample;
use crate::archive::trailer::{Trailer, WIDTH};
use crate::archive::ustar::{Header, header};
use crate::archive::{Archive, ArchiveError, Digest};
use crate::snapshot::{SeamError, Source as _};

type Edit = fn(&mut serde_json::Value);

/// Rewrites the manifest's JSON and seals it again as bookend would.
fn forge(sample: &Sample, edit: impl FnOnce(&mut serde_json::Value)) {
    let bytes = sample.bytes();
    let line = &bytes[bytes.len() - 1024 - WIDTH..bytes.len() - 1024];
    let at = Trailer::parse(line).unwrap().manifest_at;
    let start = usize::try_from(at).unwrap();
    let json = &bytes[start + 512..bytes.len() - 1024 - WIDTH];
    let mut manifest: serde_json::Value = serde_json::from_slice(json).unwrap();
    edit(&mut manifest);
    let created = &manifest["archive"]["created_at"];
    let created: chrono::DateTime<chrono::Utc> = created.as_str().unwrap().parse().unwrap();
    let mtime = u64::try_from(created.timestamp()).unwrap();
    let sealed = Trailer::seal(serde_json::to_vec(&manifest).unwrap(), at);
    let mut forged = bytes[..start].to_vec();
    forged.extend_from_slice(&header("manifest.json", sealed.len() as u64, mtime).unwrap());
    forged.extend_from_slice(&sealed);
    forged.extend_from_slice(&[0; 1024]);
    sample.rewrite(&forged);
}

fn member<'a>(manifest: &'a mut serde_json::Value, name: &str) -> &'a mut serde_json::Value {
    let members = manifest["members"].as_array_mut().unwrap();
    members
        .iter_mut()
        .find(|member| member["name"] == name)
        .unwrap()
}

#[test]
fn an_edited_manifest_is_found() {
    let sample = Sample::small();
    let mut bytes = sample.bytes();
    let at = bytes
        .windows(13)
        .position(|window| window == b"public.orders");
    let last = bytes
        .windows(13)
        .rposition(|window| window == b"public.orders");
    assert_ne!(at, last);
    bytes[last.unwrap()] = b'P';
    sample.rewrite(&bytes);
    let Err(ArchiveError::Damaged {
        member, problem, ..
    }) = sample.open()
    else {
        panic!()
    };
    assert_eq!(member, "manifest.json");
    assert!(problem.contains("edited"), "{problem}");
}

#[test]
fn forging_nothing_leaves_a_good_archive() {
    let sample = Sample::small();
    forge(&sample, |_| ());
    assert_eq!(sample.verify().unwrap().damages, []);
}

#[test]
fn a_newer_major_version_is_named_and_a_newer_minor_one_is_read() {
    let sample = Sample::small();
    forge(&sample, |manifest| {
        manifest["format"] = "1.7".into();
        manifest["something new"] = 7.into();
        manifest["snapshot"]["something new"] = 7.into();
    });
    assert_eq!(sample.verify().unwrap().damages, []);
    forge(&sample, |manifest| manifest["format"] = "2.0".into());
    let Err(error) = sample.open() else { panic!() };
    assert!(matches!(error, ArchiveError::Newer { .. }));
    assert!(!error.is_damage());
    assert!(
        error
            .to_string()
            .contains("format 2.0, this bookend reads up to 1.x: upgrade")
    );
}

#[test]
fn a_newer_format_is_recognised_by_its_first_member_whatever_its_end() {
    let sample = Sample::small();
    let about = br#"{"format":"3.1","whatever":[]}"#;
    let mut bytes = header("bookend.json", about.len() as u64, 0)
        .unwrap()
        .to_vec();
    bytes.extend_from_slice(about);
    bytes.resize(4096, 7);
    sample.rewrite(&bytes);
    let opened = sample.open();
    assert!(matches!(opened, Err(ArchiveError::Newer { ref format, .. }) if format == "3.1"));
}

#[test]
fn names_that_could_escape_are_refused() {
    for name in [
        "../../etc/passwd",
        "/etc/passwd",
        "a/../../b",
        "manifest.json",
        "toc.dump",
    ] {
        let sample = Sample::small();
        forge(&sample, |manifest| {
            member(manifest, "restore.sh")["name"] = name.into();
        });
        let opened = sample.open();
        assert!(
            matches!(opened, Err(ArchiveError::Damaged { .. })),
            "{name}: {opened:?}"
        );
    }
}

#[test]
fn members_that_do_not_fill_the_file_are_refused() {
    let edits: [Edit; 5] = [
        |manifest| drop(manifest["members"].as_array_mut().unwrap().pop()),
        |manifest| drop(manifest["members"].as_array_mut().unwrap().remove(2)),
        |manifest| manifest["members"].as_array_mut().unwrap().swap(1, 2),
        |manifest| member(manifest, "restore.sh")["stored"] = u64::MAX.into(),
        |manifest| member(manifest, "restore.sh")["offset"] = 0.into(),
    ];
    for edit in edits {
        let sample = Sample::small();
        forge(&sample, edit);
        let opened = sample.open();
        assert!(
            matches!(opened, Err(ArchiveError::Damaged { .. })),
            "{opened:?}"
        );
    }
}

#[test]
fn links_folders_and_devices_are_found() {
    let sample = Sample::small();
    let right = sample.bytes();
    let archive = sample.open().unwrap();
    let at = usize::try_from(archive.find("restore.sh").unwrap().offset).unwrap();
    for kind in *b"123456xgL" {
        let mut wrong = right.clone();
        let mut block: Header = wrong[at..at + 512].try_into().unwrap();
        block[156] = kind;
        block[157..168].copy_from_slice(b"/etc/passwd");
        let mut forged = tar::Header::from_byte_slice(&block).clone();
        forged.set_cksum();
        wrong[at..at + 512].copy_from_slice(forged.as_bytes());
        sample.rewrite(&wrong);
        let damages = sample.verify().unwrap().damages;
        assert_eq!(damages.len(), 1);
        assert!(
            damages[0].problem.contains("regular file"),
            "{}",
            damages[0].problem
        );
    }
}

#[test]
fn a_member_that_expands_without_end_is_stopped_where_the_manifest_ends_it() {
    let sample = Sample::small();
    let archive = sample.open().unwrap();
    let chunk = archive.find("data/00042/0001.copy.zst").unwrap().clone();
    // Zeros without end in hardly any bytes: it fits into the chunk's own place.
    let mut bomb = zstd::stream::encode_all(std::io::repeat(0).take(1 << 30), 1).unwrap();
    assert!(bomb.len() < 200_000);
    bomb.truncate(usize::try_from(chunk.stored).unwrap());
    let mut bytes = sample.bytes();
    let at = usize::try_from(chunk.offset).unwrap() + 512;
    bytes[at..at + bomb.len()].copy_from_slice(&bomb);
    sample.rewrite(&bytes);
    forge(&sample, |manifest| {
        let sha256 = Digest::of(&bomb).to_string();
        member(manifest, "data/00042/0001.copy.zst")["sha256"] = sha256.into();
    });
    let archive = sample.open().unwrap();
    let id = archive.snapshot().streams[0].id;
    let mut reader = archive.chunk(id, 0).unwrap();
    let Err(SeamError::Damaged { problem, .. }) = reader.next_piece() else {
        panic!()
    };
    assert!(
        problem.contains("expands") || problem.contains("decompressed"),
        "{problem}"
    );
    assert!(matches!(reader.next_piece(), Ok(None)));
    let damages = sample.verify().unwrap().damages;
    assert_eq!(damages[0].object.as_deref(), Some("public.orders"));
}

#[test]
fn sizes_and_rows_that_are_not_so_are_found() {
    let edits: [(&str, Edit); 6] = [
        ("more", |m| {
            member(m, "data/00042/0001.copy.zst")["bytes"] = 1.into();
        }),
        ("less", |m| {
            member(m, "data/00042/0001.copy.zst")["bytes"] = 1_000_000.into();
        }),
        ("rows", |m| {
            member(m, "data/00042/0001.copy.zst")["rows"] = 41.into();
        }),
        ("stream rows", |m| {
            m["snapshot"]["streams"][0]["rows"] = 39.into();
        }),
        ("fingerprint", |m| {
            m["snapshot"]["streams"][0]["fingerprint"] = "0".repeat(32).into();
        }),
        ("column", |m| {
            let column = &mut m["snapshot"]["objects"][0]["columns"][1]["content"];
            column["keyed"] = "0".repeat(32).into();
        }),
    ];
    for (what, edit) in edits {
        let sample = Sample::small();
        forge(&sample, edit);
        let damages = sample.verify().unwrap().damages;
        assert_eq!(damages.len(), 1, "{what}: {damages:?}");
        assert_eq!(
            damages[0].object.as_deref(),
            Some("public.orders"),
            "{what}"
        );
    }
}

#[test]
fn a_manifest_that_claims_the_whole_file_is_refused() {
    let sample = Sample::small();
    let mut bytes = sample.bytes();
    let end = bytes.len() - 1024;
    for at in [0, 1, 511, u64::MAX, bytes.len() as u64, end as u64] {
        let line = format!(
            "{{\"manifest_at\":\"{at:020}\",\"sha256\":\"{}\"}}\n",
            "0".repeat(64)
        );
        bytes[end - WIDTH..end].copy_from_slice(line.as_bytes());
        sample.rewrite(&bytes);
        let opened = Archive::open(&sample.path);
        assert!(
            matches!(opened, Err(ArchiveError::Damaged { .. })),
            "{at}: {opened:?}"
        );
    }
}
