use super::sample::{Sample, Table};
use crate::archive::{Archive, ArchiveError, Compression, Verified, salvage};
use crate::snapshot::Source as _;

/// Damage was found: by opening, or by verifying.
fn is_found(result: &Result<Verified, ArchiveError>) -> bool {
    match result {
        Ok(verified) => !verified.damages.is_empty(),
        Err(error) => error.is_damage(),
    }
}

#[test]
fn one_flipped_bit_anywhere_is_found() {
    let sample = Sample::small();
    for (at, right) in sample.bytes().into_iter().enumerate() {
        sample.patch(at, right ^ (1 << (at % 8)));
        let result = sample.verify();
        assert!(is_found(&result), "byte {at}: {result:?}");
        sample.patch(at, right);
    }
    assert_eq!(sample.verify().unwrap().damages, []);
}

#[test]
fn damage_in_the_data_names_the_table_and_only_it() {
    for compression in ["zstd:1", "gzip:1", "none"] {
        let tables = [
            Table::new(42, "public.orders", 0..4000),
            Table::new(44, "public.users", 0..4000),
        ];
        let sample = Sample::new(compression.parse().unwrap(), &tables, &[]);
        let archive = sample.open().unwrap();
        let hit = archive
            .manifest()
            .members
            .iter()
            .filter(|member| member.stream.is_some());
        for member in hit.clone() {
            let right = sample.bytes();
            let mut wrong = right.clone();
            let at = usize::try_from(member.offset + 512 + member.stored / 2).unwrap();
            wrong[at] ^= 0x10;
            sample.rewrite(&wrong);
            let verified = sample.verify().unwrap();
            assert_eq!(verified.damages.len(), 1, "{:?}", verified.damages);
            assert_eq!(verified.damages[0].member, member.name);
            let table = &archive
                .snapshot()
                .streams
                .iter()
                .find(|s| Some(s.id) == member.stream);
            let table = table.unwrap().objects[0].clone();
            assert_eq!(verified.damages[0].object.as_deref(), Some(table.as_str()));
            sample.rewrite(&right);
        }
        assert_eq!(hit.count(), 2);
    }
}

#[test]
fn damage_in_a_copy_statement_names_the_table() {
    let sample = Sample::small();
    let archive = sample.open().unwrap();
    let member = archive.find("data/00042/copy.sql").unwrap();
    let mut bytes = sample.bytes();
    bytes[usize::try_from(member.offset).unwrap() + 512] = b'c';
    sample.rewrite(&bytes);
    let damages = sample.verify().unwrap().damages;
    assert_eq!(damages[0].object.as_deref(), Some("public.orders"));
}

#[test]
fn a_cut_anywhere_is_found() {
    let sample = Sample::small();
    for length in (0..sample.bytes().len()).rev() {
        sample.cut(length);
        match Archive::open(&sample.path) {
            Err(error) if error.is_damage() => {}
            // Too little to tell it from any other file.
            Err(ArchiveError::NotAnArchive { .. }) if length < 13 => {}
            other => panic!("cut at {length}: {other:?}"),
        }
    }
}

#[test]
fn a_cut_says_in_which_member_and_table() {
    let sample = Sample::small();
    let archive = sample.open().unwrap();
    let whole = sample.bytes();
    for (index, member) in archive.manifest().members.iter().enumerate() {
        let at = usize::try_from(member.offset).unwrap() + 513;
        sample.rewrite(&whole[..at]);
        let Err(ArchiveError::Cut { salvage, .. }) = sample.open() else {
            panic!("{}", member.name)
        };
        assert_eq!(salvage.whole.len(), index);
        assert_eq!(salvage.cut_in.as_ref(), Some(&member.name));
        let orders = member.name == "data/00042/0001.copy.zst";
        assert!(!orders || salvage.object.as_deref() == Some("public.orders"));
    }
    assert_eq!(salvage(&sample.path).unwrap().whole.len(), 8);
}

#[test]
fn bytes_added_anywhere_are_found() {
    let sample = Sample::small();
    let whole = sample.bytes();
    for at in (0..=whole.len()).step_by(512) {
        for length in [1, 512, 10_240] {
            let mut longer = whole.clone();
            longer.splice(at..at, std::iter::repeat_n(0, length));
            sample.rewrite(&longer);
            let result = sample.verify();
            let foreign = matches!(result, Err(ArchiveError::NotAnArchive { .. })) && at == 0;
            assert!(is_found(&result) || foreign, "{length} at {at}: {result:?}");
        }
    }
}

#[test]
fn blocks_taken_out_anywhere_are_found() {
    let sample = Sample::small();
    let whole = sample.bytes();
    for at in (0..whole.len()).step_by(512) {
        let mut shorter = whole.clone();
        shorter.drain(at..at + 512);
        sample.rewrite(&shorter);
        let result = sample.verify();
        let foreign = matches!(result, Err(ArchiveError::NotAnArchive { .. })) && at == 0;
        assert!(is_found(&result) || foreign, "{at}: {result:?}");
    }
}

#[test]
fn two_chunks_that_changed_places_are_found() {
    let row = |row: u32| format!("{row}\t{}\n", "x".repeat(2000)).into_bytes();
    let pushes = (0..2000).map(row).collect();
    let table = Table {
        entry: 1,
        name: "t".into(),
        pushes,
    };
    let sample = Sample::new(Compression::None, &[table], &[]);
    let archive = sample.open().unwrap();
    let chunks = archive
        .manifest()
        .members
        .iter()
        .filter(|m| m.stream.is_some());
    let chunks: Vec<_> = chunks.collect();
    let content = |member: &crate::archive::Member| {
        let at = usize::try_from(member.offset).unwrap() + 512;
        at..at + usize::try_from(chunks[1].stored.min(chunks[0].stored)).unwrap()
    };
    let mut bytes = sample.bytes();
    let first = bytes[content(chunks[0])].to_vec();
    let second = bytes[content(chunks[1])].to_vec();
    bytes[content(chunks[0])].copy_from_slice(&second);
    bytes[content(chunks[1])].copy_from_slice(&first);
    sample.rewrite(&bytes);
    assert_eq!(sample.verify().unwrap().damages.len(), 2);
}

#[test]
fn other_files_are_no_archives() {
    let sample = Sample::small();
    let mut foreign_tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(3);
    header.set_cksum();
    foreign_tar
        .append_data(&mut header, "a.txt", &b"abc"[..])
        .unwrap();
    for other in [
        Vec::new(),
        b"hello".to_vec(),
        vec![0; 4096],
        vec![0x55; 100_000],
        foreign_tar.into_inner().unwrap(),
    ] {
        sample.rewrite(&other);
        let opened = sample.open();
        assert!(
            matches!(opened, Err(ArchiveError::NotAnArchive { .. })),
            "{opened:?}"
        );
    }
    let folder = sample.path.parent().unwrap();
    assert!(matches!(
        Archive::open(folder),
        Err(ArchiveError::NotAnArchive { .. })
    ));
    let missing = Archive::open(&folder.join("missing.tar"));
    assert!(matches!(missing, Err(ArchiveError::Io { .. })));
}
