//! Holding an archive against its own manifest, without a server.

mod content;

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use tokio_util::sync::CancellationToken;

use super::error::ArchiveError;
use super::manifest::{Member, mtime};
use super::reader::{Archive, check_header};
use super::sidecar;
use super::ustar;
use crate::snapshot::{ChunkReader as _, SeamError, StreamKind};
use content::Contents;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Members that were read, the manifest among them.
    pub members: u64,
    /// Rows that were counted.
    pub rows: u64,
    /// Bytes before compression that were read.
    pub bytes: u64,
    /// Empty means that the archive is as it was written.
    pub damages: Vec<Damage>,
}

/// One thing that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The archive member.
    pub member: String,
    /// The table or collection whose data it holds.
    pub object: Option<String>,
    /// What is wrong with it.
    pub problem: String,
}

/// How much of an archive is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Every header and padding byte, every digest: enough where a restore decodes the data
    /// anyway, and its copy is compared.
    Digests,
    /// Also every frame and every row.
    Rows,
}

/// Reads all of an archive on `jobs` threads: every header and padding byte, every digest and,
/// if asked, every frame and every row. Blocks. `advance` hears of uncompressed bytes and rows.
///
/// # Errors
/// The file cannot be read, or `cancel` was cancelled. Damage is no error but a finding.
pub fn verify(
    archive: &Archive,
    depth: Depth,
    jobs: usize,
    advance: &(dyn Fn(u64, u64) + Sync),
    cancel: &CancellationToken,
) -> Result<Verified, ArchiveError> {
    let walk = Walk {
        archive,
        depth,
        advance,
        cancel,
        contents: Contents::expected(archive.manifest()),
        next: AtomicUsize::new(0),
        bytes: AtomicU64::new(0),
        damages: Mutex::default(),
    };
    let outcomes: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs.max(1))
            .map(|_| scope.spawn(|| walk.work()))
            .collect();
        workers
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect()
    });
    for outcome in outcomes {
        match outcome {
            Ok(result) => result?,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    // What was not read any more would look damaged.
    if cancel.is_cancelled() {
        return Err(ArchiveError::Cancelled);
    }
    let sidecars = match depth {
        Depth::Digests => Vec::new(),
        Depth::Rows => walk.sidecars()?,
    };
    if cancel.is_cancelled() {
        return Err(ArchiveError::Cancelled);
    }
    Ok(walk.verdict(sidecars))
}

struct Walk<'a> {
    archive: &'a Archive,
    depth: Depth,
    advance: &'a (dyn Fn(u64, u64) + Sync),
    cancel: &'a CancellationToken,
    contents: Contents<'a>,
    next: AtomicUsize,
    bytes: AtomicU64,
    damages: Mutex<Vec<(u64, Damage)>>,
}

