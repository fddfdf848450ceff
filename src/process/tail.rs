//! Keeping the end of what a tool says on standard error, whatever the length of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::connection::Secret;

/// The last bytes of a stream; memory is bounded by `limit`.
#[derive(Debug)]
struct Bytes {
    limit: usize,
    kept: VecDeque<u8>,
    dropped: u64,
}

/// Shared by the task that drains standard error and whoever reports it.
#[derive(Clone, Debug)]
pub(super) struct Tail(Arc<Mutex<Bytes>>);

impl Tail {
    pub(super) fn new(limit: usize) -> Self {
        Self(Arc::new(Mutex::new(Bytes {
            limit,
            kept: VecDeque::new(),
            dropped: 0,
        })))
    }

    fn with<T>(&self, f: impl FnOnce(&mut Bytes) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn push(&self, bytes: &[u8]) {
        self.with(|tail| {
            tail.kept.extend(bytes);
            let excess = tail.kept.len().saturating_sub(tail.limit);
            tail.kept.drain(..excess);
            tail.dropped = tail.dropped.saturating_add(excess as u64);
        });
    }

    /// The text with `secrets` blacked out, and how many bytes before it were dropped.
    pub(super) fn text(&self, secrets: &[Secret]) -> (String, u64) {
        let (bytes, dropped) = self.with(|tail| {
            let (front, back) = tail.kept.as_slices();
            ([front, back].concat(), tail.dropped)
        });
        (redact(&String::from_utf8_lossy(&bytes), secrets), dropped)
    }

    /// Reads until the end of `stream`; an error ends it too, since there is nothing to do
    /// about it and the exit status says what matters.
    pub(super) async fn drain(self, mut stream: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; 8 * 1024];
        while let Ok(count) = stream.read(&mut buffer).await {
            match buffer.get(..count) {
                Some(bytes) if count > 0 => self.push(bytes),
                _ => break,
            }
        }
    }
}

/// A secret shorter than this would black out parts of ordinary words.
const SHORTEST: usize = 4;

/// `text` with each of `secrets` replaced by `***`.
pub(super) fn redact(text: &str, secrets: &[Secret]) -> String {
    let mut text = text.to_owned();
    for secret in secrets {
        let value = secret.expose();
        if value.len() >= SHORTEST && text.contains(value) {
            text = text.replace(value, "***");
        }
    }
    text
}
