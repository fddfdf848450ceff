//! Running the migration command: its own session, nothing to read, its output copied line
//! by line, and an end that is always known or said to be unknown.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::io::AsyncWrite;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::command::holds_secret;
use super::group::Group;
use super::lines::Copier;
use super::{Ending, ProcessError};
use crate::connection::Secret;

/// How long the command may take to end after TERM before KILL.
const GRACE: Duration = Duration::from_secs(10);
/// How long its output may stay open after it has ended.
const OUTPUT_GRACE: Duration = Duration::from_secs(2);

/// How a migration command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// By itself, with this exit code.
    Exited(i32),
    /// By a signal that did not come from here.
    Signalled(i32),
    /// It was ended because it took longer than its limit.
    TimedOut,
    /// It was ended because bookend was asked to stop.
    Interrupted,
}

/// What was seen of a migration command.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub outcome: Outcome,
    /// How its process ended, also where `outcome` says why it was made to.
    pub ending: Ending,
    /// From its start to its end.
    pub took: Duration,
    /// False if no way was found to give it a session of its own: then it could have asked
    /// for something on the terminal.
    pub own_session: bool,
    /// True if processes that it started were still running when it had ended by itself.
    /// They are left alone.
    pub left_running: bool,
    /// Why the log is not complete, if it is not.
    pub log_failed: Option<std::io::Error>,
}

/// What makes a migration command end before it does so by itself.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Cancelled on the first SIGINT or SIGTERM: the command gets TERM and some time. Never
    /// INT: psql takes that as "cancel this statement" and may go on with the next one.
    pub ask: CancellationToken,
    /// Cancelled on the second: the command is killed.
    pub kill: CancellationToken,
}

/// A migration command that is ready to run.
pub struct Migration {
    words: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    secrets: Vec<Secret>,
    directory: Option<PathBuf>,
    limit: Option<Duration>,
    grace: Duration,
}

