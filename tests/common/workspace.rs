//! What the library's own operations need.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bookend::operation::{Engines, Workspace};
use bookend::process::ToolBox;
use bookend::progress::Silent;
use bookend::store::Store;
use tokio_util::sync::CancellationToken;

/// A store in `folder`, and the tools of one folder.
pub fn workspace(folder: &tempfile::TempDir, tools: PathBuf) -> Workspace {
    Workspace {
        store: Arc::new(Store::open(folder.path()).unwrap()),
        tools: ToolBox::new(vec![tools]),
        engines: Engines::default(),
        jobs: 2,
        lock_timeout: Duration::from_secs(20),
        progress: Arc::new(Silent),
        cancel: CancellationToken::new(),
        run: "test".to_owned(),
    }
}
