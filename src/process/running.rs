//! A tool that runs: watching it, waiting for it, ending it.

use std::time::Duration;

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::group::Group;
use super::tail::Tail;
use super::{Ending, Input, LastWords, Output, ProcessError, ToolCommand, ToolOutput};
use crate::connection::Secret;

/// How long standard error may stay open after the tool itself has ended.
const STDERR_GRACE: Duration = Duration::from_secs(2);

/// Bytes that the pipe from a tool holds, where the system allows it: sixteen times its own
/// choice, so that neither side waits for the other every few rows.
const PIPE: i32 = 1 << 20;

/// How a tool ended, as its supervisor saw it.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    tool: String,
    lenient: bool,
    /// The operating system's words if the tool could not be waited for.
    ending: Result<Ending, String>,
    stderr: String,
    stderr_dropped: u64,
}

impl Outcome {
    /// An error unless the tool ended well (or, if it is lenient, by itself).
    pub(super) fn judge(&self) -> Result<Ending, ProcessError> {
        match &self.ending {
            Ok(ending) if ending.is_success() => Ok(*ending),
            Ok(ending @ Ending::Exited(_)) if self.lenient => Ok(*ending),
            Ok(ending) => Err(ProcessError::Failed {
                tool: self.tool.clone(),
                ending: *ending,
                words: LastWords::of(&self.stderr),
            }),
            Err(reason) => Err(ProcessError::Pipe {
                tool: self.tool.clone(),
                what: "waiting for",
                source: std::io::Error::other(reason.clone()),
            }),
        }
    }
}

/// Becomes `Some` when the tool has ended.
pub(super) type Ended = watch::Receiver<Option<Outcome>>;

/// Waits for the outcome.
pub(super) async fn outcome(ended: &mut Ended, tool: &str) -> Outcome {
    match ended.wait_for(Option::is_some).await.as_deref() {
        Ok(Some(outcome)) => outcome.clone(),
        // The supervisor is gone only when the runtime shuts down.
        _ => Outcome {
            tool: tool.to_owned(),
            lenient: false,
            ending: Err("the program is shutting down".to_owned()),
            stderr: String::new(),
            stderr_dropped: 0,
        },
    }
}

/// A tool that ended as it should.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How; exit code 0 unless the call was lenient.
    pub ending: Ending,
    /// The end of what it said on standard error.
    pub stderr_tail: String,
    /// Bytes of standard error before that, which were not kept.
    pub stderr_dropped: u64,
    /// What it wrote, if that was to be captured.
    pub stdout: Vec<u8>,
}

/// A tool that runs. Dropping this kills its whole process group.
#[derive(Debug)]
pub struct Running {
    /// What it writes, if that goes to a pipe; take it to read.
    pub stdout: Option<ToolOutput>,
    /// What it reads, if that is a pipe; take it, write, and drop it. If the tool dies, writing
    /// fails with a broken pipe and [`Running::finish`] says why.
    pub stdin: Option<ChildStdin>,
    name: String,
    pid: Option<u32>,
    group: Group,
    grace: Duration,
    ended: Ended,
    captured: Option<JoinHandle<Result<Vec<u8>, ProcessError>>>,
}

