//! Columns of text, aligned.

use super::figures::printable;

/// Which side a column's cells lean to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows of cells with a heading, padded to equal width; the last left-aligned column is not
/// padded, so no line ends in spaces.
#[derive(Clone, Debug)]
pub struct Table {
    heading: Vec<String>,
    align: Vec<Align>,
    rows: Vec<Vec<String>>,
    indent: usize,
}

impl Table {
    /// A table with these columns.
    #[must_use]
    pub fn new(columns: &[(&str, Align)]) -> Self {
        Self {
            heading: columns.iter().map(|(name, _)| (*name).to_owned()).collect(),
            align: columns.iter().map(|(_, align)| *align).collect(),
            rows: Vec::new(),
            indent: 0,
        }
    }

    /// Puts so many spaces before each line.
    #[must_use]
    pub fn indented(mut self, spaces: usize) -> Self {
        self.indent = spaces;
        self
    }

    /// Appends a row; cells are made printable.
    pub fn row<I, S>(&mut self, cells: I)
    where
        I: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        self.rows.push(
            cells
                .into_iter()
                .map(|cell| printable(cell.as_ref()).into_owned())
                .collect(),
        );
    }

    /// True without rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The text, each line with its end. Without a heading if every column's name is empty.
    #[must_use]
    pub fn render(&self) -> String {
        let widths = self.widths();
        let mut text = String::new();
        if self.heading.iter().any(|name| !name.is_empty()) {
            self.line(&mut text, &self.heading, &widths);
        }
        for row in &self.rows {
            self.line(&mut text, row, &widths);
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.heading.iter().map(|name| width(name)).collect();
        for row in &self.rows {
            for (index, cell) in row.iter().enumerate() {
                if let Some(known) = widths.get_mut(index) {
                    *known = (*known).max(width(cell));
                }
            }
        }
        widths
    }

    fn line(&self, text: &mut String, cells: &[String], widths: &[usize]) {
        let mut line = " ".repeat(self.indent);
        for ((cell, room), align) in cells.iter().zip(widths).zip(&self.align) {
            let padding = " ".repeat(room.saturating_sub(width(cell)));
            match align {
                Align::Left => line.extend([cell.as_str(), &padding, "  "]),
                Align::Right => line.extend([padding.as_str(), cell, "  "]),
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_no_line_ends_in_spaces() {
        let mut table = Table::new(&[
            ("table", Align::Left),
            ("rows", Align::Right),
            ("", Align::Left),
        ])
        .indented(2);
        table.row(["public.orders", "1,200", ""]);
        table.row(["public.\"a\nb\"", "7", "view"]);
        assert_eq!(
            table.render(),
            "  table           rows\n  public.orders  1,200\n  public.\"a\\nb\"      7  view\n"
        );
    }
}
