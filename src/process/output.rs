//! A tool's output, whose end can be trusted.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::process::ChildStdout;
use tokio::time::{Sleep, sleep};

use super::group::Group;
use super::running::{Ended, Outcome, outcome};
use super::{ProcessError, ToolCommand};

/// How long the output may stay open and silent after the tool has ended.
const HELD_OPEN: Duration = Duration::from_secs(3);

/// What a tool writes. Its end is reported only when the tool has ended well: if it ended
/// badly, the end is an error that holds the [`ProcessError`], so a cut stream can't look
/// whole.
pub struct ToolOutput {
    tool: String,
    pipe: ChildStdout,
    group: Group,
    outcome: Waiting,
    /// How long the tool may go on after it closed its output.
    end_within: Duration,
    closed: bool,
    timer: Option<Pin<Box<Sleep>>>,
}

enum Waiting {
    Yet(Pin<Box<dyn Future<Output = Outcome> + Send + Sync>>),
    Over(Outcome),
}

impl std::fmt::Debug for ToolOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ToolOutput")
            .field("tool", &self.tool)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

impl ToolOutput {
    pub(super) fn new(
        command: &ToolCommand,
        pipe: ChildStdout,
        mut ended: Ended,
        group: Group,
    ) -> Self {
        let name = command.name.clone();
        Self {
            tool: command.name.clone(),
            pipe,
            group,
            outcome: Waiting::Yet(Box::pin(async move { outcome(&mut ended, &name).await })),
            end_within: command.end_within,
            closed: false,
            timer: None,
        }
    }

    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<&Outcome> {
        if let Waiting::Yet(waiting) = &mut self.outcome {
            let Poll::Ready(outcome) = waiting.as_mut().poll(cx) else {
                return Poll::Pending;
            };
            self.outcome = Waiting::Over(outcome);
        }
        match &self.outcome {
            Waiting::Over(outcome) => Poll::Ready(outcome),
            Waiting::Yet(_) => Poll::Pending,
        }
    }

    /// Ready when the timer, started by the first call, is over.
    fn poll_timer(&mut self, cx: &mut Context<'_>, after: Duration) -> Poll<()> {
        self.timer
            .get_or_insert_with(|| Box::pin(sleep(after)))
            .as_mut()
            .poll(cx)
    }

    /// After the end of the pipe: the end of the tool decides.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Poll::Ready(outcome) = self.poll_outcome(cx) {
            return Poll::Ready(outcome.judge().map(drop).map_err(io::Error::other));
        }
        if self.poll_timer(cx, self.end_within).is_pending() {
            return Poll::Pending;
        }
        self.group.signal(Signal::SIGKILL);
        Poll::Ready(Err(io::Error::other(ProcessError::StillRunning {
            tool: self.tool.clone(),
            seconds: self.end_within.as_secs(),
        })))
    }

    /// While the pipe is open and silent.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.poll_outcome(cx).is_pending() || self.poll_timer(cx, HELD_OPEN).is_pending() {
            return Poll::Pending;
        }
        let held = ProcessError::HeldOpen {
            tool: self.tool.clone(),
        };
        let error = match &self.outcome {
            Waiting::Over(outcome) => outcome.judge().err().unwrap_or(held),
            Waiting::Yet(_) => held,
        };
        Poll::Ready(Err(io::Error::other(error)))
    }
}

impl AsyncRead for ToolOutput {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.closed {
            return self.poll_end(cx);
        }
        let before = buf.filled().len();
        let room = buf.remaining() > 0;
        match Pin::new(&mut self.pipe).poll_read(cx, buf) {
            Poll::Ready(Ok(())) if room && buf.filled().len() == before => {
                self.closed = true;
                self.timer = None;
                self.poll_end(cx)
            }
            Poll::Ready(Ok(())) => {
                self.timer = None;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.poll_silence(cx),
        }
    }
}
