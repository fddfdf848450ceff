//! The difference between two archives.
