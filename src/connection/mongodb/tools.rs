//! How `mongodump` and `mongorestore` learn what to connect to: a file that only this user can
//! read, since everybody can read arguments.

use std::io::Write as _;
use std::path::Path;

use tempfile::NamedTempFile;

use super::Session;

/// With this in the URL both tools hang for ever when the server is away (seen with 100.7.0);
/// `appName`, `readConcernLevel` and the write concern are not theirs to choose: with `w=0`
/// mongorestore ends before its documents have arrived (seen).
const NOT_FOR_THE_TOOLS: [&str; 7] = [
    "serverSelectionTimeoutMS",
    "socketTimeoutMS",
    "appName",
    "readConcernLevel",
    "w",
    "wTimeoutMS",
    "journal",
];

/// A `--config` file for the tools, removed when dropped.
#[derive(Debug)]
pub struct ToolConfig {
    file: NamedTempFile,
}

impl ToolConfig {
    /// Writes the file into `folder`.
    ///
    /// # Errors
    /// What kept the file from being written.
    pub fn write(session: &Session, folder: &Path) -> Result<Self, std::io::Error> {
        let url = session
            .url()
            .bare(&NOT_FOR_THE_TOOLS, session.auth_source());
        // JSON is YAML; tempfile makes files of mode 0600.
        let mut file = NamedTempFile::with_prefix_in(".bookend-", folder)?;
        let text = serde_json::json!({ "uri": url.expose() }).to_string();
        file.write_all(text.as_bytes())?;
        file.flush()?;
        Ok(Self { file })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }
}
