//! The archive stream of `mongodump --archive`, format `0.1`: read while it streams by
//! ([`StreamParser`]), and written so that `mongorestore --archive` reads it ([`prelude`],
//! [`NamespaceWriter`]).
//!
//! Source of the format: `common/archive/{archive,prelude,parser,multiplexer}.go` of
//! mongo-tools. A magic number; a header document; one document for each namespace with its
//! options and indexes; a terminator. Then blocks, those of different namespaces in any
//! order: a document that names the namespace, its documents, a terminator. The last block
//! of a namespace has no documents and carries the checksum of all its documents' bytes. The
//! stream has no end of its own: it is whole when every namespace has had its last block.
//!
//! A whole stream is not yet a whole dump: `mongodump` writes valid last blocks when it is
//! ended or loses its server. Only its exit status and counts from the server tell.

mod parser;
#[cfg(test)]
mod tests;
mod writer;

pub use parser::StreamParser;
pub use writer::{NamespaceWriter, prelude};

/// The first four bytes, `0x8199e26d` in little-endian order.
pub const MAGIC: [u8; 4] = [0x6d, 0xe2, 0x99, 0x81];

/// Stands where a document could: the length -1.
pub const TERMINATOR: [u8; 4] = [0xff; 4];

/// The one version of the format that there is.
pub const VERSION: &str = "0.1";

/// The longest document: the server's own limit for users' documents and 16 KiB for what it
/// adds itself (`BSONObjMaxInternalSize`).
pub const LONGEST_DOCUMENT: usize = (16 << 20) + (16 << 10);

/// The shortest document: a length and a final zero.
pub const SHORTEST_DOCUMENT: usize = 5;

/// What the stream says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// How many collections were dumped at once; `mongorestore` reads as many at once.
    pub concurrent_collections: i32,
    /// Version of the server that was dumped.
    pub server_version: String,
    /// Version of the tool that wrote the stream.
    pub tool_version: String,
}

/// One namespace of the prelude. Its place there is its number in all that follows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectionEntry {
    /// The database.
    pub db: String,
    /// The collection; for a time series the name that people use.
    pub collection: String,
    /// Options and indexes as canonical Extended JSON v2, the keys of nested options in no
    /// order; empty for users and roles.
    pub metadata: String,
    /// Always 0 in this version.
    pub size: i32,
    /// `collection`, `view`, `timeseries`, or empty for users and roles.
    pub kind: String,
}

impl CollectionEntry {
    /// What the collection is called in the blocks.
    #[must_use]
    pub fn body_name(&self) -> String {
        if self.kind == "timeseries" {
            format!("system.buckets.{}", self.collection)
        } else {
            self.collection.clone()
        }
    }

    /// True for the users, roles and their version that `--dumpDbUsersAndRoles` adds.
    #[must_use]
    pub fn is_users_or_roles(&self) -> bool {
        self.collection.starts_with("$admin.system.")
    }
}

/// Told what a stream holds, in its order. An error ends the parsing with that problem.
pub trait Events {
    /// The header, once, first.
    ///
    /// # Errors
    /// What keeps the caller from going on.
    fn header(&mut self, header: &Header) -> Result<(), String> {
        let _ = header;
        Ok(())
    }

    /// One namespace of the prelude; `number` counts from 0.
    ///
    /// # Errors
    /// What keeps the caller from going on.
    fn collection(&mut self, number: usize, entry: CollectionEntry) -> Result<(), String>;

    /// The prelude has ended: no namespace comes after this.
    ///
    /// # Errors
    /// What keeps the caller from going on.
    fn prelude_ended(&mut self) -> Result<(), String> {
        Ok(())
    }

    /// One document of namespace `number`, its raw BSON: the length is right and the last
    /// byte is zero, nothing else is checked.
    ///
    /// # Errors
    /// What is wrong with the document.
    fn document(&mut self, number: usize, document: &[u8]) -> Result<(), String>;

    /// The checksum of namespace `number` is not that of its documents: true to go on as if it
    /// were, false to end the parsing.
    fn wrong_checksum(&mut self, number: usize) -> bool {
        let _ = number;
        false
    }

    /// Namespace `number` has ended, its checksum is right.
    ///
    /// # Errors
    /// What keeps the caller from going on.
    fn ended(&mut self, number: usize, documents: u64) -> Result<(), String> {
        let _ = (number, documents);
        Ok(())
    }
}

/// How much of a namespace was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceSummary {
    /// The database.
    pub db: String,
    /// Its name in the blocks, see [`CollectionEntry::body_name`].
    pub collection: String,
    /// Documents.
    pub documents: u64,
    /// Bytes of the documents.
    pub bytes: u64,
}

/// Why a stream cannot be understood. Positions are bytes from the stream's beginning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// It does not begin with the magic number.
    #[error("this is not an archive of mongodump: it begins with {found}")]
    NotAnArchive {
        /// The first bytes in hexadecimal digits.
        found: String,
    },
    /// Another version of the format.
    #[error("the archive has format {version}, and bookend reads {VERSION}")]
    Version {
        /// What the header says.
        version: String,
    },
    /// Something that cannot be there.
    #[error("the archive of mongodump is garbled at byte {at}: {problem}")]
    Garbled {
        /// Where.
        at: u64,
        /// What is wrong.
        problem: String,
    },
    /// The documents of a namespace are not those that were written.
    #[error("the checksum of {namespace} is wrong")]
    Checksum {
        /// `db.collection`.
        namespace: String,
    },
    /// The stream ends too early.
    #[error("the archive of mongodump is cut at byte {at}: {problem}")]
    Cut {
        /// Where.
        at: u64,
        /// What is missing.
        problem: String,
    },
}
