//! PostgreSQL.

pub mod toc;

/// The engine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Postgres;
