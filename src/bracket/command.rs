//! COMMAND and `--check`: what they are given, where their output goes, how they end.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio_util::sync::CancellationToken;

use super::event::{CommandEnd, Note};
use super::hands::{Ended, Notes};
use super::journal::CommandFacts;
use super::words::signal_name;
use crate::connection::Secret;
use crate::process::migration::{self, Migration, Outcome, Stop};
use crate::process::{Ending, ProcessError, sockets, started_at};

/// By this variable libpq names sessions, and so do the drivers that follow it.
const SESSION_NAME: &str = "PGAPPNAME";

/// In all that a command starts, so that its processes are known whatever they do to get away.
pub const MARK: &str = "BOOKEND_SESSION";

/// The value of [`MARK`] for a session's name.
#[must_use]
pub fn session_mark(session: &str) -> String {
    session.replace(' ', "-")
}

/// Somewhere to write a command's output.
pub type Output = Box<dyn AsyncWrite + Send + Unpin>;

/// Where commands' output goes, and how they are asked to end.
#[derive(Clone)]
pub struct Streams {
    /// Gives the screen.
    pub screen: Arc<dyn Fn() -> Output + Send + Sync>,
    /// Opens the run's log for appending.
    pub log: Arc<dyn Fn() -> std::io::Result<Output> + Send + Sync>,
    /// Where the log lies.
    pub log_path: PathBuf,
    /// Cancelled on the first signal.
    pub ask: CancellationToken,
    /// Cancelled on the second.
    pub kill: CancellationToken,
    /// The signal that came, for the record.
    pub signal: Arc<dyn Fn() -> Option<i32> + Send + Sync>,
}

impl Streams {
    /// The same for a command that the first signal does not end.
    #[must_use]
    pub fn insistent(&self) -> Self {
        Self {
            ask: CancellationToken::new(),
            ..self.clone()
        }
    }
}

/// A command that is ready to run.
#[derive(Clone, Debug)]
pub struct Command {
    /// Its words, templates filled in.
    pub words: Vec<String>,
    /// Its words as they may be shown and recorded, passwords blotted out.
    pub shown: Vec<String>,
    /// Its whole environment.
    pub environment: Vec<(String, Secret)>,
    /// Variables that were pointed at the step's database, for the report.
    pub repointed: Vec<String>,
    /// Passwords to blot out of what it prints.
    pub secrets: Vec<Secret>,
    /// How long it may take.
    pub limit: Option<Duration>,
}

impl Command {
    /// What is recorded before it is started.
    #[must_use]
    pub fn facts(&self, streams: &Streams) -> CommandFacts {
        CommandFacts {
            words: self.shown.clone(),
            log: streams.log_path.display().to_string(),
            repointed: self.repointed.clone(),
        }
    }

    /// Runs it to its end, its sessions on a server called `session` where its client library
    /// leaves that to the environment. That it cannot be started is an end of its own: nothing
    /// has run.
    ///
    /// # Errors
    /// If its end could not be seen.
    pub async fn run(
        &self,
        streams: &Streams,
        session: &str,
        notes: &dyn Notes,
    ) -> Result<Ended, ProcessError> {
        let mut log = match (streams.log)() {
            Ok(log) => log,
            Err(error) => return Ok(not_started(format!("the log could not be opened: {error}"))),
        };
        let mut screen = (streams.screen)();
        let stop = Stop {
            ask: streams.ask.clone(),
            kill: streams.kill.clone(),
        };
        let unnoted = Mutex::new(None);
        let running = |pid| {
            let since = started_at(pid);
            let noted = notes.note(Note::Started { pid, since });
            *unnoted.lock().unwrap_or_else(PoisonError::into_inner) = noted.err();
        };
        let prepared = self
            .prepared()
            .env(SESSION_NAME, session)
            .env(MARK, session_mark(session));
        let ran = prepared
            .run_telling(&mut screen, &mut log, &stop, &running)
            .await;
        match ran {
            Ok(ended) => {
                let mark = format!("{MARK}={}", session_mark(session));
                let left = sockets::still_running(&mark);
                let mut told = told(&ended, &left, (streams.signal)());
                // The end, if it can be recorded, tells more than the beginning.
                let unnoted = unnoted.into_inner().unwrap_or_else(PoisonError::into_inner);
                told.notes
                    .extend(unnoted.map(|error| format!("its process was not recorded: {error}")));
                Ok(told)
            }
            Err(error @ (ProcessError::Missing { .. } | ProcessError::Spawn { .. })) => {
                Ok(not_started(chain(&error)))
            }
            Err(error) => Err(error),
        }
    }

    fn prepared(&self) -> Migration {
        let mut migration = Migration::new(&self.words).limit(self.limit);
        for (name, value) in &self.environment {
            migration = migration.secret_env(name, value.clone());
        }
        for secret in &self.secrets {
            migration = migration.redact(secret.clone());
        }
        migration
    }
}

fn told(ended: &migration::Ended, left: &[String], signal: Option<i32>) -> Ended {
    let end = match ended.outcome {
        Outcome::Exited(code) => CommandEnd::Exited(code),
        Outcome::Signalled(number) => CommandEnd::Signalled(number),
        Outcome::TimedOut => CommandEnd::TimedOut,
        Outcome::Interrupted => CommandEnd::Interrupted(signal.unwrap_or(2)),
    };
    let mut notes = Vec::new();
    if let CommandEnd::TimedOut | CommandEnd::Interrupted(_) = end {
        notes.push(match ended.ending {
            Ending::Exited(code) => format!("it then ended with exit code {code}"),
            Ending::Signalled(number) => {
                format!("it then ended by {}", signal_name(number))
            }
        });
    }
    // After a timeout or an interrupt they were ended with it.
    if !left.is_empty() {
        notes.push(format!(
            "processes that it started are still running and may go on writing: {}",
            left.join(", ")
        ));
    } else if ended.left_running && matches!(end, CommandEnd::Exited(_) | CommandEnd::Signalled(_))
    {
        notes.push("processes that it started are still running".to_owned());
    }
    if !ended.own_session {
        notes.push(
            "it shared bookend's terminal: no way to give it a session of its own was found"
                .to_owned(),
        );
    }
    if let Some(error) = &ended.log_failed {
        notes.push(format!("its log is not complete: {error}"));
    }
    Ended { end, notes }
}

fn not_started(why: String) -> Ended {
    Ended {
        end: CommandEnd::NotStarted,
        notes: vec![why],
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
