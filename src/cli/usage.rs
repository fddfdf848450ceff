//! What clap refuses, in the form of every other error.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use serde_json::json;

use super::failure::{Exit, Failure};
use super::outcome::Outcome;

/// Whether `--json` stands among the arguments of bookend itself. Needed where the arguments
/// as a whole could not be understood.
pub(super) fn wants_json(arguments: &[OsString]) -> bool {
    arguments
        .iter()
        .skip(1)
        .take_while(|argument| *argument != "--")
        .any(|argument| argument == "--json")
}

/// Help and version are results; all else is exit 2.
pub(super) fn outcome(error: &clap::Error) -> Outcome {
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp => Outcome::new(text.clone(), json!({ "help": text })),
        ErrorKind::DisplayVersion => {
            Outcome::new(text, json!({ "version": env!("CARGO_PKG_VERSION") }))
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let failure =
                Failure::new(Exit::Usage, "usage", "no command was given").hint("bookend --help");
            Outcome::new(text, json!({})).failing(Some(failure)).said()
        }
        _ => failure(error, &text).into(),
    }
}

fn failure(error: &clap::Error, text: &str) -> Failure {
    let paragraph = text.split("\n\n").next().unwrap_or(text);
    let message = paragraph.trim().trim_start_matches("error: ");
    let usage = error.get(ContextKind::Usage).map(|usage| match usage {
        ContextValue::StyledStr(usage) => usage.to_string(),
        other => other.to_string(),
    });
    let failure = Failure::new(Exit::Usage, "usage", message);
    let tip = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("tip: "))
        .find(|tip| !tip.starts_with("to pass "))
        .map(str::to_owned);
    let usage = usage.map(|usage| usage.trim().trim_start_matches("Usage:").trim().to_owned());
    match (tip, usage) {
        (Some(tip), _) => failure.hint(tip),
        (None, Some(usage)) => failure.hint(format!("usage: {usage}")),
        (None, None) => failure.hint("bookend --help"),
    }
}
