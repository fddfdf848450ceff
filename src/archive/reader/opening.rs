//! Finding the manifest, and telling what is wrong with a file where there is none.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::super::digest::Digest;
use super::super::error::ArchiveError;
use super::super::manifest::{ABOUT, Beginning, MAJOR, MANIFEST, Manifest, Member, major, mtime};
use super::super::region::Region;
use super::super::salvage::walk;
use super::super::sidecar::{Lane, Sidecar};
use super::super::trailer::{Trailer, WIDTH};
use super::super::ustar::{self, BLOCK, END, Header};

/// More than the first member ever holds.
const ABOUT_LIMIT: u64 = 64 << 10;

/// Where the manifest is.
pub struct Found {
    pub file: Region,
    pub manifest_at: u64,
    pub sha256: Digest,
    /// The manifest's JSON, its digest checked.
    pub json: Vec<u8>,
}

/// Opens a regular file.
pub fn open(path: &Path) -> Result<Region, ArchiveError> {
    let io = |source| unreadable(path, source);
    let file = File::open(path).map_err(io)?;
    if !file.metadata().map_err(io)?.is_file() {
        return Err(not_an_archive(path, "it is not a regular file"));
    }
    Region::whole(file).map_err(io)
}

pub(in super::super) fn unreadable(path: &Path, source: io::Error) -> ArchiveError {
    ArchiveError::Io {
        what: format!("{} could not be read", path.display()),
        source,
    }
}

/// Finds the manifest by the tar's last line. A sound manifest is believed; only without one
/// does the start of the file say what it is.
pub fn find_manifest(path: &Path, file: Region) -> Result<Found, ArchiveError> {
    let io = |source| unreadable(path, source);
    let size = file.size();
    let problem = match look_at_end(&file, size).map_err(io)? {
        End::Line(trailer) => match read_json(&file, size, &trailer).map_err(io)? {
            Ok(json) => {
                return Ok(Found {
                    file,
                    manifest_at: trailer.manifest_at,
                    sha256: trailer.sha256,
                    json,
                });
            }
            Err(problem) => Some(problem),
        },
        End::Damaged(problem) => Some(problem),
        End::Nothing => None,
    };
    match look_at_start(&file, size).map_err(io)? {
        Start::Ours => Err(without_manifest(path, &file, problem)),
        Start::Newer(format) => Err(newer(path, format)),
        Start::Foreign => Err(not_an_archive(path, "it does not begin with bookend.json")),
    }
}

/// The manifest's JSON, or what is wrong with it.
pub(in super::super) fn read_json(
    file: &Region,
    size: u64,
    trailer: &Trailer,
) -> io::Result<Result<Vec<u8>, &'static str>> {
    let json_at = trailer.manifest_at.saturating_add(BLOCK);
    let Some(length) = (size - END - WIDTH as u64).checked_sub(json_at) else {
        return Ok(Err("its last line points behind itself"));
    };
    let mut json = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut json, json_at)?;
    let sound = Digest::of(&json) == trailer.sha256;
    Ok(sound.then_some(json).ok_or(
        "its bytes do not have the digest that its last line names: \
         it was edited, or bytes are missing or added before it",
    ))
}

/// An archive of ours that has no sound manifest.
pub(in super::super) fn without_manifest(
    path: &Path,
    file: &Region,
    problem: Option<&str>,
) -> ArchiveError {
    if let Some(problem) = problem {
        return damaged(path, MANIFEST, problem);
    }
    match walk(file) {
        Err(source) => unreadable(path, source),
        Ok(salvage) if salvage.whole.last().is_some_and(|last| last == MANIFEST) => {
            let problem = "something follows it, or the empty blocks behind it are missing";
            damaged(path, MANIFEST, problem)
        }
        Ok(salvage) => ArchiveError::Cut {
            path: path.to_owned(),
            salvage: Box::new(salvage),
        },
    }
}

