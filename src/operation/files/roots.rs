//! The paths that were named: whether they are there, and what they are called in an archive.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::FilesError;

/// Bytes of a name, with room for a number behind it.
const LONGEST: usize = 200;

/// A path that travels along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::operation) struct Root {
    /// As it was given.
    pub given: PathBuf,
    /// Where it leads; the path itself may be a link.
    pub path: PathBuf,
    /// The one word that it is called in an archive.
    pub name: String,
}

/// Looks whether all paths are there, before anything is done.
///
/// # Errors
/// [`FilesError::Missing`], [`FilesError::Special`].
pub fn there(paths: &[PathBuf]) -> Result<(), FilesError> {
    roots(paths).map(|_| ())
}

/// The paths with their names; one that is named twice is taken once.
///
/// # Errors
/// As [`there`].
pub(in crate::operation) fn roots(paths: &[PathBuf]) -> Result<Vec<Root>, FilesError> {
    let mut roots: Vec<Root> = Vec::new();
    let mut names = HashSet::new();
    for given in paths {
        let missing = |source| FilesError::Missing {
            path: given.clone(),
            source,
        };
        let path = fs::canonicalize(given).map_err(missing)?;
        if roots.iter().any(|root| root.path == path) {
            continue;
        }
        let facts = fs::metadata(&path).map_err(missing)?;
        if !facts.is_file() && !facts.is_dir() {
            return Err(FilesError::Special {
                path: given.clone(),
            });
        }
        let plain = name_of(given, &path);
        let mut name = plain.clone();
        let mut number = 2;
        while !names.insert(name.clone()) {
            name = format!("{plain}-{number}");
            number += 1;
        }
        roots.push(Root {
            given: given.clone(),
            path,
            name,
        });
    }
    Ok(roots)
}

/// The path's last word, as it was given where it has one.
fn name_of(given: &Path, path: &Path) -> String {
    let word = given.file_name().or_else(|| path.file_name());
    let word = word.map_or_else(|| "root".into(), |word| word.to_string_lossy());
    let plain = |c: char| if c.is_control() { '_' } else { c };
    let mut name: String = word.chars().map(plain).collect();
    while name.len() > LONGEST {
        name.pop();
    }
    name
}
