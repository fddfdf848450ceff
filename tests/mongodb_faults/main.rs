//! MongoDB, end to end, when something is wrong, goes away in the middle, or is not what the
//! tools expect. Whatever happens, the source is not written to, and what looks like an archive
//! is one.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

#[path = "../common/mod.rs"]
mod common;

mod archives;
mod moments;
mod names;
mod scene;
mod servers;
mod store;
mod tools;
mod untouched;
