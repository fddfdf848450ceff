//! A text that grows line by line.

use std::fmt::{Display, Write as _};

/// Lines for the screen, each with its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page(String);

impl Page {
    /// Appends one line.
    pub fn line(&mut self, line: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{line}");
    }

    /// Appends lines that have their ends already.
    pub fn lines(&mut self, lines: &str) {
        self.0.push_str(lines);
    }

    /// All lines.
    #[must_use]
    pub fn text(self) -> String {
        self.0
    }
}
