//! The archive format: one tar, append-only, manifest last; see docs/format.md.
