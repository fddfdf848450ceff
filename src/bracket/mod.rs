//! One migration run: a state machine and a journal.
//!
//! [`next`] says which event leads where, and is the only place that does. The journal
//! is the run's whole memory: its records are the events, so replaying it gives the state, the
//! report and, after a crash, what was left behind. [`Bracket`] does what the state asks for,
//! with a durable record before each act and after it. `docs/bracket.md` has the diagram.

pub mod bundling;
pub mod command;
pub mod drive;
pub mod event;
pub mod hands;
pub mod history;
pub mod journal;
pub mod live;
mod loss;
pub mod memory;
mod outcome;
mod reason;
mod run_id;
pub mod state;
mod step;
pub mod still_naming;
pub mod survey;
pub mod target_proof;
pub mod template;
mod transition;
mod undo;
pub mod words;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod scripted;

pub use drive::{Bracket, Todo, todo};
pub use event::{
    Answer, CommandEnd, Done, Event, Matched, Note, Proven, Rehearsed, Seen, Stop, Terms,
};
pub use journal::{Journal, JournalDamage, JournalError};
pub use outcome::Outcome;
pub use reason::{BlankReason, Reason};
pub use run_id::run_id;
pub use state::{Course, Phase, Stage, State, Then};
pub use step::Step;
pub use transition::{Illegal, next, replay};
pub use undo::ASTRAY;
