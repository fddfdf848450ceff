//! A bundle: everything about one run in one tar, with its manifest last as in an archive.
//!
//! The members are stored as they are, so that `tar` alone gets at everything; archives are
//! whole files inside.

mod manifest;
mod read;
mod verify;
mod write;

pub use manifest::{BundleAbout, BundleKind, BundleManifest, BundleMember, Missing};
pub(super) use read::begins_as_bundle;
pub use read::{Bundle, is_bundle, is_called_bundle};
pub use verify::{BundleVerified, verify_bundle};
pub use write::{BundleEntry, BundleWriter};
