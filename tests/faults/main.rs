//! Faults, end to end: the `bookend` program against real servers when something is wrong,
//! goes away in the middle, or ends it. Whatever happens, the source stays as it was and no
//! file that looks like a complete archive is incomplete.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

#[path = "../common/mod.rs"]
mod common;

mod archives;
mod connections;
mod crashes;
mod hostile;
mod locks;
mod restores;
mod scene;
mod secrets;
mod servers;
mod signals;
mod store;
mod tables;
mod tools;
