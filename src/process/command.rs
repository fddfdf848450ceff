//! What a tool is called with.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Finished, ProcessError, Running};
use crate::connection::Secret;

/// What a tool reads.
#[derive(Default)]
pub enum Input {
    /// Nothing.
    #[default]
    Null,
    /// These bytes. They may be more than fits a pipe.
    Bytes(Vec<u8>),
    /// What the caller writes to [`Running::stdin`].
    Pipe,
}

/// Where a tool's output goes.
#[derive(Clone, Copy, Debug, Default)]
pub enum Output {
    /// Nowhere.
    #[default]
    Null,
    /// To [`Running::stdout`].
    Pipe,
    /// Into [`Finished::stdout`], so many bytes at most.
    Capture(usize),
}

/// One call of a tool.
pub struct ToolCommand {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) environment: BTreeMap<OsString, OsString>,
    pub(super) secrets: Vec<Secret>,
    pub(super) input: Input,
    pub(super) output: Output,
    pub(super) lenient: bool,
    pub(super) stderr_limit: usize,
    pub(super) grace: Duration,
    pub(super) end_within: Duration,
    pub(super) account: Option<(u32, u32)>,
    pub(super) folder: Option<PathBuf>,
}

/// Without the values of the environment, some of which are secrets.
impl fmt::Debug for ToolCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolCommand")
            .field("line", &self.line())
            .field("environment", &self.environment.keys())
            .finish_non_exhaustive()
    }
}

impl ToolCommand {
    pub(super) fn new(name: &str, path: &Path, environment: &BTreeMap<OsString, OsString>) -> Self {
        let mut environment = environment.clone();
        // Messages are judged and shown: they are to be in one language. (`LC_ALL`, which
        // would win over this, is not passed on.)
        environment.insert("LC_MESSAGES".into(), "C".into());
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            args: Vec::new(),
            environment,
            secrets: Vec::new(),
            input: Input::default(),
            output: Output::default(),
            lenient: false,
            stderr_limit: 64 * 1024,
            grace: Duration::from_secs(5),
            end_within: Duration::from_secs(60),
            account: None,
            folder: None,
        }
    }

    /// Runs it as another user and group, and in a folder that they own.
    #[must_use]
    pub(super) fn inside(mut self, folder: &Path, account: Option<(u32, u32)>) -> Self {
        self.folder = Some(folder.to_owned());
        self.account = account;
        self
    }

    /// Adds an argument. Everybody can see arguments: never a secret.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment
            .insert(name.as_ref().to_owned(), value.as_ref().to_owned());
        self
    }

    /// Sets a variable that may hold a secret. If its name or form says that it does, its
    /// value is blacked out wherever the tool repeats it.
    #[must_use]
    pub fn secret_env(mut self, name: &str, value: Secret) -> Self {
        self.environment.insert(name.into(), value.expose().into());
        if holds_secret(name, value.expose()) {
            self.secrets.push(value);
        }
        self
    }

    /// Sets several variables that may hold secrets.
    #[must_use]
    pub fn secret_envs(self, variables: impl IntoIterator<Item = (String, Secret)>) -> Self {
        variables.into_iter().fold(self, |command, (name, value)| {
            command.secret_env(&name, value)
        })
    }

    /// What it reads; nothing unless set.
    #[must_use]
    pub fn stdin(mut self, input: Input) -> Self {
        self.input = input;
        self
    }

    /// Where its output goes; nowhere unless set.
    #[must_use]
    pub fn stdout(mut self, output: Output) -> Self {
        self.output = output;
        self
    }

    /// An exit code other than 0 is left to the caller to judge ([`Finished::ending`]). To
    /// be killed by a signal stays an error.
    #[must_use]
    pub fn lenient(mut self) -> Self {
        self.lenient = true;
        self
    }

    /// Keeps so many bytes of standard error instead of 64 KiB.
    #[must_use]
    pub fn stderr_limit(mut self, bytes: usize) -> Self {
        self.stderr_limit = bytes;
        self
    }

    /// How long it may take to end after TERM before KILL; 5 s unless set.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How long it may go on after it closed its output; 60 s unless set.
    #[must_use]
    pub fn end_within(mut self, time: Duration) -> Self {
        self.end_within = time;
        self
    }

    /// Program and arguments, for notes and logs.
    #[must_use]
    pub fn line(&self) -> String {
        let words = self.args.iter().map(|arg| arg.to_string_lossy());
        std::iter::once(self.path.to_string_lossy())
            .chain(words)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Starts it. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`ProcessError::Spawn`].
    pub fn spawn(self) -> Result<Running, ProcessError> {
        Running::spawn(self)
    }

    /// Runs it to its end, or ends it when `cancel` is cancelled.
    ///
    /// # Errors
    /// As [`Running::finish`]; [`ProcessError::Cancelled`].
    pub async fn run(self, cancel: &CancellationToken) -> Result<Finished, ProcessError> {
        self.spawn()?.finish_unless(cancel).await
    }

    pub(super) fn to_process(&self) -> tokio::process::Command {
        let mut process = tokio::process::Command::new(&self.path);
        process
            .args(&self.args)
            .env_clear()
            .envs(&self.environment)
            .stdin(match self.input {
                Input::Null => Stdio::null(),
                Input::Bytes(_) | Input::Pipe => Stdio::piped(),
            })
            .stdout(match self.output {
                Output::Null => Stdio::null(),
                Output::Pipe | Output::Capture(_) => Stdio::piped(),
            })
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(folder) = &self.folder {
            process.current_dir(folder);
        }
        if let Some((user, group)) = self.account {
            process.uid(user).gid(group);
        }
        process
    }
}

/// Most of what comes as a secret is a host or a port, which errors must be able to name.
pub(super) fn holds_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["PASSWORD", "SECRET", "TOKEN"]
        .iter()
        .any(|word| name.contains(word))
        || value.contains("://")
}
