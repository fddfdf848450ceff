//! A line every few seconds, for logs and pipes.

use std::io::Write;
use std::time::Duration;

use super::meter::{Face, Reading, Ticking};
use crate::report::figures;

/// Lines on stderr.
pub(super) fn plain() -> Ticking<Plain> {
    Ticking::new(Plain)
}

pub(super) struct Plain;

impl Face for Plain {
    fn interval(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn show(&self, reading: &Reading) {
        print(&line(reading));
    }

    /// What was over before its first line was due is told by the result alone.
    fn end(&self, reading: &Reading) {
        if reading.elapsed >= self.interval() {
            print(&last_line(reading));
        }
    }

    fn note(&self, text: &str) {
        print(text);
    }
}

fn print(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", figures::printable(text));
}

/// `backup: 300 MiB of 1.2 GiB · 1,234,567 rows · 100 MiB/s · 9.0 s left · snapshot 3 s old`
pub(super) fn line(reading: &Reading) -> String {
    let mut facts = vec![match reading.total {
        Some(total) => format!(
            "{} of about {}",
            figures::size(reading.bytes),
            figures::size(total)
        ),
        None => figures::size(reading.bytes),
    }];
    if reading.rows > 0 {
        facts.push(figures::numbered(reading.rows, reading.noun));
    }
    facts.push(format!("{}/s", figures::size(reading.rate())));
    facts.extend(
        reading
            .left()
            .map(|left| format!("{} left", figures::duration(left))),
    );
    if !reading.status.is_empty() {
        facts.push(reading.status.clone());
    }
    format!("{}: {}", reading.phase, facts.join(" · "))
}

fn last_line(reading: &Reading) -> String {
    let mut facts = vec![figures::duration(reading.elapsed)];
    if reading.bytes > 0 {
        facts.push(figures::size(reading.bytes));
    }
    if reading.rows > 0 {
        facts.push(figures::numbered(reading.rows, reading.noun));
    }
    format!("{}: ended after {}", reading.phase, facts.join(" · "))
}

#[cfg(test)]
mod tests {
    use super::super::meter::reading;
    use super::*;

    #[test]
    fn lines_say_bytes_rows_rate_time_left_and_status() {
        assert_eq!(
            line(&reading()),
            "backup: 300 MiB of about 1.2 GiB · 1,234,567 rows · 100 MiB/s · 9.0 s left · snapshot 3 s old"
        );
        assert_eq!(
            last_line(&reading()),
            "backup: ended after 3.0 s · 300 MiB · 1,234,567 rows"
        );
        let documents = Reading {
            noun: crate::snapshot::Nouns::COLLECTIONS.row,
            ..reading()
        };
        assert_eq!(
            last_line(&documents),
            "backup: ended after 3.0 s · 300 MiB · 1,234,567 documents"
        );
    }
}
