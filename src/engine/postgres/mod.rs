//! PostgreSQL.

pub mod catalog;
pub mod compare;

/// The engine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Postgres;
