//! What can go wrong with a tool. Each variant holds what a hint needs.

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::ExitStatus;

use nix::sys::signal::Signal;

/// What can go wrong with a tool.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// No tool of that name was found.
    #[error("{tool} was not found")]
    Missing {
        /// Its name.
        tool: String,
        /// The major version it should have at least.
        needed: Option<u32>,
        /// The folders that were looked through.
        searched: Vec<PathBuf>,
    },
    /// The tools of that name are all older than the server.
    #[error("{tool} {found} ({path}) is too old: version {needed} or newer is needed", path = path.display())]
    TooOld {
        /// Its name.
        tool: String,
        /// The newest one found.
        path: PathBuf,
        /// Its version as it prints it.
        found: String,
        /// The major version it should have at least.
        needed: u32,
    },
    /// There are tools of that name, and none of the one version that is needed.
    #[error("{tool} {needed} was not found, only {}", found.join(", "))]
    OtherVersions {
        /// Its name.
        tool: String,
        /// The version it must have: `16`, `6`, `4.4`.
        needed: String,
        /// Those that were found, `16.14 (PATH)`.
        found: Vec<String>,
        /// The folders that were looked through.
        searched: Vec<PathBuf>,
    },
    /// What was found does not answer like the tool.
    #[error("{path} is not a working {tool}: {problem}", path = path.display())]
    Unusable {
        /// Its name.
        tool: String,
        /// Where it is.
        path: PathBuf,
        /// What it does instead.
        problem: String,
    },
    /// It could not be started.
    #[error("{tool} could not be started")]
    Spawn {
        /// Its name or, for the migration command, its first word.
        tool: String,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// It ended badly.
    #[error("{tool} {ending}")]
    Failed {
        /// Its name.
        tool: String,
        /// How it ended.
        ending: Ending,
        /// The last it said on standard error.
        #[source]
        words: Option<LastWords>,
    },
    /// It closed its output and did not end.
    #[error("{tool} closed its output but was still running {seconds} s later")]
    StillRunning {
        /// Its name.
        tool: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// It moved no byte for too long.
    #[error("{tool} did nothing for {seconds} s and was ended")]
    Stalled {
        /// Its name.
        tool: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// It ended, but a process that it started keeps its output open, so that nobody can say
    /// whether the output is whole.
    #[error("{tool} ended, but something it started keeps its output open")]
    HeldOpen {
        /// Its name.
        tool: String,
    },
    /// It wrote more than can be meant.
    #[error("{tool} wrote more than {limit} bytes where a short answer was expected")]
    TooMuch {
        /// Its name.
        tool: String,
        /// The limit.
        limit: usize,
    },
    /// Its pipes broke on our side.
    #[error("{what} {tool} failed")]
    Pipe {
        /// Its name.
        tool: String,
        /// `reading from`, `waiting for` …
        what: &'static str,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// It was ended because the work was cancelled.
    #[error("{tool} was interrupted")]
    Cancelled {
        /// Its name.
        tool: String,
    },
}

impl ProcessError {
    /// The reason behind an error of reading a tool's output: the tool's own bad ending if
    /// that is what failed the read, else a broken pipe.
    #[must_use]
    pub fn of_read(tool: &str, error: std::io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(own) => own,
            Err(source) => Self::Pipe {
                tool: tool.to_owned(),
                what: "reading from",
                source,
            },
        }
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this exit code.
    Exited(i32),
    /// By a signal.
    Signalled(i32),
}

impl Ending {
    /// Exit code 0.
    #[must_use]
    pub fn is_success(self) -> bool {
        self == Self::Exited(0)
    }
}

impl From<ExitStatus> for Ending {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(code),
            (None, signal) => Self::Signalled(signal.unwrap_or_default()),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Exited(code) => write!(f, "ended with exit code {code}"),
            Self::Signalled(number) => match Signal::try_from(number) {
                Ok(signal) => write!(f, "was killed by {}", signal.as_str()),
                Err(_) => write!(f, "was killed by signal {number}"),
            },
        }
    }
}

/// The last lines that a tool wrote on standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastWords(String);

/// So many lines fit a screen beside the rest of an error.
const LINES: usize = 12;

impl LastWords {
    /// The last lines of `stderr`, `None` if it is blank.
    #[must_use]
    pub fn of(stderr: &str) -> Option<Self> {
        let lines: Vec<&str> = stderr
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty())
            .collect();
        let last = lines.get(lines.len().saturating_sub(LINES)..)?;
        (!last.is_empty()).then(|| Self(last.join("\n")))
    }

    /// The lines themselves.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LastWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LastWords {}
