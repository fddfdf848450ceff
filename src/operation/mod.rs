//! Backup, verify, prove, restore, diff: what commands do, whatever the engine.
