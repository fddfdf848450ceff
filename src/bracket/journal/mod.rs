//! The append-only record of one run.
//!
//! One line a record, JSON, durable before the act that it announces begins and again when
//! its outcome is known. Each line carries a checksum over itself and the line before, so a
//! line that was changed, removed or put in is found. A last line that is not whole is what a
//! crash leaves: it is read as never written.
//!
//! ```text
//! {"sum":"85e2f9c3a1d07b46","n":3,"at":"…","elapsed_ms":4218,"target":0,"event":{…},…}
//! ```

mod line;
mod read;
mod record;
#[cfg(test)]
mod tests;

use std::io;
use std::time::Instant;

use chrono::{DateTime, Utc};

use super::event::Event;
use super::state::State;
use super::transition::{Illegal, next};
use crate::store::DurableLog;

pub use read::{History, JournalDamage, read};
pub use record::{
    ArchiveFacts, CommandFacts, CopyFacts, Detail, Plan, PlannedTarget, ProofFacts, QuietFacts,
    Record, RehearsalFacts, Setback, TemplateFacts,
};

/// The name of a journal in its run's folder.
pub const JOURNAL: &str = "journal.jsonl";

/// A file of lines that only grows.
pub trait AppendFile: Send {
    /// Appends a line, given without its end; durable when it returns.
    ///
    /// # Errors
    /// What kept it from being written.
    fn append(&mut self, line: &str) -> io::Result<()>;
}

impl AppendFile for DurableLog {
    fn append(&mut self, line: &str) -> io::Result<()> {
        DurableLog::append(self, line)
    }
}

/// What keeps an event out of the journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file could not be written.
    #[error("the run's journal could not be written")]
    Write(#[source] io::Error),
    /// A record could not be put into JSON.
    #[error("the run's journal could not be put into words")]
    Words(#[source] serde_json::Error),
    /// Another process left the run in the middle of a step.
    #[error("the run was left in the middle of {0}")]
    Unfinished(&'static str),
    /// The event cannot happen where the run stands.
    #[error(transparent)]
    Illegal(#[from] Illegal),
}

/// A journal being written, with the state that its records lead to.
pub struct Journal {
    file: Box<dyn AppendFile>,
    begun: Instant,
    /// Milliseconds of the run before this process took it over.
    earlier_ms: u64,
    clock: fn() -> DateTime<Utc>,
    sum: u64,
    records: Vec<Record>,
    state: State,
}

impl Journal {
    /// A journal in a file that is still empty.
    #[must_use]
    pub fn new(file: Box<dyn AppendFile>, clock: fn() -> DateTime<Utc>) -> Self {
        Self {
            file,
            begun: Instant::now(),
            earlier_ms: 0,
            clock,
            sum: line::SEED,
            records: Vec::new(),
            state: State::New,
        }
    }

    /// A journal that another process left, in its file cut to [`History::whole`] bytes. Its
    /// time goes on from the last record; the time in between, which only clocks that people
    /// set could tell, is left out.
    #[must_use]
    pub fn reopened(
        file: Box<dyn AppendFile>,
        clock: fn() -> DateTime<Utc>,
        history: History,
    ) -> Self {
        Self {
            file,
            begun: Instant::now(),
            earlier_ms: history.records.last().map_or(0, |last| last.elapsed_ms),
            clock,
            sum: history.sum,
            records: history.records,
            state: history.state,
        }
    }

    /// Where the run stands.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What was recorded so far.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    fn elapsed_ms(&self) -> u64 {
        let own = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.earlier_ms.saturating_add(own)
    }

    /// Records an event: checked against the state machine first, durable when it returns.
    ///
    /// # Errors
    /// If the event cannot happen or the file cannot be written; the state is then as it was.
    pub fn record(
        &mut self,
        target: Option<usize>,
        event: Event,
        detail: Detail,
    ) -> Result<(), JournalError> {
        let reached = next(&self.state, &event)?;
        let record = Record {
            n: self.records.len() as u64,
            at: (self.clock)(),
            elapsed_ms: self.elapsed_ms(),
            target,
            event,
            detail,
        };
        let (text, sum) = line::write(&record, self.sum).map_err(JournalError::Words)?;
        self.file.append(&text).map_err(JournalError::Write)?;
        self.sum = sum;
        self.state = reached;
        self.records.push(record);
        Ok(())
    }
}
