//! Targets, URLs, secrets, libpq's conventions.
//!
//! A [`Target`] is parsed once, out of a URL, a `key=value` string or a variable, with an
//! [`Environment`] that is handed in. It then answers for everything that needs to reach the
//! database: sessions of our own ([`postgres::Params::connect`]), the vendors' tools
//! ([`Target::tool_environment`]) and the migration command ([`Target::command_environment`]).

mod command;
mod environment;
mod error;
pub mod mongodb;
mod nearest;
pub mod postgres;
mod secret;
mod target;
mod template;

pub use command::CommandEnvironment;
pub use environment::Environment;
pub use error::ConnectionError;
pub use nearest::nearest;
pub use secret::{Secret, redact};
pub use target::{EngineKind, Target, holds_password};
pub use template::{Expansion, expand};
