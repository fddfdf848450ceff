//! `bookend.toml`.
