//! `mongodump` writes, we read: parsed and hashed in flight, stored as it came.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::connection::mongodb::{Session, ToolConfig};
use crate::engine::mongodb::archive_stream::StreamParser;
use crate::engine::mongodb::marker;
use crate::engine::{Context, EngineError, scratch};
use crate::process::{Output, ProcessError, Running, Tool, ToolOutput};
use crate::snapshot::{SeamError, Sink, StreamId, StreamKind, StreamWriter};

use super::contents::{Contents, Read};

/// The tool's name.
pub(in crate::engine::mongodb) const MONGODUMP: &str = "mongodump";

/// The one stream of an archive.
pub(in crate::engine::mongodb) const STREAM: StreamId = StreamId {
    kind: StreamKind::MongoArchive,
    entry: 0,
};

/// Bytes that are read at once.
const PIECE: usize = 256 << 10;
/// How long the tool may go on after it closed its output.
const TO_END: Duration = Duration::from_secs(60);
/// Pieces that may wait for being compressed.
const WAITING: usize = 16;

/// What came through.
pub(in crate::engine::mongodb) struct Dumped {
    /// Each namespace.
    pub namespaces: Vec<Read>,
    /// Bytes of the stream.
    pub bytes: u64,
}

/// Runs the tool over a whole database.
pub(super) async fn read(
    context: &Context,
    session: &Session,
    tool: &Tool,
    excluded: &[String],
    patience: Duration,
    sink: &Arc<dyn Sink>,
) -> Result<Dumped, EngineError> {
    let config = ToolConfig::write(session, &scratch()).map_err(|source| ProcessError::Spawn {
        tool: MONGODUMP.to_owned(),
        source,
    })?;
    let mut command = tool
        .command()
        .arg(argument("--config=", &config.path().to_string_lossy()))
        .arg(argument("--db=", session.database().name()))
        .arg("--archive")
        .arg(format!("--numParallelCollections={}", context.jobs.max(1)))
        .arg(argument("--excludeCollection=", marker::COLLECTION))
        .end_within(patience.min(TO_END))
        .stdout(Output::Pipe);
    for name in excluded {
        command = command.arg(argument("--excludeCollection=", name));
    }
    let mut running = command.spawn()?;
    let output = running.stdout.take();
    let read = tokio::select! {
        biased;
        () = context.cancel.cancelled() => Err(EngineError::Cancelled),
        read = stream(context, output, patience, sink.stream(STREAM)) => read,
    };
    settle(running, read).await
}

fn argument(option: &str, value: &str) -> String {
    format!("{option}{value}")
}

/// A dump counts only if the tool itself says that it went well; whatever else happened, it
/// is ended.
async fn settle(
    running: Running,
    read: Result<Dumped, EngineError>,
) -> Result<Dumped, EngineError> {
    match read {
        Ok(dumped) => {
            running.finish().await?;
            Ok(dumped)
        }
        Err(error) => {
            running.terminate().await;
            Err(error)
        }
    }
}

async fn stream(
    context: &Context,
    output: Option<ToolOutput>,
    patience: Duration,
    writer: Box<dyn StreamWriter>,
) -> Result<Dumped, EngineError> {
    let Some(output) = output else {
        return Err(garbled("it has no output"));
    };
    let (sender, receiver) = mpsc::channel(WAITING);
    // Compressing and hashing share the cores.
    let (stored, dumped) = tokio::join!(
        tokio::spawn(store(receiver, writer)),
        parse(context, output, patience, sender)
    );
    let stored = stored.map_err(|_| SeamError::Closed)?;
    match (stored, dumped) {
        // The store's failure is why the pieces could not be handed over.
        (Err(error), Err(EngineError::Seam(SeamError::Closed)) | Ok(_)) => Err(error.into()),
        (_, dumped) => dumped,
    }
}

/// Compresses and stores until the sender is gone.
async fn store(
    mut pieces: mpsc::Receiver<Bytes>,
    mut writer: Box<dyn StreamWriter>,
) -> Result<(), SeamError> {
    while let Some(piece) = pieces.recv().await {
        if writer.push(&piece)? {
            writer.drain().await?;
        }
    }
    writer.finish().await
}

async fn parse(
    context: &Context,
    mut output: ToolOutput,
    patience: Duration,
    sender: mpsc::Sender<Bytes>,
) -> Result<Dumped, EngineError> {
    let mut parser = StreamParser::new();
    let mut contents = Contents::default();
    let mut bytes = 0;
    loop {
        let piece = next(&mut output, patience).await?;
        if piece.is_empty() {
            break;
        }
        let before = contents.documents();
        parser
            .push(&piece, &mut contents)
            .map_err(|error| garbled(&error.to_string()))?;
        bytes += piece.len() as u64;
        context
            .progress
            .advance(piece.len() as u64, contents.documents() - before);
        sender.send(piece).await.map_err(|_| SeamError::Closed)?;
    }
    parser
        .finish()
        .map_err(|error| garbled(&error.to_string()))?;
    Ok(Dumped {
        namespaces: contents.finish(),
        bytes,
    })
}

/// The next bytes; none at a good end. A tool that moves no byte for so long hangs.
async fn next(output: &mut ToolOutput, patience: Duration) -> Result<Bytes, EngineError> {
    let mut piece = BytesMut::with_capacity(PIECE);
    // A pipe gives little at a time; full pieces make fewer rounds.
    while piece.len() < PIECE {
        match timeout(patience, output.read_buf(&mut piece)).await {
            Ok(Ok(0)) => break,
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(ProcessError::of_read(MONGODUMP, error).into()),
            Err(_) => return Err(hangs(MONGODUMP, patience)),
        }
    }
    Ok(piece.freeze())
}

/// A tool that did nothing for too long.
pub(in crate::engine::mongodb) fn hangs(tool: &str, patience: Duration) -> EngineError {
    ProcessError::Stalled {
        tool: tool.to_owned(),
        seconds: patience.as_secs(),
    }
    .into()
}

fn garbled(problem: &str) -> EngineError {
    EngineError::Garbled {
        tool: MONGODUMP.to_owned(),
        problem: problem.to_owned(),
    }
}
