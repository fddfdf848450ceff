//! bookend brackets a database migration with backups that are proven to restore.
//!
//! The layers, and who may import whom, are in `docs/architecture.md`; `tests/layers.rs`
//! holds the code to it.

pub mod archive;
pub mod bracket;
pub mod cli;
pub mod config;
pub mod connection;
pub mod engine;
pub mod fingerprint;
pub mod operation;
pub mod process;
pub mod progress;
pub mod report;
pub mod snapshot;
pub mod store;
