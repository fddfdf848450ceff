//! What an object holds, a partitioned table through its leaves.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{ColumnContent, Content, Fingerprint, KeyFacts, Object, Snapshot};

/// Rows and fingerprints of an object, or of a family of leaves taken together.
#[derive(Clone, Debug, Default)]
pub(super) struct Holding {
    /// Rows.
    pub rows: u64,
    /// Sum of the row hashes; `None` where members have their columns in different orders.
    pub fingerprint: Option<Fingerprint>,
    /// The key, where all members have the same.
    pub key: Option<KeyFacts>,
    /// Values of a collection's fields that are not listed: a field that is not there may
    /// be one of those.
    pub unlisted: u64,
    /// Columns that were read.
    pub columns: BTreeMap<String, ColumnContent>,
    /// Their order: the position of each.
    order: BTreeMap<String, usize>,
}

impl Holding {
    /// `None` if the object's content was not read.
    pub(super) fn of(object: &Object) -> Option<Self> {
        let content = object.content.as_ref()?;
        let read = object
            .columns
            .iter()
            .filter_map(|column| Some((column, column.content?)));
        Some(Self {
            rows: content.rows,
            fingerprint: Some(content.fingerprint),
            key: content.key.clone(),
            unlisted: content.unlisted,
            columns: read
                .clone()
                .map(|(c, content)| (c.name.clone(), content))
                .collect(),
            order: read
                .enumerate()
                .map(|(position, (column, _))| (column.name.clone(), position))
                .collect(),
        })
    }

    /// Position of a column among those that were read.
    pub(super) fn position(&self, column: &str) -> Option<usize> {
        self.order.get(column).copied()
    }

    /// How many columns were read.
    pub(super) fn width(&self) -> usize {
        self.order.len()
    }

    /// True if all rows are known to be the same, text for text.
    pub(super) fn same_rows(&self, other: &Self) -> bool {
        self.rows > 0
            && self.rows == other.rows
            && self.width() == other.width()
            && self.fingerprint.is_some()
            && self.fingerprint == other.fingerprint
    }

    /// True if both have a key and the same set of rows by it.
    pub(super) fn same_keys(&self, other: &Self) -> bool {
        match (&self.key, &other.key) {
            (Some(a), Some(b)) => a.fingerprint == b.fingerprint && self.rows == other.rows,
            _ => false,
        }
    }

    /// True if `column` is part of the key.
    pub(super) fn is_key(&self, column: &str) -> bool {
        let key = self.key.as_ref();
        key.is_some_and(|key| key.columns.iter().any(|name| name == column))
    }

    fn join(mut self, other: Self) -> Self {
        let fingerprints = self.fingerprint.zip(other.fingerprint);
        self.fingerprint = fingerprints
            .filter(|_| self.order == other.order)
            .map(|(a, b)| a + b);
        self.key = match (self.key.take(), other.key) {
            (Some(a), Some(b)) if a.columns == b.columns => Some(KeyFacts {
                columns: a.columns,
                fingerprint: a.fingerprint + b.fingerprint,
            }),
            _ => None,
        };
        self.rows += other.rows;
        self.unlisted += other.unlisted;
        for (name, content) in other.columns {
            let sum = self.columns.get(&name).map(|own| together(*own, content));
            self.columns.insert(name, sum.unwrap_or(content));
        }
        self
    }
}

fn together(a: ColumnContent, b: ColumnContent) -> ColumnContent {
    ColumnContent {
        non_null: a.non_null + b.non_null,
        fingerprint: a.fingerprint + b.fingerprint,
        keyed: a.keyed.zip(b.keyed).map(|(a, b)| a + b),
        varied: a.varied || b.varied || a.fingerprint != b.fingerprint,
    }
}

/// Leaves of each root, by the root's printed name.
pub(super) struct Families<'a> {
    leaves: BTreeMap<&'a str, Vec<&'a Object>>,
}

impl<'a> Families<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let mut leaves: BTreeMap<&str, Vec<&Object>> = BTreeMap::new();
        for object in &snapshot.objects {
            if let Some(root) = &object.root {
                leaves.entry(root).or_default().push(object);
            }
        }
        Self { leaves }
    }

    /// The leaves of a root.
    pub(super) fn leaves(&self, root: &str) -> &[&'a Object] {
        self.leaves.get(root).map_or(&[], Vec::as_slice)
    }

    /// A leaf of a root, by its name.
    pub(super) fn leaf(&self, root: &str, name: &str) -> Option<&'a Object> {
        let mut leaves = self.leaves(root).iter();
        leaves.find(|leaf| leaf.name == name).copied()
    }

    /// An object with what it holds as its own: that of its leaves, where the rows are there.
    pub(super) fn as_one(&self, object: &Object) -> Option<Object> {
        if object.content.is_some() {
            return Some(object.clone());
        }
        let held = self.holding(object, &BTreeSet::new())?;
        let mut one = object.clone();
        for column in &mut one.columns {
            column.content = held.columns.get(&column.name).copied();
        }
        one.content = Some(Content {
            rows: held.rows,
            fingerprint: held.fingerprint.unwrap_or_default(),
            key: held.key,
            unlisted: held.unlisted,
        });
        Some(one)
    }

    /// What `object` holds, itself or through its leaves without those in `elsewhere`.
    pub(super) fn holding(&self, object: &Object, elsewhere: &BTreeSet<&str>) -> Option<Holding> {
        if let Some(own) = Holding::of(object) {
            return Some(own);
        }
        let leaves = self.leaves.get(&*object.name)?;
        leaves
            .iter()
            .filter(|leaf| !elsewhere.contains(&*leaf.name))
            .filter_map(|leaf| Holding::of(leaf))
            .reduce(Holding::join)
    }
}
