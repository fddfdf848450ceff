//! Compression contexts and buffers, shared by the parts of one archive: with thousands of
//! small tables a part must cost next to nothing.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::compression::{Compression, FrameMaker};

/// Buffers that a giant row made larger than this are given back to the system.
const KEPT_BUFFER: usize = 4 << 20;
/// More buffers than this are never of use at once.
const KEPT_BUFFERS: usize = 8;

/// What a worker needs while it writes a part.
pub struct Bench {
    /// Makes frames.
    pub maker: FrameMaker,
    /// Bytes that wait until they are a frame.
    pub raw: Vec<u8>,
}

pub struct Pool {
    compression: Compression,
    benches: Mutex<Vec<Bench>>,
    buffers: Mutex<Vec<Vec<u8>>>,
}

impl Pool {
    pub fn new(compression: Compression) -> Self {
        Self {
            compression,
            benches: Mutex::default(),
            buffers: Mutex::default(),
        }
    }

    /// Makes the first context, so that a level that the library refuses is found at once.
    pub fn warm_up(&self) -> io::Result<()> {
        let bench = self.bench()?;
        self.give_back(bench);
        Ok(())
    }

    pub fn bench(&self) -> io::Result<Bench> {
        if let Some(bench) = guard(&self.benches).pop() {
            return Ok(bench);
        }
        Ok(Bench {
            maker: FrameMaker::new(self.compression)?,
            raw: Vec::new(),
        })
    }

    pub fn give_back(&self, mut bench: Bench) {
        bench.raw.clear();
        guard(&self.benches).push(bench);
    }

    /// An empty buffer for a member.
    pub fn buffer(&self) -> Vec<u8> {
        guard(&self.buffers).pop().unwrap_or_default()
    }

    pub fn give_back_buffer(&self, mut buffer: Vec<u8>) {
        let mut buffers = guard(&self.buffers);
        if buffer.capacity() <= KEPT_BUFFER && buffers.len() < KEPT_BUFFERS {
            buffer.clear();
            buffers.push(buffer);
        }
    }
}

/// A thread that panicked while it held one of these left a list of buffers, nothing that
/// could be half changed.
fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
