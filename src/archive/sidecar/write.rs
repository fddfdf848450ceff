//! Writing a sidecar's two streams into an archive, from a thread that may block.

use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;

use super::super::digest::Digest;
use super::entry::{Entry, EntryKind, Line};
use super::{Sidecar, encode};
use crate::snapshot::{SeamError, StreamWriter};

/// One stream on its way into the archive.
struct Channel {
    writer: Box<dyn StreamWriter>,
    sha256: Sha256,
    bytes: u64,
}

impl Channel {
    fn new(writer: Box<dyn StreamWriter>) -> Self {
        Self {
            writer,
            sha256: Sha256::new(),
            bytes: 0,
        }
    }

    fn push(&mut self, bytes: &[u8], handle: &Handle) -> Result<(), SeamError> {
        self.sha256.update(bytes);
        self.bytes += bytes.len() as u64;
        if self.writer.push(bytes)? {
            handle.block_on(self.writer.drain())?;
        }
        Ok(())
    }

    fn finish(self, handle: &Handle) -> Result<(u64, Digest), SeamError> {
        handle.block_on(self.writer.finish())?;
        Ok((self.bytes, Digest::from(self.sha256)))
    }
}

/// Writes a sidecar. Entries come in their order; a file's content follows it, as long as it
/// says. One that is dropped without [`TreeWriter::finish`] keeps the archive from being finished.
pub struct TreeWriter {
    handle: Handle,
    tar: Channel,
    listing: Channel,
    sidecar: Sidecar,
    open: Option<(Entry, Sha256)>,
}

impl TreeWriter {
    /// Over two writers of an archive.
    pub(in super::super) fn new(
        handle: Handle,
        (tar, listing): (Box<dyn StreamWriter>, Box<dyn StreamWriter>),
        (path, name): (&str, &str),
    ) -> Self {
        Self {
            handle,
            tar: Channel::new(tar),
            listing: Channel::new(listing),
            sidecar: Sidecar {
                path: path.to_owned(),
                name: name.to_owned(),
                files: 0,
                folders: 0,
                links: 0,
                bytes: 0,
                changed: 0,
                left_out: 0,
                tar_bytes: 0,
                tar_sha256: Digest::of(b""),
                listing_bytes: 0,
                listing_sha256: Digest::of(b""),
            },
            open: None,
        }
    }

    /// Begins an entry.
    ///
    /// # Errors
    /// The archive cannot be written.
    pub fn begin(&mut self, entry: Entry) -> Result<(), SeamError> {
        self.tar.push(&encode::blocks(&entry), &self.handle)?;
        match &entry.kind {
            EntryKind::File(bytes) => {
                self.sidecar.files += 1;
                self.sidecar.bytes += bytes;
            }
            EntryKind::Folder => self.sidecar.folders += 1,
            EntryKind::Link(_) => self.sidecar.links += 1,
        }
        self.open = Some((entry, Sha256::new()));
        Ok(())
    }

    /// Appends to the content of the file that was begun.
    ///
    /// # Errors
    /// The archive cannot be written.
    pub fn content(&mut self, bytes: &[u8]) -> Result<(), SeamError> {
        if let Some((_, sha256)) = &mut self.open {
            sha256.update(bytes);
        }
        self.tar.push(bytes, &self.handle)
    }

    /// Ends the entry that was begun.
    ///
    /// # Errors
    /// The archive cannot be written.
    pub fn end(&mut self) -> Result<(), SeamError> {
        let Some((entry, sha256)) = self.open.take() else {
            return Ok(());
        };
        let content = match entry.kind {
            EntryKind::File(bytes) => {
                self.tar.push(encode::padding(bytes), &self.handle)?;
                Some(Digest::from(sha256))
            }
            EntryKind::Folder | EntryKind::Link(_) => None,
        };
        let line = line(&entry, content)?;
        self.listing.push(&line, &self.handle)
    }

    /// A file was written to while it was read.
    pub fn count_changed(&mut self) {
        self.sidecar.changed += 1;
    }

    /// Something stays out.
    pub fn count_left_out(&mut self) {
        self.sidecar.left_out += 1;
    }

    /// Ends the tar; what it came to.
    ///
    /// # Errors
    /// The archive cannot be written.
    pub fn finish(mut self) -> Result<Sidecar, SeamError> {
        self.tar.push(&encode::END, &self.handle)?;
        let (tar_bytes, tar_sha256) = self.tar.finish(&self.handle)?;
        let (listing_bytes, listing_sha256) = self.listing.finish(&self.handle)?;
        Ok(Sidecar {
            tar_bytes,
            tar_sha256,
            listing_bytes,
            listing_sha256,
            ..self.sidecar
        })
    }
}

/// An entry's line in the listing.
pub(super) fn line(entry: &Entry, content: Option<Digest>) -> Result<Vec<u8>, SeamError> {
    let line = serde_json::to_vec(&Line::of(entry, content));
    let mut line = line.map_err(|error| SeamError::Io {
        what: format!("the listing of {} cannot be written", entry.shown()),
        source: error.into(),
    })?;
    line.push(b'\n');
    Ok(line)
}
