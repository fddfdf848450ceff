//! A bar with bytes, rows, rate and time left, on a terminal.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::meter::{Face, Reading, Ticking};
use super::plain;
use crate::report::figures::printable;

const MEASURED: &str = "{spinner} [{bar:20}] {wide_msg}";
const OPEN: &str = "{spinner} {wide_msg}";

/// A bar on stderr.
pub(super) fn bar() -> Ticking<Bar> {
    Ticking::new(Bar::default())
}

/// The bar of the phase under way; it disappears with the phase.
#[derive(Default)]
pub(super) struct Bar {
    shown: Mutex<Option<ProgressBar>>,
}

impl Bar {
    fn shown(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The templates are constants that a test parses; were one wrong, the library's own bar
/// would be shown.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

fn begin(reading: &Reading) -> ProgressBar {
    match reading.total {
        Some(total) => ProgressBar::new(total).with_style(style(MEASURED)),
        None => ProgressBar::new_spinner().with_style(style(OPEN)),
    }
}

impl Face for Bar {
    fn interval(&self) -> Duration {
        Duration::from_millis(120)
    }

    fn show(&self, reading: &Reading) {
        let mut shown = self.shown();
        let bar = shown.get_or_insert_with(|| begin(reading));
        // The size that a server tells is an estimate of the bytes that its rows make.
        if let Some(total) = reading.total {
            bar.set_length(total.max(reading.bytes));
        }
        bar.set_position(reading.bytes);
        bar.set_message(printable(&plain::line(reading)).into_owned());
        bar.tick();
    }

    fn end(&self, _reading: &Reading) {
        if let Some(bar) = self.shown().take() {
            bar.finish_and_clear();
        }
    }

    fn note(&self, text: &str) {
        let text = printable(text);
        let print = || {
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        };
        match self.shown().as_ref() {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_understood() {
        assert!(ProgressStyle::with_template(MEASURED).is_ok());
        assert!(ProgressStyle::with_template(OPEN).is_ok());
    }

    #[test]
    fn more_bytes_than_estimated_lengthen_the_bar() {
        let bar = Bar::default();
        let reading = super::super::meter::reading();
        bar.show(&reading);
        bar.show(&Reading {
            bytes: 2000 << 20,
            ..reading
        });
        let shown = bar.shown().clone().unwrap();
        assert_eq!(
            (shown.position(), shown.length()),
            (2000 << 20, Some(2000 << 20))
        );
    }
}
