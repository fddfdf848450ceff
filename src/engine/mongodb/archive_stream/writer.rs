//! Writing the stream, for documents that `mongodump` did not read.

use bson::{RawDocumentBuf, cstr};
use crc64fast::Digest;

use super::{CollectionEntry, Header, MAGIC, TERMINATOR, VERSION};

/// The beginning of a stream: everything before the first block.
#[must_use]
pub fn prelude(header: &Header, entries: &[CollectionEntry]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    let mut fields = RawDocumentBuf::new();
    fields.append(
        cstr!("concurrent_collections"),
        header.concurrent_collections,
    );
    fields.append(cstr!("version"), VERSION);
    fields.append(cstr!("server_version"), header.server_version.as_str());
    fields.append(cstr!("tool_version"), header.tool_version.as_str());
    out.extend_from_slice(fields.as_bytes());
    for entry in entries {
        let mut fields = RawDocumentBuf::new();
        fields.append(cstr!("db"), entry.db.as_str());
        fields.append(cstr!("collection"), entry.collection.as_str());
        fields.append(cstr!("metadata"), entry.metadata.as_str());
        fields.append(cstr!("size"), entry.size);
        fields.append(cstr!("type"), entry.kind.as_str());
        out.extend_from_slice(fields.as_bytes());
    }
    out.extend_from_slice(&TERMINATOR);
    out
}

/// Writes the blocks of one namespace. Several work side by side: what each appends between
/// [`NamespaceWriter::open`] and [`NamespaceWriter::close`] must stay together in the stream,
/// and the blocks of one namespace in their order. Each entry of the prelude needs one, views
/// too, and every one must be ended.
///
/// Never more namespaces may be open, between their first block and their last, than
/// [`Header::concurrent_collections`] says: `mongorestore` restores as many at once, and with
/// one more in the stream it waits for ever (seen with 100.7.0).
pub struct NamespaceWriter {
    db: String,
    collection: String,
    checksum: Digest,
}

impl NamespaceWriter {
    /// For an entry of the prelude.
    #[must_use]
    pub fn new(entry: &CollectionEntry) -> Self {
        Self {
            db: entry.db.clone(),
            collection: entry.body_name(),
            checksum: Digest::new(),
        }
    }

    /// Begins a block.
    pub fn open(&self, out: &mut Vec<u8>) {
        self.header(out, false, 0);
    }

    /// Appends whole documents, one after the other, to the open block.
    pub fn documents(&mut self, documents: &[u8], out: &mut Vec<u8>) {
        self.checksum.write(documents);
        out.extend_from_slice(documents);
    }

    /// Counts whole documents into the checksum which the caller puts into the stream
    /// itself, after an [`open`](Self::open) and before a [`close`](Self::close).
    pub fn passed_by(&mut self, documents: &[u8]) {
        self.checksum.write(documents);
    }

    /// Ends a block.
    pub fn close(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&TERMINATOR);
    }

    /// A whole block: [`open`](Self::open), the documents, [`close`](Self::close).
    pub fn block(&mut self, documents: &[u8], out: &mut Vec<u8>) {
        self.open(out);
        self.documents(documents, out);
        self.close(out);
    }

    /// The last block, with the checksum.
    pub fn end(self, out: &mut Vec<u8>) {
        self.header(out, true, self.checksum.sum64());
        self.close(out);
    }

    fn header(&self, out: &mut Vec<u8>, last: bool, checksum: u64) {
        let mut fields = RawDocumentBuf::new();
        fields.append(cstr!("db"), self.db.as_str());
        fields.append(cstr!("collection"), self.collection.as_str());
        fields.append(cstr!("EOF"), last);
        fields.append(cstr!("CRC"), checksum.cast_signed());
        out.extend_from_slice(fields.as_bytes());
    }
}

impl std::fmt::Debug for NamespaceWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NamespaceWriter")
            .field("db", &self.db)
            .field("collection", &self.collection)
            .finish_non_exhaustive()
    }
}