/// Reads the manifest and checks that its members fill the file, one after the other.
pub fn read_manifest(path: &Path, found: &Found) -> Result<Manifest, ArchiveError> {
    let manifest: Manifest = parse_manifest(path, found)?;
    let damaged = |problem: String| damaged(path, MANIFEST, &problem);
    let mut header = [0; 512];
    let read = found.file.read_exact_at(&mut header, found.manifest_at);
    read.map_err(|source| unreadable(path, source))?;
    let content = found.file.size() - END - found.manifest_at - BLOCK;
    let created = mtime(manifest.archive.created_at);
    if let Some(problem) = check_header(&header, MANIFEST, content, created) {
        return Err(damaged(problem));
    }
    check_members(&manifest, found.manifest_at).map_err(damaged)?;
    Ok(manifest)
}

/// Parses the manifest as a `T`, after its version.
pub fn parse_manifest<T: DeserializeOwned>(path: &Path, found: &Found) -> Result<T, ArchiveError> {
    let damaged = |error: serde_json::Error| damaged(path, MANIFEST, &error.to_string());
    let beginning: Beginning = serde_json::from_slice(&found.json).map_err(damaged)?;
    match major(&beginning.format) {
        Some(MAJOR) => serde_json::from_slice(&found.json).map_err(|error| {
            // A bundle ends like an archive.
            let bundle = super::super::bundle::begins_as_bundle(&found.file);
            if bundle.unwrap_or(false) {
                not_an_archive(path, "it is a bundle; `tar -xf` takes its archives out")
            } else {
                damaged(error)
            }
        }),
        _ => Err(newer(path, beginning.format)),
    }
}

/// What differs between a header and what it must be; `None` if nothing does.
pub fn check_header(header: &Header, name: &str, size: u64, mtime: u64) -> Option<String> {
    if ustar::header(name, size, mtime).as_ref() == Some(header) {
        return None;
    }
    Some(match ustar::parse(header) {
        None => "its tar header is damaged".to_owned(),
        Some(entry) if !entry.regular => "its tar header is not one of a regular file".to_owned(),
        Some(entry) if entry.name != name => format!("its tar header names {:?}", entry.name),
        Some(entry) if entry.size != size => {
            format!("its tar header says {} bytes instead of {size}", entry.size)
        }
        Some(_) => "its tar header is not as it was written".to_owned(),
    })
}

fn check_members(manifest: &Manifest, manifest_at: u64) -> Result<(), String> {
    let extension = manifest.archive.compression.extension();
    let mut names = HashSet::new();
    let mut numbers = HashMap::new();
    let mut at = 0;
    for member in &manifest.members {
        let name = &member.name;
        if !ustar::is_safe_name(name) || name == MANIFEST {
            return Err(format!("it lists a member named {name:?}"));
        }
        if !names.insert(name.as_str()) {
            return Err(format!("it lists {name} twice"));
        }
        if member.offset != at {
            return Err(format!("it leaves a gap before {name}"));
        }
        at = at.saturating_add(ustar::span(member.stored));
        check_number(member, &mut numbers, extension)?;
    }
    if manifest
        .members
        .first()
        .is_none_or(|first| first.name != ABOUT)
    {
        return Err(format!("it does not list {ABOUT} first"));
    }
    if at != manifest_at {
        return Err("its members do not fill the file".to_owned());
    }
    check_sidecars(manifest)
}

/// Each has one word for a name, and no other has it: it becomes a name in a folder.
fn check_sidecars(manifest: &Manifest) -> Result<(), String> {
    let files: &[Sidecar] = &manifest.files;
    let known = |number: u32| (1..=files.len()).contains(&usize::try_from(number).unwrap_or(0));
    for chunk in manifest.members.iter().filter_map(|member| member.tree) {
        if !known(chunk.id.number) {
            return Err(format!("it does not say what {} is", chunk.id.folder()));
        }
    }
    let mut names = HashSet::new();
    for name in files.iter().map(|sidecar| sidecar.name.as_str()) {
        let plain = !matches!(name, "" | "." | "..") && !name.contains(['/', '\0']);
        if !plain || !names.insert(name) {
            return Err(format!("it names files {name:?}, or names them twice"));
        }
    }
    Ok(())
}

