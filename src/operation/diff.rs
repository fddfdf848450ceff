//! Comparing two archives by what their manifests say.

use std::path::Path;

use super::OperationError;
use crate::archive::Archive;
use crate::snapshot::Source;
use crate::snapshot::diff::{Difference, compare};

/// What changed from archive `a` to archive `b`.
///
/// # Errors
/// [`OperationError::Archive`] if one is not a readable archive.
pub fn diff(a: &Path, b: &Path) -> Result<Difference, OperationError> {
    let a = Archive::open(a)?;
    let b = Archive::open(b)?;
    Ok(compare(a.snapshot(), b.snapshot()))
}
