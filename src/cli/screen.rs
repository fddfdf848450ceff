//! The two streams: results on stdout, everything else on stderr.

use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use super::failure::Failure;
use super::options::ColorChoice;
use super::redact::redact;
use crate::report::figures::printable;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Volume {
    /// Results and errors.
    Quiet,
    /// Notes too.
    Normal,
    /// What is found and chosen on the way, too.
    Verbose,
}

/// Where commands print.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// JSON in place of text on stdout.
    pub json: bool,
    /// How much is said.
    pub volume: Volume,
    colour: bool,
}

const RED: &str = "\u{1b}[1;31m";
const YELLOW: &str = "\u{1b}[1;33m";
const CYAN: &str = "\u{1b}[1;36m";
const RESET: &str = "\u{1b}[0m";

impl Screen {
    /// A screen; `colour` is for stderr, results stay plain.
    #[must_use]
    pub fn new(json: bool, volume: Volume, colour: ColorChoice) -> Self {
        let colour = match colour {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                io::stderr().is_terminal() && !asks_for_no_colour(|name| std::env::var_os(name))
            }
        };
        Self {
            json,
            volume,
            colour,
        }
    }

    /// Prints a result.
    ///
    /// # Errors
    /// When stdout cannot be written; a reader that went away (`bookend list | head`) is not
    /// an error.
    pub fn result(&self, text: &str, document: &Value) -> io::Result<()> {
        let written = if self.json {
            let mut line = document.to_string();
            line.push('\n');
            write_out(&line)
        } else {
            write_out(text)
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Asks a question on the terminal; only "y" and "yes" mean yes.
    ///
    /// # Errors
    /// When nobody can be asked.
    pub fn ask(&self, question: &str) -> io::Result<bool> {
        let mut err = io::stderr().lock();
        write!(err, "{question} [y/N] ")?;
        err.flush()?;
        drop(err);
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        let answer = answer.trim().to_ascii_lowercase();
        Ok(matches!(answer.as_str(), "y" | "yes"))
    }

    /// Something worth knowing that is not a result.
    pub fn note(&self, text: &str) {
        if self.volume >= Volume::Normal {
            self.line(CYAN, "note", text);
        }
    }

    /// Something that may need a person's attention.
    pub fn warning(&self, text: &str) {
        if self.volume >= Volume::Normal {
            self.line(YELLOW, "warning", text);
        }
    }

    /// Something found or chosen on the way.
    pub fn detail(&self, text: &str) {
        if self.volume >= Volume::Verbose {
            self.line("", "", text);
        }
    }

    /// A failure: `error:`, `caused by:`, `hint:`.
    pub fn failure(&self, failure: &Failure) {
        for (colour, label, text) in failure_lines(failure) {
            self.line(colour, label, &text);
        }
    }

    fn line(self, colour: &str, label: &str, text: &str) {
        let text = format_line(if self.colour { colour } else { "" }, label, text);
        // Nobody is left to tell when stderr itself is gone.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

/// Whether the environment asks for no colour (<https://no-color.org>) or the terminal has none.
fn asks_for_no_colour(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> bool {
    variable("NO_COLOR").is_some_and(|value| !value.is_empty())
        || variable("TERM").is_some_and(|value| value == "dumb")
}

fn failure_lines(failure: &Failure) -> Vec<(&'static str, &'static str, String)> {
    let mut lines = vec![(RED, "error", failure.message.clone())];
    lines.extend(
        failure
            .causes
            .iter()
            .map(|cause| (YELLOW, "caused by", cause.clone())),
    );
    lines.extend(failure.hint.iter().map(|hint| (CYAN, "hint", hint.clone())));
    lines
}

/// One entry on stderr; lines after the first are indented under it.
fn format_line(colour: &str, label: &str, text: &str) -> String {
    let mut shown = String::new();
    if !label.is_empty() {
        let reset = if colour.is_empty() { "" } else { RESET };
        shown.extend([colour, label, ":", reset, " "]);
    }
    let text = redact(text);
    for (index, line) in text.trim_end().lines().enumerate() {
        if index > 0 {
            shown.push_str("\n  ");
        }
        shown.push_str(&printable(line));
    }
    shown.push('\n');
    shown
}

fn write_out(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// A failure as it stands on the screen without colours.
#[cfg(test)]
pub(super) fn plain(failure: &Failure) -> String {
    failure_lines(failure)
        .into_iter()
        .map(|(_, label, text)| format_line("", label, &text))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::failure::Exit;

    #[test]
    fn a_failure_reads_top_down_and_holds_no_secret() {
        let failure = Failure::new(
            Exit::Connection,
            "unreachable",
            "could not connect to postgres://ada:c4nary@db/shop",
        )
        .because([
            "connection refused\nis the server up?",
            "evil \u{1b}[2J name",
        ])
        .hint("bookend doctor");
        assert_eq!(
            plain(&failure),
            "error: could not connect to postgres://ada:***@db/shop\n\
             caused by: connection refused\n  is the server up?\n\
             caused by: evil \\u{1b}[2J name\n\
             hint: bookend doctor\n"
        );
    }

    #[test]
    fn colours_wrap_the_label_only() {
        assert_eq!(
            format_line(RED, "error", "no"),
            "\u{1b}[1;31merror:\u{1b}[0m no\n"
        );
    }

    #[test]
    fn colours_are_off_where_asked_or_impossible() {
        let with = |name: &'static str, value: &'static str| {
            asks_for_no_colour(move |asked| (asked == name).then(|| value.into()))
        };
        assert!(with("NO_COLOR", "1"));
        assert!(!with("NO_COLOR", ""));
        assert!(with("TERM", "dumb"));
        assert!(!with("TERM", "xterm"));
    }
}
