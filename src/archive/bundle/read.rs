//! Opening a bundle: from its last line to the manifest.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use super::manifest::{ABOUT, Beginning, BundleKind, BundleManifest, BundleMember, MAJOR};
use crate::archive::manifest::{MANIFEST, major, mtime};
use crate::archive::reader::opening::{
    End, damaged, look_at_end, newer, not_an_archive, open, read_json, unreadable, without_manifest,
};
use crate::archive::region::Region;
use crate::archive::ustar::{self, BLOCK, END, Header};
use crate::archive::{Archive, ArchiveError};

/// A bundle that was opened: its manifest is as it was written.
#[derive(Debug)]
pub struct Bundle {
    path: PathBuf,
    file: Region,
    manifest: BundleManifest,
}

/// Whether a file is to be read as a bundle: by how it begins, or, where that is damaged, by
/// what it is called.
#[must_use]
pub fn is_bundle(path: &Path) -> bool {
    let begins = open(path).is_ok_and(|file| begins_as_bundle(&file).unwrap_or(false));
    begins || is_called_bundle(path)
}

/// Whether the first member is called as a bundle's is.
pub fn begins_as_bundle(file: &Region) -> io::Result<bool> {
    let mut start = [0; ABOUT.len() + 1];
    file.read_at(&mut start, 0)?;
    Ok(start.strip_suffix(&[0]) == Some(ABOUT.as_bytes()))
}

/// Whether a file has a bundle's name: `RUN.bundle.tar`, `RUN.bundle-2.tar`.
#[must_use]
pub fn is_called_bundle(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".tar").unwrap_or_default();
    let numbered = stem
        .rsplit_once('-')
        .filter(|(_, number)| number.bytes().all(|digit| digit.is_ascii_digit()));
    let stem = numbered.map_or(stem, |(stem, _)| stem);
    stem.ends_with(".bundle")
}

impl Bundle {
    /// Opens the bundle at `path`.
    ///
    /// # Errors
    /// The file cannot be read, is no bundle, comes from a later bookend, is cut off, or its
    /// manifest is damaged.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let file = open(path)?;
        let io = |source| unreadable(path, source);
        let size = file.size();
        let problem = match look_at_end(&file, size).map_err(io)? {
            End::Line(trailer) => match read_json(&file, size, &trailer).map_err(io)? {
                Ok(json) => {
                    let manifest = parse(path, &file, &json)?;
                    check(&manifest, &file, trailer.manifest_at)
                        .map_err(io)?
                        .map_err(|problem| damaged(path, MANIFEST, &problem))?;
                    return Ok(Self {
                        path: path.to_owned(),
                        file,
                        manifest,
                    });
                }
                Err(problem) => Some(problem),
            },
            End::Damaged(problem) => Some(problem),
            End::Nothing => None,
        };
        if !is_bundle(path) {
            let why = format!("it does not begin with {ABOUT}");
            return Err(not_an_archive(path, &why));
        }
        Err(without_manifest(path, &file, problem))
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Everything the manifest says.
    #[must_use]
    pub fn manifest(&self) -> &BundleManifest {
        &self.manifest
    }

    /// Bytes of the file.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.file.size()
    }

    /// Opens an archive inside.
    ///
    /// # Errors
    /// As [`Archive::open`].
    pub fn archive(&self, member: &BundleMember) -> Result<Archive, ArchiveError> {
        let name = self.path.join(&member.name);
        Archive::open_in(self.content(member), &name)
    }

    /// A member's bytes.
    pub(super) fn content(&self, member: &BundleMember) -> Region {
        self.file.part(member.offset + BLOCK, member.bytes)
    }

    /// The bytes at `offset` of the file, as they are.
    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    /// The members that are archives.
    pub fn archives(&self) -> impl Iterator<Item = &BundleMember> {
        let members = self.manifest.members.iter();
        members.filter(|member| member.kind == BundleKind::Archive)
    }
}

fn parse(path: &Path, file: &Region, json: &[u8]) -> Result<BundleManifest, ArchiveError> {
    let broken = |error: serde_json::Error| damaged(path, MANIFEST, &error.to_string());
    // An archive's manifest has the same last line: what a bundle's has and it has not.
    let beginning: Beginning = serde_json::from_slice(json).map_err(broken)?;
    match major(&beginning.format) {
        Some(MAJOR) => serde_json::from_slice(json).map_err(|error| {
            if begins_as_bundle(file).unwrap_or(false) {
                broken(error)
            } else {
                not_an_archive(path, "it is not a bundle")
            }
        }),
        _ => Err(newer(path, beginning.format)),
    }
}

/// Whether the members fill the file, one after the other.
fn check(
    manifest: &BundleManifest,
    file: &Region,
    manifest_at: u64,
) -> io::Result<Result<(), String>> {
    let mut header = [0; 512];
    file.read_exact_at(&mut header, manifest_at)?;
    let content = file.size() - END - manifest_at - BLOCK;
    let created = mtime(manifest.created_at);
    if let Some(problem) = check_header(&header, MANIFEST, content, created) {
        return Ok(Err(problem));
    }
    Ok(check_members(manifest, manifest_at))
}

fn check_members(manifest: &BundleManifest, manifest_at: u64) -> Result<(), String> {
    let mut names = HashSet::new();
    let mut at: u64 = 0;
    for member in &manifest.members {
        let name = &member.name;
        if !ustar::is_safe_path(name) || name == MANIFEST {
            return Err(format!("it lists a member named {name:?}"));
        }
        if !names.insert(name.as_str()) {
            return Err(format!("it lists {name} twice"));
        }
        if member.offset != at {
            return Err(format!("it leaves a gap before {name}"));
        }
        at = at.saturating_add(ustar::span(member.bytes));
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
    Ok(())
}

/// What differs between a header and what it must be; `None` if nothing does.
pub(super) fn check_header(header: &Header, name: &str, size: u64, mtime: u64) -> Option<String> {
    if ustar::bundle_header(name, size, mtime).as_ref() == Some(header) {
        return None;
    }
    Some(match ustar::parse(header) {
        None => "its tar header is damaged".to_owned(),
        Some(entry) if entry.name != name => format!("its tar header names {:?}", entry.name),
        Some(entry) if entry.size != size => {
            format!("its tar header says {} bytes instead of {size}", entry.size)
        }
        Some(_) => "its tar header is not as it was written".to_owned(),
    })
}
