//! The one word that a check comes to.

use serde::{Deserialize, Serialize};

/// What was found about an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A restored copy has the same content and schema.
    Identical,
    /// Every digest and every row count is right; nothing was restored.
    Intact,
    /// A restored copy differs.
    Different,
    /// The archive's bytes are not what its manifest says.
    Damaged,
}

impl Verdict {
    /// The word as it is printed.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Identical => "identical",
            Self::Intact => "intact",
            Self::Different => "different",
            Self::Damaged => "damaged",
        }
    }

    /// True for what a person hopes to read.
    #[must_use]
    pub fn is_good(self) -> bool {
        matches!(self, Self::Identical | Self::Intact)
    }
}
