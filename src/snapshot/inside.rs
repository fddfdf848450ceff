//! What the rows of one object hold, column by column and inside the values of those that hold
//! others. It is in no archive: whoever needs it reads the rows.

use std::collections::BTreeMap;

use super::{Column, ColumnContent};

/// What some rows of one object hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inside {
    /// How many rows.
    pub rows: u64,
    /// What the columns or fields of these rows hold, by name; `None` where names are too many.
    pub columns: Option<BTreeMap<String, ColumnContent>>,
    /// What is inside the values of columns that hold documents, arrays or JSON, by name.
    pub fields: BTreeMap<String, FieldInside>,
}

/// What is inside one field's values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldInside {
    /// All values inside, at whatever path.
    pub all: ColumnContent,
    /// The values of each path, as `address.zip`; `items.$` are the elements of an array, and
    /// `items.$.price` is what those hold. Sorted by path. `None` where paths are too many to
    /// list: their names are data, too.
    pub paths: Option<Vec<Column>>,
}

/// Which rows two [`Inside`] of one object are of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// All of each side.
    All,
    /// Those that both sides have by their key.
    Common {
        /// By column: rows in which it held a value, and holds none now.
        emptied: BTreeMap<String, u64>,
    },
}
