//! Decoding large objects out of an archive. Table data the archive layer reads itself: rows
//! of COPY text are its own format.

use std::sync::Arc;

use crate::engine::{Context, EngineError, StreamCheck};
use crate::snapshot::{LargeObjects, SeamError, Source};

use super::compare;
use super::dump::large_objects::STREAM;
use super::large_objects::LargeObjectStream;
use super::toc;

/// The table of contents is looked for in this many bytes first, then in twice as many.
const FIRST_TRY: usize = 1 << 20;

/// Hashes all large objects again.
pub(super) async fn check(
    context: &Context,
    source: Arc<dyn Source>,
) -> Result<StreamCheck, EngineError> {
    let mut check = StreamCheck::default();
    let folder = STREAM.folder();
    let found = match decode(context, source.as_ref()).await {
        Ok(found) => found,
        Err(Stopped::Damaged { member, problem }) => {
            check.flaw(&member, None, problem);
            check.flaw(
                &folder,
                Some("large objects"),
                "they could not be read to their end",
            );
            return Ok(check);
        }
        Err(Stopped::Failed(error)) => return Err(error),
    };
    for one in compare::large_objects(&source.snapshot().large_objects, &found) {
        let problem = format!("expected {}, found {}", one.expected, one.found);
        check.flaw(&folder, Some(&one.object), problem);
    }
    Ok(check)
}

/// Why not all could be decoded.
enum Stopped {
    Damaged { member: String, problem: String },
    Failed(EngineError),
}

impl From<SeamError> for Stopped {
    fn from(error: SeamError) -> Self {
        match error {
            SeamError::Damaged { member, problem } => Self::Damaged { member, problem },
            other => Self::Failed(other.into()),
        }
    }
}

fn garbled(problem: &dyn std::fmt::Display) -> Stopped {
    Stopped::Damaged {
        member: STREAM.folder(),
        problem: problem.to_string(),
    }
}

async fn decode(context: &Context, source: &dyn Source) -> Result<LargeObjects, Stopped> {
    let chunks = source.chunks(STREAM).len();
    if chunks == 0 {
        return Ok(LargeObjects::default());
    }
    let mut beginning = Beginning::default();
    for index in 0..chunks {
        let mut chunk = source.chunk(STREAM, index)?;
        while let Some(piece) = chunk.next_piece()? {
            if context.cancel.is_cancelled() {
                return Err(Stopped::Failed(EngineError::Cancelled));
            }
            context.progress.advance(piece.len() as u64, 0);
            beginning.push(&piece).await?;
        }
    }
    let stream = beginning.into_stream().await?;
    stream.finish().map_err(|problem| garbled(&problem))
}

/// The stream; until its table of contents is whole, its bytes.
struct Beginning {
    held: Vec<u8>,
    next_try: usize,
    stream: Option<LargeObjectStream>,
}

impl Default for Beginning {
    fn default() -> Self {
        Self {
            held: Vec::new(),
            next_try: FIRST_TRY,
            stream: None,
        }
    }
}

impl Beginning {
    async fn push(&mut self, piece: &[u8]) -> Result<(), Stopped> {
        if let Some(stream) = &mut self.stream {
            return stream.push(piece).map_err(|problem| garbled(&problem));
        }
        self.held.extend_from_slice(piece);
        if self.held.len() >= self.next_try {
            self.next_try *= 2;
            // What is not whole yet may be whole with more.
            if let Ok((toc, head)) = toc::read(&mut self.held.as_slice()).await {
                self.begin(&toc, head.len())?;
            }
        }
        Ok(())
    }

    fn begin(&mut self, toc: &toc::Toc, head: usize) -> Result<(), Stopped> {
        let mut stream = LargeObjectStream::new(toc).map_err(|problem| garbled(&problem))?;
        let held = std::mem::take(&mut self.held);
        stream
            .push(held.get(head..).unwrap_or_default())
            .map_err(|problem| garbled(&problem))?;
        self.stream = Some(stream);
        Ok(())
    }

    async fn into_stream(mut self) -> Result<LargeObjectStream, Stopped> {
        if self.stream.is_none() {
            let read = toc::read(&mut self.held.as_slice()).await;
            let (toc, head) = read.map_err(|problem| garbled(&problem))?;
            self.begin(&toc, head.len())?;
        }
        self.stream.ok_or_else(|| garbled(&"it is empty"))
    }
}
