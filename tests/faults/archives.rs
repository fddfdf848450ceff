//! Files that are no archives, not any more, or not yet.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::scene::{Scene, expect, told};

/// Commands that read an archive, with this one in their place.
fn readers(archive: &Path, into: &str) -> Vec<Vec<String>> {
    let archive = archive.to_str().unwrap();
    [
        vec!["verify", archive],
        vec!["verify", "--prove", archive],
        vec!["restore", archive, "--into", into],
        vec!["diff", archive, archive],
        vec!["show", archive],
    ]
    .into_iter()
    .map(|words| {
        words
            .into_iter()
            .chain(["--json"])
            .map(str::to_owned)
            .collect()
    })
    .collect()
}

fn place(scene: &Scene, name: &str, bytes: &[u8]) -> PathBuf {
    let path = scene.bookend.work().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn what_is_not_an_archive_is_refused_by_every_command() {
    let scene = Scene::small("nothing");
    let tar = place(&scene, "other.tar", &[0; 10240]);
    let text = place(
        &scene,
        "notes.tar",
        b"these are not the rows you are looking for",
    );
    let empty = place(&scene, "empty.tar", b"");
    for path in [tar, text, empty] {
        for words in readers(&path, "never") {
            let output = scene.bookend.run(&words);
            expect(&output, 2, "not-an-archive", &[path.to_str().unwrap()]);
        }
    }
    let output = scene.bookend.run(&["verify", "nosuch", "--json"]);
    expect(&output, 2, "no-such-archive", &["nosuch"]);
    scene.is_untouched();
}

#[test]
fn a_cut_archive_is_damaged_wherever_it_is_cut() {
    let scene = Scene::small("cut");
    let whole = std::fs::read(scene.archive()).unwrap();
    for length in [700, whole.len() / 2, whole.len() - 1024, whole.len() - 1] {
        let path = place(&scene, "cut.tar", &whole[..length]);
        for words in readers(&path, "never") {
            let output = scene.bookend.run(&words);
            assert_eq!(output.code, Some(3), "cut at {length}: {words:?} {output}");
            if words[0] != "verify" {
                assert_eq!(told(&output).0, "damaged", "{output}");
            }
        }
    }
    scene.is_untouched();
}

#[test]
fn a_flipped_byte_names_the_table_and_keeps_it_from_being_published() {
    let scene = Scene::small("flipped");
    let archive = scene.archive();
    let mut bytes = std::fs::read(&archive).unwrap();
    let name = b"data/";
    let member = (0..bytes.len() / 512)
        .map(|block| block * 512)
        .rfind(|at| {
            bytes[*at..].starts_with(name)
                && bytes[*at..*at + 100].ends_with(&[0])
                && String::from_utf8_lossy(&bytes[*at..*at + 40]).contains(".copy.")
        })
        .expect("a chunk");
    bytes[member + 512 + 20] ^= 1;
    let path = place(&scene, "flipped.tar", &bytes);
    let file = path.to_str().unwrap();
    let output = scene.bookend.run(&["verify", file, "--json"]);
    assert_eq!(
        (output.code, output.json()["verdict"].as_str()),
        (Some(3), Some("damaged")),
        "{output}"
    );
    assert!(
        output.stdout.contains("public.orders") || output.stdout.contains("public.customers"),
        "{output}"
    );
    let output = scene
        .bookend
        .run(&["restore", file, "--into", "never", "--json"]);
    expect(&output, 3, "damaged", &[file, "bookend verify"]);
    let output = scene.bookend.run(&["verify", "--prove", file, "--json"]);
    assert_eq!(output.code, Some(3), "{output}");
    scene.is_untouched();
}

/// Replaces text in the manifest; `seal` makes the digest right again.
fn edited(archive: &Path, from: &str, to: &str, seal: bool) -> Vec<u8> {
    const LINE: usize = 115;
    let mut bytes = std::fs::read(archive).unwrap();
    let end = bytes.len() - 1024;
    let line = String::from_utf8(bytes[end - LINE..end].to_vec()).unwrap();
    let digits = &line[16..36];
    let begin = digits.parse::<usize>().unwrap() + 512;
    let manifest = String::from_utf8(bytes[begin..end - LINE].to_vec()).unwrap();
    assert_eq!(from.len(), to.len());
    assert!(manifest.contains(from), "no {from} in {manifest}");
    let manifest = manifest.replacen(from, to, 1);
    if seal {
        let digest: String = Sha256::digest(&manifest)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let at = end - LINE + line.find("sha256\":\"").unwrap() + 9;
        bytes[at..at + 64].copy_from_slice(digest.as_bytes());
    }
    bytes[begin..begin + manifest.len()].copy_from_slice(manifest.as_bytes());
    bytes
}

#[test]
fn an_edited_manifest_is_found_and_a_newer_format_is_told_from_damage() {
    let scene = Scene::small("edited");
    let archive = scene.archive();
    let id = archive.file_stem().unwrap().to_str().unwrap();
    let other = id.replace("edited", "Edited");
    let path = place(&scene, "edited.tar", &edited(&archive, id, &other, false));
    let output = scene
        .bookend
        .run(&["verify", path.to_str().unwrap(), "--json"]);
    assert_eq!(output.code, Some(3), "{output}");
    let newer = edited(&archive, "\"format\":\"1.1\"", "\"format\":\"2.0\"", true);
    let path = place(&scene, "newer.tar", &newer);
    for words in readers(&path, "never") {
        let output = scene.bookend.run(&words);
        expect(
            &output,
            1,
            "newer-format",
            &["format 2.0", "upgrade bookend", "restore.sh"],
        );
    }
    scene.is_untouched();
}

/// Changes one byte of the large object that holds `sought`, and makes every digest anew.
fn forge_large_object(archive: &mut [u8], sought: &[u8]) {
    let mut windows = archive.windows(sought.len());
    let at = windows.position(|found| found == sought).unwrap();
    archive[at] ^= 1;
    let last = archive
        .windows(14)
        .rposition(|found| found == b"{\"manifest_at\"")
        .unwrap();
    let line = String::from_utf8(archive[last..last + 115].to_vec()).unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let at = line["manifest_at"].as_str().unwrap();
    let body = at.parse::<usize>().unwrap() + 512;
    let text = String::from_utf8(archive[body..last].to_vec()).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut forged = text;
    for member in manifest["members"].as_array().unwrap() {
        let number = |key: &str| usize::try_from(member[key].as_u64().unwrap()).unwrap();
        let from = number("offset") + 512;
        let digest = Sha256::digest(&archive[from..from + number("stored")]);
        forged = forged.replace(member["sha256"].as_str().unwrap(), &format!("{digest:x}"));
    }
    let digest = format!("{:x}", Sha256::digest(forged.as_bytes()));
    archive[body..last].copy_from_slice(forged.as_bytes());
    let place = archive
        .windows(64)
        .rposition(|found| found == line["sha256"].as_str().unwrap().as_bytes());
    let place = place.unwrap();
    archive[place..place + 64].copy_from_slice(digest.as_bytes());
}

#[test]
fn a_large_object_whose_digest_was_forged_is_named_without_a_server() {
    let scene = Scene::with(
        "forged_lo",
        "SELECT lo_from_bytea(4711, convert_to(repeat('large', 900), 'UTF8')), lo_from_bytea(4712, 'x')",
    );
    scene.bookend.succeed(&["backup", "--compress", "none"]);
    let archive = scene.bookend.archives().pop().unwrap();
    let mut bytes = std::fs::read(archive).unwrap();
    forge_large_object(&mut bytes, b"largelarge");
    let forged = place(&scene, "forged.tar", &bytes);
    let output = scene
        .bookend
        .run(&["--json", "verify", forged.to_str().unwrap()])
        .expect_code(3);
    let found = output.json();
    let differences = found["differences"].as_array().unwrap();
    assert_eq!(differences.len(), 1, "{found}");
    assert_eq!(differences[0]["object"], "large object 4711", "{found}");
}
