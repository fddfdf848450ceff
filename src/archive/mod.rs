//! The archive format: one tar, append-only, manifest last; see docs/format.md.
//!
//! [`ArchiveSink`] writes one, [`Archive`] reads one, [`verify`] holds one against its own
//! manifest without a server, and [`salvage`] says what is left of a damaged one.

mod compression;
mod digest;
mod error;
mod manifest;
mod reader;
mod salvage;
mod trailer;
mod ustar;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

pub use compression::{BadCompression, Compression};
pub use digest::Digest;
pub use error::ArchiveError;
pub use manifest::{FORMAT, Head, Manifest, Member};
pub use reader::Archive;
pub use salvage::{Salvage, salvage};
pub use verify::{Damage, Verified, verify};
pub use writer::{ArchiveSink, ArchiveSummary, ManifestExtra, WriteOptions};
