//! The MongoDB engine.

pub mod archive_stream;
pub mod compare;
pub mod definitions;
