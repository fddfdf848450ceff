//! Writing an archive: workers compress and digest inline, one thread appends the members.
//!
//! Memory is bounded whatever the size of the database: a part being written holds a frame
//! and a member, and what waits for the thread is limited in bytes.

mod part;
mod pool;
mod tape;
pub(super) mod writeback;

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::compression::Compression;
use super::digest::Digest;
use super::error::ArchiveError;
use super::manifest::{ABOUT, About, FORMAT, Head, Manifest, Member, mtime};
use super::sidecar::{Lane, Sidecar, TreeId, TreePart, TreeWriter};
use crate::snapshot::{SeamError, Sink, Snapshot, StreamId, StreamKind, StreamWriter};
pub(super) use writeback::Writeback;

use part::Part;
use pool::Pool;
use tape::{Order, Packed, Place, Tape, Written};

/// How an archive is written.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// How chunks are compressed.
    pub compression: Compression,
    /// When the archive was begun; the time of every member.
    pub created: DateTime<Utc>,
    /// `postgresql` or `mongodb`.
    pub engine: String,
    /// The database that is read.
    pub database: String,
}

/// What the manifest says beside the snapshot and the members.
#[derive(Clone, Debug)]
pub struct ManifestExtra {
    /// The archive's id: its file name without `.tar`.
    pub id: String,
    /// The word it is tagged with.
    pub tag: Option<String>,
    /// Label of the target.
    pub target_label: String,
    /// What travels along, in the order in which it was written.
    pub files: Vec<Sidecar>,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveSummary {
    /// What a list shows of it.
    pub head: Head,
    /// Bytes of all members before compression.
    pub bytes_raw: u64,
    /// Bytes of the file.
    pub bytes_stored: u64,
    /// Digest in the manifest's last line: names this very archive.
    pub manifest_sha256: Digest,
}

/// Shared by the sink and its parts.
struct Shared {
    options: WriteOptions,
    tape: Tape,
    pool: Arc<Pool>,
    /// Parts that were begun and have not been finished: too few rows, if it stays so.
    unfinished: AtomicUsize,
}

/// Writes an archive into a file; the seam that engines see is [`Sink`].
pub struct ArchiveSink {
    shared: Arc<Shared>,
}

impl ArchiveSink {
    /// Begins an archive at the start of `file`, which must be empty.
    ///
    /// # Errors
    /// The writer's thread cannot be started, or the compression not be set up.
    pub fn new(file: File, options: WriteOptions) -> Result<Arc<Self>, ArchiveError> {
        let about = About {
            format: FORMAT.to_owned(),
            engine: options.engine.clone(),
            database: options.database.clone(),
            created_at: options.created,
        };
        let about = json(ABOUT, &about)?;
        let pool = Arc::new(Pool::new(options.compression));
        pool.warm_up().map_err(|source| ArchiveError::Io {
            what: format!("compression {} could not be set up", options.compression),
            source,
        })?;
        let begun = mtime(options.created);
        let tape = Tape::start(file, begun, options.compression, Arc::clone(&pool))?;
        let shared = Shared {
            options,
            tape,
            pool,
            unfinished: AtomicUsize::new(0),
        };
        shared
            .tape
            .order(Order::Member(Packed::named(ABOUT, about)))?;
        Ok(Arc::new(Self {
            shared: Arc::new(shared),
        }))
    }

    /// Begins the sidecar `number`, from 1, of a path under a name of its own. It is written from a
    /// thread that may block, which belongs to the runtime of `handle`.
    #[must_use]
    pub fn sidecar(&self, number: u32, (path, name): (&str, &str), handle: Handle) -> TreeWriter {
        let part = |part| -> Box<dyn StreamWriter> {
            let id = TreeId { number, part };
            Box::new(Part::new(Arc::clone(&self.shared), Lane::Tree(id)))
        };
        let parts = (part(TreePart::Tar), part(TreePart::Listing));
        TreeWriter::new(handle, parts, (path, name))
    }

    /// Writes the manifest, ends the tar and syncs the file.
    ///
    /// # Errors
    /// Writing failed; a part was not finished; or what was written is not what the snapshot
    /// says. The file must then not be published.
    pub async fn finish(
        &self,
        snapshot: &Snapshot,
        mut extra: ManifestExtra,
    ) -> Result<ArchiveSummary, ArchiveError> {
        let unfinished = self.shared.unfinished.load(Ordering::SeqCst);
        if unfinished > 0 {
            let problem = format!("{unfinished} parts of tables were not read to their end");
            return Err(ArchiveError::Incomplete { problem });
        }
        let (reply, members) = oneshot::channel();
        self.shared.tape.order(Order::Members(reply))?;
        let (members, manifest_at) = members.await.map_err(|_| self.shared.tape.failure())?;
        check_streams(snapshot, &members)?;
        let files = std::mem::take(&mut extra.files);
        check_sidecars(&files, &members)?;
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            archive: self.head(snapshot, extra, &members),
            members,
            files,
            snapshot,
        };
        let json = json("manifest.json", &manifest)?;
        let (reply, written) = oneshot::channel();
        self.shared.tape.order(Order::Last {
            json,
            manifest_at,
            reply,
        })?;
        let Written { bytes, sha256 } = written.await.map_err(|_| self.shared.tape.failure())?;
        Ok(ArchiveSummary {
            bytes_raw: manifest.archive.bytes_raw,
            head: manifest.archive,
            bytes_stored: bytes,
            manifest_sha256: sha256,
        })
    }

