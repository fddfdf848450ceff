//! The databases that bookend made.

use chrono::{DateTime, Utc};

use super::figures::size;
use super::{Align, Table};

/// One database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub kind: String,
    /// When it was made.
    pub made: DateTime<Utc>,
    /// Bytes, if it is there.
    pub bytes: Option<u64>,
    /// What else there is to say.
    pub remark: String,
}

/// A table.
#[must_use]
pub fn text(lines: &[Line]) -> String {
    let mut table = Table::new(&[
        ("DATABASE", Align::Left),
        ("KIND", Align::Left),
        ("MADE (UTC)", Align::Left),
        ("SIZE", Align::Right),
        ("", Align::Left),
    ]);
    for line in lines {
        table.row([
            line.name.as_str(),
            &line.kind,
            &line.made.format("%Y-%m-%d %H:%M:%S").to_string(),
            &line.bytes.map_or_else(|| "-".to_owned(), size),
            &line.remark,
        ]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_says_what_each_is_for() {
        let line = Line {
            name: "bookend_7f3a".to_owned(),
            kind: "disposable".to_owned(),
            made: DateTime::from_timestamp(1_795_149_312, 0).unwrap(),
            bytes: Some(1 << 20),
            remark: "made by 20261120T043512Z-verify".to_owned(),
        };
        let never = Line {
            bytes: None,
            remark: "announced, perhaps never made".to_owned(),
            ..line.clone()
        };
        insta::assert_snapshot!(text(&[line, never]), @r"
        DATABASE      KIND        MADE (UTC)              SIZE
        bookend_7f3a  disposable  2026-11-20 04:35:12  1.0 MiB  made by 20261120T043512Z-verify
        bookend_7f3a  disposable  2026-11-20 04:35:12        -  announced, perhaps never made
        ");
    }
}
