//! Single rows that came, went or changed: a few of each, for people to look at. They are the
//! user's data and stand in nothing that is kept.

use serde::Serialize;

/// One value; `None` for null.
pub type Cell = (String, Option<String>);

/// What comparing the rows of one object one by one showed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sampled {
    /// Rows by key that only the second side has; `None` if they were not counted.
    pub rows_added: Option<u64>,
    /// Rows by key that only the first side has.
    pub rows_removed: Option<u64>,
    /// Rows of the same key that are otherwise.
    pub rows_changed: Option<u64>,
    /// Some of them.
    pub samples: Samples,
    /// Why there are no samples, or not all that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_sampled: Option<String>,
}

/// Some rows of each sort.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Samples {
    /// Only on the second side.
    pub added: Vec<SampledRow>,
    /// Only on the first side.
    pub removed: Vec<SampledRow>,
    /// On both sides, and not the same.
    pub changed: Vec<ChangedRow>,
}

/// One row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SampledRow {
    /// The columns of its key.
    #[serde(serialize_with = "object")]
    pub key: Vec<Cell>,
    /// The others.
    #[serde(serialize_with = "object")]
    pub row: Vec<Cell>,
}

/// One row, before and after: only the columns that differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ChangedRow {
    /// The columns of its key.
    #[serde(serialize_with = "object")]
    pub key: Vec<Cell>,
    /// What they held.
    #[serde(serialize_with = "object")]
    pub before: Vec<Cell>,
    /// What they hold.
    #[serde(serialize_with = "object")]
    pub after: Vec<Cell>,
}

fn object<S: serde::Serializer>(cells: &[Cell], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(cells.iter().map(|(name, value)| (name, value)))
}
