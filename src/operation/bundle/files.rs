//! Which files go into a bundle: folders are walked, links are not followed.

use std::fs::{self, File, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::archive::Missing;

/// One of the migration's own files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationFile {
    /// Where it lies.
    pub path: PathBuf,
    /// What it is called in the bundle: the path from the folder that was named.
    pub name: String,
    /// Its bytes when it was looked at.
    pub bytes: u64,
    /// True if it changed after the run began.
    pub changed: bool,
    identity: (u64, u64),
}

impl MigrationFile {
    /// Opens it, if it is still the file that was looked at.
    pub fn open(&self) -> Result<File, String> {
        let opened = File::open(&self.path).map_err(|error| error.to_string())?;
        let about = opened.metadata().map_err(|error| error.to_string())?;
        if !about.is_file() || identity(&about) != self.identity {
            return Err("it was replaced while it was looked at".to_owned());
        }
        Ok(opened)
    }
}

fn identity(about: &Metadata) -> (u64, u64) {
    (about.dev(), about.ino())
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    /// Files, in the order of their names.
    pub files: Vec<MigrationFile>,
    /// What does not come along, and why.
    pub left_out: Vec<Missing>,
}

/// Walks the named files and folders.
pub fn walk(named: &[PathBuf], began: Option<DateTime<Utc>>) -> Walk {
    let mut walk = Walk::default();
    for path in named {
        let name = path.file_name().map_or_else(
            // `.` and `..` have no name of their own.
            || "files".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        );
        walk.entry(path, &name, began);
    }
    for file in walk.files.iter().filter(|file| file.changed) {
        walk.left_out.push(Missing {
            what: format!("{} as the run found it", file.path.display()),
            why: "it was changed after the run began; the bundle has it as it is now".to_owned(),
        });
    }
    walk
}

impl Walk {
    fn leave_out(&mut self, path: &Path, why: impl Into<String>) {
        self.left_out.push(Missing {
            what: path.display().to_string(),
            why: why.into(),
        });
    }

    fn entry(&mut self, path: &Path, name: &str, began: Option<DateTime<Utc>>) {
        let about = match fs::symlink_metadata(path) {
            Ok(about) => about,
            Err(error) => return self.leave_out(path, error.to_string()),
        };
        let kind = about.file_type();
        if kind.is_symlink() {
            self.leave_out(path, "it is a link, and links are not followed");
        } else if kind.is_dir() {
            self.folder(path, name, began);
        } else if kind.is_file() {
            let changed = began.is_some_and(|began| about.mtime() > began.timestamp());
            self.files.push(MigrationFile {
                path: path.to_owned(),
                name: name.to_owned(),
                bytes: about.len(),
                changed,
                identity: identity(&about),
            });
        } else {
            self.leave_out(path, "it is neither a file nor a folder");
        }
    }

    fn folder(&mut self, folder: &Path, name: &str, began: Option<DateTime<Utc>>) {
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => return self.leave_out(folder, error.to_string()),
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let own = entry.file_name().to_string_lossy().into_owned();
            let path = entry.path();
            if own.starts_with('.') {
                // `.git`, `.env`: secrets and histories; who wants one names it.
                self.leave_out(
                    &path,
                    "hidden files of a folder stay out; name it to have it",
                );
            } else {
                self.entry(&path, &format!("{name}/{own}"), began);
            }
        }
    }
}

/// The logs of a run's folder.
pub fn logs(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut logs: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "log") && path.is_file())
        .collect();
    logs.sort();
    logs
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn folders_are_walked_and_what_stays_out_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("migrations");
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(root.join("0001.sql"), "a").unwrap();
        fs::write(root.join("sub/0002.sql"), "b").unwrap();
        fs::write(root.join(".env"), "SECRET=1").unwrap();
        symlink("/etc", root.join("etc")).unwrap();
        symlink(&root, folder.path().join("link")).unwrap();
        let named = [
            root.clone(),
            folder.path().join("link"),
            folder.path().join("none"),
            root.join(".env"),
        ];
        let walk = walk(&named, None);
        let names: Vec<&str> = walk.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(
            names,
            ["migrations/0001.sql", "migrations/sub/0002.sql", ".env"]
        );
        let why: Vec<&str> = walk.left_out.iter().map(|one| one.why.as_str()).collect();
        assert_eq!(why.len(), 4);
        assert!(why[0].contains("hidden") && why[1].contains("link") && why[2].contains("link"));
    }

    #[test]
    fn a_file_that_changed_since_the_run_began_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("up.sql");
        fs::write(&path, "a").unwrap();
        let began = DateTime::from_timestamp(1_000_000_000, 0);
        let walk = walk(&[path], began);
        assert!(walk.files[0].changed);
        assert!(walk.left_out[0].why.contains("changed after the run began"));
    }

    #[test]
    fn a_file_that_was_replaced_is_not_taken_for_the_one_that_was_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("up.sql");
        fs::write(&path, "a").unwrap();
        let found = walk(std::slice::from_ref(&path), None);
        fs::write(folder.path().join("other"), "b").unwrap();
        fs::rename(folder.path().join("other"), &path).unwrap();
        assert!(found.files[0].open().is_err());
    }
}
