//! Telling somebody how far things are, without knowing who listens.

/// Receives progress. Implementations must be cheap: engines call [`Progress::advance`] from
/// hot loops (a few times a mebibyte).
pub trait Progress: Send + Sync {
    /// A new phase begins (`before`, `proof: load` …), of `bytes` if that is known.
    fn phase(&self, name: &str, bytes: Option<u64>);

    /// What the rows of [`Progress::advance`] are called from here on: `document`, `documents`.
    fn counts(&self, one: &'static str, many: &'static str) {
        let _ = (one, many);
    }

    /// So many more uncompressed bytes and rows are done.
    fn advance(&self, bytes: u64, rows: u64);

    /// Replaces the short text beside the figures: age of the snapshot, what is waited for.
    fn status(&self, text: &str);

    /// A line that stays on the screen.
    fn note(&self, text: &str);

    /// The phase is over.
    fn finish(&self);
}

/// Nobody listens.
#[derive(Debug, Default, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn phase(&self, _name: &str, _bytes: Option<u64>) {}
    fn advance(&self, _bytes: u64, _rows: u64) {}
    fn status(&self, _text: &str) {}
    fn note(&self, _text: &str) {}
    fn finish(&self) {}
}
