//! What bookend does with databases and archives, one command's work each: no printing, no
//! reading of command lines. Engines are reached through their contract only.

mod backup;
mod bundle;
mod copies;
mod diff;
mod difference;
mod doctor;
mod error;
mod files;
mod look;
mod place;
mod prove;
mod quiet;
mod restore;
pub mod rollback;
mod samples;
pub mod sandbox;
mod sides;
mod stage;
mod templates;
mod verify;
mod workspace;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

pub use crate::archive::{
    Archive, ArchiveError, Compression, Damage, Depth, Sidecar, SidecarChange,
};
pub use crate::store::Verdict;
pub use backup::{BackupOutcome, BackupRequest, backup};
pub use bundle::{
    BundleCheck, BundleManifest, BundleMember, BundleOutcome, BundleRequest, BundledArchive,
    MissingPart, bundle, is_bundle, open_bundle, verify_bundle,
};
pub use copies::{Copies, Swept, copies, drop_copy, drop_expired};
pub use diff::{Aspect, narrow};
pub use difference::difference;
pub use doctor::{Area, Diagnosis, Finding, doctor};
pub use error::OperationError;
pub use files::{FilesError, FilesRestored, diff_files, folder_for, restore_files, there};
pub use place::{Place, UNKNOWN_SPACE_LIMIT};
pub use prove::{Proof, discard, prove};
pub use quiet::{Quiet, SecondLook, quiet, read};
pub use restore::{RestoreOptions, RestoreOutcome, restore};
pub use samples::{Asked, samples};
pub use sandbox::{Sandbox, SandboxOptions};
pub use sides::{Side, Subject, same_database};
pub use stage::{StageOutcome, StageRequest, stage};
pub use templates::{
    Candidate, Cloned, Sought, can_keep_templates, clone_template, drop_template, keep_template,
};
pub use verify::{VerifyOutcome, open, verify};
pub use workspace::{Engines, Workspace};
