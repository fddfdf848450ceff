//! What every test binary shares: real servers, databases of their own, and a hermetic
//! runner of the `bookend` program.
//!
//! A test that needs a server fails where there is none; it never skips. `make servers`
//! fetches PostgreSQL 16 and 18; PostgreSQL 15 is Debian's (`make test-debian`).

#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::must_use_candidate,
    reason = "each test binary uses its own part of this, and a test may panic"
)]

pub mod bookend;
pub mod certificates;
pub mod database;
pub mod full_store;
pub mod mongo;
pub mod namespace;
pub mod restarts;
pub mod server;
mod watchdog;
pub mod workspace;

pub use bookend::{Bookend, Output, Running};
pub use certificates::Certificates;
pub use database::TestDatabase;
pub use mongo::{Deployment, Mongo};
pub use server::{PASSWORD, Server, ServerOptions, Version};
pub use workspace::workspace;
