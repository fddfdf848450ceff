//! Finding, spawning and ending the vendors' tools and the migration command. Nothing else
//! in the crate spawns.
//!
//! What holds for every tool: its environment is cleared but for a short list, secrets reach
//! it through that environment only, it has its own process group, its standard error is
//! drained while it runs and the end of it kept for the error, and its output ends without
//! an error only if the tool ended well.

mod command;
mod error;
mod group;
mod identity;
mod lines;
pub mod migration;
mod output;
pub mod private_server;
mod running;
pub mod sockets;
pub mod survivors;
mod tail;
#[cfg(test)]
mod tests;
mod toolbox;
mod version;

pub use command::{Input, Output, ToolCommand};
pub use error::{Ending, LastWords, ProcessError};
pub use group::end_group;
pub use identity::{is_running, started_at};
pub use output::ToolOutput;
pub use running::{Finished, Running};
pub use toolbox::{Tool, ToolBox};
pub use version::Version;