/// Chunks of a stream are numbered in order; other members are stored as they are.
fn check_number(
    member: &Member,
    numbers: &mut HashMap<Lane, u32>,
    extension: &str,
) -> Result<(), String> {
    let name = &member.name;
    if member.stream.is_none() && member.bytes != member.stored {
        return Err(format!("it gives {name} two sizes"));
    }
    let Some(lane) = member.lane() else {
        return Ok(());
    };
    let number: &mut u32 = numbers.entry(lane).or_default();
    *number += 1;
    if lane.member(*number, extension) != *name {
        return Err(format!("{name} is not chunk {number} of {}", lane.folder()));
    }
    Ok(())
}

/// How a file begins.
enum Start {
    /// With a `bookend.json` that this bookend reads.
    Ours,
    /// With one of another format.
    Newer(String),
    /// With anything else.
    Foreign,
}

fn look_at_start(file: &Region, size: u64) -> io::Result<Start> {
    let mut start = vec![0; usize::try_from(size.min(BLOCK + ABOUT_LIMIT)).unwrap_or(0)];
    file.read_exact_at(&mut start, 0)?;
    let named = start.starts_with(ABOUT.as_bytes()) && start.get(ABOUT.len()) == Some(&0);
    if !named {
        return Ok(Start::Foreign);
    }
    Ok(match format_at_start(&start) {
        Some((format, found)) if found > MAJOR => Start::Newer(format),
        _ => Start::Ours,
    })
}

/// What the first member says of the format, if it can be read.
fn format_at_start(start: &[u8]) -> Option<(String, u32)> {
    let (header, content) = start.split_first_chunk()?;
    let size = usize::try_from(ustar::parse(header)?.size).ok()?;
    let about: Beginning = serde_json::from_slice(content.get(..size)?).ok()?;
    let found = major(&about.format)?;
    Some((about.format, found))
}

/// How a file ends.
pub(in super::super) enum End {
    /// With the manifest's last line and two empty blocks.
    Line(Trailer),
    /// With something that once was that.
    Damaged(&'static str),
    /// With anything else.
    Nothing,
}

pub(in super::super) fn look_at_end(file: &Region, size: u64) -> io::Result<End> {
    let width = WIDTH + usize::try_from(END).unwrap_or(0);
    let Some(at) = size.checked_sub(width as u64) else {
        return Ok(End::Nothing);
    };
    let mut end = vec![0; width];
    file.read_exact_at(&mut end, at)?;
    let (line, blocks) = end.split_at(WIDTH);
    let empty = blocks.iter().all(|byte| *byte == 0);
    Ok(match Trailer::parse(line) {
        Some(_) if !size.is_multiple_of(BLOCK) => End::Damaged("it does not end on a block"),
        Some(trailer) if empty => End::Line(trailer),
        Some(_) => End::Damaged("the empty blocks behind it are not empty"),
        None if empty => End::Damaged("its last line cannot be read"),
        None => End::Nothing,
    })
}

pub(in super::super) fn not_an_archive(path: &Path, why: &str) -> ArchiveError {
    ArchiveError::NotAnArchive {
        path: path.to_owned(),
        why: why.to_owned(),
    }
}

pub(in super::super) fn newer(path: &Path, format: String) -> ArchiveError {
    ArchiveError::Newer {
        path: path.to_owned(),
        format,
        reads: MAJOR,
    }
}

pub(in super::super) fn damaged(path: &Path, member: &str, problem: &str) -> ArchiveError {
    ArchiveError::Damaged {
        path: path.to_owned(),
        member: member.to_owned(),
        problem: problem.to_owned(),
    }
}
