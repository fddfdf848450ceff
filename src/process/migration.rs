//! The migration command.
