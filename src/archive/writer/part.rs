//! One part of a stream: frames of about a mebibyte, gathered into members.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use memchr::memchr_iter;
use sha2::{Digest as _, Sha256};

use super::Shared;
use super::pool::Bench;
use super::tape::{Order, Packed, Place};
use crate::archive::compression::FrameMaker;
use crate::archive::digest::Digest;
use crate::archive::sidecar::Lane;
use crate::snapshot::{SeamError, StreamKind, StreamWriter};

/// Uncompressed bytes of a frame.
const FRAME: usize = 1 << 20;
/// A member is full from so many stored bytes on. It ends where a push ended, so that
/// members of table data hold whole rows, however large.
const MEMBER: usize = 1 << 20;
/// Below this a part is small, and its bytes are copied instead of giving a buffer away.
const SMALL: usize = 64 << 10;

/// What has been gathered of the member at hand.
#[derive(Default)]
struct Gathered {
    data: Vec<u8>,
    sha256: Sha256,
    bytes: u64,
    rows: u64,
}

pub struct Part {
    shared: Arc<Shared>,
    lane: Lane,
    bench: Option<Bench>,
    member: Gathered,
    ready: VecDeque<Packed>,
    finished: bool,
}

impl Part {
    pub fn new(shared: Arc<Shared>, lane: Lane) -> Self {
        shared.unfinished.fetch_add(1, Ordering::SeqCst);
        Self {
            shared,
            lane,
            bench: None,
            member: Gathered::default(),
            ready: VecDeque::new(),
            finished: false,
        }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut bench = match self.bench.take() {
            Some(bench) => bench,
            None => self.shared.pool.bench()?,
        };
        let outcome = self.append_with(&mut bench, bytes);
        self.bench = Some(bench);
        outcome
    }

    fn append_with(&mut self, bench: &mut Bench, bytes: &[u8]) -> io::Result<()> {
        if bench.raw.len() + bytes.len() > FRAME {
            self.close_frame(bench)?;
        }
        if bytes.len() >= FRAME {
            for piece in bytes.chunks(FRAME) {
                self.frame(&mut bench.maker, piece)?;
            }
            self.close_full_member();
        } else {
            if bench.raw.capacity() < FRAME && bench.raw.len() + bytes.len() > SMALL {
                bench.raw.reserve_exact(FRAME - bench.raw.len());
            }
            bench.raw.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn close_frame(&mut self, bench: &mut Bench) -> io::Result<()> {
        if !bench.raw.is_empty() {
            self.frame(&mut bench.maker, &bench.raw)?;
            bench.raw.clear();
            self.close_full_member();
        }
        Ok(())
    }

    fn frame(&mut self, maker: &mut FrameMaker, raw: &[u8]) -> io::Result<()> {
        let member = &mut self.member;
        if member.data.capacity() == 0 {
            member.data = self.shared.pool.buffer();
        }
        let at = member.data.len();
        maker.append(raw, &mut member.data)?;
        member.sha256.update(&member.data[at..]);
        member.bytes += raw.len() as u64;
        if holds_rows(self.lane) {
            member.rows += memchr_iter(b'\n', raw).count() as u64;
        }
        Ok(())
    }

    fn close_full_member(&mut self) {
        if self.member.data.len() >= MEMBER {
            self.close_member();
        }
    }

    fn close_member(&mut self) {
        let Gathered {
            mut data,
            sha256,
            bytes,
            rows,
        } = std::mem::take(&mut self.member);
        if data.len() < SMALL {
            let exact = data.as_slice().into();
            self.shared.pool.give_back_buffer(data);
            data = exact;
        }
        self.ready.push_back(Packed {
            place: Place::Chunk(self.lane),
            bytes,
            rows: holds_rows(self.lane).then_some(rows),
            sha256: Digest::from(sha256),
            data,
            room: None,
        });
    }

    fn close(&mut self) -> io::Result<()> {
        if let Some(mut bench) = self.bench.take() {
            self.close_frame(&mut bench)?;
            self.shared.pool.give_back(bench);
        }
        if self.member.bytes > 0 {
            self.close_member();
        }
        Ok(())
    }

    fn failed(&self, source: io::Error) -> SeamError {
        SeamError::Io {
            what: format!("{} could not be compressed", self.lane.folder()),
            source,
        }
    }
}

/// Whether its bytes are rows of a table.
fn holds_rows(lane: Lane) -> bool {
    matches!(lane, Lane::Stream(id) if id.kind == StreamKind::CopyText)
}

#[async_trait]
impl StreamWriter for Part {
    fn push(&mut self, bytes: &[u8]) -> Result<bool, SeamError> {
        self.append(bytes).map_err(|error| self.failed(error))?;
        Ok(!self.ready.is_empty())
    }

    async fn drain(&mut self) -> Result<(), SeamError> {
        // A member stays in the queue until there is room for it, so that a drain that is
        // dropped half way loses nothing.
        while let Some(size) = self.ready.front().map(|packed| packed.data.len()) {
            let room = self.shared.tape.room(size).await?;
            if let Some(mut packed) = self.ready.pop_front() {
                packed.room = Some(room);
                self.shared.tape.order(Order::Member(packed))?;
            }
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<(), SeamError> {
        self.close().map_err(|error| self.failed(error))?;
        self.drain().await?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.finished {
            self.shared.unfinished.fetch_sub(1, Ordering::SeqCst);
        }
        if let Some(bench) = self.bench.take() {
            self.shared.pool.give_back(bench);
        }
    }
}