impl Walk<'_> {
    fn work(&self) -> Result<(), ArchiveError> {
        let members = &self.archive.manifest().members;
        while let Some(member) = members.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            if self.cancel.is_cancelled() {
                return Err(ArchiveError::Cancelled);
            }
            self.check_frame(member)?;
            match self.read(member) {
                Ok(()) => {}
                Err(SeamError::Damaged { problem, .. }) => {
                    self.contents.spoil(member);
                    self.report(member, problem);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The tar's own bytes around a member.
    fn check_frame(&self, member: &Member) -> Result<(), ArchiveError> {
        let created = mtime(self.archive.manifest().archive.created_at);
        let mut header = [0; 512];
        self.bytes_at(&mut header, member.offset, member)?;
        if let Some(problem) = check_header(&header, &member.name, member.stored, created) {
            self.report(member, problem);
        }
        let mut block = [0; 512];
        let length = usize::try_from(ustar::padding(member.stored)).unwrap_or(0);
        let padding = &mut block[..length];
        self.bytes_at(padding, member.content_at() + member.stored, member)?;
        if padding.iter().any(|byte| *byte != 0) {
            self.report(member, "the padding behind it is not empty".to_owned());
        }
        Ok(())
    }

    fn bytes_at(&self, into: &mut [u8], at: u64, member: &Member) -> Result<(), ArchiveError> {
        let read = self.archive.read_at(into, at);
        read.map_err(|source| ArchiveError::Io {
            what: format!("{} could not be read from the archive", member.name),
            source,
        })
    }

    fn read(&self, member: &Member) -> Result<(), SeamError> {
        let mut reader = self.archive.reader(member);
        if self.depth == Depth::Digests || member.tree.is_some() {
            // The digest is checked before the first piece is given out. Sidecars are decoded
            // whole afterwards, chunk behind chunk.
            reader.next_piece()?;
            if self.depth == Depth::Digests {
                self.bytes.fetch_add(member.raw_bytes(), Ordering::Relaxed);
                (self.advance)(member.raw_bytes(), member.rows.unwrap_or(0));
            }
            return Ok(());
        }
        let mut hasher = self.contents.hasher(member);
        let damaged = |problem: String| SeamError::Damaged {
            member: member.name.clone(),
            problem,
        };
        let mut rows = 0;
        while let Some(piece) = reader.next_piece()? {
            let before = rows;
            if let Some(hasher) = &mut hasher {
                let outcome = hasher.rows(&piece);
                outcome.map_err(|error| damaged(error.to_string()))?;
                rows = hasher.count();
            }
            let bytes = piece.len() as u64;
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
            (self.advance)(bytes, rows - before);
            if self.cancel.is_cancelled() {
                return Ok(());
            }
        }
        let Some(hasher) = hasher else { return Ok(()) };
        let sums = hasher
            .finish()
            .map_err(|error| damaged(error.to_string()))?;
        if member.rows.is_some_and(|rows| rows != sums.rows) {
            let claimed = member.rows.unwrap_or_default();
            return Err(damaged(format!(
                "it holds {} rows instead of {claimed}",
                sums.rows
            )));
        }
        self.contents.add(member, &sums);
        Ok(())
    }

    fn report(&self, member: &Member, problem: String) {
        let damage = Damage {
            member: member.name.clone(),
            object: self.contents.object(member),
            problem,
        };
        let mut damages = self.damages.lock().unwrap_or_else(PoisonError::into_inner);
        damages.push((member.offset, damage));
    }

    /// What is wrong with sidecars whose members are as they were written.
    fn sidecars(&self) -> Result<Vec<Damage>, ArchiveError> {
        let mut spoiled = HashSet::new();
        {
            let damages = self.damages.lock().unwrap_or_else(PoisonError::into_inner);
            let hit: HashSet<&str> = damages.iter().map(|(_, one)| one.member.as_str()).collect();
            for member in &self.archive.manifest().members {
                if let Some(chunk) = member.tree
                    && hit.contains(member.name.as_str())
                {
                    spoiled.insert(chunk.id);
                }
            }
        }
        let advance = |bytes: u64| {
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
            (self.advance)(bytes, 0);
            !self.cancel.is_cancelled()
        };
        let flaws = sidecar::check(self.archive, &spoiled, &advance)?;
        let damage = |flaw: sidecar::TreeFlaw| Damage {
            member: flaw.member,
            object: Some(flaw.label),
            problem: flaw.problem,
        };
        Ok(flaws.into_iter().map(damage).collect())
    }

    fn verdict(self, sidecars: Vec<Damage>) -> Verified {
        let damages = self.damages.into_inner();
        let mut damages = damages.unwrap_or_else(PoisonError::into_inner);
        damages.sort_by_key(|(offset, _)| *offset);
        let mut damages: Vec<_> = damages.into_iter().map(|(_, damage)| damage).collect();
        let rows = match self.depth {
            Depth::Digests => self.archive.manifest().archive.rows,
            Depth::Rows => {
                let (rows, differing) = self.contents.compare();
                damages.extend(differing);
                damages.extend(sidecars);
                rows
            }
        };
        Verified {
            members: self.archive.manifest().members.len() as u64 + 1,
            rows,
            bytes: self.bytes.into_inner(),
            damages,
        }
    }
}

/// Whether a stream's bytes are rows.
fn holds_rows(kind: StreamKind) -> bool {
    kind == StreamKind::CopyText
}
