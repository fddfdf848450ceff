//! Files that only grow, a line at a time, each on the disk before its write returns.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::StoreError;
use super::files::{sync_folder, tolerate_no_locks};

/// Read back this far at once to find the last line's end.
const STEP: u64 = 4096;

/// A file of lines that only grows.
#[derive(Debug)]
pub struct DurableLog {
    path: PathBuf,
    file: File,
}

impl DurableLog {
    /// Opens the file, and makes it (0600) if there is none.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let open = || {
            let mut options = OpenOptions::new();
            let options = options.read(true).append(true).create(true);
            let file = options.mode(0o600).open(path)?;
            sync_folder(path.parent().unwrap_or(Path::new(".")))?;
            Ok(file)
        };
        let opened = open();
        Ok(Self {
            file: opened.map_err(StoreError::io(|| {
                format!("{} could not be opened", path.display())
            }))?,
            path: path.to_owned(),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Cuts the file to so many bytes: what a crash of the machine left behind them is no line.
    ///
    /// # Errors
    /// It cannot be cut.
    pub fn cut(&self, bytes: u64) -> io::Result<()> {
        if self.file.metadata()?.len() > bytes {
            self.file.set_len(bytes)?;
            self.file.sync_data()?;
        }
        Ok(())
    }

    /// Appends a line; it is on the disk when this returns. What a crash or a full disk left
    /// of an earlier line is taken off first.
    ///
    /// # Errors
    /// It could not be written; the file is then as it was.
    pub fn append(&self, line: &str) -> io::Result<()> {
        if line.contains('\n') {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a line cannot hold a line's end",
            ));
        }
        tolerate_no_locks(self.file.lock())?;
        let written = self.append_locked(line);
        let unlocked = tolerate_no_locks(self.file.unlock());
        written.and(unlocked)
    }

    fn append_locked(&self, line: &str) -> io::Result<()> {
        let end = self.end_of_lines()?;
        if end != self.file.metadata()?.len() {
            self.file.set_len(end)?;
        }
        let written = (&self.file).write_all(format!("{line}\n").as_bytes());
        let written = written.and_then(|()| self.file.sync_data());
        if written.is_err() {
            // The next append takes off what this leaves, if it cannot be done now.
            let _ = self.file.set_len(end);
        }
        written
    }

    /// Where the last whole line ends.
    fn end_of_lines(&self) -> io::Result<u64> {
        let mut file = &self.file;
        let mut end = file.metadata()?.len();
        while end > 0 {
            let start = end.saturating_sub(STEP);
            let mut block = Vec::new();
            file.seek(SeekFrom::Start(start))?;
            file.take(end - start).read_to_end(&mut block)?;
            if let Some(at) = memchr::memrchr(b'\n', &block) {
                return Ok(start + at as u64 + 1);
            }
            end = start;
        }
        Ok(0)
    }

    /// The whole lines of the file at `path`; none if there is no file. A last line without
    /// its end was never acknowledged and is left out.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn lines(path: &Path) -> io::Result<Vec<String>> {
        let bytes = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            read => read?,
        };
        let end = memchr::memrchr(b'\n', &bytes).map_or(0, |at| at + 1);
        let text = String::from_utf8_lossy(&bytes[..end]);
        Ok(text.lines().map(str::to_owned).collect())
    }
}
