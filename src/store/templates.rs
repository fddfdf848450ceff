//! The record of templates: what was proven of each, `templates/NAME.json`. Written before a
//! copy is closed, so that no template is used that nothing here vouches for.

use std::fs;
use std::io;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, files};
use crate::archive::Digest;
use crate::snapshot::{Anchor, Snapshot};

/// A template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredTemplate {
    /// Its name on the server.
    pub name: String,
    /// What the server calls it whatever its name.
    pub identity: String,
    /// Its server: a URL without a password.
    pub server: String,
    /// The server's identity, where readable.
    pub server_identity: Option<String>,
    /// The archive that it was restored from.
    pub archive: String,
    /// The digest of that archive's manifest.
    pub manifest_sha256: Digest,
    /// When the two were found to be identical.
    pub proven_at: DateTime<Utc>,
    /// File name of the receipt that says so.
    pub receipt: String,
    /// Its facts as they were read then.
    pub found: Box<Snapshot>,
    /// Where those facts stand in the server's record of writes: a clone has the same rows under
    /// the same numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
}

impl Store {
    /// Records a template; on the disk when this returns.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn record_template(&self, template: &StoredTemplate) -> Result<(), StoreError> {
        let path = self.template_path(&template.name)?;
        files::make_folder(&self.templates_folder())?;
        let json = serde_json::to_vec(template).map_err(|error| StoreError::Io {
            what: format!("{} could not be written", path.display()),
            source: error.into(),
        })?;
        self.write_whole(&path, &json)
    }

    /// The templates of an archive. One whose record cannot be understood is none: a copy is
    /// restored then.
    ///
    /// # Errors
    /// The records cannot be listed.
    pub fn templates(
        &self,
        archive: &str,
        manifest: Digest,
    ) -> Result<Vec<StoredTemplate>, StoreError> {
        let folder = self.templates_folder();
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => {
                let what = format!("{} could not be read", folder.display());
                return Err(StoreError::Io { what, source });
            }
        };
        let mut found: Vec<StoredTemplate> = entries
            .filter_map(|entry| fs::read(entry.ok()?.path()).ok())
            .filter_map(|json| serde_json::from_slice(&json).ok())
            .filter(|one: &StoredTemplate| {
                one.archive == archive && one.manifest_sha256 == manifest
            })
            .collect();
        found.sort_by_key(|one| std::cmp::Reverse(one.proven_at));
        Ok(found)
    }

    /// Forgets a template: nothing vouches for it any more.
    ///
    /// # Errors
    /// The record cannot be removed.
    pub fn forget_template(&self, name: &str) -> Result<(), StoreError> {
        let Ok(path) = self.template_path(name) else {
            return Ok(());
        };
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                let what = format!("{} could not be removed", path.display());
                Err(StoreError::Io { what, source })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn templates_folder(&self) -> PathBuf {
        self.dir.join("templates")
    }

    fn template_path(&self, name: &str) -> Result<PathBuf, StoreError> {
        if !files::is_plain(name) {
            let name = name.to_owned();
            return Err(StoreError::BadName { name });
        }
        Ok(self.templates_folder().join(format!("{name}.json")))
    }
}
