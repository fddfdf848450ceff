//! Which columns of two sides are one, and which make a row's key.

use std::collections::{BTreeMap, BTreeSet};

use crate::snapshot::diff::{ColumnChange, ColumnChangeKind};

/// One side's columns, as far as both sides have them.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Names {
    /// Its own names of the key's columns; none if there is no key.
    pub key: Vec<String>,
    /// What columns are called on the second side, where that is another name.
    renamed: BTreeMap<String, String>,
    /// Columns that only this side has.
    alone: BTreeSet<String>,
}

impl Names {
    /// The first side's.
    pub(in super::super) fn before(columns: &[ColumnChange], key: Vec<String>) -> Self {
        use ColumnChangeKind as Kind;
        let renamed = columns.iter().filter(|c| c.change == Kind::Renamed);
        let alone = columns
            .iter()
            .filter(|c| matches!(c.change, Kind::Removed | Kind::Moved));
        Self {
            key,
            renamed: renamed
                .filter_map(|c| Some((c.from.clone()?, c.name.clone())))
                .collect(),
            alone: alone.map(|c| c.name.clone()).collect(),
        }
    }

    /// The second side's.
    pub(in super::super) fn after(columns: &[ColumnChange], key: Vec<String>) -> Self {
        let alone = columns
            .iter()
            .filter(|c| c.change == ColumnChangeKind::Added);
        Self {
            key,
            renamed: BTreeMap::new(),
            alone: alone.map(|c| c.name.clone()).collect(),
        }
    }

    /// The name that both sides know a column by; `None` if only this one has it.
    pub(in super::super) fn common<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        if self.alone.contains(name) {
            return None;
        }
        Some(self.renamed.get(name).map_or(name, String::as_str))
    }

    /// The key's columns as both sides know them.
    pub(in super::super) fn common_key(&self) -> Vec<&str> {
        self.key
            .iter()
            .filter_map(|name| self.common(name))
            .collect()
    }
}
