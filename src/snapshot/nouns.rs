//! What people call the things that a database holds: the words of one engine are wrong for
//! another's users.

use super::ObjectKind;

/// A word for one thing and for several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noun {
    /// `row`
    pub one: &'static str,
    /// `rows`
    pub many: &'static str,
}

/// The words for what holds content, for what that is made of, and for the parts of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nouns {
    /// A table, a collection.
    pub object: Noun,
    /// A row, a document.
    pub row: Noun,
    /// A column, a top-level field.
    pub column: Noun,
    /// What the values of a column may hold by name, a field of a document in a field.
    pub inner: Noun,
}

const fn noun(one: &'static str, many: &'static str) -> Noun {
    Noun { one, many }
}

impl Nouns {
    /// Of relational databases.
    pub const TABLES: Self = Self {
        object: noun("table", "tables"),
        row: noun("row", "rows"),
        column: noun("column", "columns"),
        inner: noun("inner value", "inner values"),
    };

    /// Of databases of documents.
    pub const COLLECTIONS: Self = Self {
        object: noun("collection", "collections"),
        row: noun("document", "documents"),
        column: noun("field", "fields"),
        inner: noun("field", "fields"),
    };
}

impl Nouns {
    /// Of time series, which are stored in buckets of measurements.
    pub const TIME_SERIES: Self = Self {
        row: noun("bucket", "buckets"),
        ..Self::COLLECTIONS
    };
}

impl ObjectKind {
    /// The words that go with an object of this kind.
    #[must_use]
    pub fn nouns(self) -> Nouns {
        match self {
            Self::Collection => Nouns::COLLECTIONS,
            Self::TimeSeries => Nouns::TIME_SERIES,
            Self::Table
            | Self::PartitionedTable
            | Self::ForeignTable
            | Self::View
            | Self::MaterializedView
            | Self::Sequence
            | Self::Function
            | Self::Type
            | Self::Schema
            | Self::Other => Nouns::TABLES,
        }
    }
}
