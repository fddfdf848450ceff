//! One collection at the snapshot, batch by batch.

use bson::{RawDocumentBuf, Timestamp, cstr, rawdoc};
use tokio::sync::mpsc;

use crate::connection::mongodb::Session;
use crate::engine::mongodb::batches::{Batches, Turns, everything};
use crate::engine::mongodb::scan;
use crate::engine::{Context, EngineError};
use crate::fingerprint::{DocumentHasher, HashedDocuments};
use crate::snapshot::SeamError;

/// What to read.
pub(super) struct Job {
    /// Its place in the prelude.
    pub number: usize,
    pub body: String,
    pub has_documents: bool,
    pub at: Timestamp,
    pub turns: Turns,
}

/// Whole documents of one collection; `None` at its end.
pub(super) struct Batch {
    pub number: usize,
    pub documents: Option<Vec<u8>>,
}

/// `find` at the snapshot.
fn find(job: &Job) -> RawDocumentBuf {
    let mut command = everything(&job.body);
    command.append(
        cstr!("readConcern"),
        rawdoc! { "level": "snapshot", "atClusterTime": job.at },
    );
    command
}

/// Reads all, hands it over, and says what it comes to.
pub(super) async fn read(
    context: Context,
    session: Session,
    job: Job,
    sender: mpsc::Sender<Batch>,
) -> Result<HashedDocuments, EngineError> {
    let mut hasher = DocumentHasher::new();
    if job.has_documents {
        let database = session.database();
        let mut batches =
            Batches::open(&session, database, find(&job), &job.body, &job.turns).await?;
        while let Some(batch) = batches.next(&session).await? {
            if context.cancel.is_cancelled() {
                return Err(EngineError::Cancelled);
            }
            let (bytes, count) = (hasher.bytes(), hasher.count());
            // Not a byte more: a batch may have 16 MiB.
            let mut documents = Vec::with_capacity(batch.as_raw_document().as_bytes().len());
            for document in scan::documents(&batch, &job.body)? {
                let document = document?.as_bytes();
                scan::hash_one(&mut hasher, document, &job.body)?;
                documents.extend_from_slice(document);
            }
            drop(batch);
            context
                .progress
                .advance(hasher.bytes() - bytes, hasher.count() - count);
            if !documents.is_empty() {
                hand_over(&sender, job.number, Some(documents)).await?;
            }
        }
    }
    hand_over(&sender, job.number, None).await?;
    Ok(hasher.finish())
}

async fn hand_over(
    sender: &mpsc::Sender<Batch>,
    number: usize,
    documents: Option<Vec<u8>>,
) -> Result<(), SeamError> {
    let batch = Batch { number, documents };
    sender.send(batch).await.map_err(|_| SeamError::Closed)
}
