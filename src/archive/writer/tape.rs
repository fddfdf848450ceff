//! The one thread that appends to the file, and the bounded way to it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::pool::Pool;
use super::writeback::Writeback;
use crate::archive::compression::Compression;
use crate::archive::digest::Digest;
use crate::archive::error::ArchiveError;
use crate::archive::manifest::{MANIFEST, Member};
use crate::archive::sidecar::{Lane, TreeChunk};
use crate::archive::trailer::{Trailer, WIDTH};
use crate::archive::ustar::{self, END};
use crate::snapshot::SeamError;

/// Stored bytes that may wait for the thread, in KiB.
const ROOM: u32 = 4 << 10;
/// Small members are gathered into writes of this size.
const WRITE: usize = 128 << 10;

/// Where a member goes.
pub enum Place {
    /// Under this name.
    Named(String),
    /// Behind the last chunk of this stream.
    Chunk(Lane),
}

/// A member that is ready to be written.
pub struct Packed {
    pub place: Place,
    pub bytes: u64,
    pub rows: Option<u64>,
    pub sha256: Digest,
    pub data: Vec<u8>,
    /// Its share of the room; given back once it is written.
    pub room: Option<OwnedSemaphorePermit>,
}

/// What the whole file came to.
pub struct Written {
    pub bytes: u64,
    pub sha256: Digest,
}

/// What the thread is asked to do.
pub enum Order {
    /// Append a member.
    Member(Packed),
    /// Tell what was written and where the next member would begin.
    Members(oneshot::Sender<(Vec<Member>, u64)>),
    /// Append the manifest, end the tar, sync.
    Last {
        json: Vec<u8>,
        manifest_at: u64,
        reply: oneshot::Sender<Written>,
    },
}

/// Why the thread ended early. An [`io::Error`] cannot be copied, and several parts may ask.
struct Failure {
    what: String,
    kind: io::ErrorKind,
    code: Option<i32>,
    text: String,
}

impl Failure {
    fn source(&self) -> io::Error {
        match self.code {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(self.kind, self.text.clone()),
        }
    }
}

/// The way to the thread.
pub struct Tape {
    orders: mpsc::UnboundedSender<Order>,
    room: Arc<Semaphore>,
    failure: Arc<Mutex<Option<Failure>>>,
}

impl Tape {
    /// Starts the thread; it ends when the tape is dropped, or at the first failure.
    pub fn start(
        file: File,
        mtime: u64,
        compression: Compression,
        pool: Arc<Pool>,
    ) -> Result<Self, ArchiveError> {
        let (orders, queue) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(ROOM as usize));
        let failure = Arc::new(Mutex::new(None));
        let tape = Self {
            orders,
            room: Arc::clone(&room),
            failure: Arc::clone(&failure),
        };
        let not_started = |source| ArchiveError::Io {
            what: "the archive's writer could not be started".to_owned(),
            source,
        };
        let mut writer = Writer {
            writeback: Some(Writeback::start(&file).map_err(not_started)?),
            failure,
            out: BufWriter::with_capacity(WRITE, file),
            at: 0,
            mtime,
            extension: compression.extension(),
            members: Vec::new(),
            chunks: HashMap::new(),
            pool,
        };
        let run = move || {
            writer.run(queue);
            // Whoever waits for room learns that none will come.
            room.close();
        };
        let started = thread::Builder::new().name("archive".to_owned()).spawn(run);
        started.map_err(not_started)?;
        Ok(tape)
    }

    /// Hands an order over.
    pub fn order(&self, order: Order) -> Result<(), SeamError> {
        self.orders.send(order).map_err(|_| self.failure())
    }

    /// Waits until `size` bytes may be handed over. More than there is room for waits for
    /// all of it.
    pub async fn room(&self, size: usize) -> Result<OwnedSemaphorePermit, SeamError> {
        let wanted = u32::try_from(size / 1024 + 1).unwrap_or(ROOM).min(ROOM);
        let room = Arc::clone(&self.room).acquire_many_owned(wanted).await;
        room.map_err(|_| self.failure())
    }

    /// Hands a member over once there is room for it.
    pub async fn append(&self, mut packed: Packed) -> Result<(), SeamError> {
        packed.room = Some(self.room(packed.data.len()).await?);
        self.order(Order::Member(packed))
    }

    /// Why the thread ended.
    pub fn failure(&self) -> SeamError {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match failure.as_ref() {
            Some(failure) => SeamError::Io {
                what: failure.what.clone(),
                source: failure.source(),
            },
            None => SeamError::Closed,
        }
    }
}

