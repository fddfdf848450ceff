//! What a person types and reads. Each command has one file: its arguments and one function
//! that turns them into an [`Outcome`].

mod abort;
mod backup;
mod bundle;
mod copies;
mod diff;
mod doctor;
mod duration;
mod error;
mod failure;
mod fold;
mod invocation;
mod list;
mod options;
mod outcome;
mod program;
mod progress;
mod redact;
mod rehearse;
mod report;
mod restore;
mod resume;
mod rollback;
mod run;
mod run_words;
mod screen;
mod show;
mod sidecars;
mod signals;
mod stage;
mod status;
mod usage;
mod verify;
mod words;

#[cfg(test)]
mod tests;

pub use error::failure_of;
pub use failure::{Exit, Failure, Signal};
pub use invocation::Invocation;
pub use options::{ColorChoice, GlobalOptions, ProgressChoice};
pub use outcome::Outcome;
pub use program::main;
pub use screen::{Screen, Volume};
