//! Connecting to PostgreSQL by libpq's rules, with bookend's session settings.

mod connect;
mod failure;
mod hosts;
mod key_value;
mod options;
mod params;
mod passfile;
mod pooler;
mod resolve;
mod rewrite;
mod service;
mod session;
mod settings;
mod tls;
mod uri;
mod values;

#[cfg(test)]
mod tests;

pub use hosts::same_host;
pub use params::Params;
pub(super) use resolve::holds_password;
pub use session::{CancelHandle, Notice, Session};
pub use settings::SESSION_SETTINGS;
pub(super) use uri::decode;
pub use values::{SessionAttributes, SslMode};
