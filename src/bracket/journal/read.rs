//! Reading a journal back, whatever a crash did to its end.

use super::super::state::State;
use super::super::transition::{Illegal, next};
use super::line::{self, Flaw};
use super::record::Record;

/// What a journal tells.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// The records that are whole.
    pub records: Vec<Record>,
    /// Where they lead.
    pub state: State,
    /// True if a last line was not whole, and is read as never written.
    pub torn: bool,
    /// Bytes of the whole records: where a torn end begins.
    pub whole: usize,
    /// Checksum of the last whole record, to which the next one's is chained.
    pub(super) sum: u64,
}

/// A journal that cannot be trusted: not what a crash leaves.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalDamage {
    /// A line is not what was written, and not a torn end either.
    #[error("line {line} of the journal is damaged")]
    Line {
        /// Counted from 1.
        line: usize,
    },
    /// A line is whole and cannot be understood.
    #[error("line {line} of the journal was written by a newer bookend")]
    Newer {
        /// Counted from 1.
        line: usize,
    },
    /// A line is whole and tells what cannot be.
    #[error("line {line} of the journal contradicts what comes before")]
    Contradiction {
        /// Counted from 1.
        line: usize,
        /// What it tells.
        #[source]
        source: Illegal,
    },
}

/// Reads a journal's bytes.
///
/// # Errors
/// If a line is damaged in a way that no crash explains, or cannot be understood.
pub fn read(bytes: &[u8]) -> Result<History, JournalDamage> {
    let mut history = History {
        records: Vec::new(),
        state: State::New,
        torn: false,
        whole: 0,
        sum: line::SEED,
    };
    let mut rest = bytes;
    while !rest.is_empty() {
        let number = history.records.len() + 1;
        let Some(end) = memchr::memchr(b'\n', rest) else {
            history.torn = true;
            return Ok(history);
        };
        let (text, after) = (&rest[..end], &rest[end + 1..]);
        match line::parse(text, history.sum) {
            Ok((record, own)) => {
                history.state = follow(&history.state, &record, number)?;
                history.records.push(record);
                history.whole += end + 1;
                history.sum = own;
            }
            Err(Flaw::Words) => return Err(JournalDamage::Newer { line: number }),
            // Blocks that a crash of the machine kept from the disk read as zeros.
            Err(Flaw::Shape | Flaw::Sum) if after.is_empty() && text.contains(&0) => {
                history.torn = true;
                return Ok(history);
            }
            Err(Flaw::Shape | Flaw::Sum) => return Err(JournalDamage::Line { line: number }),
        }
        rest = after;
    }
    Ok(history)
}

fn follow(state: &State, record: &Record, line: usize) -> Result<State, JournalDamage> {
    if record.n != (line - 1) as u64 {
        return Err(JournalDamage::Line { line });
    }
    next(state, &record.event).map_err(|source| JournalDamage::Contradiction { line, source })
}
