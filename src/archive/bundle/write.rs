//! Writing a bundle front to back: no seek, no second copy, a buffer of fixed size.

use std::fs::File;
use std::io::{self, BufWriter, Read as _, Write as _};

use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::manifest::{
    ABOUT, BundleAbout, BundleKind, BundleManifest, BundleMember, FORMAT, Missing,
};
use crate::archive::manifest::{MANIFEST, mtime};
use crate::archive::trailer::Trailer;
use crate::archive::ustar::{self, END};
use crate::archive::writer::Writeback;
use crate::archive::{ArchiveError, Digest};

/// Bytes that are copied at once.
const COPY: usize = 1 << 20;

/// A member about to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleEntry {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: BundleKind,
    /// Where it came from, where the name does not say.
    pub source: Option<String>,
}

impl BundleEntry {
    /// A member whose name says all.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: BundleKind) -> Self {
        Self {
            name: name.into(),
            kind,
            source: None,
        }
    }
}

/// Writes a bundle into a file.
pub struct BundleWriter {
    out: BufWriter<File>,
    writeback: Writeback,
    about: BundleAbout,
    at: u64,
    members: Vec<BundleMember>,
}

impl BundleWriter {
    /// Begins a bundle at the start of `file`, which must be empty.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn start(file: File, about: BundleAbout) -> Result<Self, ArchiveError> {
        let failed = |error| failed(ABOUT, error);
        let mut writer = Self {
            writeback: Writeback::start(&file).map_err(failed)?,
            out: BufWriter::with_capacity(COPY, file),
            about,
            at: 0,
            members: Vec::new(),
        };
        let json = serde_json::to_vec(&writer.about).map_err(|error| failed(error.into()))?;
        writer.bytes(BundleEntry::new(ABOUT, BundleKind::About), &json)?;
        Ok(writer)
    }

    /// The version of the format, for [`BundleAbout`].
    #[must_use]
    pub fn format() -> String {
        FORMAT.to_owned()
    }

    /// What was written so far.
    #[must_use]
    pub fn members(&self) -> &[BundleMember] {
        &self.members
    }

    /// Appends a member from memory.
    ///
    /// # Errors
    /// The file cannot be written, or the name has no place in a bundle.
    pub fn bytes(&mut self, entry: BundleEntry, data: &[u8]) -> Result<(), ArchiveError> {
        let name = entry.name.clone();
        let written = self
            .begin(&name, data.len() as u64)
            .and_then(|()| self.out.write_all(data));
        written.map_err(|error| failed(&name, error))?;
        self.end(entry, data.len() as u64, Digest::of(data))
    }

    /// Appends the first `size` bytes of a file. `advance` hears of bytes.
    ///
    /// # Errors
    /// The bundle cannot be written, the file not be read, or it is shorter; or `cancel` was
    /// cancelled.
    pub fn copy(
        &mut self,
        entry: BundleEntry,
        from: &File,
        size: u64,
        advance: &dyn Fn(u64),
        cancel: &CancellationToken,
    ) -> Result<(), ArchiveError> {
        let name = entry.name.clone();
        self.begin(&name, size)
            .map_err(|error| failed(&name, error))?;
        let mut state = Sha256::new();
        let mut buffer = vec![0; COPY];
        let mut from = from.take(size);
        let mut copied = 0;
        while copied < size {
            if cancel.is_cancelled() {
                return Err(ArchiveError::Cancelled);
            }
            let read = from.read(&mut buffer).map_err(|source| ArchiveError::Io {
                what: format!(
                    "{} could not be read",
                    entry.source.as_deref().unwrap_or(&name)
                ),
                source,
            })?;
            if read == 0 {
                return Err(ArchiveError::Incomplete {
                    problem: format!("{name} became shorter while it was read"),
                });
            }
            state.update(&buffer[..read]);
            let written = self.out.write_all(&buffer[..read]);
            written.map_err(|error| failed(&name, error))?;
            self.writeback.wrote(read as u64);
            copied += read as u64;
            advance(read as u64);
        }
        self.end(entry, size, Digest::from(state))
    }

    /// Writes the manifest, ends the tar and syncs the file. Gives the manifest and the file's
    /// bytes.
    ///
    /// # Errors
    /// The file cannot be written; it must then not be published.
    pub fn finish(
        mut self,
        state: String,
        missing: Vec<Missing>,
    ) -> Result<(BundleManifest, u64), ArchiveError> {
        let failed = |error| failed(MANIFEST, error);
        let manifest = BundleManifest {
            format: self.about.format.clone(),
            run: self.about.run.clone(),
            state,
            created_at: self.about.created_at,
            bookend: env!("CARGO_PKG_VERSION").to_owned(),
            members: std::mem::take(&mut self.members),
            missing,
        };
        let json = serde_json::to_vec(&manifest).map_err(|error| failed(error.into()))?;
        let sealed = Trailer::seal(json, self.at);
        self.begin(MANIFEST, sealed.len() as u64)
            .and_then(|()| self.out.write_all(&sealed))
            .and_then(|()| self.out.write_all(&[0; 1024]))
            .and_then(|()| self.out.flush())
            .map_err(failed)?;
        self.writeback.finish().map_err(failed)?;
        self.out.get_ref().sync_all().map_err(failed)?;
        // The sealed manifest ends on a block.
        let bytes = self.at + ustar::span(sealed.len() as u64) + END;
        Ok((manifest, bytes))
    }

    fn begin(&mut self, name: &str, size: u64) -> io::Result<()> {
        let time = mtime(self.about.created_at);
        let header = ustar::bundle_header(name, size, time).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "the name or the size has no place in a tar",
            )
        })?;
        self.out.write_all(&header)
    }

    fn end(&mut self, entry: BundleEntry, bytes: u64, sha256: Digest) -> Result<(), ArchiveError> {
        let padding = usize::try_from(ustar::padding(bytes)).unwrap_or(0);
        let padded = self.out.write_all(&[0; 512][..padding]);
        padded.map_err(|error| failed(&entry.name, error))?;
        self.members.push(BundleMember {
            name: entry.name,
            kind: entry.kind,
            bytes,
            sha256,
            offset: self.at,
            source: entry.source,
        });
        self.at += ustar::span(bytes);
        Ok(())
    }
}

fn failed(member: &str, source: io::Error) -> ArchiveError {
    ArchiveError::Io {
        what: format!("{member} could not be written to the bundle"),
        source,
    }
}
