//! What a person reads when something fails, and the exit code that scripts read.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::redact::redact;

/// The documented exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done; for `verify` and `diff` the same.
    Done,
    /// 1: failed; the message says what, and what state things are in.
    Failed,
    /// 2: the command line or the configuration is wrong.
    Usage,
    /// 3: content differs or the archive is damaged.
    Different,
    /// 4: refused for safety; the target was not changed.
    Refused,
    /// 5: the migration command failed, timed out, or its check failed.
    Migration,
    /// 6: a tool is missing or too old for the server.
    Tool,
    /// 7: cannot connect, or not allowed.
    Connection,
    /// 129, 130, 143: interrupted by SIGHUP, SIGINT, SIGTERM.
    Signal(Signal),
}

/// The signals that end a command in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The terminal is gone.
    Hangup,
    /// Ctrl-C.
    Interrupt,
    /// Asked to end.
    Terminate,
}

impl Signal {
    /// `SIGINT` …
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hangup => "SIGHUP",
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }

    /// The system's number.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Hangup => 1,
            Self::Interrupt => 2,
            Self::Terminate => 15,
        }
    }
}

impl Exit {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Different => 3,
            Self::Refused => 4,
            Self::Migration => 5,
            Self::Tool => 6,
            Self::Connection => 7,
            Self::Signal(signal) => 128 + signal.number(),
        }
    }
}

/// One failure, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// A stable word for scripts, in kebab-case.
    pub code: &'static str,
    /// What failed, naming the object and the database.
    pub message: String,
    /// Why, outermost first; each cause once.
    pub causes: Vec<String>,
    /// What to do next, as a command where there is one.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without causes and hint.
    #[must_use]
    pub fn new(exit: Exit, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            exit,
            code,
            message: message.into(),
            causes: Vec::new(),
            hint: None,
        }
    }

    /// A mistake on the command line.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// A failure with an error's own message and what caused it.
    #[must_use]
    pub fn of(exit: Exit, code: &'static str, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut failure = Self::new(exit, code, error.to_string());
        failure.causes = causes(error);
        failure
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds causes that are not errors of their own, such as a tool's last words.
    #[must_use]
    pub fn because<I>(mut self, reasons: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        for reason in reasons {
            let reason = reason.into();
            if !reason.trim().is_empty() && !already_said(&self.message, &self.causes, &reason) {
                self.causes.push(reason);
            }
        }
        self
    }

    /// The value of `"error"` in JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "code": self.code,
            "message": redact(&self.message),
            "causes": self.causes.iter().map(|cause| redact(cause)).collect::<Vec<_>>(),
            "hint": self.hint.as_deref().map(redact),
        })
    }
}

/// The chain below an error, leaving out whatever the line above it already says:
/// transparent errors and messages that quote their source.
fn causes(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    let message = error.to_string();
    let mut found = Vec::new();
    let mut queue: VecDeque<&(dyn std::error::Error + 'static)> =
        error.source().into_iter().collect();
    while let Some(next) = queue.pop_front() {
        let text = next.to_string();
        if !text.trim().is_empty() && !already_said(&message, &found, &text) {
            found.push(text);
        }
        queue.extend(next.source());
    }
    found
}

fn already_said(message: &str, causes: &[String], text: &str) -> bool {
    let text = text.trim();
    message.contains(text) || causes.iter().any(|cause| cause.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("could not write the archive")]
    struct Outer(#[source] Middle);

    #[derive(Debug, thiserror::Error)]
    #[error("backups: {0}")]
    struct Middle(#[source] std::io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error(transparent)]
    struct Transparent(Outer);

    fn failing() -> Transparent {
        Transparent(Outer(Middle(std::io::Error::other(
            "No space left on device",
        ))))
    }

    #[test]
    fn each_cause_is_told_once() {
        let failure = Failure::of(Exit::Failed, "store", &failing());
        assert_eq!(failure.message, "could not write the archive");
        assert_eq!(failure.causes, ["backups: No space left on device"]);
    }

    #[test]
    fn reasons_that_were_said_are_not_repeated() {
        let failure = Failure::new(Exit::Failed, "tool", "pg_dump failed: no such role").because([
            "no such role",
            "",
            "exit status 1",
            "exit status 1",
        ]);
        assert_eq!(failure.causes, ["exit status 1"]);
    }

    #[test]
    fn exit_codes_are_the_documented_ones() {
        let codes: Vec<u8> = [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::Different,
            Exit::Refused,
            Exit::Migration,
            Exit::Tool,
            Exit::Connection,
            Exit::Signal(Signal::Hangup),
            Exit::Signal(Signal::Interrupt),
            Exit::Signal(Signal::Terminate),
        ]
        .into_iter()
        .map(Exit::code)
        .collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 129, 130, 143]);
    }
}