/// What the thread knows.
struct Writer {
    out: BufWriter<File>,
    at: u64,
    mtime: u64,
    extension: &'static str,
    members: Vec<Member>,
    chunks: HashMap<Lane, u32>,
    pool: Arc<Pool>,
    writeback: Option<Writeback>,
    failure: Arc<Mutex<Option<Failure>>>,
}

impl Writer {
    /// The reason of a failure is noted before anybody can see that the thread has ended.
    fn run(&mut self, mut queue: mpsc::UnboundedReceiver<Order>) {
        while let Some(order) = queue.blocking_recv() {
            let done = match order {
                Order::Member(packed) => self.append(packed),
                Order::Members(reply) => {
                    // Whoever asked may have given up meanwhile; that is no failure.
                    let _ = reply.send((std::mem::take(&mut self.members), self.at));
                    Ok(())
                }
                Order::Last {
                    json,
                    manifest_at,
                    reply,
                } => match self.end(json, manifest_at) {
                    Ok(written) => {
                        let _ = reply.send(written);
                        return;
                    }
                    Err(error) => {
                        self.fail(failed(MANIFEST, &error));
                        drop(reply);
                        return;
                    }
                },
            };
            if let Err(failure) = done {
                self.fail(failure);
                return;
            }
        }
    }

    fn fail(&self, failure: Failure) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }

    fn append(&mut self, packed: Packed) -> Result<(), Failure> {
        let (name, lane) = match packed.place {
            Place::Named(name) => (name, None),
            Place::Chunk(lane) => {
                let number = self.chunks.entry(lane).or_default();
                *number += 1;
                (lane.member(*number, self.extension), Some(lane))
            }
        };
        let offset = self.at;
        let written = self.write(&name, &packed.data);
        written.map_err(|error| failed(&name, &error))?;
        let stored = packed.data.len() as u64;
        let (stream, tree) = match lane {
            Some(Lane::Stream(id)) => (Some(id), None),
            Some(Lane::Tree(id)) => (
                None,
                Some(TreeChunk {
                    id,
                    bytes: packed.bytes,
                }),
            ),
            None => (None, None),
        };
        self.members.push(Member {
            name,
            bytes: if tree.is_some() { stored } else { packed.bytes },
            stored,
            sha256: packed.sha256,
            offset,
            stream,
            rows: packed.rows,
            tree,
        });
        self.pool.give_back_buffer(packed.data);
        Ok(())
    }

    fn write(&mut self, name: &str, data: &[u8]) -> io::Result<()> {
        let size = data.len() as u64;
        let header = ustar::header(name, size, self.mtime).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "the name or the size has no place in a tar",
            )
        })?;
        self.out.write_all(&header)?;
        self.out.write_all(data)?;
        let padding = usize::try_from(ustar::padding(size)).unwrap_or(0);
        self.out.write_all(&[0; 512][..padding])?;
        self.at += ustar::span(size);
        if let Some(writeback) = &mut self.writeback {
            writeback.wrote(ustar::span(size));
        }
        Ok(())
    }

    fn end(&mut self, json: Vec<u8>, manifest_at: u64) -> io::Result<Written> {
        if manifest_at != self.at {
            return Err(io::Error::other("a member came after the last one"));
        }
        let sealed = Trailer::seal(json, manifest_at);
        let line = &sealed[sealed.len() - WIDTH..];
        let trailer = Trailer::parse(line).ok_or_else(|| io::Error::other("bad last line"))?;
        self.write(MANIFEST, &sealed)?;
        self.out.write_all(&[0; 1024])?;
        self.at += END;
        if let Some(writeback) = self.writeback.take() {
            writeback.finish()?;
        }
        self.out.flush()?;
        self.out.get_ref().sync_all()?;
        Ok(Written {
            bytes: self.at,
            sha256: trailer.sha256,
        })
    }
}

fn failed(member: &str, error: &io::Error) -> Failure {
    Failure {
        what: format!("{member} could not be written to the archive"),
        kind: error.kind(),
        code: error.raw_os_error(),
        text: error.to_string(),
    }
}
