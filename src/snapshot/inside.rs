//! What is inside the values of fields that hold documents and arrays, by path. It is in no
//! archive: whoever needs it reads the documents.

use std::collections::BTreeMap;

use super::{Column, ColumnContent};

/// The insides of one object's columns or fields, by their names.
pub type Inside = BTreeMap<String, FieldInside>;

/// What is inside one field's values, over all rows or documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldInside {
    /// All values inside, at whatever path.
    pub all: ColumnContent,
    /// The values of each path, as `address.zip`; `items.$` are the elements of an array, and
    /// `items.$.price` is what those hold. Sorted by path. `None` where paths are too many to
    /// list: their names are data, too.
    pub paths: Option<Vec<Column>>,
}
