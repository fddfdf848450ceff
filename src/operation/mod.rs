//! What bookend does with databases and archives, one command's work each: no printing, no
//! reading of command lines. Engines are reached through their contract only.

mod backup;
mod bundle;
mod copies;
mod diff;
mod doctor;
mod error;
mod place;
mod prove;
mod quiet;
mod restore;
pub mod rollback;
mod samples;
pub mod sandbox;
mod sides;
mod verify;
mod workspace;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

pub use crate::archive::{Archive, ArchiveError, Compression, Damage, Depth};
pub use crate::store::Verdict;
pub use backup::{BackupOutcome, BackupRequest, backup};
pub use bundle::{
    BundleCheck, BundleManifest, BundleMember, BundleOutcome, BundleRequest, BundledArchive,
    MissingPart, bundle, is_bundle, open_bundle, verify_bundle,
};
pub use copies::{Copies, copies, drop_copy};
pub use diff::{Aspect, diff, narrow};
pub use doctor::{Area, Diagnosis, Finding, doctor};
pub use error::OperationError;
pub use place::{Place, UNKNOWN_SPACE_LIMIT};
pub use prove::{Proof, discard, prove};
pub use quiet::{Quiet, quiet, read};
pub use restore::{RestoreOptions, RestoreOutcome, restore};
pub use samples::samples;
pub use sandbox::{Sandbox, SandboxOptions};
pub use sides::{Side, Subject, same_database};
pub use verify::{VerifyOutcome, open, verify};
pub use workspace::{Engines, Workspace};
