//! Copying output line by line to two places.

use std::borrow::Cow;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Mutex;

use super::tail::redact;
use crate::connection::Secret;

/// A line longer than this is passed on in pieces.
const LONGEST_LINE: usize = 64 * 1024;

/// Copies two streams to a screen and a log. Lines of the two never mix, and secrets are
/// blacked out in them.
pub(super) struct Copier<'a, S, L> {
    to: Mutex<Places<'a, S, L>>,
    secrets: &'a [Secret],
}

struct Places<'a, S, L> {
    screen: Option<&'a mut S>,
    log: Result<&'a mut L, std::io::Error>,
}

impl<'a, S: AsyncWrite + Unpin, L: AsyncWrite + Unpin> Copier<'a, S, L> {
    pub(super) fn new(screen: &'a mut S, log: &'a mut L, secrets: &'a [Secret]) -> Self {
        Self {
            to: Mutex::new(Places {
                screen: Some(screen),
                log: Ok(log),
            }),
            secrets,
        }
    }

    /// Until both streams end.
    pub(super) async fn copy(
        &self,
        stdout: Option<impl AsyncRead + Unpin>,
        stderr: Option<impl AsyncRead + Unpin>,
    ) {
        tokio::join!(self.copy_one(stdout), self.copy_one(stderr));
    }

    /// Why the log is not complete, if it is not.
    pub(super) async fn finish(&self) -> Option<std::io::Error> {
        let mut to = self.to.lock().await;
        let failed = match &mut to.log {
            Ok(log) => log.flush().await.err(),
            Err(_) => None,
        };
        // Leave a marker in place of the error that is handed out.
        let before = std::mem::replace(&mut to.log, Err(std::io::ErrorKind::Other.into()));
        before.err().or(failed)
    }

    async fn copy_one(&self, stream: Option<impl AsyncRead + Unpin>) {
        let Some(mut stream) = stream else { return };
        let mut pending = Vec::new();
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count) = stream.read(&mut buffer).await {
            let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
                break;
            };
            pending.extend(bytes);
            let whole = complete(&pending);
            let rest = pending.split_off(whole);
            self.write(&pending).await;
            pending = rest;
        }
        if !pending.is_empty() {
            pending.push(b'\n');
            self.write(&pending).await;
        }
    }

    /// A place that fails is not written to again; the command goes on whatever happens.
    async fn write(&self, lines: &[u8]) {
        if lines.is_empty() {
            return;
        }
        let bytes = redacted(lines, self.secrets);
        let mut to = self.to.lock().await;
        if let Ok(log) = &mut to.log
            && let Err(error) = write_all(log, &bytes).await
        {
            to.log = Err(error);
        }
        if let Some(screen) = &mut to.screen
            && write_all(screen, &bytes).await.is_err()
        {
            to.screen = None;
        }
    }
}

async fn write_all(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    to.write_all(bytes).await?;
    to.flush().await
}

/// The bytes themselves, whatever their encoding, unless there is a secret in them.
fn redacted<'b>(bytes: &'b [u8], secrets: &[Secret]) -> Cow<'b, [u8]> {
    let text = String::from_utf8_lossy(bytes);
    let clean = redact(&text, secrets);
    if clean == text {
        Cow::Borrowed(bytes)
    } else {
        Cow::Owned(clean.into_bytes())
    }
}

/// How many bytes at the front are whole lines. A carriage return ends one too: progress
/// bars write no other.
fn complete(bytes: &[u8]) -> usize {
    match memchr::memrchr2(b'\n', b'\r', bytes) {
        Some(last) => last + 1,
        None if bytes.len() >= LONGEST_LINE => bytes.len(),
        None => 0,
    }
}
