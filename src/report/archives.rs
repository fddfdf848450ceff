//! The list of what a store holds.

use chrono::{DateTime, Utc};

use super::figures::{count, size};
use super::{Align, Table};

/// One archive in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its name.
    pub id: String,
    /// Label of its target.
    pub target: String,
    /// When it was taken.
    pub created_at: DateTime<Utc>,
    /// Bytes of its file.
    pub bytes_stored: u64,
    /// Rows in it.
    pub rows: u64,
    /// The verdict of its last proof.
    pub proof: Option<String>,
}

/// A table, oldest first.
#[must_use]
pub fn text(lines: &[Line]) -> String {
    let mut table = Table::new(&[
        ("ARCHIVE", Align::Left),
        ("TARGET", Align::Left),
        ("TAKEN (UTC)", Align::Left),
        ("SIZE", Align::Right),
        ("ROWS", Align::Right),
        ("PROOF", Align::Left),
    ]);
    for line in lines {
        table.row([
            line.id.as_str(),
            &line.target,
            &line.created_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            &size(line.bytes_stored),
            &count(line.rows),
            line.proof.as_deref().unwrap_or("-"),
        ]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_a_table() {
        let line = Line {
            id: "shop-20261120T043512Z".to_owned(),
            target: "shop".to_owned(),
            created_at: DateTime::from_timestamp(1_795_149_312, 0).unwrap(),
            bytes_stored: 179_306_496,
            rows: 4_300_000,
            proof: Some("identical".to_owned()),
        };
        let second = Line {
            proof: None,
            rows: 7,
            bytes_stored: 900,
            ..line.clone()
        };
        insta::assert_snapshot!(text(&[line, second]), @r"
        ARCHIVE                TARGET  TAKEN (UTC)             SIZE       ROWS  PROOF
        shop-20261120T043512Z  shop    2026-11-20 04:35:12  171 MiB  4,300,000  identical
        shop-20261120T043512Z  shop    2026-11-20 04:35:12    900 B          7  -
        ");
    }
}
