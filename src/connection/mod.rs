//! Targets, URLs, secrets, libpq's conventions.

mod secret;
pub use secret::Secret;

/// Which engine a target belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EngineKind {
    /// PostgreSQL.
    Postgresql,
    /// MongoDB.
    Mongodb,
}

/// A database to look after.
#[derive(Clone, Debug)]
pub struct Target {}

/// What can go wrong with a target or a session.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {}
