//! PostgreSQL.

pub mod catalog;
pub mod compare;
pub mod large_objects;
pub mod toc;

/// The engine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Postgres;
