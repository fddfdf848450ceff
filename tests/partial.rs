//! Restores that are asked to be other than the archive: with other roles, or only a part of it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

#[path = "partial/roles.rs"]
mod roles;

#[path = "partial/collections.rs"]
mod collections;
#[path = "partial/tables.rs"]
mod tables;
