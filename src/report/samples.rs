//! Single rows that differ, a line each.

use super::figures::{counted, printable};
use crate::snapshot::{Cell, ChangedRow, Nouns, Sampled, SampledRow};

/// A longer value is cut on the screen.
const WIDTH: usize = 60;

/// How many rows differ, and those that were sampled: `- (id=7) name='a'`, `+ …`,
/// `~ (id=8) name: 'a' → 'b'`.
#[must_use]
pub fn lines(sampled: &Sampled, nouns: Nouns) -> Vec<String> {
    let mut lines = Vec::new();
    let counts = [
        (sampled.rows_added, "added"),
        (sampled.rows_removed, "removed"),
        (sampled.rows_changed, "changed"),
    ];
    let told: Vec<String> = counts
        .iter()
        .filter_map(|(rows, what)| {
            let rows = counted((*rows)?, nouns.row.one, nouns.row.many);
            Some(format!("{rows} {what}"))
        })
        .collect();
    if !told.is_empty() {
        lines.push(told.join(", "));
    }
    if let Some(why) = &sampled.not_sampled {
        lines.push(format!("not sampled: {why}"));
    }
    let quoted = nouns != Nouns::COLLECTIONS;
    let samples = &sampled.samples;
    lines.extend(samples.removed.iter().map(|row| whole("-", row, quoted)));
    lines.extend(samples.added.iter().map(|row| whole("+", row, quoted)));
    lines.extend(samples.changed.iter().map(|row| changed(row, quoted)));
    lines
}

fn whole(sign: &str, row: &SampledRow, quoted: bool) -> String {
    let cells = row.row.iter();
    let cells = cells.map(|cell| format!("{}={}", name(&cell.0), value(cell, quoted)));
    let cells: Vec<String> = cells.collect();
    format!("{sign} {} {}", key(&row.key, quoted), cells.join(" "))
        .trim_end()
        .to_owned()
}

fn changed(row: &ChangedRow, quoted: bool) -> String {
    let pairs = row.before.iter().zip(&row.after);
    let cells: Vec<String> = pairs
        .map(|(before, after)| {
            let (a, b) = (value(before, quoted), value(after, quoted));
            format!("{}: {a} → {b}", name(&before.0))
        })
        .collect();
    format!("~ {} {}", key(&row.key, quoted), cells.join(", "))
}

fn key(cells: &[Cell], quoted: bool) -> String {
    let cells: Vec<String> = cells
        .iter()
        .map(|cell| format!("{}={}", name(&cell.0), value(cell, quoted)))
        .collect();
    format!("({})", cells.join(", "))
}

fn name(name: &str) -> String {
    printable(name).into_owned()
}

/// Text in quotes, so that an empty one is told from none; what is plainly a number without.
fn value((_, value): &Cell, quoted: bool) -> String {
    let Some(text) = value else {
        return if quoted { "NULL" } else { "nothing" }.to_owned();
    };
    let cut = match text.char_indices().nth(WIDTH) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.clone(),
    };
    let cut = printable(&cut);
    let number = !text.is_empty()
        && text.len() < 40
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"-.".contains(&byte));
    if !quoted || number {
        cut.into_owned()
    } else {
        format!("'{}'", cut.replace('\'', "''"))
    }
}

#[cfg(test)]
mod tests {
    use super::lines;
    use crate::snapshot::{Cell, ChangedRow, Nouns, Sampled, SampledRow, Samples};

    fn cell(name: &str, value: Option<&str>) -> Cell {
        (name.to_owned(), value.map(str::to_owned))
    }

    #[test]
    fn rows_are_told_in_one_line_each_and_nothing_is_hidden_in_them() {
        let long = "x".repeat(70);
        let sampled = Sampled {
            rows_added: Some(1),
            rows_removed: Some(2),
            rows_changed: None,
            samples: Samples {
                added: vec![SampledRow {
                    key: vec![cell("id", Some("7"))],
                    row: vec![cell("name", Some("")), cell("note", Some(&long))],
                }],
                removed: vec![SampledRow {
                    key: vec![cell("a", Some("x")), cell("b", Some("-2.5"))],
                    row: vec![cell("name", Some("it's\u{1b}[2J"))],
                }],
                changed: vec![ChangedRow {
                    key: vec![cell("id", Some("8"))],
                    before: vec![cell("name", Some("a"))],
                    after: vec![cell("name", None)],
                }],
            },
            not_sampled: None,
        };
        assert_eq!(
            lines(&sampled, Nouns::TABLES),
            [
                "1 row added, 2 rows removed".to_owned(),
                r"- (a='x', b=-2.5) name='it''s\u{1b}[2J'".to_owned(),
                format!("+ (id=7) name='' note='{}…'", "x".repeat(60)),
                "~ (id=8) name: 'a' → NULL".to_owned(),
            ]
        );
    }

    #[test]
    fn why_there_are_no_samples_is_told() {
        let sampled = Sampled {
            rows_added: Some(3),
            not_sampled: Some("no primary key".to_owned()),
            ..Sampled::default()
        };
        assert_eq!(
            lines(&sampled, Nouns::COLLECTIONS),
            ["3 documents added", "not sampled: no primary key"]
        );
    }
}
