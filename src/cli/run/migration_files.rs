//! `--migration-files`.

use std::path::PathBuf;

use super::super::Failure;

/// The files as absolute paths. What is not there is found now, not after the migration.
///
/// # Errors
/// One that is not there (exit 2).
pub(super) fn absolute(named: &[PathBuf]) -> Result<Vec<String>, Failure> {
    let place = |path: &PathBuf| -> Result<String, Failure> {
        let absolute = path
            .symlink_metadata()
            .and_then(|_| std::path::absolute(path));
        let absolute = absolute.map_err(|error| {
            let message = format!("--migration-files: {} is not there", path.display());
            Failure::usage(message).because([error.to_string()])
        })?;
        Ok(absolute.display().to_string())
    };
    named.iter().map(place).collect()
}
