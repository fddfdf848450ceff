//! Faults that real tools rarely show, from scripted ones.

mod finding;
mod migrating;
mod running;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Tool, ToolBox};

/// A folder of scripts.
pub(super) struct Scripts(tempfile::TempDir);

impl Scripts {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Writes an executable. Another process writes it: if this one had it open, a test
    /// beside this could fork at that moment and keep it open, and it could not be run.
    pub(super) fn write(&self, name: &str, script: &str) -> PathBuf {
        use std::io::Write as _;
        let path = self.folder().join(name);
        let mut sh = Command::new("/bin/sh")
            .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
            .arg(&path)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        write!(sh.stdin.take().unwrap(), "#!/bin/sh\n{script}\n").unwrap();
        assert!(sh.wait().unwrap().success());
        path
    }

    /// A box that finds these scripts before anything else, and the system's own commands.
    pub(super) fn tool_box(&self) -> ToolBox {
        let path = OsString::from("/usr/bin:/bin");
        let home = OsString::from("/nonexistent");
        ToolBox::with_environment(
            vec![self.folder().to_owned()],
            [("PATH".into(), path), ("HOME".into(), home)],
        )
    }

    /// A tool of version 16.14 that does `script` when asked for anything but its version.
    pub(super) async fn tool(&self, script: &str) -> Tool {
        let asked =
            "if [ \"$1\" = --version ]; then echo 'fake_dump (PostgreSQL) 16.14'; exit 0; fi";
        self.write("fake_dump", &format!("{asked}\n{script}"));
        self.tool_box().find("fake_dump", None).await.unwrap()
    }
}

/// Waits until a condition of another process holds; fails after a long time.
pub(super) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if holds() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

/// Whether a script has written a whole line to `path`.
pub(super) fn written(path: &Path) -> bool {
    std::fs::read_to_string(path).is_ok_and(|text| text.ends_with('\n'))
}

/// Whether a process runs (a zombie does not).
pub(super) fn alive(pid: &str) -> bool {
    assert!(!pid.trim().is_empty(), "no process is named");
    let status = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    let state = status.rsplit(')').next().unwrap_or_default().trim_start();
    !state.is_empty() && !state.starts_with('Z')
}
