//! The vendor's table of contents: running pg_dump just far enough.

use std::time::Duration;

use tokio::io::BufReader;

use crate::connection::Target;
use crate::engine::postgres::toc::{self, Toc};
use crate::engine::{Context, DumpRequest, EngineError};
use crate::process::{Output, ProcessError, Running, Tool, ToolOutput};

use super::control::{Control, application_name};

/// A table of contents and the pg_dump that wrote it, which still holds its locks.
pub(in super::super) struct Contents {
    /// Understood.
    pub toc: Toc,
    /// The bytes as pg_dump wrote them: a valid archive without data.
    pub bytes: Vec<u8>,
    /// The tool, e.g. `pg_dump 16.14`.
    pub tool: String,
    /// The process, blocked on its pipe.
    holding: Option<(Running, BufReader<ToolOutput>)>,
}

impl Contents {
    /// Ends pg_dump and with it its locks. To be called once others hold them.
    pub(in super::super) async fn release(&mut self) {
        if let Some((running, stdout)) = self.holding.take() {
            drop(stdout);
            running.terminate().await;
        }
    }
}

/// Finds a pg_dump that is not older than the server.
pub(in super::super) async fn pg_dump(
    context: &Context,
    version_num: u32,
) -> Result<Tool, EngineError> {
    context.tool("pg_dump", version_num / 10_000).await
}

/// Starts pg_dump on the control session's snapshot and reads its table of contents.
pub(in super::super) async fn read(
    context: &Context,
    target: &Target,
    control: &Control,
    request: &DumpRequest,
) -> Result<Contents, EngineError> {
    let tool = pg_dump(context, control.version_num).await?;
    let mut command = tool
        .command()
        .args([
            "--format=custom",
            "--compress=0",
            "--no-blobs",
            "--no-password",
        ])
        .arg(format!("--snapshot={}", control.snapshot))
        .arg(lock_wait(context.lock_timeout));
    if control.encoding != "SQL_ASCII" {
        command = command.arg("--encoding=UTF8");
    }
    if request.schema_only {
        command = command.arg("--schema-only");
    }
    let mut running = command
        .secret_envs(target.tool_environment(&application_name(context)))
        .stdout(Output::Pipe)
        .spawn()?;
    let Some(stdout) = running.stdout.take() else {
        return Err(EngineError::Garbled {
            tool: "pg_dump".to_owned(),
            problem: "it has no output".to_owned(),
        });
    };
    let mut stdout = BufReader::with_capacity(64 << 10, stdout);
    let read = tokio::select! {
        read = toc::read(&mut stdout) => read,
        () = context.cancel.cancelled() => {
            // Asked to end, pg_dump cancels its statement; killed, it would leave a server
            // process waiting for a lock that nobody wants any more.
            running.terminate().await;
            return Err(EngineError::Cancelled);
        }
    };
    let (toc, bytes) = match read {
        Ok(read) => read,
        Err(problem) => return Err(failure(running, problem).await),
    };
    Ok(Contents {
        toc,
        bytes,
        tool: format!("pg_dump {}", tool.version),
        // Keeping the pipe open keeps pg_dump blocked on it, and its locks held.
        holding: Some((running, stdout)),
    })
}

/// pg_dump's own reason where it has one; else what was wrong with its output.
async fn failure(running: Running, problem: toc::TocError) -> EngineError {
    match tokio::time::timeout(Duration::from_secs(10), running.finish()).await {
        Ok(Err(error)) => EngineError::Process(error),
        Ok(Ok(_)) | Err(_) => EngineError::Garbled {
            tool: "pg_dump".to_owned(),
            problem: problem.to_string(),
        },
    }
}

fn lock_wait(timeout: Duration) -> String {
    format!("--lock-wait-timeout={}", timeout.as_millis().max(1))
}

/// What a failed pg_dump complained of, if it is one of the things that bookend explains.
pub(super) fn complaint(error: &EngineError) -> Option<Complaint> {
    let EngineError::Process(ProcessError::Failed {
        words: Some(words), ..
    }) = error
    else {
        return None;
    };
    let stderr = words.as_str();
    if stderr.contains("max_locks_per_transaction") {
        Some(Complaint::TooManyLocks)
    } else if stderr.contains("LOCK TABLE")
        && (stderr.contains("timeout") || stderr.contains("could not obtain lock"))
    {
        Some(Complaint::Locked)
    } else if stderr.contains("does not exist") || stderr.contains("could not open relation") {
        Some(Complaint::Moved)
    } else {
        None
    }
}

/// Reasons for which pg_dump gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Complaint {
    /// The lock table is full.
    TooManyLocks,
    /// A lock was not to be had in time.
    Locked,
    /// Something was dropped between the snapshot and the locks.
    Moved,
}
