//! Puts the batches of all collections into one stream.

use std::collections::HashMap;

use tokio::sync::mpsc;

use crate::engine::mongodb::archive_stream::{CollectionEntry, Header, NamespaceWriter, prelude};
use crate::snapshot::{SeamError, StreamWriter};

use super::worker::Batch;

/// Bytes that are pushed at once.
const PIECE: usize = 256 << 10;

/// Stores until the senders are gone; gives the bytes of the stream. A stream whose sender
/// failed is not whole: who waits for this knows.
pub(super) async fn store(
    header: Header,
    entries: Vec<CollectionEntry>,
    mut batches: mpsc::Receiver<Batch>,
    writer: Box<dyn StreamWriter>,
) -> Result<u64, SeamError> {
    let mut namespaces: HashMap<usize, NamespaceWriter> = entries
        .iter()
        .map(NamespaceWriter::new)
        .enumerate()
        .collect();
    let mut out = Out { writer, bytes: 0 };
    out.push(&prelude(&header, &entries)).await?;
    while let Some(batch) = batches.recv().await {
        let mut edge = Vec::new();
        match batch.documents {
            Some(documents) => {
                let Some(namespace) = namespaces.get_mut(&batch.number) else {
                    return Err(SeamError::Closed);
                };
                namespace.open(&mut edge);
                out.push(&edge).await?;
                namespace.passed_by(&documents);
                out.push(&documents).await?;
                edge.clear();
                namespace.close(&mut edge);
            }
            None => {
                let Some(namespace) = namespaces.remove(&batch.number) else {
                    return Err(SeamError::Closed);
                };
                namespace.end(&mut edge);
            }
        }
        out.push(&edge).await?;
    }
    out.writer.finish().await?;
    Ok(out.bytes)
}

struct Out {
    writer: Box<dyn StreamWriter>,
    bytes: u64,
}

impl Out {
    async fn push(&mut self, bytes: &[u8]) -> Result<(), SeamError> {
        self.bytes += bytes.len() as u64;
        for piece in bytes.chunks(PIECE) {
            if self.writer.push(piece)? {
                self.writer.drain().await?;
            }
        }
        Ok(())
    }
}
