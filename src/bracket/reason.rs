//! Why something was waived.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why something was waived. Never blank: a waiver without a reason does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reason(String);

/// A reason that says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reason must say something")]
pub struct BlankReason;

impl Reason {
    /// Takes a person's words.
    ///
    /// # Errors
    /// If there are none.
    pub fn new(text: &str) -> Result<Self, BlankReason> {
        let text = text.trim();
        if text.is_empty() {
            return Err(BlankReason);
        }
        Ok(Self(text.to_owned()))
    }

    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Reason {
    type Error = BlankReason;
    fn try_from(text: String) -> Result<Self, BlankReason> {
        Self::new(&text)
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
