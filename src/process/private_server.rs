//! Servers of bookend's own: started in a folder of their own, ended with bookend however it
//! ends, and found again if even that failed.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{User, geteuid, mkdir};
use tempfile::NamedTempFile;
use tokio::time::timeout;

use super::{Input, ProcessError, Running, Tool, ToolCommand};
use crate::connection::Secret;

/// The shell that ends a server when bookend is gone.
const KEEPER: &str = include_str!("keeper.sh");

/// The keeper's name, by which it is known among other shells.
pub(super) const KEEPER_NAME: &str = "bookend-keeper";

/// How long the keeper may take: it kills what does not end within 5 s.
const END_WITHIN: Duration = Duration::from_secs(12);

/// Users that servers run as when bookend is root, in this order: one made for it, else the
/// one that owns nothing.
const ACCOUNTS: [&str; 2] = ["bookend", "nobody"];

/// Who a private server runs as. PostgreSQL refuses to run as root, and no server of ours
/// needs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    name: String,
    ids: Option<(u32, u32)>,
}

impl Account {
    /// The user that bookend runs as, or if that is root a user without rights.
    ///
    /// # Errors
    /// bookend is root and there is no such user.
    pub fn choose() -> io::Result<Self> {
        if !geteuid().is_root() {
            return Ok(Self {
                name: "bookend's own user".to_owned(),
                ids: None,
            });
        }
        for name in ACCOUNTS {
            if let Some(user) = User::from_name(name)?.filter(|user| !user.uid.is_root()) {
                return Ok(Self {
                    name: user.name,
                    ids: Some((user.uid.as_raw(), user.gid.as_raw())),
                });
            }
        }
        Err(io::Error::other(
            "a server must not run as root, and there is no user bookend or nobody for it: useradd --system bookend",
        ))
    }

    /// Its name, for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder on the way to `path` that this user may not pass, if there is one.
    #[must_use]
    pub fn barred_at(&self, path: &Path) -> Option<PathBuf> {
        let (user, group) = self.ids?;
        let path = path.canonicalize().unwrap_or(path.to_owned());
        let barred = |folder: &&Path| {
            fs::metadata(folder).map_or(true, |about| {
                let mode = about.mode();
                let needed = if about.uid() == user {
                    0o100
                } else if about.gid() == group {
                    0o010
                } else {
                    0o001
                };
                mode & needed == 0
            })
        };
        path.ancestors().find(barred).map(Path::to_owned)
    }
}

/// A server's folder: nobody but its user can look into it.
#[derive(Debug)]
pub struct Home {
    folder: PathBuf,
    account: Account,
}

impl Home {
    /// Makes the folder (0700); it must not be there yet.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn create(folder: &Path, account: Account) -> io::Result<Self> {
        let home = Self {
            folder: folder.to_owned(),
            account,
        };
        home.make(folder)?;
        Ok(home)
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes a folder (0700) in it that belongs to the server.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn subfolder(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.folder.join(name);
        self.make(&path)?;
        Ok(path)
    }

    fn make(&self, path: &Path) -> io::Result<()> {
        mkdir(path, Mode::S_IRWXU)?;
        // By handle: under the server's own folder its user could put a link in between.
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW;
        self.give(open(path, flags, Mode::empty())?)
    }

    /// Writes a secret into a file (0600) that only the server can read; it is removed when
    /// dropped.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn secret_file(&self, secret: &Secret) -> io::Result<NamedTempFile> {
        // tempfile makes files of mode 0600.
        let mut file = NamedTempFile::with_prefix_in(".secret-", &self.folder)?;
        file.write_all(secret.expose().as_bytes())?;
        file.flush()?;
        self.give(file.as_file())?;
        Ok(file)
    }

    fn give(&self, file: impl AsFd) -> io::Result<()> {
        match self.account.ids {
            Some((user, group)) => fchown(file, Some(user), Some(group)),
            None => Ok(()),
        }
    }

    /// A call of one of the server's programs, as its user and in its folder.
    #[must_use]
    pub fn command(&self, tool: &Tool) -> ToolCommand {
        self.moved_in(tool.command())
    }

    fn moved_in(&self, command: ToolCommand) -> ToolCommand {
        // The caller's own may be closed to the server's user.
        command
            .env("HOME", &self.folder)
            .env("TMPDIR", &self.folder)
            .inside(&self.folder, self.account.ids)
    }

    /// Starts the server. `ends_at_once` is the signal by which it ends without writing
    /// anything out: `QUIT`, `KILL`. What it prints is kept for the error.
    ///
    /// # Errors
    /// The keeper cannot be started.
    pub fn start<A: AsRef<OsStr>>(
        &self,
        tool: &Tool,
        arguments: impl IntoIterator<Item = A>,
        ends_at_once: &str,
    ) -> Result<PrivateServer, ProcessError> {
        let keeper = ToolCommand::new(&tool.name, Path::new("/bin/sh"), tool.environment())
            .args(["-c", KEEPER, KEEPER_NAME, ends_at_once])
            .arg(&self.folder)
            .arg(&tool.path)
            .args(arguments)
            .stdin(Input::Pipe);
        let running = self.moved_in(keeper).spawn()?;
        Ok(PrivateServer {
            running: Some(running),
            folder: self.folder.clone(),
        })
    }
}

/// A server that runs. Dropping it kills it and removes its folder.
#[derive(Debug)]
pub struct PrivateServer {
    running: Option<Running>,
    folder: PathBuf,
}

impl PrivateServer {
    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Waits until it ends by itself, which it should not; the error holds its last words.
    pub async fn ended(&mut self) -> ProcessError {
        let ended = match &mut self.running {
            Some(running) => running.ended().await.err(),
            None => None,
        };
        ended.unwrap_or_else(|| ProcessError::Spawn {
            tool: "the private server".to_owned(),
            source: io::Error::other("it ended at once"),
        })
    }

    /// Ends it and removes its folder.
    ///
    /// # Errors
    /// The folder is still there.
    pub async fn stop(mut self) -> io::Result<()> {
        if let Some(running) = self.running.take() {
            // Closing the keeper's pipe is the order to end; how the server ends is no matter.
            // What is late is dropped, and so killed.
            let _ended = timeout(END_WITHIN, running.finish()).await;
        }
        remove(&self.folder)
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            drop(running);
            // What stays is in the store's record.
            let _ = remove(&self.folder);
        }
    }
}

/// Removes a server's folder, if it is there.
///
/// # Errors
/// What kept it from being removed.
pub fn remove(folder: &Path) -> io::Result<()> {
    for _ in 0..20 {
        match fs::remove_dir_all(folder) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            // The last children of a server that was killed may still write.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(error) => return Err(error),
        }
    }
    fs::remove_dir_all(folder)
}

/// True if this may be a server's folder: a folder itself, closed to group and others.
#[must_use]
pub fn is_private_folder(folder: &Path) -> bool {
    fs::symlink_metadata(folder)
        .is_ok_and(|about| about.is_dir() && about.permissions().mode().trailing_zeros() >= 6)
}
