//! Getting written bytes onto the disk while others are still being made, so that the sync at
//! the end has little left to wait for.

use std::fs::File;
use std::io;
use std::sync::mpsc::{self, SyncSender};
use std::thread::{self, JoinHandle};

/// Bytes between two syncs.
const EVERY: u64 = 32 << 20;

/// A thread that syncs a file each time enough was written.
pub struct Writeback {
    wake: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
    since: u64,
}

impl Writeback {
    /// Starts the thread for `file`.
    pub fn start(file: &File) -> io::Result<Self> {
        let file = file.try_clone()?;
        let (wake, woken) = mpsc::sync_channel(1);
        let run = move || {
            while woken.recv().is_ok() {
                file.sync_data()?;
            }
            Ok(())
        };
        Ok(Self {
            wake,
            thread: thread::Builder::new()
                .name("writeback".to_owned())
                .spawn(run)?,
            since: 0,
        })
    }

    /// So many more bytes were written.
    pub fn wrote(&mut self, bytes: u64) {
        self.since += bytes;
        if self.since >= EVERY {
            self.since = 0;
            // Full: it is about to look again anyway. Gone: the end says why.
            let _ = self.wake.try_send(());
        }
    }

    /// Ends the thread. An error that it met must be taken from here: the system tells it
    /// only once, and a later sync of the same file would succeed.
    pub fn finish(self) -> io::Result<()> {
        drop(self.wake);
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| Err(io::Error::other("the syncing thread ended early")))
    }
}
