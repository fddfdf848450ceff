//! Large objects: a second, data-only pg_dump under the same snapshot, whose stream is kept as
//! it is and hashed object by object.

use std::sync::Arc;

use tokio::io::{AsyncBufRead, AsyncReadExt, BufReader};

use crate::connection::Target;
use crate::engine::postgres::large_objects::LargeObjectStream;
use crate::engine::postgres::toc;
use crate::engine::{Context, EngineError};
use crate::process::Output;
use crate::snapshot::{LargeObjects, Sink, StreamId, StreamKind};

use super::super::sql_error::sql;
use super::contents::pg_dump;
use super::control::{Control, application_name};

/// Bytes read from the tool at once.
const PIECE: usize = 256 << 10;

/// The stream that all large objects share.
pub(in super::super) const STREAM: StreamId = StreamId {
    kind: StreamKind::LargeObjects,
    entry: 0,
};

/// How many large objects the snapshot shows.
pub(in super::super) async fn count(
    control: &Control,
    target: &Target,
) -> Result<i64, EngineError> {
    let row = control
        .session
        .query_one(
            "SELECT pg_catalog.count(*) FROM pg_catalog.pg_largeobject_metadata",
            &[],
        )
        .await
        .map_err(sql(target, "the large objects could not be counted"))?;
    Ok(row.get(0))
}

/// Reads all large objects into `sink`; also gives the bytes of the stream.
pub(in super::super) async fn read(
    context: &Context,
    target: &Target,
    control: &Control,
    sink: Arc<dyn Sink>,
) -> Result<(LargeObjects, u64), EngineError> {
    if count(control, target).await? == 0 {
        return Ok((LargeObjects::default(), 0));
    }
    let tool = pg_dump(context, control.version_num).await?;
    let command = tool
        .command()
        .args([
            "--format=custom",
            "--compress=0",
            "--data-only",
            "--blobs",
            "--exclude-schema=*",
            "--no-password",
        ])
        .arg(format!("--snapshot={}", control.snapshot));
    let mut running = command
        .secret_envs(target.tool_environment(&application_name(context)))
        .stdout(Output::Pipe)
        .spawn()?;
    let Some(stdout) = running.stdout.take() else {
        return Err(EngineError::Cancelled);
    };
    let mut stdout = BufReader::with_capacity(PIECE, stdout);
    let kept = tokio::select! {
        kept = keep(context, &mut stdout, sink) => kept,
        () = context.cancel.cancelled() => {
            // Killed, it would leave a server process at work.
            running.terminate().await;
            return Err(EngineError::Cancelled);
        }
    };
    if let Err(Broken::Other(error)) = kept {
        return Err(error);
    }
    // Where its output is broken the tool failed: its own words say more.
    drop(stdout);
    running.finish_unless(&context.cancel).await?;
    kept.map_err(|broken| match broken {
        Broken::Output(problem) => garbled(&problem),
        Broken::Other(error) => error,
    })
}

/// What kept the stream from being stored.
enum Broken {
    /// It could not be read to its end.
    Output(String),
    /// Anything else.
    Other(EngineError),
}

impl<E: Into<EngineError>> From<E> for Broken {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

/// Stores the tool's stream, and hashes what is in it.
async fn keep(
    context: &Context,
    stdout: &mut (impl AsyncBufRead + Unpin),
    sink: Arc<dyn Sink>,
) -> Result<(LargeObjects, u64), Broken> {
    let output = |problem: &dyn std::fmt::Display| Broken::Output(problem.to_string());
    let (toc, head) = toc::read(stdout)
        .await
        .map_err(|problem| output(&problem))?;
    let mut reader = LargeObjectStream::new(&toc).map_err(|problem| output(&problem))?;
    let mut writer = sink.stream(STREAM);
    writer.push(&head)?;
    let mut piece = vec![0_u8; PIECE];
    let mut bytes = head.len() as u64;
    loop {
        let read = stdout.read(&mut piece).await;
        let read = read.map_err(|error| output(&error))?;
        if read == 0 {
            break;
        }
        reader
            .push(&piece[..read])
            .map_err(|problem| output(&problem))?;
        if writer.push(&piece[..read])? {
            writer.drain().await?;
        }
        bytes += read as u64;
        context.progress.advance(read as u64, 0);
    }
    writer.finish().await?;
    let objects = reader.finish().map_err(|problem| output(&problem))?;
    Ok((objects, bytes))
}

fn garbled(problem: &str) -> EngineError {
    EngineError::Garbled {
        tool: "pg_dump".to_owned(),
        problem: format!("large objects: {problem}"),
    }
}