    fn head(&self, snapshot: &Snapshot, extra: ManifestExtra, members: &[Member]) -> Head {
        let options = &self.shared.options;
        let (objects, rows) = Head::count(&snapshot.objects);
        Head {
            id: extra.id,
            tag: extra.tag,
            target: extra.target_label,
            engine: options.engine.clone(),
            database: options.database.clone(),
            created_at: options.created,
            bookend: env!("CARGO_PKG_VERSION").to_owned(),
            compression: options.compression,
            consistent: snapshot.consistent,
            objects,
            rows,
            bytes_raw: members.iter().map(Member::raw_bytes).sum(),
        }
    }
}

/// A last look before the manifest claims anything: each stream's bytes and rows as the
/// engine counted them and as they went into the file.
fn check_streams(snapshot: &Snapshot, members: &[Member]) -> Result<(), ArchiveError> {
    let mut written: HashMap<StreamId, (u64, u64)> = HashMap::new();
    for member in members {
        if let Some(id) = member.stream {
            let sums = written.entry(id).or_default();
            sums.0 += member.bytes;
            sums.1 += member.rows.unwrap_or(0);
        }
    }
    for stream in &snapshot.streams {
        let (bytes, rows) = written.remove(&stream.id).unwrap_or_default();
        let counts_rows = stream.id.kind == StreamKind::CopyText;
        if bytes != stream.bytes || (counts_rows && rows != stream.rows) {
            let problem = format!(
                "{} of {}: {} bytes and {} rows were read, {bytes} and {rows} were stored",
                stream.id.folder(),
                stream.objects.join(", "),
                stream.bytes,
                stream.rows,
            );
            return Err(ArchiveError::Incomplete { problem });
        }
    }
    match written.keys().next() {
        None => Ok(()),
        Some(id) => Err(ArchiveError::Incomplete {
            problem: format!("the snapshot does not know {}", id.folder()),
        }),
    }
}

/// The same for sidecars.
fn check_sidecars(files: &[Sidecar], members: &[Member]) -> Result<(), ArchiveError> {
    let mut written: HashMap<TreeId, u64> = HashMap::new();
    for chunk in members.iter().filter_map(|member| member.tree) {
        *written.entry(chunk.id).or_default() += chunk.bytes;
    }
    for (number, sidecar) in (1..).zip(files) {
        for (part, bytes) in [
            (TreePart::Tar, sidecar.tar_bytes),
            (TreePart::Listing, sidecar.listing_bytes),
        ] {
            let id = TreeId { number, part };
            let stored = written.remove(&id).unwrap_or_default();
            if stored != bytes {
                let problem = format!(
                    "{} of {}: {bytes} bytes were read, {stored} were stored",
                    id.folder(),
                    sidecar.path
                );
                return Err(ArchiveError::Incomplete { problem });
            }
        }
    }
    match written.keys().next() {
        None => Ok(()),
        Some(id) => Err(ArchiveError::Incomplete {
            problem: format!("the manifest does not know {}", id.folder()),
        }),
    }
}

fn json(name: &str, value: &impl serde::Serialize) -> Result<Vec<u8>, ArchiveError> {
    serde_json::to_vec(value).map_err(|error| ArchiveError::Io {
        what: format!("{name} cannot be written as JSON"),
        source: error.into(),
    })
}

#[async_trait]
impl Sink for ArchiveSink {
    async fn member(&self, name: &str, bytes: Vec<u8>) -> Result<(), SeamError> {
        self.shared.tape.append(Packed::named(name, bytes)).await
    }

    fn stream(&self, id: StreamId) -> Box<dyn StreamWriter> {
        Box::new(Part::new(Arc::clone(&self.shared), Lane::Stream(id)))
    }
}

impl Packed {
    fn named(name: &str, data: Vec<u8>) -> Self {
        Self {
            place: Place::Named(name.to_owned()),
            bytes: data.len() as u64,
            rows: None,
            sha256: Digest::of(&data),
            data,
            room: None,
        }
    }
}
