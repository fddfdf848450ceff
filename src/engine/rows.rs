//! Reading the rows that an archive holds, one by one.

use std::ops::ControlFlow;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::EngineError;
use crate::fingerprint::value_hash;
use crate::snapshot::{Inside, Object, Source};

/// One value of a row that is not null, as it is stored.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// Name of its column or field.
    pub name: &'a str,
    /// What the archive holds of it. Equal bytes of one kind are equal values.
    pub raw: &'a [u8],
    /// Its type, where the bytes do not tell it; 0 else.
    pub kind: u8,
}

impl Field<'_> {
    /// A hash of the value with its type.
    #[must_use]
    pub fn hash(&self) -> u128 {
        hash(self.raw) ^ u128::from(self.kind)
    }
}

/// The hash that rows are told apart by.
#[must_use]
pub fn hash(bytes: &[u8]) -> u128 {
    value_hash(bytes).0
}

/// Tells the rows that the server removes by itself.
pub type Expiry = Box<dyn Fn(&[Field<'_>]) -> bool>;

/// Whether a row is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// It is not.
    Skip,
    /// By its object's own key.
    Take,
    /// By this key.
    Keyed(u128),
}

/// Chooses rows, by their values that are not null.
pub type Chosen<'a> = dyn FnMut(&[Field<'_>]) -> Choice + 'a;

/// Is shown rows.
pub trait RowVisitor {
    /// One row or document of an object, its nulls left out. `Break` ends the reading.
    fn row(&mut self, fields: &[Field<'_>]) -> ControlFlow<()>;
}

/// Reads rows out of archives of one engine.
pub trait RowReader: Send + Sync {
    /// Shows every row of `objects`, printed names, in no order. Blocking.
    ///
    /// # Errors
    /// The archive cannot be read, or `cancel` was cancelled.
    fn visit(
        &self,
        source: &dyn Source,
        objects: &[&str],
        cancel: &CancellationToken,
        visitor: &mut dyn RowVisitor,
    ) -> Result<(), EngineError>;

    /// What the rows hold that the members of one object, printed names, have and that are
    /// chosen. Blocking.
    ///
    /// # Errors
    /// As [`visit`](Self::visit).
    fn inside(
        &self,
        source: &dyn Source,
        members: &[&str],
        cancel: &CancellationToken,
        chosen: &mut Chosen<'_>,
    ) -> Result<Inside, EngineError>;

    /// What tells the rows of `object` that the server was to remove by itself until `at`; `None`
    /// where it removes nothing, or by what a row alone does not tell.
    fn expiry(&self, _object: &Object, _at: DateTime<Utc>) -> Option<Expiry> {
        None
    }

    /// A value as people read it; a value that was cut is shown as far as it goes.
    fn shown(&self, kind: u8, raw: &[u8]) -> String;
}
