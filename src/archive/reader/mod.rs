//! Opening an archive: from its last line to the manifest, with no walk through the tar.

mod chunk;
pub(super) mod opening;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::digest::Digest;
use super::error::ArchiveError;
use super::manifest::{Head, Manifest, Member, Summary};
use super::region::Region;
use super::sidecar::{Lane, Sidecar, TreeId};
use super::ustar::BLOCK;
use crate::snapshot::{ChunkFacts, ChunkReader, SeamError, Snapshot, Source, StreamId};

pub(super) use chunk::MemberReader;
pub(super) use opening::check_header;

/// An archive that was opened: its manifest is as it was written. Whether the members are
/// is found while they are read, or by [`verify`](super::verify).
pub struct Archive {
    path: PathBuf,
    file: Region,
    manifest: Manifest,
    manifest_sha256: Digest,
    size: u64,
    by_name: HashMap<String, usize>,
    by_lane: HashMap<Lane, Vec<usize>>,
}

impl Archive {
    /// Opens the archive at `path`.
    ///
    /// # Errors
    /// The file cannot be read, is no archive, comes from a later bookend, is cut off, or
    /// its manifest is damaged.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        Self::open_in(opening::open(path)?, path)
    }

    /// Opens an archive that is a part of a file; `path` names it to people.
    pub(super) fn open_in(region: Region, path: &Path) -> Result<Self, ArchiveError> {
        let found = opening::find_manifest(path, region)?;
        let manifest = opening::read_manifest(path, &found)?;
        let mut by_name = HashMap::new();
        let mut by_lane: HashMap<Lane, Vec<usize>> = HashMap::new();
        for (index, member) in manifest.members.iter().enumerate() {
            by_name.insert(member.name.clone(), index);
            if let Some(lane) = member.lane() {
                by_lane.entry(lane).or_default().push(index);
            }
        }
        Ok(Self {
            path: path.to_owned(),
            manifest_sha256: found.sha256,
            size: found.file.size(),
            file: found.file,
            manifest,
            by_name,
            by_lane,
        })
    }

    /// Reads only what a list of archives shows: the head, what travels along, and the digest that
    /// names the archive.
    ///
    /// # Errors
    /// As [`Archive::open`].
    pub fn head(path: &Path) -> Result<(Head, Vec<Sidecar>, Digest), ArchiveError> {
        let found = opening::find_manifest(path, opening::open(path)?)?;
        let summary: Summary = opening::parse_manifest(path, &found)?;
        Ok((summary.archive, summary.files, found.sha256))
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its id: the file's name without `.tar`; the one in the manifest if it has no such name.
    #[must_use]
    pub fn id(&self) -> &str {
        let name = self.path.file_name().and_then(|name| name.to_str());
        name.and_then(|name| name.strip_suffix(".tar"))
            .unwrap_or(&self.manifest.archive.id)
    }

    /// Everything the manifest says.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The digest in the manifest's last line, which names this very archive.
    #[must_use]
    pub fn manifest_sha256(&self) -> Digest {
        self.manifest_sha256
    }

    /// Bytes of the file.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The member of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Member> {
        let index = *self.by_name.get(name)?;
        self.manifest.members.get(index)
    }

    /// The bytes at `offset` of the file, as they are.
    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    /// A reader over `member`, decompressed if it is a chunk.
    pub(super) fn reader(&self, member: &Member) -> MemberReader {
        let compression = self.manifest.archive.compression;
        MemberReader::new(self.file.clone(), member, compression)
    }

    fn chunk_members(&self, lane: Lane) -> &[usize] {
        self.by_lane.get(&lane).map_or(&[], Vec::as_slice)
    }

    /// Chunk `index` (from 0) of a sidecar's stream.
    pub(super) fn tree_member(&self, id: TreeId, index: usize) -> Option<&Member> {
        let at = *self.chunk_members(Lane::Tree(id)).get(index)?;
        self.manifest.members.get(at)
    }
}

impl Member {
    /// Where its content begins in the file.
    pub(super) fn content_at(&self) -> u64 {
        self.offset + BLOCK
    }
}

#[async_trait]
impl Source for Archive {
    fn snapshot(&self) -> &Snapshot {
        &self.manifest.snapshot
    }

    async fn member(&self, name: &str) -> Result<Option<Vec<u8>>, SeamError> {
        let Some(member) = self.find(name) else {
            return Ok(None);
        };
        let mut reader = self.reader(member);
        let mut whole = Vec::new();
        while let Some(piece) = reader.next_piece()? {
            whole.extend_from_slice(&piece);
        }
        Ok(Some(whole))
    }

    fn chunks(&self, id: StreamId) -> Vec<ChunkFacts> {
        let members = self.chunk_members(Lane::Stream(id)).iter();
        let facts = members.filter_map(|index| self.manifest.members.get(*index));
        facts
            .map(|member| ChunkFacts {
                bytes: member.bytes,
            })
            .collect()
    }

    fn chunk(&self, id: StreamId, index: usize) -> Result<Box<dyn ChunkReader>, SeamError> {
        let member = self.chunk_members(Lane::Stream(id)).get(index);
        let member = member.and_then(|index| self.manifest.members.get(*index));
        match member {
            Some(member) => Ok(Box::new(self.reader(member))),
            None => Err(SeamError::Damaged {
                member: id.folder(),
                problem: format!("it has no chunk {}", index + 1),
            }),
        }
    }
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
