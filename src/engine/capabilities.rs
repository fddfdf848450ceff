//! What an engine can do, and why not where it cannot.

use crate::snapshot::Nouns;

/// A yes, or a no with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capability {
    /// It can.
    Yes,
    /// It cannot, because.
    No(&'static str),
}

/// How a finished copy gets the asked name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publishing {
    /// Built under a random name, renamed at the end.
    Rename,
    /// Built under the asked name, its marker changed at the end.
    InPlace,
}

/// What an engine can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// What its users call the things that are counted.
    pub nouns: Nouns,
    /// How a restored database is published.
    pub publishing: Publishing,
    /// Whether a definition-only backup is possible.
    pub schema_only: Capability,
    /// Whether owners and grants exist to be left out.
    pub owners: Capability,
    /// Whether a backup has to be asked for one point in time, and can be. Where every backup
    /// is one, there is nothing to ask for.
    pub point_in_time: Capability,
    /// Whether a pristine template can be kept, from which copies are cloned.
    pub templates: Capability,
}
