//! The list of what a store holds.

use chrono::{DateTime, Utc};

use super::figures::{count, numbered, size};
use super::{Align, Table};
use crate::snapshot::Noun;

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
    /// What they are called.
    pub noun: Noun,
    /// The verdict of its last proof.
    pub proof: Option<String>,
}

/// A table, oldest first.
#[must_use]
pub fn text(lines: &[Line]) -> String {
    // Archives of one engine have its word for a heading; where there are several, each line
    // has its own.
    let same = lines
        .iter()
        .all(|line| Some(line.noun) == lines.first().map(|line| line.noun));
    let content = match lines.first() {
        Some(line) if same => line.noun.many.to_uppercase(),
        _ => "CONTENT".to_owned(),
    };
    let mut table = Table::new(&[
        ("ARCHIVE", Align::Left),
        ("TARGET", Align::Left),
        ("TAKEN (UTC)", Align::Left),
        ("SIZE", Align::Right),
        (&content, Align::Right),
        ("PROOF", Align::Left),
    ]);
    for line in lines {
        table.row([
            line.id.as_str(),
            &line.target,
            &line.created_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            &size(line.bytes_stored),
            &if same {
                count(line.rows)
            } else {
                numbered(line.rows, line.noun)
            },
            line.proof.as_deref().unwrap_or("-"),
        ]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Nouns;

    #[test]
    fn the_list_is_a_table() {
        let line = Line {
            id: "shop-20261120T043512Z".to_owned(),
            target: "shop".to_owned(),
            created_at: DateTime::from_timestamp(1_795_149_312, 0).unwrap(),
            bytes_stored: 179_306_496,
            rows: 4_300_000,
            noun: Nouns::TABLES.row,
            proof: Some("identical".to_owned()),
        };
        let second = Line {
            proof: None,
            rows: 7,
            bytes_stored: 900,
            ..line.clone()
        };
        let documents = Line {
            noun: Nouns::COLLECTIONS.row,
            ..second.clone()
        };
        insta::assert_snapshot!(text(&[second.clone(), documents.clone()]), @r"
        ARCHIVE                TARGET  TAKEN (UTC)           SIZE      CONTENT  PROOF
        shop-20261120T043512Z  shop    2026-11-20 04:35:12  900 B       7 rows  -
        shop-20261120T043512Z  shop    2026-11-20 04:35:12  900 B  7 documents  -
        ");
        assert!(text(&[documents]).contains(" DOCUMENTS  PROOF"));
        insta::assert_snapshot!(text(&[line, second]), @r"
        ARCHIVE                TARGET  TAKEN (UTC)             SIZE       ROWS  PROOF
        shop-20261120T043512Z  shop    2026-11-20 04:35:12  171 MiB  4,300,000  identical
        shop-20261120T043512Z  shop    2026-11-20 04:35:12    900 B          7  -
        ");
    }
}
