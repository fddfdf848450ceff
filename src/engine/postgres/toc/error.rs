//! Why a table of contents cannot be read.

/// What is wrong with a table of contents. Offsets are bytes from its start.
#[derive(Debug, thiserror::Error)]
pub enum TocError {
    /// The bytes could not be had: the tool failed, or the file could not be read.
    #[error("the table of contents could not be read to its end")]
    Io(#[source] std::io::Error),
    /// It does not begin with `PGDMP`.
    #[error("this is not pg_dump's custom format: it does not begin with PGDMP")]
    NotPgDump,
    /// A version of the format older than can be read.
    #[error(
        "pg_dump's archive version {major}.{minor} is too old: versions 1.12 to 1.16 can be read"
    )]
    TooOld {
        /// Its major version.
        major: u8,
        /// Its minor version.
        minor: u8,
    },
    /// A version of the format newer than can be read.
    #[error(
        "pg_dump's archive version {major}.{minor} is not known yet: versions 1.12 to 1.16 can be read"
    )]
    TooNew {
        /// Its major version.
        major: u8,
        /// Its minor version.
        minor: u8,
    },
    /// A layout other than the custom one.
    #[error("pg_dump's archive has the {0} layout; only the custom one (-Fc) can be read")]
    OtherFormat(String),
    /// It ends too early.
    #[error("the table of contents is cut at byte {at}, in {place}")]
    Cut {
        /// How many bytes there are.
        at: u64,
        /// The header, or which entry.
        place: String,
    },
    /// A value that is not possible.
    #[error("the table of contents is damaged at byte {at}, in {place}: {problem}")]
    Bad {
        /// Where.
        at: u64,
        /// The header, or which entry.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A text that is not UTF-8, which a database with the encoding `SQL_ASCII` can hold.
    #[error("the {field} of {place} is not valid UTF-8 (byte {at} of the table of contents)")]
    NotUtf8 {
        /// Where.
        at: u64,
        /// Which entry, by kind and name as far as known.
        place: String,
        /// Which of its fields.
        field: &'static str,
    },
}
