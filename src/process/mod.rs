//! Finding, spawning and ending the vendors' tools. Nothing else in the crate spawns.

/// Where tools are looked for.
#[derive(Clone, Debug)]
pub struct ToolBox {}

/// What can go wrong with a tool.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {}
