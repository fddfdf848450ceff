//! How progress is shown: one meter counts, one of three faces shows it a few times a second.

mod bar;
mod json;
mod meter;
mod plain;

use std::io::IsTerminal;
use std::sync::Arc;

use super::options::ProgressChoice;
use super::screen::Volume;
use crate::progress::{Progress, Silent};

/// The face that the options ask for.
#[must_use]
pub fn choose(choice: ProgressChoice, volume: Volume) -> Arc<dyn Progress> {
    let terminal = std::io::stderr().is_terminal()
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    match resolve(choice, volume, terminal) {
        ProgressChoice::Bar => Arc::new(bar::bar()),
        ProgressChoice::Plain => Arc::new(plain::plain()),
        ProgressChoice::Json => Arc::new(json::json()),
        ProgressChoice::Off | ProgressChoice::Auto => Arc::new(Silent),
    }
}

fn resolve(choice: ProgressChoice, volume: Volume, terminal: bool) -> ProgressChoice {
    match (choice, volume) {
        (ProgressChoice::Auto, Volume::Quiet) => ProgressChoice::Off,
        (ProgressChoice::Auto, _) if terminal => ProgressChoice::Bar,
        (ProgressChoice::Auto, _) => ProgressChoice::Plain,
        (asked, _) => asked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_on_a_terminal_lines_elsewhere_nothing_when_quiet() {
        use ProgressChoice::{Auto, Bar, Json, Off, Plain};
        assert_eq!(resolve(Auto, Volume::Normal, true), Bar);
        assert_eq!(resolve(Auto, Volume::Normal, false), Plain);
        assert_eq!(resolve(Auto, Volume::Quiet, true), Off);
        assert_eq!(resolve(Json, Volume::Quiet, true), Json);
    }
}
