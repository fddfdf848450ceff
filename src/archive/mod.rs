//! The archive format: one tar, append-only, manifest last; see docs/format.md.
//!
//! [`ArchiveSink`] writes one, [`Archive`] reads one, [`verify`] holds one against its own
//! manifest without a server, and [`salvage`] says what is left of a damaged one.

mod bundle;
mod compression;
mod digest;
mod error;
mod manifest;
mod reader;
mod region;
mod salvage;
mod sidecar;
mod trailer;
mod ustar;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

pub use bundle::{
    Bundle, BundleAbout, BundleEntry, BundleKind, BundleManifest, BundleMember, BundleVerified,
    BundleWriter, Missing, is_bundle, is_called_bundle, verify_bundle,
};
pub use compression::{BadCompression, Compression};
pub use digest::Digest;
pub use error::ArchiveError;
pub use manifest::{FORMAT, Head, Manifest, Member};
pub use reader::Archive;
pub use salvage::{Salvage, salvage};
pub use sidecar::{
    Entry, EntryKind, Moment, Sidecar, SidecarChange, TreeReader, TreeWriter, compare_sidecars,
};
pub use ustar::is_safe_path;
pub use verify::{Damage, Depth, Verified, verify};
pub use writer::{ArchiveSink, ArchiveSummary, ManifestExtra, WriteOptions};