impl Running {
    pub(super) fn spawn(mut command: ToolCommand) -> Result<Self, ProcessError> {
        let mut child = command
            .to_process()
            .spawn()
            .map_err(|source| ProcessError::Spawn {
                tool: command.name.clone(),
                source,
            })?;
        let pid = child.id();
        let group = Group::of(pid);
        widen(&child);
        let stdin = feed(&mut child, std::mem::take(&mut command.input));
        let (sender, ended) = watch::channel(None);
        let stdout = child
            .stdout
            .take()
            .map(|pipe| ToolOutput::new(&command, pipe, ended.clone(), group.clone()));
        let (stdout, captured) = match command.output {
            Output::Capture(limit) => (None, stdout.map(|s| capture(s, limit, &command.name))),
            Output::Pipe | Output::Null => (stdout, None),
        };
        let running = Self {
            stdout,
            stdin,
            name: command.name.clone(),
            pid,
            group: group.clone(),
            grace: command.grace,
            ended,
            captured,
        };
        tokio::spawn(async move {
            let outcome = supervise(child, group, &command).await;
            // Nobody listens any more if the caller has dropped everything.
            let _unheard = sender.send(Some(outcome));
        });
        Ok(running)
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// Waits for its end. Pipes that were not taken are closed first.
    ///
    /// # Errors
    /// [`ProcessError::Failed`] if it ended badly, and what can go wrong with captured output.
    pub async fn finish(mut self) -> Result<Finished, ProcessError> {
        self.wait().await
    }

    /// As [`Running::finish`], but ends the tool when `cancel` is cancelled.
    ///
    /// # Errors
    /// As [`Running::finish`]; [`ProcessError::Cancelled`].
    pub async fn finish_unless(
        mut self,
        cancel: &CancellationToken,
    ) -> Result<Finished, ProcessError> {
        let finished = tokio::select! {
            biased;
            () = cancel.cancelled() => None,
            finished = self.wait() => Some(finished),
        };
        if let Some(finished) = finished {
            return finished;
        }
        let tool = self.name.clone();
        self.terminate().await;
        Err(ProcessError::Cancelled { tool })
    }

    /// Waits until it has ended, and leaves its pipes alone.
    ///
    /// # Errors
    /// [`ProcessError::Failed`] if it ended badly.
    pub async fn ended(&mut self) -> Result<Ending, ProcessError> {
        outcome(&mut self.ended, &self.name).await.judge()
    }

    async fn wait(&mut self) -> Result<Finished, ProcessError> {
        self.stdin = None;
        self.stdout = None;
        let captured = match &mut self.captured {
            Some(task) => task.await.map_err(|error| ProcessError::Pipe {
                tool: self.name.clone(),
                what: "reading from",
                source: std::io::Error::other(error),
            })?,
            None => Ok(Vec::new()),
        };
        if let Err(ProcessError::TooMuch { .. } | ProcessError::StillRunning { .. }) = captured {
            self.group.signal(Signal::SIGKILL);
        }
        let outcome = outcome(&mut self.ended, &self.name).await;
        let stdout = captured?;
        Ok(Finished {
            ending: outcome.judge()?,
            stderr_tail: outcome.stderr,
            stderr_dropped: outcome.stderr_dropped,
            stdout,
        })
    }

    /// Ends it and everything in its group: TERM, and KILL after the grace. How it ends is
    /// then no error.
    pub async fn terminate(mut self) {
        self.stdin = None;
        self.stdout = None;
        self.group.signal(Signal::SIGTERM);
        let ended = outcome(&mut self.ended, &self.name);
        if timeout(self.grace, ended).await.is_err() {
            self.group.signal(Signal::SIGKILL);
            outcome(&mut self.ended, &self.name).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended.borrow().is_none() {
            self.group.signal(Signal::SIGKILL);
        }
        if let Some(task) = self.captured.take() {
            task.abort();
        }
    }
}

/// Makes the pipe that a tool writes to larger. A system that has given all that it gives
/// keeps it as it is. What a tool reads stays narrow: that it stopped reading shows the sooner.
fn widen(child: &Child) {
    if let Some(pipe) = &child.stdout {
        let _as_it_was = fcntl(pipe, FcntlArg::F_SETPIPE_SZ(PIPE));
    }
}

/// Hands over the pipe, or fills and closes it beside everything else.
fn feed(child: &mut Child, input: Input) -> Option<ChildStdin> {
    let mut stdin = child.stdin.take()?;
    match input {
        Input::Null => None,
        Input::Pipe => Some(stdin),
        Input::Bytes(bytes) => {
            tokio::spawn(async move {
                // A tool that stops reading says why by how it ends.
                let _broken = stdin.write_all(&bytes).await;
            });
            None
        }
    }
}

fn capture(
    stdout: ToolOutput,
    limit: usize,
    tool: &str,
) -> JoinHandle<Result<Vec<u8>, ProcessError>> {
    let tool = tool.to_owned();
    tokio::spawn(async move {
        let mut bytes = Vec::new();
        let mut bounded = stdout.take(limit as u64 + 1);
        match bounded.read_to_end(&mut bytes).await {
            Ok(_) if bytes.len() > limit => Err(ProcessError::TooMuch { tool, limit }),
            Ok(_) => Ok(bytes),
            Err(error) => Err(ProcessError::of_read(&tool, error)),
        }
    })
}

/// Drains standard error and waits for the end of `child`, then kills what is left of its
/// group: a tool that was killed leaves its own workers behind.
async fn supervise(mut child: Child, group: Group, command: &ToolCommand) -> Outcome {
    let tail = Tail::new(command.stderr_limit);
    let drained = child
        .stderr
        .take()
        .map(|stderr| tokio::spawn(tail.clone().drain(stderr)));
    let ending = child.wait().await;
    group.clear();
    if let Some(mut task) = drained
        && timeout(STDERR_GRACE, &mut task).await.is_err()
    {
        // Something that left the group holds it; what was said until now is kept.
        task.abort();
    }
    let secrets: &[Secret] = &command.secrets;
    let (stderr, stderr_dropped) = tail.text(secrets);
    Outcome {
        tool: command.name.clone(),
        lenient: command.lenient,
        ending: ending.map(Ending::from).map_err(|error| error.to_string()),
        stderr,
        stderr_dropped,
    }
}
