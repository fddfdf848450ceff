//! Whether an archive is one point in time, in words that are the same everywhere.

/// One word, for a line of facts.
#[must_use]
pub fn word(consistent: Option<bool>) -> &'static str {
    match consistent {
        Some(true) => "consistent",
        Some(false) => "fuzzy",
        None => "consistency not known",
    }
}

/// What the word means.
#[must_use]
pub fn sentence(consistent: Option<bool>) -> &'static str {
    match consistent {
        Some(true) => "yes, one point in time",
        Some(false) => "no, fuzzy: others wrote meanwhile",
        None => "not known",
    }
}