/// Without the values of the environment, some of which are secrets.
impl fmt::Debug for Migration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.environment.iter().map(|(name, _)| name);
        f.debug_struct("Migration")
            .field("words", &self.words)
            .field("environment", &names.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl Migration {
    /// The command's words. Its environment is empty until it is given one.
    #[must_use]
    pub fn new<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> Self {
        Self {
            words: words.into_iter().map(|w| w.as_ref().to_owned()).collect(),
            environment: Vec::new(),
            secrets: Vec::new(),
            directory: None,
            limit: None,
            grace: GRACE,
        }
    }

    /// Sets a variable of its environment; a later one of the same name wins.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets several variables.
    #[must_use]
    pub fn envs<N: AsRef<OsStr>, V: AsRef<OsStr>>(
        self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        variables
            .into_iter()
            .fold(self, |migration, (name, value)| migration.env(name, value))
    }

    /// Sets a variable that may hold a secret. If its name or form says that it does, its
    /// value is blacked out where the command prints it.
    #[must_use]
    pub fn secret_env(mut self, name: &str, value: Secret) -> Self {
        self = self.env(name, value.expose());
        if holds_secret(name, value.expose()) {
            self.secrets.push(value);
        }
        self
    }

    /// Blacks `secret` out where the command prints it.
    #[must_use]
    pub fn redact(mut self, secret: Secret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// Where it runs; the current folder unless set.
    #[must_use]
    pub fn directory(mut self, directory: impl AsRef<Path>) -> Self {
        self.directory = Some(directory.as_ref().to_owned());
        self
    }

    /// How long it may take; for ever unless set.
    #[must_use]
    pub fn limit(mut self, limit: Option<Duration>) -> Self {
        self.limit = limit;
        self
    }

    /// How long it may take to end after TERM; 10 s unless set.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Runs it to its end and copies what it writes, on both of its outputs, to `screen` and
    /// to `log`, whole lines at a time.
    ///
    /// # Errors
    /// [`ProcessError::Missing`] or [`ProcessError::Spawn`] if it did not start: then nothing
    /// was run. [`ProcessError::Pipe`] if its end could not be seen.
    pub async fn run<S, L>(
        self,
        screen: &mut S,
        log: &mut L,
        stop: &Stop,
    ) -> Result<Ended, ProcessError>
    where
        S: AsyncWrite + Unpin,
        L: AsyncWrite + Unpin,
    {
        self.run_telling(screen, log, stop, &|_| {}).await
    }

    /// The same, and `running` is told the process id as soon as there is one.
    ///
    /// # Errors
    /// As [`Migration::run`].
    pub async fn run_telling<S, L>(
        self,
        screen: &mut S,
        log: &mut L,
        stop: &Stop,
        running: &(dyn Fn(u32) + Send + Sync),
    ) -> Result<Ended, ProcessError>
    where
        S: AsyncWrite + Unpin,
        L: AsyncWrite + Unpin,
    {
        let started = Instant::now();
        let (mut child, own_session) = self.spawn()?;
        if let Some(pid) = child.id() {
            running(pid);
        }
        let group = Group::of(child.id());
        let _killed_on_drop = KillOnDrop(group.clone());
        let copier = Copier::new(screen, log, &self.secrets);
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let copying = copier.copy(stdout, stderr);
        tokio::pin!(copying);
        let watching = self.watch(&mut child, &group, stop);
        tokio::pin!(watching);
        // The output is drained while it runs; whichever ends first, the command's end rules.
        let (watched, output_over) = tokio::select! {
            watched = &mut watching => (watched, false),
            () = &mut copying => (watching.await, true),
        };
        let took = started.elapsed();
        let (ending, outcome) = watched.map_err(|source| ProcessError::Pipe {
            tool: self.title(),
            what: "waiting for",
            source,
        })?;
        let left_running = group.has_survivors();
        match outcome {
            Outcome::TimedOut | Outcome::Interrupted => group.clear(),
            Outcome::Exited(_) | Outcome::Signalled(_) => group.forget(),
        }
        if !output_over {
            // Something that it left behind may hold its output open for ever.
            let _held_open = timeout(OUTPUT_GRACE, copying).await;
        }
        Ok(Ended {
            outcome,
            ending,
            took,
            own_session,
            left_running,
            log_failed: copier.finish().await,
        })
    }

    fn title(&self) -> String {
        self.words
            .first()
            .map(|word| word.to_string_lossy().into_owned())
            .unwrap_or_default()
    }

    /// Looked up first, so that "not found" is told apart from an exit code 127.
    fn check(&self) -> Result<(), ProcessError> {
        let path = self
            .environment
            .iter()
            .rev()
            .find(|(name, _)| name == "PATH")
            .map(|(_, value)| value);
        let directory = match &self.directory {
            Some(directory) => directory.clone(),
            None => std::env::current_dir().unwrap_or_default(),
        };
        match self.words.first() {
            Some(word) if which::which_in(word, path, directory).is_ok() => Ok(()),
            _ => Err(ProcessError::Missing {
                tool: self.title(),
                needed: None,
                searched: path
                    .map(|path| std::env::split_paths(path).collect())
                    .unwrap_or_default(),
            }),
        }
    }

    fn spawn(&self) -> Result<(Child, bool), ProcessError> {
        self.check()?;
        // `setsid` calls setsid(2) and becomes the command, so the pid stays. It would fork
        // if it led a group already, hence `process_group` only without it.
        let setsid = which::which("setsid").ok();
        let mut words = self.words.iter();
        let mut command = match &setsid {
            Some(setsid) => Command::new(setsid),
            None => Command::new(words.next().map(OsString::as_os_str).unwrap_or_default()),
        };
        if setsid.is_none() {
            command.process_group(0);
        }
        command
            .args(words)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        match command.spawn() {
            Ok(child) => Ok((child, setsid.is_some())),
            Err(source) => Err(ProcessError::Spawn {
                tool: self.title(),
                source,
            }),
        }
    }

    /// Waits for the end of the command and brings it about when it is time.
    async fn watch(
        &self,
        child: &mut Child,
        group: &Group,
        stop: &Stop,
    ) -> std::io::Result<(Ending, Outcome)> {
        let limit = self.limit.map(|limit| Instant::now() + limit);
        let why = tokio::select! {
            biased;
            status = child.wait() => {
                let ending = Ending::from(status?);
                return Ok((ending, match ending {
                    Ending::Exited(code) => Outcome::Exited(code),
                    Ending::Signalled(signal) => Outcome::Signalled(signal),
                }));
            }
            () = stop.kill.cancelled() => Outcome::Interrupted,
            () = stop.ask.cancelled() => Outcome::Interrupted,
            () = reached(limit) => Outcome::TimedOut,
        };
        group.signal(Signal::SIGTERM);
        let status = tokio::select! {
            biased;
            status = child.wait() => status?,
            () = stop.kill.cancelled() => killed(child, group).await?,
            () = sleep(self.grace) => killed(child, group).await?,
        };
        Ok((Ending::from(status), why))
    }
}

/// Never, if there is no limit.
async fn reached(limit: Option<Instant>) {
    match limit {
        Some(limit) => sleep_until(limit).await,
        None => std::future::pending().await,
    }
}

async fn killed(child: &mut Child, group: &Group) -> std::io::Result<std::process::ExitStatus> {
    group.signal(Signal::SIGKILL);
    child.wait().await
}

/// Kills the command if whoever waits for it goes away. Without effect once the group is
/// forgotten.
struct KillOnDrop(Group);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        self.0.signal(Signal::SIGKILL);
    }
}
